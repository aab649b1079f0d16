"""COMMAND: what the server tells about its commands."""

import pytest

from lib import rules
from lib.pair import Pair
from lib.resp import NULL, NULL_BULK, Error, Simple
from lib.server import RedisServer, Server

# Differences between redis-server 7.0 and 7.2; see tests/oracle-differences.
ONLY_7_2 = {name.decode() for name in rules.SINCE_7_2}
# A command of diskstore; Redis has none of that name.
OURS = "cache"

NAME, ARITY, FLAGS, FIRST, LAST, STEP, CATEGORIES, TIPS, SPECS, SUBS = range(10)


@pytest.fixture(params=[2, 3], scope="module")
def protocol(request):
    return request.param


@pytest.fixture(scope="module")
def pair(protocol):
    with Server() as ours, RedisServer() as theirs:
        yield Pair(ours, theirs, protocol=protocol)


def names(reply):
    return [name.decode() for name in reply]


def all_names(connection):
    return names(connection.call("COMMAND", "LIST"))


def is_ours(name):
    return name.split("|")[0] == OURS


def subcommands(description):
    return {one[NAME].decode(): one for one in description[SUBS]}


def as_7_2(description, known):
    """What 7.0 tells, with what 7.2 has changed, and without the subcommands
    that we don't have."""
    description = list(description)
    name = description[NAME]
    description[ARITY] = rules.ARITY_7_2.get(name, description[ARITY])
    for field, changed in ((FLAGS, rules.FLAGS_7_2),
                           (CATEGORIES, rules.CATEGORIES_7_2),
                           (rules.TIPS, rules.TIPS_7_2)):
        if name in changed:
            description[field] = type(description[field])(changed[name])
    if description[SUBS]:
        description[SUBS] = sorted(
            (as_7_2(one, known) for one in description[SUBS]
             if one[NAME].decode() in known), key=lambda one: one[NAME])
    return description


def sorted_subs(description):
    description = list(description)
    if description[SUBS]:
        description[SUBS] = sorted(
            (one for one in description[SUBS]
             if one[NAME].decode() not in ONLY_7_2), key=lambda one: one[NAME])
    return description


# --- COMMAND, COMMAND INFO --------------------------------------------------

def test_info_is_that_of_redis(pair):
    known = all_names(pair.ours)
    compared = 0
    for name in known:
        if is_ours(name) or name in ONLY_7_2:
            continue
        ours, = pair.ours.call("COMMAND", "INFO", name)
        theirs, = pair.theirs.call("COMMAND", "INFO", name)
        assert sorted_subs(ours) == as_7_2(theirs, known), name
        compared += 1
    assert compared > 70


def test_keys_of_channels_are_told_apart(pair):
    """Shard channels stand where keys would; dispatch doesn't take them so."""
    for name in ("spublish", "ssubscribe", "sunsubscribe"):
        ours, = pair.ours.call("COMMAND", "INFO", name)
        if ours is NULL or ours is NULL_BULK or ours == []:
            continue
        theirs, = pair.theirs.call("COMMAND", "INFO", name)
        assert ours == theirs
        pair.same("COMMAND", "GETKEYS", name, "channel", "message")


def test_info_of_what_7_2_added(pair):
    noscript = {Simple("noscript"), Simple("loading"), Simple("stale")}
    reply, = pair.ours.call("COMMAND", "INFO", "client|setinfo")
    assert reply[NAME:ARITY + 1] == [b"client|setinfo", 4]
    assert set(reply[FLAGS]) == noscript
    assert set(reply[CATEGORIES]) == {Simple("@slow"), Simple("@connection")}
    assert list(reply[TIPS]) == [b"request_policy:all_nodes",
                                 b"response_policy:all_succeeded"]


def test_all_ways_tell_the_same(pair):
    everything = pair.ours.call("COMMAND")
    assert pair.ours.call("COMMAND", "INFO") == everything
    assert pair.ours.call("COMMAND", "COUNT") == len(everything)
    top = [one[NAME].decode() for one in everything]
    assert len(set(top)) == len(top)
    assert pair.ours.call("COMMAND", "INFO", *top) == everything
    listed = []
    for one in everything:
        listed += [one[NAME].decode()] + list(subcommands(one))
    assert all_names(pair.ours) == listed
    for one in everything:
        for name, sub in subcommands(one).items():
            assert pair.ours.call("COMMAND", "INFO", name) == [sub]


