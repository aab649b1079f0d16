"""redis-py, unmodified: every method that there is for a command of ours does
the same with diskstore and with redis-server: the same value, or an error of
the same class and text. What takes more than one call (transactions, locks,
subscriptions, coming back) is in test_redis_py_session.py."""

import concurrent.futures
import datetime
import os
import time

import pytest
import redis

from lib.py_collections import blocking, hashes, sets, zsets
from lib.server import SANITIZE, free_port

BINARY = b"\x00\r\n\xff\"'"


# What redis-py says of Redis.watch() and unwatch(); we call them to see.
pytestmark = pytest.mark.filterwarnings("ignore:Call (UN)?WATCH")


@pytest.fixture
def both(start_server, start_redis):
    return start_server(), start_redis()


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
    call.substr("k", 2, -1)
    call.mset({"left": "the cat sat", "right": "a catty hat"})
    call.lcs("left", "right")
    call.lcs("left", "right", len=True)
    call.lcs("left", "right", idx=True)
    call.lcs("left", "right", idx=True, minmatchlen=2, withmatchlen=True)
    call.lcs("left", "right", idx=True, len=True)
    call.lcs("left", "none")
    call.stralgo("LCS", "left", "right") # gone since 7.0


def lists(call):
    assert call.rpush("l", "a", "b", 1, b"\x00\xff") == 4
    call.lpush("l", "first", "zeroth")
    call.lpushx("l", "x", "y")
    call.rpushx("l", "z")
    call.rpushx("none", "z")
    call.lrange("l", 0, -1)
    call.llen("l")
    call.lindex("l", 2)
    call.lindex("l", 99)
    call.lset("l", 0, "set")
    call.lset("l", 99, "set")
    call.linsert("l", "before", "a", "in")
    call.linsert("l", "AFTER", "none", "in")
    call.lpos("l", "a")
    call.lpos("l", "a", rank=-1, count=0, maxlen=5)
    call.lrem("l", 1, "x")
    call.lmove("l", "l2", "LEFT", "RIGHT")
    call.lmove("none", "l2")
    call.rpoplpush("l", "l2")
    call.lmpop(2, "none", "l2", direction="LEFT", count=5)
    call.lmpop(1, "none", direction="RIGHT")
    call.lpop("l")
    call.rpop("l")
    call.lpop("l", 2)
    call.rpop("l", 99)
    call.lpop("none")
    call.lpop("none", 2)
    call.rpush("l", *range(100))
    call.ltrim("l", 10, 19)
    call.lrange("l", 0, -1)
    call.set("k", "v")
    call.lpush("k", "x")
    call.lrange("k", 0, -1)


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
    call.set("a", "text", ex=1000)
    call.copy("a", "b")
    call.copy("a", "b")
    call.copy("a", "b", replace=True)
    call.copy("a", "a", destination_db=3)
    call.copy("none", "b", replace=True)
    call.copy("a", "a")
    call.expiretime("b")
    call.move("b", 3)
    call.copy("a", "b")
    call.move("b", 3)
    call.move("b", 99)
    call.swapdb(0, 3)
    call.mget("a", "b")
    call.swapdb(3, 99)
    for infotype in ("encoding", "refcount", "idletime", "freq", "nonsense"):
        call.object(infotype, "a")
        call.object(infotype, "none")
    call.memory_usage("none")
    call.wait(0, 10)
    call.wait(1, 10)
    payload = call.dump("a")
    call.dump("none")
    call.restore("a", 0, payload)
    call.restore("restored", 0, payload)
    call.restore("restored", 100000, payload, replace=True, idletime=7)
    call.restore("restored", 4102444800123, payload, replace=True, absttl=True,
                 frequency=3)
    call.restore("bad", 0, payload[:-1])
    call.rpush("numbers", 3, 1, 2)
    call.mset({"w1": 3, "w2": 2, "w3": 1, "o1": "a", "o2": "b"})
    call.sort("numbers")
    call.sort("numbers", start=1, num=1, desc=True)
    call.sort("numbers", by="w*", get=["#", "o*"], groups=True)
    call.sort("numbers", by="w*", get="o*", alpha=True, store="sorted")
    call.lrange("sorted", 0, -1)
    call.sort_ro("numbers", by="nosort")
    call.sort("none")
    call.flushdb(asynchronous=True)
    call.flushall()
    call.dbsize()
    call.randomkey()
    call.keys()
    call.scan()
    call.set("only", "one")
    call.randomkey()
    call.keys()
    call.keys("o[a-z]ly")
    call.scan()
    call.scan(0, match="o*", count=100, _type="string")
    call.scan(0, _type="hash")
    call.scan("x")
    call.flushall()


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
    call.client_kill_filter(laddr="1.2.3.4:5")
    call.client_kill_filter(user="default", addr="1.2.3.4:5")
    call.client_kill_filter(user="nobody")
    call.client_list(_type="pubsub")
    call.client_no_evict("ON")
    call.client_no_evict("OFF")
    call.client_no_evict("nonsense")
    call.client_reply("ON")
    call.client_reply("x")
    call.client_unblock(999999)
    call.client_unblock(999999, error=True)
    call.client_pause(0)
    call.client_pause(1)
    call.client_pause(1000000, all=False)
    call.client_unpause()
    call.reset()


