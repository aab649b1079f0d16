"""COPY, MOVE and SWAPDB, LCS, OBJECT, MEMORY, DEBUG, and what a server with one
user and no replicas says: where test_differential.py can't look, or not close
enough."""

import random
import re

import pytest

from lib.pair import pair, pair_of_module, warm_pair
from lib.resp import NULL_BULK, Error, Simple, Verbatim
from lib.server import wait_until
from lib.steer import steered

OK = Simple("OK")
OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")
FAR_MS = 4_102_444_800_000


@pytest.fixture
def server(start_server):
    return steered(start_server)


def value_of(size):
    return random.Random(size).randbytes(size)


def to_disk(client, *keys):
    assert client.call("CACHE", "FLUSH") == OK
    client.call("CACHE", "EVICT", *keys)


# --- COPY and MOVE ---------------------------------------------------------

SIZES = [0, 16_000, 16_400, 100_000, 1_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_copies_live_apart(pair, size):
    pair.same("SET", "k", value_of(size), "PXAT", FAR_MS)
    assert pair.same("COPY", "k", "k2") == 1
    pair.same("APPEND", "k", "more")
    pair.same("PERSIST", "k2")
    pair.all_same("GET k", "GET k2", "PEXPIRETIME k", "PEXPIRETIME k2")
    assert pair.same("COPY", "k", "k2") == 0
    assert pair.same("COPY", "k", "k2", "REPLACE") == 1
    pair.same("DEL", "k")
    pair.all_same("GET k2", "PEXPIRETIME k2", "DBSIZE")
    pair.same("DEL", "k2")
    pair.same("DBSIZE")


@pytest.mark.parametrize("size", SIZES)
def test_copies_in_other_databases(pair, size):
    pair.same("SET", "k", value_of(size), "PXAT", FAR_MS)
    assert pair.same("COPY", "k", "k", "DB", "3") == 1
    assert pair.same("COPY", "k", "k", "DB", "3") == 0
    pair.same("SET", "k", "other")
    assert pair.same("COPY", "k", "k2", "REPLACE", "DB", "3") == 1
    pair.same("DBSIZE")
    pair.same("SELECT", "3")
    pair.all_same("GET k", "GET k2", "PEXPIRETIME k", "PEXPIRETIME k2",
                  "DBSIZE")
    assert pair.same("COPY", "k", "k", "DB", "0") == 0
    assert pair.same("COPY", "k", "k", "DB", "0", "REPLACE") == 1
    pair.all_same("SELECT 0", "GET k", "PEXPIRETIME k", "DBSIZE")


@pytest.mark.parametrize("size", SIZES)
def test_moves(pair, size):
    pair.same("SET", "k", value_of(size), "PXAT", FAR_MS)
    assert pair.same("MOVE", "k", "5") == 1
    pair.all_same("EXISTS k", "DBSIZE", "MOVE k 5", "SET k new")
    assert pair.same("MOVE", "k", "5") == 0
    pair.all_same("GET k", "SELECT 5", "GET k", "PEXPIRETIME k", "DBSIZE",
                  "MOVE k 5", "MOVE k 0", "SELECT 0", "DEL k", "SELECT 5",
                  "MOVE k 0", "GET k", "SELECT 0", "GET k", "PEXPIRETIME k")


@pytest.mark.parametrize("command", [
    "COPY k", "COPY k k2 x", "COPY k k2 DB", "COPY k k2 DB x",
    "COPY k k2 DB 16", "COPY k k2 DB -1", "COPY k k2 DB 99999999999",
    "COPY k k", "COPY k k REPLACE", "COPY k k DB 0", "COPY k k DB 1 DB 0",
    "COPY k db x", "COPY k db db x", "COPY k k2 DB 1 REPLACE x",
    "COPY none none", "COPY none k", "COPY k k2 replace replace DB 1 db 2",
    "MOVE k", "MOVE k 0", "MOVE k 16", "MOVE k -1", "MOVE k x", "MOVE none 1",
    "MOVE k 99999999999", "MOVE k 1 1", "SWAPDB 0", "SWAPDB 0 x", "SWAPDB x 0",
    "SWAPDB 0 16", "SWAPDB -1 0", "SWAPDB 0 99999999999", "SWAPDB 0 0 0"])
def test_arguments(pair, command):
    pair.same("SET", "k", "v")
    pair.same(*command.split(" "))
    pair.all_same("GET k", "GET k2", "DBSIZE")


def test_the_key_of_the_other_database_is_loaded_too(start_server):
    """Both keys are on disk only, in a cold pipeline, in every database."""
    client = start_server(cache_max_memory="16mb").raw()
    client.pipeline([("SET", "a%d" % i, value_of(1000 + i))
                     for i in range(200)])
    client.pipeline([("COPY", "a%d" % i, "a%d" % i, "DB", i % 16)
                     for i in range(0, 200, 2)])
    for database in range(16):
        client.call("SELECT", database)
        to_disk(client, *["a%d" % i for i in range(200)])
    client.call("SELECT", 0)
    moved = client.pipeline([("MOVE", "a%d" % i, i % 16)
                             for i in range(200) if i % 16])
    assert moved == [i % 2 for i in range(200) if i % 16]
    for i in range(200):
        client.call("SELECT", i % 16)
        assert client.call("GET", "a%d" % i) == value_of(1000 + i)


def test_a_copy_that_does_not_fit_is_refused(start_server):
    client = start_server(cache_max_memory="16mb",
                          enable_debug_command="yes").raw()
    size = 2 * 1024 * 1024 - 2000
    assert client.call("SET", "k", value_of(size)) == OK
    assert client.call("COPY", "k", "c" * 5000) == OOM
    assert client.call("COPY", "k", "c") == 1
    assert client.call("GET", "c") == value_of(size)
    # More of them than memory holds: each goes to disk.
    assert client.pipeline([("COPY", "k", "c%d" % i) for i in range(10)]) == \
        [1] * 10
    for i in range(10):
        assert client.call("STRLEN", "c%d" % i) == size
    assert client.call("DEBUG", "CHECK") == OK


def test_copies_and_moves_outlive_a_kill(start_server):
    server = start_server(cache_flush_delay="1h")
    client = server.raw()
    client.call("MSET", "small", "1", "large", value_of(100_000))
    client.call("PEXPIREAT", "large", FAR_MS)
    for key in ("small", "large"):
        client.call("COPY", key, "copy:" + key)
        client.call("COPY", key, key, "DB", "2")
    client.call("MOVE", "large", "7")
    client.call("CACHE", "FLUSH")
    client.call("DEL", "copy:small") # not on disk
    server.kill9()
    server.start()
    client = server.raw()
    assert client.call("DBSIZE") == 3
    assert client.call("MGET", "small", "large", "copy:small") == \
        [b"1", NULL_BULK, b"1"]
    for database, key in ((0, "copy:large"), (2, "large"), (7, "large")):
        client.call("SELECT", database)
        assert client.call("GET", key) == value_of(100_000)
        assert client.call("PEXPIRETIME", key) == FAR_MS


# --- SWAPDB ----------------------------------------------------------------

def test_swapdb(pair):
    pair.same("MSET", "k", "1", "k2", "1", "", "1")
    pair.all_same("SELECT 1", "SET k other PXAT %d" % FAR_MS, "SWAPDB 0 1",
                  "GET k", "GET k2", "PEXPIRETIME k", "DBSIZE", "SELECT 0",
                  "GET k", "PEXPIRETIME k", "DBSIZE", "SET k3 new",
                  "SWAPDB 0 0", "SWAPDB 1 0", "GET k", "EXISTS k3", "SELECT 1",
                  "GET k3", "DBSIZE", "FLUSHDB", "SWAPDB 0 1", "DBSIZE",
                  "GET k", "SELECT 0", "DBSIZE")


def test_a_swap_is_seen_by_all_clients_and_in_info(server):
    one, two = server.raw(), server.raw()
    one.call("SET", "k", "v")
    two.call("SELECT", "9")
    assert one.call("SWAPDB", "9", "0") == OK
    assert (one.call("GET", "k"), two.call("GET", "k")) == (NULL_BULK, b"v")
    one.call("CACHE", "FLUSH")
    keyspace = server.info("keyspace")
    assert list(keyspace) == ["db9"] and "keys=1," in keyspace["db9"]


def test_a_swap_is_in_the_next_cut_or_not_at_all(start_server):
    """Killed at once it never was; after the flush it is there."""
    server = start_server(cache_flush_delay="1h")
    client = server.raw()
    client.call("SET", "k", "v")
    client.call("CACHE", "FLUSH")
    for flush in (False, True):
        assert client.call("SWAPDB", "0", "1") == OK
        if flush:
            assert client.call("CACHE", "FLUSH") == OK
        server.kill9()
        server.start()
        client = server.raw()
        assert client.call("DBSIZE") == (0 if flush else 1)
    client.call("SELECT", "1")
    assert client.call("GET", "k") == b"v"


def test_a_swap_is_written_after_the_flush_delay(start_server):
    server = start_server(cache_flush_delay="20ms")
    client = server.raw()
    client.call("SET", "k", "v")
    client.call("CACHE", "FLUSH")
    flushes = server.info("cache")["cache_flushes"]
    client.call("SWAPDB", "0", "1")
    wait_until(lambda: server.info("cache")["cache_flushes"] > flushes)
    server.kill9()
    server.start()
    client = server.raw()
    client.call("SELECT", "1")
    assert client.call("GET", "k") == b"v"


def test_a_swap_of_dirty_databases_under_way(start_server):
    """Again and again while flushes are in flight; then a kill: both hold what
    one instant says, and together all keys."""
    server = start_server(cache_flush_delay=0)
    client = server.raw()
    for turn in range(40):
        assert client.pipeline(
            [("MSET", "a%d" % turn, turn, "b", turn), ("SWAPDB", "0", "1"),
             ("SELECT", turn % 2)])[1] == OK
    client.call("CACHE", "FLUSH")
    seen = []
    for restarted in (False, True):
        if restarted:
            server.kill9()
            server.start()
            client = server.raw()
        found = []
        for database in ("0", "1"):
            client.call("SELECT", database)
            keys = ["a%d" % turn for turn in range(40)] + ["b"]
            found.append(client.call("MGET", *keys) + [client.call("DBSIZE")])
        assert found[0][-1] + found[1][-1] == 42
        seen.append(found)
    assert seen[0] == seen[1]


# --- LCS -------------------------------------------------------------------

OPTIONS = [[], ["LEN"], ["IDX"], ["IDX", "MINMATCHLEN", "3"],
           ["IDX", "WITHMATCHLEN"], ["IDX", "WITHMATCHLEN", "MINMATCHLEN", "2"],
           ["WITHMATCHLEN"], ["LEN", "MINMATCHLEN", "9"]]


def changed(generator, text):
    """The same with pieces taken out, doubled or made up."""
    pieces = [text[i:i + 20] for i in range(0, len(text), 20)]
    for _ in range(len(pieces) // 4 + 1):
        at = generator.randrange(len(pieces) + 1)
        pieces[at:at + generator.randrange(2)] = [
            generator.choice([b"", generator.randbytes(5), text[:7]])]
    return b"".join(pieces)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 500, 1023, 1025])
