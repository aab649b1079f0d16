"""The programs that come with Redis, unmodified: redis-cli and
redis-benchmark. Each does the same with diskstore and with redis-server, and
what the user sees must be the same. (redis-py: test_redis_py.py; node:
test_node.py; a monitoring tool: test_exporter.py.)"""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

from lib.resp import NULL_BULK, encode
from lib.server import SLOWNESS, free_port, wait_until

TIMEOUT_S = 60 * SLOWNESS
BINARY = b"\x00\r\n\xff\"'"

# Variables that redis-cli reads, and the width and colours of a terminal.
CLEAN = {name: value for name, value in os.environ.items()
         if not name.startswith("REDISCLI_")}
CLEAN.update(TERM="dumb", REDISCLI_HISTFILE="/dev/null", HOME="/nonexistent")


@pytest.fixture
def both(start_server, start_redis):
    return start_server(), start_redis()


# --- redis-cli -------------------------------------------------------------

def cli(server, *arguments, stdin=b""):
    """(exit status, stdout, stderr) of redis-cli, without the port."""
    done = subprocess.run(
        ["redis-cli", "-p", str(server.port)] + [str(one) for one in arguments],
        input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=CLEAN, timeout=TIMEOUT_S)
    port = b"%d" % server.port
    return (done.returncode, done.stdout.replace(port, b"PORT"),
            done.stderr.replace(port, b"PORT"))


def cli_same(both, *arguments, stdin=b""):
    ours, theirs = (cli(one, *arguments, stdin=stdin) for one in both)
    assert ours == theirs, arguments
    return ours


def test_cli_sets_and_gets(both):
    assert cli_same(both, "set", "k", "v") == (0, b"OK\n", b"")
    assert cli_same(both, "get", "k") == (0, b"v\n", b"")
    assert cli_same(both, "get", "none") == (0, b"\n", b"")
    assert cli_same(both, "--no-raw", "get", "none") == (0, b"(nil)\n", b"")
    assert cli_same(both, "--no-raw", "get", "k") == (0, b'"v"\n', b"")
    assert cli_same(both, "-x", "set", "k", stdin=BINARY)[0] == 0
    assert cli_same(both, "get", "k")[1] == BINARY + b"\n"
    assert cli_same(both, "strlen", "k")[1] == b"%d\n" % len(BINARY)
    assert cli_same(both, "-X", "tag", "set", "k", "tag", stdin=b"x")[0] == 0
    assert cli_same(both, "-n", 3, "set", "k", "three")[1] == b"OK\n"
    assert cli_same(both, "get", "k")[1] == b"x\n"
    assert cli_same(both, "-n", 3, "get", "k")[1] == b"three\n"
    assert cli_same(both, "-n", 99, "get", "k")[0] in (0, 1)
    assert cli_same(both, "-r", 5, "incr", "n")[1] == b"1\n2\n3\n4\n5\n"
    assert cli_same(both, "-r", 3, "-i", 0.01, "incr", "n")[1] == b"6\n7\n8\n"


@pytest.mark.parametrize("protocol", [[], ["-3"], ["-2"]])
@pytest.mark.parametrize("shape", [[], ["--raw"], ["--no-raw"], ["--csv"],
                                   ["--json"], ["-e"]])
def test_cli_shows_replies_and_errors(both, protocol, shape):
    cli_same(both, "mset", "a", "1", "b", "two words", "c", BINARY[3:],
             "n", "10")
    for command in ("mget a b none n", "get b", "get none", "incr n",
                    "incrbyfloat n 0.5", "incr b", "set a", "nonsense x y",
                    "client nonsense", "set a 1 EX nothing", "get",
                    "config get hz nonsense", "config get timeout", "type a",
                    "ttl a", "exists a b none", "set a 1 GET", "getdel none",
                    "rename none a", "expire a -1", "eval return(1) 0",
                    "eval return{1,{ok='x'},{err='y'}} 0", "eval x 0",
                    "select 99", "hello 9", "auth x", "command count x",
                    "client getname", "object", "ping", "echo hi"):
        if command != "object": # a command of Redis that we lack
            cli_same(both, *protocol, *shape, *command.split(" "))