def tracking(call):
    call.client_getredir()
    call.client_trackinginfo()
    for options in ({}, {"noloop": True}, {"optin": True}, {"optout": True},
                    {"bcast": True, "prefix": ["a", "b"]},
                    {"bcast": True, "prefix": ["a"], "noloop": True},
                    {"bcast": True, "optin": True}, {"prefix": ["a"]},
                    {"bcast": True, "prefix": ["a", "ab"]},
                    {"clientid": 999999}):
        call.client_tracking_on(**options)
        call.get("a")
        call.set("a", 1)
        call.client_getredir()
        call.client_trackinginfo()
        call.client_tracking_off()
    call.client_tracking(True)
    call.client_tracking(False)


def messages(call):
    call.publish("channel", "message")
    call.publish("channel", BINARY)
    call.pubsub_channels()
    call.pubsub_channels("chan*")
    call.pubsub_numpat()
    call.pubsub_numsub()
    call.pubsub_numsub("a", "b")
    call.watch("a") # of a client, not of a pipeline: says OK, guards nothing
    call.unwatch()


def users(call):
    call.acl_whoami()
    call.acl_users()
    call.acl_cat()
    call.acl_cat("nonsense")
    call.acl_dryrun("default", "get", "k")
    call.acl_dryrun("default", "nonsense")
    call.acl_dryrun("nobody", "get", "k")
    call.acl_getuser("nobody")
    call.acl_genpass(5000)


def scripts(call):
    text = "return {KEYS[1], ARGV[1], redis.call('incr', KEYS[1])}"
    call.eval(text, 1, "n", "x")
    call.eval_ro("return redis.call('get', KEYS[1])", 1, "n")
    call.eval_ro(text, 1, "n")
    call.eval("nonsense", 0)
    sha = call.script_load(text)
    call.evalsha(sha, 1, "n", "y")
    call.evalsha_ro(sha, 1, "n", "y")
    call.evalsha("0" * 40, 0)
    call.script_exists(sha, "0" * 40)
    call.script_kill()
    call.script_flush()
    call.script_flush("ASYNC")
    call.script_flush("nonsense")
    call.script_exists(sha)


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
    call.slowlog_reset()
    call.slowlog_len()
    call.slowlog_get()
    call.slowlog_get(10)
    call.slowlog_get(-2)
    call.memory_purge()
    call.role()
    call.replicaof("NO", "ONE")
    call.replicaof("1.2.3.4", 70000)
    call.slaveof()
    call.slaveof("1.2.3.4", 70000)
    call.shutdown(abort=True)


FAMILIES = [strings, lists, hashes, sets, zsets, blocking, scripts, keys,
            connection, tracking, messages, users, server_wide]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("options", [
    {}, {"decode_responses": True, "encoding_errors": "surrogateescape"},
    {"single_connection_client": True}, {"db": 5, "client_name": "named"}],
    ids=["bytes", "str", "single", "named"])
def test_py_methods(both, family, options):
    # So that the connections of a pool are not told to be someone else's.
    family(Caller(*[one.client(**options) for one in both], set()))


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
    assert client.set("k", "v")
    assert client.memory_usage("k") > 0
    assert client.memory_usage("k", samples=0) > 0
    assert client.dbsize() == 1 # waits for what INFO and this don't wait for
    assert client.memory_stats()["keys.count"] == 1
    assert b"jemalloc" in client.memory_malloc_stats() or SANITIZE
    assert b"ver. 7.2" in client.lolwut()
    assert b"ver. 7.2" in client.lolwut(5, 20)
    assert client.debug_object("k")["encoding"] == "embstr"
    assert sorted(client.acl_cat("transaction")) == [
        "discard", "exec", "multi", "unwatch", "watch"]
    assert len(client.acl_genpass()) == 64
    assert client.acl_getuser("default")["enabled"]
    assert client.acl_list()[0].startswith("user default on nopass ")
    assert client.acl_help()[0].startswith("ACL <subcommand>")
    assert client.quit() is True
    # Else the pool could give out a connection before it sees its end.
    client.connection_pool.disconnect()
    assert client.execute_command("CACHE", "FLUSH") in (b"OK", "OK")


def test_py_covers_every_method_of_our_commands(both):
    """So that the tests above don't forget one."""
    called = {"quit", "shutdown", "command", "command_count", "info", "time",
              "client_id", "client_info", "lastsave", "bgsave",
              "memory_stats", "memory_malloc_stats", "lolwut", "acl_list",
              "acl_help"} # in unequal_methods
    called |= {"monitor", "pubsub"} # in test_redis_py_session.py
    # redis-py raises NotImplementedError.
    not_implemented = {"script_debug", "command_docs", "command_info", "failover", "hello",
                       "latency_histogram", "memory_doctor", "memory_help"}
    for family in FAMILIES:
        caller = Caller(*[one.client() for one in both], called)
        family(caller)
        caller.flushall()
    ours = both[0]
    names = {name.decode().replace("|", "_").replace("-", "_")
             for name in ours.call("COMMAND", "LIST")}
    names.discard("client") # a container; so is config, debug has no method
    methods = {name for name in names if hasattr(redis.Redis, name)}
    assert len(methods) > 110
    assert methods - called == not_implemented


def test_py_methods_whose_reply_is_ours(start_server):
    server = start_server(enable_debug_command="local")
    unequal_methods(server.client())


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
    server = start_server(start=False)
    path = os.path.join(server.directory, "socket") # short, it has to be
    server.start(unixsocket=path)
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


def test_py_is_of_the_version_that_is_known():
    """Another one may tell errors in other words, or retry otherwise."""
    assert redis.__version__.startswith("4.3")