def test_lcs(warm_pair, length):
    generator = random.Random(length)
    both = warm_pair()
    for letters in (b"ab", b"acgt", bytes(range(256))):
        text = bytes(generator.choices(letters, k=length))
        other = bytes(generator.choices(letters, k=generator.randrange(1500)))
        for second in (other, changed(generator, text), text, b""):
            both.same("MSET", "k", text, "k2", second)
            for options in OPTIONS:
                both.same("LCS", "k", "k2", *options)
                both.same("LCS", "k2", "k", *options)


@pytest.mark.parametrize("command", [
    "LCS k", "LCS k k", "LCS none k", "LCS k none IDX", "LCS none none",
    "LCS k k2 LEN IDX", "LCS k k2 x", "LCS k k2 MINMATCHLEN",
    "LCS k k2 MINMATCHLEN x", "LCS k k2 IDX MINMATCHLEN -5",
    "LCS k k2 idx minmatchlen 9223372036854775807", "LCS k k2 len len"])
def test_lcs_arguments(pair, command):
    pair.same("MSET", "k", "ohmytext", "k2", "mynewtext")
    pair.same(*command.split(" "))


@pytest.mark.parametrize("first, second", [
    (4_000, 4_000), (100_000, 200), (200, 100_000), (11_584, 11_584),
    (11_585, 11_585), (1_000_000, 1_000_000)])
