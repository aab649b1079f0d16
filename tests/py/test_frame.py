"""The frame tests itself: the client against redis-server, the servers'
life, and the runner on small trees with a known result."""

import glob
import importlib.machinery
import importlib.util
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from lib import resp
from lib.resp import (FALSE, NULL, NULL_ARRAY, NULL_BULK, TRUE, Attributed,
                      BigNumber, BlobError, Double, Error, Map, Push, Set,
                      Simple, Verbatim)
from lib.server import ROOT, RedisServer, Server, ServerError, free_port

RUNNER = os.path.join(ROOT, "tests/run")


# --- resp.py: values and decoding ------------------------------------------

@pytest.mark.parametrize("wire, value", [
    (b"+OK\r\n", Simple("OK")),
    (b"-ERR no\r\n", Error("ERR no")),
    (b":-12\r\n", -12),
    (b"$3\r\na\r\n\r\n", b"a\r\n"),
    (b"$0\r\n\r\n", b""),
    (b"$-1\r\n", NULL_BULK),
    (b"*-1\r\n", NULL_ARRAY),
    (b"*0\r\n", []),
    (b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", [1, [b"x"]]),
    (b"_\r\n", NULL),
    (b"#t\r\n", TRUE),
    (b"#f\r\n", FALSE),
    (b",3.25\r\n", Double(3.25)),
    (b",-inf\r\n", Double(-math.inf)),
    (b",nan\r\n", Double(math.nan)),
    (b"(-123456789012345678901234567890\r\n",
     BigNumber(-123456789012345678901234567890)),
    (b"!8\r\nERR a\r\nb\r\n", BlobError("ERR a\r\nb")),
    (b"=8\r\ntxt:text\r\n", Verbatim("txt:text")),
    (b"%1\r\n+a\r\n:1\r\n", Map([(Simple("a"), 1)])),
    (b"~2\r\n:2\r\n:1\r\n", Set([2, 1])),
    (b">2\r\n+message\r\n:1\r\n", Push([Simple("message"), 1])),
    (b"|1\r\n+ttl\r\n:5\r\n:7\r\n",
     Attributed([Map([(Simple("ttl"), 5)]), 7])),
])
def test_each_type_decodes_to_its_value(wire, value):
    decoded, = resp.decode(wire)
    assert type(decoded) is type(value)
    assert decoded == value
    assert resp.decode(wire + wire) == [value, value]


@pytest.mark.parametrize("one, other", [
    (Simple("a"), b"a"), (Simple("a"), Error("a")), (Set([1]), [1]),
    (Error("a"), BlobError("a")), (Push([1]), Set([1])), (Map([]), []),
    (Double(1.0), 1), (BigNumber(1), 1), (TRUE, 1), (NULL, NULL_BULK),
    (NULL_BULK, NULL_ARRAY), ([Simple("a")], [b"a"]),
    (Map([(b"a", [1])]), Map([(b"a", Set([1]))])),
])
def test_values_of_different_types_differ(one, other):
    assert one != other
    assert other != one
    assert not one == other
    assert not other == one


@pytest.mark.parametrize("wire", [
    b"?\r\n", b"\r\n", b":x\r\n", b":1_0\r\n", b":\r\n", b"$-2\r\n",
    b"$1\r\nab\r\n", b"#x\r\n", b"_x\r\n", b",x\r\n", b"*-2\r\n",
    b"$3\r\nab", b"*2\r\n:1\r\n", b"+OK", b"%1\r\n:1\r\n",
])
def test_what_is_no_resp_is_refused(wire):
    with pytest.raises(resp.ProtocolError):
        resp.decode(wire)


def test_arguments_encode_as_bulk_strings():
    assert resp.encode("SET", b"\x00", 12, 1.5, "\u00e9") == (
        b"*5\r\n$3\r\nSET\r\n$1\r\n\x00\r\n$2\r\n12\r\n$3\r\n1.5\r\n"
        b"$2\r\n\xc3\xa9\r\n")
    with pytest.raises(TypeError):
        resp.encode("SET", True)


# --- resp.py: the connection -----------------------------------------------

def test_client_speaks_resp2(redis_server):
    client = redis_server.raw()
    assert client.call("PING") == Simple("PONG")
    assert client.call("SET", "k", b"\r\n\x00") == Simple("OK")
    assert client.call("GET", "k") == b"\r\n\x00"
    assert client.call_raw("GET", "k") == b"$3\r\n\r\n\x00\r\n"
    assert client.call("GET", "none") == NULL_BULK
    assert client.call("STRLEN", "k") == 3
    assert client.call("BLPOP", "none", 0.01) == NULL_ARRAY
    error = client.call("NOSUCH")
    assert type(error) is Error and error.code == "ERR"
    client.send_inline("echo hi")
    assert client.recv_both() == (b"hi", b"$2\r\nhi\r\n")


def test_client_speaks_resp3(redis_server):
    client = redis_server.raw()
    hello = client.hello(3)
    assert type(hello) is Map and hello.get("proto") == 3
    assert client.call("GET", "none") == NULL
    client.call("SADD", "s", "a")
    assert client.call("SMEMBERS", "s") == Set([b"a"])
    client.call("ZADD", "z", 1.5, "a")
    assert client.call("ZSCORE", "z", "a") == Double(1.5)
    assert client.call("ZSCORE", "z", "a").text == b"1.5"
    client.call("HSET", "h", "f", "v")
    assert client.call("HGETALL", "h") == Map([(b"f", b"v")])
    assert client.call_raw("HGETALL", "h") == b"%1\r\n$1\r\nf\r\n$1\r\nv\r\n"


@pytest.mark.parametrize("kind, type_", [
    ("string", bytes), ("integer", int), ("double", Double),
    ("null", type(NULL)), ("array", list), ("set", Set), ("map", Map),
    ("attrib", Attributed), ("push", Push), ("verbatim", Verbatim),
    ("true", type(TRUE)), ("false", type(FALSE)), ("bignum", BigNumber),
])
def test_client_knows_all_that_a_server_sends(redis_server, kind, type_):
    client = redis_server.raw(protocol=3)
    assert type(client.call("DEBUG", "PROTOCOL", kind)) is type_
    if kind == "push": # is followed by the reply itself
        client.recv()
    assert client.call("PING") == Simple("PONG")


def test_pipeline_deeper_than_all_socket_buffers(redis_server):
    client = redis_server.raw()
    client.call("SET", "big", b"x" * 100000)
    replies = client.pipeline([("GET", "big")] * 1000
                              + [("SET", "k", b"y" * 1000)] * 20000)
    assert len(replies) == 21000
    assert all(len(reply) == 100000 for reply in replies[:1000])
    assert all(reply == Simple("OK") for reply in replies[1000:])
    assert client.call("PING") == Simple("PONG")


def test_timeout_within_a_reply_loses_nothing():
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, resp.RespClient(listener.getsockname()[1]) as client:
        peer, _ = listener.accept()
        with peer:
            client.settimeout(0.02)
            peer.sendall(b"*2\r\n$5\r\nhello\r\n$5\r\nwo")
            with pytest.raises(socket.timeout):
                client.recv()
            peer.sendall(b"rld\r\n+next\r\n")
            client.settimeout(10)
            assert client.recv_raw() == (
                b"*2\r\n$5\r\nhello\r\n$5\r\nworld\r\n")
            assert client.recv() == Simple("next")
            assert client.nothing_to_read(0.01)
            peer.sendall(b"+rest")
            assert not client.nothing_to_read(10)
            peer.shutdown(socket.SHUT_WR)
            with pytest.raises(resp.Closed):
                client.recv()
            assert client.recv_until_closed() == b"+rest"


# --- server.py, with a program that takes diskstore's place ----------------

FAKE = """\
#!{python}
# Answers every command with +PONG; what it does at its end is told by the
# environment.
import os, signal, socket, sys, threading
port = int(sys.argv[sys.argv.index("--port") + 1])
path = sys.argv[sys.argv.index("--ds-path") + 1]
print("options", " ".join(sys.argv[1:]), flush=True)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    listener.bind(("127.0.0.1", port))
except OSError:
    sys.exit("port %d is in use" % port)
os.makedirs(path, exist_ok=True)
listener.listen()
def end(*_):
    print(os.environ.get("FAKE_WORDS", ""), file=sys.stderr, flush=True)
    os._exit(int(os.environ.get("FAKE_STATUS", "0")))
signal.signal(signal.SIGTERM, end)
def serve(peer):
    while True:
        data = peer.recv(4096)
        if not data:
            return
        if b"GROW" in data:
            serve.kept = bytearray(os.urandom(1)) * (40 << 20)
        if b"DIE" in data:
            os._exit(3)
        peer.sendall(b"+PONG\\r\\n")
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],),
                     daemon=True).start()
"""


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "fake"
    path.write_text(FAKE.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)


def test_server_gets_its_options_and_keeps_them(fake):
    with Server(binary=fake, cache_max_memory="16mb", save=["a", "b"],
                lazy=True, absent=None) as server:
        assert ("--cache-max-memory 16mb --save a b --lazy yes"
                in server.log_text)
        assert "absent" not in server.log_text
        assert "--ds-path " + server.ds_path in server.log_text
        directory = server.directory
        server.restart(io_threads=0)
        last = server.log_text.splitlines()[-1]
        assert last.endswith("--lazy yes --bind 127.0.0.1 --io-threads 0")
    assert not os.path.exists(directory)


def test_server_keeps_its_data_over_kill9(fake):
    with Server(binary=fake) as server:
        pid = server.pid
        with open(os.path.join(server.ds_path, "file"), "w"):
            pass
        server.kill9()
        assert not server.running
        server.start()
        assert server.pid != pid
        assert os.listdir(server.ds_path) == ["file"]


def test_server_that_dies_of_itself_is_a_problem(fake):
    server = Server(binary=fake)
    server.raw().send("DIE")
    server._process.wait()
    with pytest.raises(ServerError, match="of itself with status 3"):
        server.close()
    assert not os.path.exists(server.directory)


@pytest.mark.parametrize("words", [
    "==1==ERROR: AddressSanitizer: heap-use-after-free",
    "WARNING: ThreadSanitizer: data race (pid=1)",
    "src/a.c:1:2: runtime error: signed integer overflow",
    "==1==ERROR: LeakSanitizer: detected memory leaks",
    "diskstore: assertion failed: x == y (src/a.c:1)",
])
def test_report_on_stderr_is_a_problem(fake, words):
    server = Server(binary=fake, environment={"FAKE_WORDS": words})
    with pytest.raises(ServerError, match="reported"):
        server.close()


def test_status_after_sigterm_is_a_problem(fake):
    server = Server(binary=fake, environment={"FAKE_STATUS": "99"})
    with pytest.raises(ServerError, match="status 99 after SIGTERM"):
        server.close()


def test_end_that_the_test_asked_for_is_none(fake):
    with Server(binary=fake, environment={"FAKE_STATUS": "7"}) as server:
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 7


def test_problem_does_not_hide_the_failure_of_the_test(fake):
    with pytest.raises(ZeroDivisionError):
        with Server(binary=fake, environment={"FAKE_STATUS": "7"}):
            raise ZeroDivisionError


def test_taken_port_is_left_for_another(fake, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1], free_port()]
        monkeypatch.setattr("lib.server.free_port",
                            lambda chosen=iter(ports): next(chosen))
        with Server(binary=fake) as server:
            assert server.port == ports[1]
        with pytest.raises(ServerError, match="in use"):
            Server(binary=fake, port=ports[0])