def test_redis_counts_the_same_way(pair):
    for connection in (pair.ours, pair.theirs):
        assert connection.call("COMMAND", "COUNT") == \
            len(connection.call("COMMAND"))


def test_every_command_with_keys_says_what_it_does_to_them(pair):
    def check(description):
        has_keys = description[FIRST] > 0 or \
            b"movablekeys" in map(bytes, description[FLAGS])
        assert has_keys == bool(description[SPECS]), description[NAME]
        for sub in description[SUBS]:
            check(sub)
    for one in pair.ours.call("COMMAND"):
        check(one)


@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["get|x"], ["GET", "nonsense", "Get"], ["", "|", "|get"],
    ["CLIENT|ID"], ["client|"], ["client|id|x"], ["client|nonsense"],
    ["debug|sleep"], ["config|Help", "get"], ["get\n"], ["command|list"]])
def test_info_by_name(pair, arguments):
    pair.same("COMMAND", "INFO", *arguments)


def test_unknown_is_nil(pair):
    reply = pair.ours.call("COMMAND", "INFO", "get", "nonsense")
    assert reply[0][NAME] == b"get"
    assert reply[1] is (NULL if pair.protocol == 3 else NULL_BULK)


def test_our_own_marks_are_not_shown(pair):
    for one in pair.ours.call("COMMAND"):
        for each in [one] + list(one[SUBS]):
            told = set(map(bytes, each[FLAGS]))
            assert b"" not in told
            assert not told & {b"protected", b"ours"}
    debug, = pair.ours.call("COMMAND", "INFO", "debug")
    assert not debug[SUBS] # Redis has none there
    cache, = pair.ours.call("COMMAND", "INFO", OURS)
    assert "cache|state" in subcommands(cache)


def test_info_that_is_too_long(start_server):
    connection = start_server(cache_max_memory="16mb").raw()
    assert len(connection.call("COMMAND", "INFO", *["get"] * 400)) == 400
    reply = connection.call("COMMAND", "INFO", *["client"] * 100000)
    assert isinstance(reply, Error) and reply.code == "OOM"
    assert connection.call("PING") == Simple("PONG")


@pytest.mark.parametrize("command", [
    "COMMAND nonsense", "COMMAND COUNT x", "COMMAND HELP x",
    "COMMAND LIST x", "COMMAND LIST FILTERBY", "COMMAND LIST FILTERBY MODULE",
    "COMMAND LIST FILTERBY x y", "COMMAND LIST x MODULE y",
    "COMMAND LIST FILTERBY MODULE x y",
    "COMMAND LIST FILTERBY MODULE x FILTERBY MODULE x",
    "COMMAND LIST FILTERBY MODULE x", "command list filterby module x",
    "COMMAND LIST FILTERBY ACLCAT x", "COMMAND LIST FILTERBY ACLCAT ",
    "COMMAND LIST FILTERBY ACLCAT @read",
    "COMMAND LIST FILTERBY PATTERN ", "COMMAND LIST FILTERBY PATTERN [",
    "COMMAND LIST FILTERBY PATTERN x*z", "COMMAND LIST FILTERBY PATTERN GET",
    "COMMAND LIST FILTERBY PATTERN ?et", "COMMAND LIST FILTERBY pattern inC?*"])
def test_replies_are_those_of_redis(pair, command):
    reply = pair.ours.call(*command.split(" "))
    if isinstance(reply, list) and reply:
        theirs = pair.theirs.call(*command.split(" "))
        assert sorted(reply) == sorted(theirs)
    else:
        pair.same(*command.split(" "))


# --- COMMAND LIST -----------------------------------------------------------

CATEGORIES_OF_REDIS = (
    "keyspace read write set sortedset list hash string bitmap hyperloglog geo "
    "stream pubsub admin fast slow blocking dangerous connection transaction "
    "scripting").split()


