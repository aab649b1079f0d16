"""Money moves between accounts, by MULTI/EXEC alone and by WATCH and trying
again, while most accounts are on disk only; and the power of the process is cut
at random moments. What is there after each start must be all the money."""

import os
import random
import threading

import pytest

from lib.resp import NULL_ARRAY, Simple
from lib.server import SLOWNESS

OK = Simple("OK")
MB = 1024 * 1024

CLIENTS = 16
EACH = 1000           # what every account begins with
# Memory has room for about five hundred of these.
KEY_BYTES = 12_000
PAD = b"." * KEY_BYTES


def account(number):
    return b"account:%d:" % number + PAD


def open_accounts(server, count):
    client = server.raw(timeout_s=60 * SLOWNESS)
    for first in range(0, count, 50):
        client.pipeline([("SET", account(n), EACH)
                         for n in range(first, min(first + 50, count))])
    assert client.call("CACHE", "FLUSH") == OK
    client.close()


def total(server, count):
    """All money, read in transactions of a hundred accounts."""
    client = server.raw(timeout_s=60 * SLOWNESS)
    money = 0
    for first in range(0, count, 100):
        some = [account(n) for n in range(first, min(first + 100, count))]
        values = client.call("MGET", *some)
        assert None not in values
        money += sum(int(value) for value in values)
    client.close()
    return money


def move_by_exec(client, source, target, amount):
    replies = client.pipeline([
        ("MULTI",), ("DECRBY", source, amount), ("INCRBY", target, amount),
        ("EXEC",)])
    assert isinstance(replies[-1], list), replies[-1]


def move_by_watch(client, source, target, amount):
    """True if nobody came in between."""
    assert client.call("WATCH", source, target) == OK
    left = [int(value) for value in client.call("MGET", source, target)]
    replies = client.pipeline([
        ("MULTI",), ("SET", source, left[0] - amount),
        ("SET", target, left[1] + amount), ("EXEC",)])
    assert replies[-1] is NULL_ARRAY or replies[-1] == [OK, OK], replies[-1]
    return replies[-1] is not NULL_ARRAY


class Clerk(threading.Thread):
    """Moves money until the server is gone."""

    def __init__(self, server, seed, count):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.client = server.raw(timeout_s=60 * SLOWNESS)
        self.count = count
        self.moved = self.conflicts = 0
        self.failure = None

    def run(self):
        try:
            while True:
                self.move()
        except (OSError, EOFError):
            pass # the server has been killed
        except Exception as failure: # for the test to raise
            self.failure = failure

    def move(self):
        # Half of the moves are among few, so that some collide.
        among = self.count if self.random.random() < 0.5 else 20
        source, target = (account(n) for n in
                          self.random.sample(range(among), 2))
        amount = self.random.randrange(1, 100)
        if self.random.random() < 0.5:
            move_by_exec(self.client, source, target, amount)
        else:
            while not move_by_watch(self.client, source, target, amount):
                self.conflicts += 1
        self.moved += 1


@pytest.mark.parametrize("count, kills", [
    pytest.param(1500, 3, marks=pytest.mark.timeout(120)),
    pytest.param(10_000, 30, marks=[pytest.mark.torture,
                                    pytest.mark.timeout(3600)])])
def test_no_money_is_lost(start_server, count, kills):
    seed = int(os.environ.get("BANK_SEED") or
               random.SystemRandom().randrange(1 << 32))
    print("BANK_SEED=%d" % seed)
    rng = random.Random(seed)
    server = start_server(cache_max_memory="16mb", cache_flush_delay="50ms")
    open_accounts(server, count)
    moved = conflicts = 0
    for kill in range(kills):
        clerks = [Clerk(server, seed + 100 * kill + n, count)
                  for n in range(CLIENTS)]
        for clerk in clerks:
            clerk.start()
        threading.Event().wait(rng.uniform(0.3, 2.5))
        server.kill9()
        for clerk in clerks:
            clerk.join(60 * SLOWNESS)
            assert not clerk.is_alive()
            if clerk.failure is not None:
                raise clerk.failure
        moved += sum(clerk.moved for clerk in clerks)
        conflicts += sum(clerk.conflicts for clerk in clerks)
        server.start()
        assert server.call("DBSIZE") == count
        assert total(server, count) == count * EACH
    # It was what it should be: much happened, from disk too, and collided.
    print("%d moves, %d conflicts" % (moved, conflicts))
    assert moved > 50 * kills
    assert conflicts > 0
    assert server.info("cache")["cache_loads"] > 0