def test_large_lcs(warm_pair, first, second):
    """Redis's table may have 512 MB; beyond, both refuse."""
    both = warm_pair(ours={"cache_max_memory": "16mb"})
    generator = random.Random(first)
    both.same("MSET", "k", bytes(generator.choices(b"abcd", k=first)),
              "k2", bytes(generator.choices(b"abcd", k=second)))
    for options in ([], ["LEN"], ["IDX", "MINMATCHLEN", "8"]):
        both.same("LCS", "k", "k2", *options)


def test_lcs_obeys_proto_max_bulk_len(warm_pair):
    both = warm_pair(proto_max_bulk_len="1mb")
    both.same("MSET", "k", "x" * 511, "k2", "x" * 511)
    assert both.same("LCS", "k", "k2", "LEN") == 511
    both.same("APPEND", "k", "x")
    assert isinstance(both.same("LCS", "k", "k2", "LEN"), Error)


# --- OBJECT ----------------------------------------------------------------

def test_encodings_of_what_was_set(pair):
    for value in ["0", "9999", "10000", "-1", "12345678901234567890",
                  "9223372036854775807", "9223372036854775808", "007", " 1",
                  "", "x" * 44, "x" * 45, value_of(100_000)]:
        pair.same("SET", "k", value)
        pair.all_same("OBJECT ENCODING k", "OBJECT REFCOUNT k")


