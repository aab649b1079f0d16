"""Changes of every kind, and what they leave: for tests that interrupt a flush
and look at what is on disk.

Writes: each command that writes, on a key of its own. CUTS: changes that make
a flush small, staged (larger than what is written at once), or of values in
pages.
"""

import shutil

from lib import cuts_zset
from lib.contents import contents_of
from lib.resp import NULL_BULK, Error, encode
from lib.steer import OK, flush, parse_counts, store_counts

BIG = b"big " * 40000 # twelve chunks
FAR = 4000000000000   # a deadline, unix ms
LIST = [b"a", b"b", b"c", b"b"]
LONG = [b"element %d of a long list" % number for number in range(600)]

# --- commands that write ---------------------------------------------------

class Made:
    """A collection before: the command that makes it, and what contents_of
    shows of it then."""

    def __init__(self, contents, *command):
        self.contents = contents
        self.command = list(command)


def words_of_pairs(pairs):
    return [word for pair in pairs for word in pair]


FEW_FIELDS = [(b"f", b"1"), (b"g", b"text")]
# Several pages.
MANY_FIELDS = sorted((b"field %d" % i, b"value %d " % i + b"." * 100)
                     for i in range(300))
FEW_HASH = Made(FEW_FIELDS, "hset", "{}", *words_of_pairs(FEW_FIELDS))
MANY_HASH = Made(MANY_FIELDS, "hset", "{}", *words_of_pairs(MANY_FIELDS))
# Several pages.
MANY = sorted(b"m%d" % i + b"." * 60 for i in range(300))
FEW_SET = Made([b"1", b"a"], "sadd", "{}", "a", "1")
MANY_SET = Made(MANY, "sadd", "{}", *MANY)
FEW_ZSET = Made([(b"a", 1), (b"b", 2)], "zadd", "{}", "1", "a", "2", "b")
MANY_ZSET = Made([(one, 1) for one in MANY], "zadd", "{}",
                 *words_of_pairs((b"1", one) for one in MANY))

