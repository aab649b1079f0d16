"""Steers a server whose store does what a test says (DEBUG STORE), and reads
what it thinks of its keys.

    server = steered(start_server)              # flushes only when told
    server.call("SET", "key", "value")
    with gate(server, "write"):                 # nothing reaches the disk now
        flush = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
        assert states(server, "key") == ["saving"]
    assert flush.recv() == OK
"""

import contextlib

from lib.resp import Simple
from lib.server import wait_until

OK = Simple("OK")


def steered(start_server, **options):
    """A server with a steerable store that flushes only when told to."""
    options.setdefault("cache_flush_delay", "1h")
    return start_server(debug_store=True, enable_debug_command="yes",
                        **options)


def order(server, *words):
    """DEBUG STORE words, as one string or several."""
    if len(words) == 1:
        words = words[0].split()
    reply = server.call("DEBUG", "STORE", *words)
    assert reply == OK, reply


def store_counts(server):
    """What the store was asked for: {"get_begun": 3, ...}."""
    return parse_counts(server.call("DEBUG", "STORE"))


def parse_counts(reply):
    """The reply to DEBUG STORE as a dict."""
    return {name: int(value) for name, value in
            (line.split(":") for line in reply.decode().split())}


def wait_waiting(server, operation, count=1):
    """Until so many operations wait at the closed gate."""
    wait_until(
        lambda: store_counts(server)[operation + "_waiting"] >= count,
        what="%d at the gate of %s" % (count, operation))


@contextlib.contextmanager
def gate(server, operation):
    """Operations of that kind wait until the block ends."""
    order(server, "gate", operation, "close")
    try:
        yield
    finally:
        if server.running:
            order(server, "gate", operation, "open")


def started(server, *arguments, **options):
    """A connection on which the command has been sent and has no answer yet:
    at the end of this call the server has read it (it reads in order, and
    answers a PING that came later on another connection)."""
    client = server.raw(**options)
    client.send(*arguments)
    assert server.call("PING") == Simple("PONG")
    return client


def states(server, *keys):
    """CACHE STATE as a list of str."""
    return [word.decode() for word in server.call("CACHE", "STATE", *keys)]


def flush(server):
    assert server.call("CACHE", "FLUSH") == OK


def cold(server, *keys):
    """The keys are on disk, and memory knows nothing of them."""
    flush(server)
    def evicted():
        server.call("CACHE", "EVICT", *keys)
        return set(states(server, *keys)) == {"disk"}
    wait_until(evicted, what="only on disk") # the last ones become clean soon


def figures(server):
    """INFO cache as a dict."""
    return server.info("cache")


def moved(server, name, section="cache"):
    """A function that tells by how much the figure moved since this call."""
    before = server.info(section)[name]
    return lambda: server.info(section)[name] - before
