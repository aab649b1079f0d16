"""Keys that are only on disk when their deadline passes: they go from DBSIZE
and from disk without anybody asking for them, and are told of once."""

import os
import random
import threading
import time

import pytest

from lib.records import counted
from lib.resp import Error, Simple
from lib.server import SLOWNESS, wait_until
from lib.steer import flush

OK = Simple("OK")
COUNT = 2000


def server_of(start_server, **options):
    options.setdefault("enable_debug_command", "yes")
    return start_server(**options)


def on_disk(server, commands):
    """They are run, and memory knows nothing of what they wrote."""
    with server.raw() as client:
        replies = client.pipeline(commands)
        assert not any(isinstance(reply, Error) for reply in replies)
        # Flushes, then drops what is not in use.
        assert client.call("DEBUG", "RELOAD") == OK


def keys_for(ms, count=COUNT, name="key:%d"):
    return [("SET", name % i, "value", "PX", ms) for i in range(count)]


def wait_size(server, size, timeout_s=20):
    wait_until(lambda: server.call("DBSIZE") == size, timeout_s,
               what="DBSIZE %d" % size)


def records_of(server):
    """What is on disk once all is flushed and the server has ended."""
    flush(server)
    server.stop()
    return counted(server.ds_path)


def keyspace(server, index=0):
    """db0 of INFO as a dict of integers."""
    line = server.info("keyspace").get("db%d" % index)
    return {name: int(value) for name, value in
            (field.split("=") for field in line.split(","))} if line else None


class Listener:
    """Which keys are told to have expired."""

    def __init__(self, server, index=0):
        self.server = server
        server.call("CONFIG", "SET", "notify-keyspace-events", "Ex")
        self.client = server.raw()
        self.client.call("SUBSCRIBE", "__keyevent@%d__:expired" % index)

    def heard(self):
        """All until now: what is published comes before what is published
        later."""
        self.server.call("PUBLISH", "__keyevent@0__:expired", "the end")
        self.server.call("PUBLISH", "__keyevent@1__:expired", "the end")
        names = []
        while True:
            name = self.client.recv()[2]
            if name == b"the end":
                return names
            names.append(name.decode())


def test_they_go_and_are_told_of_once(start_server):
    server = server_of(start_server)
    listener = Listener(server)
    stay = [("SET", "stays:%d" % i, "value") for i in range(50)]
    later = [("SET", "later", "value", "EX", 10_000)]
    on_disk(server, stay + later + keys_for(1500))
    assert keyspace(server)["expires"] == COUNT + 1
    wait_size(server, 51)
    assert sorted(listener.heard()) == sorted(
        "key:%d" % i for i in range(COUNT))
    assert server.info("stats")["expired_keys"] == COUNT
    assert keyspace(server) == {"keys": 51, "expires": 1, "avg_ttl": 0}
    assert 0 < server.call("TTL", "later") <= 10_000
    assert 0 < keyspace(server)["avg_ttl"] <= 10_000_000
    records = records_of(server)
    assert (records["k"], records["e"]) == (51, 1)


def test_after_a_restart_and_a_kill(start_server):
    server = server_of(start_server)
    on_disk(server, keys_for(2000))
    server.kill9()
    server.start()
    assert keyspace(server)["expires"] == server.call("DBSIZE")
    wait_size(server, 0)
    assert server.info("stats")["expired_keys"] == COUNT
    server.restart()
    assert server.call("DBSIZE") == 0
    assert server.info("stats")["expired_keys"] == 0
    records = records_of(server)
    assert (records["k"], records["e"]) == (0, 0)


def test_a_kill_while_they_go(start_server):
    """What was told and not flushed is told again, and goes then."""
    server = server_of(start_server, cache_flush_delay="1h")
    on_disk(server, keys_for(700))
    wait_until(lambda: server.call("DBSIZE") < COUNT, what="some are gone")
    server.kill9()
    server.start()
    wait_size(server, 0)
    assert server.call("EXISTS", "key:0", "key:%d" % (COUNT - 1)) == 0
    records = records_of(server)
    assert (records["k"], records["e"]) == (0, 0)


