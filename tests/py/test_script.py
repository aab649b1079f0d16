"""Lua scripts: what they see, what they answer, what they cost.

What can be compared is compared with redis-server, byte by byte, in both
protocols, with keys in memory and on disk only. What is our own: keys on disk
that a script has declared or not, memory that ends, a script that runs for
long, and a crash.
"""

import hashlib
import random
import signal
import threading
import time

import pytest

from lib.pair import pair, pair_of_module
from lib.resp import NULL_BULK, Closed, Error, Push, Simple, encode
from lib.server import SLOWNESS, RssSampler, wait_until
from lib.steer import (OK, cold, figures, flush, gate, order, started, states,
                       steered, wait_waiting)

BUSY = Error("BUSY Redis is busy running a script. You can only call SCRIPT "
             "KILL or SHUTDOWN NOSAVE.")
FOREVER = "while true do end"
CAUGHT_FOREVER = ("while true do pcall(function() while true do end end) "
                  "end")


def sha_of(text):
    return hashlib.sha1(text.encode()).hexdigest()


# --- as redis-server answers -------------------------------------------------

VALUES = [
    "nil", "true", "false", "1", "-1.9", "1.9", "1e300", "-1e300", "1/0", "0/0",
    "'x'", "''", "'a\\0b'", "'a\\r\\nb'", "{}", "{1,2,nil,4}", "{{},{{}},'x'}",
    "{1,'x',true,false,{3}}", "function() end", "redis", "_G", "KEYS", "ARGV",
    "coroutine.create(function() end)", "{a=1}", "{[2]=1}",
    "{ok='fine'}", "{ok='a\\r\\nb'}", "{ok=1}", "{ok='a\\0b'}",
    "{err='WORD'}", "{err='ERR two words'}", "{err='a\\r\\nb'}", "{err=1}",
    "{1,{err='ERR x'},2}", "{err='x',ok='y'}", "{ok='y',double=1}",
    "{double=3}", "{double=-0.5}", "{double='1'}", "{double=1/0}",
    "{double=-1/0}", "{double=1,map={}}", "{big_number='123'}",
    "{big_number=123}", "{double=1,big_number='1'}",
    "{verbatim_string={format='txt',string='abc'}}",
    "{verbatim_string={format='text',string='a\\0b'}}",
    "{verbatim_string={format='t',string=''}}",
    "{verbatim_string={format='t'}}", "{verbatim_string='x'}",
    "{big_number='1',verbatim_string={format='txt',string='abc'}}",
    "{map={a=1}}", "{map={[1]={map={a={}}}}}", "{map=1}", "{map={},set={}}",
    "{map={},verbatim_string={format='txt',string='abc'}}",
    "{set={a=true}}", "{set={[{1,2}]=true}}", "{set=1}",
    "{set={},big_number='1'}",
    "redis.status_reply('PONG')", "redis.status_reply(1)",
    "redis.error_reply('two words')", "redis.error_reply('-CODE words')",
    "redis.error_reply('word')", "redis.error_reply('')",
    "redis.error_reply('-CODE words\\r\\n')", "redis.error_reply()",
]


def test_values(pair):
    if pair.storage == "warm":
        for value in VALUES:
            pair.same("EVAL", "return " + value, 0)
            pair.same("EVAL", "redis.setresp(3) return " + value, 0)


def bytes_of(server, script):
    """An answer too deep for our client."""
    client, data = server.raw(), b""
    client.socket.sendall(encode("EVAL", script, 0) + encode("PING"))
    while not data.endswith(b"+PONG\r\n"):
        data += client.socket.recv(1 << 16)
    return data


@pytest.mark.parametrize("script", [
    "local t = {} t[1] = t return t", "local t = {} t.map = {[1] = t} return t",
    "local t = {} t.set = {[t] = true} return t"])
def test_a_table_in_itself(start_server, start_redis, script):
    ours, theirs = start_server(), start_redis()
    assert bytes_of(ours, script) == bytes_of(theirs, script)
    assert ours.call("EVAL", "return 1", 0) == 1


CALLS = [
    "'get', 'k'", "'get', 'none'", "'mget', 'k', 'none', 'k2'", "'exists', 'k'",
    "'set', 'k', 'v'", "'set', 'k', 'v', 'NX'", "'get'", "'nonsense'", "",
    "'GET', 'k'", "{}", "'get', {}", "'get', nil", "'set', 'k', true", "nil",
    "'incr', 'k'", "'echo', 'x'", "'ping'", "'type', 'k'", "'type', 'none'",
    "'set', 'k', 15", "'set', 'k', 1e15", "'set', 'k', 2^53", "'echo', -0.5",
    "'echo', 1e100", "'echo', 1/0", "'subscribe', 'x'", "'multi'", "'exec'",
    "'config', 'get', 'port'", "'client'", "'client', 'nonsense'", "'object'",
    "'object', 'encoding', 'k'", "'eval', 'return 1', 0", "'script', 'flush'",
    "'auth', 'x'", "'debug', 'sleep', 0", "'monitor'", "'select', 3",
    "'select', 'x'", "'info', 'nonsense'", "'memory', 'usage', 'none'",
    "'publish', 'c', 'm'", "'swapdb', 1, 2", "'lcs', 'k', 'k2', 'IDX'",
]


