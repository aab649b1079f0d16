"""CLIENT TRACKING: message by message as Redis sends them; and what is ours:
keys that come from disk, leave memory, or are overwritten without being read.
"""

import pytest

from lib.resp import NULL, Error, Push, Simple
from lib.server import SLOWNESS, wait_until
from lib.stage import Stage, play
from lib.steer import cold, steered

OK = Simple("OK")
FORGOTTEN = Push([b"invalidate", NULL])
TOKEN = b"all is in"


def invalid(*keys):
    return Push([b"invalidate", [one.encode() for one in keys]])


def pushed(wire):
    """All pushes that came to a RESP3 connection, in order."""
    values = []
    wire.send("PING", TOKEN)
    value = wire.recv()
    while value != TOKEN:
        assert type(value) is Push, value
        values.append(value)
        value = wire.recv()
    return values


def tracking(server, *options):
    """A RESP3 connection that tracks."""
    wire = server.raw(protocol=3)
    assert wire.call("CLIENT", "TRACKING", "ON", *options) == OK
    return wire


# --- scripts, against redis-server --------------------------------------------

# Protocol of each connection, and what they do.
SCRIPTS = {
    "what was read": ("33", """
        a: CLIENT TRACKING ON
        a: GET k ; GET k2
        b: SET k v
        b: SET k v
        a: GET k
        b: SET other v
        a: MGET k k2 k3 ; STRLEN k ; EXISTS k4 ; TTL k5 ; TYPE k6
        b: MSET k 1 k2 2 k3 3 k4 4 k5 5 k6 6
        a: TOUCH k ; EXPIRETIME k ; PTTL k2
        b: DEL k k2 k3
        b: SET k 1 ; SET k2 2
        a: GETRANGE k 0 0
        b: MSETNX k 1 k2 2
        b: UNLINK k2 k
        a: GET 
        b: SET  v
    """),
    "writes are no reads": ("33", """
        a: CLIENT TRACKING ON
        b: SET k 1
        a: GETEX k ; GETDEL k
        b: SET k 1
        a: INCR k ; APPEND k 1 ; GETSET k 1 ; SET k 1 GET ; SETRANGE k 0 1
        b: SET k 2
        a: GETEX k EX 100 ; EXPIRE k 100 ; PERSIST k ; DEL k ; SETNX k 1
        b: SET k 2
        a: WATCH k
        b: SET k 3
        a: DBSIZE ; ECHO k
        b: SET k 4
    """),
    "what is a change": ("33", """
        a: CLIENT TRACKING ON
        b: SET k 1
        a: GET k ; GET k2
        b: RENAME k k2
        a: GET k ; GET k2
        b: RENAMENX k2 k
        a: GET k
        b: EXPIRE k 1000
        a: GET k
        b: EXPIRE k 1000 NX
        b: PERSIST k
        a: GET k
        b: PERSIST k
        b: APPEND k x
        a: GET k
        b: APPEND k 
        a: GET k
        b: SETRANGE k 0 
        b: SETRANGE k 5 a
        a: GET k
        b: GETEX k
        b: GETEX k PERSIST
        b: GETEX k EX 100
        a: GET k
        b: GETEX k PERSIST
        a: GET k
        b: GETDEL k
        a: GET k
        b: DEL k ; GETDEL k ; EXPIRE k 10 ; PERSIST k
        b: SETNX k 1
        a: GET k
        b: SETNX k 2 ; SET k 2 NX ; MSETNX k 1 k2 2 ; RENAMENX k k
        b: INCR k ; INCRBY k 2 ; INCRBYFLOAT k 1.5
        a: GET k
        b: SET k v XX
        a: GET k
        b: SET k v EX 100
        a: GET k
        b: SET k v PXAT 1
        b: SET k v
        a: GET k
        b: EXPIRE k -1
        a: GET k
        b: TOUCH k ; GET k ; TYPE k
        b: SET k wrong ; INCR k
    """),
    "its own commands": ("33", """
        a: CLIENT TRACKING ON
        a: GET k ; SET k 1 ; GET k ; SET k 2 ; GET k
        a: MULTI ; SET k 3 ; SET k 4 ; GET k ; DEL k ; EXEC
        a: MULTI ; GET k ; GET k2 ; EXEC
        b: SET k2 1 ; SET k 1
        a: MULTI ; GET k ; SET k 1 ; GET k ; SET k 1 ; DISCARD
        a: SET k 1
        a: MGET k k2
        a: MSET k 1 k2 2
    """),
    "other databases": ("33", """
        a: CLIENT TRACKING ON
        a: SELECT 1 ; GET k ; SELECT 0
        b: SET k v
        a: GET k
        b: SELECT 2 ; SET k v
    """),
    "flush": ("333", """
        a: CLIENT TRACKING ON
        c: CLIENT TRACKING ON BCAST PREFIX x
        a: GET k ; GET k2
        b: SELECT 3 ; FLUSHDB
        b: SELECT 0 ; SET k v
        b: FLUSHALL
        b: FLUSHALL ASYNC
        a: GET k ; FLUSHALL ; GET k ; SET k v
        a: MULTI ; GET k ; FLUSHALL ; SET k v ; FLUSHDB ; GET k ; SET k w ; EXEC
        c: SET x 1 ; FLUSHDB ; SET x 2
    """),
    "noloop": ("33", """
        a: CLIENT TRACKING ON NOLOOP
        a: GET k ; SET k v ; GET k
        b: SET k v
        a: GET k ; SET k v
        b: SET k v
        a: GET k ; FLUSHALL
        a: GET k
        b: FLUSHALL
    """),
    "optin": ("33", """
        a: CLIENT TRACKING ON OPTIN
        a: GET k
        b: SET k v
        a: CLIENT CACHING YES ; GET k ; GET k2
        b: SET k v ; SET k2 v
        a: CLIENT CACHING YES ; MULTI ; GET k ; GET k2 ; EXEC ; GET k3
        b: MSET k 1 k2 2 k3 3
        a: MULTI ; GET k ; CLIENT CACHING YES ; GET k2 ; EXEC ; GET k3
        b: MSET k 1 k2 2 k3 3
        a: CLIENT CACHING YES ; CLIENT GETNAME ; CLIENT TRACKINGINFO ; GET k
        b: SET k v
        a: CLIENT CACHING YES ; nonsense ; GET k
        b: SET k v
        a: CLIENT CACHING YES ; CLIENT nonsense ; GET k
        b: SET k v
        a: CLIENT CACHING YES ; GET ; GET k
        b: SET k v
        a: CLIENT CACHING YES ; CLIENT CACHING x ; GET k
        b: SET k v
        a: CLIENT CACHING YES ; MULTI ; SET k ; EXEC ; GET k
        b: SET k v
        a: CLIENT CACHING YES ; MULTI ; DISCARD ; GET k
        b: SET k v
        a: CLIENT CACHING YES ; CLIENT TRACKING OFF ; CLIENT TRACKING ON OPTIN
        a: GET k
        b: SET k v
        a: CLIENT CACHING YES ; CLIENT TRACKING ON OPTIN ; GET k
        b: SET k v
    """),
    "optout": ("33", """
        a: CLIENT TRACKING ON OPTOUT
        a: GET k
        b: SET k v
        a: CLIENT CACHING NO ; GET k ; GET k2
        b: SET k v ; SET k2 v
        a: CLIENT CACHING NO ; CLIENT TRACKINGINFO
        a: CLIENT CACHING NO ; MULTI ; GET k ; GET k2 ; EXEC ; GET k3
        b: MSET k 1 k2 2 k3 3
    """),
    "off and on": ("33", """
        a: CLIENT TRACKING ON
        a: GET k ; CLIENT TRACKING OFF
        b: SET k v
        a: CLIENT TRACKING ON ; GET k ; CLIENT TRACKING OFF
        a: CLIENT TRACKING ON
        b: SET k v
        a: GET k ; CLIENT TRACKING OFF ; CLIENT TRACKING ON BCAST PREFIX x
        b: SET k v
        a: CLIENT TRACKING OFF ; CLIENT TRACKING ON ; GET k
        a: RESET
        b: SET k v
        a: CLIENT TRACKINGINFO
    """),
    "bcast": ("333", """
        a: CLIENT TRACKING ON BCAST
        c: CLIENT TRACKING ON BCAST PREFIX user: PREFIX obj
        b: SET user:1 a ; SET other b ; SET obj c ; SET user:0 d
        b: SET user:1 a
        a: SET user:2 a ; GET user:2
        b: MSET z 1 y 2 x 3 user: 4 use 5 object 6  7 uses 8 users 9
        b: DEL user: nokey
        b: MULTI ; SET user:1 1 ; SET user:1 2 ; DEL user:1 ; EXEC
        c: CLIENT TRACKING ON BCAST NOLOOP PREFIX new
        c: CLIENT TRACKINGINFO
        c: SET user:1 1 ; SET new:1 2
        b: SET new:1 x ; SET user:1 y
        c: FLUSHALL
        c: CLIENT TRACKING ON BCAST
        b: SET user:1 x
        c: CLIENT TRACKINGINFO
        c: CLIENT TRACKING OFF
        c: SET user:1 1
        b: SELECT 5 ; SET user:1 1
        a: CLIENT TRACKING OFF
        b: SET user:1 2
    """),
    "bcast and noloop": ("333", """
        a: CLIENT TRACKING ON BCAST NOLOOP PREFIX k
        c: CLIENT TRACKING ON BCAST PREFIX k
        a: SET k1 1
        b: SET k2 2
        a: SET k1 1 ; SET k3 2
        b: SET k1 1 ; SET k2 2
        a: GET k1
        b: EXPIRE k1 -1
        a: SET k4 1 PXAT 1
    """),
    "redirect": ("333", """
        b: CLIENT TRACKING ON REDIRECT {a}
        b: GET k ; CLIENT TRACKINGINFO
        c: SET k v
        b: GET k ; SET k w ; GET k
        c: FLUSHALL
        b: GET k
        a: close
        c: SET k v
        b: CLIENT TRACKINGINFO
        b: GET k
        c: SET k v
        b: GET k ; SET k v
        b: FLUSHALL
        b: CLIENT TRACKING ON
        b: CLIENT TRACKINGINFO
        b: GET k
        c: SET k v
        c: CLIENT TRACKING ON REDIRECT {c}
        c: GET k ; SET k v
        b: SET k v
        c: GET k
        b: SET k v
    """),
    "redirect of resp2": ("233", """
        a: CLIENT TRACKING ON REDIRECT {b}
        a: GET k
        c: SET k v
        a: GET k ; SET k v
        c: FLUSHALL
        a: CLIENT TRACKING OFF ; CLIENT TRACKING ON BCAST REDIRECT {b} PREFIX x
        c: SET x 1 ; SET y 2 ; SET x2 3
        b: close
        c: SET x 1
        a: CLIENT TRACKINGINFO
    """),
    "resp2 is not told": ("22", """
        a: CLIENT TRACKING ON
        a: GET k
        b: SET k v
        a: GET k
        b: FLUSHALL
        a: CLIENT TRACKING OFF ; CLIENT TRACKING ON BCAST
        b: SET k v
    """),
    "redirect to a subscriber": ("222", """
        b: SUBSCRIBE __redis__:invalidate
        a: CLIENT TRACKING ON REDIRECT {b}
        a: GET k ; MGET k2 k3
        c: SET k v ; MSET k2 2 k3 3
        a: GET k ; SET k v
        c: FLUSHALL
        a: CLIENT TRACKING OFF ; CLIENT TRACKING ON BCAST REDIRECT {b} PREFIX x
        c: SET x2 1 ; SET y 2 ; SET x 3
        b: UNSUBSCRIBE
        c: SET x 1
        b: PSUBSCRIBE any*
        c: SET x 1
        b: close
        c: SET x 1
        a: CLIENT TRACKINGINFO
    """),
    "redirect to a subscriber of resp3": ("332", """
        b: SUBSCRIBE __redis__:invalidate
        a: CLIENT TRACKING ON REDIRECT {b}
        a: GET k
        c: SET k v
        c: SUBSCRIBE other
        a: CLIENT TRACKING ON REDIRECT {c}
        a: GET k
        b: SET k v
        b: FLUSHALL
    """),
    "swapped": ("33", """
        a: CLIENT TRACKING ON
        a: GET k
        b: SWAPDB 0 1
        b: SET k v
    """),
}

