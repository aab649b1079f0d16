"""Replies of one turn of the loop, which are sent at its end: to whom and in
what order they come, whatever happens to a client in that turn.

A turn is made by DEBUG SLEEP: what several connections send while it lasts is
read, in the order in which they first sent something, when it is over."""

import random
import time

import pytest

from lib.resp import Closed, Push, Simple, encode
from lib.server import SLOWNESS
from lib.steer import order, steered

OK = Simple("OK")
SLEEP_S = 0.15


@pytest.fixture
def server(start_server):
    return start_server(enable_debug_command="local")


def in_one_turn(server, *sends):
    """Calls them all while the server sleeps."""
    sleeper = server.raw()
    sleeper.send("DEBUG", "SLEEP", SLEEP_S)
    time.sleep(SLEEP_S / 3) # it has begun
    for send in sends:
        send()
    assert sleeper.recv() == OK
    sleeper.close()


def test_each_gets_all_of_its_own(server):
    rand = random.Random(1)
    crowd = [server.raw() for _ in range(300)] # more than wait at a time
    for number in range(20):
        server.call("SET", "key%d" % number, b"v" * rand.choice(
            [1, 100, 3000, 5000, 20000, 200000])) # small and large replies
    for _ in range(5):
        asked = [[rand.randrange(20) for _ in range(rand.randrange(1, 8))]
                 for _ in crowd]
        def send(one, keys):
            for key in keys:
                one.send("STRLEN", "key%d" % key)
                one.send("GET", "key%d" % key)
        in_one_turn(server, *[
            lambda one=one, keys=keys: send(one, keys)
            for one, keys in zip(crowd, asked)])
        for one, keys in zip(crowd, asked):
            for key in keys:
                length = one.recv()
                assert one.recv() == b"v" * length
    for one in crowd:
        assert one.call("PING") == Simple("PONG")
        one.close()


@pytest.mark.parametrize("first", ["the reader", "the writer"])
def test_a_message_comes_behind_the_reply_that_waits(server, first):
    reader, writer = server.raw(), server.raw()
    reader.hello(3)
    assert reader.call("SUBSCRIBE", "c") == Push([b"subscribe", b"c", 1])
    sends = [lambda: reader.send("SET", "k", "v"),
             lambda: writer.send("PUBLISH", "c", "m")]
    if first == "the writer":
        sends.reverse()
    for _ in range(3):
        in_one_turn(server, *sends)
        got = [reader.recv(), reader.recv()]
        message = Push([b"message", b"c", b"m"])
        assert got == ([OK, message] if first == "the reader"
                       else [message, OK])
        assert writer.recv() == 1


def test_an_invalidation_comes_behind_the_reply_that_waits(server):
    reader, writer = server.raw(), server.raw()
    reader.hello(3)
    reader.call("CLIENT", "TRACKING", "ON")
    server.call("SET", "k", "old")
    assert reader.call("GET", "k") == b"old"
    in_one_turn(server, lambda: reader.send("GET", "k"),
                lambda: writer.send("SET", "k", "new"))
    assert reader.recv() == b"old"
    assert reader.recv() == Push([b"invalidate", [b"k"]])
    assert reader.call("GET", "k") == b"new"


def test_who_is_killed_has_had_its_reply(server):
    victim, killer = server.raw(), server.raw()
    number = victim.call("CLIENT", "ID")
    in_one_turn(server, lambda: victim.send("ECHO", "waits"),
                lambda: killer.send("CLIENT", "KILL", "ID", number))
    assert victim.recv() == b"waits"
    with pytest.raises((Closed, ConnectionError)):
        victim.recv()
    assert killer.recv() == 1


@pytest.mark.parametrize("last", [b"QUIT\r\n", b"*1\r\n$nonsense\r\n"])
def test_who_ends_has_all_its_replies(server, last):
    client = server.raw()
    in_one_turn(server, lambda: client.send("INCR", "counter"),
                lambda: client.send_raw(last))
    data = client.recv_until_closed()
    assert data.startswith(b":1\r\n")
    assert data[4:].startswith(b"+OK" if last.startswith(b"QUIT")
                               else b"-ERR Protocol error")


def test_a_stop_comes_behind_replies(server):
    client, other, sleeper = server.raw(), server.raw(), server.raw()
    sleeper.send("DEBUG", "SLEEP", SLEEP_S)
    time.sleep(SLEEP_S / 3)
    client.send("ECHO", "waits")
    other.send("SHUTDOWN", "NOW")
    assert sleeper.recv() == OK
    assert client.recv() == b"waits"
    assert server.wait_exit(10) == 0


def test_what_is_read_in_parts_is_answered_before_quit(server):
    """More than is read at once: the first replies wait when the last come."""
    for parts in range(1, 6):
        client = server.raw()
        client.send_raw(b"".join(encode(*words) for words in [
            ("ECHO", "first"), *[("PUBLISH", "c" * 20000, "m")] * parts,
            ("QUIT",)]))
        assert client.recv_until_closed() == \
            b"$5\r\nfirst\r\n" + b":0\r\n" * parts + b"+OK\r\n"
        client.close()


def test_nobody_waits_for_another_ones_script(start_server):
    """A script stands still for the disk: what others asked for before it, in
    the same turn, is there already."""
    server = steered(start_server)
    server.call("SET", "cold", "value")
    server.call("CACHE", "FLUSH")
    server.call("CACHE", "EVICT", "cold")
    order(server, "delay get %d" % (700 * SLOWNESS))
    reader, scripter = server.raw(), server.raw()
    in_one_turn(server, lambda: reader.send("ECHO", "waits"),
                lambda: scripter.send(
                    "EVAL", "return redis.call('get', 'cold')", 0))
    assert reader.recv() == b"waits"
    assert scripter.nothing_to_read(0.2 * SLOWNESS)
    assert scripter.recv() == b"value"
