"""Servers for tests: diskstore, and redis-server as the oracle.

    with Server(cache_max_memory="16mb", io_threads=0) as server:
        server.client().set("key", "value")     # redis-py
        server.call("GET", "key")               # our own client, RESP2
        server.kill9()
        server.start()                          # same directory, new process

Each server has a temporary directory of its own: the process runs in it, its
output goes to files in it, and it is removed by close(). Tests use them as
fixtures (start_server, start_redis in conftest.py), which close them at the
end and fail the test if the server died when nobody asked it to, ended with
the wrong status, or left a sanitizer report or a failed assertion.

Ports: nobody can reserve one for a process that will be started, so we choose
at random below the range that the kernel takes for outgoing connections, look
whether it is free, and start again with another one if the server finds it
taken all the same.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import redis

from lib import resp

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
DISKSTORE_BIN = os.path.abspath(
    os.environ.get("DISKSTORE_BIN") or os.path.join(ROOT, "build/diskstore"))
REDIS_BIN = shutil.which("redis-server") or "redis-server"

# What the binary is sanitized with ("address,undefined", "thread" or "");
# times in tests are to be multiplied by SLOWNESS.
SANITIZE = os.environ.get("DISKSTORE_SANITIZE", "")
SLOWNESS = 5 if SANITIZE else 1

# Below 32768, where Linux begins to number outgoing connections.
FIRST_PORT, LAST_PORT = 10240, 32000
PORT_ATTEMPTS = 20
START_TIMEOUT_S = 15
STOP_TIMEOUT_S = 30

# What a server in good health never writes to stderr.
REPORT = re.compile(
    r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer"
    r"|runtime error:|assertion failed|<jemalloc>:|REDIS BUG REPORT"
    r"|double free|malloc\(\)|free\(\)|stack smashing")


class ServerError(AssertionError):
    """A server did what it must not."""


def free_port():
    """A port that nobody listened on just now."""
    while True:
        port = random.SystemRandom().randint(FIRST_PORT, LAST_PORT)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(condition, timeout_s=10, what="condition", pause_s=0.01):
    """Polls until condition() is true, and returns what it gave."""
    deadline = time.monotonic() + timeout_s * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ServerError("%s: not within %g s"
                              % (what, timeout_s * SLOWNESS))
        time.sleep(pause_s)


def status_bytes(pid, field):
    """A size from /proc/PID/status, in bytes; 0 for a process that ended."""
    try:
        with open("/proc/%d/status" % pid, "rb") as file:
            for line in file:
                if line.startswith(field):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


class RssSampler:
    """Samples RssAnon of a process every 10 ms, from enter to exit."""

    def __init__(self, pid, interval_s=0.01):
        self.peak_bytes = 0
        self.samples = 0
        self._pid = pid
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _sample(self):
        self.peak_bytes = max(self.peak_bytes,
                              status_bytes(self._pid, b"RssAnon:"))
        self.samples += 1

    def _run(self):
        while not self._stopping.wait(self._interval_s):
            self._sample()

    def __enter__(self):
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._sample()


class _Process:
    """A RESP server in a temporary directory. See Server and RedisServer."""

    NAME = None # for messages and the name of the directory

    def __init__(self, options, start=True, binary=None, environment=None,
                 port=None):
        self.binary = binary or self.default_binary()
        self.options = dict(options)
        self.environment = dict(environment or {})
        self.directory = tempfile.mkdtemp(prefix=self.NAME + "-")
        self.port = port
        self.problems = []      # found so far, reported by close()
        self._fixed_port = port is not None
        self._process = None
        self._connections = []
        if start:
            try:
                self.start()
            except BaseException:
                shutil.rmtree(self.directory, ignore_errors=True)
                raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else: # the test has failed already: that is what to tell
            self._abandon()

    # What the kinds of servers differ in.

    def default_binary(self):
        raise NotImplementedError

    def command(self):
        """The command line."""
        raise NotImplementedError

    # --- starting ----------------------------------------------------------

    def option_arguments(self):
        """--name value ... of the options; None leaves an option out."""
        arguments = []
        for name, value in self.options.items():
            if value is None:
                continue
            arguments.append("--" + name.replace("_", "-"))
            if isinstance(value, bool):
                value = "yes" if value else "no"
            values = value if isinstance(value, (list, tuple)) else [value]
            arguments += [str(one) for one in values]
        return arguments

    def start(self, **options):
        """Starts the process and waits until it answers. Options given here
        are added to those of before, and stay."""
        if self.running:
            raise ServerError("%s is running already" % self.NAME)
        self.options.update(options)
        for _ in range(PORT_ATTEMPTS):
            if not self._fixed_port:
                self.port = free_port()
            self._spawn()
            if self._wait_ready():
                return self
        raise ServerError("no free port for %s" % self.NAME)

    def _spawn(self):
        self._error_mark = self._size(self.error_path)
        self._log_mark = self._size(self.log_path)
        with open(self.log_path, "ab") as log, \
                open(self.error_path, "ab") as error:
            self._process = subprocess.Popen(
                self.command(), cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=log, stderr=error,
                env=dict(os.environ, **self.environment))

    def _wait_ready(self):
        """True when it answers, False when another port must be tried."""
        deadline = time.monotonic() + START_TIMEOUT_S * SLOWNESS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return self._died_starting()
            if self._answers():
                return True
            time.sleep(0.005)
        self._process.kill()
        self._reap()
        raise ServerError("%s did not answer PING in time\n%s"
                          % (self.NAME, self.tail()))

    def _died_starting(self):
        status = self._reap()
        output = self.log_text[self._log_mark:] + self._new_errors()
        if not self._fixed_port and self._port_taken(output):
            return False
        raise ServerError("%s ended with status %s while starting\n%s"
                          % (self.NAME, status, self.tail()))

    def _port_taken(self, output):
        """Told from "the store is in use" by the port in the line."""
        return any("in use" in line and str(self.port) in line
                   for line in output.splitlines())

    def _answers(self):
        """Whether PING gets a reply: any, a password may be wanted."""
        try:
            with resp.RespClient(self.port, timeout_s=0.5) as client:
                reply = client.call("PING")
        except (OSError, resp.ProtocolError):
            return False
        if isinstance(reply, resp.Error):
            return reply.code != "LOADING"
        # Someone else's server may have got the port: ours would be ending.
        return self._process.poll() is None

    # --- the process -------------------------------------------------------

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    def rss_anon(self):
        """Anonymous resident bytes."""
        return status_bytes(self.pid, b"RssAnon:")

    def sample_rss(self, interval_s=0.01):
        """A context manager: `with server.sample_rss() as rss: ...`, then
        rss.peak_bytes and rss.samples."""
        return RssSampler(self.pid, interval_s)

    def _reap(self):
        """Forgets the process, which has ended, and notes what it left."""
        status = self._process.wait()
        self._process = None
        self.hang_up()
        report = REPORT.search(self._new_errors())
        if report:
            self.problems.append("%s reported %r on stderr:\n%s" % (
                self.NAME, report.group(), self._new_errors()[-8000:]))
        return status

    def wait_exit(self, timeout_s=None):
        """Waits for an end that the test has asked for (SHUTDOWN, a signal of
        its own) and returns the exit status; negative for a signal."""
        try:
            self._process.wait((timeout_s or STOP_TIMEOUT_S) * SLOWNESS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._reap()
            raise ServerError("%s did not end in time\n%s"
                              % (self.NAME, self.tail())) from None
        return self._reap()

    def signal(self, number):
        self._process.send_signal(number)

    def stop(self):
        """SIGTERM, which it must answer with a clean end and status 0."""
        if not self.running:
            self._note_unexpected_exit()
            raise ServerError("%s is not running\n%s"
                              % (self.NAME, "\n".join(self.problems)))
        self.signal(signal.SIGTERM)
        status = self.wait_exit()
        if status != 0:
            raise ServerError("%s ended with status %d after SIGTERM\n%s"
                              % (self.NAME, status, self.tail()))

    def kill9(self):
        """The crash that a test wants. The data stays for start()."""
        if not self.running: # it died before, of itself
            self._note_unexpected_exit()
            return
        self._process.kill()
        status = self._reap()
        if status != -signal.SIGKILL:
            self.problems.append("%s ended with status %d before its kill -9"
                                 % (self.NAME, status))

    def restart(self, **options):
        """stop() and start(): same directory, options added."""
        self.stop()
        return self.start(**options)

    def _note_unexpected_exit(self):
        if self._process is not None and self._process.poll() is not None:
            status = self._reap()
            self.problems.append("%s ended of itself with status %d\n%s"
                                 % (self.NAME, status, self.tail()))

    def finish(self):
        """Stops the server; returns and forgets what was wrong with it."""
        try:
            if self.running:
                self.stop()
            else:
                self._note_unexpected_exit()
        except ServerError as error:
            self.problems.append(str(error))
        problems, self.problems = self.problems, []
        return problems

    def close(self):
        """finish(), remove the directory, and fail if anything was wrong."""
        problems = self.finish()
        shutil.rmtree(self.directory, ignore_errors=True)
        if problems:
            raise ServerError("\n".join(problems))

    def _abandon(self):
        if self.running:
            self._process.kill()
        if self._process is not None:
            self._reap()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- what it wrote -----------------------------------------------------

    @property
    def log_path(self):
        return os.path.join(self.directory, "stdout")

    @property
    def error_path(self):
        return os.path.join(self.directory, "stderr")

    @staticmethod
    def _size(path):
        return os.path.getsize(path) if os.path.exists(path) else 0

    @staticmethod
    def _read(path):
        try:
            with open(path, "rb") as file:
                return file.read().decode("utf-8", "backslashreplace")
        except FileNotFoundError:
            return ""

    @property
    def log_text(self):
        """All of stdout so far, of all its processes."""
        return self._read(self.log_path)

    @property
    def error_text(self):
        """All of stderr so far, of all its processes."""
        return self._read(self.error_path)

    def _new_errors(self):
        return self.error_text[self._error_mark:]

    def tail(self, characters=4000):
        """The end of both outputs, for messages."""
        return "--- stdout\n%s--- stderr\n%s" % (
            self.log_text[-characters:], self.error_text[-characters:])

    # --- talking to it -----------------------------------------------------

    @property
    def password(self):
        return self.options.get("requirepass") or None

    def client(self, **options):
        """A redis-py client; closed with the server."""
        options.setdefault("password", self.password)
        options.setdefault("socket_timeout", 30 * SLOWNESS)
        client = redis.Redis("127.0.0.1", self.port, **options)
        self._connections.append(client)
        return client

    def raw(self, protocol=2, login=True, **options):
        """A connection of our own client; closed with the server."""
        options.setdefault("timeout_s", 30 * SLOWNESS)
        client = resp.RespClient(self.port, **options)
        self._connections.append(client)
        if login and self.password:
            client.call("AUTH", self.password)
        if protocol != 2:
            client.hello(protocol)
        return client

    def hang_up(self):
        """Closes all connections that were made here."""
        for connection in self._connections:
            connection.close()
        self._connections = []

    def call(self, *arguments):
        """One command on a connection of its own; the reply as resp.py gives
        it."""
        client = self.raw()
        try:
            return client.call(*arguments)
        finally:
            client.close()
            self._connections.remove(client)

    def info(self, section=None):
        """INFO as a dict: integers and floats as such, all else as str."""
        reply = self.call("INFO", *([section] if section else []))
        if not isinstance(reply, bytes) or isinstance(reply, resp.Error):
            raise ServerError("INFO answered %r" % (reply,))
        fields = {}
        for line in reply.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, text = line.partition(":")
                fields[name] = self._number(text)
        return fields

    @staticmethod
    def _number(text):
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                pass
        return text


class Server(_Process):
    """diskstore. Options are those of its command line, with `_` for `-`:
    Server(cache_max_memory="16mb"). Not given: bind is 127.0.0.1, the store
    is the directory `data` in the server's own one."""

    NAME = "diskstore"

    def __init__(self, start=True, binary=None, environment=None, port=None,
                 **options):
        options.setdefault("bind", "127.0.0.1")
        super().__init__(options, start, binary, environment, port)

    def default_binary(self):
        return DISKSTORE_BIN

    @property
    def ds_path(self):
        return str(self.options.get("ds_path")
                   or os.path.join(self.directory, "data"))

    def _spawn(self):
        """What is in memory after a start is the test's own business, unless it
        is about warming."""
        if "cache_warm_restart" not in self.options:
            with contextlib.suppress(OSError):
                os.remove(os.path.join(self.ds_path, "DISKSTORE.warm"))
        super()._spawn()

    def command(self):
        arguments = [self.binary, "server", "--port", str(self.port)]
        if "ds_path" not in self.options:
            arguments += ["--ds-path", self.ds_path]
        return arguments + self.option_arguments()


class RedisServer(_Process):
    """redis-server, the oracle: nothing on disk, DEBUG allowed."""

    NAME = "redis"

    def __init__(self, start=True, port=None, **options):
        options.setdefault("bind", "127.0.0.1")
        options.setdefault("save", "")
        options.setdefault("appendonly", "no")
        options.setdefault("enable_debug_command", "local")
        super().__init__(options, start, port=port)

    def default_binary(self):
        return REDIS_BIN

    def command(self):
        return [self.binary, "--port", str(self.port),
                "--dir", self.directory] + self.option_arguments()


def run_binary(*arguments, timeout_s=30, **options):
    """Runs diskstore to its end (`--version`, a start that must fail) and
    returns the subprocess.CompletedProcess, outputs as text."""
    return subprocess.run(
        [DISKSTORE_BIN] + [str(one) for one in arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, errors="backslashreplace",
        timeout=timeout_s * SLOWNESS, **options)