@pytest.mark.parametrize("category", CATEGORIES_OF_REDIS)
def test_list_by_category(pair, category):
    known = set(all_names(pair.ours)) - ONLY_7_2
    ours, theirs = (set(names(connection.call(
        "COMMAND", "LIST", "FILTERBY", "ACLCAT", category)))
        for connection in (pair.ours, pair.theirs))
    if category == "blocking": # since 7.2
        theirs |= {name.decode() for name in rules.CATEGORIES_7_2}
    assert {name for name in ours - ONLY_7_2 if not is_ours(name)} == \
        theirs & known
    for name in ours:
        told, = pair.ours.call("COMMAND", "INFO", name)
        assert Simple("@" + category) in list(told[CATEGORIES])


def test_redis_has_no_other_category(pair):
    assert sorted(names(pair.theirs.call("ACL", "CAT"))) == \
        sorted(CATEGORIES_OF_REDIS)


@pytest.mark.parametrize("pattern", ["*", "g*", "CLIENT|*", "*|help", "*e[tx]*",
                                     "client|[^a-j]*", "\\get"])
def test_list_by_pattern(pair, pattern):
    known = set(all_names(pair.ours)) - ONLY_7_2
    ours, theirs = (set(names(connection.call(
        "COMMAND", "LIST", "FILTERBY", "PATTERN", pattern)))
        for connection in (pair.ours, pair.theirs))
    assert {name for name in ours - ONLY_7_2 if not is_ours(name)} == \
        theirs & known
    assert ours


# --- COMMAND GETKEYS --------------------------------------------------------

@pytest.mark.parametrize("arguments", [
    "GET k", "get k", "GET k x", "SET k v EX 10", "MGET a b c", "MGET a",
    "MSET a 1 b 2", "MSET a 1 b", "MSETNX a 1 b 2 c 3", "DEL a b a", "DEL a",
    "RENAME a b", "RENAMENX a b", "RENAME a b c", "SETRANGE k 0 v",
    "EXPIRE k 1", "EXPIRE k 1 NX", "PING x", "ECHO x", "CLIENT LIST",
    "CLIENT nonsense",
    "CONFIG GET x", "nonsense x", " x", "TTL k", "EXISTS k k", "INFO all",
    "GETEX k PERSIST", "COMMAND GETKEYS", "COMMAND INFO", "DBSIZE x",
    "FLUSHALL SYNC", "SELECT 1", "CLIENT x y"])
def test_getkeys_is_that_of_redis(pair, arguments):
    pair.same("COMMAND", "GETKEYS", *arguments.split(" "))


def test_getkeys_of_every_command(pair):
    """The least arguments that the arity takes, and a few more."""
    compared = 0
    for name in all_names(pair.ours):
        if is_ours(name) or name in ONLY_7_2:
            continue
        told, = pair.ours.call("COMMAND", "INFO", name)
        least = abs(told[ARITY])
        words = name.split("|")
        for count in range(max(least - 1, 2), least + 3):
            arguments = words + ["a%d" % i for i in range(count - len(words))]
            if name in ("zrank", "zrevrank") and count > 3:
                continue # of 7.2, with WITHSCORE
            pair.same("COMMAND", "GETKEYS", *arguments)
            compared += 1
    assert compared > 200


@pytest.mark.parametrize("arguments", [
    "GET k", "SET k v", "SET k v GET", "set k v nx get", "SET k get",
    "SET k v EX 5", "GETEX k", "GETDEL k", "MSET a 1 b 2", "MGET a b c",
    "RENAME a b", "RENAMENX a b", "DEL a b", "TOUCH a", "SETRANGE k 0 v",
    "nosuch x", "PING x", "SET k", "GET k x", "CLIENT LIST", "TTL k",
    "MSETNX a 1 b 2", "APPEND k v", "COMMAND GETKEYSANDFLAGS GET k"])
def test_getkeysandflags_is_that_of_redis(pair, arguments):
    pair.same("COMMAND", "GETKEYSANDFLAGS", *arguments.split(" "))


def test_getkeysandflags_of_every_command(pair):
    compared = 0
    for name in all_names(pair.ours):
        told, = pair.ours.call("COMMAND", "INFO", name)
        if is_ours(name) or name in ONLY_7_2 or told[FIRST] == 0:
            continue
        words = name.split("|")
        arguments = ["a%d" % i for i in range(abs(told[ARITY]) - len(words))]
        if len(words + arguments) == 1:
            arguments = ["a0"] # with a name only 7.0 sees another arity
        pair.same("COMMAND", "GETKEYSANDFLAGS", *words, *arguments)
        compared += 1
    assert compared > 40


