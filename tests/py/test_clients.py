"""The clients that people have, unmodified: redis-cli, redis-py and
redis-benchmark. Each does the same with diskstore and with redis-server, and
what the user sees must be the same."""

import concurrent.futures
import datetime
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest
import redis

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
                    "rename none a", "expire a -1", "eval 'return 1' 0",
                    "select 99", "hello 9", "auth x", "command count x",
                    "client getname", "object", "ping", "echo hi"):
        if command.startswith("eval"):
            # Redis has scripts: only that ours says so in the same shape.
            status, out, err = cli(both[0], *protocol, *shape,
                                   *command.split(" "))
            assert b"unknown command 'eval'" in out + err
            assert status == (1 if shape == ["-e"] else 0)
        elif command != "object": # a command of Redis that we lack
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
    (b"", b"errors: 0, replies: 0"),
    (encode("SET", "big", b"x" * 1_000_000) * 5, b"errors: 0, replies: 5")],
    ids=["many", "inline", "errors", "nothing", "large"])
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
        self._main, other = pty.openpty()
        self.process = subprocess.Popen(
            ["redis-cli", "-p", str(server.port)] + list(arguments),
            stdin=other, stdout=other, stderr=other, env=CLEAN,
            start_new_session=True)
        os.close(other)

    def _until_prompt(self):
        """What comes up to the next prompt, and that prompt's end."""
        data, deadline = b"", time.monotonic() + TIMEOUT_S
        end = rb"(%s(\[\d+\])?|not connected)> $" % re.escape(self.prompt)
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


# --- redis-py --------------------------------------------------------------

class Caller:
    """Calls methods of two clients, whose results must be the same: values,
    or errors with the same class and text. Remembers which were called."""

    def __init__(self, ours, theirs, names):
        self._clients = ours, theirs
        self._names = names

    def __getattr__(self, name):
        def call(*arguments, **options):
            self._names.add(name)
            results = []
            for client in self._clients:
                try:
                    results.append(getattr(client, name)(*arguments,
                                                         **options))
                except redis.RedisError as error:
                    results.append((type(error), str(error)))
            assert results[0] == results[1], (name, arguments, options)
            return results[0]
        return call


def strings(call):
    far = datetime.timedelta(days=1000)
    assert call.set("k", "v") is True
    call.set("k", "w", nx=True)
    call.set("new", "w", xx=True)
    call.set("k", "x", get=True)
    call.set("k", "x", ex=1000)
    call.set("k", "x", keepttl=True)
    call.set("k", "x", px=far)
    call.set("k", "x", exat=4102444800)
    call.expiretime("k")
    call.set("k", "x", pxat=4102444800123)
    call.pexpiretime("k")
    call.set("k", "x", ex=-1)
    call.set("k", b"\x00\xff", ex=far)
    call.set("n", 17)
    call.set("f", 1.5)
    for name in ("k", "n", "f", "none"):
        call.get(name)
        call.strlen(name)
        call.getrange(name, 0, 1)
        call.type(name)
    call.append("k", "tail")
    call.setrange("k", 3, "mid")
    call.setrange("new", 3, "end")
    call.get("new")
    call.incr("n")
    call.incr("n", 5)
    call.incr("k")
    call.incrby("n", 10)
    call.incrbyfloat("f", 0.25)
    call.incrbyfloat("k", 1)
    call.decr("n", 2)
    call.decrby("n", 7)
    call.getset("n", 1)
    call.getdel("new")
    call.getdel("new")
    call.getex("n", ex=1000)
    call.getex("n", pxat=4102444800123)
    call.getex("n", persist=True)
    call.setex("e", far, "v")
    call.psetex("e", 100000000, "v")
    call.setex("e", 0, "v")
    call.setnx("e", "w")
    call.setnx("e2", "w")
    call.mset({"a": 1, "b": "2", b"\x00": b"\xff"})
    call.msetnx({"a": 3, "c": 4})
    call.msetnx({"c": 4, "d": 5})
    call.mget("a", "b", "none")
    call.mget(["a", b"\x00"])


def keys(call):
    call.mset({"a": 1, "b": 2, "c": 3, "d": 4})
    call.exists("a", "b", "a", "none")
    call.touch("a", "none")
    call.expire("a", 1000)
    call.expire("a", 100000, nx=True)
    call.expire("a", 100000, gt=True)
    call.expire("a", 200000, lt=True)
    call.expire("a", datetime.timedelta(days=3), xx=True)
    call.expire("a", 1, nx=True, xx=True)
    call.ttl("a")
    call.expireat("b", 4102444800)
    call.expiretime("b")
    call.pexpire("c", 10**9)
    call.pexpireat("c", 4102444800123)
    call.pexpiretime("c")
    call.pttl("d")
    call.pttl("none")
    call.persist("c")
    call.persist("c")
    call.expire("d", -1)
    call.rename("a", "renamed")
    call.rename("none", "renamed")
    call.renamenx("renamed", "b")
    call.renamenx("renamed", "a")
    call.dbsize()
    call.unlink("a", "none")
    call.delete("b", "c", "b")
    call.dbsize()
    call.set("a", 1)
    call.flushdb(asynchronous=True)
    call.flushall()
    call.dbsize()


