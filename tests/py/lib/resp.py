"""A small RESP2/RESP3 client for tests, on a blocking socket.

Debian's redis-py is older than RESP3, and any comfortable client hides what
we want to see: whether OK came as a simple or a bulk string, whether a nil
was `$-1`, `*-1` or `_`, in which order a map came, which bytes they were.

So each reply becomes a Python value of exactly one type, and values of
different types are never equal (Simple(b"OK") != b"OK"):

    +  Simple(bytes)       $  bytes               *  list
    -  Error(bytes)        $-1  NULL_BULK         *-1  NULL_ARRAY
    :  int                 _  NULL                %  Map (list of pairs)
    ,  Double(float)       #  TRUE, FALSE         ~  Set(list)
    (  BigNumber(int)      !  BlobError(bytes)    >  Push(list)
    =  Verbatim(bytes)     |  Attributed(list): attributes and the reply

An error reply is returned, not raised: in these tests it is an answer like
any other. Raised are only ProtocolError (the bytes are no RESP), Closed (the
other side has gone) and socket.timeout. After a timeout in the middle of a
reply the same reply can be received again: nothing of it is lost.
"""

import re
import select
import socket

READ_BYTES = 1 << 18


class ProtocolError(Exception):
    """The other side sent what is not RESP."""


class Closed(ConnectionError):
    """The other side closed the connection within or before a reply."""


# --- values ----------------------------------------------------------------

