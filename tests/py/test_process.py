"""The process among others: background, pid file, service manager, where its
options come from, and commands under other names."""

import os
import signal
import socket
import subprocess

import pytest

from lib.filed import FileServer
from lib.pair import Pair
from lib.resp import Error, RespClient, Simple
from lib.server import (DISKSTORE_BIN, SLOWNESS, RedisServer, free_port,
                        run_binary, wait_until)
from lib.steer import order

OK = Simple("OK")
TIMEOUT_S = 30 * SLOWNESS


def get(connection, name):
    return connection.call("CONFIG", "GET", name)[1].decode()


# --- in the background -------------------------------------------------------

class Background:
    """diskstore with --daemonize yes in a directory, ended by close()."""

    def __init__(self, directory, *options, environment=None):
        self.directory = str(directory)
        self.port = free_port()
        self.pidfile = os.path.join(self.directory, "pid")
        self.log = os.path.join(self.directory, "log")
        self.run = subprocess.run(
            [DISKSTORE_BIN, "server", "--port", str(self.port), "--bind",
             "127.0.0.1", "--daemonize", "yes", "--logfile", self.log,
             "--pidfile", self.pidfile, *options], cwd=self.directory,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S,
            env=dict(os.environ, **(environment or {})))

    @property
    def pid(self):
        with open(self.pidfile, encoding="ascii") as file:
            return int(file.read())

    def client(self):
        return RespClient(self.port)

    def close(self):
        if os.path.exists(self.pidfile):
            pid = self.pid
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not os.path.exists("/proc/%d" % pid)
                       or self.is_zombie(pid))

    @staticmethod
    def is_zombie(pid):
        """Ours, where no init takes orphans in."""
        try:
            with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True


@pytest.fixture
def background(tmp_path):
    started = []

    def start(*options, **others):
        one = Background(tmp_path, *options, **others)
        started.append(one)
        return one
    yield start
    for one in started:
        one.close()


def test_who_started_it_comes_back_when_it_answers(background):
    server = background()
    assert server.run.returncode == 0, server.run.stderr
    with server.client() as client: # at once, not after a while
        assert client.call("PING") == Simple("PONG")
        info = client.call("INFO", "server").decode()
        assert "process_id:%d\r\n" % server.pid in info


def test_it_is_cut_off_from_the_terminal(background):
    server = background()
    # run() has read both outputs to their end: nobody holds them any more.
    assert server.run.stderr == ""
    assert os.getsid(server.pid) == server.pid
    for fd in (0, 1, 2):
        assert os.readlink("/proc/%d/fd/%d" % (server.pid, fd)) == "/dev/null"
    with open(server.log, encoding="utf-8") as file:
        assert "%d:M " % server.pid in file.read()


def test_the_pid_file_goes_with_the_process(background):
    server = background()
    pid = server.pid
    assert os.path.exists("/proc/%d" % pid)
    server.close()
    wait_until(lambda: not os.path.exists(server.pidfile))


def test_who_started_it_is_told_why_it_does_not_run(background, tmp_path):
    first = background()
    pid = first.pid
    second = background() # on the same store
    assert second.run.returncode == 1
    assert "in use by another process" in second.run.stderr
    assert first.pid == pid # not written over
    with first.client() as client:
        assert client.call("PING") == Simple("PONG")


def test_wrong_options_are_told_before(tmp_path):
    run = run_binary("server", "--daemonize", "yes", "--port", "x",
                     cwd=tmp_path)
    assert run.returncode == 1
    assert "--port 'x'" in run.stderr


def test_a_pid_file_without_the_background(start_server, tmp_path):
    path = str(tmp_path / "pid")
    server = start_server(pidfile=path)
    wait_until(lambda: os.path.exists(path))
    with open(path, encoding="ascii") as file:
        assert file.read() == "%d\n" % server.pid
    server.stop()
    assert not os.path.exists(path)


def test_a_pid_file_that_can_not_be_written_is_only_told(start_server):
    server = start_server(pidfile="/no/such/directory/pid")
    assert server.call("PING") == Simple("PONG")
    wait_until(lambda: "can't write the pid file /no/such/directory/pid: "
               "No such file or directory" in server.log_text)


def test_the_working_directory(start_server, tmp_path):
    (tmp_path / "here").mkdir()
    server = start_server(dir=str(tmp_path / "here"), ds_path="./data")
    assert get(server, "dir") == str(tmp_path / "here")
    assert os.path.exists(str(tmp_path / "here" / "data" / "DISKSTORE"))
    assert os.readlink("/proc/%d/cwd" % server.pid) == str(tmp_path / "here")


