"""What replaced values leave on disk is deleted in the background, and nobody
waits for it: not the one who ends the server either."""

from lib.server import wait_until
from lib.steer import figures, flush, order, steered

COUNT = 200
LARGE = b"x" * 20_000 # two chunks and an inner page, on disk
PAGES = 3 * COUNT


def leave_garbage(server):
    """Each value replaced by a small one; deleting what was is slow."""
    keys = ["key%d" % i for i in range(COUNT)]
    for key in keys:
        server.call("SET", key, LARGE)
    flush(server)
    for key in keys:
        server.call("SET", key, "small")
    order(server, "delay write 40")
    flush(server)
    wait_until(lambda: figures(server)["cache_garbage_deleted"] > 0,
               what="the first of it deleted")


def test_garbage_is_deleted(start_server):
    server = steered(start_server)
    leave_garbage(server)
    order(server, "delay write 0")
    wait_until(lambda: figures(server)["cache_garbage_deleted"] == PAGES,
               what="all garbage deleted")


def test_the_end_does_not_wait_for_garbage(start_server):
    """SIGTERM flushes and ends; what garbage is left is there at the next
    start, and goes then."""
    server = steered(start_server)
    leave_garbage(server)
    assert figures(server)["cache_garbage_deleted"] < PAGES // 2
    server.restart()
    wait_until(lambda: figures(server)["cache_garbage_deleted"] > PAGES // 4,
               what="garbage that the process before has left")


def test_a_flush_does_not_wait_for_garbage(start_server):
    server = steered(start_server)
    leave_garbage(server)
    server.call("SET", "key", "value")
    flush(server)
    assert figures(server)["cache_garbage_deleted"] < PAGES // 2


def test_commands_do_not_wait_for_garbage_with_io_in_the_loop(start_server):
    """io-threads 0: a slice a turn at most, not all of it at once."""
    server = steered(start_server, io_threads=0)
    leave_garbage(server)
    for _ in range(3):
        server.call("PING")
    assert figures(server)["cache_garbage_deleted"] < PAGES // 2
