"""A disk that fails: nothing is lost, nothing is invented, nobody hangs.

A failed write says nothing about what is on disk: so each failure here comes
in two kinds, one in which nothing was written, and one in which all was
written and only the answer was lost ("applied").
"""

import os
import resource
import signal

import pytest

from lib.cuts import (BIG, CUTS, PIECES, Writes, end_cut, everything_cut,
                      flushdb_cut, prepare_cut, renew, run_cut, show_cut,
                      writes_of)
from lib.resp import NULL_BULK, Error, Simple
from lib.server import wait_until
from lib.steer import (OK, cold, figures, flush, gate, moved, order, started,
                       states, steered, store_counts, wait_waiting)

PONG = Simple("PONG")
MISCONF = b"MISCONF diskstore can't write to its store now ("
IOERR = b"IOERR the value can't be read from the store"


def is_failing(server):
    return figures(server)["cache_store_failing"] == 1


def failed_flush(server, what="fail write -1 io"):
    """The store fails from now on, and the server has found out."""
    order(server, what)
    assert server.call("CACHE", "FLUSH").code == "IOERR"
    assert is_failing(server)


def recovered(server):
    """By itself: nobody asks for a flush."""
    wait_until(lambda: not is_failing(server), what="recovery")


def crash(server):
    server.kill9()
    server.start()


# --- while it fails --------------------------------------------------------

@pytest.mark.parametrize("error, io_threads", [
    ("io", 0), ("io", 1), ("io", 3), ("nospace", 1)])
def test_reads_go_on_and_writes_are_refused_until_it_recovers(
        start_server, error, io_threads):
    server = steered(start_server, io_threads=io_threads)
    server.call("MSET", "hot", 1, "cold", 2, "cold2", BIG, "number", 5)
    cold(server, "cold", "cold2")
    server.call("MSET", "hot", 10, "new", 11)
    server.call("DEL", "number")
    failed_flush(server, "fail write -1 " + error)
    for command in [("SET", "hot", 0), ("SET", "never", 0), ("DEL", "hot"),
                    ("INCR", "hot"), ("MSET", "never", 0, "hot", 0),
                    ("EXPIRE", "cold", 1), ("APPEND", "cold", "x"),
                    ("FLUSHALL",), ("FLUSHDB",), ("RENAME", "hot", "never"),
                    ("GETDEL", "cold2"), ("SETRANGE", "cold2", 1, "x"),
                    ("PERSIST", "new"), ("SETNX", "never", 0)]:
        reply = server.call(*command)
        assert reply.startswith(MISCONF), (command, reply)
        assert reply.endswith(b"refused until it can.")
    # Everything can be read, whether memory has it or not.
    assert server.call("MGET", "hot", "new", "number", "never") == \
        [b"10", b"11", NULL_BULK, NULL_BULK]
    assert server.call("MGET", "cold", "cold2", "nobody") == \
        [b"2", BIG, NULL_BULK]
    assert server.call("PING") == PONG
    assert server.call("DBSIZE") == 4
    # It tries again and again of itself.
    errors = figures(server)["cache_flush_errors"]
    wait_until(lambda: figures(server)["cache_flush_errors"] >= errors + 2)
    info = figures(server)
    assert info["cache_last_flush_status"] == "err"
    assert info["cache_last_error"] != ""
    assert "# store error" in server.log_text
    assert server.call("GET", "hot") == b"10"
    assert server.call("SET", "hot", 0).startswith(MISCONF)
    order(server, "fail write 0")
    recovered(server)
    assert server.call("SET", "later", 1) == OK
    flush(server)
    assert server.call("DEBUG", "CHECK") == OK
    crash(server)
    assert server.call("MGET", "hot", "new", "cold", "cold2", "number",
                       "later", "never") == \
        [b"10", b"11", b"2", BIG, NULL_BULK, b"1", NULL_BULK]
    assert server.call("DBSIZE") == 5


def test_a_store_that_can_not_be_opened_again_for_a_while(start_server):
    server = steered(start_server)
    server.call("MSET", "hot", 1, "cold", 2, "gone", 3)
    cold(server, "cold")
    server.call("DEL", "gone")
    server.call("SET", "hot", 3)
    order(server, "reopen fail")
    failed_flush(server, "fail write 1 io")
    wait_until(lambda: store_counts(server)["reopens"] >= 2)
    assert server.call("GET", "hot") == b"3"
    assert server.call("GET", "gone") is NULL_BULK
    assert server.call("GET", "cold").startswith(IOERR)
    assert server.call("SET", "hot", 4).startswith(MISCONF)
    size = started(server, "DBSIZE") # waits until the count can be known
    order(server, "reopen ok")
    recovered(server)
    assert size.recv() == 2
    assert server.call("GET", "cold") == b"2" # never taken for absent
    crash(server)
    assert server.call("MGET", "hot", "cold", "gone") == \
        [b"3", b"2", NULL_BULK]


