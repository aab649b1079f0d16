"""The process stays within cache-max-memory * 1.10 + 32 MB of anonymous
memory, whatever its clients do; and they get right answers all the while.

RssAnon is sampled every 10 ms from the first to the last byte of each test.
Sizes come in two: about a tenth by default, in full under `torture`; the data
is about ten times the memory in both.
"""

import concurrent.futures
import contextlib
import json
import random
import time

import pytest

from lib.crowd import Talk, converse, problems, send_only
from lib.resp import Closed, Error, Simple, encode
from lib.server import SANITIZE, SLOWNESS, run_binary, wait_until
from lib.steer import OK, figures, flush, moved

KB = 1024
MB = 1024 * KB

OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")

pytestmark = [pytest.mark.alone, pytest.mark.timeout(60)]

def full(*values):
    return pytest.param(*values, marks=[pytest.mark.torture,
                                        pytest.mark.timeout(3600)])


# --- what is asserted --------------------------------------------------------

def bound(limit_mb):
    return limit_mb * MB * 110 // 100 + 32 * MB


@contextlib.contextmanager
def bounded(server, limit_mb, sync_flushes=0):
    """RssAnon within the bound in the whole block, and no flush of last
    resort. The block gets the sampler."""
    begun = time.monotonic()
    with server.sample_rss() as rss:
        yield rss
    elapsed = time.monotonic() - begun
    print("RssAnon at most %.1f MB, bound %.1f MB, %d samples in %.1f s" % (
        rss.peak_bytes / MB, bound(limit_mb) / MB, rss.samples, elapsed))
    assert server.running
    assert figures(server)["cache_sync_flushes"] == sync_flushes
    if SANITIZE: # its allocator keeps what was freed
        return
    # A sampler that slept would see no peak.
    assert rss.samples >= elapsed / 0.1
    assert rss.peak_bytes > 100 * KB
    assert rss.peak_bytes <= bound(limit_mb)


def load(server, *arguments, missing=0):
    """`diskstore load` against the server, which must go well."""
    run = run_binary("load", "--port", server.port, "--json", *arguments,
                     timeout_s=3000)
    result = json.loads(run.stdout or "{}")
    shown = {name: result.get(name) for name in
             ("requests", "missing", "wrong", "refused", "errors",
              "unanswered", "lost_connections", "failure", "error_kinds")}
    assert run.returncode == 0, (arguments, shown, run.stderr)
    assert result["missing"] == missing, shown
    assert result["wrong"] == result["errors"] == 0, shown
    assert result["unanswered"] == result["lost_connections"] == 0, shown
    return result


def fill(server, keys, size, *arguments):
    result = load(server, "--op", "set", "--sequential", "--keys", keys,
                  "--value-size", size, *arguments)
    assert result["writes"] == keys
    return result


def verify(server, keys, size, *arguments):
    """Reads each key once, in random order."""
    result = load(server, "--op", "get", "--sequential", "--order", "random",
                  "--verify", "--keys", keys, "--value-size", size, *arguments)
    assert result["reads"] == keys
    return result


PIPELINED = ["--connections", 50, "--pipeline", 16]


# --- more data than memory ---------------------------------------------------

@pytest.mark.parametrize("limit_mb, keys, size", [
    (16, 160_000, 1000),
    (16, 400_000, 10),
    full(64, 640_000, 1000),
    full(64, 6_400_000, 10),
])
def test_ten_times_the_memory_goes_in_and_out(start_server, limit_mb, keys,
                                              size):
    server = start_server(cache_max_memory="%dmb" % limit_mb)
    with bounded(server, limit_mb):
        fill(server, keys, size, *PIPELINED)
        verify(server, keys, size, *PIPELINED)
    info = figures(server)
    assert info["cache_evictions"] > keys # filling and reading, both
    assert server.call("DBSIZE") == keys


