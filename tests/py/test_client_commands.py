"""CLIENT PAUSE, UNPAUSE, REPLY, NO-EVICT, NO-TOUCH, UNBLOCK, and the flags and
filters of CLIENT LIST and KILL: as Redis answers, and what waits meanwhile."""

import signal

import pytest

from lib.resp import (NULL, NULL_BULK, Closed, Error, Simple, encode)
from lib.server import wait_until
from lib.stage import play
from lib.steer import cold, order, started, states, steered

OK = Simple("OK")
PONG = Simple("PONG")
LONG_MS = "100000"


def blocked(server):
    return server.info("clients")["blocked_clients"]


def line(wire, field):
    fields = dict(one.split("=", 1) for one in
                  wire.call("CLIENT", "INFO").decode().split())
    return fields[field]


# --- errors, against redis-server --------------------------------------------

ERRORS = """
    a: CLIENT PAUSE
    a: CLIENT PAUSE x
    a: CLIENT PAUSE -1
    a: CLIENT PAUSE 1.5
    a: CLIENT PAUSE 1 x
    a: CLIENT PAUSE x x
    a: CLIENT PAUSE 9223372036854775808
    a: CLIENT PAUSE 1 WRITE x
    a: client pause 1 write x
    a: CLIENT PAUSE 0
    a: CLIENT PAUSE 0 write
    a: CLIENT PAUSE 00 all
    a: CLIENT UNPAUSE
    a: CLIENT UNPAUSE x
    a: CLIENT REPLY
    a: CLIENT REPLY x
    a: CLIENT REPLY ON x
    a: CLIENT REPLY on
    a: CLIENT NO-EVICT
    a: CLIENT NO-EVICT x
    a: CLIENT NO-EVICT on
    a: CLIENT NO-EVICT OFF
    a: CLIENT UNBLOCK
    a: CLIENT UNBLOCK x
    a: CLIENT UNBLOCK {b}
    a: CLIENT UNBLOCK {b} TIMEOUT
    a: CLIENT UNBLOCK {a} error
    a: CLIENT UNBLOCK 999999 ERROR
    a: CLIENT UNBLOCK -1
    a: CLIENT UNBLOCK 1 x
    a: CLIENT UNBLOCK x x
    a: CLIENT UNBLOCK 1 ERROR x
    a: MULTI ; CLIENT NO-EVICT ON ; CLIENT UNBLOCK 1 ; CLIENT GETREDIR ; EXEC
    a: CLIENT LIST x
    a: CLIENT LIST TYPE
    a: CLIENT LIST TYPE x
    a: CLIENT LIST ID
    a: CLIENT LIST ID x
    a: CLIENT LIST ID {a} x
    a: CLIENT LIST TYPE normal ID {a}
    a: CLIENT KILL
    a: CLIENT KILL x
    a: CLIENT KILL ID
    a: CLIENT KILL ID x
    a: CLIENT KILL ID 0
    a: CLIENT KILL ID 999999
    a: CLIENT KILL ID 999999 TYPE pubsub
    a: CLIENT KILL USER nobody
    a: CLIENT KILL USER default TYPE slave LADDR 1.2.3.4:5
    a: CLIENT KILL TYPE x
    a: CLIENT KILL MAXAGE 1
    a: CLIENT KILL ID {b} SKIPME
    a: CLIENT KILL ID {b} SKIPME x
    a: CLIENT KILL TYPE pubsub SKIPME no
"""


@pytest.mark.parametrize("protocols", ["22", "33"])
def test_errors_are_those_of_redis(start_server, start_redis, protocols):
    for ours, theirs in zip(play(start_server(), protocols, ERRORS),
                            play(start_redis(), protocols, ERRORS)):
        assert ours == theirs


def test_new_in_7_2(server):
    wire = server.raw()
    assert wire.call("CLIENT", "PAUSE", 2**63 - 1) == \
        Error("ERR timeout is out of range")
    assert wire.call("CLIENT", "NO-TOUCH", "x") == Error("ERR syntax error")
    assert wire.call("CLIENT", "NO-TOUCH", "on") == OK
    assert line(wire, "flags") == "T"
    assert wire.call("CLIENT", "NO-TOUCH", "OFF") == OK
    assert line(wire, "flags") == "N"


# --- REPLY --------------------------------------------------------------------