def test_who_waits_for_room_is_told_when_the_disk_fails(start_server):
    server = steered(start_server, cache_max_memory="16mb")
    value = b"x" * 30000
    with gate(server, "write"):
        writers = [started(server, "SET", "k%d" % i, value)
                   for i in range(100)]
        wait_until(lambda: figures(server)["cache_blocked_clients"] > 10)
        order(server, "fail write -1 io")
    replies = [one.recv() for one in writers]
    accepted = replies.count(OK)
    assert 30 < accepted < 90
    assert all(reply == OK or reply.startswith(MISCONF) for reply in replies)
    order(server, "fail write 0")
    recovered(server)
    flush(server)
    crash(server)
    assert server.call("DBSIZE") == accepted
    for i, reply in enumerate(replies):
        assert server.call("EXISTS", "k%d" % i) == (reply == OK)


def test_a_signal_while_the_disk_fails_ends_nothing(start_server):
    """Memory is the only copy: the server stays and says so. When the disk is
    well again it can be asked once more."""
    server = steered(start_server)
    server.call("SET", "k", "v")
    failed_flush(server)
    server.signal(signal.SIGTERM)
    wait_until(lambda: "can't exit: the flush failed" in server.log_text)
    errors = moved(server, "cache_flush_errors")
    wait_until(lambda: errors() >= 2)
    assert server.call("GET", "k") == b"v"
    order(server, "fail write 0")
    recovered(server)
    server.stop()
    server.start()
    assert server.call("GET", "k") == b"v"


# --- the batch that failed -------------------------------------------------

@pytest.mark.parametrize("applied", ["", " applied"],
                         ids=["not applied", "applied"])
def test_everything_in_a_failed_batch_is_saved_later(start_server, applied):
    server = steered(start_server)
    writes = Writes(server)
    writes.prepare()
    flush(server)
    writes.run()
    after = writes.show()
    # All pages come before the batch: the second write.
    failed_flush(server, "fail write 1 io%s skip 1" % applied)
    recovered(server)
    assert writes.show() == after
    assert server.call("DEBUG", "CHECK") == OK
    crash(server)
    assert writes.show() == after
    assert server.call("DEBUG", "CHECK") == OK


@pytest.mark.parametrize("flushall", [False, True],
                         ids=["changes", "flushall"])
@pytest.mark.parametrize("applied", ["", " applied"],
                         ids=["not applied", "applied"])
def test_a_crash_after_a_failed_batch(start_server, flushall, applied):
    """Before it could be tried again: all of it or nothing."""
    server = steered(start_server)
    writes = Writes(server)
    writes.prepare()
    flush(server)
    before = writes.show()
    writes.run(flushall)
    after = writes.show()
    order(server, "reopen fail")
    skip = 0 if flushall else 1
    failed_flush(server, "fail write 1 io%s skip %d" % (applied, skip))
    crash(server)
    assert writes.show() == (after if applied else before)
    assert server.call("DEBUG", "CHECK") == OK


@pytest.mark.parametrize("applied", ["", " applied"],
                         ids=["not applied", "applied"])
def test_changes_between_a_failed_batch_and_the_next(start_server, applied):
    """A client can not write then. But keys expire."""
    server = steered(start_server)
    server.call("MSET", "a", 1, "expires", 1, "c", BIG)
    flush(server)
    server.call("MSET", "a", 2, "new", 2, "c", BIG + b"2")
    server.call("PEXPIRE", "expires", 80)
    failed_flush(server, "fail write -1 io" + applied)
    wait_until(lambda: server.call("GET", "expires") is NULL_BULK)
    assert server.call("DBSIZE") == 3
    order(server, "fail write 0")
    recovered(server)
    flush(server)
    assert server.call("DBSIZE") == 3
    crash(server)
    assert server.call("MGET", "a", "expires", "c", "new") == \
        [b"2", NULL_BULK, BIG + b"2", b"2"]
    assert server.call("DBSIZE") == 3


@pytest.mark.parametrize("applied", ["", " applied"],
                         ids=["not applied", "applied"])