def test_a_long_key_with_a_small_value_is_an_integer_from_disk_too(server):
    """Key and value together are too long for one record; the value alone
    is not with the header then."""
    key = b"k" * 20_000
    server.call("SET", key, 1)
    server.restart()
    assert server.call("OBJECT", "ENCODING", key) == b"int"
    server.restart()
    assert server.call("OBJECT", "REFCOUNT", key) == 2**31 - 1


def test_encodings_go_by_the_value(server):
    """tests/oracle-differences says where Redis tells something else."""
    client = server.raw()
    client.call("APPEND", "k", "1")
    for more, encoding in (("2", b"int"), ("x", b"embstr"),
                           ("y" * 50, b"raw")):
        client.call("APPEND", "k", more)
        for _ in range(2):
            assert client.call("OBJECT", "ENCODING", "k") == encoding
            to_disk(client, "k")


def test_object_of_no_key(pair):
    pair.same("SET", "k", "v")
    for name in ("ENCODING", "REFCOUNT", "IDLETIME", "FREQ"):
        pair.same("OBJECT", name, "none")
    pair.all_same("OBJECT FREQ k", "OBJECT FREQ", "OBJECT x k", "OBJECT")


def test_idletime_is_since_the_last_use(server):
    client = server.raw()
    client.call("MSET", "k", "v", "k2", "v")
    def idle(key):
        return client.call("OBJECT", "IDLETIME", key)
    wait_until(lambda: client.call("GET", "k2") and idle("k") >= 2)
    assert idle("k2") <= 1
    client.call("GET", "k")
    assert idle("k") <= 1


# --- MEMORY ----------------------------------------------------------------