ERRORS = """
    a: CLIENT TRACKING
    a: CLIENT TRACKING x
    a: CLIENT TRACKING x BCAST
    a: CLIENT TRACKING ON x
    a: CLIENT TRACKING ON REDIRECT
    a: CLIENT TRACKING ON REDIRECT x
    a: CLIENT TRACKING ON REDIRECT 999999
    a: CLIENT TRACKING ON REDIRECT 0
    a: CLIENT TRACKING ON REDIRECT -1
    a: CLIENT TRACKING ON REDIRECT {b} REDIRECT {b}
    a: CLIENT TRACKING ON PREFIX
    a: CLIENT TRACKING ON PREFIX a
    a: CLIENT TRACKING OFF PREFIX a
    a: CLIENT TRACKING ON BCAST OPTIN
    a: CLIENT TRACKING ON OPTOUT BCAST
    a: CLIENT TRACKING ON OPTIN OPTOUT
    a: CLIENT TRACKING ON BCAST PREFIX a PREFIX ab
    a: CLIENT TRACKING ON BCAST PREFIX ab PREFIX a
    a: CLIENT TRACKING ON BCAST PREFIX a PREFIX a
    a: CLIENT TRACKING ON BCAST PREFIX b PREFIX 
    a: CLIENT TRACKINGINFO
    a: CLIENT GETREDIR
    a: CLIENT TRACKING on bcast prefix b PREFIX a
    a: CLIENT TRACKINGINFO
    a: CLIENT TRACKING ON BCAST PREFIX bb
    a: CLIENT TRACKING ON BCAST PREFIX c PREFIX a PREFIX c
    a: CLIENT TRACKING ON
    a: CLIENT TRACKING ON OPTIN
    a: CLIENT TRACKING ON BCAST
    a: CLIENT TRACKINGINFO
    a: CLIENT TRACKING ON BCAST PREFIX c
    a: CLIENT TRACKING ON BCAST NOLOOP
    a: CLIENT TRACKINGINFO ; CLIENT GETREDIR
    a: CLIENT TRACKING OFF ; CLIENT TRACKINGINFO ; CLIENT TRACKING OFF
    a: CLIENT CACHING YES
    a: CLIENT CACHING x
    a: CLIENT TRACKING ON ; CLIENT CACHING YES ; CLIENT CACHING NO
    a: CLIENT TRACKING ON OPTIN ; CLIENT CACHING NO ; CLIENT CACHING x
    a: CLIENT CACHING yes ; CLIENT TRACKINGINFO ; PING ; CLIENT TRACKINGINFO
    a: CLIENT TRACKING ON OPTOUT
    a: CLIENT TRACKING ON NOLOOP ; CLIENT TRACKINGINFO
    a: CLIENT TRACKING ON OPTOUT ; CLIENT CACHING YES
    a: CLIENT CACHING no ; CLIENT TRACKINGINFO
    a: CLIENT CACHING ; CLIENT CACHING no no ; CLIENT TRACKINGINFO x
    a: CLIENT GETREDIR x
    a: MULTI ; CLIENT TRACKINGINFO ; CLIENT TRACKING ; EXEC
"""