def connection(call):
    call.ping()
    call.echo("hi")
    call.select(3)
    call.select(99)
    call.select(0)
    call.client_setname("me")
    call.client_getname()
    call.client_kill("1.2.3.4:5")
    call.client_kill_filter(_id="999999", skipme=True)
    call.client_kill_filter(_type="pubsub")
    call.client_kill_filter(_type="nonsense")
    call.client_list(_type="replica")
    call.client_list(client_id=["999999"])
    call.auth("x")
    call.auth("x", username="default")
    call.reset()


def server_wide(call):
    call.config_get("time*")
    call.config_set("timeout", 1000)
    call.config_get("timeout")
    call.config_set("timeout", 0)
    call.config_set("nonsense", 1)
    call.config_resetstat()
    call.command_getkeys("MSET", "a", 1, "b", 2)
    call.command_getkeys("PING", "a")
    call.command_getkeysandflags("MSET", "a", 1, "b", 2)
    call.config_rewrite()
    call.command_list(pattern="clien*|getname")
    call.save()
    call.bgrewriteaof()


def messages(call):
    assert call.publish("news", "nobody hears it") == 0
    call.publish("news", BINARY)
    call.pubsub_channels()
    call.pubsub_channels("n*")
    assert call.pubsub_numpat() == 0
    call.pubsub_numsub("news", "other")
    call.pubsub_numsub()


def how_clients_are_served(call):
    call.client_pause(0)
    call.client_pause(0, all=False)
    call.client_unpause()
    call.client_unblock(999999)
    call.client_unblock(999999, error=True)
    call.client_getredir()
    call.client_no_evict("ON")
    call.client_no_evict("x")
    call.client_reply("ON")
    call.client_reply("x")
    call.client_trackinginfo()
    call.client_tracking_on()
    call.client_trackinginfo()
    call.client_tracking_off()
    call.client_tracking(True, bcast=True, prefix=["a", "b"], noloop=True)
    call.client_trackinginfo()
    call.client_tracking(False)
    call.reset()


def watching(call):
    call.config_set("slowlog-log-slower-than", -1)
    call.slowlog_reset()
    assert call.slowlog_len() == 0
    assert call.slowlog_get() == []
    call.config_set("slowlog-log-slower-than", 10000)
    with pytest.raises(NotImplementedError): # in redis-py
        call.latency_histogram("get")


FAMILIES = [strings, keys, connection, server_wide, messages,
            how_clients_are_served, watching]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("options", [
    {}, {"decode_responses": True, "encoding_errors": "surrogateescape"},
    {"single_connection_client": True}, {"db": 5, "client_name": "named"}],
    ids=["bytes", "str", "single", "named"])
def test_py_methods(both, family, options):
    # So that the connections of a pool are not told to be someone else's.
    family(Caller(*[one.client(**options) for one in both], set()))


def test_py_monitor(both):
    for one in both:
        with one.client().monitor() as monitor:
            one.client().set("k", "v")
            told = monitor.next_command()
            while not told["command"].startswith("SET"): # CLIENT SETINFO ...
                told = monitor.next_command()
            assert (told["command"], told["db"]) == ("SET k v", 0)


def unequal_methods(client):
    """Where the reply can't be Redis's; all must work."""
    assert client.client_id() > 0
    assert client.client_info()["db"] == 0
    assert client.client_list()[0]["name"] == ""
    assert client.command_count() > 50
    assert client.command()["get"]["arity"] == 2
    assert "set" in client.command()
    assert client.info()["redis_version"] == "7.2.0"
    assert client.info("cache")["cache_entries"] >= 0
    assert client.info("server", "clients")["connected_clients"] >= 1
    assert isinstance(client.lastsave(), datetime.datetime)
    assert abs(client.time()[0] - time.time()) < 60
    assert client.bgsave() is True
    assert client.quit() is True
    assert client.execute_command("CACHE", "FLUSH") in (b"OK", "OK")


