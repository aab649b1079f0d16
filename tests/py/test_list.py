"""Lists: every command against redis-server, in every size, in memory and on
disk; the encoding that 7.2 would tell; that absurd arguments cost nothing; and
that a move between two lists is on disk whole or not at all."""

import random
import threading

import pytest

from lib.pair import Pair, pair, pair_of_module # pylint: disable=unused-import
from lib.resp import Error, ProtocolError, Simple
from lib.server import SLOWNESS, RedisServer, Server
from lib.steer import flush, order, started, steered, wait_waiting

OK = Simple("OK")
MOST = 2**63 - 1

# --- every command, a few elements ------------------------------------------

LINES = """
LRANGE k 0 -1|LLEN k|LPOP k|RPOP k|LPOP k 0|RPOP k 3|LPUSHX k a|RPUSHX k a
RPUSH k 1 2 3 hello  -5 1e5|LRANGE k 0 -1|LRANGE k 2 1|LRANGE k -3 100
LRANGE k -100 2|LRANGE k 7 9|LRANGE k 0 x|LRANGE k x 0|LPUSH k x y|RPUSHX k z
LPUSHX k w|LLEN k|LPOP k -1|LPOP k x|LPOP k 0|LPOP k 2|RPOP k 2|LPOP k 1 2
RPOP k|LPOP k|TYPE k|LRANGE k 0 -1|LMOVE k k LEFT RIGHT|LMOVE k k LEFT LEFT
LMOVE k k2 right left|LMOVE k k2 RIGHT RIGHT|LMOVE k k2 LEFT x|LMOVE k k2 x LEFT
LRANGE k2 0 -1|RPOPLPUSH k k2|RPOPLPUSH k2 k2|LMOVE k3 k2 LEFT LEFT
LRANGE k 0 -1|LRANGE k2 0 -1|LMPOP 2 k3 k2 LEFT|LMPOP 2 k3 k2 RIGHT COUNT 9
LMPOP 2 k3 k2 RIGHT|LMPOP 0 k LEFT|LMPOP x k LEFT|LMPOP 3 k k2 LEFT
LMPOP 1 k|LMPOP 1 k k2|LMPOP 1 k LEFT COUNT|LMPOP 1 k LEFT COUNT 0
LMPOP 1 k LEFT COUNT x|LMPOP 1 k LEFT COUNT 1 COUNT 1|LMPOP 1 k LEFT x 1
EXISTS k k2|DEL k k2|RPUSH k a b c a b c a b c|LINDEX k 0|LINDEX k -1
LINDEX k 9|LINDEX k -10|LINDEX k x|LINDEX k3 x|LINDEX k3 0|LSET k 0 A
LSET k -1 C|LSET k 9 x|LSET k -10 x|LSET k x x|LSET k3 0 x|LSET k3 x x
LINSERT k BEFORE b X|LINSERT k after b Y|LINSERT k x b Y|LINSERT k AFTER none Y
LINSERT k3 AFTER b Y|LINSERT k3 x b Y|LINSERT k AFTER C E|LINSERT k BEFORE A 
LRANGE k 0 -1|LPOS k b|LPOS k b RANK 2|LPOS k b RANK -1|LPOS k b RANK 9
LPOS k b RANK 0|LPOS k b RANK x|LPOS k b COUNT 0|LPOS k b COUNT 2 RANK -1
LPOS k b MAXLEN 2 COUNT 0|LPOS k b MAXLEN 0|LPOS k b MAXLEN -1|LPOS k b MAXLEN x
LPOS k b COUNT -1|LPOS k b COUNT x|LPOS k b COUNT|LPOS k b x 1|LPOS k none
LPOS k none COUNT 1|LPOS k3 b|LPOS k3 b COUNT 1|LPOS k3 b RANK 0
LPOS k b RANK 1 RANK 2|LREM k 1 b|LREM k -1 a|LREM k 0 none|LREM k x a
LREM k3 0 a|LRANGE k 0 -1|LREM k -9 c|LREM k 9 b|LRANGE k 0 -1|LTRIM k 0 -1
LTRIM k x 1|LTRIM k 0 x|LTRIM k3 0 1|LTRIM k 1 -2|LRANGE k 0 -1|LTRIM k -100 1
LTRIM k 2 1|EXISTS k|RPUSH k 1 2 3|LTRIM k 3 9|EXISTS k|RPUSH k 1|LREM k 0 1
EXISTS k|RPUSH k 1|EXPIRE k 1000|LPUSH k 2|RPOP k|PERSIST k|LPOP k|TTL k
RPUSH k a b|RENAME k k2|LRANGE k2 0 -1|COPY k2 k|LPUSH k c|LRANGE k 0 -1
LRANGE k2 0 -1|MOVE k 1|EXISTS k|SET k2 x|GET k2|LPUSH k2 x|LPUSH k|LPUSHX k
LPOP|LMOVE k k2 LEFT|RPOPLPUSH k|LMPOP 1 k|LINDEX k|LSET k 0|LINSERT k AFTER x
LREM k 1|LTRIM k 1|LPOS k|LRANGE k 0|LLEN
""".strip().replace("\n", "|").split("|")