@pytest.mark.parametrize("script", [
    "CLIENT REPLY SKIP|PING|PING 2",
    "CLIENT REPLY SKIP||PING|PING 2",
    "CLIENT REPLY SKIP|CLIENT REPLY SKIP|PING 1|PING 2",
    "CLIENT REPLY OFF|PING|CLIENT REPLY SKIP|CLIENT REPLY ON|PING",
    "CLIENT REPLY OFF|RESET|PING",
    "CLIENT REPLY SKIP|RESET|PING 2",
    "CLIENT REPLY SKIP|CLIENT REPLY ON|PING",
    "CLIENT REPLY SKIP|CLIENT REPLY x|PING",
    "CLIENT REPLY OFF|MULTI|CLIENT REPLY ON|PING|EXEC",
    "MULTI|PING 1|CLIENT REPLY OFF|PING 2|EXEC|PING 3|CLIENT REPLY ON",
    "MULTI|PING 1|CLIENT REPLY SKIP|PING 2|EXEC|PING 3|PING 4",
    "MULTI|CLIENT REPLY OFF|CLIENT REPLY ON|EXEC",
    "CLIENT REPLY SKIP|HELLO 3|GET nothing",
    "CLIENT REPLY SKIP|nonsense|nonsense",
    "CLIENT REPLY SKIP|GET|GET",
    "CLIENT REPLY SKIP|CLIENT REPLY OFF|CLIENT REPLY ON|PING",
    "CLIENT REPLY OFF|SET k v|MGET k k|INFO|COMMAND|CLIENT REPLY ON|GET k",
    "CLIENT REPLY OFF|CONFIG GET *|CLIENT LIST|CLIENT REPLY ON",
    "CLIENT REPLY OFF|CLIENT TRACKING ON BCAST|SET k v|CLIENT REPLY ON",
    "PING|CLIENT REPLY OFF|QUIT", "PING|CLIENT REPLY SKIP|*1\r\n$x"])
def test_reply_is_as_in_redis(start_server, start_redis, script):
    """Sent at once, ended by closing: what comes is the same bytes."""
    got = []
    for server in (start_server(), start_redis()):
        wire = server.raw()
        wire.send_raw(script.replace("|", "\r\n").encode() + b"\r\nQUIT\r\n")
        data = wire.recv_until_closed()
        # HELLO tells version and id.
        got.append(data[data.find(b"modules"):] if b"modules" in data
                   else data)
    assert got[0] == got[1]


def test_large_values_are_muted_too(server):
    wire = server.raw()
    value = b"x" * 1_000_000
    assert wire.call("SET", "large", value) == OK
    wire.send("CLIENT", "REPLY", "SKIP")
    wire.send("GET", "large")
    wire.send("MGET", "large", "large")
    assert wire.recv() == [value, value]
    wire.send("CLIENT", "REPLY", "OFF")
    for _ in range(100):
        wire.send("GET", "large")
    assert wire.call("CLIENT", "REPLY", "ON") == OK
    assert wire.call("GET", "large") == value


def test_a_muted_command_that_waits_for_the_disk(start_server):
    server = steered(start_server)
    server.call("SET", "k", "v")
    cold(server, "k")
    wire = server.raw()
    wire.send_raw(encode("CLIENT", "REPLY", "SKIP") + encode("GET", "k") +
                  encode("GET", "k"))
    assert wire.recv() == b"v"
    cold(server, "k")
    wire.send_raw(encode("CLIENT", "REPLY", "OFF") + encode("INCR", "k") +
                  encode("APPEND", "k", "x") +
                  encode("CLIENT", "REPLY", "ON") + encode("GET", "k"))
    assert wire.recv() == OK
    assert wire.recv() == b"vx"


def test_a_command_too_large_is_muted(start_server):
    server = start_server(cache_max_memory="16mb")
    wire = server.raw()
    large = encode("SET", "k", b"x" * 3_000_000)
    wire.send_raw(encode("CLIENT", "REPLY", "SKIP") + large + encode("PING"))
    assert wire.recv() == PONG
    assert wire.call("SET", "k", b"x" * 3_000_000).code == "OOM"


# --- PAUSE --------------------------------------------------------------------

def paused(server, mode):
    """A connection that has paused the others."""
    wire = server.raw()
    assert wire.call("CLIENT", "PAUSE", LONG_MS, *mode.split()) == OK
    return wire


HELD = ["SET k v", "DEL nothing", "GETEX k", "FLUSHALL", "EXPIRE k 10",
        "MSET k v k2 v", "INCR k"]