def test_getkeys_with_only_a_name(server):
    """7.0 takes that for a wrong number of arguments of its own."""
    connection = server.raw()
    for name, error in (
            ("nonsense", "ERR Invalid command specified"),
            ("ping", "ERR The command has no key arguments"),
            ("client", "ERR The command has no key arguments"),
            ("get", "ERR Invalid number of arguments specified for command")):
        assert connection.call("COMMAND", "GETKEYS", name) == Error(error)
    assert connection.call("COMMAND", "GETKEYS") == Error(
        "ERR wrong number of arguments for 'command|getkeys' command")


def test_getkeys_of_our_own(server):
    connection = server.raw()
    assert connection.call("COMMAND", "GETKEYS", "CACHE", "STATE", "a",
                           "b") == [b"a", b"b"]


# --- COMMAND DOCS -----------------------------------------------------------

def documentation(connection, *wanted):
    return dict(rules.pairs_of(connection.call("COMMAND", "DOCS", *wanted)))


def test_docs_are_those_of_redis(pair):
    known = all_names(pair.ours)
    ours, theirs = documentation(pair.ours), documentation(pair.theirs)
    compared = 0
    for name, told in ours.items():
        if is_ours(name.decode()) or name in rules.SINCE_7_2:
            continue
        assert rules.same_documentation(name, told, theirs[name], known), name
        compared += 1
    assert compared > 60


def test_docs_by_name(pair):
    for wanted in (["get"], ["GET", "nosuch"], ["client|id", "Config|SET"],
                   ["nosuch"], ["debug|sleep"]):
        ours, theirs = (documentation(one, *wanted)
                        for one in (pair.ours, pair.theirs))
        assert list(ours) == list(theirs)
        known = all_names(pair.ours)
        for name, told in ours.items():
            assert rules.same_documentation(name, told, theirs[name], known)
    everything = documentation(pair.ours)
    for name, told in everything.items():
        assert documentation(pair.ours, name) == {name: told}


def test_docs_of_what_7_2_added(server):
    connection = server.raw(3)
    told = documentation(connection, "client|setinfo")[b"client|setinfo"]
    assert dict(told)[b"since"] == b"7.2.0"
    attribute, = dict(told)[b"arguments"]
    assert [dict(one)[b"token"] for one in dict(attribute)[b"arguments"]] == \
        [b"LIB-NAME", b"LIB-VER"]
    told = dict(documentation(connection, "quit")[b"quit"])
    assert list(told[b"doc_flags"]) == [Simple("deprecated")]
    assert told[b"deprecated_since"] == b"7.2.0"


def test_docs_of_our_own(server):
    connection = server.raw(3)
    told = dict(documentation(connection, "cache")[b"cache"])
    assert {name for name, _ in told[b"subcommands"]} == {
        name.encode() for name in all_names(connection)
        if name.startswith("cache|")}


def test_an_argument_tells_its_name_in_a_syntax(server):
    connection = server.raw(3)
    told = dict(documentation(connection, "client|kill")[b"client|kill"])
    old = dict(dict(told[b"arguments"][0])[b"arguments"][0])
    assert old[b"name"] == b"old-format"
    assert old[b"display_text"] == b"ip:port"


def test_docs_that_are_too_long(start_server):
    connection = start_server(cache_max_memory="16mb").raw()
    assert len(connection.call("COMMAND", "DOCS", *["get"] * 100)) == 200
    reply = connection.call("COMMAND", "DOCS", *["client"] * 10000)
    assert isinstance(reply, Error) and reply.code == "OOM"
    assert connection.call("PING") == Simple("PONG")


def test_help(server):
    connection = server.raw()
    lines = connection.call("COMMAND", "HELP")
    assert all(type(line) is Simple for line in lines)
    assert lines[-2:] == [Simple("HELP"), Simple("    Prints this help.")]
    named = {bytes(line).split()[0].lower().decode()
             for line in lines[1:] if line[:1] not in (b" ", b"(")}
    assert named == {name.split("|")[1] for name in all_names(connection)
                     if name.startswith("command|")}