# For each command that writes: the value of the key before, the command, the
# keys to look at. `{}` is a key of its own, `{}2` another one that is absent
# before. None: no value before; a list: a list of these elements.
WRITES = [
    ("append", "abc", ["append", "{}", "def"]),
    ("append", BIG, ["append", "{}", "def"]),
    ("append", None, ["append", "{}", "def"]),
    ("blmove", LIST, ["blmove", "{}", "{}2", "left", "right", "0"]),
    ("blmove", LONG, ["blmove", "{}", "{}2", "right", "left", "0"]),
    ("blmpop", LIST, ["blmpop", "0", "2", "{}2", "{}", "left"]),
    ("blpop", LIST, ["blpop", "{}2", "{}", "0"]),
    ("brpop", LONG, ["brpop", "{}", "0"]),
    ("brpoplpush", LIST, ["brpoplpush", "{}", "{}2", "0"]),
    ("copy", None, ["copy", "append-0", "{}"]),
    ("copy", (BIG, FAR), ["copy", "append-0", "{}", "REPLACE"]),
    ("copy", None, ["copy", "append-1", "{}"]), # a large one
    ("decr", "10", ["decr", "{}"]),
    ("decrby", "10", ["decrby", "{}", "4"]),
    ("del", "v", ["del", "{}", "{}2"]),
    ("del", BIG, ["del", "{}"]),
    ("expire", "v", ["expire", "{}", "100000"]),
    ("expire", "v", ["expire", "{}", "-1"]),
    ("expire", BIG, ["expire", "{}", "100000"]),
    ("expireat", "v", ["expireat", "{}", str(FAR // 1000)]),
    ("getdel", "v", ["getdel", "{}"]),
    ("getdel", BIG, ["getdel", "{}"]),
    ("getex", "v", ["getex", "{}", "PXAT", str(FAR)]),
    ("getex", "v", ["getex", "{}", "EXAT", "1"]),
    ("getset", "v", ["getset", "{}", "w"]),
    ("hdel", FEW_HASH, ["hdel", "{}", "f"]),
    ("hdel", FEW_HASH, ["hdel", "{}", "f", "g"]),
    ("hdel", MANY_HASH, ["hdel", "{}", "field 7"]),
    ("hdel", MANY_HASH, # becomes one page
     ["hdel", "{}"] + [field for field, _ in MANY_FIELDS[2:]]),
    ("hdel", MANY_HASH, ["hdel", "{}"] + [field for field, _ in MANY_FIELDS]),
    ("hincrby", FEW_HASH, ["hincrby", "{}", "f", "5"]),
    ("hincrbyfloat", MANY_HASH, ["hincrbyfloat", "{}", "n", "0.5"]),
    ("hmset", FEW_HASH, ["hmset", "{}", "g", "other"]),
    ("hset", None, ["hset", "{}", "f", "v"]),
    ("hset", FEW_HASH, ["hset", "{}", "f", "v"]),
    ("hset", FEW_HASH, # needs several pages then
     ["hset", "{}"] + words_of_pairs(MANY_FIELDS)),
    ("hset", MANY_HASH, ["hset", "{}", "field 7", "v"]),
    ("hset", None, ["hset", "{}", "f", BIG]),
    ("hsetnx", MANY_HASH, ["hsetnx", "{}", "f", "v"]),
    ("incr", "10", ["incr", "{}"]),
    ("incr", None, ["incr", "{}"]),
    ("incrby", "10", ["incrby", "{}", "5"]),
    ("incrbyfloat", "10.5", ["incrbyfloat", "{}", "0.25"]),
    ("linsert", LIST, ["linsert", "{}", "before", "c", "d"]),
    ("lmove", LIST, ["lmove", "{}", "{}2", "left", "right"]),
    ("lmove", LONG, ["lmove", "{}", "{}2", "right", "left"]),
    ("lmove", LONG, ["lmove", "{}", "{}", "right", "left"]),
    ("lmpop", LIST, ["lmpop", "2", "{}2", "{}", "left"]),
    ("lpop", LIST, ["lpop", "{}"]),
    ("lpop", LONG, ["lpop", "{}", "500"]),
    ("lpop", LIST, ["lpop", "{}", "9"]),
    ("lpush", None, ["lpush", "{}", "a", "b"]),
    ("lpush", (LIST, FAR), ["lpush", "{}", "d"]),
    ("lpush", LONG, ["lpush", "{}", "d"]),
    ("lpush", LIST, ["lpush", "{}"] + LONG),
    ("lpushx", LIST, ["lpushx", "{}", "d"]),
    ("lrem", LIST, ["lrem", "{}", "0", "b"]),
    ("lrem", LONG, ["lrem", "{}", "0", LONG[300]]),
    ("lset", LIST, ["lset", "{}", "1", "d"]),
    ("lset", LONG, ["lset", "{}", "300", BIG]),
    ("ltrim", LIST, ["ltrim", "{}", "1", "2"]),
    ("ltrim", LONG, ["ltrim", "{}", "100", "-100"]),
    ("ltrim", LONG, ["ltrim", "{}", "1", "0"]),
    ("mset", "v", ["mset", "{}", "w", "{}2", "x"]),
    ("mset", LONG, ["mset", "{}", "w", "{}2", "x"]),
    ("move", "v", ["move", "{}", "9"]),
    ("move", BIG, ["move", "{}", "9"]),
    ("msetnx", None, ["msetnx", "{}", "w", "{}2", "x"]),
    ("persist", ("v", FAR), ["persist", "{}"]),
    ("persist", (BIG, FAR), ["persist", "{}"]),
    ("pexpire", "v", ["pexpire", "{}", "100000000"]),
    ("pexpireat", "v", ["pexpireat", "{}", str(FAR)]),
    ("pexpireat", ("v", FAR), ["pexpireat", "{}", str(FAR + 1)]),
    ("psetex", "v", ["psetex", "{}", "100000000", "w"]),
    ("rename", "v", ["rename", "{}", "{}2"]),
    ("rename", (BIG, FAR), ["rename", "{}", "{}2"]),
    ("rename", LONG, ["rename", "{}", "{}2"]),
    ("renamenx", "v", ["renamenx", "{}", "{}2"]),
    ("rpop", LIST, ["rpop", "{}"]),
    ("rpoplpush", LIST, ["rpoplpush", "{}", "{}2"]),
    ("rpush", None, ["rpush", "{}"] + LONG),
    ("rpush", LIST, ["rpush", "{}", "d"]),
    ("rpushx", LONG, ["rpushx", "{}", "d"]),
    ("sadd", None, ["sadd", "{}", "a"]),
    ("sadd", FEW_SET, ["sadd", "{}", "b", "a"]),
    ("sadd", FEW_SET, ["sadd", "{}"] + MANY), # needs several pages then
    ("sadd", MANY_SET, ["sadd", "{}", "b"]),
    ("sadd", (MANY_SET, FAR), ["sadd", "{}", BIG]),
    ("sdiffstore", MANY_SET, ["sdiffstore", "{}2", "{}", "{}2"]),
    ("sdiffstore", (MANY_SET, FAR), ["sdiffstore", "{}", "{}", "{}"]),
    ("set", "v", ["set", "{}", "w"]),
    ("set", "v", ["set", "{}", BIG]),
    ("set", BIG, ["set", "{}", "w"]),
    ("set", BIG, ["set", "{}", BIG + b"!"]),
    ("set", None, ["set", "{}", "w", "NX"]),
    ("set", ("v", FAR), ["set", "{}", "w", "KEEPTTL"]),
    ("set", ("v", FAR), ["set", "{}", "v"]),
    ("set", "v", ["set", "{}", "w", "PXAT", str(FAR)]),
    ("setex", "v", ["setex", "{}", "100000", "w"]),
    ("setnx", None, ["setnx", "{}", "w"]),
    ("setrange", "v", ["setrange", "{}", "5", "w"]),
    ("setrange", BIG, ["setrange", "{}", "70000", "w"]),
    ("sinterstore", FEW_SET, ["sinterstore", "{}2", "{}", "{}"]),
    ("sinterstore", BIG, ["sinterstore", "{}", "{}2"]),
    ("smove", FEW_SET, ["smove", "{}", "{}2", "a"]),
    ("smove", MANY_SET, ["smove", "{}", "{}2", MANY[7]]),
    ("sort", LIST, ["sort", "{}", "alpha", "store", "{}2"]),
    ("sort", (LONG, FAR), ["sort", "{}", "by", "x", "desc", "store", "{}"]),
    ("sort", MANY_SET, ["sort", "{}", "alpha", "desc", "store", "{}"]),
    ("sort", BIG, ["sort", "{}2", "store", "{}"]),
    ("spop", FEW_SET, ["spop", "{}"]),
    ("spop", FEW_SET, ["spop", "{}", "2"]),
    ("spop", MANY_SET, ["spop", "{}", "7"]),
    ("spop", MANY_SET, ["spop", "{}", "298"]), # becomes one page
    ("srem", FEW_SET, ["srem", "{}", "a"]),
    ("srem", MANY_SET, ["srem", "{}"] + MANY[2:]),
    ("srem", MANY_SET, ["srem", "{}"] + MANY),
    ("sunionstore", (MANY_SET, FAR), ["sunionstore", "{}", "{}2", "{}"]),
    ("sunionstore", MANY_SET, ["sunionstore", "{}2", "{}"]),
    ("sunionstore", BIG, ["sunionstore", "{}", "{}2"]),
    ("unlink", "v", ["unlink", "{}"]),
    ("zdiffstore", MANY_ZSET, ["zdiffstore", "{}2", "2", "{}", "{}2"]),
    ("zdiffstore", MANY_ZSET, ["zdiffstore", "{}", "2", "{}", "{}"]),
    ("zinterstore", FEW_ZSET, ["zinterstore", "{}2", "1", "{}"]),
    ("zinterstore", FEW_SET, ["zinterstore", "{}", "1", "{}"]),
    ("zunionstore", (MANY_ZSET, FAR),
     ["zunionstore", "{}", "1", "{}", "WEIGHTS", "2"]),
    ("zunionstore", MANY_SET, ["zunionstore", "{}2", "1", "{}"]),
    ("zunionstore", BIG, ["zunionstore", "{}", "1", "{}2"]),
] + cuts_zset.rows(FEW_ZSET, MANY_ZSET)


def words_of(command, key):
    return [word.replace("{}", key) if isinstance(word, str) else word
            for word in command]


class Writes:
    """All of WRITES, each on a key of its own, and FLUSHDB in database 1."""

    def __init__(self, server):
        self.server = server
        self.keys = ["%s-%d" % (name, i)
                     for i, (name, _, _) in enumerate(WRITES)]

    def client(self, database=0):
        client = self.server.raw()
        assert client.call("SELECT", database) == OK
        return client

    def prepare(self):
        client = self.client()
        for key, (_, before, _) in zip(self.keys, WRITES):
            value, deadline = before if isinstance(before, tuple) \
                else (before, None)
            if isinstance(value, Made):
                client.call("DEL", key) # whatever was there before
                reply = client.call(*words_of(value.command, key))
                assert not isinstance(reply, Error), (key, reply)
            elif isinstance(value, list):
                client.call("DEL", key)
                assert client.call("RPUSH", key, *value) == len(value)
            elif value is not None:
                assert client.call("SET", key, value) == OK
            if deadline is not None:
                assert client.call("PEXPIREAT", key, deadline) == 1
        assert self.client(1).call("MSET", "a", 1, "big", BIG) == OK

    def know_absent(self):
        """Memory knows of the keys that are not there that they are not."""
        client = self.client()
        for key in self.keys:
            assert client.call("GET", key + "2") is NULL_BULK
        other = self.client(9) # where MOVE goes
        for key in self.keys:
            assert other.call("GET", key) is NULL_BULK
        assert self.client(1).call("GET", "b") is NULL_BULK

    def run(self, flushall=False):
        if flushall:
            assert self.client().call("FLUSHALL") == OK
            assert self.client().call("SET", self.keys[0], "new") == OK
            return
        client = self.client()
        for key, (_, _, command) in zip(self.keys, WRITES):
            reply = client.call(*words_of(command, key))
            assert not isinstance(reply, Error), (command, reply)
        client = self.client(1)
        assert client.call("FLUSHDB") == OK
        assert client.call("SET", "b", "after") == OK

    def show(self):
        """All that there is: {(database, key): (value, deadline)}, and how
        many keys each database says it has."""
        seen = {}
        for database, keys in ((0, self.keys), (1, ["a", "b", "big"])):
            client = self.client(database)
            for key in keys:
                for name in (key, key + "2"):
                    value = contents_of(client, name)
                    if value is None:
                        value = client.call("GET", name)
                    seen[database, name] = (value,
                                            client.call("PEXPIRETIME", name))
            seen[database] = client.call("DBSIZE")
        return seen


def expected_before(writes):
    """What prepare() made, as show() tells it."""
    expected = {(1, "a"): (b"1", -1), (1, "big"): (BIG, -1),
                (1, "b"): (NULL_BULK, -2)}
    for key, (_, before, _) in zip(writes.keys, WRITES):
        value, deadline = before if isinstance(before, tuple) \
            else (before, -1)
        if value is None:
            expected[0, key] = (NULL_BULK, -2)
        else:
            value = value.contents if isinstance(value, Made) else \
                value.encode() if isinstance(value, str) else value
            expected[0, key] = (value, deadline)
        expected[0, key + "2"] = (NULL_BULK, -2)
    return expected


# --- flushes of every size -------------------------------------------------

def small_cut():
    """Changes of which all go into one batch."""
    return [("MSET", "one", "new", "two", "new"), ("DEL", "gone"),
            ("RENAME", "from", "to"), ("PEXPIREAT", "dated", FAR)]


def staged_cut():
    """Changes that are many times the size of what is written at once."""
    keys = sum((["k%d" % i, b"new %d" % i + b"." * 1500]
                for i in range(200)), [])
    return small_cut() + [tuple(["MSET"] + keys),
                          tuple(["DEL"] + ["old%d" % i for i in range(100)])]


def big_values_cut():
    """Values in pages, which are written before the batch."""
    return small_cut() + [
        ("MSET", "big1", BIG + b"new", "big2", BIG[::-1], "big3", "small now"),
        ("RENAME", "big4", "big5")]


def edited_cut():
    """Values in pages, changed in part: in the batch with the rest, or staged
    with it."""
    return small_cut() + [
        ("SETRANGE", "big1", "5", "new"), ("APPEND", "big3", "new"),
        ("SETRANGE", "big4", "10000", BIG[::-1]), ("RENAME", "big4", "big5")]


def everything_cut():
    return staged_cut()[len(small_cut()):] + big_values_cut()


def flushdb_cut():
    return [("FLUSHDB",), ("MSET", "one", "new", "big1", BIG + b"new")]


PIECES = "128kb" # half of it is written at a time

CUTS = [small_cut, staged_cut, big_values_cut, edited_cut, everything_cut,
        flushdb_cut]


def begin_cut(server):
    """What follows goes to disk in one flush, however much it is: 2 MB."""
    assert server.call("CONFIG", "SET", "cut-max", "0") == OK


def end_cut(server):
    """Flushes, in pieces of 64 KB, and asks what the store was asked for, all
    in one packet. The answers may not come."""
    client = server.raw()
    client.send_raw(encode("CONFIG", "SET", "cut-max", PIECES)
                    + encode("CACHE", "FLUSH") + encode("DEBUG", "STORE"))
    return client


def renew(server):
    """The same server on a new store: nothing is left to be removed in the
    background, whose writes would come between those that a test counts."""
    server.kill9()
    shutil.rmtree(server.ds_path)
    server.start()


def prepare_cut(server):
    begin_cut(server)
    client = server.raw()
    words = ["one", "old", "two", "old", "gone", "old", "from", "old",
             "to", "older", "dated", "old"]
    for name in ("big1", "big3", "big4", "big5"):
        words += [name, BIG + name.encode()]
    for i in range(100):
        words += ["k%d" % i, "old%d" % i, "old%d" % i, "old"]
    assert client.call("MSET", *words) == OK
    assert client.call("PEXPIREAT", "one", FAR) == 1
    flush(server)


def show_cut(server):
    client = server.raw()
    keys = ["one", "two", "gone", "from", "to", "dated", "big1", "big2",
            "big3", "big4", "big5"] + ["k%d" % i for i in range(200)] \
        + ["old%d" % i for i in range(100)]
    return (client.call("MGET", *keys), client.call("DBSIZE"),
            [client.call("PEXPIRETIME", key) for key in keys[:6]])


def run_cut(server, changes):
    client = server.raw()
    for change in changes:
        reply = client.call(*change)
        assert reply == OK or isinstance(reply, int), reply


def writes_of(server, changes):
    """How many times the store is written to, and what a whole run shows.

    What the flush replaced is removed in the background right after it, with
    writes of its own; so the counts are taken in the moment of its end, and
    of several runs, should the background have been quicker in some."""
    counts = []
    for _ in range(4):
        renew(server)
        prepare_cut(server)
        before = show_cut(server)
        run_cut(server, changes)
        after = show_cut(server)
        begun = store_counts(server)["write_begun"]
        client = end_cut(server)
        assert client.recv_many(2) == [OK, OK]
        counts.append(parse_counts(client.recv())["write_begun"] - begun)
    assert before != after
    return min(counts), before, after
