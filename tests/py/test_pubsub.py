"""Publish and subscribe: what Redis answers, message by message; and what
memory it may take, with clients that don't read."""

import pytest

from lib import messages
from lib.messages import drain, is_message
from lib.resp import (NULL, NULL_BULK, Closed, Error, Push, Simple, encode)
from lib.server import wait_until

MB = 1024 * 1024
OK = Simple("OK")
OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")


# --- scripts, against redis-server -------------------------------------------

def play(server, protocols, script):
    """Runs lines like "b: PUBLISH news hello" (";" between commands that are
    sent as one) on connections a, b, ... Returns what came to each after each
    line."""
    wires = {name: server.raw(protocol=version)
             for name, version in zip("abcd", protocols)}
    told = []
    for line in script.strip().splitlines():
        name, _, commands = line.strip().partition(": ")
        wires[name].send_raw(b"".join(
            encode(*command.strip().split(" "))
            for command in commands.split(";")))
        told.append((line.strip(), drain(wires[name])))
        told += [(other, drain(wire)) for other, wire in sorted(wires.items())
                 if other != name]
    for wire in wires.values():
        wire.close()
    return told


def replies_only(told):
    """Without messages, sorted where Redis's order is that of a hash table."""
    def settled(values):
        replies = [one for one in values if not is_message(one)]
        if all(type(one) in (list, Push) and one and
               type(one[0]) is bytes and one[0].endswith(b"unsubscribe")
               for one in replies):
            counts = sorted(one[2] for one in replies)
            return (counts, sorted((repr(one[1]) for one in replies)))
        return replies
    return [(line, settled(values)) for line, values in told]


def messages_only(told):
    return [(line, messages.in_any_order(list(filter(is_message, values))))
            for line, values in told]


SCRIPTS = {
    "channels": """
        a: SUBSCRIBE x y x
        b: PUBLISH x 1
        b: PUBLISH y 2
        b: PUBLISH z 3
        c: SUBSCRIBE x
        b: PUBLISH x 4; PUBLISH y 5; PUBLISH x 6
        b: PUBSUB NUMSUB x y z; PUBSUB NUMPAT; PUBSUB CHANNELS z*
        a: UNSUBSCRIBE x nope
        b: PUBLISH x 7; PUBLISH y 8
        a: UNSUBSCRIBE
        a: UNSUBSCRIBE
        b: PUBLISH y 9; PUBSUB NUMSUB y; PUBSUB CHANNELS
        a: GET nothing; PING; PING x""",
    "patterns": """
        a: PSUBSCRIBE n* *s n* h?llo
        c: PSUBSCRIBE n*; SUBSCRIBE news
        b: PUBLISH news 1; PUBLISH no 2; PUBLISH hello 3; PUBLISH h\\llo 4
        b: PUBSUB NUMPAT; PUBSUB CHANNELS; PUBSUB CHANNELS n*
        a: PUNSUBSCRIBE n* nope
        b: PUBLISH news 5
        a: PUNSUBSCRIBE
        a: PUNSUBSCRIBE
        b: PUBLISH news 6; PUBSUB NUMPAT""",
    "shards": """
        a: SSUBSCRIBE x y
        c: SUBSCRIBE x; PSUBSCRIBE *
        b: SPUBLISH x 1; PUBLISH x 2; SPUBLISH z 3
        b: PUBSUB SHARDNUMSUB x y z; PUBSUB SHARDCHANNELS x*; PUBSUB NUMSUB x
        b: PUBSUB SHARDCHANNELS a b; PUBSUB SHARDNUMSUB; PUBSUB CHANNELS
        a: SUNSUBSCRIBE x nope
        b: SPUBLISH x 4; SPUBLISH y 5
        a: SUNSUBSCRIBE
        a: SUNSUBSCRIBE""",
    "counts": """
        a: SUBSCRIBE x; PSUBSCRIBE y; SSUBSCRIBE z; SUBSCRIBE x2; PSUBSCRIBE y
        a: SUNSUBSCRIBE z; UNSUBSCRIBE x; PUNSUBSCRIBE y; UNSUBSCRIBE
        a: GET nothing""",
    "what a subscriber may do": """
        a: SUBSCRIBE x; GET k; SET k v; MULTI; EXEC; DISCARD; HELLO 9; WATCH k
        a: PING; PING hello; PING a b; ECHO x; PUBLISH x 1; SPUBLISH x 1
        a: CLIENT GETNAME; CONFIG GET nonsense; PUBSUB NUMPAT; NOSUCH; GET; SUBSCRIBE
        a: SSUBSCRIBE s; PSUBSCRIBE p; AUTH x; SELECT 1
        a: RESET
        a: PING; SET k v; UNSUBSCRIBE
        b: PUBLISH x 1; SPUBLISH s 1; PUBLISH p 1; PUBSUB NUMPAT""",
    "transactions": """
        a: MULTI; SUBSCRIBE x; PSUBSCRIBE x*; SSUBSCRIBE s; PING; GET k; EXEC
        b: MULTI; PUBLISH x 1; SET k v; PUBLISH x2 2; SPUBLISH s 3; EXEC
        a: RESET
        c: MULTI; SUBSCRIBE; EXEC
        a: SUBSCRIBE x
        b: MULTI; PUBLISH x 1; DISCARD; PUBLISH x 2
        b: MULTI; PUBSUB NUMSUB x; PUBSUB CHANNELS; UNSUBSCRIBE; EXEC""",
    "wrong": """
        a: SUBSCRIBE; UNSUBSCRIBE; PSUBSCRIBE; PUBLISH; PUBLISH x; PUBLISH x y z
        a: PUBSUB; PUBSUB NOPE; PUBSUB CHANNELS a b; PUBSUB NUMPAT a
        a: PUBSUB SHARDCHANNELS a b c; PUBSUB HELP x; SSUBSCRIBE; SPUBLISH x
        a: PUBSUB HELP; PUBSUB NUMSUB; PUBSUB CHANNELS; PUBSUB SHARDNUMSUB x""",
}


