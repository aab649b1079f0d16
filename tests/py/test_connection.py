"""What a client does to its connection, and CLIENT about all connections."""

import re

import pytest

from lib.pair import Pair
from lib.resp import (NULL, NULL_BULK, Closed, Error, Map, RespClient, Simple,
                      Verbatim)
from lib.server import SANITIZE, RedisServer, Server, wait_until

OK = Simple("OK")
NOAUTH = Error("NOAUTH Authentication required.")
WRONGPASS = Error("WRONGPASS invalid username-password pair or user is "
                  "disabled.")
OOM = "OOM"

# Of a line of CLIENT LIST, in order.
FIELDS = ("id addr laddr fd name age idle flags db sub psub ssub multi qbuf "
          "qbuf-free argv-mem multi-mem rbs rbp obl oll omem tot-mem events "
          "cmd user redir resp lib-name lib-ver").split()
FIELDS_SINCE_7_2 = ["lib-name", "lib-ver"]


def address(name):
    return "%s:%d" % name[:2]


def lines_of(reply):
    """The clients in a reply of CLIENT LIST, as dicts."""
    text = reply.decode()
    if isinstance(reply, Verbatim):
        assert text.startswith("txt:")
        text = text[4:]
    assert text == "" or text.endswith("\n")
    return [dict(field.split("=", 1) for field in line.split(" "))
            for line in text.splitlines()]


def clients(connection, *filters):
    return lines_of(connection.call("CLIENT", "LIST", *filters))


def ids(connection, *filters):
    return [int(one["id"]) for one in clients(connection, *filters)]


def info(connection):
    line, = lines_of(connection.call("CLIENT", "INFO"))
    return line


def is_closed(connection):
    return connection.recv_until_closed() == b""


@pytest.fixture(scope="module")
def servers():
    with Server() as ours, RedisServer() as theirs:
        yield ours, theirs


@pytest.fixture(scope="module")
def locked_servers():
    with Server(requirepass="secret") as ours, \
            RedisServer(requirepass="secret") as theirs:
        yield ours, theirs


@pytest.fixture(params=[2, 3])
def protocol(request):
    return request.param


def alone(server, protocol):
    """A connection that is the server's only one."""
    server.hang_up()
    connection = server.raw(protocol=protocol)
    wait_until(lambda: len(clients(connection)) == 1,
               what="the connections of before are gone")
    assert connection.call("FLUSHALL") == OK
    return connection


@pytest.fixture
def pair(servers, protocol):
    """Two connections, and nobody else."""
    both = Pair(*servers, protocol=protocol)
    both.ours, both.theirs = (alone(one, protocol) for one in servers)
    return both


@pytest.fixture
def locked(locked_servers):
    """Both with a password, the connections not logged in."""
    both = Pair(*locked_servers)
    both.ours, both.theirs = (one.raw(login=False) for one in locked_servers)
    return both


@pytest.fixture
def server(servers):
    """diskstore alone, without clients."""
    servers[0].hang_up()
    return servers[0]


# --- PING, ECHO, SELECT -----------------------------------------------------

@pytest.mark.parametrize("commands", [
    ["PING", "ping a", "PING ", "PING a b", "ECHO", "ECHO a", "echo ",
     "ECHO a b"],
    ["SELECT", "SELECT 1", "SELECT 15", "SELECT 0", "SELECT 16", "SELECT -1",
     "SELECT a", "SELECT ", "SELECT 1.0", "SELECT 01", "SELECT +1",
     "SELECT 2147483647", "SELECT 2147483648", "SELECT -2147483649",
     "SELECT 9223372036854775807", "SELECT 9223372036854775808",
     "SELECT 1 2"],
    ["AUTH", "AUTH x", "AUTH ", "AUTH default x", "AUTH default ",
     "AUTH Default x", "AUTH other x", "AUTH default x y", "PING"],
    ["RESET x", "RESET", "PING"],
    ["QUIT x"],
], ids=lambda commands: commands[0])
def test_replies_are_those_of_redis(pair, commands):
    pair.all_same(*commands)


def test_binary_echo(pair):
    pair.same("PING", b"\x00\r\n\xff")
    pair.same("ECHO", b"\x00\r\n\xff" * 1000)