@pytest.mark.parametrize("options", [
    {"io_threads": 0},
    {"io_threads": 4, "cache_flush_delay": "1h"},
    {"cache_flush_delay": 0, "ds_fsync": True},
], ids=str)
@pytest.mark.parametrize("keys", [20_000, full(160_000)])
def test_whatever_the_options(start_server, options, keys):
    server = start_server(cache_max_memory="16mb", **options)
    with bounded(server, 16):
        fill(server, keys, 1000, *PIPELINED)
        verify(server, keys, 1000, *PIPELINED)


@pytest.mark.parametrize("keys", [30_000, full(1_000_000)])
def test_long_keys_and_keys_that_are_not_there(start_server, keys):
    """A key that was looked for in vain is remembered, and costs."""
    server = start_server(cache_max_memory="16mb")
    long_keys = ["--key-prefix", "k" * 250]
    with bounded(server, 16):
        load(server, "--op", "get", "--sequential", "--keys", keys,
             *long_keys, *PIPELINED, missing=keys)
        fill(server, keys, 10, *long_keys, *PIPELINED)
        verify(server, keys, 10, *long_keys, *PIPELINED)
    assert figures(server)["cache_evictions"] > keys


@pytest.mark.parametrize("limit_mb, count, connections", [
    (16, 100, 50),
    full(16, 1000, 2),
    full(64, 1000, 8),
    full(64, 1000, 50),
])
def test_values_of_a_megabyte(start_server, limit_mb, count, connections):
    server = start_server(cache_max_memory="%dmb" % limit_mb)
    shape = ["--connections", connections, "--pipeline", 16]
    with bounded(server, limit_mb):
        fill(server, count, MB, *shape)
        verify(server, count, MB, *shape)
    assert share_cuts(server) == 0


def share_cuts(server):
    return server.info("stats")["client_memory_share_disconnections"]


@pytest.mark.parametrize("limit_mb, count, connections, rate", [
    (16, 30, 3, 8 * MB),
    (16, 50, 50, 4 * MB),
    full(64, 1000, 12, 4 * MB),
    full(64, 1000, 50, MB),
])
def test_slow_readers_of_megabytes(start_server, limit_mb, count, connections,
                                   rate):
    """Pipelined, so that replies wait for those who don't take them."""
    server = start_server(cache_max_memory="%dmb" % limit_mb)
    with bounded(server, limit_mb):
        fill(server, count, MB, "--connections", 2)
        verify(server, count, MB, "--connections", connections, "--pipeline",
               16, "--read-rate", rate)
    assert share_cuts(server) == 0