@pytest.mark.parametrize("protocols", ["222", "333", "232", "323"])
@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_it_is_as_in_redis(server, redis_server, script, protocols):
    ours, theirs = [play(one, protocols, SCRIPTS[script])
                    for one in (server, redis_server)]
    assert replies_only(ours) == replies_only(theirs)
    assert messages_only(ours) == messages_only(theirs)


def test_binary_and_empty_names(server, redis_server):
    names = [b"", b"\x00", b"\r\n", b"*3\r\n", b"x" * 100_000, b"[", b"\\"]
    told = []
    for one in (server, redis_server):
        wire, other = one.raw(), one.raw(protocol=3)
        told.append([])
        for name in names:
            wire.send("SUBSCRIBE", name)
            wire.send("PSUBSCRIBE", name)
            told[-1].append(wire.recv_many(2)) # now it has subscribed
            told[-1].append(other.call("PUBLISH", name, name))
            told[-1].append(drain(wire))
        told[-1].append(sorted(other.call("PUBSUB", "CHANNELS")))
    assert told[0] == told[1]


def test_a_shard_channel_is_no_key(server):
    """It stands where a key might be; nothing is read for it, even while
    writes ask for the old record."""
    server.call("CONFIG", "SET", "notify-keyspace-events", "KEAn")
    wire, other = server.raw(), server.raw()
    wire.call("SSUBSCRIBE", "channel")
    before = server.info("cache")
    assert other.call("SPUBLISH", "channel", "text") == 1
    assert other.call("SPUBLISH", "nobody", "text") == 0
    after = server.info("cache")
    for name in ("cache_misses", "cache_loads", "cache_entries"):
        assert after[name] == before[name], name


# --- what differs from 7.0 ---------------------------------------------------

def test_a_message_to_oneself_comes_behind_the_reply(server):
    wire = server.raw(protocol=3)
    wire.call("SUBSCRIBE", "x")
    wire.send("PUBLISH", "x", "1")
    assert wire.recv_many(2) == [1, Push([b"message", b"x", b"1"])]
    wire.call("PSUBSCRIBE", "*")
    wire.send_raw(encode("PUBLISH", "x", "2") + encode("PUBLISH", "x", "3"))
    assert wire.recv_many(6) == [
        2, Push([b"message", b"x", b"2"]),
        Push([b"pmessage", b"*", b"x", b"2"]),
        2, Push([b"message", b"x", b"3"]),
        Push([b"pmessage", b"*", b"x", b"3"])]


@pytest.mark.parametrize("protocol", [2, 3])
def test_within_a_transaction_messages_come_behind_all(server, protocol):
    wire = server.raw(protocol=protocol)
    kind = Push if protocol == 3 else list
    for command in ["MULTI", "SUBSCRIBE x", "PUBLISH x 1", "PUBLISH y 1",
                    "PUBLISH x 2", "GET k"]:
        wire.call(*command.split(" "))
    null = NULL if protocol == 3 else NULL_BULK
    wire.send("EXEC")
    assert wire.recv_many(3) == [
        [kind([b"subscribe", b"x", 1]), 1, 0, 1, null],
        kind([b"message", b"x", b"1"]), kind([b"message", b"x", b"2"])]


def test_events_to_oneself_come_behind_the_reply(server):
    wire = server.raw(protocol=3)
    wire.call("CONFIG", "SET", "notify-keyspace-events", "E$")
    wire.call("SUBSCRIBE", "__keyevent@0__:set")
    wire.send("MSET", "a", "1", "b", "2")
    assert wire.recv_many(3) == [
        OK, Push([b"message", b"__keyevent@0__:set", b"a"]),
        Push([b"message", b"__keyevent@0__:set", b"b"])]


