"""kill -9 at random moments of a write load, and at once a new start.

After each start the data must be one instant of what all clients saw, not long
ago; PING is answered within a second; and then the load goes on with what is
there. Most of the crashes come while a batch is on its way to the disk: a gate
holds it, or the store ends the process right before or right after it.
"""

import random
import time

import pytest

from lib.history import Flusher, Writer, check_cut
from lib.resp import encode
from lib.server import SLOWNESS, wait_until
from lib.steer import (OK, figures, flush, order, started, steered,
                       store_counts, wait_waiting)

DELAY_S = 0.1
# One flush, a slow machine, and Python's own pauses.
SLACK_S = 1.2 * SLOWNESS
WRITERS = 4


def start_in_time(server, **options):
    """PING within one second of the start."""
    begun = time.monotonic()
    server.start(**options)
    assert time.monotonic() - begun < 1 * SLOWNESS


# --- the moment ------------------------------------------------------------

def crash_at_gate(server, rng):
    """The batch stands at the store's door, perhaps some pieces of a large one
    are through. Returns the moment from which on nothing more got through."""
    order(server, "gate write close")
    begun = time.monotonic()
    wait_waiting(server, "write")
    for _ in range(rng.randrange(4)):
        done = store_counts(server)["write_done"]
        order(server, "gate write step 1")
        wait_until(lambda: store_counts(server)["write_done"] > done)
        wait_waiting(server, "write")
    counts = store_counts(server)
    assert counts["write_begun"] > counts["write_done"]
    asker = started(server, "CACHE", "FLUSH")
    time.sleep(rng.random() * 0.05)
    assert asker.nothing_to_read(0) # nothing is confirmed too early
    server.kill9()
    return begun


def crash_at_write(side):
    def crash(server, rng):
        order(server, "crash write %d %s" % (rng.randrange(1, 12), side))
        assert server.wait_exit() == 137
        return time.monotonic()
    crash.__name__ = "crash_%s_write" % side
    return crash


def crash_anywhere(server, rng):
    del rng
    begun = time.monotonic()
    server.kill9()
    return begun


BEFORE, AFTER = crash_at_write("before"), crash_at_write("after")
IN_FLIGHT = (crash_at_gate, BEFORE, AFTER)


# --- the load --------------------------------------------------------------

def load_and_crash(server, writers, rng, crash, seconds, is_calm):
    """Runs the load, crashes, starts again; returns the writers for the next
    time and how many flushes were staged. In a calm run little is written and
    nothing asks for a flush but its delay; in others sizes and clients do all
    the time."""
    cut_max = "4mb" if is_calm else "128kb"
    assert server.call("CONFIG", "SET", "cut-max", cut_max) == OK
    for writer in writers:
        writer.is_calm = is_calm
    flusher = Flusher(server, rng)
    threads = writers + ([] if is_calm else [flusher])
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    staged = figures(server)["cache_staged_flushes"]
    crash_s = crash(server, rng)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    flusher.close()
    problems = [writer.problem for writer in writers if writer.problem]
    assert problems == []
    start_in_time(server, io_threads=rng.choice((1, 1, 2)))
    time.sleep(0.07) # what should expire soon has expired
    now_ms = int(time.time() * 1000)
    counts = []
    for writer in writers:
        seen, size = writer.show(server)
        counts.append(writer.find(seen, now_ms))
        assert size == len(seen)
    lost = check_cut(writers, counts, flusher, crash_s, DELAY_S + SLACK_S)
    assert server.call("DEBUG", "CHECK") == OK
    begun = sum(len(writer.operations) for writer in writers)
    print("%s after %.2f s%s: %d operations, %d answered ones lost, %d "
          "flushes confirmed, %d staged" % (
              crash.__name__, seconds, " (calm)" if is_calm else "", begun,
              lost, flusher.count, staged))
    writers = [writer.go_on(server, most, random.Random(rng.random()))
               for writer, (_, most) in zip(writers, counts)]
    return writers, staged