def test_select_chooses_the_database(pair):
    pair.all_same("SET k zero", "SELECT 3", "GET k", "SET k three", "SELECT 0",
                  "GET k", "SELECT 99", "GET k", "SELECT 3", "GET k",
                  "DBSIZE")
    assert info(pair.ours)["db"] == "3"


def test_select_knows_the_number_of_databases(start_server):
    connection = start_server(databases=2).raw()
    assert connection.call("SELECT", 1) == OK
    assert connection.call("SELECT", 2) == Error("ERR DB index is out of "
                                                 "range")


@pytest.mark.parametrize("arguments", [(), ("now",)])
def test_quit_answers_and_closes(pair, arguments):
    for connection in (pair.ours, pair.theirs):
        connection.send("SET", "k", "before")
        connection.send("QUIT", *arguments)
        connection.send("SET", "k", "after")
        assert connection.recv_until_closed() == b"+OK\r\n+OK\r\n"
    assert pair.server.call("GET", "k") == b"before"


# --- HELLO ------------------------------------------------------------------

def test_hello_tells_about_the_server(server):
    connection = server.raw()
    for version, kind in ((2, list), (3, Map), (None, Map), (2, list)):
        reply = connection.call("HELLO", *[version] if version else [])
        assert type(reply) is kind
        pairs = [tuple(one) for one in (
            reply if kind is Map else zip(reply[::2], reply[1::2]))]
        assert pairs == [
            (b"server", b"redis"), (b"version", b"7.2.0"),
            (b"proto", version or 3),
            (b"id", connection.call("CLIENT", "ID")),
            (b"mode", b"standalone"), (b"role", b"master"),
            (b"modules", [])]
        assert connection.call("CLIENT", "GETNAME") is (
            NULL_BULK if kind is list else NULL)


def test_hello_of_redis_has_the_same_fields(pair):
    for arguments in ((), (2,), (3,), (3, "SETNAME", "me"),
                      (2, "auth", "default", "any", "setname", "other"),
                      ("3", "setname", "", "SetName", "last")):
        ours, theirs = (connection.call("HELLO", *arguments)
                        for connection in (pair.ours, pair.theirs))
        assert type(ours) is type(theirs)
        assert len(ours) == len(theirs)
        if type(ours) is list:
            assert ours[::2] == theirs[::2]
            assert ours[1::2][2] == theirs[1::2][2]
        else:
            assert [one[0] for one in ours] == [one[0] for one in theirs]
            assert ours.get("proto") == theirs.get("proto")
        pair.same("CLIENT", "GETNAME")


@pytest.mark.parametrize("arguments", [
    "x", "", "1", "4", "-3", "3.0", "99999999999999999999", "3 x", "3 AUTH",
    "3 AUTH a", "3 AUTH other x", "3 SETNAME",
    "3 AUTH other b SETNAME c", "3 SETNAME a AUTH other b", "x AUTH a b",
    "AUTH a b", "4 AUTH other b", "3 SETNAME \n", "3 SETNAME \x7f",
    "3 SETNAME \u00e9", "3 nonsense"])
def test_hello_that_fails_changes_nothing(pair, arguments):
    """Nor does 7.0 here; where it does is in tests/oracle-differences."""
    for connection in (pair.ours, pair.theirs):
        assert connection.call("CLIENT", "SETNAME", "me") == OK
    pair.same("HELLO", *arguments.split(" "))
    assert info(pair.ours)["resp"] == str(pair.protocol)
    assert info(pair.ours)["name"] == "me"
    pair.same("GET", "nothing") # in the protocol of before


@pytest.mark.parametrize("arguments", [
    "3 SETNAME other nonsense", "3 SETNAME other SETNAME a\tb",
    "3 SETNAME other AUTH nobody x", "3 AUTH default x nonsense",
    "3 AUTH nobody x SETNAME"])
def test_hello_reads_all_arguments_first(server, arguments):
    """7.2 does; see tests/oracle-differences."""
    connection = server.raw()
    assert connection.call("CLIENT", "SETNAME", "me") == OK
    assert isinstance(connection.call("HELLO", *arguments.split(" ")), Error)
    assert info(connection)["name"] == "me"
    assert info(connection)["resp"] == "2"