def test_cli_reads_commands_from_its_input(both):
    commands = b"""set k v
get k
set "quoted key" "a\\x00b\\n"
get "quoted key"

set k
  mget k none
incr n
select 2
get k
3 incr n
nonsense 'a b'
get "unbalanced
ping
hello 3
mget k none
client setname me
client getname
config get ti*out
reset
get k
"""
    def of(server):
        status, out, err = cli(server, stdin=commands)
        # HELLO tells the version and the id.
        return status, re.sub(rb"(version|id) [0-9.]+", rb"\1", out), err
    ours, theirs = map(of, both)
    assert ours == theirs
    assert b"OK\nv\nOK\na\x00b\n" in ours[1]


def resp_of(count):
    return b"".join(encode("SET", "pipe:%d" % i, "value %d" % i)
                    for i in range(count))


@pytest.mark.parametrize("data, answers", [
    (resp_of(20000), b"errors: 0, replies: 20000"),
    (b"set k v\r\nincr k\r\nget k\r\n", b"errors: 1, replies: 3"),
    (resp_of(100) + encode("SET", "k") + encode("nonsense"),
     b"errors: 2, replies: 102"),
    (b"multi\r\nset k v\r\nexec\r\n", b"errors: 0, replies: 3"),
    (b"", b"errors: 0, replies: 0"),
    (encode("SET", "big", b"x" * 1_000_000) * 5, b"errors: 0, replies: 5")],
    ids=["many", "inline", "errors", "transaction", "nothing", "large"])
def test_cli_pipes(both, data, answers):
    ours = cli_same(both, "--pipe", stdin=data)
    assert answers in ours[1]
    counts = [server.call("DBSIZE") for server in both]
    assert counts[0] == counts[1]


def test_cli_logs_in(start_server, start_redis):
    both = (start_server(requirepass="secret"),
            start_redis(requirepass="secret"))
    for login in ([], ["-a", "secret"], ["-a", "wrong"],
                  ["--no-auth-warning", "-a", "secret"],
                  ["--user", "default", "--pass", "secret"],
                  ["--user", "nobody", "--pass", "secret"],
                  ["-3", "-a", "secret"], ["-3"]):
        for command in (["set", "k", "v"], ["get", "k"]):
            ours, theirs = (cli(one, *login, *command) for one in both)
            # See tests/oracle-differences.
            assert ours == (theirs[0], theirs[1], theirs[2].replace(
                b"HELLO AUTH", b"HELLO <proto> AUTH")), login
    for one in both:
        url = "redis://default:secret@127.0.0.1:%d/4" % one.port
        assert cli(one, "-u", url, "set", "k", "4")[:2] == (0, b"OK\n")
    cli_same(both, "-a", "secret", "-n", 4, "get", "k")


def with_unix_socket(start_server):
    """A server, and the path of its socket: short, it has to be."""
    server = start_server(start=False)
    path = os.path.join(server.directory, "socket")
    return server.start(unixsocket=path), path


def test_cli_through_a_unix_socket(start_server):
    server, path = with_unix_socket(start_server)
    assert cli(server, "-s", path, "set", "k", "v") == (0, b"OK\n", b"")
    assert cli(server, "get", "k") == (0, b"v\n", b"")