NOT_HELD = ["GET k", "PING", "MULTI", "nonsense", "SET k", "EXEC",
            "CONFIG GET hz", "CLIENT UNPAUSE", "DBSIZE", "BGSAVE", "SAVE",
            "CACHE FLUSH", "CACHE EVICT k", "WATCH k"]


@pytest.mark.parametrize("command", HELD)
def test_write_holds(server, command):
    control = paused(server, "WRITE")
    wire = server.raw()
    wire.send(*command.split())
    wait_until(lambda: blocked(server) == 1, what="it is held")
    assert control.call("DBSIZE") == 0
    assert wire.nothing_to_read(0.01)
    assert control.call("CLIENT", "UNPAUSE") == OK
    wire.recv()
    assert blocked(server) == 0


@pytest.mark.parametrize("command", NOT_HELD)
def test_write_does_not_hold(server, command):
    control = paused(server, "WRITE")
    server.raw().call(*command.split())
    assert control.call("CLIENT", "UNPAUSE") == OK


@pytest.mark.parametrize("command", HELD + NOT_HELD)
def test_all_holds(server, command):
    """UNPAUSE is held itself: this ends when its time has come."""
    wire = server.raw()
    assert server.call("CLIENT", "PAUSE", "100") == OK
    wire.send(*command.split())
    # What is wrong is told at once.
    is_wrong = command in ("nonsense", "SET k")
    assert is_wrong or wire.nothing_to_read(0.03)
    wire.recv()


def test_what_replicas_would_be_told_is_held(server):
    """PUBLISH and its like, where they are known."""
    names = {one.decode() for one in server.call("COMMAND", "LIST")}
    commands = {"publish": "a b", "spublish": "a b", "pfcount": "k",
                "eval": "return 0", "evalsha": "x 0", "fcall": "x 0"}
    for name in sorted(names & set(commands)):
        control = paused(server, "WRITE")
        started(server, name, *commands[name].split())
        wait_until(lambda: blocked(server) == 1, timeout_s=2,
                   what="%s is held: has it CMD_MAY_REPLICATE?" % name)
        assert control.call("CLIENT", "UNPAUSE") == OK


def test_transactions(server):
    """With writes they are held: when they are queued, and EXEC."""
    reader, queuer, writer, loser = (server.raw() for _ in range(4))
    for wire in (reader, queuer, writer, loser):
        assert wire.call("MULTI") == OK
    reader.call("GET", "k")
    writer.call("SET", "k", "v")
    assert loser.call("SET", "k").code == "ERR"
    control = paused(server, "WRITE")
    assert reader.call("EXEC") == [NULL_BULK]
    assert loser.call("EXEC").code == "EXECABORT"
    writer.send("EXEC")
    queuer.send("SET", "k", "w")
    wait_until(lambda: blocked(server) == 2)
    assert control.call("GET", "k") is NULL_BULK
    assert control.call("CLIENT", "UNPAUSE") == OK
    assert writer.recv() == [OK]
    assert queuer.recv() == Simple("QUEUED")
    assert queuer.call("DISCARD") == OK


def test_a_transaction_that_pauses_goes_on(server):
    wire = server.raw()
    replies = wire.pipeline([
        ("MULTI",), ("CLIENT", "PAUSE", LONG_MS, "WRITE"), ("SET", "k", "v"),
        ("EXEC",), ("CLIENT", "UNPAUSE")])
    assert replies[3:] == [[OK, OK], OK]


def test_they_go_on_in_order(server):
    control = paused(server, "WRITE")
    wires = [started(server, "APPEND", "k", str(number))
             for number in range(10)]
    assert blocked(server) == 10
    assert control.call("STRLEN", "k") == 0
    assert control.call("CLIENT", "UNPAUSE") == OK
    assert [wire.recv() for wire in wires] == list(range(1, 11))
    assert control.call("GET", "k") == b"0123456789"


def test_what_stands_behind_waits_too(server):
    control = paused(server, "WRITE")
    wire = server.raw()
    wire.send_raw(encode("GET", "k") + encode("SET", "k", "v") +
                  encode("GET", "k") + encode("PING"))
    assert wire.recv() is NULL_BULK
    wait_until(lambda: blocked(server) == 1)
    assert control.call("CLIENT", "UNPAUSE") == OK
    assert wire.recv_many(3) == [OK, b"v", PONG]