def test_hello_with_a_syntax_error_does_not_log_in(locked):
    assert locked.ours.call("HELLO", 3, "AUTH", "default", "secret",
                            "nonsense") == Error(
        "ERR Syntax error in HELLO option 'nonsense'")
    assert locked.ours.call("PING") == NOAUTH


# --- AUTH -------------------------------------------------------------------

def test_nothing_works_before_the_password(locked):
    locked.all_same(
        "PING", "GET k", "SET k v", "CLIENT ID", "CLIENT LIST", "COMMAND",
        "SELECT 1", "ECHO a", "nonsense", "GET", "CLIENT nonsense", "CLIENT",
        "HELLO 4", "HELLO 3 AUTH default wrong", "RESET", "PING")
    assert locked.same("PING") == NOAUTH


@pytest.mark.parametrize("arguments", ["", " 2", " 3", " 3 SETNAME a"])
def test_hello_before_the_password(locked, arguments):
    """7.2 names <proto> here; see tests/oracle-differences."""
    hello = ("HELLO" + arguments).split(" ")
    ours, theirs = (connection.call(*hello)
                    for connection in (locked.ours, locked.theirs))
    assert ours.code == "NOAUTH"
    assert ours == Error(bytes(theirs).replace(b"HELLO AUTH",
                                               b"HELLO <proto> AUTH"))
    assert locked.same("PING") == NOAUTH


@pytest.mark.parametrize("password", [
    "", "s", "secre", "secret ", "secretsecret", "Secret", "secret\n", "*"])
def test_wrong_password(locked, password):
    assert locked.same("AUTH", password) == WRONGPASS
    assert locked.same("AUTH", "default", password) == WRONGPASS
    assert locked.same("HELLO", 3, "AUTH", "default", password) == WRONGPASS
    assert locked.same("PING") == NOAUTH


def test_wrong_user(locked):
    for user in ("", "Default", "other", "default "):
        assert locked.same("AUTH", user, "secret") == WRONGPASS
    assert locked.same("PING") == NOAUTH


@pytest.mark.parametrize("login", ["AUTH secret", "AUTH default secret",
                                   "auth default secret"])
def test_right_password(locked, protocol, login):
    locked.all_same(login, "PING", "SET k v", "GET k")
    assert locked.same("PING") == Simple("PONG")
    # One that fails later takes nothing away.
    assert locked.same("AUTH", "wrong") == WRONGPASS
    assert locked.same("PING") == Simple("PONG")
    assert type(locked.ours.call("HELLO", protocol)) is \
        type(locked.theirs.call("HELLO", protocol))
    assert locked.same("RESET") == Simple("RESET")
    assert locked.same("PING") == NOAUTH


def test_hello_logs_in(locked, protocol):
    for connection in (locked.ours, locked.theirs):
        reply = connection.call("HELLO", protocol, "SETNAME", "me", "AUTH",
                                "default", "secret")
        assert type(reply) is (list if protocol == 2 else Map)
    locked.all_same("PING", "GET nothing", "CLIENT GETNAME")


def test_new_password_is_asked_of_new_clients(start_server):
    server = start_server()
    before = server.raw()
    assert before.call("CONFIG", "SET", "requirepass", "secret") == OK
    assert before.call("PING") == Simple("PONG")
    after = server.raw()
    assert after.call("PING") == NOAUTH
    assert after.call("AUTH", "secret") == OK
    assert after.call("PING") == Simple("PONG")


# --- RESET ------------------------------------------------------------------

def test_reset_is_as_if_just_connected(pair):
    for connection in (pair.ours, pair.theirs):
        assert connection.call("CLIENT", "SETNAME", "me") == OK
        assert connection.call("SELECT", 5) == OK
    assert pair.ours.call("CLIENT", "SETINFO", "lib-name", "lib") == OK
    before = info(pair.ours)
    assert pair.same("RESET") == Simple("RESET")
    pair.all_same("CLIENT GETNAME", "GET nothing")
    after = info(pair.ours)
    assert after["id"] == before["id"]
    assert after["db"] == "0"
    assert after["resp"] == "2"
    assert after["name"] == ""
    assert after["lib-name"] == "lib" # names the library, not the session


# --- CLIENT ID, names -------------------------------------------------------