def test_free_port_is_free_and_not_for_outgoing():
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        assert listener.getsockname()[1] < 32768


def test_sampler_sees_a_peak(fake):
    with Server(binary=fake) as server:
        before = server.rss_anon()
        assert before > 0
        with server.sample_rss() as rss:
            server.call("GROW")
            time.sleep(0.1)
        assert rss.peak_bytes >= before + (40 << 20)
        assert rss.samples >= 5


def test_redis_server_is_an_oracle(start_redis):
    server = start_redis(requirepass="secret")
    assert server.client().ping() is True
    assert server.call("SET", "k", 1) == Simple("OK")
    info = server.info("server")
    assert info["tcp_port"] == server.port
    assert info["process_id"] == server.pid
    server.restart()
    assert server.call("GET", "k") == NULL_BULK


def test_servers_started_at_once_do_not_collide():
    servers = []
    threads = [threading.Thread(
        target=lambda: servers.append(RedisServer())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server.port for server in servers}) == 8
    for server in servers:
        assert server.info("server")["process_id"] == server.pid
        server.close()


# --- server.py, with diskstore ---------------------------------------------

def test_diskstore_starts_answers_and_stops(server):
    assert server.call("PING") == Simple("PONG")
    assert server.client().ping() is True
    assert server.rss_anon() > 0
    assert os.path.isdir(server.ds_path)
    server.restart()
    assert server.call("PING") == Simple("PONG")
    server.kill9()
    server.start()
    assert server.call("PING") == Simple("PONG")
    server.stop()
    assert not server.running