def test_calls(pair):
    pair.same("MSET", "k", "value", "k2", "value of k2")
    for call in CALLS:
        for how in ("redis.call(%s)", "redis.pcall(%s)", "{redis.pcall(%s)}",
                    "type(redis.pcall(%s))"):
            if pair.storage == "warm" or how[0] == "{":
                pair.same("EVAL", "return " + how % call, 2, "k", "k2")
                pair.same("EVAL", "redis.setresp(3) return " + how % call, 0)
        pair.same("GET", "k")


def test_numbers_are_short(server):
    """7.0 has 17 digits (tests/oracle-differences)."""
    for number, text in (("0.1", b"0.1"), ("-1e-9", b"-1e-9"),
                         ("1e21", b"1e+21"), ("1e6", b"1000000"),
                         ("0/0", b"nan")):
        assert server.call("EVAL", "return redis.call('echo', %s)" % number,
                           0) == text


ERRORS = [
    "nonsense", "nonsense = 1", "x x", "return return", "error('x')",
    "error('x', 2)", "error({err = 'x'})", "error({err = 'ERR x', line = 5})",
    "error('a\\nb')", "\nlocal function f()\n  error('x', 2)\nend\n\nf()",
    "\nlocal function f()\nredis.call('nonsense')\nend\nf()",
    "local x = nil; x()", "return {} .. 'x'", "return 1 + {}", "string.rep()",
    "return ('x'):nonsense()", "string.nonsense = 1", "string.rep = 1",
    "redis.call = nil", "math.pi = 3", "KEYS = {}", "ARGV = 1", "_G.x = 1",
    "_G._G = nil", "rawset(_G, 'a', 1)", "rawset(string, 'a', 1)",
    "table.insert(string, 1)", "setmetatable(_G, {})",
    "setmetatable(string, nil)", "getmetatable('').__index = 1",
    "getmetatable('').x = 1", "getmetatable(_G).__index = nil",
    "return print", "print(1)", "return io", "return debug", "return require",
    "return loadfile", "return dofile", "return getfenv", "return newproxy",
    "return load('x')", "return loadstring('x=1')()",
    "return loadstring('error(1)')()", "\x1bLua", "return math.random(0)",
    "return math.random(5, 3)", "return math.random(1, 2, 3)",
    "return pairs()", "return next({}, 'x')", "return rawget(1, 2)",
    "return setmetatable({}, 1)",
    "return setmetatable(setmetatable({}, {__metatable = 1}), {})",
    "coroutine.yield(1)", "local c = coroutine.wrap(error) c('x')",
    "local c = coroutine.wrap(function() redis.call('x') end) c()",
    "local function f(n) return f(n + 1) + 1 end return f(1)",
    "redis.sha1hex()", "redis.sha1hex(1, 2)", "redis.log()", "redis.log(1)",
    "redis.log(9, 'x')", "redis.log('x', 'x')", "redis.setresp()",
    "redis.setresp(4)", "redis.set_repl()", "redis.set_repl(99)",
    "redis.acl_check_cmd()", "redis.acl_check_cmd('nonsense')",
    "cjson.encode()", "cjson.encode(1, 2)", "cjson.decode()",
    "cjson.decode({})", "cjson.decode('x')", "cjson.decode('[1,')",
    "cjson.encode(function() end)", "cjson.encode({[{}] = 1})",
    "cjson.encode({[100] = 1})", "local t = {} t[1] = t cjson.encode(t)",
    "cjson.decode(string.rep('[', 2000))", "cjson.encode(1/0)",
    "cjson.encode = nil", "bit.band = nil", "bit.band()", "bit.lshift(1)",
    "#!lua", "#!", "#!lua nonsense", "#!other\nreturn 1",
    "#!lua flags=nonsense\nreturn 1", "#!lua name=x\nreturn 1",
    "#!lua flags=no-writes,\nreturn 1", "#!lua\nerror('x')", "#!lua\n\nx = 1",
    "#!lua flags=no-writes\nreturn redis.call('set', 'k', 1)",
    "#!lua flags=no-writes\nreturn redis.call('publish', 'k', 1)",
]


def test_errors(pair):
    if pair.storage == "warm":
        for script in ERRORS:
            pair.same("EVAL", script, 0)
            pair.same("EVAL_RO", script, 1, "k")