def test_every_command(pair):
    pair.all_same(*LINES)


@pytest.mark.parametrize("line", [
    "LPUSH k x", "RPUSH k x", "LPUSHX k x", "RPUSHX k x", "LPOP k", "RPOP k",
    "LPOP k 2", "LPOP k x", "LLEN k", "LRANGE k 0 1", "LRANGE k x 1",
    "LMOVE k k2 LEFT LEFT", "LMOVE k2 k LEFT LEFT", "LMOVE k3 k LEFT LEFT",
    "RPOPLPUSH k k2", "RPOPLPUSH k2 k", "LMPOP 1 k LEFT", "LMPOP 2 k3 k LEFT",
    "LMPOP 2 k2 k LEFT", "LINDEX k 0", "LINDEX k x", "LSET k 0 x",
    "LSET k x x", "LINSERT k BEFORE a b", "LINSERT k x a b", "LREM k 0 a",
    "LREM k x a", "LTRIM k 0 1", "LTRIM k x 1", "LPOS k a", "LPOS k a RANK 0",
    "GET k2", "INCR k2", "APPEND k2 x", "STRLEN k2", "GETRANGE k2 0 1",
    "SETRANGE k2 0 x", "GETSET k2 x", "GETDEL k2", "MGET k2", "SADD k2 x"])
def test_a_wrong_type(pair, line):
    pair.all_same("SET k text", "RPUSH k2 a", line, "GET k", "LRANGE k2 0 -1")


FAR_ENDS = [0, 1, -1, 2**31, -2**31, MOST, -MOST, MOST - 1, -2**63, 2**63,
            -2**63 - 1]


@pytest.mark.parametrize("line", [
    "LRANGE k 0 {}", "LRANGE k {} -1", "LRANGE k {} {}", "LINDEX k {}",
    "LPOS k a COUNT {}", "LPOS k a MAXLEN {}", "LPOS k a COUNT 0 MAXLEN {}",
    "LSET k {} v", "LREM k {} a", "LTRIM k {} -1", "LTRIM k 0 {}", "LPOP k {}",
    "RPOP k {}", "LMPOP {} k LEFT", "LMPOP 1 k LEFT COUNT {}"])
def test_numbers_that_make_no_sense(pair, line):
    for number in FAR_ENDS:
        pair.same("RPUSH", "k", "a", "b", "a")
        pair.same(*line.replace("{}", str(number)).split())
        pair.same("LRANGE", "k", "0", "-1")


def test_a_rank_that_makes_no_sense(pair):
    pair.same("RPUSH", "k", "a", "b", "a")
    for number in (1, -1, MOST, -MOST, 2**63, 0):
        pair.same("LPOS", "k", "a", "RANK", number)
        pair.same("LPOS", "k", "a", "RANK", number, "COUNT", 0)
    assert pair.ours.call("LPOS", "k", "a", "RANK", -2**63) == Error(
        "ERR value is out of range, value must between "
        "-9223372036854775807 and 9223372036854775807")


@pytest.mark.parametrize("key", [b"", b"\x00\r\n\xff", b"L" * 20_000,
                                 b"L" * 12_400],
                         ids=["empty", "binary", "long", "almost an entry"])
def test_any_key(pair, key):
    """Also one that leaves no room in an entry for a page beside it."""
    pair.uses(key)
    for number in range(120):
        pair.same("RPUSH", key, "element %d of them all" % number)
    assert pair.same("LLEN", key) == 120
    pair.same("LRANGE", key, 0, -1)
    pair.same("LPOP", key, 119)
    pair.same("LRANGE", key, 0, -1)
    pair.same("RENAME", key, "k")
    pair.same("LRANGE", "k", 0, -1)