def test_ids_ascend(server):
    connections = [server.raw() for _ in range(5)]
    numbers = [one.call("CLIENT", "ID") for one in connections]
    assert all(isinstance(one, int) for one in numbers)
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0
    connections[4].close()
    assert server.raw().call("CLIENT", "ID") > numbers[4]


@pytest.mark.parametrize("commands", [
    ["CLIENT GETNAME", "CLIENT SETNAME me", "CLIENT GETNAME",
     "client setname ", "CLIENT GETNAME"],
    ["CLIENT SETNAME good", "CLIENT SETNAME a\tb", "CLIENT SETNAME a\n",
     "CLIENT SETNAME \x00", "CLIENT SETNAME \x7f", "CLIENT SETNAME \u00e9",
     "CLIENT GETNAME", "CLIENT SETNAME !~", "CLIENT GETNAME"],
    ["CLIENT", "CLIENT ", "CLIENT nonsense", "CLIENT ID x",
     "CLIENT GETNAME x", "CLIENT SETNAME", "CLIENT SETNAME a b",
     "CLIENT INFO x", "CLIENT HELP x", "CLIENT KILL"],
    ["CLIENT LIST x", "CLIENT LIST ID", "CLIENT LIST ID x",
     "CLIENT LIST ID 1 x", "CLIENT LIST ID ", "CLIENT LIST ID 999 -1 0",
     "CLIENT LIST TYPE", "CLIENT LIST TYPE x", "CLIENT LIST TYPE ",
     "CLIENT LIST TYPE master", "CLIENT LIST TYPE Slave",
     "CLIENT LIST TYPE REPLICA", "CLIENT LIST TYPE pubsub",
     "CLIENT LIST TYPE normal x", "CLIENT LIST TYPE x ID 1",
     "CLIENT LIST ID 99999999999999999999"],
    ["CLIENT KILL x", "CLIENT KILL 1.2.3.4:5", "CLIENT KILL ID",
     "CLIENT KILL ID 0", "CLIENT KILL ID -1", "CLIENT KILL ID x",
     "CLIENT KILL ID 99999999999999999999", "CLIENT KILL ID 999999",
     "CLIENT KILL ID 999 ADDR", "CLIENT KILL ADDR x LADDR y",
     "CLIENT KILL ADDR  LADDR ", "CLIENT KILL TYPE x",
     "CLIENT KILL TYPE master", "CLIENT KILL TYPE slave",
     "CLIENT KILL type Replica", "CLIENT KILL TYPE pubsub",
     "CLIENT KILL USER x", "CLIENT KILL USER Default", "CLIENT KILL SKIPME x",
     "CLIENT KILL SKIPME maybe ID x", "CLIENT KILL x y",
     "CLIENT KILL ID x TYPE y", "CLIENT KILL TYPE y ID x",
     "CLIENT KILL USER default SKIPME YES", "CLIENT KILL USER x SKIPME no",
     "CLIENT KILL TYPE normal TYPE master SKIPME no", "PING"],
], ids=lambda commands: commands[0])
def test_client_replies_are_those_of_redis(pair, commands):
    pair.all_same(*commands)


def test_setinfo(server):
    connection = server.raw()
    assert connection.call("CLIENT", "SETINFO", "LIB-NAME", "a(b_v1)") == OK
    assert connection.call("CLIENT", "SETINFO", "lib-ver", "1.2") == OK
    assert info(connection)["lib-name"] == "a(b_v1)"
    assert info(connection)["lib-ver"] == "1.2"
    assert connection.call("CLIENT", "SETINFO", "LIB-NAME", "a b") == Error(
        "ERR LIB-NAME cannot contain spaces, newlines or special characters.")
    assert connection.call("CLIENT", "SETINFO", "Lib-Ver", "a\n") == Error(
        "ERR Lib-Ver cannot contain spaces, newlines or special characters.")
    assert connection.call("CLIENT", "SETINFO", "lib", "a") == Error(
        "ERR Unrecognized option 'lib'")
    assert connection.call("CLIENT", "SETINFO", "lib-name") == Error(
        "ERR wrong number of arguments for 'client|setinfo' command")
    assert info(connection)["lib-name"] == "a(b_v1)"
    assert connection.call("CLIENT", "SETINFO", "lib-name", "") == OK
    assert info(connection)["lib-name"] == ""
    assert info(connection)["lib-ver"] == "1.2"