GOOD = [
    "", "return _VERSION", "return type(getmetatable(_G))",
    "return tostring(getmetatable(string))",
    "return getmetatable('').__index == string",
    "return ('x'):rep(3) .. string.rep('y', 2, 1)",
    "return {rawget(_G, 'nonsense'), rawget(string, 'rep') == string.rep}",
    "return next(string) ~= nil", "return #KEYS .. #ARGV",
    "KEYS[1] = 'x' KEYS[2] = 'y' return KEYS",
    "local n = 0 for k, v in pairs(math) do n = n + 1 end return n",
    "local t = {} for k in pairs(_G) do if not ({cmsgpack=1, struct=1, os=1})"
    "[k] then t[#t + 1] = k end end table.sort(t) return t",
    "local t = {} for k in pairs(redis) do t[#t + 1] = k end table.sort(t)"
    " return t",
    "local t = {} for k in next, string do t[#t + 1] = k end table.sort(t)"
    " return t",
    "return table.concat(string)", "return {table.maxn(redis)}",
    "return {loadstring('return 5', '=chunk')()}", "return {loadstring('x')}",
    "local f, e = loadstring('\\27Lua') return e",
    "local f, e = loadstring('\\27Lua', '@name') return e",
    "local n = 0 local f, e = load(function() n = n + 1 return n == 1 and"
    " '\\27Lua' or nil end) return e",
    "local p = {'re', 'turn ', 7} local n = 0 return load(function() n = n + 1"
    " return p[n] end)()",
    "local f, e = loadstring(string.dump(function() end)) return {f, type(e)}",
    "return {pcall(error, 'x')}", "return {pcall(error, {err = 'x'})}",
    "return {pcall(error, {a = 1})[1]}", "return {pcall(error)}",
    "return {pcall(function() local x = nil; x() end)}",
    "return {xpcall(function() error('x') end, function(e) return e end)}",
    "return {pcall()}", "return {select('#', pcall(redis.call, 'x'))}",
    "local e = redis.pcall('x') local t = {} for k, v in pairs(e) do"
    " t[#t + 1] = k .. '=' .. tostring(v) end table.sort(t) return t",
    "return __redis__err__handler('x')", "return redis.sha1hex('')",
    "return redis.sha1hex({})", "return redis.sha1hex(1.5)",
    "return redis.log(redis.LOG_DEBUG, 'x', 1, {})",
    "return {redis.LOG_DEBUG, redis.LOG_VERBOSE, redis.LOG_NOTICE,"
    " redis.LOG_WARNING, redis.REPL_ALL, redis.REPL_AOF, redis.REPL_SLAVE}",
    "return redis.replicate_commands()", "return redis.set_repl(3)",
    "return {redis.setresp(3), redis.setresp('2')}",
    "return redis.acl_check_cmd('get', 'k')", "return redis.breakpoint()",
    "return collectgarbage('count') > 1", "return collectgarbage('stop')",
    "return cjson.encode({1, 2.5, 'a\\n\"/', {a = {}}, true, cjson.null})",
    "return cjson.encode({[3] = 1})", "return cjson.encode(0.1)",
    "return cjson.encode({a = 1, 2})", "return cjson.encode('\\0\\127')",
    "local t = {} for k in pairs(cjson) do t[#t + 1] = k end table.sort(t)"
    " return t", "return {cjson._NAME, cjson._VERSION}",
    "local t = cjson.decode(ARGV[2] or '{\"a\": [1, null, true, \"x\"]}')"
    " return {t.a[1], t.a[2] == cjson.null, t.a[3], t.a[4]}",
    "return {pcall(cjson.decode, '[')}", "return cjson.decode('[1,2,[3]]')",
    "return {pcall(cjson.encode, print_ == nil)}",
    "return cjson.new().encode({1})", "return cjson.encode(cjson.null)",
    "return {bit.band(12, 10), bit.bor(1, 2), bit.bxor(3, 1), bit.bnot(0),"
    " bit.lshift(1, 4), bit.rshift(-1, 28), bit.arshift(-16, 2),"
    " bit.tohex(255), bit.rol(1, 33), bit.ror(1, 1), bit.bswap(1),"
    " bit.tobit(2^32 + 1)}",
    "return gcinfo() > 1", "return tostring(1e15) .. tostring(0.1)",
    "local c = coroutine.wrap(function() coroutine.yield(redis.call('get',"
    " 'k')) end) return c()",
    "local c = coroutine.create(function() error('x') end)"
    " return {coroutine.resume(c)}",
    "redis.call('select', 1) redis.call('set', 'k', 'in 1')"
    " return redis.call('get', 'k')",
    "#!lua\nreturn 1", "#!lua flags=no-writes,allow-oom,allow-stale,no-cluster,"
    "allow-cross-slot-keys\nreturn redis.call('get', 'k')",
    "#!lua flags=\nreturn 1",
]


def test_what_works(pair):
    if pair.storage == "warm":
        pair.same("SET", "k", "v")
        for script in GOOD:
            pair.same("EVAL", script, 1, "k", "x")
            pair.same("EVAL_RO", script, 1, "k", "x")
        pair.same("GET", "k")


def test_random_numbers_are_those_of_redis(start_server, start_redis):
    script = "return {math.random(1e9), math.random(7, 9), math.random() < 1}"
    ours, theirs = (start() for start in (start_server, start_redis))
    for words in (("EVAL", script, 0), ("EVAL", script, 0),
                  ("EVAL", "math.randomseed(5) " + script, 0),
                  ("EVAL", "math.randomseed(-5) " + script, 0)):
        assert ours.call(*words) == theirs.call(*words)


def test_arguments(pair):
    for words in ((), ("x",), ("return 1", "x"), ("return 1", "-1"),
                  ("return 1", "2", "k"), ("return 1", "1.0"),
                  ("return KEYS", "1", "k"), ("return ARGV", "1", "k", "x"),
                  ("return {#KEYS, #ARGV}", "3", "k", "k", "k", "x", "")):
        for name in ("EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO"):
            pair.same(name, *words)
    for words in (("x", "0"), ("x" * 40, "0"), ("f" * 40, "x")):
        pair.same("EVALSHA", *words)


def test_the_cache_of_scripts(pair):
    one, two = sha_of("return 1"), sha_of("return ARGV[1]")
    pair.same("SCRIPT", "FLUSH")
    assert pair.same("SCRIPT", "EXISTS", one, two) == [0, 0]
    assert pair.same("EVALSHA", one, 0) == Error(
        "NOSCRIPT No matching script. Please use EVAL.")
    pair.same("EVAL", "return 1", 0)
    assert pair.same("SCRIPT", "LOAD", "return ARGV[1]") == two.encode()
    pair.same("SCRIPT", "LOAD", "return ARGV[1]")
    assert pair.same("SCRIPT", "EXISTS", one.upper(), "x", two) == [1, 0, 1]
    assert pair.same("EVALSHA", two.upper(), 0, "x") == b"x"
    pair.same("EVALSHA_RO", one, 0)
    for words in (("LOAD", "x x"), ("LOAD", "#!lua flags=x\n"), ("LOAD", ""),
                  ("FLUSH", "x"), ("FLUSH", "SYNC", "ASYNC"), ("KILL",),
                  ("DEBUG", "x"), ("DEBUG", "NO"), ("nonsense",), ("HELP",),
                  ("LOAD",), ("EXISTS",), ()):
        pair.same("SCRIPT", *words)
    assert pair.same("SCRIPT", "FLUSH", "ASYNC") == OK
    assert pair.same("SCRIPT", "EXISTS", one, two) == [0, 0]
    pair.same("SCRIPT", "FLUSH", "sync")


