"""Starts that must fail: one clear line, exit status 1, not a byte changed.

Whoever sets ds-path to a wrong directory, starts the server twice or gets a
directory of a later version must lose nothing, and be told what to do.
"""

import glob
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

from lib.offline import Log, find, fingerprint, flip, sealed
from lib.resp import NULL_BULK
from lib.server import DISKSTORE_BIN, SLOWNESS, free_port
from lib.steer import flush, steered

NOTICE = re.compile(r"^\d+:M \d+ \w+ \d+ [\d:.]+ [.*-] ")
HEAD = re.compile(r"^\d+:M \d+ \w+ \d+ [\d:.]+ # ")


def refusal(path, *options, port=None, binary=None, **more):
    """Starts a server on a path that it must refuse; returns the line."""
    result = subprocess.run(
        [binary or DISKSTORE_BIN, "server", "--bind", "127.0.0.1",
         "--port", str(port or free_port()), "--ds-path", str(path)]
        + [str(option) for option in options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=20 * SLOWNESS, **more)
    assert result.returncode == 1, result
    lines = [line for line in
             result.stdout.splitlines() + result.stderr.splitlines()
             if not NOTICE.match(line)]
    assert len(lines) == 1, lines
    line = HEAD.sub("", lines[0])
    assert line.startswith("can't start: "), line
    return line


def changed_files(before, after):
    return sorted(name for name in set(before) | set(after)
                  if before.get(name) != after.get(name))


def refused_untouched(path, *options, beside=None, **more):
    """The same, and nothing under path (or beside) has changed."""
    watched = beside or path
    before = fingerprint(watched)
    line = refusal(path, *options, **more)
    assert changed_files(before, fingerprint(watched)) == []
    return line


def refused_by_engine(path, **more):
    """The same for what only LevelDB finds: it has begun its own LOG, which
    nobody reads."""
    before = fingerprint(path)
    line = refusal(path, **more)
    changed = changed_files(before, fingerprint(path))
    assert set(changed) <= {"data", "data/LOG", "data/LOG.old"}
    return line


@pytest.fixture
def stopped(start_server):
    """A server that is not running, with data in tables and in the log."""
    server = steered(start_server, ds_compression=False)
    server.call("MSET", "a", "in a table", "big", b"big " * 40000)
    server.restart()
    server.call("MSET", "b", "in the log", "gone", 1)
    flush(server)
    server.kill9()
    return server


@pytest.fixture
def store(stopped):
    """Its path."""
    return stopped.ds_path


def works_again(server):
    """What was refused has all its data still."""
    server.start()
    assert server.call("DBSIZE") == 4
    assert server.call("MGET", "a", "b") == [b"in a table", b"in the log"]
    assert server.call("GET", "big") == b"big " * 40000


# --- directories of others -------------------------------------------------

@pytest.mark.parametrize("names", [
    ["holiday.jpg"], [".hidden"], ["data/CURRENT", "data/000005.ldb"],
    ["CURRENT", "MANIFEST-000004", "000003.log", "LOCK", "LOG"],
    ["dump.rdb", "appendonlydir/"], ["empty/"],
], ids=" ".join)
def test_a_foreign_directory(tmp_path, names):
    for name in names:
        path = tmp_path / name
        if name.endswith("/"):
            path.mkdir()
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text("not ours")
    line = refused_untouched(tmp_path)
    assert "is not a diskstore directory" in line
    assert names[0].split("/")[0] in line or len(names) > 1
    assert str(tmp_path) in line


def test_a_file_where_the_directory_should_be(tmp_path):
    path = tmp_path / "file"
    path.write_text("not ours")
    line = refused_untouched(path, beside=tmp_path)
    assert "is not a directory" in line


def test_a_path_whose_parent_is_missing(tmp_path):
    line = refused_untouched(tmp_path / "a/b", beside=tmp_path)
    assert "cannot create ds-path" in line and "No such file" in line


def test_a_marker_that_leads_elsewhere(tmp_path):
    (tmp_path / "other").write_text("diskstore format 2\n")
    (tmp_path / "ds").mkdir()
    (tmp_path / "ds/DISKSTORE").symlink_to("../other")
    refused_untouched(tmp_path / "ds", beside=tmp_path)


# --- other versions --------------------------------------------------------

@pytest.mark.parametrize("text", [
    "diskstore format 1\n", "diskstore format 1000000\n",
    "diskstore format 0\n", "diskstore format 20\n",
], ids=str.strip)
def test_an_unknown_format_version(stopped, store, text):
    marker = os.path.join(store, "DISKSTORE")
    with open(marker) as file:
        known = file.read()
    with open(marker, "w") as file:
        file.write(text)
    line = refused_untouched(store)
    assert "has format " + text.split()[2] in line
    assert "knows format 2 only" in line
    with open(marker, "w") as file:
        file.write(known)
    works_again(stopped)


@pytest.mark.parametrize("text", ["redis 7\n", "diskstore format", "\0" * 19,
                                  "x" * 1000], ids=["other words", "half",
                                                    "zeros", "long"])
def test_a_marker_that_is_not_understood(store, text):
    with open(os.path.join(store, "DISKSTORE"), "w") as file:
        file.write(text)
    line = refused_untouched(store)
    assert "DISKSTORE" in line or "format" in line


def test_a_store_of_a_later_version(stopped, store):
    """As a later program leaves it: records of another format, and therefore
    another number in the marker (the build holds the two together). Not a byte
    is changed."""
    marker = os.path.join(store, "DISKSTORE")
    with open(marker, "w") as file:
        file.write("diskstore format 3\n")
    key = b"mformat"
    log = Log(store)
    known = log.records().get(key) or sealed(key, b"\x02\x00\x00\x00\x02")
    log.append([(key, sealed(key, b"\x03\x00\x00\x00\x03"))])
    assert "has format 3" in refused_untouched(store)
    log.append([(key, known)])
    with open(marker, "w") as file:
        file.write("diskstore format 2\n")
    works_again(stopped)


def test_records_of_an_unknown_version(store):
    """The marker is known, but the store says that its records are of a later
    version. (No program writes that: the marker's number is theirs. LevelDB is
    open by the time it is found.)"""
    key = b"mformat"
    Log(store).append([(key, sealed(key, b"\x02\x00\x00\x00\x03"))])
    for _ in range(2):
        assert "unknown version" in refusal(store)


# --- what is missing -------------------------------------------------------

def test_a_missing_current(stopped, store):
    path = os.path.join(store, "data/CURRENT")
    shutil.move(path, store + ".CURRENT")
    line = refused_untouched(store)
    assert "has lost data/CURRENT" in line and "restore a backup" in line
    shutil.move(store + ".CURRENT", path)
    works_again(stopped)


def test_a_missing_data_directory(stopped, store):
    shutil.move(os.path.join(store, "data"), store + ".data")
    line = refused_untouched(store)
    assert "has lost data/" in line
    shutil.move(store + ".data", os.path.join(store, "data"))
    works_again(stopped)


def test_a_missing_marker(stopped, store):
    shutil.move(os.path.join(store, "DISKSTORE"), store + ".marker")
    line = refused_untouched(store)
    assert "is not a diskstore directory" in line
    shutil.move(store + ".marker", os.path.join(store, "DISKSTORE"))
    works_again(stopped)


def test_an_empty_marker_before_data(store):
    """As after a power loss that took the marker's line: never a reason to
    take the data for a store that is still to be made."""
    with open(os.path.join(store, "DISKSTORE"), "w"):
        pass
    line = refused_untouched(store)
    assert "DISKSTORE file is empty" in line


@pytest.mark.parametrize("kind", ["MANIFEST-*", "*.ldb"])
def test_a_missing_file_of_the_engine(stopped, store, kind):
    copy = store + ".copy"
    shutil.copytree(store, copy)
    for path in glob.glob(os.path.join(store, "data", kind)):
        os.remove(path)
    refused_by_engine(store)
    shutil.rmtree(store)
    shutil.move(copy, store)
    works_again(stopped)


# --- what is damaged -------------------------------------------------------

def test_damage_in_the_middle_of_the_log(stopped, store):
    """Good batches follow the bad one: to go on without it would be a hole in
    history. Refused, with the way out."""
    server = stopped
    server.start()
    for i in range(20):
        server.call("SET", "k%d" % i, "value %d" % i)
        flush(server)
    server.kill9()
    path, position = find([Log(store).path], b"value 7")
    flip(path, position)
    line = refused_untouched(store)
    assert os.path.basename(path) in line
    assert "restore a backup" in line and "truncate" in line
    flip(path, position)
    server.start()
    assert server.call("GET", "k19") == b"value 19"


def test_damage_at_the_end_of_the_log_costs_the_last_batch_only(stopped,
                                                                store):
    """A torn write: what was before it is a cut, and is served."""
    server = stopped
    server.start()
    for i in range(20):
        server.call("MSET", "a", i, "b", i, "k%d" % i, "value %d" % i)
        flush(server)
    server.kill9()
    path, position = find([Log(store).path], b"value 19")
    flip(path, position)
    server.start()
    assert server.call("MGET", "a", "b", "k18", "k19") == \
        [b"18", b"18", b"value 18", NULL_BULK]
    assert "Torn write" in server.log_text


# --- access ----------------------------------------------------------------

NOBODY = 65534


@pytest.fixture
def open_dir():
    """A directory that every user may enter, unlike those of pytest."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="diskstore-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    for directory, names, _ in os.walk(path):
        for name in [""] + names:
            os.chmod(os.path.join(directory, name), 0o700)
    shutil.rmtree(path)


def as_nobody(open_dir):
    """Options of a process that may not do all, as root's may: another user,
    and a copy of the binary which that user can reach. Who is not root needs
    neither."""
    if os.getuid() != 0:
        return {}
    binary = open_dir / "binary"
    shutil.copy(DISKSTORE_BIN, binary)
    binary.chmod(0o755)
    return {"binary": str(binary), "cwd": "/",
            "user": NOBODY, "group": NOBODY, "extra_groups": []}


@pytest.mark.parametrize("what, mode", [
    ("", 0o000), ("DISKSTORE", 0o000), ("data", 0o000), ("data", 0o500),
], ids=["directory", "marker", "data", "data read only"])
def test_an_unreadable_path(store, open_dir, what, mode):
    path = open_dir / "ds"
    shutil.copytree(store, path)
    more = as_nobody(open_dir)
    if more:
        for directory, names, files in os.walk(path):
            for name in [""] + names + files:
                os.chown(os.path.join(directory, name), NOBODY, NOBODY)
    os.chmod(path / what, mode)
    if os.getuid() == 0: # we may look, whatever the mode
        line = refused_by_engine(path, **more)
    else:
        line = refusal(path, **more)
    assert "Permission denied" in line


def test_a_path_that_may_not_be_made(open_dir):
    parent = open_dir / "parent"
    parent.mkdir(mode=0o555)
    line = refused_untouched(parent / "ds", beside=parent,
                             **as_nobody(open_dir))
    assert "cannot create ds-path" in line and "Permission denied" in line


# --- in use ----------------------------------------------------------------

def test_a_path_in_use(start_server):
    server = steered(start_server)
    server.call("SET", "k", "v")
    flush(server)
    line = refused_untouched(server.ds_path)
    assert "is in use by another process" in line
    assert server.ds_path in line
    assert server.call("GET", "k") == b"v"
    server.restart()
    assert server.call("GET", "k") == b"v"


def test_a_port_in_use(stopped, store):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused_untouched(store, port=port)
        assert "port %d" % port in line and "in use" in line
        assert "--port" in line
    works_again(stopped)


def test_a_port_in_use_makes_no_store(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused_untouched(tmp_path / "ds", beside=tmp_path,
                          port=taken.getsockname()[1])


def test_more_databases_on_disk_than_configured(stopped, store):
    assert "'databases'" in refusal(store, "--databases", 4)
    works_again(stopped)