@pytest.mark.parametrize("mode", ["", "ALL", "WRITE"])
def test_it_ends_by_itself(server, mode):
    wire = server.raw()
    assert wire.call("CLIENT", "PAUSE", "50", *mode.split()) == OK
    assert wire.call("SET", "k", "v") == OK       # this one waits
    assert wire.call("GET", "k") == b"v"


def test_it_is_never_made_shorter_or_less_strict(server):
    wire = server.raw()
    assert wire.call("CLIENT", "PAUSE", LONG_MS, "WRITE") == OK
    assert wire.call("CLIENT", "PAUSE", "0", "WRITE") == OK
    assert wire.call("CLIENT", "PAUSE", "1", "WRITE") == OK
    other = started(server, "SET", "k", "v")
    assert blocked(server) == 1
    assert wire.call("CLIENT", "UNPAUSE") == OK
    assert other.recv() == OK
    # ALL and then WRITE is ALL.
    replies = wire.pipeline([
        ("MULTI",), ("CLIENT", "PAUSE", "200", "ALL"),
        ("CLIENT", "PAUSE", "1", "WRITE"), ("EXEC",)])
    assert replies[-1] == [OK, OK]
    wire.send("GET", "k")
    assert wire.nothing_to_read(0.02)
    assert wire.recv() == b"v"
    # And the next one begins anew.
    assert wire.call("CLIENT", "PAUSE", LONG_MS, "WRITE") == OK
    assert wire.call("GET", "k") == b"v"
    assert wire.call("CLIENT", "UNPAUSE") == OK


def test_who_waits_can_leave_and_be_killed(server):
    control = paused(server, "WRITE")
    leaver, killed, waiter = (started(server, "SET", "k", str(number))
                              for number in range(3))
    ids = control.call("CLIENT", "LIST").decode()
    assert ids.count(" flags=b ") == 3
    leaver.close()
    wait_until(lambda: blocked(server) == 2, what="it is noticed")
    address = "%s:%d" % killed.socket.getsockname()
    assert control.call("CLIENT", "KILL", address) == OK
    with pytest.raises(Closed):
        killed.recv()
    assert control.call("CLIENT", "UNBLOCK", "1") == 0
    assert control.call("CLIENT", "UNPAUSE") == OK
    assert waiter.recv() == OK
    assert control.call("GET", "k") == b"2"


def test_clients_come_and_are_greeted_after_it(server):
    assert server.call("CLIENT", "PAUSE", "100") == OK
    wires = [server.raw() for _ in range(5)]
    for wire in wires:
        wire.send("PING")
    assert [wire.recv() for wire in wires] == [PONG] * 5


def test_idle_clients_that_are_held_stay(start_server):
    server = start_server(timeout=1)
    control = paused(server, "WRITE")
    idle = server.raw()
    assert idle.call("PING") == PONG
    wire = started(server, "SET", "k", "v")
    def idle_is_gone():
        assert control.call("PING") == PONG
        return not idle.nothing_to_read(0)
    wait_until(idle_is_gone, what="the idle one is closed")
    assert control.call("CLIENT", "UNPAUSE") == OK
    assert wire.recv() == OK


def test_a_load_under_way_is_held_when_it_ends(start_server):
    """Nothing is written once PAUSE has answered."""
    server = steered(start_server)
    server.call("SET", "k", "1")
    cold(server, "k")
    control = server.raw()
    order(server, "gate get close")
    wire = started(server, "INCR", "k")
    reader = started(server, "STRLEN", "k")
    assert control.call("CLIENT", "PAUSE", LONG_MS, "WRITE") == OK
    order(server, "gate get open")
    assert reader.recv() == 1
    assert blocked(server) == 1
    assert control.call("GET", "k") == b"1"
    assert control.call("CLIENT", "UNPAUSE") == OK
    assert wire.recv() == 2
    server.call("DEBUG", "CHECK")


def test_flushes_go_on(start_server):
    server = steered(start_server)
    server.call("SET", "k", "v")
    order(server, "gate write close")
    wire = started(server, "CACHE", "FLUSH")
    assert server.call("CLIENT", "PAUSE", "300") == OK
    # Held, or the flush would never end.
    other = server.raw()
    other.send("DEBUG", "STORE", "gate", "write", "open")
    assert other.recv() == OK
    assert wire.recv() == OK