def crash_often(start_server, crashes, **options):
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    server = steered(start_server, cache_flush_delay="%dms" % (DELAY_S * 1000),
                     cut_max="128kb", cache_max_memory="32mb", **options)
    writers = [Writer(server, i + 1, random.Random(rng.random()))
               for i in range(WRITERS)]
    staged = 0
    for crash, seconds, is_calm in crashes(rng):
        writers, flushes = load_and_crash(server, writers, rng, crash, seconds,
                                          is_calm)
        staged += flushes
    for writer in writers:
        writer.close()
    assert staged > 0


def few_crashes(rng):
    """One run is long enough for an old cut to be seen as such."""
    return [(crash_at_gate, 2.5, True), (BEFORE, rng.uniform(0.2, 0.8), False),
            (AFTER, rng.uniform(0.2, 0.8), False),
            (crash_at_gate, rng.uniform(0.2, 0.8), False),
            (crash_anywhere, rng.uniform(0.2, 0.8), False)]


def many_crashes(rng):
    """20, of them 16 for certain with a batch in flight."""
    kinds = [crash_at_gate] * 8 + [BEFORE] * 4 + [AFTER] * 4 \
        + [crash_anywhere] * 4
    assert sum(kind in IN_FLIGHT for kind in kinds) >= 15
    rng.shuffle(kinds)
    return [(kind, rng.uniform(0.3, 4), rng.random() < 0.4)
            for kind in kinds]


@pytest.mark.alone
def test_crashes_of_a_write_load(start_server):
    crash_often(start_server, few_crashes)


@pytest.mark.torture
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fsync", [False, True], ids=["plain", "fsync"])
def test_many_crashes_of_a_write_load(start_server, fsync):
    crash_often(start_server, many_crashes, ds_fsync=fsync)


# --- the start -------------------------------------------------------------

def fill(server, count):
    """count values of 1,000 bytes."""
    client = server.raw()
    for first in range(0, count, 5000):
        numbers = range(first, min(first + 5000, count))
        client.send_raw(b"".join(
            encode("SET", "key%d" % i, b"%010d" % i * 100) for i in numbers))
        assert client.recv_many(len(numbers)) == [OK] * len(numbers)


def restarts_at_once(start_server, count):
    server = steered(start_server, cache_flush_delay="100ms")
    fill(server, count)
    flush(server)
    server.kill9()
    start_in_time(server)
    assert server.call("DBSIZE") == count
    assert server.call("GET", "key%d" % (count - 1)) == \
        b"%010d" % (count - 1) * 100


@pytest.mark.alone
def test_a_start_does_not_depend_on_the_size(start_server):
    restarts_at_once(start_server, 50000)


@pytest.mark.torture
@pytest.mark.timeout(600)
def test_a_start_does_not_depend_on_the_size_of_much(start_server):
    restarts_at_once(start_server, 1000000)


def mset(prefix):
    """20 MB in one command."""
    return ["MSET"] + sum((["%s%d" % (prefix, i), b"%010d" % i * 1000]
                           for i in range(2000)), [])


@pytest.mark.alone
@pytest.mark.parametrize("writes_more", [-3, 3], ids=["before", "after"])
def test_a_start_after_half_of_a_staged_cut(start_server, writes_more):
    """20 MB that are to be written as one, killed a little before or after
    they are committed, which is half of the work."""
    server = steered(start_server, cut_max="1mb", cache_max_memory="256mb")
    begun = store_counts(server)["write_begun"]
    assert server.call(*mset("first")) == OK
    flush(server)
    assert figures(server)["cache_staged_flushes"] == 1
    writes = store_counts(server)["write_begun"] - begun
    assert writes > 60
    order(server, "crash write %d after" % (writes // 2 + writes_more))
    client = server.raw()
    client.send(*mset("second"))
    assert server.wait_exit() == 137
    start_in_time(server)
    there = 2000 if writes_more > 0 else 0
    assert server.call("EXISTS", *mset("first")[1::2]) == 2000
    assert server.call("EXISTS", *mset("second")[1::2]) == there
    assert server.call("DBSIZE") == 2000 + there
    if there:
        assert server.call("GET", "second1999") == b"%010d" % 1999 * 1000