class _Exact:
    """Equal only to a value of the very same type."""

    def __eq__(self, other):
        return type(self) is type(other) and super().__eq__(other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return super().__hash__()

    def __repr__(self):
        return "%s(%s)" % (type(self).__name__, super().__repr__())


class _Text(_Exact, bytes):
    """Bytes; a str given by a test is encoded."""

    def __new__(cls, text=b""):
        return super().__new__(
            cls, text.encode() if isinstance(text, str) else text)

    def __str__(self):
        return self.decode("utf-8", "backslashreplace")

    def __repr__(self):
        return "%s(%s)" % (type(self).__name__, bytes.__repr__(self))


class Simple(_Text):
    """+OK"""


class Error(_Text):
    """-CODE message"""

    @property
    def code(self):
        """The first word, which clients match on."""
        return bytes(self).split(b" ", 1)[0].decode()


class BlobError(Error):
    """!21 SYNTAX invalid syntax"""


class Verbatim(_Text):
    """=15 txt:Some string; the bytes include the format and its colon."""


class BigNumber(_Exact, int):
    """(12345"""


class Double(_Exact, float):
    """,3.14; `text` is what stood on the wire."""

    def __new__(cls, text):
        wire = text if isinstance(text, bytes) else repr(text).encode()
        self = super().__new__(cls, wire.decode())
        self.text = wire
        return self

    def __eq__(self, other): # nan equals nan when it was sent as nan
        return super().__eq__(other) or (
            type(self) is type(other) and self.text == other.text)

    __hash__ = float.__hash__


class Map(_Exact, list):
    """%2: a list of (key, value) pairs, as ordered and as often as sent."""
    __hash__ = None

    def get(self, key, default=None):
        """The value of key (str or bytes), as a dict would give it."""
        wanted = key.encode() if isinstance(key, str) else key
        for name, value in self:
            if bytes(name) == wanted:
                return value
        return default


class Set(_Exact, list):
    """~3: in the order sent."""
    __hash__ = None


class Push(_Exact, list):
    """>3: sent by the server on its own."""
    __hash__ = None


class Attributed(_Exact, list):
    """|1: [attributes as Map, the reply that they belong to]"""
    __hash__ = None


class _Constant:
    def __init__(self, name, truth):
        self._name = name
        self._truth = truth

    def __bool__(self):
        return self._truth

    def __repr__(self):
        return self._name


NULL = _Constant("NULL", False)
NULL_BULK = _Constant("NULL_BULK", False)
NULL_ARRAY = _Constant("NULL_ARRAY", False)
TRUE = _Constant("TRUE", True)
FALSE = _Constant("FALSE", False)


def is_null(value):
    """Whether value is a nil of either protocol version."""
    return value is NULL or value is NULL_BULK or value is NULL_ARRAY


# --- encoding --------------------------------------------------------------

def to_bytes(argument):
    """An argument as it goes over the wire."""
    if isinstance(argument, (bytes, bytearray, memoryview)):
        return bytes(argument)
    if isinstance(argument, bool):
        raise TypeError("a bool is no argument of a command")
    if isinstance(argument, (int, float)):
        return repr(argument).encode()
    return argument.encode()


def encode(*arguments):
    """One command as RESP."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = to_bytes(argument)
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


# --- decoding --------------------------------------------------------------

INTEGER = re.compile(rb"-?[0-9]+")


def integer(line):
    """An integer as a server may write it: int() allows more."""
    if INTEGER.fullmatch(line) is None:
        raise ProtocolError("no integer: %r" % line[:80])
    return int(line)


class Decoder:
    """Turns bytes into replies; more() is called for bytes that are missing.

    The bytes of the reply under way stay in the buffer until it is whole, so
    that they can be shown, and read again after an exception of more()."""

    def __init__(self, more):
        self._more = more
        self._buffer = bytearray()
        self._position = 0

    def feed(self, data):
        self._buffer += data

    def pending(self):
        """Bytes received that belong to no reply yet."""
        return bytes(self._buffer)

    def reply(self):
        """(value, bytes) of the next reply."""
        self._position = 0
        value = self._value()
        raw = bytes(memoryview(self._buffer)[:self._position])
        del self._buffer[:self._position]
        return value, raw

    def _line(self):
        searched = self._position
        while True:
            end = self._buffer.find(b"\r\n", searched)
            if end >= 0:
                break
            searched = max(self._position, len(self._buffer) - 1)
            self._more()
        line = bytes(self._buffer[self._position:end])
        self._position = end + 2
        return line

    def _exactly(self, size):
        end = self._position + size + 2
        while len(self._buffer) < end:
            self._more()
        if self._buffer[end - 2:end] != b"\r\n":
            raise ProtocolError("no CRLF after a bulk of %d bytes" % size)
        data = bytes(memoryview(self._buffer)[self._position:end - 2])
        self._position = end
        return data

    def _value(self):
        line = self._line()
        decode = self._DECODERS.get(line[:1])
        if decode is None:
            raise ProtocolError("unknown type in %r" % line[:80])
        try:
            return decode(self, line[1:])
        except ValueError as error:
            raise ProtocolError("bad line %r" % line[:80]) from error

    def _bulk(self, line):
        size = integer(line)
        return NULL_BULK if size == -1 else self._sized(line)

    def _sized(self, line):
        size = integer(line)
        if size < 0:
            raise ProtocolError("negative length %d" % size)
        return self._exactly(size)

    def _array(self, line):
        return NULL_ARRAY if integer(line) == -1 else self._values(line)

    def _values(self, line):
        count = integer(line)
        if count < 0:
            raise ProtocolError("negative count %d" % count)
        return [self._value() for _ in range(count)]

    def _map(self, line):
        return Map((self._value(), self._value()) for _ in range(integer(line)))

    def _null(self, line):
        if line:
            raise ProtocolError("null with %r" % line)
        return NULL

    def _bool(self, line):
        if line not in (b"t", b"f"):
            raise ProtocolError("boolean %r" % line)
        return TRUE if line == b"t" else FALSE

    _DECODERS = {
        b"+": lambda self, line: Simple(line),
        b"-": lambda self, line: Error(line),
        b":": lambda self, line: integer(line),
        b"$": _bulk,
        b"*": _array,
        b"_": _null,
        b"#": _bool,
        b",": lambda self, line: Double(line),
        b"(": lambda self, line: BigNumber(integer(line)),
        b"!": lambda self, line: BlobError(self._sized(line)),
        b"=": lambda self, line: Verbatim(self._sized(line)),
        b"%": _map,
        b"~": lambda self, line: Set(self._values(line)),
        b">": lambda self, line: Push(self._values(line)),
        b"|": lambda self, line: Attributed([self._map(line), self._value()]),
    }


def decode(data):
    """The replies that data holds, all of them whole."""
    def no_more():
        raise ProtocolError("incomplete reply")
    decoder = Decoder(no_more)
    decoder.feed(data)
    values = []
    while decoder.pending():
        values.append(decoder.reply()[0])
    return values


# --- the connection --------------------------------------------------------

def ready_for(wire, events, timeout_s):
    """What of these (and of errors) holds of the socket, or 0 in the end.
    select() can't look at more than 1024 descriptors."""
    poll = select.poll()
    poll.register(wire, events)
    found = poll.poll(None if timeout_s is None else timeout_s * 1000)
    return found[0][1] if found else 0


class RespClient:
    """One connection. Usable as a context manager."""

    def __init__(self, port=None, host="127.0.0.1", path=None, timeout_s=30):
        if path is not None:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout_s)
            self.socket.connect(path)
        else:
            self.socket = socket.create_connection((host, port), timeout_s)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = Decoder(self._read_more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def settimeout(self, timeout_s):
        self.socket.settimeout(timeout_s)

    # Sending.

    def send(self, *arguments):
        """Sends one command and returns without its reply."""
        self.socket.sendall(encode(*arguments))

    def send_raw(self, data):
        """Sends bytes as they are, well formed or not."""
        self.socket.sendall(data)

    def send_inline(self, line):
        """Sends an inline command."""
        self.socket.sendall(to_bytes(line) + b"\r\n")

    # Receiving.

    def _read_more(self):
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise Closed("closed with %r pending"
                         % self._decoder.pending()[:80])
        self._decoder.feed(data)

    def recv(self):
        """The next reply, or push."""
        return self._decoder.reply()[0]

    def recv_raw(self):
        """The bytes of the next whole reply."""
        return self._decoder.reply()[1]

    def recv_both(self):
        """(value, bytes) of the next whole reply."""
        return self._decoder.reply()

    def recv_many(self, count):
        return [self.recv() for _ in range(count)]

    def recv_until_closed(self):
        """All that comes until the other side closes, as bytes."""
        data = self._decoder.pending()
        self._decoder = Decoder(self._read_more)
        while True:
            try:
                more = self.socket.recv(READ_BYTES)
            except ConnectionResetError:
                return data
            if not more:
                return data
            data += more

    def nothing_to_read(self, seconds):
        """Whether no byte of a reply is there, nor comes in that time."""
        if self._decoder.pending():
            return False
        return not ready_for(self.socket, select.POLLIN, seconds)

    # Both.

    def call(self, *arguments):
        """Sends one command and returns its reply."""
        self.send(*arguments)
        return self.recv()

    def call_raw(self, *arguments):
        """Sends one command and returns the bytes of its reply."""
        self.send(*arguments)
        return self.recv_raw()

    def hello(self, version, *arguments):
        """Switches the protocol version."""
        return self.call("HELLO", version, *arguments)

    def pipeline(self, commands):
        """Sends all commands (tuples of arguments), returns all replies.

        Reads while it writes, so that a pipeline of any depth gets through to
        a server that stops reading while its replies are not taken."""
        commands = [encode(*command) for command in commands]
        self._write_and_read(b"".join(commands))
        return self.recv_many(len(commands))

    def _write_and_read(self, data):
        timeout_s = self.socket.gettimeout()
        unsent = memoryview(data)
        self.socket.setblocking(False)
        try:
            while unsent:
                ready = ready_for(self.socket, select.POLLIN | select.POLLOUT,
                                  timeout_s)
                if not ready:
                    raise socket.timeout("neither readable nor writable")
                if ready & ~select.POLLOUT:
                    self._read_more()
                if ready & select.POLLOUT:
                    unsent = unsent[self.socket.send(unsent):]
        finally:
            self.socket.settimeout(timeout_s)