def test_a_failure_while_nothing_is_dirty(start_server, applied):
    """Garbage is removed in the background. A write of that fails too, and the
    server must come back although nobody has anything to save."""
    server = steered(start_server)
    server.call("MSET", *sum((["k%d" % i, i] for i in range(500)), []))
    flush(server)
    server.call("FLUSHALL")
    order(server, "fail write 1 io%s skip 1" % applied) # that after the flush
    flush(server)
    wait_until(lambda: figures(server)["cache_last_error"] != "",
               what="the failure")
    recovered(server)
    assert server.call("SET", "k", "v") == OK
    flush(server)
    wait_until(lambda: figures(server)["cache_garbage_deleted"] >= 500)
    crash(server)
    assert server.call("DBSIZE") == 1


@pytest.mark.parametrize("cut", [everything_cut, flushdb_cut],
                         ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("applied", ["", " applied"],
                         ids=["not applied", "applied"])
def test_each_write_of_a_flush_fails(start_server, cut, applied):
    assert cut in CUTS
    server = steered(start_server, cut_max=PIECES, cache_max_memory="32mb")
    changes = cut()
    count, before, after = writes_of(server, changes)
    for nth in range(count):
        renew(server)
        prepare_cut(server)
        assert show_cut(server) == before
        run_cut(server, changes)
        order(server, "fail write 1 io%s skip %d" % (applied, nth))
        replies = end_cut(server).recv_many(2)
        assert replies[0] == OK and replies[1].code == "IOERR"
        assert show_cut(server) == after, nth
        recovered(server)
        assert show_cut(server) == after, nth
        assert server.call("DEBUG", "CHECK") == OK
        crash(server)
        assert show_cut(server) == after, nth


@pytest.mark.parametrize("applied", ["", " applied"],
                         ids=["not applied", "applied"])
def test_counts_after_failures_of_both_kinds_in_a_row(start_server, applied):
    server = steered(start_server)
    keys = ["k%d" % i for i in range(300)]
    for number in range(4):
        some = keys[number * 40:number * 40 + 100]
        server.call("MSET", *sum(([key, number] for key in some), []))
        server.call("DEL", *some[::3])
        failed_flush(server, "fail write %d io%s" % (number % 3 + 1, applied))
        recovered(server)
        shown = server.call("EXISTS", *keys)
        assert server.call("DBSIZE") == shown
        if number % 2:
            crash(server)
            assert server.call("EXISTS", *keys) == shown
            assert server.call("DBSIZE") == shown


# --- a real disk that takes no more ----------------------------------------

def limit_files(server, limit_bytes):
    """No file of the process may grow beyond this: a write that would stops in
    the middle, as on a full disk."""
    hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit_bytes, hard))


def log_size(server):
    data = os.path.join(server.ds_path, "data")
    return max(os.path.getsize(os.path.join(data, name))
               for name in os.listdir(data) if name.endswith(".log"))


@pytest.mark.parametrize("extra", [0, 1, 6, 7, 100, 5000, 40000])
@pytest.mark.parametrize("then", ["recover", "crash"])
def test_a_write_that_is_torn(start_server, extra, then):
    """Only so many bytes of the batch reach the log."""
    server = steered(start_server, ds_compression=False)
    server.call("MSET", "a", 1, "b", 1, "cold", "c")
    cold(server, "cold")
    filling = sum((["k%d" % i, b"v%d" % i * 100] for i in range(300)), [])
    server.call("MSET", "a", 2, "b", 2, *filling)
    limit_files(server, log_size(server) + extra)
    assert server.call("CACHE", "FLUSH").code == "IOERR"
    limit_files(server, 10) # and nothing else works either
    assert server.call("SET", "a", 3).startswith(MISCONF)
    assert server.call("MGET", "a", "b", "k7") == [b"2", b"2", b"v7" * 100]
    assert server.call("GET", "cold") == b"c"
    if then == "crash":
        crash(server)
        assert server.call("MGET", "a", "b", "cold", "k7") == \
            [b"1", b"1", b"c", NULL_BULK]
        assert server.call("DBSIZE") == 3
        return
    limit_files(server, resource.RLIM_INFINITY)
    recovered(server)
    assert server.call("SET", "later", 1) == OK
    flush(server)
    crash(server)
    assert server.call("MGET", "a", "b", "cold", "k7", "later") == \
        [b"2", b"2", b"c", b"v7" * 100, b"1"]
    assert server.call("DBSIZE") == 304


# --- loads that fail -------------------------------------------------------

