"""SORT and SORT_RO: what they answer, against redis-server; and what Redis
does not have to do: weights and values that are only on disk, others that run
between two rounds of looking them up, more than fits in memory."""

import random
import threading

import pytest

from lib.pair import pair, pair_of_module  # noqa: F401 (fixtures)
from lib.resp import NULL, NULL_BULK, Error, Push, Simple, encode
from lib.server import wait_until
from lib.steer import (OK, cold, figures, flush, gate, order, started, steered,
                       wait_waiting)

TOO_BIG = "OOM"
NO_NUMBER = Error("ERR One or more scores can't be converted into double")


def numbers(reply):
    return [int(text) for text in reply]


def texts(count, prefix=""):
    return [b"%s%d" % (prefix.encode(), i) for i in range(count)]


def fill(server, count, weight=lambda i: -i, name="w_%d", **hashes):
    """The list `ids` of 0, 1, ... and a weight for each, in memory."""
    client = server.raw()
    for first in range(0, count, 500):
        some = range(first, min(first + 500, count))
        client.call("RPUSH", "ids", *some)
        client.call("MSET", *[word for i in some
                              for word in (name % i, weight(i))])
    client.close()


def as_one(pair, *commands):
    """The same, but nothing in between that puts keys on disk."""
    pair.to_disk()
    sent = b"".join(encode(*one.split(" ")) for one in commands)
    replies = []
    for side in (pair.ours, pair.theirs):
        side.send_raw(sent)
        replies.append([side.recv_both()[1] for _ in commands])
    assert replies[0] == replies[1]


# --- what is answered --------------------------------------------------------

def prepare(pair):
    pair.uses(b"l", b"s", b"z", b"d", b"h", b"t", *texts(9, "w_"),
              *texts(9, "t_"), *texts(9, "h_"))
    pair.all_same("RPUSH l 3 1 2 8 5", "SADD s 3 1 2 8 5",
                  "ZADD z 5 3 4 1 3 2 2 8 1 5", "HSET h 1 2", "SET t text",
                  "MSET w_1 30 w_2 -1.5 w_3 7 w_5 0x10",
                  "MSET t_1 one t_2 two t_3 three t_8 eight",
                  "HSET h_1 f 9 g x", "HSET h_3 f 1e3", "HSET h_8 g 4",
                  "RPUSH h_5 f", "SET h_2 f")


@pytest.mark.parametrize("key", ["l", "s", "z", "d"])
def test_orders(pair, key):
    prepare(pair)
    for options in ("", " DESC", " ASC DESC ASC", " ALPHA", " alpha desc",
                    " LIMIT 1 2", " LIMIT -3 2", " LIMIT 1 -1", " LIMIT 9 1",
                    " LIMIT 0 0", " LIMIT 2 9223372036854775807",
                    " LIMIT 0 1 LIMIT 2 1", " LIMIT -9223372036854775808 1"):
        pair.same(*("SORT " + key + options).split(" "))
        pair.same(*("SORT_RO " + key + options).split(" "))


@pytest.mark.parametrize("key", ["l", "s", "z", "d"])
def test_patterns(pair, key):
    prepare(pair)
    for options in (
            "BY w_*", "BY w_* DESC", "BY h_*->f", "BY h_*->", "BY h_*->none",
            "BY w_* GET #", "BY w_* GET # GET t_* GET none GET h_*->g",
            "GET h_*->f GET #", "BY w_* LIMIT 1 3 GET t_*", "GET h_*",
            "BY nosort BY w_* LIMIT 0 1 STORE d", "BY w_* LIMIT 1 3 DESC",
            "GET w_*-> GET *->f GET w_*->->f GET h_*->f->", "GET **"):
        pair.same("SORT", key, *options.split(" "))
        pair.same("LRANGE", "d", 0, -1)


@pytest.mark.parametrize("key", ["l", "z", "d"])
def test_nothing_is_sorted_by_a_constant(pair, key):
    prepare(pair)
    for options in ("", " DESC", " LIMIT 1 2", " DESC LIMIT 1 2", " LIMIT 0 1",
                    " DESC LIMIT 4 5", " DESC LIMIT 7 5", " ALPHA", " GET w_*",
                    " LIMIT 2 0"):
        pair.same(*("SORT %s BY nosort%s" % (key, options)).split(" "))