def test_there_is_no_debugger(server):
    for mode in ("YES", "SYNC"):
        assert server.call("SCRIPT", "DEBUG", mode) == Error(
            "ERR there is no debugger for scripts here")


def test_within_transactions(pair):
    pair.same("SET", "k", "1")
    pair.same("SCRIPT", "LOAD", "return redis.call('incr', KEYS[1])")
    pair.same("WATCH", "k2")
    if pair.storage == "cold":
        return # CACHE FLUSH can't be queued: see test_declared_keys
    pair.same("MULTI")
    for words in (("EVAL", "return redis.call('incr', KEYS[1])", 1, "k"),
                  ("EVALSHA", sha_of("return redis.call('incr', KEYS[1])"), 1,
                   "k"), ("GET", "k"), ("EVALSHA", "x", 0),
                  ("EVAL", "return 1", "x"),
                  ("EVAL", "redis.call('set', KEYS[1], 'x') return nonsense",
                   1, "k2"), ("SELECT", 2),
                  ("EVAL", "return redis.call('set', KEYS[1], 'x')", 1, "k3"),
                  ("SELECT", 0), ("GET", "k2"), ("SCRIPT", "FLUSH"),
                  ("EVALSHA", sha_of("return 1"), 0)):
        assert pair.same(*words) == Simple("QUEUED")
    pair.same("EXEC")
    pair.same("MGET", "k", "k2", "k3")
    # A script's write breaks a watch, its own client's too.
    for reader in ("get", "set"):
        pair.same("WATCH", "k")
        pair.same("EVAL", "return redis.call(ARGV[1], KEYS[1], ARGV[2])", 1,
                  "k", reader, *(["x"] if reader == "set" else []))
        pair.same("MULTI")
        pair.same("PING")
        pair.same("EXEC")


def lines_of_monitor(server):
    client = server.raw()
    assert client.call("MONITOR") == OK
    return client


def test_who_watches(start_server, start_redis):
    """MONITOR, commandstats, errorstats, events."""
    def scenario(server):
        client, other = server.raw(protocol=3), server.raw(protocol=3)
        client.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
        other.call("SUBSCRIBE", "__keyevent@0__:set", "__keyevent@0__:del")
        client.call("CONFIG", "RESETSTAT")
        monitor = lines_of_monitor(server)
        script = ("redis.call('set', KEYS[1], 'v') redis.pcall('get') "
                  "redis.call('get', KEYS[2]) redis.pcall('incr', KEYS[1]) "
                  "return redis.call('del', KEYS[1])")
        client.call("EVAL", script, 2, "k", "k2")
        for other_script in ("error('x')", "return {err = 'FOO x'}",
                             "return {1, {err = 'FOO x'}}",
                             "return redis.call('incr', 'text')", "x x",
                             "return redis.pcall('incr', 'text')"):
            client.call("SET", "text", "text")
            client.call("EVAL", other_script, 0)
        found = [other.recv() for _ in range(3)]
        for name in ("commandstats", "errorstats"):
            found += [line.split(",usec")[0] + line[line.find(",rejected"):]
                      for line in bytes(client.call("INFO", name)).decode()
                      .splitlines()[1:] if "hello" not in line
                      and "config" not in line and "info" not in line]
        server.call("PING")
        seen = []
        while not seen or b'"PING"' not in seen[-1]:
            seen.append(bytes(monitor.recv()).split(b" ", 1)[1])
        found += [line.split(b"] ")[1] + (b"lua" if b"0 lua]" in line else b"")
                  for line in seen]
        return sorted(map(str, found))
    assert scenario(start_server()) == scenario(start_redis())


def test_what_a_script_reads_is_tracked(server):
    """7.0 tracks what EVAL has declared."""
    client = server.raw(protocol=3)
    client.call("CLIENT", "TRACKING", "ON")
    for name in ("EVAL", "EVAL_RO"):
        client.call(name, "return redis.call('get', KEYS[2])", 3, "a", "b", "c")
        server.call("MSET", "a", "x", "b", "x", "c", "x")
        assert client.recv() == Push([b"invalidate", [b"b"]])
        assert client.call("PING") == Simple("PONG")


def test_the_slow_log(start_server):
    server = start_server(slowlog_log_slower_than=0)
    server.call("EVAL", "return redis.call('set', 'k', ARGV[1])", 0, "v")
    entries = server.call("SLOWLOG", "GET", 2)
    assert [entry[3][0] for entry in entries] == [b"EVAL", b"set"]
    assert entries[1][4] == b"?:0"


# --- keys on disk ------------------------------------------------------------