# --- the runner ------------------------------------------------------------

def load_runner():
    loader = importlib.machinery.SourceFileLoader("runner", RUNNER)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("runner", loader))
    loader.exec_module(module)
    return module


UNIT_TEST = """\
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void good(void **state) { (void)state; }
static void bad(void **state) { (void)state; assert_int_equal(1, 2); }
static void skipped(void **state) { (void)state; skip(); }
static void dies(void **state) { (void)state; abort(); }
static void leaves(void **state) { (void)state; exit(0); }
static void hangs(void **state) { (void)state; for (;;) pause(); }
static void talks(void **state) { (void)state; printf("no end of line"); }
static int refuses(void **state) { (void)state; return -1; }
int main(void)
{
    (void)good; (void)bad; (void)skipped; (void)dies; (void)leaves;
    (void)hangs; (void)talks; (void)refuses;
    const struct CMUnitTest tests[] = { %s };
    return cmocka_run_group_tests(tests, %s, NULL);
}
"""


def build_unit(directory, tests, setup="NULL"):
    source = directory / "test_unit.c"
    source.write_text(UNIT_TEST % (
        ", ".join("cmocka_unit_test(%s)" % name for name in tests), setup))
    binary = directory / "test_unit"
    subprocess.run(["gcc", "-o", binary, source, "-lcmocka"], check=True)
    return str(binary)