# --- systemd -----------------------------------------------------------------

@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """A socket as systemd has it, and the value of NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = str(tmp_path / "notify")
        listener.bind(name if request.param == "path" else "\0" + name)
        listener.settimeout(TIMEOUT_S)
        yield listener, name if request.param == "path" else "@" + name


def told(listener):
    return dict(line.split("=", 1)
                for line in listener.recv(4096).decode().splitlines())


@pytest.mark.parametrize("supervised", ["systemd", "auto"])
def test_the_manager_is_told_begin_and_end(start_server, manager, supervised):
    listener, name = manager
    server = start_server(supervised=supervised,
                          environment={"NOTIFY_SOCKET": name})
    message = told(listener)
    assert message["READY"] == "1" and message["STATUS"]
    server.signal(signal.SIGTERM)
    message = told(listener)
    assert message["STOPPING"] == "1" and message["STATUS"]
    assert server.wait_exit() == 0
    listener.setblocking(False)
    with pytest.raises(BlockingIOError): # the end is told once
        listener.recv(4096)


def test_shutdown_is_told_too(start_server, manager):
    listener, name = manager
    server = start_server(supervised="systemd",
                          environment={"NOTIFY_SOCKET": name})
    assert told(listener)["READY"] == "1"
    server.raw().send("SHUTDOWN")
    assert told(listener)["STOPPING"] == "1"
    assert server.wait_exit() == 0


def test_a_server_that_stays_says_so(start_server, manager):
    """It was to stop, but the flush failed: memory has the only copy."""
    listener, name = manager
    server = start_server(supervised="systemd", debug_store="yes",
                          enable_debug_command="yes", cache_flush_delay="1h",
                          environment={"NOTIFY_SOCKET": name})
    assert told(listener)["READY"] == "1"
    server.call("SET", "k", "v")
    order(server, "fail write 1 io")
    server.signal(signal.SIGTERM)
    assert told(listener)["STOPPING"] == "1"
    assert "serving" in told(listener)["STATUS"]
    wait_until(lambda: "serving on" in server.log_text)
    server.signal(signal.SIGTERM)
    assert told(listener)["STOPPING"] == "1"
    assert server.wait_exit() == 0


def test_nobody_is_told_without_supervised(start_server, manager):
    listener, name = manager
    server = start_server(environment={"NOTIFY_SOCKET": name})
    assert server.call("PING") == Simple("PONG")
    server.stop()
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.recv(4096)


@pytest.mark.parametrize("name, why", [
    (None, "it is not set"), ("relative", "it is not set"),
    ("/no/such/socket", "No such file or directory"),
    ("/" + "x" * 200, "File name too long")])
def test_a_manager_that_can_not_be_told(start_server, name, why):
    environment = {"NOTIFY_SOCKET": name} if name else {}
    server = start_server(supervised="systemd", environment=environment)
    assert server.call("PING") == Simple("PONG")
    wait_until(lambda: "NOTIFY_SOCKET can't be told: " + why
               in server.log_text)


def test_auto_without_a_manager_is_no(start_server):
    server = start_server(supervised="auto")
    assert server.call("PING") == Simple("PONG")
    assert "NOTIFY_SOCKET" not in server.log_text


def test_who_is_supervised_stays_in_the_foreground(start_server, manager):
    listener, name = manager
    server = start_server(supervised="systemd", daemonize="yes",
                          environment={"NOTIFY_SOCKET": name})
    assert told(listener)["READY"] == "1"
    info = server.info("server")
    assert info["process_id"] == server.pid


# --- where options come from -------------------------------------------------

def test_command_line_over_environment_over_file():
    environment = {"DISKSTORE_TIMEOUT": "2", "DISKSTORE_HZ": "22",
                   "DISKSTORE_CACHE_MAX_MEMORY": "48mb"}
    with FileServer("timeout 1\nhz 21\nmaxclients 31\n", timeout="3",
                    environment=environment) as server:
        assert get(server, "timeout") == "3"
        assert get(server, "hz") == "22"
        assert get(server, "maxclients") == "31"
        assert get(server, "cache-max-memory") == str(48 * 1024 * 1024)


def test_a_variable_that_is_no_option_is_told(start_server):
    server = start_server(environment={"DISKSTORE_NOSUCH": "1"})
    assert "DISKSTORE_NOSUCH" in server.log_text


def test_a_wrong_variable_ends_the_start(tmp_path):
    run = run_binary("server", cwd=tmp_path, env=dict(
        os.environ, DISKSTORE_PORT="many"))
    assert run.returncode == 1
    assert "DISKSTORE_PORT" in run.stderr and "'many'" in run.stderr


@pytest.mark.parametrize("first", [True, False])
def test_options_from_the_standard_input(tmp_path, first):
    port = free_port()
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--timeout", "3"]
    arguments = ["-"] + arguments if first else arguments + ["-"]
    with subprocess.Popen(
            [DISKSTORE_BIN, "server"] + arguments, cwd=tmp_path,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(b"timeout 2\nhz 22\n")
        process.stdin.close()

        def answers():
            try:
                with RespClient(port) as client:
                    return client.call("PING") == Simple("PONG")
            except OSError:
                return False
        wait_until(answers)
        with RespClient(port) as client:
            assert get(client, "timeout") == "3"
            assert get(client, "hz") == "22"
            assert client.call("CONFIG", "REWRITE") == Error(
                "ERR The server is running without a config file")
            client.send("SHUTDOWN")
        assert process.wait(TIMEOUT_S) == 0


def test_included_files(tmp_path):
    for number in (1, 2):
        (tmp_path / ("part%d.conf" % number)).write_text(
            "timeout %d\nhz 2%d\n" % (number, number))
    with FileServer("hz 20\ninclude %s/part*.conf\ninclude %s/none*.conf\n"
                    "maxclients 30\n" % (tmp_path, tmp_path)) as server:
        assert get(server, "timeout") == "2"
        assert get(server, "hz") == "22"
        assert get(server, "maxclients") == "30"


# --- rename-command ----------------------------------------------------------

RENAMED = """rename-command GET Fetch
rename-command ttl ""
rename-command CLIENT cl
rename-command fetch Look
"""


@pytest.fixture(scope="module")
def renamed():
    class RedisFileServer(RedisServer):
        def command(self):
            command = super().command()
            path = os.path.join(self.directory, "redis.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(RENAMED)
            return command[:1] + [path] + command[1:]

    with FileServer(RENAMED) as ours, RedisFileServer() as theirs:
        yield Pair(ours, theirs)


@pytest.mark.parametrize("command", [
    "LOOK k", "look", "look k x", "GET k", "Fetch k", "TTL k", "cl id x",
    "cl", "cl nosuch", "CLIENT id", "cl getname", "cl kill", "SET k v",
    "LOOK k", "COMMAND INFO get", "COMMAND INFO look", "COMMAND INFO ttl",
    "COMMAND INFO cl|getname", "COMMAND INFO client|getname",
    "COMMAND GETKEYS look k", "COMMAND GETKEYS get k",
    "COMMAND GETKEYSANDFLAGS look k",
    "COMMAND LIST FILTERBY PATTERN get", "COMMAND LIST FILTERBY PATTERN look",
    "COMMAND LIST FILTERBY PATTERN ttl"])
def test_renamed_commands_answer_as_in_redis(renamed, command):
    renamed.same(*command.split(" "))


def test_a_command_that_is_gone_is_told_nowhere(renamed):
    ours = renamed.ours
    listed = ours.call("COMMAND", "LIST")
    assert b"ttl" not in listed and b"get" in listed
    assert ours.call("COMMAND", "COUNT") == len(
        [name for name in listed if b"|" not in name])
    assert len(ours.call("COMMAND")) == ours.call("COMMAND", "COUNT")
    assert b"ttl" not in ours.call("COMMAND", "DOCS")[::2]
    assert ours.call("COMMAND", "DOCS", "ttl") == []
    assert ours.call("COMMAND", "DOCS", "look")[0] == b"get"


@pytest.mark.parametrize("line, why", [
    ("rename-command nosuch x", "there is no command 'nosuch'"),
    ("rename-command get set", "there is a command 'set' already"),
    ("rename-command get", "two words are expected")])
def test_a_wrong_name_ends_the_start(tmp_path, line, why):
    (tmp_path / "x.conf").write_text("timeout 1\n%s\n" % line)
    run = run_binary("server", "x.conf", cwd=tmp_path)
    assert run.returncode == 1
    assert "x.conf:2: " in run.stderr and why in run.stderr


def test_the_system_log_does_no_harm(start_server):
    """Whether there is one or not: it is told beside the log."""
    server = start_server(syslog_enabled="yes", syslog_ident="one",
                          syslog_facility="local3")
    assert server.call("PING") == Simple("PONG")
    assert "ready" in server.log_text