@pytest.mark.parametrize("name", SCRIPTS)
def test_messages_are_those_of_redis(start_server, start_redis, name):
    ours, theirs = start_server(), start_redis()
    protocols, script = SCRIPTS[name]
    for line, other in zip(play(ours, protocols, script),
                           play(theirs, protocols, script)):
        assert line == other


@pytest.mark.parametrize("protocols", ["22", "33"])
def test_errors_are_those_of_redis(start_server, start_redis, protocols):
    for line, other in zip(play(start_server(), protocols, ERRORS),
                           play(start_redis(), protocols, ERRORS)):
        assert line == other


def test_the_scripts_can_fail(start_server, start_redis):
    """A message too many, or none, is seen."""
    script = "a: CLIENT TRACKING ON\na: GET k\nb: SET k v"
    ours = play(start_server(), "33", script)
    assert ours == play(start_redis(), "33", script)
    assert ours != play(start_redis(), "33", script.replace("ON", "OFF"))
    assert ours[-1][1]["a"] == b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"


# --- data and memory ----------------------------------------------------------

def test_to_leave_memory_is_no_change(start_server):
    server = steered(start_server)
    writer = server.raw()
    wire = tracking(server)
    writer.call("SET", "k", "v")
    wire.call("GET", "k")
    cold(server, "k")
    assert pushed(wire) == []
    assert wire.call("GET", "k") == b"v"          # loaded
    cold(server, "k")
    assert writer.call("GET", "k") == b"v"        # by somebody else
    assert pushed(wire) == []
    writer.call("SET", "k", "w")
    assert pushed(wire) == [invalid("k")]


