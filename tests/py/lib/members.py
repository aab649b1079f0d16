"""What tests of sets and sorted sets share: replies whose order says nothing,
large collections, and events, compared with redis-server (lib/pair.py)."""

from lib import resp
from lib.messages import drain
from lib.resp import Simple

OK = Simple("OK")
OOM = resp.Error("OOM command not allowed when used memory > 'maxmemory'.")


def both(pair, *arguments):
    """(value, bytes) of both."""
    pair.theirs.send(*arguments)
    pair.ours.send(*arguments)
    return pair.ours.recv_both(), pair.theirs.recv_both()


def same_members(pair, *arguments):
    """The same kind of reply with the same members, each as often. Returns
    them, sorted."""
    if pair.storage == "cold":
        pair.to_disk()
    (ours, our_bytes), (theirs, their_bytes) = both(pair, *arguments)
    assert type(ours) is type(theirs), arguments
    if isinstance(ours, resp.Error):
        assert ours == theirs, arguments
        return ours
    assert our_bytes.split(b"\r\n")[0] == their_bytes.split(b"\r\n")[0], \
        arguments
    assert sorted(ours) == sorted(theirs), arguments
    return sorted(ours)


def add_many(pair, name, key, words, at_once=1000):
    """ZADD or SADD of many, in both."""
    for first in range(0, len(words), at_once):
        pair.same(name, key, *words[first:first + at_once])


def to_disk(client, *keys):
    assert client.call("CACHE", "FLUSH") == OK
    client.call("CACHE", "EVICT", *keys)


class Listeners:
    """What both servers tell of all keys."""

    def __init__(self, pair, flags="KEAnm"):
        self.pair = pair
        self.wires = []
        for side, server in ((pair.ours, pair.server),
                             (pair.theirs, pair.redis)):
            assert side.call("CONFIG", "SET", "notify-keyspace-events",
                             flags) == OK
            wire = server.raw()
            wire.call("PSUBSCRIBE", "__key*__:*")
            self.wires.append(wire)

    def same(self):
        """What was heard since the last time: [(channel, text)]."""
        ours, theirs = [[one[2:] for one in drain(wire)]
                        for wire in self.wires]
        assert ours == theirs
        return [(channel.decode(), text.decode()) for channel, text in ours]

    def close(self):
        for wire in self.wires:
            wire.close()
        for side in (self.pair.ours, self.pair.theirs):
            side.call("CONFIG", "SET", "notify-keyspace-events", "")