def test_a_set_has_no_order_of_its_own(pair):
    """So it is sorted after all where that would be seen."""
    prepare(pair)
    assert sorted(pair.ours.call("SORT", "s", "BY", "x")) == \
        sorted(pair.theirs.call("SORT", "s", "BY", "x"))
    pair.same("SORT", "s", "BY", "x", "DESC", "STORE", "d")
    pair.same("LRANGE", "d", 0, -1)
    pair.same("EVAL", "return redis.call('SORT', KEYS[1], 'BY', 'x')", 1, "s")
    pair.same("EVAL_RO", "return redis.call('SORT_RO', KEYS[1], 'BY', 'x', "
              "'DESC', 'LIMIT', 1, 2)", 1, "s")


def test_errors(pair):
    prepare(pair)
    for command in (
            "SORT", "SORT_RO", "SORT h", "SORT t", "SORT t nonsense",
            "SORT l LIMIT", "SORT l LIMIT 1", "SORT l LIMIT x 1",
            "SORT l LIMIT 1 x", "SORT l LIMIT 1 9223372036854775808",
            "SORT l BY", "SORT l GET", "SORT l STORE", "SORT_RO l STORE d",
            "SORT l nonsense", "SORT l DESC 1", "SORT d nonsense",
            "SORT l BY t_*", "SORT l BY t_* LIMIT 0 0", "SORT l BY t_* STORE d",
            "SORT l BY t_* BY nosort", "SORT t BY nosort"):
        pair.same(*command.split(" "))
    pair.same("EXISTS", "d")


@pytest.mark.parametrize("text,is_number", [
    (b"", True), (b" 7", True), (b"7 ", False), (b"0x1p3", True),
    (b"inf", True), (b"-inf", True), (b"nan", False), (b"1e5", True),
    (b"1\x00x", True), (b"\x00", True), (b"x", False), (b"-", False),
    (b".", False), (b"1,5", False), (b"9223372036854775808", True)])
def test_numbers(pair, text, is_number):
    pair.uses(b"w_a")
    pair.all_same("RPUSH k2 a b")
    pair.same("SET", "w_a", text)
    pair.same("RPUSH", "k", text, "3", "-1")
    reply = pair.same("SORT", "k")
    assert (reply != NO_NUMBER) == is_number
    assert (pair.same("SORT", "k2", "BY", "w_*") != NO_NUMBER) == is_number


@pytest.mark.parametrize("text", [b"1e400", b"-1e400", b"1e-400"])
def test_numbers_out_of_range(server, text):
    """Not beside redis-server: from then on it refuses good numbers too,
    since it does not clear errno before it asks strtod."""
    server.call("RPUSH", "k", text, "1")
    assert server.call("SORT", "k") == NO_NUMBER
    server.call("LREM", "k", 1, text)
    assert server.call("SORT", "k") == [b"1"]


def test_bytes(pair):
    pair.same("RPUSH", "k", b"b", b"\xff", b"a\x00b", b"", b"a\r\n", b"a", b"B")
    pair.same("SORT", "k", "ALPHA")
    pair.same("SORT", "k", "ALPHA", "DESC")
    pair.same("SORT", "k", "ALPHA", "STORE", "k2")
    pair.same("LRANGE", "k2", 0, -1)
    for pattern in (b"*\x00x", b"\x00*", b"#\x00", b"w*->\x00f", b"*-\x00>"):
        pair.same("SORT", "k", "ALPHA", "GET", pattern)
        pair.same("SORT", "k", "ALPHA", "BY", pattern)


def test_ties(pair):
    """By number: the elements decide. By text: as they stood before."""
    prepare(pair)
    pair.same("SORT", "l", "BY", "none_*")
    pair.same("SORT", "l", "BY", "none_*", "DESC")
    pair.same("SORT", "l", "BY", "none_*", "ALPHA")
    pair.same("SORT", "l", "BY", "none_*", "ALPHA", "DESC")