@pytest.mark.parametrize("write", [
    ("SET", "k", "w"), ("MSET", "k", "w"), ("SETEX", "k", "100", "w"),
    ("DEL", "k"), ("APPEND", "k", "x"), ("EXPIRE", "k", "100")])
def test_a_cold_key_that_is_written(start_server, write):
    """SET and its like do not even look at what is on disk."""
    server = steered(start_server)
    wire = tracking(server)
    bcast = tracking(server, "BCAST", "PREFIX", "k")
    server.call("SET", "k", "v")
    assert wire.call("GET", "k") == b"v"
    assert pushed(bcast) == [invalid("k")]
    cold(server, "k")
    server.call(*write)
    assert pushed(wire) == [invalid("k")]
    assert pushed(bcast) == [invalid("k")]


def test_what_is_read_from_disk_is_tracked(start_server):
    server = steered(start_server)
    server.call("MSET", "k", "v", "k2", "v2")
    cold(server, "k", "k2")
    wire = tracking(server)
    assert wire.call("MGET", "k", "k2", "k3") == [b"v", b"v2", NULL]
    server.call("DEL", "k3", "k2")
    assert pushed(wire) == [invalid("k2")]
    server.call("SET", "k3", "x")
    assert pushed(wire) == [invalid("k3")]