def test_memory_usage_does_not_depend_on_the_cache(server):
    client = server.raw()
    for size in SIZES:
        client.call("SET", "k", value_of(size))
        bytes_used = client.call("MEMORY", "USAGE", "k")
        assert size + 32 < bytes_used < 1.3 * size + 200
        to_disk(client, "k")
        assert client.call("MEMORY", "USAGE", "k", "SAMPLES", "0") == bytes_used
    assert client.call("MEMORY", "USAGE", "none") is NULL_BULK


@pytest.mark.parametrize("command", [
    "MEMORY USAGE none SAMPLES 5", "MEMORY USAGE k SAMPLES", "MEMORY USAGE",
    "MEMORY USAGE k SAMPLES x", "MEMORY USAGE k SAMPLES -1", "MEMORY x",
    "MEMORY USAGE k x 5", "MEMORY PURGE", "MEMORY STATS x", "MEMORY"])
def test_memory_arguments(pair, command):
    pair.same(*command.split(" "))


def test_memory_stats_are_our_accounts(server):
    client = server.raw(protocol=3)
    client.pipeline([("SET", "k%d" % i, value_of(5000)) for i in range(100)])
    client.call("CACHE", "FLUSH")
    stats = dict(client.call("MEMORY", "STATS"))
    accounts = sum(value for name, value in stats.items()
                   if name.startswith(b"account."))
    assert stats[b"total.allocated"] == accounts
    assert stats[b"keys.count"] == stats[b"keys.in-memory"] == 100
    assert stats[b"dataset.bytes"] >= 500_000
    assert stats[b"keys.bytes-per-key"] >= 5000
    assert 0 < stats[b"dataset.percentage"] <= 100
    assert stats[b"peak.allocated"] >= stats[b"total.allocated"]
    client.call("CACHE", "EVICT", *["k%d" % i for i in range(60)])
    stats = dict(client.call("MEMORY", "STATS"))
    assert (stats[b"keys.count"], stats[b"keys.in-memory"]) == (100, 40)


def test_memory_doctor(server):
    client = server.raw(protocol=3)
    report = client.call("MEMORY", "DOCTOR")
    assert isinstance(report, Verbatim) and b"can't find" in report
    client.call("DEBUG", "STORE", "fail", "write", "1000", "nospace")
    client.call("SET", "k", "v")
    client.call("SAVE")
    assert b"The store can't be written" in client.call("MEMORY", "DOCTOR")
    client.call("DEBUG", "STORE", "reset")


# --- DEBUG -----------------------------------------------------------------

def test_debug_reload_drops_what_memory_holds(server):
    client = server.raw()
    client.pipeline([("SET", "k%d" % i, value_of(i * 30)) for i in range(1500)])
    client.call("SET", "k", "v", "PX", "100000")
    assert client.call("DEBUG", "RELOAD") == OK
    states = client.call("CACHE", "STATE", "k", *["k%d" % i
                                                  for i in range(1500)])
    assert set(states) == {b"disk"}
    for i in range(1500):
        assert client.call("GET", "k%d" % i) == value_of(i * 30)
    client.call("SET", "k", "new")
    for options in (["NOSAVE"], ["MERGE", "NOFLUSH"]):
        assert client.call("DEBUG", "RELOAD", *options) == OK
        assert client.call("GET", "k") == b"new"
    assert client.call("DEBUG", "LOADAOF") == OK
    assert client.call("DEBUG", "CHECK") == OK


def test_debug_object_tells_where_the_key_is(server):
    client = server.raw()
    client.call("SET", "k", "12345")
    client.call("CACHE", "FLUSH")
    line = client.call("DEBUG", "OBJECT", "k")
    assert re.fullmatch(
        rb"Value at:0x0 refcount:1 encoding:int serializedlength:6 lru:\d+ "
        rb"lru_seconds_idle:\d+ state:memory", line)
    assert client.call("DEBUG", "OBJECT", "none") == Error("ERR no such key")