@pytest.mark.parametrize("limit_mb, scale", [(16, 1), full(64, 20)])
def test_sizes_that_shift(start_server, limit_mb, scale):
    """What one size leaves behind in the allocator must serve the next: the
    same keys with values of 70, 150, 1000 bytes, 1 MB, and round again, in one
    process. Afterwards all at a time."""
    server = start_server(cache_max_memory="%dmb" % limit_mb)
    few = ["--connections", 2, "--pipeline", 4]
    with bounded(server, limit_mb):
        for turn in range(2):
            for size, keys, shape in [(70, 40_000, PIPELINED),
                                      (150, 40_000, PIPELINED),
                                      (1000, 15_000, PIPELINED),
                                      (MB, 15, few)]:
                seed = ["--value-seed", turn + 1]
                fill(server, keys * scale, size, *shape, *seed)
                verify(server, keys * scale // 2, size, *shape, *seed)
        fill(server, 80 * scale, "70,150,1000,1mb", *few)
        verify(server, 80 * scale, "70,150,1000,1mb", *few)


def test_nothing_is_kept_and_memory_stays_small(start_server):
    """cache-max-memory 0: the bound is the 32 MB alone."""
    server = start_server(cache_max_memory=0)
    with bounded(server, 0):
        fill(server, 15_000, 1000, *PIPELINED)
        verify(server, 15_000, 1000, *PIPELINED)
        fill(server, 30, MB, "--connections", 2)
        verify(server, 30, MB, "--connections", 2)
        load(server, "--keys", 1000, "--requests", 5000, "--read-ratio",
             0.5, "--value-size", 1000, *PIPELINED)
        flush(server)
        wait_until(lambda: figures(server)["cache_entries"] == 0,
                   what="an empty cache")


@pytest.mark.plain_only
@pytest.mark.parametrize("requests", [25_000, full(1_000_000)])
def test_a_lower_limit_comes_true_under_load(start_server, requests):
    """CONFIG SET cache-max-memory while readers and writers go on."""
    high_mb, low_mb = 128, 48
    keys, size = 30_000, 4000
    shape = ["--connections", 20, "--pipeline", 4]
    server = start_server(cache_max_memory="%dmb" % high_mb)
    with bounded(server, high_mb) as rss:
        fill(server, keys, size, *PIPELINED)
        # Otherwise there is nothing to come down from.
        assert rss.peak_bytes > bound(low_mb) + 4 * MB
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(
                load, server, "--keys", keys, "--requests", requests,
                "--value-size", size, "--read-ratio", 0.7, "--verify", *shape)
            assert server.call("CONFIG", "SET", "cache-max-memory",
                               low_mb * MB) == OK
            wait_until(
                lambda: figures(server)["cache_used_memory"] <= low_mb * MB,
                what="used memory below the new limit")
            wait_until(lambda: server.rss_anon() <= bound(low_mb),
                       what="resident memory below the new bound")
            with bounded(server, low_mb):
                under_way.result()
                verify(server, keys, size, *PIPELINED)
        assert server.call("CONFIG", "SET", "cache-max-memory",
                           high_mb * MB) == OK
        verify(server, keys, size, *PIPELINED)
    assert figures(server)["cache_used_memory"] > low_mb * MB


# --- connections -------------------------------------------------------------

IDLE = 5000
IDLE_BYTES_MAX = 2 * KB


@contextlib.contextmanager
def connections(server, count):
    """So many that have said a word each and are silent since."""
    crowd = [Talk(server.port, encode("PING"), b"+PONG\r\n")
             for _ in range(count)]
    try:
        converse(crowd, 60 * SLOWNESS)
        assert all(one.complete for one in crowd), problems(crowd)
        yield crowd
    finally:
        for one in crowd:
            one.close()


def test_an_idle_connection_costs_less_than_two_kilobytes(start_server):
    server = start_server(cache_max_memory="64mb")
    with connections(server, 100): # so that all that grows once has grown
        pass
    wait_until(lambda: server.info("clients")["connected_clients"] == 1)
    account = moved(server, "cache_memory_clients")
    resident = server.rss_anon()
    with connections(server, IDLE):
        assert server.info("clients")["connected_clients"] == IDLE + 1
        grown = server.rss_anon() - resident
        # A connection that costs nothing was not charged.
        assert IDLE * 200 < account() < IDLE * IDLE_BYTES_MAX
        if not SANITIZE:
            assert IDLE * 200 < grown < IDLE * IDLE_BYTES_MAX
    wait_until(lambda: account() == 0, what="all given back")


@pytest.mark.parametrize("limit_mb, idle, keys", [
    (16, 2000, 30_000),
    full(64, IDLE, 640_000),
])
def test_idle_connections_beside_busy_ones(start_server, limit_mb, idle, keys):
    server = start_server(cache_max_memory="%dmb" % limit_mb)
    with bounded(server, limit_mb), connections(server, idle) as crowd:
        fill(server, keys, 1000, *PIPELINED)
        verify(server, keys, 1000, *PIPELINED)
        for one in crowd:
            one.unsent = memoryview(encode("PING"))
            one.received_bytes = 0
        converse(crowd, 60 * SLOWNESS)
        assert all(one.complete for one in crowd), problems(crowd)
    assert share_cuts(server) == 0


def test_connections_that_do_not_fit_are_refused(start_server):
    """A quarter of 16 MB is less than 5000 connections need; those that came
    first stay."""
    server = start_server(cache_max_memory="16mb")
    refused = b"-ERR max number of clients reached\r\n"
    with bounded(server, 16), connections(server, 1000) as first:
        late = [Talk(server.port, b"", refused) for _ in range(4000)]
        converse(late, 1)
        assert any(one.complete for one in late)
        # Welcome, or told no; nothing else.
        assert all(one.complete or one.received_bytes == 0 for one in late)
        for one in late:
            one.close()
        wait_until(lambda: server.call("PING") == Simple("PONG"))
        for one in first:
            one.unsent = memoryview(encode("PING"))
            one.received_bytes = 0
        converse(first, 30 * SLOWNESS)
        assert all(one.complete for one in first), problems(first)
    assert share_cuts(server) == 0


# --- clients that take and don't give ----------------------------------------

def value_of(number, size):
    return random.Random(number).randbytes(size)


def bulk(value):
    return b"$%d\r\n%s\r\n" % (len(value), value)


def put(server, names, size):
    """Sets those keys to values of that size; returns them by name."""
    values = {}
    client = server.raw()
    for number, name in enumerate(names):
        values[name] = value_of(number, size)
        assert client.call("SET", name, values[name]) == OK
    client.close()
    flush(server)
    return values


def pipeline_of(names, values):
    """The bytes of a pipeline of GETs, and of its replies."""
    return (b"".join(encode("GET", name) for name in names),
            b"".join(bulk(values[name]) for name in names))


def test_a_few_who_do_not_read_for_a_while_get_all(start_server):
    server = start_server(cache_max_memory="16mb")
    values = put(server, ["big%d" % i for i in range(20)], MB)
    server.call("SET", "small", "value")
    with bounded(server, 16):
        crowd = [Talk(server.port, *pipeline_of(random.Random(seed).sample(
            sorted(values), 20), values)) for seed in range(3)]
        send_only(crowd, 1)
        assert server.call("GET", "small") == b"value"
        converse(crowd, 60 * SLOWNESS)
        assert all(one.complete for one in crowd), problems(crowd)
    assert share_cuts(server) == 0


@pytest.mark.parametrize("crowd_size, hold_s", [(50, 1), full(500, 10)])
def test_a_crowd_that_does_not_read_hurts_only_itself(start_server,
                                                      crowd_size, hold_s):
    """Some may be cut. What they got until then is right, and nobody else
    notices."""
    server = start_server(cache_max_memory="16mb")
    values = put(server, ["big%d" % i for i in range(20)], MB)
    server.call("SET", "small", "value")
    with bounded(server, 16):
        crowd = [Talk(server.port, *pipeline_of(random.Random(seed).sample(
            sorted(values), 10), values)) for seed in range(crowd_size)]
        other = server.raw()
        for _ in range(10):
            send_only(crowd, hold_s / 10)
            assert other.call("GET", "small") == b"value"
            assert other.call("SET", "small", "value") == OK
        converse(crowd, 60 * SLOWNESS)
        assert all(one.complete or one.was_closed for one in crowd), \
            problems(crowd)
        assert any(one.complete for one in crowd)
        assert other.call("GET", "small") == b"value"
        for one in crowd:
            one.close()


@pytest.mark.parametrize("connections, depth, keys", [
    (2, 65_536, 100_000),
    (200, 2000, 100_000),
    (1000, 500, 100_000),
    full(50, 65_536, 1_600_000),
])
def test_pipelines_of_huge_depth(start_server, connections, depth, keys):
    """Clients that read what they asked for have a right to be answered, also
    when all that they want to send at a time is more than the memory."""
    server = start_server(cache_max_memory="16mb")
    shape = ["--connections", connections, "--pipeline", depth,
             "--key-prefix", "k" * 200]
    with bounded(server, 16):
        fill(server, keys, 100, *shape)
        verify(server, keys, 100, *shape)
    assert share_cuts(server) == 0


def test_deep_pipelines_that_are_not_read_for_a_while(start_server):
    """Each client has sent all its commands, as far as the server took them,
    before any of them reads."""
    server = start_server(cache_max_memory="16mb")
    values = put(server, ["key%d" % i for i in range(2000)], 1000)
    with bounded(server, 16):
        crowd = [Talk(server.port, *pipeline_of(random.Random(seed).choices(
            sorted(values), k=6000), values)) for seed in range(20)]
        converse(crowd, 60 * SLOWNESS, hold_s=1)
        assert all(one.complete for one in crowd), problems(crowd)
        for one in crowd:
            one.close()
    assert share_cuts(server) == 0


def half_sent(port, number, value_bytes, sent_bytes):
    """A connection that has sent so much of a SET."""
    value = value_of(number, value_bytes)
    command = encode("SET", "half%d" % number, value)
    head = len(command) - value_bytes - 2
    talk = Talk(port, command[:head + sent_bytes], b"+OK\r\n")
    talk.rest = command[head + sent_bytes:]
    return talk


def test_a_few_that_stop_in_the_middle_of_a_value_may_go_on(start_server):
    server = start_server(cache_max_memory="16mb")
    with bounded(server, 16):
        crowd = [half_sent(server.port, number, MB, 700 * KB)
                 for number in range(2)]
        send_only(crowd, 0.5)
        wait_until(lambda: server.info("cache")["cache_memory_clients"] >
                   2 * 700 * KB, what="what they sent is charged")
        assert server.call("PING") == Simple("PONG")
        for one in crowd:
            one.unsent = memoryview(one.rest)
        converse(crowd, 30 * SLOWNESS)
        assert all(one.complete for one in crowd), problems(crowd)
        for number in range(2):
            assert server.call("GET", "half%d" % number) == \
                value_of(number, MB)
    assert share_cuts(server) == 0


@pytest.mark.parametrize("crowd_size", [60, full(600)])
def test_a_crowd_that_stops_in_the_middle_of_a_value(start_server, crowd_size):
    """All that they send is many times the memory. They may be cut, the others
    are served, and what they held comes back."""
    server = start_server(cache_max_memory="16mb")
    server.call("SET", "small", "value")
    account = moved(server, "cache_memory_clients")
    with bounded(server, 16):
        crowd = [half_sent(server.port, number, MB, 500 * KB)
                 for number in range(crowd_size)]
        other = server.raw()
        for _ in range(10):
            send_only(crowd, 0.1)
            assert other.call("GET", "small") == b"value"
            assert other.call("SET", "small", "value") == OK
        assert figures(server)["cache_memory_clients"] <= 5 * MB
        for one in crowd:
            one.unsent = memoryview(bytes(one.unsent) + one.rest)
        converse(crowd, 30 * SLOWNESS)
        assert all(one.complete or one.was_closed for one in crowd), \
            problems(crowd)
        for number, one in enumerate(crowd):
            if one.complete:
                assert other.call("GET", "half%d" % number) == \
                    value_of(number, MB)
            one.close()
        other.close()
        wait_until(lambda: account() == 0, what="all given back")


def test_a_crowd_that_is_stuck_locks_nobody_out(start_server):
    """Together they hold the clients' share, most of it in a few large
    pieces: these have to go when somebody new comes."""
    server = start_server(cache_max_memory="16mb")
    with bounded(server, 16):
        crowd = [half_sent(server.port, number, MB, 500 * KB)
                 for number in range(1800)]
        send_only(crowd, 0.5)
        for _ in range(20): # who stay
            assert server.raw().call("PING") == Simple("PONG")
        for one in crowd:
            one.close()


def test_names_of_connections_count(start_server):
    """What a client gives itself to be called stays as long as it does. Too
    many names cost the connections that bear them."""
    server = start_server(cache_max_memory="16mb")
    name = b"n" * MB
    with bounded(server, 16):
        crowd = [Talk(server.port, encode("CLIENT", "SETNAME", name),
                      b"+OK\r\n") for _ in range(100)]
        converse(crowd, 30 * SLOWNESS)
        assert all(one.complete or one.was_closed for one in crowd), \
            problems(crowd)
        assert figures(server)["cache_memory_clients"] <= 5 * MB
        for one in crowd:
            one.close()


@pytest.mark.parametrize("limit_mb, names", [(16, 100_000), full(64, 400_000)])
def test_a_command_of_very_many_arguments(start_server, limit_mb, names):
    """While the cache is full. Each key is another one; then one large value
    is named again and again."""
    server = start_server(cache_max_memory="%dmb" % limit_mb)
    with bounded(server, limit_mb):
        fill(server, limit_mb * 1200, 1000, *PIPELINED)
        assert server.call("SET", "b", bytes(MB)) == OK
        verify(server, limit_mb * 1200, 1000, *PIPELINED)
        for keys in (["%x" % i for i in range(names)], ["b"] * names,
                     ["nosuch"] * names):
            for command in ("MGET", "EXISTS", "DEL", "TOUCH"):
                if command == "DEL" and keys[0] == "b":
                    continue
                client = server.raw()
                try:
                    client.send(command, *keys)
                    reply = client.recv()
                    assert not isinstance(reply, Error) or reply == OOM
                except (Closed, ConnectionError):
                    pass # more than its share
                client.close()
                assert server.call("PING") == Simple("PONG")


def stuff(server, crowd):
    """Sends each of them replies until the kernel takes no more."""
    server.call("SET", "piece", bytes(20 * KB))
    for one in crowd:
        one.socket.setblocking(True)

    def is_stuffed():
        pending = pending_output(server)
        hungry = [one for one in crowd
                  if not pending.get(one.socket.getsockname()[1])]
        for one in hungry:
            one.socket.sendall(encode("GET", "piece"))
        return not hungry
    wait_until(is_stuffed, 30, "a full socket", pause_s=0)


@pytest.mark.plain_only
def test_small_replies_that_nobody_reads_are_charged(start_server):
    """Each comes in a piece of its own; what it costs to keep a piece counts,
    not only what is in it."""
    server = start_server(cache_max_memory="64mb")
    crowd = [Talk(server.port, b"", b"", 4 * KB) for _ in range(40)]
    stuff(server, crowd)
    charged = moved(server, "cache_memory_clients")
    resident = server.rss_anon()
    pace = server.raw()
    for _ in range(2000):
        for one in crowd:
            one.socket.sendall(b"PING\r\n")
        pace.call("PING") # so that none are read together
    assert figures(server)["cache_blocked_clients"] == 0
    grown = server.rss_anon() - resident
    assert charged() >= 40 * 2000 * len("+PONG\r\n")
    assert charged() >= grown // 2 - MB, \
        "grown by %d, charged %d" % (grown, charged())
    for one in crowd:
        one.close()


def pending_output(server):
    """Bytes of pending output by the client's port."""
    pending = {}
    for line in server.call("CLIENT", "LIST").decode().splitlines():
        fields = dict(field.split("=", 1) for field in line.split(" "))
        if fields["cmd"] != "client|list":
            port = int(fields["addr"].rsplit(":", 1)[1])
            pending[port] = int(fields["omem"])
    return pending


# --- many keys at a time -----------------------------------------------------

SET_SIZE = 20
VALUE_BYTES = 50 * KB
KEYS = ["k%03d" % i for i in range(400)] # 20 MB


def mget(names, values):
    """The bytes of an MGET, and of its reply."""
    return (encode("MGET", *names),
            b"*%d\r\n" % len(names) + b"".join(bulk(values[name])
                                               for name in names))


def overlapping_sets(seed, count):
    """Windows that overlap, each in an order of its own."""
    print("seed", seed)
    choice = random.Random(seed)
    sets = []
    for _ in range(count):
        first = choice.randrange(len(KEYS))
        names = [KEYS[(first + i) % len(KEYS)] for i in range(SET_SIZE)]
        choice.shuffle(names)
        sets.append(names)
    return sets


def seed():
    return random.SystemRandom().randrange(1 << 32)


@pytest.fixture
def small(start_server):
    """16 MB of memory, 20 MB of values of 50 KB."""
    server = start_server(cache_max_memory="16mb")
    server.values = put(server, KEYS, VALUE_BYTES)
    return server


@pytest.mark.parametrize("clients, rounds", [(200, 2), full(200, 50)])
def test_many_mgets_that_do_not_fit_together(small, clients, rounds):
    with bounded(small, 16):
        for _ in range(rounds):
            crowd = [Talk(small.port, *mget(names, small.values))
                     for names in overlapping_sets(seed(), clients)]
            converse(crowd, 60 * SLOWNESS)
            assert all(one.complete for one in crowd), problems(crowd)
            for one in crowd:
                one.close()
    info = figures(small)
    assert info["cache_robbed"] > 0 # they really stood in each other's way
    assert info["cache_blocked_clients"] == 0
    assert share_cuts(small) == 0


@pytest.mark.parametrize("requests", [600, full(20_000)])
def test_many_mgets_again_and_again(start_server, requests):
    """The same by `diskstore load`, which reads as fast as it can; keys are
    written at the same time."""
    server = start_server(cache_max_memory="16mb")
    with bounded(server, 16), \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        fill(server, len(KEYS), VALUE_BYTES, "--connections", 10)
        writes = pool.submit(
            load, server, "--op", "set", "--keys", len(KEYS), "--value-size",
            VALUE_BYTES, "--connections", 3, "--requests", requests)
        load(server, "--op", "mget", "--batch", SET_SIZE, "--keys", len(KEYS),
             "--value-size", VALUE_BYTES, "--verify", "--connections", 200,
             "--requests", requests, "--seed", 7, "--value-seed", 1)
        writes.result()
    assert share_cuts(server) == 0


@pytest.mark.parametrize("count", [40, 60, 100, 120, 150, 200, 300])
def test_a_large_mget_is_answered_or_refused(small, count):
    """Whatever its size: a reply that can't be held is an error, never a
    closed connection; and who is alone waits for nobody to give way."""
    names = KEYS[:count]
    with bounded(small, 16):
        client = small.raw(timeout_s=3 * SLOWNESS)
        reply = client.call("MGET", *names)
        if count * VALUE_BYTES <= 16 * MB // 8:
            assert reply != OOM
        assert reply == OOM or reply == [small.values[one] for one in names]
        assert client.call("GET", KEYS[0]) == small.values[KEYS[0]]


def test_an_mget_larger_than_memory_fails_alone(small):
    """It is refused; those beside it are answered, and so are those after
    it."""
    with bounded(small, 16):
        large = [small.raw() for _ in range(5)]
        for client in large[:3]:
            client.send("MGET", *KEYS)
        crowd = [Talk(small.port, *mget(names, small.values))
                 for names in overlapping_sets(seed(), 60)]
        send_only(crowd, 0.05)
        for client in large[3:]:
            client.send("MGET", *reversed(KEYS))
        converse(crowd, 60 * SLOWNESS)
        assert all(one.complete for one in crowd), problems(crowd)
        for client in large:
            assert client.recv() == OOM
            assert client.call("GET", KEYS[7]) == small.values[KEYS[7]]
        for one in crowd:
            one.close()
        for names in overlapping_sets(seed(), 10):
            assert large[0].call("MGET", *names) == \
                [small.values[name] for name in names]
    assert figures(small)["cache_blocked_clients"] == 0


# --- values that are too large -----------------------------------------------

# The largest command that is taken in at 16 MB: the lengths of all its words.
LARGEST = 16 * MB // 8


def test_the_largest_value(start_server):
    server = start_server(cache_max_memory="16mb")
    client = server.raw()
    largest = value_of(1, LARGEST - len("SET") - len("key"))
    with bounded(server, 16):
        assert client.call("SET", "key", largest) == OK
        assert client.call("GET", "key") == largest
        assert client.call("SET", "key", largest + b"x") == OOM
        assert client.call("GET", "key") == largest # untouched
        flush(server)
        wait_until(lambda: server.call("CACHE", "EVICT", "key") == 1)
        assert client.call("GET", "key") == largest
        assert client.call("SET", "other", value_of(2, len(largest) - 2)) == OK
        assert client.call("APPEND", "key", largest) == OOM
        assert client.call("SETRANGE", "key", LARGEST, "x") == OOM
        assert client.call("GET", "key") == largest


def test_the_largest_value_when_the_cache_is_full(start_server):
    server = start_server(cache_max_memory="16mb")
    largest = LARGEST - 64
    with bounded(server, 16):
        fill(server, 15_000, 1000, *PIPELINED)
        verify(server, 15_000, 1000, *PIPELINED)
        fill(server, 10, largest, "--connections", 1, "--key-prefix", "large:")
        verify(server, 10, largest, "--connections", 1, "--key-prefix",
               "large:")
        verify(server, 15_000, 1000, *PIPELINED)


def header(size):
    """The start of SET key <value of that size>, up to its first byte."""
    return b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$%d\r\n" % size


@pytest.mark.parametrize("size", [LARGEST - len("SETkey") + 1, 512 * MB])
def test_a_value_that_is_too_large_is_refused_by_its_header(start_server,
                                                            size):
    """The error does not wait for a byte of the value."""
    server = start_server(cache_max_memory="16mb")
    client = server.raw(timeout_s=5 * SLOWNESS)
    client.send_raw(header(size))
    assert client.recv() == OOM


@pytest.mark.parametrize("size", [LARGEST - len("SETkey") + 1, 100 * MB,
                                  full(512 * MB)])
def test_a_value_that_is_too_large_is_not_taken_in(start_server, size):
    """Whatever comes of it is dropped; then the connection goes on as if
    nothing had been."""
    server = start_server(cache_max_memory="16mb")
    client = server.raw()
    assert client.call("SET", "key", "old") == OK
    clients = moved(server, "cache_memory_clients")
    refused = moved(server, "commands_too_large", "stats")
    before = server.rss_anon()
    with bounded(server, 16) as rss:
        client.send_raw(header(size))
        piece = bytes(256 * KB)
        left = size
        while left > 0:
            client.send_raw(piece[:left])
            left -= len(piece)
            if left > 0 and left % (16 * MB) < len(piece):
                assert clients() <= 256 * KB
        client.send_raw(b"\r\n")
        assert client.recv() == OOM
        assert client.call("GET", "key") == b"old"
        assert SANITIZE or rss.peak_bytes <= before + 2 * MB
    assert refused() == 1


def test_many_values_that_are_too_large(start_server):
    """Parts of them from many clients, which then say no more for a while."""
    server = start_server(cache_max_memory="16mb")
    account = moved(server, "cache_memory_clients")
    part = header(8 * MB) + bytes(MB)
    with bounded(server, 16):
        crowd = [Talk(server.port, part, b"-%s\r\n+PONG\r\n" % OOM)
                 for _ in range(100)]
        send_only(crowd, 0.5)
        assert not any(one.unsent for one in crowd) # nobody is held up
        wait_until(lambda: account() <= 100 * IDLE_BYTES_MAX,
                   what="nothing of them kept")
        for one in crowd: # the rest, and a command
            one.unsent = memoryview(bytes(7 * MB) + b"\r\n" + encode("PING"))
        converse(crowd, 60 * SLOWNESS)
        assert all(one.complete for one in crowd), problems(crowd)
        for one in crowd:
            one.close()
    assert share_cuts(server) == 0


def test_a_pipeline_goes_on_behind_a_value_that_is_too_large(start_server):
    server = start_server(cache_max_memory="16mb")
    replies = server.raw().pipeline([
        ("SET", "a", "1"), ("SET", "b", bytes(3 * MB)), ("INCR", "a"),
        ("MSET", "c", bytes(1200 * KB), "d", bytes(1200 * KB)), ("GET", "a"),
        ("EXISTS", "b", "c", "d")])
    assert replies == [OK, OOM, 2, OOM, b"2", 0]
