"""Messages of pub/sub, told apart from replies, and brought in to the last.

    wire = server.raw(protocol=3)
    wire.call("SUBSCRIBE", "news")
    other.call("PUBLISH", "news", "hello")
    assert drain(wire) == [Push([b"message", b"news", b"hello"])]

A server answers a connection in order, so what comes before the answer to a
PING is all that was sent to it before.
"""

from lib.resp import Push

KINDS = {b"message": 3, b"pmessage": 4, b"smessage": 3}
TOKEN = b"\x00 all is in"


def is_message(value):
    """Something that was published, not a reply."""
    return type(value) in (list, Push) and len(value) > 0 \
        and type(value[0]) is bytes and KINDS.get(value[0]) == len(value)


def is_end(value):
    """The answer to the PING of drain(), also to a subscriber in RESP2."""
    return value == TOKEN or value == [b"pong", TOKEN]


def drain(wire):
    """All that came, replies and messages. Not within MULTI."""
    wire.send("PING", TOKEN)
    return rest(wire)


def rest(wire):
    """The same when the PING has been sent."""
    values = []
    while True:
        value = wire.recv()
        if is_end(value):
            return values
        values.append(value)


def in_any_order(messages):
    """What one client gets of one message by several patterns comes in the
    order of a hash table: each such run sorted."""
    result, run = [], []
    for message in messages:
        if run and (message[0] != b"pmessage" or message[2:] != run[0][2:]):
            result += sorted(run, key=lambda one: one[1])
            run = []
        if message[0] == b"pmessage":
            run.append(message)
        else:
            result.append(message)
    return result + sorted(run, key=lambda one: one[1])