def test_declared_keys_are_loaded_before(start_server):
    """The loop does not stand still: others are served meanwhile."""
    server = steered(start_server)
    server.call("MSET", "a", "1", "b", "2", "c", "3")
    cold(server, "a", "b", "c")
    with gate(server, "get"):
        asker = started(server, "EVAL", "return {redis.call('get', KEYS[1]), "
                        "redis.call('incr', KEYS[2])}", 2, "a", "b")
        wait_waiting(server, "get")
        assert server.call("SET", "other", "x") == OK
        assert asker.nothing_to_read(0)
    assert asker.recv() == [b"1", 3]
    assert figures(server)["script_sync_loads"] == 0
    # Within MULTI they are EXEC's.
    flush(server)
    cold(server, "a", "b", "c")
    client = server.raw()
    client.call("MULTI")
    client.call("EVAL", "return redis.call('mget', unpack(KEYS))", 3, "a", "b",
                "c")
    with gate(server, "get"):
        client.send("EXEC")
        wait_waiting(server, "get")
        assert server.call("GET", "other") == b"x"
    assert client.recv() == [[b"1", b"3", b"3"]]
    assert figures(server)["script_sync_loads"] == 0


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_other_keys_are_loaded_on_the_way(start_server, threads):
    server = steered(start_server, io_threads=threads)
    large = b"x" * 300_000
    server.call("MSET", "a", "1", "b", "2", "large", large)
    cold(server, "a", "b", "large")
    assert server.call(
        "EVAL", "return {redis.call('get', 'a'), redis.call('incr', 'b'), "
        "redis.call('get', 'none'), #redis.call('get', 'large'), "
        "redis.call('strlen', 'large')}", 0) == [
            b"1", 3, NULL_BULK, len(large), len(large)]
    loads = figures(server)["script_sync_loads"]
    assert 4 <= loads <= 5
    assert states(server, "a", "b") == ["memory", "dirty"]
    server.call("EVAL", "return redis.call('get', 'a')", 0)
    assert figures(server)["script_sync_loads"] == loads
    # A write that needs nothing of the old value waits for nothing.
    cold(server, "a", "b")
    server.call("EVAL", "return redis.call('set', 'a', 'x')", 0)
    assert figures(server)["script_sync_loads"] == loads
    assert server.call("EVAL", "return redis.call('dbsize')", 0) == 3
    assert server.call("DEBUG", "CHECK") == OK


def test_a_key_that_cannot_be_read(start_server):
    server = steered(start_server)
    server.call("MSET", "a", "1", "b", "2")
    for words in (("EVAL", "return redis.call('get', 'a')", 0),
                  ("EVAL", "return redis.call('get', 'a')", 1, "a")):
        cold(server, "a", "b")
        order(server, "fail get 1 io")
        reply = server.call(*words)
        assert isinstance(reply, Error) and reply.code == "IOERR"
        assert server.call(*words) == b"1"


def test_others_wait_for_loads_meanwhile(start_server):
    """A load of somebody else ends while a script waits for its own."""
    server = steered(start_server, io_threads=1)
    keys = ["k%d" % i for i in range(50)]
    server.call("MSET", *[one for key in keys for one in (key, "v" + key)])
    cold(server, *keys)
    askers = [server.raw() for _ in keys]
    for asker, key in zip(askers, keys):
        asker.send("GET", key)
    script = "local n = 0 for i = 0, 49 do n = n + #redis.call('get', 'k' .. " \
        "i) end return n"
    assert server.call("EVAL", script, 0) == sum(len(key) + 1 for key in keys)
    assert [one.recv() for one in askers] == [
        ("v" + key).encode() for key in keys]


# --- writing -----------------------------------------------------------------

def test_a_store_that_fails(start_server):
    server = steered(start_server)
    server.call("SET", "k", "v")
    order(server, "fail write 1000 io")
    server.call("SET", "k", "w")
    assert isinstance(server.call("CACHE", "FLUSH"), Error)
    write = "return redis.call('set', KEYS[1], 'x')"
    for words in (("EVAL", write, 1, "k"),
                  ("EVAL", "#!lua\nreturn 1", 0)):
        assert server.call(*words).code == "MISCONF"
    read = "return redis.call('get', KEYS[1])"
    assert server.call("EVAL", read, 1, "k") == b"w"
    assert server.call("EVAL", "#!lua flags=no-writes\n" + read, 1, "k") == b"w"
    order(server, "fail write 0 io")
    wait_until(lambda: not isinstance(server.call("EVAL", write, 1, "k"),
                                      Error))


def test_no_room(start_server):
    """What a script has written stays, as in Redis; it gets the error."""
    server = start_server(cache_max_memory="16mb", cache_flush_delay="1h")
    reply = server.call(
        "EVAL", "for i = 1, 1e6 do redis.call('set', 'k' .. i, "
        "string.rep('v', 1000)) end", 0)
    assert isinstance(reply, Error) and reply.code == "OOM"
    size = server.call("DBSIZE")
    assert size > 100
    assert server.call("SET", "k", "v") == OK # others wait for a flush
    assert server.call("EVAL", "return redis.call('get', 'k%d')" % size, 0) \
        == b"v" * 1000
    assert server.call("DEBUG", "CHECK").code == "ERR" # not enabled: alive


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("count", [300, 3000])
def test_a_script_is_on_disk_whole_or_not_at_all(start_server, fate, count):
    """3000 are staged: many batches, of which only the last but one counts."""
    server = steered(start_server, cut_max="128kb")
    server.call("EVAL", "for i = 1, %d do redis.call('set', 'k' .. i, 'old') "
                "end" % count, 0)
    flush(server)
    at = random.randrange(1, 8) if count == 3000 else 1
    print("crash", at)
    order(server, "crash write %d %s" % (at, fate))
    client = server.raw()
    client.send("EVAL", "for i = 1, %d do redis.call('set', 'k' .. i, "
                "'new' .. string.rep('x', 100)) end redis.call('del', 'k1') "
                "return 1" % count, 0)
    assert client.recv() == 1
    client.send("CACHE", "FLUSH")
    assert server.wait_exit() == 137
    server.start()
    values = server.call("MGET", *["k%d" % i for i in range(2, count + 1)])
    kinds = {value[:3] for value in values}
    assert len(kinds) == 1
    if count == 300:
        assert kinds == ({b"old"} if fate == "before" else {b"new"})
    assert server.call("EXISTS", "k1") == (kinds == {b"old"})