def test_py_covers_every_method_of_our_commands(both):
    """So that the tests above don't forget one."""
    called = {"monitor", "pubsub", "quit", "shutdown", "command", "command_count", "info", "time",
              "client_id", "client_info", "lastsave", "bgsave"}
    not_implemented = {"command_docs", "command_info", "hello"} # in redis-py
    for family in FAMILIES:
        caller = Caller(*[one.client() for one in both], called)
        family(caller)
        caller.flushall()
    ours = both[0]
    names = {name.decode().replace("|", "_")
             for name in ours.call("COMMAND", "LIST")}
    names.discard("client") # a container; so is config, debug has no method
    methods = {name for name in names if hasattr(redis.Redis, name)}
    assert len(methods) > 60
    assert methods - called == not_implemented


def test_py_methods_whose_reply_is_ours(both):
    unequal_methods(both[0].client())


def heard(listener, count):
    """So many messages, in the order in which they come."""
    messages = []
    def has_enough():
        message = listener.get_message(timeout=0.1)
        messages.extend([message] if message else [])
        return len(messages) == count
    wait_until(has_enough)
    return messages


@pytest.mark.parametrize("options", [{}, {"decode_responses": True}],
                         ids=["bytes", "str"])
def test_py_pubsub(both, options):
    told = []
    for server in both:
        client = server.client(**options)
        listener = client.pubsub()
        handled = []
        listener.subscribe("news", other=handled.append)
        listener.psubscribe("n*")
        messages = heard(listener, 3)
        assert client.publish("news", "hello") == 2
        assert client.publish("other", "to the handler") == 1
        messages += heard(listener, 2)
        wait_until(lambda: listener.get_message(timeout=0.1) or handled)
        listener.ping("there?")
        messages += heard(listener, 1)
        listener.unsubscribe("news", "other")
        listener.punsubscribe()
        messages += heard(listener, 3)
        assert client.pubsub_numsub("news")[0][1] == 0
        listener.close()
        told.append((messages, handled))
    assert told[0] == told[1]
    assert len(told[0][1]) == 1


def test_py_hears_keyspace_events(both):
    told = []
    for server in both:
        client = server.client(decode_responses=True)
        client.config_set("notify-keyspace-events", "KEA")
        listener = client.pubsub(ignore_subscribe_messages=True)
        listener.psubscribe("__keyspace@0__:*")
        wait_until(lambda: client.pubsub_numpat() == 1)
        client.set("k", "v", ex=100)
        client.rename("k", "k2")
        client.delete("k2")
        told.append([(one["channel"], one["data"])
                     for one in heard(listener, 5)])
        listener.close()
    assert told[0] == told[1]
    assert told[0][0] == ("__keyspace@0__:k", "set")