@pytest.mark.parametrize("tests, passed, failed, reason", [
    (["good", "talks", "good"], 3, 0, None),
    (["good", "bad", "good"], 2, 1, "failed or were skipped"),
    (["good", "skipped"], 1, 1, "failed or were skipped"),
    (["good", "dies", "good"], 1, 1, "killed by signal 6"),
    (["good", "leaves", "good"], 1, 1, "failed or were skipped"),
    (["good", "hangs", "good"], 1, 1, "timed out"),
])
def test_runner_counts_unit_tests(tmp_path, tests, passed, failed, reason):
    binary = build_unit(tmp_path, tests)
    result = load_runner().run_unit(binary, dict(os.environ), 1)
    assert result[:2] == (passed, failed), result
    assert (reason is None) == (result[2] is None)
    assert reason is None or reason in result[2]


def test_runner_counts_a_failed_group_setup(tmp_path):
    binary = build_unit(tmp_path, ["good"], "refuses")
    result = load_runner().run_unit(binary, dict(os.environ), 10)
    assert result[0] == 0 and result[1] >= 1


def test_runner_counts_what_was_not_built():
    result = load_runner().run_unit("/nonexistent", dict(os.environ), 1)
    assert result[:3] == (0, 1, "not built")


def test_runner_counts_a_program_without_tests():
    count = load_runner().count_cmocka
    assert count("", 0) == (0, 1, "no tests")
    assert count("[==========] Running 1 test(s).\n[ RUN      ] a\n"
                 "[       OK ] a\n", 99)[:2] == (1, 1)


