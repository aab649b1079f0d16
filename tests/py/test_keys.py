"""The commands about keys, whatever they hold."""

import random

import pytest

from lib.pair import pair, pair_of_module, warm_pair
from lib.resp import Error, Simple

OK = Simple("OK")


def value_of(size):
    return random.Random(size).randbytes(size)


def test_del_unlink_exists_touch(pair):
    for command in ("DEL", "UNLINK"):
        pair.same("MSET", "k", "1", "k2", "2", "k3", "3")
        pair.same("EXISTS", "k", "k2", "k3", "none", "k")
        pair.same("TOUCH", "k", "k2", "none", "k")
        pair.same("DBSIZE")
        assert pair.same(command, "k", "none", "k", "k2") == 2
        assert pair.same(command, "k") == 0
        pair.same("EXISTS", "k", "k2", "k3")
        pair.same("DBSIZE")
        pair.same(command, "k3")
        pair.same("DBSIZE")


@pytest.mark.parametrize("size", [20000, 100000, 1 << 20])
def test_deleted_large_value_stays_away(pair, size):
    pair.same("SET", "k", value_of(size))
    pair.to_disk()
    assert pair.same("DEL", "k") == 1
    pair.all_same("GET k", "DBSIZE")
    pair.to_disk()
    pair.all_same("GET k", "EXISTS k", "STRLEN k", "DBSIZE")


def test_type(pair):
    pair.all_same("TYPE k", "SET k v", "TYPE k", "DEL k", "TYPE k")


@pytest.mark.parametrize("command", [
    "DEL", "UNLINK", "EXISTS", "TOUCH", "TYPE", "TYPE k k", "RENAME k",
    "RENAME k k k", "RENAMENX k", "DBSIZE k", "FLUSHDB ASYNC SYNC",
    "FLUSHDB x", "FLUSHALL x", "FLUSHALL SYNC x", "FLUSHDB "])
def test_wrong_arguments(pair, command):
    pair.same(*command.split(" "))


# --- DBSIZE -----------------------------------------------------------------

def test_dbsize_follows_blind_writes(pair):
    keys = [b"d:%d" % i for i in range(200)]
    pair.uses(*keys)
    pairs = [one for key in keys for one in (key, "v")]
    pair.same("MSET", *pairs)
    assert pair.same("DBSIZE") == 200
    pair.to_disk()
    pair.same("MSET", *pairs[:100]) # blind, and none is new
    assert pair.same("DBSIZE") == 200
    pair.to_disk()
    pair.same("MSET", *pairs, "new", "v")
    pair.same("DEL", *keys[:10])
    assert pair.same("DBSIZE") == 191


def test_dbsize_pipelined_behind_blind_writes(pair):
    keys = [b"p:%d" % i for i in range(300)]
    pair.uses(*keys)
    pair.same("MSET", *[one for key in keys[:150] for one in (key, "v")])
    pair.to_disk()
    commands = []
    for i, key in enumerate(keys):
        commands += [("SET", key, "w")] + [("DBSIZE",)] * (i % 20 == 0)
    assert pair.ours.pipeline(commands) == pair.theirs.pipeline(commands)


def test_databases_are_apart(pair):
    pair.all_same("SET k 0", "SELECT 1", "GET k", "SET k 1", "SET k2 1",
                  "DBSIZE", "SELECT 0", "DBSIZE", "GET k", "SELECT 1",
                  "DEL k", "SELECT 0", "GET k", "SELECT 1", "GET k2")


# --- FLUSHDB, FLUSHALL ------------------------------------------------------

@pytest.mark.parametrize("word", [None, "ASYNC", "sync"])
def test_flushdb_and_flushall(pair, word):
    words = [word] if word else []
    pair.all_same("SET k 0", "SELECT 3", "SET k 3", "SET k2 3")
    pair.same("FLUSHDB", *words)
    pair.all_same("DBSIZE", "GET k", "SELECT 0", "GET k", "DBSIZE")
    pair.to_disk()
    pair.all_same("SELECT 3", "SET k 33", "SELECT 0", "SET k2 0")
    pair.same("FLUSHALL", *words)
    pair.all_same("DBSIZE", "GET k", "GET k2", "SELECT 3", "DBSIZE", "GET k")


def test_flush_again_and_again(pair):
    for i in range(20):
        pair.all_same("SET k %d" % i, "GET k", "DBSIZE")
        if i % 3 == 0:
            pair.to_disk()
        pair.all_same("FLUSHDB", "FLUSHALL", "FLUSHDB", "GET k", "DBSIZE",
                      "SETNX k x", "FLUSHALL", "SET k2 v XX", "EXISTS k k2")


def test_flush_after_deleting_on_disk(pair):
    pair.same("SET", "k", value_of(100000))
    pair.to_disk()
    pair.all_same("SET k v", "FLUSHALL", "GET k", "DBSIZE")
    pair.to_disk()
    pair.all_same("GET k", "DBSIZE", "SET k new", "GET k", "DBSIZE")