def test_cli_subscribes(both):
    """redis-cli waits for messages; what it shows is the same."""
    shown = []
    for server in both:
        listener = subprocess.Popen(
            ["redis-cli", "-p", str(server.port), "--no-raw", "psubscribe",
             "n*", "x"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            env=CLEAN)
        wait_until(lambda: server.call("PUBSUB", "NUMPAT") == 2)
        server.call("PUBLISH", "news", BINARY)
        server.call("PUBLISH", "x", "end")
        lines = [listener.stdout.readline() for _ in range(15)]
        listener.terminate()
        listener.wait(TIMEOUT_S)
        listener.stdout.close()
        shown.append(lines)
    assert shown[0] == shown[1]
    assert b'"end"' in shown[0][-1]


def test_py_is_a_mapping(both):
    client = both[0].client()
    client["k"] = "v"
    assert client["k"] == b"v"
    assert "k" in client
    del client["k"]
    assert "k" not in client
    with pytest.raises(KeyError):
        client["k"]


@pytest.mark.parametrize("decode", [False, True])
def test_py_pipeline(both, decode):
    def fill(client):
        pipe = client.pipeline(transaction=False)
        for i in range(1000):
            pipe.set("key:%d" % i, "value %d" % i)
            pipe.get("key:%d" % i)
            pipe.incr("n")
        pipe.set("k", "text").incr("k").mget("k", "none").expire("k", 1000)
        pipe.execute_command("NONSENSE", "x")
        pipe.getset("k", "new").getdel("k").get("k")
        return [(type(one), str(one)) if isinstance(one, Exception) else one
                for one in pipe.execute(raise_on_error=False)]
    ours, theirs = (fill(one.client(decode_responses=decode)) for one in both)
    assert len(ours) == 3008
    assert ours == theirs
    assert ours[:3] == [True, "value 0" if decode else b"value 0", 1]


def test_py_pipeline_raises_after_reading_all(both):
    for one in both:
        client = one.client()
        pipe = client.pipeline(transaction=False)
        pipe.set("k", "text").incr("k").set("k", "later")
        with pytest.raises(redis.ResponseError, match="Command # 2"):
            pipe.execute()
        assert client.get("k") == b"later"


def test_py_pool_shared_by_threads(server):
    pool = redis.BlockingConnectionPool(
        host="127.0.0.1", port=server.port, max_connections=4, timeout=30)
    client = redis.Redis(connection_pool=pool)
    def work(number):
        for i in range(50):
            key = "%d:%d" % (number, i)
            assert client.set(key, key)
            assert client.get(key) == key.encode()
            client.incr("n")
        return number
    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        assert list(threads.map(work, range(12))) == list(range(12))
    assert client.get("n") == b"600"
    assert len(client.client_list()) <= 5 # and who looked whether it is up
    pool.disconnect()
    assert client.get("n") == b"600"
    pool.disconnect()


def test_py_logs_in(start_server):
    server = start_server(requirepass="secret")
    def client(**options):
        return redis.Redis("127.0.0.1", server.port, **options)
    assert client(password="secret").ping()
    assert client(username="default", password="secret").ping()
    assert client(username="default", password="secret", db=3,
                  client_name="me").client_getname() == "me"
    with pytest.raises(redis.AuthenticationError):
        client().ping()
    with pytest.raises(redis.ResponseError, match="WRONGPASS"):
        client(password="wrong").ping()
    url = "redis://:secret@127.0.0.1:%d/2" % server.port
    assert redis.Redis.from_url(url).set("k", 2)
    assert client(password="secret", db=2).get("k") == b"2"


def test_py_through_a_unix_socket(start_server):
    server, path = with_unix_socket(start_server)
    client = redis.Redis(unix_socket_path=path)
    assert client.set("k", BINARY)
    assert client.get("k") == BINARY
    assert server.client().get("k") == BINARY
    client.close()


@pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
def test_py_comes_back_after_a_restart(start_server, crash):
    """The pool finds its connections closed and makes new ones: no call
    fails, and nothing that was flushed is missing."""
    server = start_server(port=free_port())
    client = redis.Redis("127.0.0.1", server.port, decode_responses=True)
    pipe = client.pipeline(transaction=False)
    for i in range(1000):
        pipe.set("key:%d" % i, i)
    pipe.execute()
    for cycle in range(3):
        client.set("cycle", cycle)
        if crash:
            assert client.execute_command("CACHE", "FLUSH") == "OK"
            server.kill9()
            with pytest.raises(redis.ConnectionError):
                client.get("cycle")
            server.start()
        else:
            server.restart()
        assert client.get("cycle") == str(cycle)
        assert client.mget(["key:%d" % i for i in range(1000)]) == \
            [str(i) for i in range(1000)]
        assert client.dbsize() == 1001
    client.close()


def test_py_comes_back_after_being_killed(server):
    client = redis.Redis("127.0.0.1", server.port)
    number = client.client_id()
    assert server.client().client_kill_filter(_id=number) == 1
    assert client.client_id() > number
    client.close()


def test_py_shuts_the_server_down(start_server):
    server = start_server()
    client = server.client()
    client.set("k", "v")
    client.shutdown()
    assert server.wait_exit() == 0
    server.start()
    client = server.client()
    assert client.get("k") == b"v"
    client.shutdown(nosave=True)
    assert server.wait_exit() == 0


# --- redis-benchmark -------------------------------------------------------

RATE = re.compile(r"^([A-Z_]+(?: \([^)]*\))?): [0-9.]+ requests per second, "
                  r"p50=[0-9.]+ msec$")
ALL_TESTS = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR",
             "MSET (10 keys)"]


def benchmark(server, *arguments):
    """The tests that redis-benchmark -q ran to their ends. It may warn that
    it can't read the configuration, and stops at the first error reply."""
    done = subprocess.run(
        ["redis-benchmark", "-p", str(server.port), "-t",
         "ping,set,get,incr,mset", "-q"] + [str(one) for one in arguments],
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
    assert server.call("DBSIZE") == 2


def test_benchmark(server):
    check_benchmark(server, 10_000)


def test_benchmark_with_a_pipeline_and_threads(server):
    check_benchmark(server, 20_000, "-P", 16, "--threads", 2)


def test_benchmark_with_random_keys_in_little_memory(start_server):
    """More than memory holds: 30,000 keys with a thousand bytes each."""
    server = start_server(cache_max_memory="16mb")
    assert benchmark(server, "-n", 10_000, "-r", 30_000, "-d", 1000, "-P",
                     4) == ALL_TESTS
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
    for name in ("redis-cli", "redis-benchmark", "redis-server"):
        assert shutil.which(name)
    assert redis.__version__.startswith("4.3")