def test_a_transaction_on_cold_keys(start_server):
    server = steered(start_server)
    server.call("MSET", "k", "v", "k2", "v2")
    cold(server, "k", "k2")
    wire = tracking(server)
    wire.pipeline([("MULTI",), ("GET", "k"), ("GET", "k2"), ("EXEC",)])
    server.call("SET", "k", "w")
    assert pushed(wire) == [invalid("k")]


def test_an_expired_key(server):
    wire = tracking(server)
    bcast = tracking(server, "BCAST", "PREFIX", "k")
    server.call("SET", "k", "v", "PX", "50")
    assert wire.call("GET", "k") == b"v"
    assert pushed(bcast) == [invalid("k")]
    assert wire.recv() == invalid("k")             # nobody asked for it
    assert bcast.recv() == invalid("k")
    assert wire.call("GET", "k") is NULL
    assert pushed(wire) == pushed(bcast) == []


@pytest.mark.parametrize("is_searched", [0, 1])
def test_a_key_that_expires_on_disk(start_server, is_searched):
    """A client with a copy must be told, once, also if the server itself does
    not notice before somebody asks."""
    server = steered(start_server)
    server.call("DEBUG", "SET-ACTIVE-EXPIRE", is_searched)
    server.call("SET", "k", "v", "PX", 1000 * SLOWNESS)
    wire = tracking(server)
    assert wire.call("GET", "k") == b"v"
    cold(server, "k")
    assert wire.recv() == invalid("k")
    if is_searched:
        wait_until(lambda: server.call("DBSIZE") == 0, what="it is gone")
    else:
        assert server.call("CACHE", "STATE", "k") == [b"disk"]
    assert wire.call("GET", "k") is NULL
    assert pushed(wire) == []