# --- every size --------------------------------------------------------------

def element(number):
    """Numbers of all widths, and texts, also empty ones."""
    if number % 3 == 0:
        return b"%d" % ((-1) ** number * number ** (number % 5))
    if number % 97 == 0:
        return b""
    return b"text %d " % number + b"x" * (number % 50)


def push_all(pair, key, elements):
    for first in range(0, len(elements), 5000):
        pair.same("RPUSH", key, *elements[first:first + 5000])


def look_at_all(pair, key, count, rng):
    assert pair.same("LLEN", key) == count
    pair.same("TYPE", key)
    for _ in range(8):
        start = rng.randrange(-count - 2, count + 2)
        pair.same("LRANGE", key, start, start + rng.choice([0, 3, 100, 1000]))
        pair.same("LINDEX", key, rng.randrange(-count - 1, count + 1))
    for first in range(0, count, 4000):
        pair.same("LRANGE", key, first, first + 3999)


def change_all(pair, key, count, rng):
    """Where pages begin and end is nowhere special."""
    for number in range(12):
        at = rng.randrange(-count, count)
        pair.same("LSET", key, at, "set %d" % number)
        pair.same("LINSERT", key, rng.choice(["BEFORE", "AFTER"]),
                  "set %d" % number, element(number))
        pair.same("LPOS", key, "set %d" % number)
        pair.same("LPOS", key, element(rng.randrange(count)), "COUNT", 3,
                  "RANK", rng.choice([1, -1]))
        pair.same("LMOVE", key, key, "LEFT", rng.choice(["LEFT", "RIGHT"]))
        pair.same("LMOVE", key, "k2", "RIGHT", rng.choice(["LEFT", "RIGHT"]))
        pair.same("RPOPLPUSH", "k2", key)
        pair.same("LREM", key, rng.choice([1, -1, 0]),
                  element(rng.randrange(count)))
        pair.same("LMPOP", 2, "k3", key, rng.choice(["LEFT", "RIGHT"]))
        if pair.same("LLEN", key) == 0:
            pair.same("RPUSH", key, "again")


@pytest.fixture(scope="module", params=[2, 3])
def tiny(request):
    """16 MB of memory; the test sends keys to disk when it likes."""
    with Server(cache_max_memory="16mb", enable_debug_command="yes") as ours, \
            RedisServer() as theirs:
        yield Pair(ours, theirs, protocol=request.param)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("count", [1, 2, 127, 128, 129, 511, 512, 513, 3000,
                                   100_000])
