"""redis-py, unmodified, in what takes more than one call: transactions, locks,
subscriptions, monitoring, tracking, retries, the asynchronous client. A
scenario is run with diskstore and with redis-server and must give the same."""

import asyncio
import contextlib
import threading
import time

import pytest
import redis
import redis.asyncio
from redis.backoff import ConstantBackoff, ExponentialBackoff, NoBackoff
from redis.retry import Retry

from lib.server import SLOWNESS, free_port, wait_until

WAIT_S = 20 * SLOWNESS


@pytest.fixture
def both(start_server, start_redis):
    return start_server(), start_redis()


def outcome(function, *arguments, **options):
    """What a call gives, errors too, to be compared."""
    try:
        return function(*arguments, **options)
    except redis.RedisError as error:
        return type(error), str(error)


def plain(result):
    """A pipeline's results, with errors that can be compared."""
    return [(type(one), str(one)) if isinstance(one, Exception) else one
            for one in result]


def same(both, scenario, **options):
    ours, theirs = (scenario(one.client(**options)) for one in both)
    assert ours == theirs
    return ours


def calls_of(client, command):
    return client.info("commandstats").get("cmdstat_" + command,
                                           {"calls": 0})["calls"]


# --- transactions ----------------------------------------------------------

@pytest.mark.parametrize("decode", [False, True])
def test_a_pipeline_is_a_transaction(both, decode):
    def scenario(client):
        pipe = client.pipeline()
        assert pipe.execute() == []
        pipe.set("k", "text").get("k").incr("n").expire("n", 1000)
        pipe.mget("k", "n", "none").ttl("n").client_getname().copy("k", "l")
        results = [plain(pipe.execute())]
        pipe.incr("k").set("k", "later").getset("n", "x").incr("n")
        results.append(plain(pipe.execute(raise_on_error=False)))
        pipe.incr("k").set("k", "latest")
        results.append(outcome(pipe.execute))
        pipe.set("k", "no").execute_command("NONSENSE", "x")
        results.append(outcome(pipe.execute))
        pipe.set("k", "no").execute_command("SET", "k")
        results.append(outcome(pipe.execute, raise_on_error=False))
        pipe.set("k", "no").execute_command("SELECT", 99)
        results.append(outcome(pipe.execute))
        results.append(client.mget("k", "l", "n"))
        return results + [calls_of(client, "exec"), calls_of(client, "multi")]
    results = same(both, scenario, decode_responses=decode)
    assert results[0][2:4] == [1, True]
    assert results[2] == (
        redis.ResponseError, "Command # 1 (INCRBY k 1) of pipeline caused "
        "error: value is not an integer or out of range")
    assert "unknown command 'NONSENSE'" in results[3][1]
    assert results[-2] >= 4


def test_a_large_transaction(both):
    def scenario(client):
        pipe = client.pipeline()
        for i in range(3000):
            pipe.set("key:%d" % i, "value %d" % i).get("key:%d" % i).incr("n")
        return pipe.execute()
    assert same(both, scenario)[-1] == 3000


def test_watch_and_its_error(both):
    def scenario(client):
        results, other = [], both_other(client)
        for change in (None, lambda: other.set("k", "changed"),
                       lambda: other.set("k", "mine"),
                       lambda: other.set("unrelated", 1),
                       lambda: other.delete("k"),
                       lambda: other.expire("k", 1000),
                       lambda: other.get("k"), other.flushall):
            client.set("k", "before")
            with client.pipeline() as pipe:
                pipe.watch("k", "another")
                results.append(pipe.get("k")) # at once
                if change:
                    change()
                pipe.multi()
                pipe.set("k", "mine").get("k")
                results.append(outcome(pipe.execute))
            results.append(client.get("k"))
        with client.pipeline() as pipe: # UNWATCH, and leaving without EXEC
            pipe.watch("k")
            other.set("k", "changed")
            pipe.unwatch()
            results.append(pipe.set("k", "now").get("k").execute())
            pipe.watch("k")
            other.set("k", "changed again")
        with client.pipeline() as pipe:
            results.append(pipe.get("k").execute())
        other.close()
        return results

    def both_other(client):
        return redis.Redis(connection_pool=redis.ConnectionPool(
            **client.connection_pool.connection_kwargs))
    results = same(both, scenario)
    assert [type(one) for one in results].count(tuple) == 5
    assert results[4] == (redis.WatchError, "Watched variable changed.")


