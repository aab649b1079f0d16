"""What takes a server from its clients while something large goes on.

    tests/bench/run --only stalls      dictionaries and collections that grow to
                                       10 M, and DEL of them (issue 4)
    tests/bench/run --only keyspace    FLUSHALL, expiry in one second, restarts
                                       (issue 5)

--size takes another number of millions. Needs disk for as many keys, and some
minutes."""
import os
import socket
import subprocess
import time

from collections_bench import Connection, command, in_tens, scattered
from pinger import Pinger
from servers import BIN, diskstore

MILLION = 1000000


def du_mb(server):
    done = subprocess.run(["du", "-sk", os.path.join(server.dir, "data")],
                          capture_output=True, text=True) # files come and go
    return int(done.stdout.split()[0]) / 1024


def sets(count, value="v%08d"):
    return (command("set", "key:%010d" % i, value % i) for i in range(count))


GROWING = {
    "keys": lambda n: sets(n),
    "hash": lambda n: in_tens(["hset", "large"],
                              lambda i: ["f%09d" % scattered(i), "v%08d" % i], n),
    "sorted set": lambda n: in_tens(["zadd", "large"],
                                    lambda i: [scattered(i), "m%09d" % i], n),
    "list": lambda n: in_tens(["rpush", "large"], lambda i: ["e%09d" % i], n),
    "set": lambda n: in_tens(["sadd", "large"], lambda i: ["m%09d" % scattered(i)], n),
}


def ms_of(connection, *words):
    begun = time.monotonic()
    connection.one(*words)
    return 1000 * (time.monotonic() - begun)


def wait_for_space(server, full_mb, seconds, part=0.05):
    """Seconds until du is below that part of what it was; None: it never was."""
    begun, seen = time.monotonic(), []
    while time.monotonic() - begun < seconds:
        time.sleep(1)
        seen.append(du_mb(server))
        if seen[-1] < part * full_mb:
            return f"below {100 * part:.0f} % after {time.monotonic() - begun:.0f} s"
    return "MB each 10 s: " + ", ".join("%.0f" % one for one in seen[9::10])


def bench_stalls(count, which):
    for title, data in GROWING.items():
        if which not in title:
            continue
        server = diskstore("--cache-max-memory", "4gb")
        try:
            connection = Connection(server)
            begun = time.monotonic()
            with Pinger(server, f"{title} growing to {count}"):
                connection.many(data(count), 200 if title == "keys" else 20)
            print(f"{'':34} {count / (time.monotonic() - begun):.0f} a second", flush=True)
            if title == "keys":
                continue
            connection.one("cache", "flush")
            time.sleep(10) # what LevelDB does of its own accord
            full = du_mb(server)
            with Pinger(server, f"DEL of the {title}"):
                took = ms_of(connection, "del", "large")
                space = wait_for_space(server, full, 60)
            print(f"{'':34} DEL answered in {took:.2f} ms; du of {full:.0f} MB {space}",
                  flush=True)
        finally:
            server.stop()


def bench_flushall(count):
    server = diskstore("--cache-max-memory", "64mb")
    try:
        connection = Connection(server)
        connection.many(sets(count, "%0100d")) # as large as the load's
        connection.one("cache", "flush")
        time.sleep(5)
        full = du_mb(server)
        loading = subprocess.Popen(
            [BIN, "load", "--port", str(server.port), "--keys", "10000", "--value-size",
             "100", "--connections", "10", "--duration", "75s", "--op", "mixed", "--quiet"],
            stdout=subprocess.DEVNULL)
        try:
            with Pinger(server, "load alone"):
                time.sleep(5)
            with Pinger(server, f"FLUSHALL of {count} keys, and load"):
                took = ms_of(connection, "flushall")
                left = connection.one("dbsize")
                space = wait_for_space(server, full, 60)
            print(f"{'':34} answered in {took:.2f} ms, DBSIZE {left.decode()}; "
                  f"du of {full:.0f} MB {space}", flush=True)
        finally:
            loading.kill()
            loading.wait()
    finally:
        server.stop()