def test_kill_9_in_the_middle(start_server):
    """Flushes come all the time, also while a slow script stands."""
    server = start_server(cache_flush_delay="5ms", busy_reply_threshold=1,
                          enable_debug_command="yes")
    script = ("local n = redis.call('incr', 'n') for i = 1, 300 do "
              "redis.call('set', 'k' .. i, n) for j = 1, 3000 do end end "
              "return n")
    for crash in range(3):
        client = server.raw()
        for _ in range(20):
            client.send("EVAL", script, 0)
        time.sleep(0.15 + 0.1 * crash)
        server.kill9()
        server.start()
        values = set(server.call("MGET", "n", *["k%d" % i
                                                for i in range(1, 301)]))
        assert len(values) == 1, values
        assert server.call("DEBUG", "CHECK") == OK


# --- memory ------------------------------------------------------------------

BOMBS = [
    "local t, s = {}, string.rep('x', 1e6) for i = 1, 1e9 do t[i] = s .. i end",
    "local t = {} for i = 1, 1e9 do t[i] = {i} end",
    "local s = 'x' while true do s = s .. s end",
    "return string.rep('x', 1e9)",
    "local t = {} while true do pcall(function() t[#t + 1] = string.rep('x', "
    "1e5) .. #t end) if collectgarbage('count') < 0 then break end "
    "t.n = (t.n or 0) + 1 if t.n > 2000 then error('not enough memory') end "
    "end",
    "collectgarbage('stop') local s for i = 1, 1e9 do s = {} end",
    "return {loadstring('return {' .. string.rep('{},', 1e6) .. '}')()}",
    "local s, t = string.rep('x', 1e6), {} for i = 1, 1e4 do t[i] = s end "
    "cjson.encode(t)",
    "local t = {} for i = 1, 40 do t = {t, t} end cjson.encode(t)",
    "local t = {} t[1] = t cjson.encode_max_depth(1e9) for i = 1, 1e4 do "
    "pcall(cjson.encode, t) end t[2] = t cjson.encode(t)",
    "cjson.encode_sparse_array(false, 0) cjson.encode({[1e9] = 1})",
    "cjson.decode('[' .. string.rep('{},', 5e5) .. '{}]')",
]


@pytest.mark.alone
@pytest.mark.plain_only
@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_ends_and_the_server_lives(start_server, bomb):
    server = start_server(cache_max_memory="32mb")
    server.call("EVAL", "for i = 1, 5000 do redis.call('set', 'k' .. i, "
                "string.rep('v', 1000)) end", 0)
    flush(server)
    with RssSampler(server.pid) as sampler:
        reply = server.call("EVAL", bomb, 0)
        assert isinstance(reply, Error) and b"memory" in reply, reply
        assert server.call("EVAL", "return #string.rep('x', 1e6)", 0) == 10**6
    assert sampler.peak_bytes < 32 * 1.1 * (1 << 20) + (32 << 20)
    assert server.call("EVAL", "return redis.call('get', 'k77')", 1, "k77") \
        == b"v" * 1000
    info = server.info("memory")
    assert info["used_memory_vm_eval"] < 3 << 20
    assert figures(server)["cache_sync_flushes"] == 0


def test_a_reply_is_bounded(start_server):
    server = start_server(cache_max_memory="16mb")
    script = "local s, t = string.rep('x', 1e5), {} for i = 1, ARGV[1] do " \
        "t[i] = s end return t"
    assert len(server.call("EVAL", script, 0, 20)) == 20
    assert server.call("EVAL", script, 0, 10**5).code == "OOM"
    assert server.call("EVAL", script, 0, 20)[19] == b"x" * 10**5


def test_long_patterns_and_loops_inside_libraries(server):
    for script in ("string.find(string.rep('a', 1e5), string.rep('a?', 1e5))",
                   "string.gsub('a', string.rep('(a)', 1e4), '')"):
        assert b"pattern too complex" in server.call("EVAL", script, 0)
    assert server.call("EVAL", "return #string.rep('', 1e9)", 0) == 0
    assert server.call("EVAL", "return {string.find(string.rep('a', 1e5), "
                       "string.rep('a', 1e5))}", 0) == [1, 10**5]
    nested = ("local function f(n) if n == 0 then return '' end return "
              "(string.gsub('a', 'a', function() return f(n - 1) end)) end "
              "return f(%d)")
    assert server.call("EVAL", nested % 180, 0) == b""
    assert b"C stack overflow" in server.call("EVAL", nested % 250, 0)