def test_every_size(tiny, count):
    tiny.begin()
    rng = random.Random(count)
    push_all(tiny, "k", [element(number) for number in range(count)])
    look_at_all(tiny, "k", count, rng)
    tiny.to_disk()
    look_at_all(tiny, "k", count, rng)
    tiny.to_disk()
    change_all(tiny, "k", count, rng)
    count = tiny.same("LLEN", "k")
    tiny.to_disk()
    look_at_all(tiny, "k", count, rng)
    assert tiny.ours.call("DEBUG", "CHECK") == OK
    # What is left is taken away from both ends, in many ways.
    while tiny.same("LLEN", "k") > 0:
        left = tiny.same("LLEN", "k")
        many = rng.randrange(1, left // 3 + 2)
        tiny.same(*rng.choice([
            ("LTRIM", "k", many, -1), ("LTRIM", "k", 0, -many - 1),
            ("LPOP", "k", min(many, 5000)), ("RPOP", "k", min(many, 5000)),
            ("LMPOP", 1, "k", "RIGHT", "COUNT", min(many, 5000))]))
        if rng.random() < 0.3:
            tiny.to_disk()
        if left < 300:
            tiny.same("LRANGE", "k", 0, -1)
    tiny.same("EXISTS", "k")
    assert tiny.ours.call("DEBUG", "CHECK") == OK


@pytest.mark.parametrize("size", [0, 1, 4000, 4096, 8192, 100_000, 1_000_000])
def test_every_size_of_elements(tiny, size):
    tiny.begin()
    big = bytes(range(256)) * (size // 256) + b"y" * (size % 256)
    tiny.same("RPUSH", "k", "first", big, "last")
    tiny.same("LPUSH", "k2", big)
    tiny.to_disk()
    tiny.same("LRANGE", "k", 0, -1)
    tiny.same("LINDEX", "k", 1)
    tiny.same("LPOS", "k", big)
    tiny.same("LINSERT", "k", "AFTER", big, "behind")
    tiny.to_disk()
    tiny.same("LMOVE", "k2", "k", "LEFT", "RIGHT")
    tiny.same("LRANGE", "k", -2, -1)
    tiny.same("LMOVE", "k", "k", "RIGHT", "LEFT")
    tiny.same("LSET", "k", 2, "small now")
    tiny.same("LSET", "k", -1, big)
    tiny.to_disk()
    tiny.same("LREM", "k", 1, big)
    tiny.same("LRANGE", "k", 0, -1)
    tiny.same("LMPOP", 1, "k", "RIGHT", "COUNT", 2)
    tiny.same("LRANGE", "k", 0, -1)
    assert tiny.ours.call("DEBUG", "CHECK") == OK


def test_a_crash_loses_nothing_that_was_flushed(tiny):
    tiny.begin()
    rng = random.Random(5)
    push_all(tiny, "k", [element(number) for number in range(20_000)])
    tiny.to_disk()
    change_all(tiny, "k", 20_000, rng)
    tiny.same("LTRIM", "k", 3000, 12_000)
    tiny.same("RPUSH", "k2", "page")
    tiny.to_disk()
    protocol = tiny.protocol
    tiny.server.kill9()
    tiny.server.start()
    tiny.ours = tiny.server.raw(protocol=protocol)
    look_at_all(tiny, "k", tiny.same("LLEN", "k"), rng)
    tiny.same("LRANGE", "k2", 0, -1)
    assert tiny.ours.call("DEBUG", "CHECK") == OK


@pytest.mark.parametrize("backward", [False, True])
def test_lrem_of_many(tiny, backward):
    """Alone, in runs, at the ends; some more than are removed in one go."""
    tiny.begin()
    rng = random.Random(backward)
    elements = [rng.choice([b"x", b"y", b"%d" % rng.randrange(9)] + [b"x"] * 5)
                for _ in range(30_000)]
    push_all(tiny, "k", elements)
    sign = -1 if backward else 1
    for count in (1, 511, 512, 513, 5000):
        assert tiny.same("LREM", "k", sign * count, "x") == count
        look_at_all(tiny, "k", tiny.same("LLEN", "k"), rng)
    tiny.same("LREM", "k", sign * MOST, "x")
    tiny.same("LREM", "k", 0, "y")
    look_at_all(tiny, "k", tiny.same("LLEN", "k"), rng)
    assert tiny.ours.call("DEBUG", "CHECK") == OK


# --- OBJECT ENCODING ---------------------------------------------------------

def listpack_bytes(redis, key):
    """What one listpack of it would take: from those of the nodes, each of
    which has 7 bytes of its own besides."""
    fields = dict(one.split(b":") for one in
                  redis.call("DEBUG", "OBJECT", key).split()
                  if b":" in one and not one.startswith(b"at:"))
    nodes = int(fields[b"ql_nodes"])
    return int(fields[b"ql_uncompressed_size"]) - 7 * (nodes - 1)


@pytest.mark.parametrize("kind", ["numbers", "small", "texts", "mixed"])
def test_the_encoding_is_that_of_7_2(tiny, kind):
    """7.0 says quicklist always, but tells how many bytes a listpack has."""
    tiny.begin()
    rng = random.Random(kind)

    def some():
        which = rng.choice(["numbers", "small", "texts"]) if kind == "mixed" \
            else kind
        if which == "numbers":
            return b"%d" % (rng.randrange(2**64) - 2**63 >> rng.randrange(64))
        if which == "small":
            return b"%d" % rng.randrange(-128, 128)
        return b"t" * rng.choice([0, 1, 60, 63, 64, 65, 130, 300])
    expected, seen = b"listpack", set()
    target, bytes_now = 9000, 0
    for _ in range(600):
        grows = bytes_now < target
        if grows:
            values = [some() for _ in range(rng.choice([1, 1, 20, 60]))]
            more = sum(map(len, values))
            if bytes_now + more > 8192:
                expected = b"quicklist"
            tiny.same(rng.choice(["RPUSH", "LPUSH"]), "k", *values)
        else:
            tiny.same(rng.choice(["RPOP", "LPOP"]), "k",
                      rng.choice([1, 1, 20, 60]))
        if tiny.same("EXISTS", "k") == 0:
            expected, bytes_now, target = b"listpack", 0, 9000
            continue
        bytes_now = listpack_bytes(tiny.theirs, "k")
        if not grows and bytes_now <= 4096:
            expected = b"listpack"
        assert tiny.ours.call("OBJECT", "ENCODING", "k") == expected
        seen.add((expected, bytes_now > 4096))
        if grows and bytes_now >= target:
            target = rng.choice([0, 2000, 3900])
        elif not grows and bytes_now <= target:
            target = rng.choice([7000, 8100, 9000])
        if rng.random() < 0.05:
            tiny.to_disk()
    assert {(b"listpack", True), (b"quicklist", True),
            (b"listpack", False)} <= seen


# --- bounds ------------------------------------------------------------------

def test_a_reply_is_as_long_as_what_is_asked_for(start_server):
    """Of a list that can't be answered as a whole a part can."""
    client = start_server(cache_max_memory="16mb").raw()
    for _ in range(40):
        client.call("RPUSH", "k", *[b"x" * 1000] * 100)
    client.call("LPUSH", "k", b"y" * 1_000_000)
    for command in (("LRANGE", "k", 0, -1), ("LRANGE", "k", 0, MOST),
                    ("LPOP", "k", MOST), ("RPOP", "k", 4001),
                    ("LMPOP", 2, "none", "k", "LEFT", "COUNT", MOST)):
        assert client.call(*command).code == "OOM", command
    assert client.call("LLEN", "k") == 4001
    assert client.call("LINDEX", "k", 0) == b"y" * 1_000_000
    assert client.call("LRANGE", "k", -100, MOST) == [b"x" * 1000] * 100
    assert client.call("LPOS", "k", b"x" * 1000, "COUNT", 0) == \
        list(range(1, 4001))
    assert client.call("RPOP", "k", 100) == [b"x" * 1000] * 100
    assert client.call("LMPOP", 1, "k", "LEFT") == [
        b"k", [b"y" * 1_000_000]]
    assert client.call("LTRIM", "k", 0, 9) == OK
    assert client.call("LRANGE", "k", 0, MOST) == [b"x" * 1000] * 10


def test_a_list_that_is_too_large_grows_no_more(start_server):
    server = start_server(cache_max_memory="16mb", enable_debug_command="yes")
    client = server.raw()
    client.call("RPUSH", "k2", b"y" * 500_000)
    reply, pushed = None, 0
    while not isinstance(reply, Error) and pushed < 100:
        reply = client.call("RPUSH", "k", b"x" * 500_000)
        pushed += not isinstance(reply, Error)
    assert reply.code == "OOM" and 5 < pushed < 30
    assert client.call("LMOVE", "k2", "k", "LEFT", "LEFT").code == "OOM"
    assert client.call("LLEN", "k2") == 1 and client.call("LLEN", "k") == pushed
    flush(server)
    client.call("CACHE", "EVICT", "k", "k2")
    assert client.call("LMOVE", "k2", "k", "LEFT", "LEFT").code == "OOM"
    assert client.call("LPOP", "k") == b"x" * 500_000
    assert client.call("LPOP", "k", 2) == [b"x" * 500_000] * 2
    assert client.call("LMOVE", "k2", "k", "LEFT", "LEFT") == b"y" * 500_000
    assert client.call("DEBUG", "CHECK") == OK


def transaction(pair, *lines):
    """What EXEC answers, the same from both."""
    commands = [tuple(one.split(" ")) for one in ("MULTI",) + lines + ("EXEC",)]
    ours, theirs = [one.pipeline(commands) for one in (pair.ours, pair.theirs)]
    assert ours == theirs
    return ours[-1]


def test_in_a_transaction(pair):
    pair.all_same("RPUSH k 1 2 3", "LLEN k")
    assert transaction(pair, "LPOP k", "LMOVE k k2 LEFT LEFT", "LPOP k3 2",
                       "LRANGE k2 0 -1", "LSET k 9 x", "LPUSH k2 b")[:2] == [
                           b"1", b"2"]
    pair.all_same("LRANGE k 0 -1", "LRANGE k2 0 -1")


@pytest.mark.parametrize("line,breaks", [
    ("LPUSH k x", True), ("LPOP k", True), ("LTRIM k 0 -1", True),
    ("LREM k 0 none", False), ("LSET k 99 x", False), ("LPUSHX k2 x", False),
    ("LMOVE k k LEFT LEFT", True), ("LINSERT k AFTER none x", False),
    ("LPOP k 0", False), ("RPOPLPUSH k k2", True), ("LMPOP 1 k2 LEFT", False)])
def test_what_breaks_a_watch(pair, line, breaks):
    other = pair.server.raw(), pair.redis.raw()
    pair.all_same("RPUSH k 1 2 3", "WATCH k")
    replies = [one.call(*line.split(" ")) for one in other]
    assert replies[0] == replies[1]
    assert (transaction(pair, "PING") == [Simple("PONG")]) == (not breaks)
    for one in other:
        one.close()


# --- whole or not at all -----------------------------------------------------

def contents(server):
    client = server.raw()
    return client.call("LRANGE", "from", 0, -1) + \
        client.call("LRANGE", "to", 0, -1)


@pytest.mark.parametrize("count", [10, 3000], ids=["page", "tree"])
@pytest.mark.parametrize("then", ["goes on", "crashes"])
def test_a_move_during_a_flush_is_not_in_it(start_server, count, then):
    """The flush stands at the store's door while elements move."""
    server = steered(start_server)
    elements = [b"element %d" % number for number in range(count)]
    server.call("RPUSH", "from", *elements)
    server.call("RPUSH", "to", "last")
    order(server, "gate write close")
    saved = started(server, "CACHE", "FLUSH")
    wait_waiting(server, "write")
    for number in range(count):
        assert server.call("LMOVE", "from", "to", "LEFT", "LEFT") == \
            elements[number]
    order(server, "reset")
    assert saved.recv() == OK
    if then == "goes on":
        flush(server)
    server.kill9()
    server.start()
    assert contents(server) == (
        elements[::-1] if then == "goes on" else elements) + [b"last"]
    assert server.call("DEBUG", "CHECK") == OK


@pytest.mark.timeout(120)
@pytest.mark.parametrize("threads", [0, 1])
def test_elements_that_move_are_never_lost_or_twice(start_server, threads):
    """Every element is in one of the lists, whenever the server is killed; and
    each of a pair that a transaction moves is where the other is."""
    server = steered(start_server, cache_flush_delay="1ms",
                     io_threads=threads, cache_max_memory="16mb")
    rng = random.Random(threads)
    count = 2000
    everything = sorted(b"%d" % number for number in range(count))
    server.call("RPUSH", "a", *range(count))
    server.call("RPUSH", "x", "token")
    flush(server)
    lists = ["a", "b", "c"]
    for _ in range(6):
        stop = threading.Event()

        def move(client, seed):
            draw = random.Random(seed)
            try:
                while not stop.is_set():
                    commands = []
                    for _ in range(20):
                        commands.append((
                            "LMOVE", draw.choice(lists), draw.choice(lists),
                            draw.choice(["LEFT", "RIGHT"]),
                            draw.choice(["LEFT", "RIGHT"])))
                    commands += [("MULTI",),
                                 ("LMOVE", "x", "y", "LEFT", "LEFT"),
                                 ("SET", "where", "y"), ("EXEC",), ("MULTI",),
                                 ("LMOVE", "y", "x", "LEFT", "LEFT"),
                                 ("SET", "where", "x"), ("EXEC",)]
                    client.pipeline(commands)
            except (OSError, ProtocolError):
                pass # killed
        movers = [threading.Thread(target=move,
                                   args=(server.raw(), rng.random()))
                  for _ in range(2)]
        for one in movers:
            one.start()
        order(server, "crash write %d %s" % (
            rng.randrange(3, 30), rng.choice(["before", "after"])))
        assert server.wait_exit(30 * SLOWNESS) == 137
        stop.set()
        for one in movers:
            one.join()
        server.start()
        client = server.raw()
        there = sum((client.call("LRANGE", key, 0, -1) for key in lists), [])
        assert sorted(there) == everything
        where = client.call("GET", "where")
        tokens = [client.call("LLEN", key) for key in ("x", "y")]
        assert tokens == [0, 1] if where == b"y" else [1, 0], (where, tokens)
        assert client.call("DEBUG", "CHECK") == OK
    assert sum(server.call("EXISTS", key) for key in lists) > 1 # they moved