def test_no_key_expires_meanwhile(server):
    control = paused(server, "WRITE")
    assert control.call("CLIENT", "UNPAUSE") == OK
    assert control.pipeline([
        ("MULTI",), ("CLIENT", "PAUSE", LONG_MS, "WRITE"),
        ("SET", "k", "v", "PX", "20"), ("SET", "k2", "v", "PX", "30"),
        ("EXEC",)])[-1] == [OK, OK, OK]
    before = server.info("stats")["expired_keys"]
    # Told to be gone, but there.
    wait_until(lambda: control.call("EXISTS", "k", "k2") == 0)
    assert control.call("MGET", "k", "k2") == [NULL_BULK] * 2
    assert control.call("TTL", "k") == -2
    assert control.call("DBSIZE") == 2
    assert server.info("stats")["expired_keys"] == before
    assert control.call("CLIENT", "UNPAUSE") == OK
    wait_until(lambda: control.call("DBSIZE") == 0)
    assert server.info("stats")["expired_keys"] == before + 2


def test_no_key_on_disk_expires_meanwhile(start_server):
    server = steered(start_server)
    server.call("SET", "k", "v", "PX", "30")
    server.call("SET", "k2", "v")
    server.call("CACHE", "FLUSH")
    server.call("CACHE", "EVICT", "k", "k2")
    control = paused(server, "WRITE")
    wait_until(lambda: control.call("EXISTS", "k") == 0)
    control.call("CACHE", "EVICT", "k")
    assert control.call("EXISTS", "k", "k2") == 1
    assert control.call("DBSIZE") == 2
    assert control.call("CACHE", "FLUSH") == OK
    assert control.call("CLIENT", "UNPAUSE") == OK
    assert control.call("EXISTS", "k", "k2") == 1
    assert control.call("DBSIZE") == 1
    assert server.call("DEBUG", "CHECK") == OK


def test_a_signal_ends_it(server):
    server.call("SET", "k", "v")
    assert server.call("CLIENT", "PAUSE", LONG_MS) == OK
    wire = server.raw()
    wire.send("SET", "k", "w")
    server.restart()
    assert server.call("GET", "k") == b"v"


def test_shutdown_while_writes_are_held(server):
    control = paused(server, "WRITE")
    started(server, "SET", "k", "w")
    control.send("SHUTDOWN")
    assert server.wait_exit() == 0
    server.start()
    assert server.call("GET", "k") is NULL_BULK


# --- the end ------------------------------------------------------------------

def test_who_waits_for_a_flush_is_told_before_the_end(start_server):
    server = steered(start_server)
    server.call("SET", "k", "v")
    order(server, "delay write 300")
    waiters = [started(server, "CACHE", "FLUSH"), started(server, "SAVE")]
    late = server.raw()
    assert late.call("PING") == PONG
    server.signal(signal.SIGTERM)
    wait_until(lambda: "exiting" in server.log_text, what="the signal came")
    late.send("SET", "k", "late")
    assert [wire.recv() for wire in waiters] == [OK, OK]
    assert late.recv_until_closed() == b""
    assert server.wait_exit() == 0
    server.start()
    assert server.call("GET", "k") == b"v"


def test_a_deaf_client_does_not_hold_up_the_end(server):
    """For half a second at most."""
    server.call("SET", "large", b"x" * 5_000_000)
    wire = server.raw()
    wire.send_raw(encode("GET", "large") * 20)
    wait_until(lambda: "omem=0 " not in [
        one for one in server.call("CLIENT", "LIST").decode().splitlines()
        if "cmd=get" in one][0], what="output is pending")
    server.stop()


# --- flags, fields, filters ---------------------------------------------------

def test_flags_and_fields(server):
    wire, other = server.raw(), server.raw()
    number = other.call("CLIENT", "ID")
    assert (line(wire, "flags"), line(wire, "redir")) == ("N", "-1")
    wire.call("CLIENT", "TRACKING", "ON", "REDIRECT", number)
    assert (line(wire, "flags"), line(wire, "redir")) == ("t", str(number))
    wire.call("GET", "k")
    other.close()
    wait_until(lambda: b"id=%d " % number not in wire.call("CLIENT", "LIST"))
    server.call("SET", "k", "v")
    assert line(wire, "flags") == "tR"
    wire.call("CLIENT", "TRACKING", "OFF")
    wire.call("CLIENT", "TRACKING", "ON", "BCAST")
    assert (line(wire, "flags"), line(wire, "redir")) == ("tB", "0")
    wire.call("CLIENT", "NO-EVICT", "ON")
    wire.call("CLIENT", "NO-TOUCH", "ON")
    wire.call("WATCH", "k")
    server.call("SET", "k", "w")
    assert line(wire, "flags") == "tBdeT"
    assert (line(wire, "multi"), line(wire, "multi-mem")) == ("-1", "0")
    wire.call("MULTI")
    wire.call("SET", "a", "b")
    wire.call("SET", "a", "b")
    fields = dict(one.split("=", 1) for one in [
        one for one in server.call("CLIENT", "LIST").decode().splitlines()
        if "flags=x" in one][0].split())
    assert fields["multi"] == "2" and int(fields["multi-mem"]) > 0
    assert fields["flags"] == "xtBdeT" and fields["cmd"] == "set"
    assert wire.call("RESET") == Simple("RESET")
    assert (line(wire, "flags"), line(wire, "multi")) == ("N", "-1")


