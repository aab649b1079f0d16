"""A flush writes one instant of the whole dataset, and all of it.

The tests here hold a flush at each of its steps, change everything meanwhile,
let the flush end and crash: the disk must show what was when the flush began,
nothing of what came later. And they crash at each write of a flush, before it
and after it: the disk must show the dataset before or after, whole.
"""

import time

import pytest

from lib.cuts import (BIG, CUTS, PIECES, WRITES, Writes, edited_cut, end_cut,
                      everything_cut, expected_before, prepare_cut, renew,
                      run_cut, show_cut, staged_cut, writes_of)
from lib.server import wait_until
from lib.steer import (OK, cold, figures, flush, gate, moved, order, started,
                       steered, store_counts, wait_waiting)

# --- every command ---------------------------------------------------------

def all_write_commands(server):
    """Names of the commands that say so of themselves."""
    return {info[0].decode() for info in server.call("COMMAND")
            if b"write" in [bytes(flag) for flag in info[2]]}


def test_no_write_command_is_missing_here(start_server):
    server = steered(start_server)
    assert all_write_commands(server) == \
        {name for name, _, _ in WRITES} | {"flushall", "flushdb", "swapdb"}


@pytest.mark.parametrize("temperature", ["warm", "cold", "unsaved"])
@pytest.mark.parametrize("io_threads", [0, 1])
def test_every_command_that_writes_is_saved(start_server, temperature,
                                            io_threads):
    server = steered(start_server, io_threads=io_threads)
    writes = Writes(server)
    writes.prepare()
    before = writes.show()
    if temperature == "warm":
        flush(server)
    elif temperature == "cold":
        server.restart()
    writes.run()
    after = writes.show()
    for key, (_, _, command) in zip(writes.keys, WRITES):
        assert any(before[0, name] != after[0, name]
                   for name in (key, key + "2")), command
    assert before[1] == 2 and after[1] == 1
    flush(server)
    server.kill9()
    server.start()
    assert writes.show() == after
    assert server.call("DEBUG", "CHECK") == OK


# --- what comes after the cut is not in it ---------------------------------

def hold(server, phase):
    """A flush that stands in that phase: looking at the records that blind
    writes replace (settle), or at the store's door (write)."""
    if phase == "settle":
        order(server, "gate get close")
        saved = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "get")
    else:
        order(server, "gate write close")
        saved = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
    return saved


@pytest.mark.parametrize("phase", ["settle", "write"])
@pytest.mark.parametrize("flushall", [False, True],
                         ids=["changes", "flushall"])
@pytest.mark.parametrize("then", ["crash", "flush"])
def test_what_changes_during_a_flush_is_not_in_it(start_server, phase,
                                                  flushall, then):
    server = steered(start_server)
    writes = Writes(server)
    # On disk under each key, of which memory will know nothing when prepare()
    # writes them anew, there is an older value.
    server.call("MSET", *sum(([key, BIG] for key in writes.keys), []))
    server.call("SET", "unrelated", 1)
    server.restart()
    for key, (_, before, _) in zip(writes.keys, WRITES):
        if before is None:
            server.call("DEL", key)
    writes.prepare()
    writes.know_absent()
    saved = hold(server, phase)
    assert figures(server)["cache_flushing"] == 1
    # The changes need nothing of the disk: all keys are known.
    if flushall:
        assert server.call("FLUSHALL") == OK
        assert server.call("SET", writes.keys[0], "new") == OK
    else:
        writes.run()
    order(server, "reset")
    assert saved.recv() == OK
    if then == "flush":
        after = writes.show()
        flush(server)
        server.kill9()
        server.start()
        assert writes.show() == after
    else:
        server.kill9()
        server.start()
        seen = writes.show()
        expected = expected_before(writes)
        for place, what in expected.items():
            assert seen[place] == what, place
        assert seen[0] == 1 + sum(
            1 for _, before, _ in WRITES if before is not None)
        assert seen[1] == 2
    assert server.call("DEBUG", "CHECK") == OK