def test_long_names_are_given_back(server):
    """What clients call themselves is memory, too."""
    connections = [server.raw() for _ in range(3)]
    for i, connection in enumerate(connections):
        for size in (100_000, 10, 300_000 + i):
            assert connection.call("CLIENT", "SETNAME", "n" * size) == OK
        assert connection.call("CLIENT", "GETNAME") == b"n" * (300_000 + i)
    connections[0].close()
    assert connections[1].call("RESET") == Simple("RESET")
    assert connections[1].call("CLIENT", "GETNAME") is NULL_BULK


def test_help(server):
    connection = server.raw()
    lines = connection.call("CLIENT", "HELP")
    assert all(type(line) is Simple for line in lines)
    assert lines[0] == Simple("CLIENT <subcommand> [<arg> [value] [opt] ...]. "
                              "Subcommands are:")
    assert lines[-2:] == [Simple("HELP"), Simple("    Prints this help.")]
    named = {bytes(line).split()[0].lower().decode()
             for line in lines[1:] if not line.startswith(b" ")}
    known = {name.decode().split("|")[1] for name in connection.call(
        "COMMAND", "LIST", "FILTERBY", "PATTERN", "client|*")}
    assert named == known


# --- CLIENT LIST, CLIENT INFO -----------------------------------------------

def test_fields_are_those_of_redis(pair):
    ours, theirs = (connection.call("CLIENT", "INFO")
                    for connection in (pair.ours, pair.theirs))
    assert type(ours) is type(theirs)
    theirs, = lines_of(theirs)
    ours, = lines_of(ours)
    assert list(ours) == list(theirs) + FIELDS_SINCE_7_2 == FIELDS
    for name in ("flags", "db", "sub", "psub", "ssub", "multi", "argv-mem",
                 "multi-mem", "events", "cmd", "user", "redir", "resp", "name"):
        assert ours[name] == theirs[name], name
    for name in ("age", "idle"): # a second may pass between the two
        assert abs(int(ours[name]) - int(theirs[name])) <= 1, name
    numbers = [name for name in FIELDS
               if re.fullmatch("-?[0-9]+", theirs.get(name, ""))]
    for name in numbers:
        assert re.fullmatch("-?[0-9]+", ours[name]), name


def test_line_tells_who_it_is(pair):
    connection = pair.ours
    connection.call("CLIENT", "SETNAME", "me")
    connection.call("SELECT", 7)
    line = info(connection)
    assert int(line["id"]) == connection.call("CLIENT", "ID")
    assert line["addr"] == address(connection.socket.getsockname())
    assert line["laddr"] == address(connection.socket.getpeername())
    assert int(line["fd"]) > 2
    assert line["name"] == "me"
    assert line["db"] == "7"
    assert line["user"] == "default"
    assert line["resp"] == str(pair.protocol)
    assert line["cmd"] == "client|info"
    assert line["events"] == "r"
    assert int(line["tot-mem"]) > 0


def test_list_has_everyone(pair):
    servers = (pair.server, pair.redis)
    others = [[server.raw() for _ in range(3)] for server in servers]
    mine = (pair.ours, pair.theirs)
    for i, command in enumerate(("PING", "CLIENT ID")):
        for one in others:
            one[i].call(*command.split(" "))
    told = []
    for me, (first, second, third) in zip(mine, others):
        lines = clients(me)
        assert [line["addr"] for line in lines] == [
            address(one.socket.getsockname())
            for one in (me, first, second, third)]
        assert [int(line["id"]) for line in lines] == \
            sorted(int(line["id"]) for line in lines)
        told.append([line["cmd"] for line in lines])
    assert told[0] == told[1] == ["client|list", "ping", "client|id", "NULL"]
    for (first, *_), me in zip(others, mine):
        first.close()
    for me in mine:
        wait_until(lambda: len(clients(me)) == 3, what="client has gone")