class Terminal:
    """redis-cli as someone has it in front of him."""

    def __init__(self, server, *arguments):
        self.prompt = b"127.0.0.1:%d" % server.port
        self._data = b"" # what was read and not yet returned by until()
        self._main, other = pty.openpty()
        self.process = subprocess.Popen(
            ["redis-cli", "-p", str(server.port)] + list(arguments),
            stdin=other, stdout=other, stderr=other, env=CLEAN,
            start_new_session=True)
        os.close(other)

    def _until_prompt(self):
        """What comes up to the next prompt, and that prompt's end."""
        data, deadline = b"", time.monotonic() + TIMEOUT_S
        end = rb"(%s(\[\d+\])?(\(TX\))?|not connected)> $" % re.escape(
            self.prompt)
        while not re.search(end, data):
            if not select.select([self._main], [], [],
                                 max(0, deadline - time.monotonic()))[0]:
                raise AssertionError("no prompt after %r" % data)
            data += os.read(self._main, 1 << 16)
        return data.replace(self.prompt, b"PROMPT").replace(b"\r", b"")

    def greet(self):
        """Waits for the first prompt."""
        return self._until_prompt()

    def type(self, line):
        os.write(self._main, line + b"\n")
        return self._until_prompt()

    def until(self, pattern, count=1):
        """What comes up to the count-th match of pattern, with it: for what
        redis-cli shows without being asked again."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            found = list(re.finditer(pattern, self._data))[:count]
            if len(found) == count:
                shown, self._data = (self._data[:found[-1].end()],
                                     self._data[found[-1].end():])
                return shown.replace(self.prompt, b"PROMPT")
            if not select.select([self._main], [], [],
                                 max(0, deadline - time.monotonic()))[0]:
                raise AssertionError("not within %r" % self._data)
            self._data += os.read(self._main, 1 << 16).replace(b"\r\n", b"\n")

    def interrupt(self):
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(TIMEOUT_S)

    def end(self):
        os.write(self._main, b"quit\n")
        # The process writes on until someone reads.
        while self.process.poll() is None:
            if select.select([self._main], [], [], 0.01)[0]:
                try:
                    os.read(self._main, 1 << 16)
                except OSError: # closed: it ends
                    break
        return self.process.wait(TIMEOUT_S)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._main)


@pytest.fixture
def open_terminal():
    terminals = []
    def start(*arguments):
        terminals.append(Terminal(*arguments))
        return terminals[-1]
    yield start
    for one in terminals:
        one.close()


def test_cli_in_a_terminal(both, open_terminal):
    """It asks for COMMAND DOCS, or without it for COMMAND, to give hints."""
    terminals = [open_terminal(one) for one in both]
    for one in terminals:
        one.greet()
    for line in (b"set k v", b"get k", b"get none", b"mget k none", b"incr k",
                 b"set k", b"nonsense", b"select 3", b"get k", b"set k three",
                 b"select 0", b"get k", b'set "a b" "\\x00\\n"', b'get "a b"',
                 b"config get timeout", b"get 'unbalanced", b"2 incr n",
                 b"select 99", b"client setname me", b"client getname",
                 b"ttl k", b"flushdb", b"get k", b"ping", b"", b"clear"):
        ours, theirs = (one.type(line) for one in terminals)
        assert ours == theirs, line
    assert [one.end() for one in terminals] == [0, 0]


def test_cli_in_a_terminal_comes_back_after_a_restart(start_server,
                                                      open_terminal):
    server = start_server(port=free_port())
    terminal = open_terminal(server)
    terminal.greet()
    assert b"OK" in terminal.type(b"set k v")
    server.restart()
    assert b"not connected" in terminal.type(b"get k")
    assert b'"v"' in terminal.type(b"get k")
    assert terminal.end() == 0


def same_lines(terminals, lines):
    """What each line shows, once for both."""
    shown = []
    for line in lines:
        ours, theirs = (one.type(line) for one in terminals)
        assert ours == theirs, line
        shown.append(ours)
    return shown


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_cli_transactions_in_a_terminal(both, open_terminal, protocol):
    """The prompt says (TX) from MULTI on, and no more after EXEC, DISCARD, or
    an error that ended it."""
    terminals = [open_terminal(one, protocol) for one in both]
    for one in terminals:
        one.greet()
    shown = same_lines(terminals, [
        b"multi", b"set k v", b"get k", b"incr k", b"mget k none",
        b"select 3", b"exec", b"get k", b"multi", b"set k x", b"discard",
        b"multi", b"nonsense", b"set k", b"exec", b"exec", b"watch k",
        b"set k y", b"multi", b"get k", b"exec", b"multi", b"multi", b"exec",
        b"multi", b"reset", b"get k", b"multi", b"select 1"])
    assert shown[0].endswith(b"OK\nPROMPT(TX)> ")
    assert shown[1].endswith(b"QUEUED\nPROMPT(TX)> ")
    assert shown[6].endswith(b"PROMPT[3]> ")
    assert b"EXECABORT" in shown[14]
    assert shown[20].endswith(b"(nil)\nPROMPT[3]> ")
    # A server that goes takes the transaction along.
    for server, one in zip(both, terminals):
        server.hang_up()
        server.call("CLIENT", "KILL", "TYPE", "normal")
    same_lines(terminals, [b"get k", b"get k", b"ping"])
    assert [one.end() for one in terminals] == [0, 0]


def test_cli_subscribes(both, open_terminal):
    for words in (["subscribe", "news", "b"], ["psubscribe", "n*"],
                  ["-3", "subscribe", "news"], ["--csv", "subscribe", "news"],
                  ["ssubscribe", "news"]):
        shown = []
        for server in both:
            terminal = open_terminal(server, *words)
            # In RESP3 as in RESP2 the count of subscriptions comes last.
            seen = terminal.until(rb"(\(integer\) |,)%d\n" % (len(words) - 1
                                  if words[0] == "subscribe" else 1))
            publish = "SPUBLISH" if words[0] == "ssubscribe" else "PUBLISH"
            for message in ("hello", "two words", "end"):
                assert server.call(publish, "news", message) == 1
            seen += terminal.until(rb"end.*\n")
            assert terminal.interrupt() in (0, -signal.SIGINT)
            shown.append(seen)
        assert shown[0] == shown[1], words
        assert b"two words" in shown[0]


def test_cli_monitors(both, open_terminal):
    shown = []
    for server in both:
        terminal = open_terminal(server, "monitor")
        seen = terminal.until(rb"OK\n")
        assert cli(server, "set", "k", 'two "words"\n')[0] == 0
        assert cli(server, "-n", 3, "echo", "the end")[0] == 0
        seen += terminal.until(rb'"the end"\n')
        terminal.interrupt()
        shown.append(re.sub(rb"[0-9]+\.[0-9]+ \[(\d+) 127.0.0.1:\d+\]",
                            rb"TIME [\1 ADDRESS]", seen))
    assert shown[0] == shown[1]
    assert b'TIME [0 ADDRESS] "set" "k" "two \\"words\\"\\n"\n' in shown[0]
    assert b'TIME [3 ADDRESS] "echo" "the end"\n' in shown[0]


def test_cli_shows_pushes(both, open_terminal):
    """What tracking tells comes before the answer of the next command."""
    shown = []
    for server in both:
        terminal = open_terminal(server, "-3")
        terminal.greet()
        seen = terminal.type(b"client tracking on") + terminal.type(b"get k")
        server.call("SET", "k", "v")
        seen += terminal.type(b"get k")
        server.call("FLUSHALL")
        shown.append(seen + terminal.type(b"ping"))
        terminal.end()
    assert shown[0] == shown[1]
    assert shown[0].count(b"invalidate") == 2


STAT = re.compile(rb"^(\d+) +([\d.]+[KMG]) +(\d+) +(\d+) +(\d+) "
                  rb"\(\+(\d+)\) +(\d+) +$", re.MULTILINE)


def test_cli_stat(both, open_terminal):
    """keys, memory, clients, blocked, requests (and since before),
    connections."""
    shown = []
    for server in both:
        client = server.raw()
        client.call("MSET", "a", 1, "b", 2, "c", 3)
        client.call("DBSIZE") # INFO doesn't wait for blind writes
        terminal = open_terminal(server, "--stat", "-i", "0.02")
        lines = STAT.findall(terminal.until(rb"\(\+\d+\) +\d+ +\n", 5))
        assert terminal.interrupt() in (0, -signal.SIGINT)
        assert all(line[5] == b"1" for line in lines[1:]) # its own INFO
        requests = [int(line[4]) for line in lines]
        assert requests == list(range(requests[0], requests[0] + 5))
        shown.append([(line[0], line[2], line[3]) for line in lines])
    assert shown[0] == shown[1] == [(b"3", b"2", b"0")] * 5


def test_cli_latency(both, open_terminal):
    for server in both:
        for shape in ([], ["--raw"], ["--csv"]): # min, max, avg, samples
            status, out, err = cli(server, "--latency", "-i", "0.05", *shape)
            assert (status, err) == (0, b"")
            low, high, average, samples = map(
                float, out.replace(b",", b" ").split())
            assert low <= average <= high and samples >= 1
        terminal = open_terminal(server, "--latency")
        terminal.until(rb"min: \d+, max: \d+, avg: [\d.]+ \(\d+ samples\)", 3)
        terminal.interrupt()


def test_cli_latency_over_time(both, open_terminal):
    for server in both:
        terminal = open_terminal(server, "--latency-history", "-i", "0.05")
        terminal.until(rb"\(\d+ samples\) -- [\d.]+ seconds range\n", 2)
        terminal.interrupt()
        terminal = open_terminal(server, "--latency-dist", "-i", "0.05")
        terminal.until(rb"From 0 to 100%: ")
        terminal.until(rb"\x1b\[0m\n", 3)
        terminal.interrupt()


@pytest.mark.parametrize("mode", ["--bigkeys", "--hotkeys", "--scan"])
def test_cli_goes_over_all_keys(both, mode):
    """With few keys, so that their order is the same; test_scan.py has
    more."""
    shown = []
    for server in both:
        server.call("RPUSH", "k", "1", "2", "3")
        shown.append(cli(server, mode))
    assert shown[0] == shown[1]
    assert (b"k\n" if mode == "--scan" else b"") in shown[0][1]


def test_cli_explains(both, open_terminal):
    """`help` shows what COMMAND DOCS says: ours in other words, but for the
    syntax."""
    shown = []
    for server in both:
        terminal = open_terminal(server)
        terminal.greet()
        for name in (b"getrange", b"multi", b"publish", b"expire"):
            shown.append(re.sub(rb"\x1b\[\d+m", b"", # colours
                                terminal.type(b"help " + name)))
            assert b"summary: " in shown[-1] and b"group: " in shown[-1]
        assert b"SUBSTR" in terminal.type(b"help @string").upper()
        terminal.end()
    for ours, theirs in zip(shown[:4], shown[4:]):
        assert ours.splitlines()[2] == theirs.splitlines()[2]


# --- redis-benchmark -------------------------------------------------------

RATE = re.compile(r"^([A-Z_0-9]+(?: \([^)]*\))?): [0-9.]+ requests per second, "
                  r"p50=[0-9.]+ msec$")
ALL_TESTS = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH",
             "RPUSH", "LPOP", "RPOP", "SADD", "HSET", "SPOP", "ZADD",
             "ZPOPMIN", "LPUSH (needed to benchmark LRANGE)",
             "LRANGE_100 (first 100 elements)",
             "LRANGE_300 (first 300 elements)",
             "LRANGE_500 (first 500 elements)",
             "LRANGE_600 (first 600 elements)", "MSET (10 keys)"]


def benchmark(server, *arguments):
    """The tests that redis-benchmark -q ran to their ends. It may warn that
    it can't read the configuration, and stops at the first error reply."""
    done = subprocess.run(
        ["redis-benchmark", "-p", str(server.port), "-q"] +
        [str(one) for one in arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=TIMEOUT_S * 20)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert done.stderr == b""
    # Progress is written over itself: what is left in the end counts.
    ends = [line.split("\r")[-1].strip()
            for line in done.stdout.decode().split("\n")]
    ends = [line for line in ends if line]
    found = [RATE.match(line) for line in ends]
    assert all(found), ends
    return [one.group(1) for one in found]


def check_benchmark(server, count, *arguments):
    assert benchmark(server, "-n", count, *arguments) == ALL_TESTS
    assert server.call("GET", "counter:__rand_int__") == b"%d" % count
    assert server.call("GET", "key:__rand_int__") == b"VXK"
    assert server.call("LLEN", "mylist") >= count
    assert server.call("HLEN", "myhash") == 1


def test_benchmark(server):
    check_benchmark(server, 10_000)


def test_benchmark_with_a_pipeline_and_threads(server):
    check_benchmark(server, 20_000, "-P", 16, "--threads", 2)


def test_benchmark_with_random_keys_in_little_memory(start_server):
    """More than memory holds: 30,000 keys with a thousand bytes each."""
    server = start_server(cache_max_memory="16mb")
    # The lists that it would make have to fit in memory.
    assert benchmark(server, "-n", 10_000, "-r", 30_000, "-d", 1000, "-P", 4,
                     "-t", "ping,set,get,incr,mset") == \
        ALL_TESTS[:5] + ALL_TESTS[-1:]
    assert 30_000 < server.call("DBSIZE") <= 60_000
    counters = ["counter:%012d" % i for i in range(30_000)]
    client = server.raw()
    total = 0
    for first in range(0, len(counters), 1000):
        for one in client.call("MGET", *counters[first:first + 1000]):
            total += 0 if one is NULL_BULK else int(one)
    assert total == 10_000
    assert server.info("cache")["cache_evictions"] > 0


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_benchmark_as_it_is(server):
    """The command line of the README, nothing else: 100,000 of each."""
    assert benchmark(server) == ALL_TESTS
    assert server.call("GET", "counter:__rand_int__") == b"100000"


@pytest.mark.torture
@pytest.mark.timeout(1800)
def test_benchmark_with_two_million_keys_set(start_server):
    """MSET sets ten with each request."""
    server = start_server(cache_max_memory="64mb")
    assert benchmark(server, "-n", 200_000, "-r", 300_000, "-d", 200, "-P",
                     16) == ALL_TESTS
    wait_until(lambda: server.info("cache")["cache_dirty_bytes"] == 0,
               what="all is flushed")


def test_the_programs_are_there():
    """A missing one would fail each test with a riddle."""
    for name in ("redis-cli", "redis-benchmark", "redis-server", "node",
                 "prometheus-redis-exporter"):
        assert shutil.which(name)