def test_a_flush_of_many_entries_is_one_instant(start_server):
    """While a flush goes through its entries slice by slice, clients change
    those that it has taken and those that it has not: each pair of keys is
    always written by one MSET."""
    server = steered(start_server, cache_flush_delay="0")
    client = server.raw()
    pairs = 2000
    def write(number):
        # First and last half: in different slices.
        words = []
        for i in range(pairs):
            words += ["a%d" % i, number]
        for i in range(pairs):
            words += ["b%d" % i, number]
        return tuple(["MSET"] + words)
    commands = [write(0)]
    for number in range(1, 6):
        commands.append(write(number))
        commands += [("MSET", "a%d" % i, "%d.%d" % (number, i),
                      "b%d" % i, "%d.%d" % (number, i))
                     for i in range(0, pairs, 7)]
    for _ in range(3):
        client = server.raw()
        flushes = moved(server, "cache_flushes")
        assert client.pipeline(commands) == [OK] * len(commands)
        wait_until(lambda: flushes() > 0)
        server.kill9()
        server.start()
        assert server.call("MGET", *("a%d" % i for i in range(pairs))) == \
            server.call("MGET", *("b%d" % i for i in range(pairs)))


# --- each write of a flush may be the last ---------------------------------

def crash_at_each_write(start_server, changes):
    server = steered(start_server, cut_max=PIECES, cache_max_memory="32mb")
    count, before, after = writes_of(server, changes)
    is_staged = figures(server)["cache_staged_flushes"] > 0
    was_before = was_after = 0
    for nth in range(1, count + 1):
        for side in ("before", "after"):
            renew(server)
            prepare_cut(server)
            run_cut(server, changes)
            order(server, "crash write %d %s" % (nth, side))
            end_cut(server)
            assert server.wait_exit() == 137
            server.start()
            seen = show_cut(server)
            assert seen in (before, after), (nth, side, seen[1])
            if side == "after" and nth == count:
                assert seen == after
            was_before += seen == before
            was_after += seen == after
            assert server.call("DEBUG", "CHECK") == OK
    print("%d writes, %d crashes showed the state before, %d the one after"
          % (count, was_before, was_after))
    # Both must have been seen, or the crashes came at the wrong moment.
    assert was_before > 0 and was_after > 0
    return is_staged


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
def test_a_crash_at_each_write_of_a_flush(start_server, cut):
    is_staged = crash_at_each_write(start_server, cut())
    assert is_staged == (cut in (staged_cut, edited_cut, everything_cut))


def test_a_crash_while_a_restart_finishes_a_staged_cut(start_server):
    """The store is not steerable before it is open: so the process is killed
    soon after its start, again and again, until one of them gets through."""
    server = steered(start_server, cut_max=PIECES, cache_max_memory="32mb")
    changes = everything_cut()
    count, _, after = writes_of(server, changes)
    renew(server)
    prepare_cut(server)
    run_cut(server, changes)
    # Far enough that the commit record stands, and the moving has begun.
    order(server, "crash write %d before" % (count - 2))
    end_cut(server)
    assert server.wait_exit() == 137
    for pause_ms in (1, 2, 3, 5, 8, 12):
        server._spawn()
        time.sleep(pause_ms / 1000)
        server.kill9()
    server.start()
    assert show_cut(server) == after
    assert server.call("DEBUG", "CHECK") == OK


# --- a small cut-max -------------------------------------------------------

def test_pages_above_cut_max_are_told_once_a_flush(start_server):
    server = steered(start_server, cut_max="16kb", cache_max_memory="32mb")
    def told():
        return server.log_text.count("is larger than cut-max")
    server.call("SET", "small", 1)
    flush(server)
    assert told() == 0
    for number in (1, 2):
        server.call("MSET", "a", BIG + b"%d" % number, "b", BIG)
        flush(server)
        assert told() == number
    server.kill9()
    server.start()
    assert server.call("MGET", "a", "b", "small") == [BIG + b"2", BIG, b"1"]


# --- what is left over -----------------------------------------------------

def test_pages_of_a_flush_that_never_ended_are_removed(start_server):
    """The pages of a large value are written before the batch that makes them
    count. When the crash comes between, they are garbage."""
    server = steered(start_server)
    server.call("SET", "k", "old")
    flush(server)
    server.call("SET", "k", BIG)
    done = store_counts(server)["write_done"]
    with gate(server, "write"):
        started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
        order(server, "gate write step 1")
        wait_until(lambda: store_counts(server)["write_done"] == done + 1)
        server.kill9()
    server.start()
    assert server.call("GET", "k") == b"old"
    wait_until(lambda: figures(server)["cache_garbage_deleted"] > 0)
    cold(server, "k")
    assert server.call("GET", "k") == b"old"