def test_list_of_some(pair):
    connection = pair.ours
    third = None
    numbers = [connection.call("CLIENT", "ID")]
    for _ in range(4):
        third = pair.server.raw()
        numbers.append(third.call("CLIENT", "ID"))
    assert ids(connection, "TYPE", "normal") == numbers
    assert ids(connection, "type", "NORMAL") == numbers
    assert ids(connection, "TYPE", "replica") == []
    # As they were asked for, and as often.
    wanted = [numbers[3], numbers[0], numbers[3], numbers[4]]
    assert ids(connection, "ID", *wanted) == wanted
    assert ids(connection, "id", 999, numbers[1], -1, 0) == [numbers[1]]
    for number in numbers:
        assert ids(connection, "ID", number) == [number]


def test_idle_and_age(server):
    connection, other = server.raw(), server.raw()
    other.call("PING")
    number = other.call("CLIENT", "ID")

    def older():
        line, = clients(connection, "ID", number)
        return int(line["idle"]) >= 2 and line
    line = wait_until(older, what="two seconds of silence")
    assert int(line["age"]) >= int(line["idle"])
    assert info(other)["idle"] == "0" # it asks: so it isn't
    line, = clients(connection, "ID", number)
    assert int(line["idle"]) <= 1
    assert int(line["age"]) >= 2


def test_pending_output_is_told(server):
    """Of a client that does not read."""
    connection, slow = server.raw(), server.raw()
    slow.call("SET", "k", b"x" * 1_000_000)
    number = slow.call("CLIENT", "ID")
    for _ in range(20):
        slow.send("GET", "k")

    def pending():
        line, = clients(connection, "ID", number)
        return int(line["omem"]) > 0 and int(line["oll"]) > 0 and line
    line = wait_until(pending, what="pending output")
    assert "w" in line["events"]
    assert int(line["tot-mem"]) >= int(line["omem"])
    for _ in range(20):
        assert len(slow.recv()) == 1_000_000
    line, = clients(connection, "ID", number)
    assert (line["oll"], line["omem"]) == ("0", "0")


def test_unix_socket_is_told(start_server, tmp_path):
    path = str(tmp_path / "s")
    server = start_server(unixsocket=path)
    with RespClient(path=path) as connection:
        line = info(connection)
        assert line["flags"] == "U"
        assert line["addr"] == line["laddr"] == path + ":0"
        other = server.raw()
        number = other.call("CLIENT", "ID")
        assert connection.call("CLIENT", "KILL", "ADDR", path + ":0") == 0
        assert connection.call("CLIENT", "KILL", "ADDR", path + ":0",
                               "SKIPME", "no") == 1
        assert is_closed(connection)
        assert ids(other) == [number]


def test_list_that_is_too_long(start_server):
    """A short request can ask for a long reply: it is refused."""
    server = start_server(cache_max_memory="16mb")
    connection = server.raw()
    number = connection.call("CLIENT", "ID")
    assert ids(connection, "ID", *[number] * 1000) == [number] * 1000
    before = server.rss_anon()
    reply = connection.call("CLIENT", "LIST", "ID", *[number] * 60000)
    assert isinstance(reply, Error) and reply.code == OOM
    assert connection.call("PING") == Simple("PONG")
    if not SANITIZE: # they keep what was freed
        assert server.rss_anon() < before + (8 << 20)


# --- CLIENT KILL ------------------------------------------------------------

def test_kill_by_address(pair):
    for server, killer in ((pair.server, pair.ours), (pair.redis, pair.theirs)):
        victim, bystander = server.raw(), server.raw()
        bystander.call("PING")
        victim.call("PING")
        name = address(victim.socket.getsockname())
        assert killer.call("CLIENT", "KILL", name) == OK
        assert is_closed(victim)
        assert bystander.call("PING") == Simple("PONG")
        assert killer.call("CLIENT", "KILL", name) == Error(
            "ERR No such client")


def test_kill_oneself_gets_the_reply(pair):
    for server in (pair.server, pair.redis):
        for arguments, reply in ((["{addr}"], b"+OK\r\n"),
                                 (["ID", "{id}", "SKIPME", "no"], b":1\r\n"),
                                 (["SKIPME", "no", "ADDR", "{addr}"],
                                  b":1\r\n")):
            me = server.raw()
            facts = {"addr": address(me.socket.getsockname()),
                     "id": me.call("CLIENT", "ID")}
            me.send("PING")
            me.send("CLIENT", "KILL", *[one.format(**facts)
                                        for one in arguments])
            me.send("SET", "k", "after the end")
            assert me.recv_until_closed() == b"+PONG\r\n" + reply
        assert server.call("GET", "k") is NULL_BULK


