"""redis-sentinel watches us: it takes us for a master that is up and has no
replicas, and two of them find each other over our hello channel."""

import os

import pytest

from lib.messages import drain
from lib.resp import Error
from lib.server import REDIS_BIN, RedisServer, free_port, wait_until

HELLO = "__sentinel__:hello"


class Sentinel(RedisServer):
    """redis-server --sentinel, told to watch a server."""

    NAME = "sentinel"

    def __init__(self, watched):
        self.watched = watched
        super().__init__()

    def command(self):
        path = os.path.join(self.directory, "sentinel.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                "port %d\nbind 127.0.0.1\ndir %s\n"
                "sentinel monitor ours 127.0.0.1 %d 2\n"
                "sentinel down-after-milliseconds ours 1000\n" % (
                    self.port, self.directory, self.watched.port))
        return [REDIS_BIN, path, "--sentinel"]

    def of_master(self):
        """What it knows of us."""
        fields = self.call("SENTINEL", "MASTER", "ours")
        return {name.decode(): value.decode()
                for name, value in zip(fields[::2], fields[1::2])}


@pytest.fixture
def server(start_server):
    """One that comes back on its port."""
    return start_server(port=free_port())


@pytest.fixture
def sentinels(server):
    with Sentinel(server) as first, Sentinel(server) as second:
        yield first, second


def test_sentinels_see_a_master_that_is_up(server, sentinels):
    listener = server.raw()
    listener.call("SUBSCRIBE", HELLO)
    for sentinel in sentinels:
        wait_until(lambda: sentinel.of_master()["num-other-sentinels"] == "1",
                   timeout_s=30, what="the other sentinel's hello")
        known = sentinel.of_master()
        assert known["flags"] == "master"
        assert known["role-reported"] == "master"
        assert known["num-slaves"] == "0"
        assert known["runid"] == server.info("server")["run_id"]
        assert sentinel.call("SENTINEL", "REPLICAS", "ours") == []
        assert sentinel.call("SENTINEL", "CKQUORUM", "ours").startswith(
            b"OK 2 usable Sentinels.")
    hellos = {message[2].split(b",")[1] for message in drain(listener)}
    assert hellos == {b"%d" % one.port for one in sentinels}
    assert server.call("PUBSUB", "NUMSUB", HELLO) == [HELLO.encode(), 3]
    # Both have named their connections, and none was refused anything.
    names = server.call("CLIENT", "LIST").decode()
    assert names.count("name=sentinel-") == 4
    assert server.info("stats")["total_error_replies"] == 0


def test_a_sentinel_notices_when_we_are_gone_and_back(server, sentinels):
    first, _ = sentinels
    wait_until(lambda: first.of_master()["flags"] == "master"
               and first.of_master()["info-refresh"] != "0",
               timeout_s=30, what="the first INFO")
    server.stop()
    wait_until(lambda: "s_down" in first.of_master()["flags"], timeout_s=30,
               what="down")
    server.start()
    wait_until(lambda: first.of_master()["flags"] == "master", timeout_s=30,
               what="up again")


def test_what_a_failover_would_ask_is_not_answered_with_ok(server):
    """A sentinel that believes us to be another's replica must not think that
    it has changed that."""
    reply = server.call("REPLICAOF", "127.0.0.1", "1")
    assert isinstance(reply, Error)