@pytest.mark.parametrize("stop", ["restart", "kill9"])
def test_flush_holds_after_a_restart(warm_pair, stop):
    pair = warm_pair()
    for database in (0, 5):
        pair.same("SELECT", database)
        pair.same("SET", "large", value_of(200000))
        pair.same("MSET", *[b"%d" % (i // 2) for i in range(200)])
    pair.to_disk()
    pair.all_same("FLUSHDB", "SET k after")
    if stop == "kill9":
        pair.to_disk()
        pair.server.kill9()
        pair.server.start()
    else:
        pair.server.restart()
    pair.ours = pair.server.raw()
    pair.all_same("SELECT 5", "DBSIZE", "GET large", "GET 7", "GET k",
                  "SELECT 0", "DBSIZE", "GET large", "GET 7", "FLUSHALL",
                  "DBSIZE")
    pair.server.restart()
    pair.ours = pair.server.raw()
    pair.all_same("SELECT 5", "DBSIZE", "GET k", "SELECT 0", "DBSIZE", "GET 7")


# --- RENAME -----------------------------------------------------------------

def test_rename(pair):
    pair.all_same(
        "RENAME k k2", "RENAME k k", "RENAMENX k k", "RENAMENX k k2",
        "SET k v", "RENAME k k", "RENAMENX k k", "GET k", "RENAME k k2",
        "EXISTS k", "GET k2", "SET k w", "RENAMENX k k2", "GET k", "GET k2",
        "RENAMENX k k3", "MGET k k2 k3", "RENAME k3 k2", "MGET k k2 k3",
        "DBSIZE")


def test_rename_moves_the_deadline(pair):
    pair.all_same("SET k v EXAT 33177117420", "SET k2 w", "RENAME k k2",
                  "EXPIRETIME k2", "GET k2", "SET k v", "RENAME k k2",
                  "EXPIRETIME k2", "SET k3 x PXAT 33177117420123",
                  "RENAMENX k3 k", "PEXPIRETIME k", "PEXPIRETIME k3")


@pytest.mark.parametrize("size", [0, 100, 16380, 16384, 65536, 500000])
@pytest.mark.parametrize("command", ["RENAME", "RENAMENX"])
def test_rename_of_any_size(pair, command, size):
    """To a key of another slot, and of another length."""
    value, long_name = value_of(size), b"n" * 300
    pair.uses(long_name)
    pair.same("SET", "k", value)
    pair.to_disk()
    pair.same(command, "k", long_name)
    assert pair.same("GET", long_name) == value
    pair.to_disk()
    assert pair.same("GET", long_name) == value
    pair.same("EXPIRE", long_name, 1000)
    pair.same(command, long_name, "k")
    pair.to_disk()
    pair.same("SET", long_name, "x")
    assert pair.same("GET", "k") == value
    assert 980 <= pair.near("TTL", "k") <= 1000
    pair.same("DBSIZE")


def test_rename_onto_a_large_value(pair):
    pair.same("SET", "k", value_of(100000))
    pair.same("SET", "k2", value_of(200000))
    pair.to_disk()
    pair.all_same("RENAME k k2", "STRLEN k2", "EXISTS k", "DBSIZE")
    pair.to_disk()
    assert pair.same("GET", "k2") == value_of(100000)
    pair.all_same("RENAMENX k2 k", "DBSIZE")
    pair.to_disk()
    assert pair.same("GET", "k") == value_of(100000)


@pytest.mark.parametrize("stop", ["restart", "kill9"])
def test_rename_holds_after_a_restart(warm_pair, stop):
    pair = warm_pair()
    pair.same("SET", "k", value_of(100000), "EX", 5000)
    pair.same("SET", "small", "s")
    pair.to_disk()
    pair.all_same("RENAME k k2", "RENAME small k3")
    if stop == "restart":
        pair.server.restart()
    else:
        pair.to_disk()
        pair.server.kill9()
        pair.server.start()
    pair.ours = pair.server.raw()
    assert pair.same("GET", "k2") == value_of(100000)
    pair.all_same("EXISTS k small", "GET k3", "DBSIZE")
    pair.near("PTTL", "k2")


def test_pipelined_renames_in_a_ring(pair):
    """Each command sees what the one before has done, wherever keys are."""
    names = [b"ring:%d" % i for i in range(8)]
    pair.uses(*names)
    pair.same("SET", names[0], value_of(30000))
    pair.to_disk()
    commands = []
    for i in range(100):
        commands += [("RENAME", names[i % 8], names[(i + 1) % 8]),
                     ("EXISTS", *names),
                     ("STRLEN", names[(i + 1) % 8])]
    replies = pair.ours.pipeline(commands)
    assert replies == pair.theirs.pipeline(commands)
    assert not any(isinstance(one, Error) for one in replies)
    assert replies[0] == OK