def test_shorter_than_the_flush_delay(start_server):
    server = server_of(start_server, cache_flush_delay="1h")
    server.raw().pipeline(keys_for(100))
    wait_size(server, 0)
    assert server.info("stats")["expired_keys"] == COUNT
    records = records_of(server)
    assert (records["k"], records["e"]) == (0, 0)


def test_rewriting_deadlines_leaves_nothing_behind(start_server):
    server = server_of(start_server)
    rand = random.Random(5)
    count = 300
    on_disk(server, keys_for(10**6, count))
    with server.raw() as client:
        for round_ in range(12):
            order = list(range(count))
            rand.shuffle(order)
            client.pipeline([
                ("GETEX", "key:%d" % i, "PX", rand.randint(10**5, 10**7))
                if i % 3 else
                ("EXPIRE", "key:%d" % i, rand.randint(100, 10_000))
                for i in order])
            if round_ % 2:
                flush(server)
            if round_ % 5 == 4:
                client.call("DEBUG", "RELOAD")
        client.pipeline([("PERSIST", "key:%d" % i) for i in range(100)])
    assert keyspace(server)["expires"] == 200
    records = records_of(server)
    assert (records["k"], records["e"]) == (count, 200)


def test_large_values_go_with_their_pages(start_server):
    server = server_of(start_server)
    members = [word for i in range(3000) for word in ("field:%d" % i, "v" * 20)]
    on_disk(server, [("HSET", "hash") + tuple(members),
                     ("RPUSH", "list") + tuple(members),
                     ("SET", "string", "x" * 100_000)]
            + [("PEXPIRE", name, 700) for name in ("hash", "list", "string")])
    wait_size(server, 0)
    flush(server)
    pages = server.info("cache")["cache_garbage_deleted"]
    wait_until(lambda: server.info("cache")["cache_garbage_deleted"] > pages,
               what="garbage is deleted")

    def is_empty():
        records = records_of(server)
        server.start()
        return not records["p"] and not records["g"]
    # Deleting goes on after each restart.
    wait_until(is_empty, what="no page and no garbage is left", pause_s=0.5)


@pytest.mark.parametrize("command", ["FLUSHDB", "SWAPDB"])
def test_databases_change_meanwhile(start_server, command):
    server = server_of(start_server)
    on_disk(server, keys_for(400) + [("SET", "stays", "value")])
    listener = Listener(server, 1)
    wait_until(lambda: server.call("DBSIZE") < COUNT + 1,
               what="the first are gone")
    client = server.raw()
    if command == "FLUSHDB":
        client.call("FLUSHDB")
        client.call("SET", "key:7", "new")
        assert client.call("DBSIZE") == 1
    else:
        client.call("SWAPDB", 0, 1)
        client.call("SET", "key:7", "new")
        assert client.call("DBSIZE") == 1
        client.call("SELECT", 1)
        wait_until(lambda: client.call("DBSIZE") == 1, what="they go there")
        client.call("SELECT", 0)
        heard = listener.heard()
        assert len(heard) == len(set(heard)) <= COUNT
    assert client.call("GET", "key:7") == b"new"

    def is_clean():
        records = records_of(server)
        server.start()
        return records["e"] == 0 and \
            records["k"] == 1 + (command == "SWAPDB")
    # Deleting goes on after each restart.
    wait_until(is_clean, what="nothing else is on disk", pause_s=0.5)


def disk_bytes(server):
    total = 0
    for directory, _, names in os.walk(server.ds_path):
        for name in names:
            try:
                total += os.path.getsize(os.path.join(directory, name))
            except FileNotFoundError:
                pass
    return total