def test_large_values(pair):
    """That lie in pieces, and that are longer than a page."""
    pair.uses(b"v_1", b"v_2", b"h_1")
    pair.same("RPUSH", "k", "1", "2")
    pair.same("SET", "v_1", b"7." + b"0" * 40000)
    pair.same("SET", "v_2", b"6")
    pair.same("HSET", "h_1", *[b"field %d" % i for i in range(2000)])
    pair.same("SORT", "k", "BY", "v_*", "GET", "v_*", "GET",
              "h_*->field 1998")
    pair.same("SORT", "k", "BY", "v_*", "ALPHA", "DESC", "STORE", "k2")


# --- storing -----------------------------------------------------------------

def test_store(pair):
    prepare(pair)
    pair.all_same("SET d x EX 1000", "SORT l STORE d", "TTL d",
                  "LRANGE d 0 -1", "SORT l BY w_* GET t_* STORE d",
                  "LRANGE d 0 -1", "SORT none STORE d", "EXISTS d",
                  "SORT none STORE d", "SORT l DESC STORE l", "LRANGE l 0 -1",
                  "SORT s STORE s", "TYPE s", "SORT z STORE k STORE d",
                  "EXISTS k", "SORT l LIMIT 9 1 STORE d", "EXISTS d")


def test_events(pair):
    prepare(pair)
    pair.all_same("CONFIG SET notify-keyspace-events KEA")
    heard = [side.raw(protocol=3) for side in (pair.server, pair.redis)]
    for client in heard:
        client.call("PSUBSCRIBE", "__keyevent@0__:*")
    pair.all_same("SORT l STORE d", "SORT l LIMIT 0 0 STORE d",
                  "SORT none STORE d", "SORT l BY w_*")
    for client in heard:
        assert [client.recv()[3:] for _ in range(2)] == [[b"d"], [b"d"]]
        client.send("PING")
        assert not isinstance(client.recv(), Push)
        client.close()
    pair.same("CONFIG", "SET", "notify-keyspace-events", "")


def test_who_waits_for_the_key_is_served(start_server):
    server = start_server()
    client = started(server, "BLPOP", "d", 0)
    wait_until(lambda: server.info("clients")["blocked_clients"] == 1)
    server.call("RPUSH", "k", 2, 1)
    assert server.call("SORT", "k", "STORE", "d") == 2
    assert client.recv() == [b"d", b"1"]
    assert server.call("LRANGE", "d", 0, -1) == [b"2"]


def test_a_watched_key(pair):
    prepare(pair)
    other = [side.raw() for side in (pair.server, pair.redis)]
    pair.all_same("WATCH d")
    for client in other:
        client.call("SORT", "l", "STORE", "d")
    as_one(pair, "MULTI", "PING", "EXEC")


def test_refused_while_the_store_fails(start_server):
    server = steered(start_server)
    server.call("RPUSH", "k", 2, 1)
    order(server, "fail write -1 io")
    assert isinstance(server.call("CACHE", "FLUSH"), Error)
    wait_until(lambda: server.call("SORT", "k", "STORE", "d").code ==
               "MISCONF", what="writes are refused")
    assert server.call("SORT_RO", "k") == [b"1", b"2"]
    order(server, "fail write 0")


# --- in one step with others ---------------------------------------------------

def test_in_a_transaction(pair):
    prepare(pair)
    as_one(pair, "MULTI", "SORT l BY w_* GET t_* GET h_*->f", "SET w_8 -9",
           "SORT l BY w_* STORE d", "LRANGE d 0 -1", "SORT l BY t_*",
           "SORT h", "SORT_RO l LIMIT 0 2", "SORT l nonsense", "EXEC")


def test_in_a_script(pair):
    prepare(pair)
    script = ("return {redis.call('SORT', 'l', 'BY', 'w_*', 'GET', 'h_*->f'),"
              " redis.call('SORT', KEYS[1], 'STORE', 'd'),"
              " redis.call('LRANGE', 'd', 0, -1),"
              " redis.pcall('SORT', KEYS[1], 'BY', 't_*')}")
    pair.same("EVAL", script, 1, "l")


