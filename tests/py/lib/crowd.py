"""Many raw connections in one thread, each with its own bytes to send and the
very bytes that must come back.

    talks = [Talk(server.port, commands, replies) for _ in range(200)]
    converse(talks, timeout_s=30)
    assert all(talk.complete for talk in talks), problems(talks)

What is received is compared as it comes and not kept, so a reply may be larger
than one would like to hold 200 times. With hold_s nobody reads for that long:
that is how a client looks that has hung up its mind but not its connection.
"""

import selectors
import socket
import time

READ_BYTES = 1 << 18


def where_wrong(expected, at, data):
    """The first wrong byte, and where these bytes stand in what is expected,
    if they do: lost, sent twice, or made up."""
    wrong = next((i for i, byte in enumerate(data)
                  if expected[at + i:at + i + 1] != bytes([byte])), len(data))
    rest = bytes(data[wrong:wrong + 32])
    found = bytes(expected).find(rest)
    return "byte %d is wrong: %r, %s" % (
        at + wrong, rest, "which is not among the expected" if found < 0
        else "which is expected at %d" % found)


class Talk:
    """One connection. `problem` is None until the other side closes it or
    sends other bytes than expected; then it says where."""

    def __init__(self, port, data, expected, receive_buffer_bytes=None):
        self.socket = socket.socket()
        if receive_buffer_bytes: # before connecting, or it has no effect
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   receive_buffer_bytes)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.unsent = memoryview(data)
        self.expected = memoryview(expected)
        self.received_bytes = 0
        self.problem = None
        self.was_closed = False

    @property
    def complete(self):
        return self.problem is None and not self.unsent \
            and self.received_bytes == len(self.expected)

    @property
    def finished(self):
        return self.complete or self.problem is not None

    def close(self):
        self.socket.close()

    def _closed(self, how):
        self.was_closed = True
        self.problem = "%s after %d of %d bytes" % (
            how, self.received_bytes, len(self.expected))

    def write(self):
        try:
            self.unsent = self.unsent[self.socket.send(
                self.unsent[:READ_BYTES]):]
        except BlockingIOError:
            pass
        except ConnectionError as error:
            self._closed(str(error))

    def read(self):
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError as error:
            self._closed(str(error))
            return
        if not data:
            self._closed("closed")
            return
        at = self.received_bytes
        if self.expected[at:at + len(data)] != data:
            self.problem = "at %d of %d bytes: %s" % (
                at, len(self.expected), where_wrong(self.expected, at, data))
        self.received_bytes += len(data)


def _wanted(talk, reading):
    return (selectors.EVENT_READ if reading else 0) \
        | (selectors.EVENT_WRITE if talk.unsent else 0)


def _register(selector, talks, reading):
    for talk in talks:
        if not talk.finished and _wanted(talk, reading):
            selector.register(talk.socket, _wanted(talk, reading), talk)


def _serve(selector, talk, ready, reading):
    if ready & selectors.EVENT_READ:
        talk.read()
    if ready & selectors.EVENT_WRITE and talk.problem is None:
        talk.write()
    if talk.finished or not _wanted(talk, reading):
        selector.unregister(talk.socket)
    else:
        selector.modify(talk.socket, _wanted(talk, reading), talk)


def _run(talks, reading, deadline):
    with selectors.DefaultSelector() as selector:
        _register(selector, talks, reading)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            for key, ready in selector.select(min(left, 1)):
                _serve(selector, key.data, ready, reading)


def send_only(talks, seconds):
    """Sends what the other side takes within that time, and reads nothing."""
    deadline = time.monotonic() + seconds
    _run(talks, False, deadline)
    time.sleep(max(0, deadline - time.monotonic()))


def converse(talks, timeout_s, hold_s=0):
    """Sends and receives until each has all it expects, or a problem; after
    the timeout those that have neither are incomplete."""
    if hold_s:
        send_only(talks, hold_s)
    _run(talks, True, time.monotonic() + timeout_s)


def problems(talks):
    """What is wrong with those that are not complete: for assertions."""
    wrong = [talk.problem or "incomplete: %d of %d bytes, %d unsent"
             % (talk.received_bytes, len(talk.expected), len(talk.unsent))
             for talk in talks if not talk.complete]
    return "%d of %d connections: %s" % (len(wrong), len(talks), wrong[:5])
