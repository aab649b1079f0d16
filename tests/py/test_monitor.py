"""MONITOR: lines as Redis has them, to whom they go, and when it ends."""

import os
import re

import pytest

from lib.resp import Error, RespClient, Simple
from lib.server import wait_until
from lib.steer import OK, cold, figures, gate, started, steered, wait_waiting

LINE = re.compile(
    rb'(\d{10})\.(\d{6}) \[(\d+) ([^\]]+)\]((?: "(?:[^"\\]|\\.)*")+)$')
END = (b"ECHO", b"the end")


@pytest.fixture
def server(start_server):
    return steered(start_server)


def monitor(server, protocol=2):
    client = server.raw(protocol)
    assert client.call("MONITOR") == OK
    return client


def lines_until_end(server, client):
    """What comes until END, which is sent now: (database, address, words)."""
    other = server.raw()
    other.call(*END)
    other.close()
    found = []
    while True:
        line = client.recv()
        assert type(line) is Simple, line
        match = LINE.match(line)
        assert match, line
        _, _, database, address, words = match.groups()
        if words == b' "ECHO" "the end"':
            return found
        found.append((int(database), address, words))


def flags(server, client_id):
    line = server.call("CLIENT", "LIST", "ID", client_id).decode()
    return re.search(r" flags=(\S+)", line).group(1)


# --- lines -----------------------------------------------------------------

SCRIPT = [
    ("SET", "k", "v"), ("GET", "k"), ("get", "nosuch"), ("NOSUCH", "x"),
    ("GET",), ("SELECT", 3), ("SET", "k", ""), ("INCR", "k"),
    ("SET", "number", 123456789), ("ECHO", bytes(range(256))),
    ("ECHO", b'quote " backslash \\'), ("ECHO", b"x" * 5000),
    ("ECHO", b"\n" * 40_000), ("MULTI",), ("GET", "k"), ("SET", "a", "b"),
    ("NOSUCH",), ("EXEC",), ("MULTI",), ("INCR", "number"), ("GET", "k"),
    ("SELECT", 5), ("PING",), ("EXEC",), ("MULTI",), ("GET", "k"),
    ("DISCARD",), ("WATCH", "k"), ("UNWATCH",), ("CONFIG", "GET", "port"),
    ("DEBUG", "SLEEP", 0), ("CLIENT", "ID"), ("CLIENT", "LIST"),
    ("SLOWLOG", "LEN"), ("SLOWLOG", "HELP"), ("LATENCY", "LATEST"),
    ("COMMAND", "COUNT"), ("INFO", "nosuch"), ("AUTH", "secret"),
    ("AUTH", "default", "secret"), ("HELLO", "3", "AUTH", "default", "secret"),
    ("HELLO", "2", "SETNAME", "auth", "AUTH", "default", "secret"),
    ("HELLO", "9"), ("SAVE",), ("FLUSHDB",), ("FLUSHALL",), ("TIME",),
    ("RESET",), ("SET", "k", "v"), ("QUIT",),
]


@pytest.mark.parametrize("protocol", [2, 3])
def test_lines_are_those_of_redis(server, start_redis, protocol):
    told = []
    for one in (server, start_redis(enable_debug_command="yes")):
        monitors = monitor(one, protocol)
        client = one.raw()
        address = b"%s:%d" % (client.socket.getsockname()[0].encode(),
                              client.socket.getsockname()[1])
        for words in SCRIPT:
            client.call(*words)
        lines = lines_until_end(one, monitors)
        assert {line[1] for line in lines} == {address}
        told.append([(database, words) for database, _, words in lines])
    assert told[0] == told[1]
    assert len(told[0]) > 30


def test_a_unix_socket(start_server, start_redis):
    told = []
    for start in (start_server, start_redis):
        one = start(unixsocket="socket")
        monitors = monitor(one)
        with RespClient(path=os.path.join(one.directory, "socket")) as client:
            client.call("PING")
        [(_, address, words)] = lines_until_end(one, monitors)
        told.append((address.replace(one.directory.encode() + b"/", b""),
                     words))
    assert told[0] == told[1] == (b"unix:socket", b' "PING"')


def test_time_is_that_of_the_server(server):
    client = monitor(server)
    seconds = int(server.call("TIME")[0])
    at = float(client.recv().split()[0])
    assert seconds - 1 <= at <= seconds + 2


def test_no_password_is_shown_whatever_else_is_wrong(server):
    client = monitor(server)
    for words in [("AUTH", "a", "pass-word", "c"),
                  ("HELLO", "9", "AUTH", "default", "pass-word"),
                  ("HELLO", "3", "auth", "pass-word", "pass-word", "x")]:
        assert isinstance(server.call(*words), Error)
    lines = lines_until_end(server, client)
    assert len(lines) == 3
    assert not any(b"pass-word" in words for _, _, words in lines)


def test_a_parked_command_is_told_once_when_it_runs(server):
    server.call("SET", "k", "v")
    cold(server, "k")
    client = monitor(server)
    with gate(server, "get"):
        other = started(server, "GET", "k")
        wait_waiting(server, "get")
        early = [words for _, _, words in lines_until_end(server, client)]
    assert b' "GET" "k"' not in early
    assert other.recv() == b"v"
    assert [words for _, _, words in lines_until_end(server, client)] \
        == [b' "GET" "k"']