# --- what others are told --------------------------------------------------------

def test_where_its_keys_are(pair):
    for command in ("SORT k", "SORT k STORE d", "SORT k BY STORE GET STORE",
                    "SORT k STORE a BY store STORE b", "SORT k limit 1 2 store",
                    "SORT k LIMIT store x STORE y", "SORT_RO k BY w_* GET #",
                    "SORT_RO k STORE d", "SORT k nonsense STORE e"):
        pair.same("COMMAND", "GETKEYS", *command.split(" "))
        pair.same("COMMAND", "GETKEYSANDFLAGS", *command.split(" "))


def test_hits_and_misses(pair):
    prepare(pair)
    for command in ("SORT l BY w_* GET t_*", "SORT_RO l BY w_* GET h_*->f",
                    "SORT none", "SORT_RO l GET none GET #"):
        pair.same("CONFIG", "RESETSTAT")
        pair.same(*command.split(" "))
        ours, theirs = (
            {name: side.info("stats")[name]
             for name in ("keyspace_hits", "keyspace_misses")}
            for side in (pair.server, pair.redis))
        assert ours == theirs, command


def test_tracking(server):
    client = server.raw(protocol=3)
    client.call("CLIENT", "TRACKING", "ON")
    server.call("RPUSH", "k", 2, 1)
    assert client.call("SORT_RO", "k", "BY", "w_*") == [b"1", b"2"]
    server.call("RPUSH", "k", 3)
    assert client.recv() == Push([b"invalidate", [b"k"]])


# --- weights and values on disk ----------------------------------------------

def test_many_on_disk(start_server):
    """More than fits, in rounds; also in EXEC and in a script."""
    server = start_server(cache_max_memory="16mb")
    count, draw = 30000, random.Random(7)
    places = draw.sample(range(count), count)
    client = server.raw()
    for first in range(0, count, 300):
        some = range(first, first + 300)
        client.call("RPUSH", "ids", *some)
        client.call("MSET", *[word for i in some for word in
                              ("v_%d" % i, b"%d " % i + b"x" * 500)])
        for i in some:
            client.send("HSET", "h_%d" % i, "at", places[i], "x", b"y" * 300)
        for i in some:
            client.recv()
    flush(server)
    expected = sorted(range(count), key=places.__getitem__)
    loads = server.info("cache")["cache_loads"]
    assert numbers(client.call("SORT", "ids", "BY", "h_*->at")) == expected
    assert server.info("cache")["cache_loads"] - loads > count / 2
    values = client.call("SORT", "ids", "BY", "h_*->at", "DESC", "LIMIT", 10,
                         1000, "GET", "v_*")
    assert [int(value.split()[0]) for value in values] == \
        expected[::-1][10:1010]
    assert client.call("SORT", "ids", "BY", "h_*->at", "STORE", "d") == count
    assert numbers(client.call("LRANGE", "d", 0, -1)) == expected
    client.call("MULTI")
    client.call("SORT", "ids", "BY", "h_*->at", "LIMIT", 0, 3)
    assert numbers(client.call("EXEC")[0]) == expected[:3]
    assert numbers(client.call("EVAL", "return redis.call('SORT', KEYS[1], "
                               "'BY', 'h_*->at', 'LIMIT', 5, 3)", 1, "ids")) \
        == expected[5:8]
    answer = client.call("SORT", "ids", "GET", "v_*")
    assert isinstance(answer, Error) and answer.code == TOO_BIG
    assert figures(server)["cache_blocked_clients"] == 0
    client.close()


def test_values_that_hardly_fit(start_server):
    """A round of all of them would not: it is made smaller."""
    server = start_server(cache_max_memory="16mb")
    client = server.raw()
    client.call("RPUSH", "k", *range(24))
    for i in range(24):
        client.call("HSET", "h_%d" % i, "at", -i, "x", b"x" * 1000000)
    cold(server, "k", *["h_%d" % i for i in range(24)])
    assert numbers(client.call("SORT", "k", "BY", "h_*->at")) == \
        list(range(23, -1, -1))
    answer = client.call("SORT", "k", "GET", "h_*->x")
    assert isinstance(answer, Error) and answer.code == TOO_BIG
    assert client.call("SORT", "k", "BY", "h_*->at", "LIMIT", 0, 1, "GET",
                       "h_*->x") == [b"x" * 1000000]