def test_kill_skips_oneself(pair):
    for server, killer in ((pair.server, pair.ours), (pair.redis, pair.theirs)):
        number = killer.call("CLIENT", "ID")
        assert killer.call("CLIENT", "KILL", "ID", number) == 0
        assert killer.call("CLIENT", "KILL", "ID", number, "SKIPME",
                           "yes") == 0
        victims = [server.raw() for _ in range(3)]
        for one in victims:
            one.call("PING")
        assert killer.call("CLIENT", "KILL", "USER", "default", "TYPE",
                           "normal") == 3
        for one in victims:
            assert is_closed(one)
        assert ids(killer) == [number]


@pytest.mark.parametrize("arguments, killed", [
    (["ID", "{id}"], 1),
    (["ID", "{id}", "ADDR", "{addr}", "LADDR", "{laddr}", "USER", "default",
      "TYPE", "normal"], 1),
    (["addr", "{addr}"], 1),
    (["LADDR", "{laddr}"], 2),
    (["ID", "{id}", "ADDR", "1.2.3.4:5"], 0),
    (["ID", "{id}", "LADDR", "1.2.3.4:5"], 0),
    (["ID", "{id}", "TYPE", "master"], 0),
    (["ID", "1000000", "ADDR", "{addr}"], 0),
    (["ID", "1000000", "ID", "{id}"], 1),
    (["TYPE", "master", "TYPE", "normal"], 2),
    (["TYPE", "normal", "TYPE", "master"], 0),
])
def test_kill_filters(pair, arguments, killed):
    for server, killer in ((pair.server, pair.ours), (pair.redis, pair.theirs)):
        victim, other = server.raw(), server.raw()
        other.call("PING")
        facts = {"id": victim.call("CLIENT", "ID"),
                 "addr": address(victim.socket.getsockname()),
                 "laddr": address(victim.socket.getpeername())}
        assert killer.call("CLIENT", "KILL", *[
            one.format(**facts) for one in arguments]) == killed
        if killed:
            assert is_closed(victim)
        else:
            assert victim.call("PING") == Simple("PONG")
        if killed == 2:
            assert is_closed(other)
        else:
            assert other.call("PING") == Simple("PONG")


def test_kill_a_parked_client(start_server):
    """Its load is under way; what it waits for comes to nobody."""
    server = start_server(debug_store=True, enable_debug_command="yes")
    killer, victim = server.raw(), server.raw()
    assert killer.call("MSET", "k", "v", "k2", "v2") == OK
    assert killer.call("CACHE", "FLUSH") == OK
    assert killer.call("CACHE", "EVICT", "k", "k2") == 2
    assert killer.call("DEBUG", "STORE", "gate", "get", "close") == OK
    number = victim.call("CLIENT", "ID")
    victim.send("MGET", "k", "k2")

    def parked():
        line, = clients(killer, "ID", number)
        return line["flags"] == "b"
    wait_until(parked, what="a parked client")
    assert killer.call("CLIENT", "KILL", "ID", number) == 1
    assert is_closed(victim)
    assert killer.call("DEBUG", "STORE", "gate", "get", "open") == OK
    assert killer.call("MGET", "k", "k2") == [b"v", b"v2"]
    assert killer.call("DEBUG", "CHECK") == OK
    assert len(clients(killer)) == 1


def test_kill_a_client_with_pending_output(server):
    killer, victim = server.raw(), server.raw()
    victim.call("SET", "k", b"x" * 1_000_000)
    number = victim.call("CLIENT", "ID")
    for _ in range(20):
        victim.send("GET", "k")
    wait_until(lambda: int(clients(killer, "ID", number)[0]["omem"]) > 0,
               what="pending output")
    assert killer.call("CLIENT", "KILL", "ID", number) == 1
    with pytest.raises(ConnectionError):
        while True:
            victim.recv()
    assert killer.call("PING") == Simple("PONG")
    assert ids(killer, "ID", number) == []