# --- who monitors ----------------------------------------------------------

@pytest.mark.parametrize("protocol", [2, 3])
def test_its_own_commands_come_behind_their_replies(server, redis_server,
                                                    protocol):
    told = []
    for one in (server, redis_server):
        client = one.raw(protocol)
        client.send("MONITOR")
        client.send("PING")
        client.send("MONITOR") # again: no reply
        client.send("GET", "k")
        client.send("SET", "k", "v")
        client.send("MULTI")
        client.send("DEL", "k")
        client.send("EXEC")
        client.send("CLIENT", "GETNAME")
        client.send("QUIT")
        text = client.recv_until_closed()
        told.append(re.sub(rb"\d+\.\d+ \[0 [^\]]+\]", b"TIME", text))
    assert told[0] == told[1]
    assert b"Replica can't interact with the keyspace" in told[0]


def test_not_within_a_transaction(server, redis_server):
    for one in (server, redis_server):
        client = one.raw()
        client.pipeline([("MULTI",), ("MONITOR",)])
        assert client.call("EXEC") == [
            Error("ERR MONITOR isn't allowed for DENY BLOCKING client")]
        assert client.call("PING") == Simple("PONG")


def test_reset_ends_it(server):
    client = monitor(server)
    assert server.info("clients")["monitor_clients"] == 1
    client.recv() # that INFO
    assert client.call("RESET") == Simple("RESET")
    assert server.info("clients")["monitor_clients"] == 0
    assert client.call("PING") == Simple("PONG")
    assert client.call("GET", "k") != Error("x") # it may read again


def test_hanging_up_ends_it(server):
    client = monitor(server)
    client.close()
    wait_until(lambda: server.info("clients")["monitor_clients"] == 0)
    assert server.call("PING") == Simple("PONG")


def test_kill_ends_it(server):
    client = server.raw()
    number = client.call("CLIENT", "ID")
    assert client.call("MONITOR") == OK
    assert server.call("CLIENT", "KILL", "TYPE", "normal", "ID", number) == 1
    client.recv_until_closed()
    assert server.info("clients")["monitor_clients"] == 0


def test_it_is_flagged(server, redis_server):
    for one in (server, redis_server):
        client = one.raw()
        number = client.call("CLIENT", "ID")
        assert flags(one, number) == "N"
        client.call("MONITOR")
        assert flags(one, number) == "O"


def test_all_who_monitor_are_told(server):
    clients = [monitor(server, protocol) for protocol in (2, 3, 2)]
    server.call("SET", "k", "v")
    for client in clients:
        lines = [words for _, _, words in lines_until_end(server, client)]
        assert b' "SET" "k" "v"' in lines


# --- bounds ----------------------------------------------------------------

def test_a_large_command_is_shown_in_part(server):
    client = monitor(server)
    server.call("SET", "k", b"\0" * 1_000_000)
    server.call("MSET", *[b"y" * 500_000] * 4)
    [(_, _, first), (_, _, second)] = lines_until_end(server, client)
    assert len(first) < 1024 * 1024 + 100
    shown = first.count(b"\\x00")
    assert first.endswith(b'... (%d more bytes)"' % (1_000_000 - shown))
    assert second.endswith(b' more bytes)" "... (1 more arguments)"')


def test_who_does_not_read_is_cut(start_server):
    server = steered(start_server, cache_max_memory="16mb",
                     unixsocket="socket")
    client = RespClient(path=os.path.join(server.directory, "socket"))
    assert client.call("MONITOR") == OK
    sender = server.raw()
    for _ in range(40):
        sender.call("ECHO", b"x" * 200_000)
    assert server.info("stats")["client_memory_share_disconnections"] == 1
    assert server.info("clients")["monitor_clients"] == 0
    client.close()


def test_a_transaction_is_bounded_too(start_server):
    """Its commands run at once: nothing can be sent in between."""
    server = steered(start_server, cache_max_memory="16mb")
    clients = [monitor(server) for _ in range(8)]
    sender = server.raw()
    sender.pipeline([("MULTI",)] + [("ECHO", b"x" * 10_000)] * 90)
    assert len(sender.call("EXEC")) == 90
    info = server.info()
    cut = info["client_memory_share_disconnections"]
    assert cut > 0 and info["monitor_clients"] == len(clients) - cut
    for client in clients:
        client.close()
    # One of these alone may have as much.
    client = monitor(server)
    sender.pipeline([("MULTI",)] + [("ECHO", b"x" * 10_000)] * 90)
    assert len(sender.call("EXEC")) == 90
    assert len(lines_until_end(server, client)) == 92 # and MULTI, EXEC


def test_memory_is_given_back(server):
    before = figures(server)["cache_memory_clients"]
    clients = [monitor(server) for _ in range(10)]
    for _ in range(100):
        server.call("ECHO", b"x" * 50_000)
    for client in clients:
        client.close()
    wait_until(lambda: figures(server)["cache_memory_clients"] <= before)