def test_several_large_ones(start_server):
    """Together they would hold too much: they wait for each other."""
    server = start_server(cache_max_memory="16mb")
    server.call("RPUSH", "k", *range(20000))
    for _ in range(4):
        server.call("COPY", "k", "more")
        server.call("EVAL", "redis.call('RPUSH', KEYS[1], unpack(redis.call("
                    "'LRANGE', KEYS[1], 0, 6999)))", 1, "k")
    expected = sorted(numbers(server.call("LRANGE", "k", 0, -1)))
    clients = [server.raw() for _ in range(8)]
    for client in clients:
        client.send("SORT", "k", "LIMIT", "40000", "10")
    for client in clients:
        assert numbers(client.recv()) == expected[40000:40010]
        client.close()


def test_a_value_that_can_not_be_read(start_server):
    server = steered(start_server)
    fill(server, 3)
    cold(server, "w_1")
    order(server, "fail get 1 io")
    answer = server.call("SORT", "ids", "BY", "w_*")
    assert isinstance(answer, Error) and answer.code == "IOERR"
    assert numbers(server.call("SORT", "ids", "BY", "w_*")) == [2, 1, 0]


# --- others meanwhile ------------------------------------------------------------

@pytest.fixture
def halted(start_server):
    """halted(*options): a server, and a client whose SORT of ids (0 to 4, by
    w_0 to w_4, which are 0, -1, ...) has read the weights, and waits for the
    values v_0 to v_4, which are 0 to 4 too."""
    def start(*options, get="v_*"):
        server = steered(start_server)
        fill(server, 5)
        server.call("MSET", *[word for i in range(5)
                              for word in ("v_%d" % i, i)])
        cold(server, *texts(5, "v_"))
        order(server, "gate get close")
        client = started(server, "SORT", "ids", "BY", "w_*", "GET", get,
                         *options)
        wait_waiting(server, "get")
        return server, client
    return start


def went_on(server, client):
    order(server, "gate get open")
    return client.recv()


def test_nothing_happens(halted):
    assert numbers(went_on(*halted())) == [4, 3, 2, 1, 0]


def test_a_weight_changes(halted):
    server, client = halted()
    server.call("SET", "w_4", 100)
    server.call("DEL", "w_0")
    server.call("SET", "w_9", 1)
    assert numbers(went_on(server, client)) == [3, 2, 1, 0, 4]


def test_a_weight_becomes_no_number(halted):
    server, client = halted()
    server.call("SET", "w_4", "x")
    assert went_on(server, client) == NO_NUMBER


def test_a_value_changes(halted):
    """While it is being read."""
    server, client = halted("LIMIT", 0, 2)
    server.call("MSET", "v_4", 44, "v_3", 33)
    assert numbers(went_on(server, client)) == [44, 33]


def test_a_value_changes_that_was_read(start_server):
    """In a round before."""
    server = steered(start_server)
    fill(server, 600)
    server.call("DEL", "w_0")
    server.call("RPUSH", "ids", "x")
    server.call("SET", "w_x", 1)
    cold(server, "w_x")
    order(server, "gate get close")
    client = started(server, "SORT", "ids", "BY", "nosort", "GET", "w_*")
    wait_waiting(server, "get")
    server.call("SET", "w_3", 33)
    server.call("DEL", "w_4")
    values = went_on(server, client)
    assert values[:6] == [NULL_BULK, b"-1", b"-2", b"33", NULL_BULK, b"-5"]
    assert values[-1] == b"1"


def test_the_key_changes(halted):
    server, client = halted()
    server.call("LPUSH", "ids", 7)
    server.call("MSET", "v_7", 7, "w_7", -7)
    server.call("LREM", "ids", 1, 2)
    assert numbers(went_on(server, client)) == [7, 4, 3, 1, 0]


def test_the_key_goes(halted):
    server, client = halted()
    server.call("DEL", "ids")
    assert went_on(server, client) == []


