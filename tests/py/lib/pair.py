"""diskstore and redis-server side by side: the same commands, the same bytes.

    from lib.pair import pair  # the fixture

    def test_it(pair):
        assert pair.same("SET", "k", "v") == Simple("OK")

`same` sends a command to both and fails unless both replies are the same,
byte by byte. The fixture runs each test several times: with RESP2 and RESP3,
and with the keys in memory (warm), on disk only (cold: before each command
everything is flushed and the keys are evicted), and in a server that keeps
nothing in memory (nothing). Its servers live as long as the module's tests;
each test starts with empty databases.
"""

import pytest

from lib import resp
from lib.server import RedisServer, Server

MODES = ["warm-2", "warm-3", "cold-2", "cold-3", "nothing-2"]

# Every key that a test uses in cold mode must be among these or be told by
# Pair.uses().
KEYS = [b"k", b"k2", b"k3", b"", b"\x00\r\n\xff"]


class Pair:
    """A connection to each of the two servers."""

    def __init__(self, ours, theirs, storage="warm", protocol=2):
        self.server = ours
        self.redis = theirs
        self.storage = storage
        self.protocol = protocol
        self.ours = ours.raw(protocol=protocol)
        self.theirs = theirs.raw(protocol=protocol)
        self._keys = list(KEYS)

    def uses(self, *keys):
        """More keys to be put on disk in cold mode."""
        self._keys += keys

    def _cool(self):
        if self.storage == "cold":
            self.to_disk()

    def to_disk(self):
        """Leaves the keys on disk only, whatever the mode."""
        assert self.ours.call("CACHE", "FLUSH") == resp.Simple("OK")
        evicted = self.ours.call("CACHE", "EVICT", *self._keys)
        assert isinstance(evicted, int)

    def same(self, *arguments):
        """The reply of both, which must be the same."""
        self._cool()
        self.theirs.send(*arguments)
        self.ours.send(*arguments)
        ours, our_bytes = self.ours.recv_both()
        theirs, their_bytes = self.theirs.recv_both()
        if our_bytes != their_bytes:
            shown = [one if len(one) < 200 else b"%s... (%d bytes)"
                     % (one[:200], len(one))
                     for one in map(resp.to_bytes, arguments)]
            pytest.fail("%r\n     ours %.300r\n    Redis %.300r"
                        % (shown, our_bytes, their_bytes))
        del theirs
        return ours

    def all_same(self, *commands):
        """Commands as one text each, split at spaces."""
        return [self.same(*command.split(" ")) for command in commands]

    def near(self, *arguments, within=5000):
        """Two integers that may differ: what is left to live is told by two
        clocks. What is below zero must be the same."""
        self._cool()
        ours, theirs = self.ours.call(*arguments), self.theirs.call(*arguments)
        assert isinstance(ours, int) and isinstance(theirs, int)
        assert (ours < 0) == (theirs < 0), (arguments, ours, theirs)
        assert abs(ours - theirs) <= (within if ours >= 0 else 0), \
            (arguments, ours, theirs)
        return ours

    @property
    def null(self):
        return resp.NULL if self.protocol == 3 else resp.NULL_BULK

    def begin(self):
        """For the next test: nothing in any database."""
        self._keys = list(KEYS)
        self.same("FLUSHALL")
        self.same("SELECT", "0")


@pytest.fixture(scope="module", params=MODES)
def pair_of_module(request):
    storage, protocol = request.param.split("-")
    options = {"cache_max_memory": 0} if storage == "nothing" else {}
    with Server(**options) as ours, RedisServer() as theirs:
        yield Pair(ours, theirs, storage, int(protocol))


@pytest.fixture
def pair(pair_of_module):
    pair_of_module.begin()
    return pair_of_module


@pytest.fixture
def warm_pair(start_server, start_redis):
    """A pair with servers of its own, which the test may restart or give
    options: warm_pair(proto_max_bulk_len="1mb")."""
    def start(ours=None, **options):
        return Pair(start_server(**dict(options, **(ours or {}))),
                    start_redis(**options))
    return start