def test_a_deadline_that_was_moved_is_not_kept(start_server):
    server = steered(start_server)
    server.call("SET", "k", "v", "PX", 400 * SLOWNESS)
    server.call("SET", "later", "v", "PX", 500 * SLOWNESS)
    wire = tracking(server)
    assert wire.call("MGET", "k", "later") == [b"v", b"v"]
    server.call("PERSIST", "k")
    assert pushed(wire) == [invalid("k")]
    assert wire.call("GET", "k") == b"v"
    assert wire.recv() == invalid("later")


def test_a_key_lost_in_a_crash_of_nobody(start_server):
    """After a restart nobody tracks."""
    server = steered(start_server)
    wire = tracking(server)
    wire.call("GET", "k")
    wire.close()
    server.restart()
    assert server.info("clients")["tracking_clients"] == 0
    assert server.info("stats")["tracking_total_keys"] == 0


# --- bounds -------------------------------------------------------------------

def table(server):
    figures = server.info("stats")
    return (figures["tracking_total_keys"], figures["tracking_total_items"],
            figures["tracking_total_prefixes"])


def test_figures(server):
    assert table(server) == (0, 0, 0)
    one, other = tracking(server), tracking(server)
    bcast = tracking(server, "BCAST", "PREFIX", "a", "PREFIX", "b")
    one.call("MGET", "a", "b", "a")
    other.call("MGET", "b", "c")
    assert table(server) == (3, 4, 2)
    assert server.info("clients")["tracking_clients"] == 3
    server.call("SET", "b", "x")
    assert table(server) == (2, 2, 2)
    bcast.call("CLIENT", "TRACKING", "OFF")
    other.close()
    wait_until(lambda: server.info("clients")["tracking_clients"] == 1)
    assert table(server)[2] == 0
    server.call("FLUSHALL")
    assert table(server) == (0, 0, 0)


def test_many_readers_of_one_key(server):
    wires = [tracking(server) for _ in range(40)]
    for wire in wires[::-1]:
        assert wire.call("GET", "k") is NULL
        assert wire.call("GET", "k") is NULL
    assert table(server)[:2] == (1, 40)
    wires.pop(7).close()
    wait_until(lambda: server.info("clients")["tracking_clients"] == 39)
    server.call("SET", "k", "v")
    assert [pushed(wire) for wire in wires] == [[invalid("k")]] * 39
    assert table(server)[:2] == (0, 0)


def test_the_table_has_a_bound(start_server):
    """Keys beyond it are dropped, and their readers are told."""
    server = start_server(tracking_table_max_keys=100)
    wire = tracking(server)
    keys = ["k%d" % number for number in range(1000)]
    wire.call("MGET", *keys)
    assert table(server)[0] == 100
    told = pushed(wire)
    gone = {one[1][0].decode() for one in told}
    assert len(told) == len(gone) == 900 and gone < set(keys)
    server.call("MSET", *[word for key in keys for word in (key, "v")])
    assert sorted(one[1][0].decode() for one in pushed(wire)) == \
        sorted(set(keys) - gone)
    wire.call("MGET", *keys)
    pushed(wire)
    assert server.call("CONFIG", "SET", "tracking-table-max-keys", 10) == OK
    wait_until(lambda: table(server)[0] == 10, what="the table is smaller")
    assert server.call("CONFIG", "SET", "tracking-table-max-keys", 0) == OK
    wire.call("MGET", *keys)
    assert table(server)[0] == 1000


def test_the_table_has_a_bound_in_bytes(start_server):
    """A 16th of memory, whatever the keys: here some are long."""
    server = start_server(cache_max_memory="16mb", tracking_table_max_keys=0)
    wire = tracking(server)
    for first in range(0, 40_000, 1000):
        wire.call("EXISTS", *["%s%d" % ("x" * (number % 7) * 100, number)
                              for number in range(first, first + 1000)])
        assert all(len(one) == 2 for one in pushed(wire))
    keys = table(server)[0]
    assert 500 < keys < 5000
    server.call("FLUSHALL")
    assert pushed(wire) == [FORGOTTEN]
    assert table(server)[0] == 0