@pytest.mark.parametrize("how", ["expire", "delete"])
def test_disk_space_comes_back(start_server, how):
    """Of keys that went one by one, while nothing else is written; those that
    stay lie between them."""
    server = server_of(start_server, cache_max_memory="64mb")
    count, stay = 30_000, 1000
    # Long enough for all of them to be on disk before.
    ttl = ("PX", 2000 * SLOWNESS) if how == "expire" else ()
    on_disk(server, [("SET", "key:%d" % i, b"%500d" % i) + ttl
                     for i in range(count)]
            + [("SET", "stays:%d" % i, b"%500d" % i) for i in range(stay)])
    full = disk_bytes(server)
    if how == "delete":
        server.raw().pipeline([("DEL", "key:%d" % i) for i in range(count)])
    wait_size(server, stay)
    flush(server)
    assert full > 10_000_000 # so that this can fail
    wait_until(lambda: disk_bytes(server) < 4_000_000, 60,
               what="the space comes back")
    assert server.raw().pipeline([("STRLEN", "stays:%d" % i)
                                  for i in range(stay)]) == [500] * stay


def test_what_stops_it(start_server):
    server = server_of(start_server)
    server.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    on_disk(server, keys_for(500, 100))
    wait_until(lambda: server.call("EXISTS", "key:99") == 0, what="the time")
    wait_until(lambda: server.call("EXISTS", "key:0") == 0, what="the time")
    assert server.call("DBSIZE") == 98
    server.call("CLIENT", "PAUSE", 100_000, "WRITE")
    server.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
    for i in range(1, 20): # gone for who asks, and still counted
        assert server.call("GET", "key:%d" % i) is None \
            or not server.call("GET", "key:%d" % i)
    assert server.call("DBSIZE") == 98
    server.call("CLIENT", "UNPAUSE")
    wait_size(server, 0)


# --- many -------------------------------------------------------------------

class Load:
    """GETs of keys that stay, one after the other; how long each took."""

    def __init__(self, server, count):
        self.server, self.count = server, count
        self.took, self.stopping = [], threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        rand = random.Random(1)
        with self.server.raw() as client:
            while not self.stopping.is_set():
                begun = time.monotonic()
                client.call("GET", "stays:%d" % rand.randrange(self.count))
                self.took.append(time.monotonic() - begun)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def tell(self, what):
        took = sorted(self.took)
        print("%s: %d GETs, p50 %.3f ms, p99 %.3f ms, most %.3f ms" % (
            what, len(took), 1000 * took[len(took) // 2],
            1000 * took[len(took) * 99 // 100], 1000 * took[-1]))


@pytest.mark.torture
@pytest.mark.alone
@pytest.mark.plain_only
@pytest.mark.timeout(900)
@pytest.mark.parametrize("spread_s", [29, 0])
def test_two_million_keys(start_server, spread_s):
    """With deadlines within 29 s, or all in the same second."""
    server = server_of(start_server, cache_max_memory="64mb")
    count, stay, rand = 2_000_000, 100_000, random.Random(3)
    with server.raw(timeout_s=300) as client:
        client.pipeline([("SET", "stays:%d" % i, "v" * 100)
                         for i in range(stay)])
        first = int(time.time() * 1000) + 90_000
        for base in range(0, count, 20_000):
            client.pipeline([
                ("SET", "key:%d" % i, "value", "PXAT",
                 first + rand.randint(0, 1000 + 1000 * spread_s))
                for i in range(base, base + 20_000)])
        assert time.time() * 1000 < first, "the machine is too slow for this"
        client.call("DEBUG", "RELOAD")
    with Load(server, stay) as load:
        while time.time() * 1000 < first - 1000:
            time.sleep(0.1)
    load.tell("quiet")
    with Load(server, stay) as load:
        last = first / 1000 + 1 + spread_s
        wait_size(server, stay, 300)
    print("all gone %.1f s after the last deadline" % (time.time() - last))
    load.tell("meanwhile")
    assert server.info("stats")["expired_keys"] == count
    records = records_of(server)
    assert (records["k"], records["e"]) == (stay, 0)
