"""Collections against redis-server: memory of the same data, and speed of the
commands that matter. `make bench ARGS="--only memory"`, `--only collections`.

Memory is RssAnon after loading minus RssAnon of the empty server; beside it
stands what our accounts say of the data. The store's own buffers count with
ours; they are a share of cache-max-memory, which is as small as holds the data.
"""
import os
import resource
import socket
import statistics
import subprocess
import time

from servers import BIN, diskstore, redis_server

MILLION = 1000000


class Connection:
    """Sends commands many at a time, and counts replies."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.file = self.socket.makefile("rb")

    def one(self, *words):
        self.socket.sendall(command(*words))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if line[:1] == b"-":
            raise SystemExit(line.decode())
        if line[:1] == b"$" and line[1:3] != b"-1":
            return self.file.read(int(line[1:]) + 2)[:-2]
        if line[:1] == b"*":
            return [self.reply() for _ in range(int(line[1:]))]
        return line[1:-2]

    def many(self, commands, at_once=500):
        pending, waiting = [], 0
        for item in commands:
            pending.append(item)
            if len(pending) == at_once:
                self.socket.sendall(b"".join(pending))
                waiting = len(pending)
                pending = []
                for _ in range(waiting):
                    self.reply()
        self.socket.sendall(b"".join(pending))
        for _ in pending:
            self.reply()


def command(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def scattered(number):
    """All different, in no order."""
    return number * 2654435761 % (1 << 32)


def in_tens(name, words_of, count):
    """Commands of ten elements each."""
    for first in range(0, count, 10):
        words = []
        for number in range(first, first + 10):
            words += words_of(number)
        yield command(*name, *words)


DATA = {
    "1M keys of 32 bytes": lambda: (
        command("set", "key:%012d" % i, "%032d" % i) for i in range(MILLION)),
    "sorted set, 1M x 16 bytes": lambda: in_tens(
        ["zadd", "z"], lambda i: [scattered(i), "m%015d" % i], MILLION),
    "hash, 1M x (16, 16) bytes": lambda: in_tens(
        ["hset", "h"], lambda i: ["f%015d" % scattered(i), "v%015d" % i], MILLION),
    "list, 1M x 16 bytes": lambda: in_tens(
        ["rpush", "l"], lambda i: ["e%015d" % i], MILLION),
    "set, 1M integers": lambda: in_tens(
        ["sadd", "s"], lambda i: [scattered(i)], MILLION),
    "200k hashes of 8 fields": lambda: (
        command("hset", "user:%06d" % i, *sum([["field%d" % f, "value%d" % (i + f)]
                                               for f in range(8)], []))
        for i in range(200000)),
}
GOALS = [0.8, 0.6, 0.6, 1.0, 0.6, 0.8]
LIMITS = [192, 192, 128, 64, 32, 96]


def grown(server, commands):
    connection = Connection(server)
    time.sleep(0.5)
    before = server.rss_anon_mb()
    connection.many(commands)
    if server.name == "diskstore":
        connection.one("cache", "flush")
        time.sleep(8)  # when nothing is written, LevelDB's buffer becomes a table
    time.sleep(1)
    return server.rss_anon_mb() - before, connection


def accounted_mb(connection):
    """Of entries and values."""
    lines = connection.one("info", "cache").decode().splitlines()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    return sum(int(found["cache_memory_" + name])
               for name in ("entries", "values")) / (1 << 20)


def bench_memory():
    print(f"{'memory of':28} {'diskstore':>10} {'accounts':>10} "
          f"{'redis':>8} {'ratio':>6} {'goal':>5}   (MB)")
    for (title, data), goal, limit in zip(DATA.items(), GOALS, LIMITS):
        ours = diskstore("--cache-max-memory", f"{limit}mb")
        theirs = redis_server()
        try:
            our_mb, connection = grown(ours, data())
            their_mb, _ = grown(theirs, data())
            print(f"{title:28} {our_mb:10.1f} {accounted_mb(connection):10.1f} "
                  f"{their_mb:8.1f} {our_mb / their_mb:6.2f} {goal:5.1f}", flush=True)
        finally:
            ours.stop()
            theirs.stop()


SPEED = [ # what, how many different elements or keys, and the command
    ("LPUSH", 1, ["lpush", "pushed", "e000000000000000"]),
    ("LPOP", 1, ["lpop", "popped"]),
    ("LRANGE 100", 1, ["lrange", "l", "0", "99"]),
    ("HSET", MILLION, ["hset", "h", "fld:__rand_int__", "v000000000000000"]),
    ("HGET", MILLION, ["hget", "h", "fld:__rand_int__"]),
    ("HGETALL 50", 1, ["hgetall", "small"]),
    ("SADD", MILLION, ["sadd", "s", "mem:__rand_int__"]),
    ("SISMEMBER", MILLION, ["sismember", "s", "mem:__rand_int__"]),
    ("ZADD", MILLION, ["zadd", "z", "__rand_int__", "mem:__rand_int__"]),
    ("ZSCORE", MILLION, ["zscore", "z", "mem:__rand_int__"]),
    ("ZRANK", MILLION, ["zrank", "z", "mem:__rand_int__"]),
    ("ZRANGE 10 by score", MILLION, ["zrange", "z", "__rand_int__", "+inf", "byscore",
                                     "limit", "0", "10"]),
    ("INCR of 100k keys", 100000, ["incr", "counter:__rand_int__"]),
    ("INCR of 1M keys", MILLION, ["incr", "counter:__rand_int__"]),
]
CLIENT = os.path.join(os.path.dirname(BIN), "tests", "bench", "bench_client")
CLIENT_LIMIT = 0.9 # of a core


def fill_speed(server):
    connection = Connection(server)
    shapes = [
        (["rpush", "l"], lambda i: ["e%015d" % i]),
        (["hset", "h"], lambda i: ["fld:%012d" % i, "v%015d" % i]),
        (["sadd", "s"], lambda i: ["mem:%012d" % i]),
        (["zadd", "z"], lambda i: [scattered(i) % MILLION, "mem:%012d" % i]),
    ]
    for name, words_of in shapes:
        connection.many(in_tens(name, words_of, MILLION))
    connection.many(command("set", "counter:%012d" % i, i) for i in range(MILLION))
    connection.one("hset", "small", *sum([["field:%02d" % i, "value:%04d" % i]
                                          for i in range(50)], []))


def per_second(server, most, words, seconds):
    """Commands a second, those for each second of the server's processor, and
    whether it was the client that could do no more."""
    begun, cpu, loop = time.monotonic(), server.cpu_s(), server.loop_cpu_s()
    client = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([CLIENT, str(server.port), "50", "16", str(most), str(seconds),
                           *words], check=True, capture_output=True, text=True)
    took = time.monotonic() - begun
    used, loop = server.cpu_s() - cpu, (server.loop_cpu_s() - loop) / took
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    client = (after.ru_utime + after.ru_stime - client.ru_utime - client.ru_stime) / took
    rate = float(done.stdout)
    return rate, rate * took / max(used, 0.01), client > CLIENT_LIMIT and client > loop


def before(server, title, seconds):
    """So that there is always something to pop."""
    if title != "LPOP":
        return
    connection = Connection(server)
    wanted = MILLION + int(3 * MILLION * seconds)
    missing = wanted - int(connection.one("llen", "popped"))
    connection.many(command("rpush", "popped", *["e000000000000000"] * 100)
                    for _ in range(max(0, missing) // 100))


def bench_collections(rounds, seconds, which):
    ours, theirs = diskstore("--cache-max-memory", "1gb"), redis_server()
    try:
        for server in (ours, theirs):
            fill_speed(server)
        time.sleep(2)
        print(f"{'pipeline 16':20} {'ratio':>6}  (of rounds)      by processor time")
        for title, most, words in SPEED:
            if which not in title:
                continue
            wall, cpu, left_out = [], [], 0
            for number in range(rounds):
                order = (ours, theirs) if number % 2 else (theirs, ours)
                speed = {}
                for server in order:
                    before(server, title, seconds)
                    speed[server.name] = per_second(server, most, words, seconds)
                left_out += any(limited for _, _, limited in speed.values())
                wall.append(speed["diskstore"][0] / speed["redis-server"][0])
                cpu.append(speed["diskstore"][1] / speed["redis-server"][1])
            print(f"{title:20} {statistics.median(wall):5.2f} x  ({min(wall):.2f} to "
                  f"{max(wall):.2f})   {statistics.median(cpu):5.2f} x   "
                  f"last {speed['diskstore'][0]:.0f} against "
                  f"{speed['redis-server'][0]:.0f} per second"
                  + (f"; the client was the limit in {left_out} rounds" if left_out else ""),
                  flush=True)
    finally:
        ours.stop()
        theirs.stop()