@pytest.mark.parametrize("error", ["io", "corrupt"])
@pytest.mark.parametrize("command", [
    ("GET", "k"), ("STRLEN", "k"), ("EXISTS", "k"), ("INCR", "k"),
    ("DEL", "k"), ("EXPIRE", "k", "1"), ("SETNX", "k", "9"), ("GETDEL", "k"),
    ("SET", "k", "9", "XX"), ("RENAME", "k", "other"),
    ("GETSET", "k", "9"),
    ("MGET", "hot", "k"), ("MSETNX", "new", "1", "k", "1"), ("TTL", "k"),
], ids=" ".join)
def test_a_load_that_fails_is_an_error_and_no_answer(start_server, command,
                                                     error):
    server = steered(start_server)
    server.call("MSET", "k", 5, "hot", 1)
    cold(server, "k")
    server.call("MGET", "other", "new") # known to be absent
    errors = moved(server, "cache_load_errors")
    order(server, "fail get 1 " + error)
    reply = server.call(*command)
    assert isinstance(reply, Error) and reply.startswith(IOERR), reply
    assert errors() == 1
    assert states(server, "k") == ["disk"] # unknown, not absent
    assert not is_failing(server)
    assert server.call("MGET", "k", "other", "new", "hot") == \
        [b"5", NULL_BULK, NULL_BULK, b"1"]
    assert server.call("TTL", "k") == -1


def test_all_who_wait_for_a_load_get_its_error(start_server):
    server = steered(start_server)
    server.call("MSET", "k", 5, "other", 6)
    cold(server, "k", "other")
    with gate(server, "get"):
        waiting = [started(server, *command) for command in
                   [("GET", "k"), ("INCR", "k"), ("MGET", "k", "k")]]
        wait_waiting(server, "get")
        order(server, "fail get 1 io")
    assert all(one.recv().startswith(IOERR) for one in waiting)
    assert server.raw().pipeline([("GET", "other"), ("GET", "k")]) == \
        [b"6", b"5"]
    assert server.call("DEBUG", "CHECK") == OK


def test_replies_of_a_pipeline_stay_in_order(start_server):
    server = steered(start_server)
    keys = ["k%d" % i for i in range(20)]
    server.call("MSET", *sum(([key, key] for key in keys), []))
    cold(server, "k9")
    order(server, "fail get 1 io")
    replies = server.raw().pipeline([("GET", key) for key in keys])
    assert replies[9].startswith(IOERR)
    assert replies[:9] + replies[10:] == \
        [key.encode() for key in keys if key != "k9"]


def test_a_read_in_advance_that_fails_is_tried_again(start_server):
    """Nobody had asked yet: when it is the command's turn the disk may be
    well again."""
    server = steered(start_server)
    keys = ["k%d" % i for i in range(20)]
    server.call("MSET", *sum(([key, key] for key in keys), []))
    cold(server, *keys)
    order(server, "fail get 5 io skip 9")
    assert server.raw().pipeline([("GET", key) for key in keys]) == \
        [key.encode() for key in keys]


@pytest.mark.parametrize("skip", [0, 1, 2, 3, 14])
def test_a_page_that_can_not_be_read(start_server, skip):
    server = steered(start_server)
    # A header, an inner page (twice: for the height of the tree, then for what
    # is in it) and twelve chunks.
    server.call("SET", "k", BIG)
    cold(server, "k")
    used = figures(server)["cache_memory_values"]
    order(server, "fail get 1 io skip %d" % skip)
    assert server.call("GET", "k").startswith(IOERR)
    assert figures(server)["cache_memory_values"] == used
    assert server.call("DEBUG", "CHECK") == OK
    assert server.call("GET", "k") == BIG


def test_a_look_at_an_old_record_that_fails(start_server):
    """Needed by the flush of a blind write: the flush fails, and is tried
    again, and nothing is lost."""
    server = steered(start_server)
    server.call("MSET", "k", BIG, "other", 1)
    server.call("EXPIRE", "k", 1000)
    cold(server, "k")
    server.call("MSET", "k", "new", "new", 1)
    failed_flush(server, "fail get 1 io")
    recovered(server)
    assert server.call("GET", "k") == b"new"
    assert server.call("DBSIZE") == 3
    crash(server)
    assert server.call("MGET", "k", "other", "new") == [b"new", b"1", b"1"]
    assert server.call("TTL", "k") == -1
    assert server.call("DBSIZE") == 3


def test_a_count_that_can_not_be_known_is_an_error(start_server):
    server = steered(start_server)
    server.call("SET", "k", 1)
    cold(server, "k")
    server.call("SET", "k", 2)
    order(server, "fail get 1 io")
    assert server.call("DBSIZE").code == "IOERR"
    assert server.call("DBSIZE") == 1
    assert server.call("GET", "k") == b"2"