# --- a subscriber in RESP2 ---------------------------------------------------

ALLOWED = {"subscribe", "unsubscribe", "psubscribe", "punsubscribe",
           "ssubscribe", "sunsubscribe", "ping", "quit", "reset"}


def test_every_other_command_is_refused_to_a_resp2_subscriber(server):
    wire, other = server.raw(), server.raw()
    wire.call("SUBSCRIBE", "x")
    refused = 0
    for name, arity, *_ in other.call("COMMAND"):
        name = name.decode()
        words = [name] + ["1"] * (abs(arity) - 1)
        if name in ALLOWED or arity == -2 and name in (
                "client", "config", "command", "pubsub", "cache", "debug"):
            continue
        reply = wire.call(*words)
        assert isinstance(reply, Error), words
        if b"Can't execute '%s': only" % name.encode() not in reply:
            # Containers: the subcommand comes first.
            assert b"unknown subcommand" in reply, (words, reply)
            continue
        refused += 1
    assert refused > 50
    assert wire.call("RESET") == Simple("RESET")


def test_resp2_is_refused_only_while_there_are_subscriptions(server):
    wire = server.raw()
    for subscribe, unsubscribe in [("SUBSCRIBE", "UNSUBSCRIBE"),
                                   ("PSUBSCRIBE", "PUNSUBSCRIBE"),
                                   ("SSUBSCRIBE", "SUNSUBSCRIBE")]:
        wire.call(subscribe, "x")
        assert wire.call("GET", "k").code == "ERR"
        wire.call(unsubscribe, "x")
        assert wire.call("GET", "k") is NULL_BULK


def test_quit_of_a_subscriber(server):
    wire = server.raw()
    wire.call("SUBSCRIBE", "x")
    wire.send("QUIT")
    assert wire.recv_until_closed() == b"+OK\r\n"


# --- nothing is left behind --------------------------------------------------

def clients_of(server):
    info = server.info("everything")
    return [info[name] for name in ("pubsub_clients", "pubsub_channels",
                                    "pubsub_patterns", "pubsubshard_channels")]


def test_who_goes_leaves_nothing(server):
    before = server.info("memory")["used_memory"]
    wires = [server.raw() for _ in range(10)]
    for number, wire in enumerate(wires):
        wire.pipeline([("SUBSCRIBE", *["c%d" % i for i in range(300)])])
        drain(wire)
        wire.call("PSUBSCRIBE", "p%d*" % number)
        wire.call("SSUBSCRIBE", "s")
    assert clients_of(server) == [10, 300, 10, 1]
    assert server.info("memory")["used_memory"] > before + 300_000
    server.call("CLIENT", "KILL", "TYPE", "pubsub")
    wait_until(lambda: clients_of(server) == [0, 0, 0, 0])
    # Tables keep some room.
    assert server.info("memory")["used_memory"] < before + 300_000
    wires = [server.raw(protocol=3) for _ in range(3)]
    for wire in wires:
        wire.call("SUBSCRIBE", "x")
        wire.call("PSUBSCRIBE", "x")
    assert clients_of(server) == [3, 1, 1, 0]
    wires[0].call("RESET")
    wires[1].close()
    wait_until(lambda: clients_of(server) == [1, 1, 1, 0])
    assert server.call("PUBLISH", "x", "1") == 2


def test_what_a_subscription_holds_is_told(server):
    wire, other = server.raw(), server.raw()

    def line():
        [text] = [text for text in bytes(other.call("CLIENT", "LIST")[:])
                  .decode().splitlines() if " id=%d " % number in " " + text]
        return dict(field.split("=", 1) for field in text.split())
    number = wire.call("CLIENT", "ID")
    before = line()
    assert (before["sub"], before["psub"], before["ssub"], before["flags"]) \
        == ("0", "0", "0", "N")
    wire.call("SUBSCRIBE", "x" * 10_000)
    wire.call("PSUBSCRIBE", "y")
    wire.call("SSUBSCRIBE", "z")
    after = line()
    assert (after["sub"], after["psub"], after["ssub"], after["flags"]) == \
        ("1", "1", "1", "P")
    assert int(after["tot-mem"]) - int(before["tot-mem"]) > 10_000


# --- memory ------------------------------------------------------------------

def bound(limit_mb):
    return limit_mb * MB * 110 // 100 + 32 * MB


def closed(wire):
    try:
        while True:
            wire.recv()
    except (Closed, ConnectionError):
        return True