def test_the_key_becomes_another_type(halted):
    server, client = halted("STORE", "d")
    server.call("SET", "ids", "x")
    assert went_on(server, client).code == "WRONGTYPE"
    assert server.call("EXISTS", "d") == 0


@pytest.mark.parametrize("command", ["FLUSHALL", "SWAPDB 0 1"])
def test_the_database_becomes_another(halted, command):
    server, client = halted("STORE", "d")
    server.call("SET", "d", "x")
    assert server.call(*command.split(" ")) == OK
    assert went_on(server, client) == 0
    assert server.call("DBSIZE") == 0


def test_many_change(halted):
    """More than are noted one by one."""
    server, client = halted()
    for i in range(5):
        for weight in range(40):
            server.call("SET", "w_%d" % i, weight * i)
    assert numbers(went_on(server, client)) == [0, 1, 2, 3, 4]


def test_a_list_that_never_rests(start_server):
    """Each time that it begins anew, the list is another one once more: it
    ends all the same, with the elements of the last time."""
    server = steered(start_server)
    server.call("RPUSH", "k", 0)
    server.call("MSET", *[word for i in range(9) for word in ("v_%d" % i, i)])
    cold(server, *texts(9, "v_"))
    order(server, "gate get close")
    client = started(server, "SORT", "k", "GET", "v_*")
    for i in range(1, 6):
        wait_waiting(server, "get")
        server.call("RPUSH", "k", i)
        if i < 5:
            order(server, "gate get step 1")
        if i == 4:
            break
    assert numbers(went_on(server, client)) in ([0, 1, 2, 3],
                                                [0, 1, 2, 3, 4])


def test_weights_that_change_places(start_server):
    """By one MSET each, while others are being read: whoever sorts by them and
    asks for them sees each one once, in order."""
    server = start_server(cache_max_memory="16mb")
    count, over = 1500, threading.Event()
    fill(server, count, weight=lambda i: i)

    def exchange():
        client, draw = server.raw(), random.Random(3)
        while not over.is_set():
            names = ["w_%d" % i for i in draw.sample(range(count), 2)]
            one, other = client.call("MGET", *names)
            client.call("MSET", names[0], other, names[1], one)
        client.close()

    writer = threading.Thread(target=exchange)
    writer.start()
    try:
        for _ in range(10):
            flush(server)
            server.call("CACHE", "EVICT", *["w_%d" % i for i in range(count)])
            assert numbers(server.call("SORT", "ids", "BY", "w_*", "GET",
                                       "w_*")) == list(range(count))
    finally:
        over.set()
        writer.join()


def test_who_is_gone_leaves_nothing_behind(halted):
    server, client = halted()
    client.close()
    wait_until(lambda: figures(server)["cache_blocked_clients"] == 0)
    order(server, "gate get open")
    assert server.call("DEBUG", "CHECK") == OK
    assert numbers(server.call("SORT", "ids", "BY", "w_*")) == [4, 3, 2, 1, 0]


def test_it_is_paused_on_the_way(halted):
    server, client = halted("STORE", "d")
    server.call("CLIENT", "PAUSE", 100000, "WRITE")
    server.call("DEBUG", "STORE", "gate", "get", "open")
    other = server.raw()
    assert other.call("EXISTS", "d") == 0
    server.call("CLIENT", "UNPAUSE")
    assert client.recv() == 5
    assert numbers(server.call("LRANGE", "d", 0, -1)) == [4, 3, 2, 1, 0]


def test_what_comes_behind_it_waits(halted):
    server, client = halted("STORE", "d")
    client.send("LLEN", "d")
    assert went_on(server, client) == 5
    assert client.recv() == 5


def test_resp3_tells_nothing_by_null(start_server):
    client = start_server().raw(protocol=3)
    client.call("RPUSH", "k", 1)
    assert client.call("SORT", "k", "GET", "w_*", "GET", "#") == [NULL, b"1"]
    assert client.call("SORT", "none") == []
    assert client.call("SET", "w_1", "") == Simple("OK")
    assert client.call("SORT_RO", "k", "GET", "w_*") == [b""]