def test_active_expiry_can_be_stopped(server):
    client = server.raw()
    assert client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0") == OK
    client.call("SET", "k", "v", "PX", "1")
    client.call("SET", "other", "v", "PX", "300")
    wait_until(lambda: client.call("GET", "other") is NULL_BULK)
    expired = server.info("stats")["expired_keys"]
    assert client.call("DEBUG", "SET-ACTIVE-EXPIRE", "1") == OK
    wait_until(lambda: server.info("stats")["expired_keys"] > expired)
    assert client.call("DBSIZE") == 0


def test_debug_log(server):
    assert server.call("DEBUG", "LOG", "a word to the log") == OK
    assert "DEBUG LOG: a word to the log" in server.tail()


def test_debug_protocol_push(server):
    assert server.call("DEBUG", "PROTOCOL", "push") == Error(
        "ERR RESP2 is not supported by this command")
    client = server.raw(protocol=3)
    client.send("DEBUG", "PROTOCOL", "push")
    assert client.recv_both()[1] == b">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n"
    assert client.recv() == b"Some real reply following the push reply"


# --- one user, no replicas -------------------------------------------------

def test_the_default_user_has_the_password(start_server):
    server = start_server(requirepass="secret")
    client = server.raw(login=False, protocol=2)
    assert client.call("ACL", "WHOAMI").code == "NOAUTH"
    assert client.call("AUTH", "default", "wrong").code == "WRONGPASS"
    assert client.call("AUTH", "other", "secret").code == "WRONGPASS"
    assert client.call("AUTH", "default", "secret") == OK
    assert client.call("ACL", "WHOAMI") == b"default"
    digest = (b"2bb80d537b1da3e38bd30361aa855686"
              b"bde0eacd7162fef6a25fe97bf527a25b")
    assert client.call("ACL", "LIST") == [
        b"user default on sanitize-payload #" + digest + b" ~* &* +@all"]
    user = client.call("ACL", "GETUSER", "default")
    assert user[2:4] == [b"passwords", [digest]]
    client.call("CONFIG", "SET", "requirepass", "")
    assert client.call("ACL", "LIST") == [
        b"user default on nopass sanitize-payload ~* &* +@all"]


def test_all_commands_are_in_categories(server):
    client = server.raw()
    members = set()
    for category in client.call("ACL", "CAT"):
        members |= set(client.call("ACL", "CAT", category))
    assert members == set(client.call("COMMAND", "LIST"))
    assert b"lcs" in client.call("ACL", "CAT", "String")
    assert b"object|freq" in client.call("ACL", "CAT", "keyspace")


def test_passwords_are_made_up(server):
    client = server.raw()
    made = {client.call("ACL", "GENPASS") for _ in range(20)}
    assert len(made) == 20 and all(len(one) == 64 for one in made)
    assert len(client.call("ACL", "GENPASS", "4096")) == 1024


def test_becoming_a_replica_is_refused(server):
    client = server.raw()
    for name in ("REPLICAOF", "SLAVEOF"):
        assert client.call(name, "no", "one") == OK
        refusal = client.call(name, "localhost", "6379")
        assert isinstance(refusal, Error)
        assert b"replication is not supported" in refusal
    assert client.call("ROLE") == [b"master", 0, []]


def test_wait_answers_at_once(server):
    client = server.raw()
    client.call("SET", "k", "v")
    assert client.call("WAIT", "3", "0") == 0 # Redis would wait for ever
    assert client.call("WAITAOF", "0", "1", "0") == [0, 0]
    assert b"appendonly is disabled" in client.call("WAITAOF", "1", "0", "0")


def test_lolwut_is_another_one_each_time(server):
    client = server.raw(protocol=3)
    pictures = [client.call("LOLWUT") for _ in range(3)]
    assert len(set(pictures)) == 3
    for picture in pictures:
        lines = bytes(picture).decode().rstrip("\n").split("\n")
        assert len(lines) == 26 and max(map(len, lines)) <= 79
        assert "Redis ver. 7.2" in lines[-1]