def bench_expiry(count):
    server = diskstore("--cache-max-memory", "64mb")
    try:
        connection = Connection(server)
        when = int(time.time() * 1000) + 20000 + count // 20 # filled and settled by then
        connection.many(command("set", "key:%010d" % i, "v%08d" % i, "pxat",
                                when + i % 1000) for i in range(count))
        connection.one("cache", "flush")
        late = time.time() * 1000 > when
        with Pinger(server, "before they expire"):
            time.sleep(5)
        while time.time() * 1000 < when - 500:
            time.sleep(0.1)
        with Pinger(server, f"{count} keys expire in a second"):
            while connection.one("dbsize") != b"0":
                time.sleep(0.05)
        gone = time.time() - when / 1000 - 1
        print(f"{'':34} all gone {gone:.1f} s after the last deadline"
              + ("; BEGAN TOO LATE" if late else ""), flush=True)
    finally:
        server.stop()


def answers_after_s(server):
    """Starts it again; seconds until a PING is answered."""
    begun = time.monotonic()
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"PING\r\n")
        if not client.recv(64).startswith(b"+PONG"):
            raise SystemExit("no PONG")
    return time.monotonic() - begun


def bench_restart(count):
    server = diskstore("--cache-max-memory", "64mb")
    try:
        connection = Connection(server)
        connection.many(sets(count))
        connection.one("cache", "flush")
        server.end()
        stopped = answers_after_s(server)
        connection = Connection(server)
        known = connection.one("dbsize").decode()
        connection.many(command("set", "other:%07d" % i, "v") for i in range(100000))
        time.sleep(1.2)
        server.process.kill()
        server.process.wait()
        killed = answers_after_s(server)
        print(f"restart with {known} keys, {du_mb(server):.0f} MB: PING answered "
              f"{stopped:.2f} s after a stop, {killed:.2f} s after kill -9", flush=True)
    finally:
        server.stop()


ATTACKS = { # keys that are alike to hashes without a secret
    "h * 33 + c": lambda i: "".join("Ez" if i >> b & 1 else "FY" for b in range(20)),
    "h * 31 + c": lambda i: "".join("Aa" if i >> b & 1 else "BB" for b in range(20)),
    "one slot": lambda i: "{tag}%035d" % i,
}


def cpu_of_keys(names):
    """Processor seconds for all that can be done by key: in memory and cold."""
    server = diskstore("--cache-max-memory", "64mb")
    try:
        connection = Connection(server)
        begun = server.cpu_s()
        for words in (["set", None, "v"], ["get", None], ["sadd", "members", None],
                      ["sismember", "members", None], ["hset", "fields", None, "v"],
                      ["expire", None, "10000"]):
            connection.many(command(*[name if word is None else word for word in words])
                            for name in names)
        connection.one("cache", "flush")
        for first in range(0, len(names), 1000):
            connection.one("cache", "evict", *names[first:first + 1000])
        connection.many(command("get", name) for name in names)
        connection.many(command("del", name) for name in names)
        connection.one("cache", "flush")
        return server.cpu_s() - begun
    finally:
        server.stop()


def bench_attack(count):
    usual = ["%040x" % (scattered(i) << 100 | scattered(i + 7) << 50 | i)
             for i in range(count)]
    for title, name_of in ATTACKS.items():
        ratios = [cpu_of_keys([name_of(i) for i in range(count)]) / cpu_of_keys(usual)
                  for _ in range(3)]
        print(f"{count} keys alike to {title:14} {sorted(ratios)[1]:5.2f} x the processor "
              f"time of random ones", flush=True)


def bench_keyspace(millions, which):
    parts = {"flushall": lambda: bench_flushall(5 * MILLION * millions // 10),
             "expiry": lambda: bench_expiry(MILLION * millions // 10),
             "restart": lambda: bench_restart(MILLION * millions),
             "attack": lambda: bench_attack(100000)}
    for name, run in parts.items():
        if which in name:
            run()