def test_cached_scripts_are_bounded(start_server):
    """Of EVAL the oldest go; those of SCRIPT LOAD stay, until there is no room
    for more."""
    server = start_server(cache_max_memory="16mb")
    limit = 1 << 20
    text = "return '%d" + "x" * 20_000 + "'"
    assert server.info("memory")["number_of_cached_scripts"] == 0
    server.call("EVAL", text % 0, 0)
    server.call("SCRIPT", "LOAD", text % 1)
    for i in range(2, 60):
        assert server.call("EVAL", text % i, 0)[:2] == b"%d" % i + (
            b"x" if i < 10 else b"")
    info = server.info("memory")
    assert info["used_memory_scripts_eval"] <= limit
    assert info["used_memory_vm_eval"] <= 2 * limit
    assert 10 < info["number_of_cached_scripts"] < 50
    assert server.call("SCRIPT", "EXISTS", sha_of(text % 0), sha_of(text % 1),
                       sha_of(text % 59)) == [0, 1, 1]
    replies = [server.call("SCRIPT", "LOAD", text % i) for i in range(100, 160)]
    assert isinstance(replies[0], bytes) and replies[-1].code == "OOM"
    assert server.call("SCRIPT", "EXISTS", replies[0].decode()) == [1]
    assert server.call("EVAL", text % 7, 0)[:2] == b"7x"
    assert server.call("SCRIPT", "FLUSH") == OK
    info = server.info("memory")
    assert (info["number_of_cached_scripts"], info["used_memory_scripts"]) \
        == (0, 0)


# --- scripts that run for long -----------------------------------------------

@pytest.fixture
def hasty(start_server):
    """A script is slow after 30 ms."""
    return start_server(busy_reply_threshold=30, enable_debug_command="yes",
                        cache_flush_delay="10ms")


def start_slow(server, client, *words):
    """Sends the command; a connection of others, who are answered BUSY."""
    other = server.raw()
    client.send(*words)
    wait_until(lambda: other.call("PING") == BUSY, what="BUSY", pause_s=0.001)
    return other


def killed(script, line=1):
    return Error("ERR Script killed by user with SCRIPT KILL... script: %s, on "
                 "@user_script:%d." % (sha_of(script), line))


@pytest.mark.parametrize("script", [FOREVER, CAUGHT_FOREVER,
                                    "coroutine.wrap(function() while true do "
                                    "end end)()",
                                    "redis.call('get', 'k') while true do "
                                    "redis.call('get', 'k') end"])
def test_script_kill(hasty, script):
    hasty.call("SET", "k", "v")
    client = hasty.raw()
    other = start_slow(hasty, client, "EVAL", script, 0)
    for words, reply in (
            (("SET", "k", "x"), BUSY), (("PING",), BUSY),
            (("EVAL", "return 1", 0), BUSY), (("SCRIPT", "LOAD", "x"), BUSY),
            (("SHUTDOWN",), BUSY), (("SHUTDOWN", "SAVE"), BUSY),
            (("SHUTDOWN", "x"), Error("ERR syntax error")),
            (("nonsense",), Error("ERR unknown command 'nonsense', with args "
                                  "beginning with: ")),
            (("MULTI",), OK), (("GET", "k"), BUSY),
            (("EXEC",), Error("EXECABORT Transaction discarded because of: " +
                              bytes(BUSY).decode())),
            (("DISCARD",), Error("ERR DISCARD without MULTI")),
            (("UNWATCH",), OK), (("SCRIPT", "KILL"), OK)):
        assert other.call(*words) == reply
    assert client.recv() == killed(script)
    assert other.call("GET", "k") == b"v"
    assert other.call("SCRIPT", "KILL") == Error(
        "NOTBUSY No scripts in execution right now.")
    stats = hasty.client().info("commandstats")["cmdstat_eval"]
    assert stats["failed_calls"] == 1 and stats["usec"] >= 30_000
    assert hasty.call("DEBUG", "CHECK") == OK


UNKILLABLE = Error(
    "UNKILLABLE Sorry the script already executed write commands against the "
    "dataset. You can either wait the script termination or kill the server in "
    "a hard way using the SHUTDOWN NOSAVE command.")
# Writes, works for a while, writes again.
SLOW_WRITER = ("redis.call('set', KEYS[1], 'begun') local begun = "
               "redis.call('time') repeat local now = redis.call('time') "
               "until (now[1] - begun[1]) * 1e6 + now[2] - begun[2] > "
               "ARGV[1] * 1e6 redis.call('set', KEYS[2], 'ended') "
               "return redis.call('mget', KEYS[1], KEYS[2])")


def test_a_script_that_has_written_ends_by_itself(hasty):
    """Nothing of it is on disk before its end, whatever the flush delay; and
    who was parked before goes on behind it."""
    client, parked = hasty.raw(), hasty.raw()
    hasty.call("MSET", "a", "1", "cold", "old")
    hasty.call("CACHE", "FLUSH")
    flushes = figures(hasty)["cache_flushes"]
    other = start_slow(hasty, client, "EVAL", SLOW_WRITER, 2, "a", "b", 0.5)
    parked.send("GET", "a")
    assert parked.recv() == BUSY
    assert other.call("SCRIPT", "KILL") == UNKILLABLE
    assert client.recv() == [b"begun", b"ended"]
    assert hasty.call("GET", "b") == b"ended"
    assert hasty.call("DEBUG", "CHECK") == OK
    wait_until(lambda: figures(hasty)["cache_flushes"] > flushes)