def test_transaction_tries_again(both):
    def scenario(client):
        tries = []
        def add_ten(pipe):
            tries.append(int(pipe.get("n") or 0))
            if len(tries) < 4: # somebody else
                client.incr("n")
            pipe.multi()
            pipe.set("n", tries[-1] + 10)
            return "seen %d" % tries[-1]
        client.set("n", 5)
        return (client.transaction(add_ten, "n"),
                client.transaction(add_ten, "n", value_from_callable=True),
                tries, client.get("n"))
    assert same(both, scenario) == (
        [True], "seen 18", [5, 6, 7, 8, 18], b"28")


def test_threads_that_count_by_watching(server):
    client = server.client()
    def work():
        def add(pipe):
            value = int(pipe.get("n") or 0)
            pipe.multi()
            pipe.set("n", value + 1)
        for _ in range(50):
            client.transaction(add, "n")
    threads = [threading.Thread(target=work) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(WAIT_S)
    assert client.get("n") == b"300"


# --- locks -----------------------------------------------------------------

def test_locks(both):
    def scenario(client):
        lock = client.lock("lock", timeout=100)
        other = client.lock("lock", blocking=False)
        results = [lock.locked(), lock.acquire(), lock.locked(), lock.owned(),
                   other.acquire(), other.locked(), other.owned(),
                   other.acquire(blocking=True, blocking_timeout=0.01),
                   99_000 < client.pttl("lock") <= 100_000]
        client.delete("lock")
        results += [lock.locked(), lock.owned(), other.acquire(token="mine"),
                    client.get("lock"), client.ttl("lock"), lock.locked()]
        results.append(outcome(lock.extend, 100)[0])
        return results
    assert same(both, scenario) == [
        False, True, True, True, False, True, False, False, True, False, False,
        True, b"mine", -1, True, redis.exceptions.LockNotOwnedError]


def near(client, ms):
    return ms - 1000 * SLOWNESS < client.pttl("lock") <= ms


def test_locks_are_kept_and_released(both):
    """extend, reacquire and release are scripts."""
    def scenario(client):
        lock = client.lock("lock", timeout=100)
        other = client.lock("lock", timeout=100, blocking=False)
        results = [lock.acquire(), lock.extend(50), near(client, 150_000),
                   lock.extend(10, replace_ttl=True), near(client, 10_000),
                   lock.reacquire(), near(client, 100_000), other.acquire(),
                   outcome(other.release)[0], lock.release(),
                   client.exists("lock"), outcome(lock.release)[0],
                   other.acquire()]
        client.set("lock", "of somebody else")
        results += [outcome(one)[0] for one in (
            other.reacquire, lambda: other.extend(1), other.release)]
        client.delete("lock")
        with client.lock("lock", timeout=100):
            results.append(client.exists("lock"))
        results.append(client.exists("lock"))
        client.script_flush() # it loads its scripts again
        with client.lock("lock"):
            results.append(client.ttl("lock"))
        return results + [client.exists("lock")]
    gone = redis.exceptions.LockNotOwnedError
    assert same(both, scenario) == [
        True, True, True, True, True, True, True, False,
        redis.exceptions.LockError, None, 0, redis.exceptions.LockError, True,
        gone, gone, gone, 1, 0, -1, 0]


def test_registered_scripts(both):
    def scenario(client):
        add = client.register_script(
            "local n = redis.call('incrby', KEYS[1], ARGV[1])\n"
            "return {n, redis.call('type', KEYS[1])['ok'], #KEYS}")
        results = [add(keys=["n"], args=[5]), add(keys=["n"], args=[-2]),
                   client.script_exists(add.sha, "0" * 40)]
        with client.pipeline(transaction=False) as pipe:
            pipe.set("n", 10)
            add(keys=["n"], args=[1], client=pipe)
            pipe.get("n")
            results.append(pipe.execute())
        client.script_flush()
        with client.pipeline() as pipe: # loads it, then MULTI
            add(keys=["n"], args=[2], client=pipe)
            pipe.get("n")
            results.append(pipe.execute())
        return results + [outcome(add, keys=["n"], args=["x"])[0],
                          outcome(client.evalsha, "0" * 40, 0)[0],
                          client.eval("return {1, 'x', false, {2}}", 0)]
    assert same(both, scenario) == [
        [5, b"string", 1], [3, b"string", 1], [True, False],
        [True, [11, b"string", 1], b"11"], [[13, b"string", 1], b"13"],
        redis.ResponseError, redis.exceptions.NoScriptError,
        [1, b"x", None, [2]]]


def test_waiting_for_a_lock(both):
    """It goes by its own timeout; it is deleted by somebody."""
    def scenario(client):
        assert client.lock("lock", timeout=0.1).acquire()
        lock = client.lock("lock", sleep=0.01, thread_local=False)
        results = [lock.acquire(blocking_timeout=WAIT_S)]
        got = []
        waiting = threading.Thread(target=lambda: got.append(
            client.lock("lock", sleep=0.01).acquire()))
        before = calls_of(client, "set")
        waiting.start()
        wait_until(lambda: calls_of(client, "set") >= before + 3,
                   what="it tried again and again")
        results.append(list(got))
        client.delete("lock")
        waiting.join(WAIT_S)
        return results + got
    assert same(both, scenario) == [True, [], True]


# --- subscriptions ---------------------------------------------------------

def messages_of(pubsub, count):
    """The next count messages, all that come."""
    found, deadline = [], time.monotonic() + WAIT_S
    while len(found) < count and time.monotonic() < deadline:
        message = pubsub.get_message(timeout=0.2)
        if message is not None:
            found.append(message)
    return found


@pytest.mark.parametrize("decode", [False, True])
def test_subscriptions(both, decode):
    def scenario(client):
        pubsub = client.pubsub()
        pubsub.subscribe("news", b"\xc3\xa9t\xc3\xa9")
        pubsub.psubscribe("n*")
        found = messages_of(pubsub, 3)
        results = [client.publish("news", "one"), client.publish("no", "two"),
                   client.publish("nobody", b"\x01\n"),
                   client.publish("other", "none"),
                   client.pubsub_channels() == client.pubsub_channels("*"),
                   sorted(client.pubsub_channels("*"))[0],
                   client.pubsub_numsub("news", "none"),
                   client.pubsub_numpat()]
        found += messages_of(pubsub, 4)
        pubsub.ping("still here")
        pubsub.unsubscribe("news")
        pubsub.punsubscribe("n*")
        found += messages_of(pubsub, 3)
        pubsub.unsubscribe()
        found += messages_of(pubsub, 1)
        results += [pubsub.subscribed, client.publish("news", "nobody")]
        pubsub.close()
        return found, results
    found, results = same(both, scenario, decode_responses=decode)
    assert len(found) == 11
    assert results[:4] == [2, 1, 1, 0]
    assert results[-2:] == [False, 0]


def test_handlers_in_a_thread(both):
    def scenario(client):
        heard, errors = [], []
        def hear(message):
            heard.append((message["type"], message["pattern"],
                          message["channel"], message["data"]))
        pubsub = client.pubsub(ignore_subscribe_messages=True)
        pubsub.subscribe(**{"news": hear})
        pubsub.psubscribe(**{"n?ws": hear})
        thread = pubsub.run_in_thread(
            sleep_time=0.01, daemon=True,
            exception_handler=lambda error, *_: errors.append(error))
        wait_until(lambda: client.pubsub_numpat() == 1, what="subscribed")
        for i in range(100):
            client.publish("news", i)
        wait_until(lambda: len(heard) == 200, what="all was heard")
        thread.stop()
        thread.join(WAIT_S)
        wait_until(lambda: client.pubsub_numpat() == 0, what="it has gone")
        return heard, errors
    heard, errors = same(both, scenario)
    assert errors == []
    assert heard[0] == ("message", None, b"news", b"0")


def test_listening_until_nothing_is_left(both):
    def scenario(client):
        pubsub = client.pubsub()
        pubsub.subscribe("a", "b")
        found = []
        for message in pubsub.listen():
            found.append(message)
            if message["type"] == "subscribe":
                client.publish(message["channel"], "x")
            elif message["type"] == "message":
                pubsub.unsubscribe(message["channel"])
        return found
    assert len(same(both, scenario)) == 6


def test_health_checks_of_a_subscriber(both):
    def scenario(client):
        pubsub = client.pubsub()
        pubsub.subscribe("news")
        first = messages_of(pubsub, 1)
        pubsub.connection.next_health_check = 0 # it is due
        client.publish("news", "x")
        return first, messages_of(pubsub, 1), pubsub.connection.pid > 0
    same(both, scenario, health_check_interval=1000)


def test_events_of_keys(both):
    def scenario(client):
        client.config_set("notify-keyspace-events", "KEA")
        pubsub = client.pubsub()
        pubsub.psubscribe("__key*__:*")
        found = messages_of(pubsub, 1)
        client.set("k", "v", ex=1000)
        client.append("k", "w")
        client.incr("n")
        client.rename("k", "l")
        client.persist("l")
        client.pipeline().set("a", 1).delete("a").execute()
        client.copy("l", "m")
        client.move("m", 3)
        client.set("short", "lived", px=1)
        wait_until(lambda: not client.exists("short"), what="it expires")
        found += messages_of(pubsub, 30)
        client.config_set("notify-keyspace-events", "")
        client.set("k", "v")
        client.publish("__keyevent@0__:end", "end")
        found += messages_of(pubsub, 1)
        return [(one["channel"], one["data"]) for one in found]
    found = same(both, scenario)
    assert (b"__keyevent@0__:expired", b"short") in found
    assert (b"__keyspace@0__:l", b"persist") in found
    assert found[-1] == (b"__keyevent@0__:end", b"end")


@pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
def test_a_subscriber_comes_back(start_server, crash):
    """The error that tells of the end, then it subscribes again by itself."""
    server = start_server(port=free_port())
    heard = []
    pubsub = redis.Redis("127.0.0.1", server.port).pubsub()
    pubsub.subscribe(**{"news": heard.append})
    pubsub.psubscribe("other*")
    assert len(messages_of(pubsub, 2)) == 2
    if crash:
        server.kill9()
    else:
        server.stop()
    with pytest.raises(redis.ConnectionError):
        messages_of(pubsub, 1)
    server.start()
    assert [one["type"] for one in messages_of(pubsub, 2)] == [
        "subscribe", "psubscribe"]
    client = server.client()
    assert client.publish("news", "x") == 1
    assert client.publish("others", "y") == 1
    assert messages_of(pubsub, 1)[0]["data"] == b"y"
    assert [one["data"] for one in heard] == [b"x"]
    pubsub.close()


# --- watching the server ---------------------------------------------------

def test_monitor(both):
    def scenario(client):
        found = []
        with client.monitor() as monitor:
            client.set("k", 'two "words"\n')
            client.select(3)
            client.pipeline().get("k").incr("n").execute()
            client.echo("the end")
            for one in monitor.listen():
                assert abs(one["time"] - time.time()) < 60 * SLOWNESS
                assert int(one["client_port"]) > 0
                found.append((one["db"], one["client_address"],
                              one["client_type"], one["command"]))
                if one["command"] == "ECHO the end":
                    return found
    found = same(both, scenario)
    assert [one[3] for one in found] == [
        'SET k two "words"\\n', "SELECT 3", "MULTI", "GET k",
        "INCRBY n 1", "EXEC", "ECHO the end"]


def test_what_is_slow(both):
    """Ours has one field more, which this parser passes by."""
    def scenario(client):
        client.config_set("slowlog-log-slower-than", 0)
        client.slowlog_reset()
        client.set("k", "two words")
        client.get("k")
        client.config_set("slowlog-log-slower-than", 10_000_000)
        entries = client.slowlog_get()
        assert len(entries) == client.slowlog_len() == 3
        assert client.slowlog_get(1)[0]["id"] == entries[0]["id"]
        for one in entries:
            assert one["duration"] >= 0
            assert abs(one["start_time"] - time.time()) < 60 * SLOWNESS
        return [(one["command"], sorted(one)) for one in entries]
    assert [one[0] for one in same(both, scenario)] == [
        b"GET k", b"SET k two words", b"SLOWLOG RESET"]


def test_latency_by_execute_command(both):
    """redis-py has no methods for it that do anything."""
    def scenario(client):
        client.config_set("latency-monitor-threshold", 1)
        client.set("k", "v")
        results = [client.execute_command(*words) for words in (
            ("LATENCY", "RESET"), ("LATENCY", "LATEST"),
            ("LATENCY", "HISTORY", "command"), ("LATENCY", "DOCTOR"))]
        histogram = client.execute_command("LATENCY", "HISTOGRAM", "set")
        return results[:3], histogram[0], histogram[1][:3]
    same(both, scenario)


def test_tracking_redirected_to_a_subscriber(both):
    """How clients with RESP2 keep a cache of their own up to date."""
    def scenario(client):
        told = client.pubsub(ignore_subscribe_messages=True)
        told.subscribe("__redis__:invalidate")
        told.get_message(timeout=WAIT_S)
        number = int(client.client_list(_type="pubsub")[0]["id"])
        reader = redis.Redis(connection_pool=client.connection_pool,
                             single_connection_client=True)
        client.set("k", 1)
        results = [reader.client_tracking_on(clientid=number),
                   reader.client_getredir() == number, reader.get("k"),
                   reader.client_trackinginfo()[1]]
        client.set("k", 2)
        client.set("k", 3) # not asked for since
        found = messages_of(told, 1)
        results += [reader.get("k"), client.flushall()]
        found += messages_of(told, 1)
        results.append(reader.client_tracking_off())
        reader.close()
        told.close()
        return results, [(one["type"], one["data"]) for one in found]
    _, found = same(both, scenario)
    assert found == [("message", [b"k"]), ("message", None)]


# --- trying again ----------------------------------------------------------

@pytest.mark.parametrize("backoff", [
    ConstantBackoff(0.02), ExponentialBackoff(cap=0.1, base=0.01)],
    ids=["constant", "exponential"])
def test_retries_while_the_server_is_away(start_server, backoff):
    """Nobody who retries sees an error, whatever way the server ends."""
    server = start_server(port=free_port())
    client = redis.Redis(
        "127.0.0.1", server.port, retry=Retry(backoff, 1000),
        # OSError: refused while connecting, which this redis-py tells raw.
        retry_on_error=[redis.ConnectionError, redis.TimeoutError, OSError])
    stop, errors, numbers = threading.Event(), [], [0]
    def work():
        try:
            while not stop.is_set():
                client.set("last", numbers[0] + 1)
                numbers[0] += 1
                client.get("last") # kill -9 may have lost it
        except Exception as error: # told below
            errors.append(error)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        for end in (server.stop, server.kill9, server.stop):
            seen = numbers[0]
            wait_until(lambda: numbers[0] > seen + 10 or errors,
                       what="it goes on")
            end()
            server.start()
        seen = numbers[0]
        wait_until(lambda: numbers[0] > seen + 10 or errors,
                   what="it goes on in the end")
    finally:
        stop.set()
        thread.join(WAIT_S)
    assert errors == []
    assert int(client.get("last")) == numbers[0]
    client.close()


def test_retry_on_timeout(both):
    """Writes are paused; the first attempts time out, a later one doesn't."""
    def scenario(client):
        impatient = redis.Redis(connection_pool=redis.ConnectionPool(**dict(
            client.connection_pool.connection_kwargs, socket_timeout=0.05,
            retry_on_timeout=True, retry=Retry(NoBackoff(), 100_000))))
        impatient.ping()
        connections = client.info("stats")["total_connections_received"]
        client.client_pause(1_000_000, all=False)
        thread = threading.Thread(target=impatient.set, args=("k", "v"))
        thread.start()
        wait_until(lambda: client.info("stats")["total_connections_received"]
                   >= connections + 3, what="it tries again")
        assert not client.exists("k")
        client.client_unpause()
        thread.join(WAIT_S)
        impatient.close()
        return client.get("k")
    assert same(both, scenario) == b"v"


def test_timeout_without_a_retry(both):
    def scenario(client):
        impatient = redis.Redis(connection_pool=redis.ConnectionPool(**dict(
            client.connection_pool.connection_kwargs, socket_timeout=0.05)))
        client.client_pause(1_000_000, all=False)
        results = [outcome(impatient.set, "k", "v"), client.exists("k")]
        client.client_unpause()
        results.append(client.get("k")) # nobody waits for it any more
        impatient.close()
        return results
    assert same(both, scenario) == [
        (redis.TimeoutError, "Timeout reading from socket"), 0, None]


def test_a_pool_that_is_full(both):
    def scenario(client):
        pool = redis.ConnectionPool(max_connections=2, **dict(
            client.connection_pool.connection_kwargs))
        limited = redis.Redis(connection_pool=pool)
        with limited.pipeline() as one, limited.pipeline() as two:
            one.watch("k")
            two.watch("k")
            full = outcome(limited.get, "k")
        free = outcome(limited.get, "k")
        pool.disconnect()
        return full, free
    assert same(both, scenario) == (
        (redis.ConnectionError, "Too many connections"), None)


def test_health_checks(both):
    """A connection that was closed meanwhile is found by its PING."""
    def scenario(client):
        checked = redis.Redis(
            single_connection_client=True,
            connection_pool=redis.ConnectionPool(**dict(
                client.connection_pool.connection_kwargs,
                health_check_interval=1000, retry=Retry(NoBackoff(), 1),
                retry_on_error=[redis.ConnectionError])))
        number = checked.client_id()
        client.client_kill_filter(_id=number)
        checked.connection.next_health_check = 0 # it is due
        pings = calls_of(client, "ping")
        again = checked.client_id()
        checked.close()
        return again > number, calls_of(client, "ping") - pings
    assert same(both, scenario) == (True, 1)


# --- the asynchronous client -----------------------------------------------

async def hear(pubsub, count):
    found = []
    while len(found) < count:
        message = await pubsub.get_message(timeout=WAIT_S)
        if message is not None:
            found.append(message)
    return found


async def asynchronous(port):
    results = []
    async with contextlib.AsyncExitStack() as stack:
        client = redis.asyncio.Redis(host="127.0.0.1", port=port,
                                     decode_responses=True)
        stack.push_async_callback(client.close)
        results += [await client.set("k", "v", ex=100), await client.get("k")]
        results.append(await asyncio.gather(
            *[client.incr("n:%d" % i) for i in range(50)]))
        async with client.pipeline() as pipe:
            results.append(await pipe.set("a", 1).incr("a").execute())
            await pipe.watch("a")
            await client.incr("a")
            pipe.multi()
            pipe.set("a", "lost")
            try:
                results.append(await pipe.execute())
            except redis.WatchError as error:
                results.append(str(error))
        pubsub = client.pubsub()
        await pubsub.subscribe("news")
        await pubsub.psubscribe("n*")
        found = await hear(pubsub, 2)
        results.append(await client.publish("news", "x"))
        results.append(found + await hear(pubsub, 2))
        await pubsub.close()
        lock = client.lock("lock", timeout=100)
        results += [await lock.acquire(), await lock.locked(),
                    await client.lock("lock").acquire(blocking=False)]
    return results


def test_asynchronously(both):
    ours, theirs = (asyncio.run(asynchronous(one.port)) for one in both)
    assert ours == theirs
    assert ours[:3] == [True, "v", [1] * 50]