def test_a_large_message_reaches_all_whole(start_server):
    server = start_server(cache_max_memory="64mb")
    wires = [server.raw(protocol=2 + i % 2) for i in range(10)]
    for wire in wires:
        wire.call("SUBSCRIBE", "x")
        wire.call("PSUBSCRIBE", "x")
    for size in (511, 512, 513, 100_000, 500_000):
        text = bytes(range(256)) * (size // 256 + 1)
        assert server.call("PUBLISH", "x", text[:size]) == 20
        for wire in wires:
            first, second = wire.recv_many(2)
            assert first[1:] == [b"x", text[:size]]
            assert second[1:] == [b"x", b"x", text[:size]]


@pytest.mark.plain_only
def test_who_does_not_read_is_cut_at_the_limit_of_its_class(start_server):
    server = start_server(cache_max_memory="64mb",
                          client_output_buffer_limit="pubsub 1mb 0 0")
    slow, reader, normal = server.raw(), server.raw(), server.raw()
    slow.call("SUBSCRIBE", "x")
    reader.call("SUBSCRIBE", "x")
    sent = 0
    with server.sample_rss() as rss:
        while server.call("PUBSUB", "NUMSUB", "x")[1] == 2:
            normal.pipeline([("PUBLISH", "x", b"%d" % i + b"." * 400)
                             for i in range(sent, sent + 500)])
            for i in range(sent, sent + 500):
                assert reader.recv()[2].startswith(b"%d." % i)
            sent += 500
            assert sent < 100_000
    assert rss.peak_bytes <= bound(64)
    assert server.info("stats")["client_output_buffer_limit_disconnections"] \
        == 1
    assert closed(slow)
    assert normal.call("PUBLISH", "x", "last") == 1
    assert reader.recv() == [b"message", b"x", b"last"]


@pytest.mark.plain_only
def test_one_command_that_sends_much_to_who_does_not_read(start_server):
    """A transaction of three hundred messages, to fifty clients, by fifty
    patterns each: 60 MB. Some clients go; the others don't notice."""
    server = start_server(cache_max_memory="16mb")
    crowd = [server.raw() for _ in range(50)]
    for wire in crowd:
        wire.send("PSUBSCRIBE", *["x" + "*" * i for i in range(50)])
        drain(wire)
    reader, normal = server.raw(), server.raw()
    reader.call("SUBSCRIBE", "y")
    with server.sample_rss() as rss:
        normal.pipeline([("MULTI",), ("PUBLISH", "y", "first")] +
                        [("PUBLISH", "x", "hello") for _ in range(300)] +
                        [("PUBLISH", "y", "last")])
        replies = normal.call("EXEC")
    assert replies == [1] + [2500] * 300 + [1]
    assert rss.peak_bytes <= bound(16)
    assert reader.recv_many(2) == [[b"message", b"y", b"first"],
                                   [b"message", b"y", b"last"]]
    assert server.info("stats")["client_memory_share_disconnections"] > 0
    for wire in crowd:
        wire.close()


@pytest.mark.plain_only
def test_a_client_that_sends_much_to_itself(start_server):
    server = start_server(cache_max_memory="16mb")
    wire = server.raw(protocol=3)
    wire.send("PSUBSCRIBE", *["x" + "*" * i for i in range(1000)])
    drain(wire)
    wire.pipeline([("MULTI",)] + 100 * [("PUBLISH", "x", "hello")])
    with server.sample_rss() as rss: # a hundred times half a megabyte
        wire.send("EXEC")
        assert closed(wire)
    assert rss.peak_bytes <= bound(16)
    assert server.call("PING") == Simple("PONG")


@pytest.mark.plain_only
def test_many_names_in_one_command_are_refused(start_server):
    server = start_server(cache_max_memory="16mb")
    names = [b"%x" % i for i in range(100_000)]
    wire = server.raw()
    with server.sample_rss() as rss:
        for name in ("SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"):
            assert wire.pipeline([(name, *names)]) == [OOM]
        wire.call("MULTI")
        wire.pipeline([("SUBSCRIBE", *names[:40_000])])
        assert wire.call("EXEC").code == "EXECABORT"
    assert rss.peak_bytes <= bound(16)
    assert wire.call("SUBSCRIBE", *names[:2]) == [b"subscribe", b"0", 1]
    assert drain(wire) == [[b"subscribe", b"1", 2]]


@pytest.mark.plain_only
def test_a_thousand_readers_are_not_cut(start_server):
    """Two small messages in one turn cost two small pieces of memory each."""
    server = start_server(cache_max_memory="16mb")
    crowd = [server.raw() for _ in range(1000)]
    for wire in crowd:
        wire.send("SUBSCRIBE", "x")
    for wire in crowd:
        wire.recv()
    sender = server.raw()
    assert sender.pipeline([("PUBLISH", "x", b"%d" % i) for i in range(5)]) \
        == [1000] * 5
    for wire in crowd:
        assert [one[2] for one in wire.recv_many(5)] == \
            [b"0", b"1", b"2", b"3", b"4"]
        wire.close()