def test_who_was_parked_before_goes_on_behind_it(start_server):
    server = steered(start_server, busy_reply_threshold=30)
    server.call("SET", "k", "old")
    cold(server, "k")
    server.call("MSET", "a", "1", "b", "1") # known: EVAL need not wait
    client, controller = server.raw(), server.raw()
    controller.call("DEBUG", "STORE", "gate", "get", "close")
    parked = started(server, "GET", "k")
    wait_waiting(server, "get")
    other = start_slow(
        server, client, "EVAL", "redis.call('set', 'k', 'new') " + SLOW_WRITER,
        2, "a", "b", 0.5)
    assert parked.nothing_to_read(0.1)
    assert other.call("SCRIPT", "KILL") == UNKILLABLE
    assert client.recv() == [b"begun", b"ended"]
    assert parked.recv() == b"new"
    controller.call("DEBUG", "STORE", "gate", "get", "open")


def test_a_slow_script_within_a_transaction(hasty):
    client = hasty.raw()
    client.call("MULTI")
    for words in (("INCR", "n"), ("EVAL", SLOW_WRITER, 2, "a", "b", 0.5),
                  ("INCR", "n"), ("EVAL", "return redis.call('incr', 'n')", 0)):
        client.call(*words)
    other = start_slow(hasty, client, "EXEC")
    assert other.call("SCRIPT", "KILL") == UNKILLABLE
    assert client.recv() == [1, [b"begun", b"ended"], 2, 3]
    assert client.call("GET", "n") == b"3"
    # And one that is killed: the others have run.
    client.call("MULTI")
    for words in (("INCR", "n"), ("EVAL", FOREVER, 0), ("INCR", "n")):
        client.call(*words)
    start_slow(hasty, client, "EXEC")
    assert other.call("SCRIPT", "KILL") == OK
    assert client.recv() == [4, killed(FOREVER), 5]


@pytest.mark.parametrize("writes", [False, True])
def test_the_client_of_a_slow_script_goes(hasty, writes):
    client = hasty.raw()
    words = (SLOW_WRITER, 2, "a", "b", 0.5) if writes else (FOREVER, 0)
    other = start_slow(hasty, client, "EVAL", *words)
    client.close()
    assert other.call("GET", "k") == BUSY
    if not writes:
        time.sleep(0.05)
        assert other.call("SCRIPT", "KILL") == OK
    wait_until(lambda: other.call("GET", "k") != BUSY)
    assert other.call("MGET", "a", "b") == (
        [b"begun", b"ended"] if writes else [NULL_BULK, NULL_BULK])
    assert hasty.info("clients")["connected_clients"] <= 4
    assert hasty.call("DEBUG", "CHECK") == OK


def test_a_pipeline_behind_a_slow_script(hasty):
    client = hasty.raw()
    client.send("EVAL", SLOW_WRITER, 2, "a", "b", 0.1)
    for i in range(5):
        client.send("INCR", "n")
    assert client.recv() == [b"begun", b"ended"]
    assert [client.recv() for _ in range(5)] == [1, 2, 3, 4, 5]


def test_shutdown_nosave(hasty):
    hasty.call("SET", "k", "v")
    flush(hasty)
    client = hasty.raw()
    other = start_slow(hasty, client, "EVAL", "redis.call('set', 'k', 'half') "
                       "while true do end", 0)
    other.send("SHUTDOWN", "NOSAVE")
    assert hasty.wait_exit() == 0
    hasty.start()
    assert hasty.call("GET", "k") == b"v"


def test_sigterm_ends_a_script_that_has_not_written(hasty):
    client = hasty.raw()
    start_slow(hasty, client, "EVAL", FOREVER, 0)
    hasty.signal(signal.SIGTERM)
    assert hasty.wait_exit() == 0


def test_sigterm_waits_for_a_script_that_has_written(hasty):
    client = hasty.raw()
    start_slow(hasty, client, "EVAL", SLOW_WRITER, 2, "a", "b", 0.5)
    hasty.signal(signal.SIGTERM)
    assert hasty.wait_exit() == 0
    hasty.start()
    assert hasty.call("MGET", "a", "b") == [b"begun", b"ended"]


def test_keys_do_not_expire_under_a_script(hasty):
    """Time stands still while it does."""
    hasty.call("SET", "k", "v", "PX", 150)
    client = hasty.raw()
    client.send("EVAL", "local begun = redis.call('time') repeat local now = "
                "redis.call('time') until (now[1] - begun[1]) * 1e6 + now[2] "
                "- begun[2] > 4e5 return redis.call('get', 'k')", 1, "k")
    assert client.recv() == b"v"
    assert hasty.call("GET", "k") == NULL_BULK


def test_no_threshold(start_server):
    server = start_server(busy_reply_threshold=0)
    client = server.raw()
    client.send("EVAL", SLOW_WRITER, 2, "a", "b", 0.2)
    assert server.call("GET", "a") == b"begun"
    assert client.recv() == [b"begun", b"ended"]
    assert server.call("CONFIG", "SET", "lua-time-limit", "7") == OK
    assert server.call("CONFIG", "GET", "busy-reply-threshold") == [
        b"busy-reply-threshold", b"7"]


def test_many_clients(hasty):
    """Scripts, slow and fast, of clients that come and go."""
    problems = []
    def work(number):
        try:
            for i in range(15):
                client = hasty.raw()
                reply = client.call("EVAL", "local n = 0 for i = 1, ARGV[1] do "
                                    "n = n + 1 end return redis.call('incr', "
                                    "KEYS[1])", 1, "n",
                                    (number * 7 + i) % 5 * 1_000_000)
                if reply != BUSY and not isinstance(reply, int):
                    problems.append(reply)
                client.close()
        except (OSError, Closed) as error:
            problems.append(error)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60 * SLOWNESS)
    assert problems == []
    assert hasty.call("DEBUG", "CHECK") == OK