FIELDS_7_2 = """id addr laddr fd name age idle flags db sub psub ssub multi qbuf
    qbuf-free argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd user
    redir resp lib-name lib-ver""".split()


def test_the_fields_are_those_of_7_2(server):
    text = server.call("CLIENT", "INFO").decode()
    assert [one.split("=")[0] for one in text.split()] == FIELDS_7_2


def test_the_type_of_subscribers(server):
    wire = server.raw()
    if wire.call("SUBSCRIBE", "news") != [b"subscribe", b"news", 1]:
        pytest.fail("no pub/sub")
    number = wire.call("PING") and [
        one for one in server.call("CLIENT", "LIST").decode().splitlines()
        if "cmd=ping" in one][0].split()[0][3:].encode()
    for kind, there in (("pubsub", True), ("normal", False),
                        ("master", False), ("replica", False)):
        found = server.call("CLIENT", "LIST", "TYPE", kind)
        assert (b"id=%s " % number in found) == there, kind
        assert (b"flags=P" in found) == there, kind
    assert server.call("CLIENT", "KILL", "TYPE", "normal", "ID", number) == 0
    assert server.call("CLIENT", "KILL", "TYPE", "pubsub", "USER",
                       "default") == 1
    with pytest.raises(Closed):
        wire.recv()


def test_no_touch_does_not_keep_keys_in_memory(start_server):
    """Without it, what is read again and again stays, whatever comes by."""
    def kept(no_touch):
        server = start_server(cache_max_memory="16mb")
        reader, filler = server.raw(), server.raw()
        assert reader.call("CLIENT", "NO-TOUCH", no_touch) == OK
        names = ["read%d" % number for number in range(20)]
        reader.pipeline([("SET", name, b"x" * 1000) for name in names])
        for batch in range(40):
            reader.pipeline([("CACHE", "FLUSH")] +
                            [("STRLEN", name) for name in names
                             if states(server, name) != ["disk"]])
            filler.pipeline([("SET", "%d:%d" % (batch, number), b"x" * 1000)
                             for number in range(1000)])
        return sum(state != "disk" for state in states(server, *names))
    assert kept("OFF") == 20
    assert kept("ON") == 0


def test_reset_is_7_2s(server):
    """NO-EVICT ends too, which 7.0 keeps."""
    wire = server.raw(protocol=3)
    for words in ("NO-EVICT ON", "NO-TOUCH ON", "TRACKING ON OPTIN",
                  "CACHING YES", "SETNAME me"):
        assert wire.call("CLIENT", *words.split()) == OK
    assert wire.call("RESET") == Simple("RESET")
    assert line(wire, "flags") == "N"
    assert line(wire, "name") == ""
    assert wire.call("HELLO", 3).get("proto") == 3
    assert wire.call("GET", "k") is NULL


def test_maxclients_has_the_range_of_redis(start_server, start_redis):
    def answers(server):
        return [server.call("CONFIG", "SET", "maxclients", value)
                for value in ("0", "-1", "4294967296", "x", "", "1000")]
    assert answers(start_server()) == answers(start_redis())


def test_more_clients_than_files(server):
    """Told with how many it would work; and the old value stays."""
    reply = server.call("CONFIG", "SET", "maxclients", 4294967295)
    assert reply.startswith(
        b"ERR CONFIG SET failed (possibly related to argument 'maxclients') - "
        b"The operating system is not able to handle the specified number of "
        b"clients, try with ")
    assert server.call("CONFIG", "GET", "maxclients")[1] == b"10000"
    most = int(reply.split()[-1])
    assert most > 100
    assert server.call("CONFIG", "SET", "maxclients", most) == OK