def test_many_changes_in_one_turn(start_server):
    """More than is gathered: in several messages, but all, and each once."""
    server = start_server(cache_max_memory="16mb")
    wires = [tracking(server, "BCAST"),
             tracking(server, "BCAST", "NOLOOP", "PREFIX", "k")]
    keys = [b"k%06d" % number for number in range(20_000)]
    server.call("MSET", *[word for key in keys for word in (key, "")])
    for wire in wires:
        told = pushed(wire)
        assert len(told) > 1
        assert sorted(key for one in told for key in one[1]) == keys
    # The second one's own changes go to the first only.
    wires[1].send("MSET", *[word for key in keys[:9000]
                            for word in (key, "")])
    assert wires[1].recv() == OK
    assert pushed(wires[1]) == []
    assert sorted(key for one in pushed(wires[0]) for key in one[1]) == \
        keys[:9000]


def test_long_keys(server):
    """From 512 bytes on a message is shared by all who get it."""
    wires = [tracking(server), tracking(server), tracking(server, "BCAST")]
    for size in (500, 511, 512, 513, 600, 20_000, 300_000):
        key = "k" * size
        for wire in wires[:2]:
            assert wire.call("GET", key) is NULL
        server.call("SET", key, "v")
        assert [pushed(wire) for wire in wires] == [[invalid(key)]] * 3
        server.call("DEL", key)
        pushed(wires[2])


def test_prefixes_have_a_bound(server):
    wire = server.raw(protocol=3)
    def prefixes(first, count):
        return [word for number in range(first, first + count)
                for word in ("PREFIX", "p%06d:" % number)]
    too_many = Error("ERR Too many prefixes for a single client")
    assert wire.call("CLIENT", "TRACKING", "ON", "BCAST",
                     *prefixes(0, 4097)) == too_many
    assert wire.call("CLIENT", "TRACKING", "ON", "BCAST",
                     *prefixes(0, 4000)) == OK
    assert wire.call("CLIENT", "TRACKING", "ON", "BCAST",
                     *prefixes(4000, 97)) == too_many
    assert table(server)[2] == 4000
    server.call("SET", "p000007:x", "v")
    assert pushed(wire) == [invalid("p000007:x")]
    wire.close()
    wait_until(lambda: table(server)[2] == 0, what="all are gone")


def test_prefixes_are_charged_to_their_client(server):
    wire = server.raw(protocol=3)
    def bytes_of_wire():
        line = wire.call("CLIENT", "INFO").decode()
        return int(line.split("tot-mem=")[1].split(" ")[0])
    before = bytes_of_wire()
    words = [word for number in range(1000)
             for word in ("PREFIX", "%0100d" % number)]
    assert wire.call("CLIENT", "TRACKING", "ON", "BCAST", *words) == OK
    assert bytes_of_wire() - before > 100_000
    assert wire.call("CLIENT", "TRACKING", "OFF") == OK
    assert bytes_of_wire() - before < 10_000


def test_who_does_not_read_is_cut(start_server):
    """Invalidations are output like any other."""
    server = start_server(cache_max_memory="16mb")
    deaf, listener = tracking(server, "BCAST"), tracking(server, "BCAST")
    keys = [b"%0400d" % number for number in range(500)]
    writer = server.raw()
    for _ in range(200):
        writer.call("MSET", *[word for key in keys for word in (key, "")])
        assert len(pushed(listener)) == 1
        if server.info("clients")["tracking_clients"] == 1:
            break
    else:
        pytest.fail("40 MB of invalidations are kept")
    assert len(deaf.recv_until_closed()) > 200_000


def test_stage_tells_who_gets_what(server):
    stage = Stage(server, "33")
    assert stage.do("a", "CLIENT TRACKING ON ; GET k") == {"a": b"+OK\r\n_\r\n"}
    assert stage.do("b", "SET k v") == {
        "b": b"+OK\r\n",
        "a": b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"}
    stage.close()