PY_TESTS = """\
import subprocess, time
import pytest
def test_good(): pass
def test_bad(): assert 1 == 2
def test_skipped(): pytest.skip("no")
@pytest.mark.xfail
def test_expected(): assert False
@pytest.fixture
def late():
    yield
    assert False
def test_late(late): assert False
def test_only_late(late): pass
@pytest.mark.alone
@pytest.mark.timeout(1)
def test_hangs():
    child = subprocess.Popen(["sleep", "4711"])
    time.sleep(100)
@pytest.mark.torture
def test_torture(): pass
@pytest.mark.plain_only
def test_plain(): pass
"""


def run_runner(tests, *arguments):
    """The runner on another tree, with our conftest.py and library."""
    (tests / "py").mkdir(exist_ok=True)
    for name in ("conftest.py", "lib"):
        link = tests / "py" / name
        if not link.exists():
            link.symlink_to(os.path.join(ROOT, "tests/py", name))
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("PYTEST", "DISKSTORE"))}
    return subprocess.run(
        [sys.executable, RUNNER, "--tests", str(tests), "--build",
         str(tests / "build"), *arguments], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=100, check=False)


def is_running(command_line):
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                if file.read() == command_line:
                    return True
        except (FileNotFoundError, ProcessLookupError):
            pass
    return False


def last_line(run):
    return run.stdout.splitlines()[-1]


def test_runner_adds_up_both_kinds(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "build/tests/room").mkdir(parents=True)
    binary = build_unit(tmp_path / "room", ["good", "bad", "skipped", "good"])
    os.rename(binary, tmp_path / "build/tests/room/test_unit")
    (tmp_path / "room/test_unbuilt.c").write_text("")
    (tmp_path / "py").mkdir()
    (tmp_path / "py/test_all.py").write_text(PY_TESTS)

    run = run_runner(tmp_path)
    # unit: 2 good; bad, skipped, unbuilt. Python: good, plain; bad, skipped,
    # expected, late, only_late, hangs.
    assert last_line(run) == "4 passed, 9 failed", run.stdout
    assert run.returncode == 1
    assert not is_running(b"sleep\x004711\x00")

    run = run_runner(tmp_path, "--sanitize", "address", "--only", "python",
                     "--", "-k", "good or plain")
    assert last_line(run) == "1 passed, 0 failed", run.stdout
    assert run.returncode == 0

    run = run_runner(tmp_path, "--torture")
    assert last_line(run) == "1 passed, 0 failed", run.stdout
    assert run.returncode == 0


def test_runner_refuses_to_pass_without_tests(tmp_path):
    run = run_runner(tmp_path)
    assert last_line(run) == "0 passed, 0 failed"
    assert run.returncode == 1


@pytest.mark.parametrize("text", ["import nonexistent_module", "def (",
                                  "import os; os._exit(0)"])
def test_runner_counts_a_broken_python_file(tmp_path, text):
    (tmp_path / "py").mkdir()
    (tmp_path / "py/test_broken.py").write_text(text)
    (tmp_path / "py/test_fine.py").write_text("def test_fine(): pass")
    run = run_runner(tmp_path)
    assert run.returncode == 1, run.stdout
    assert not last_line(run).endswith(" 0 failed"), run.stdout
