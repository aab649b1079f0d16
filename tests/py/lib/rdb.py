"""Redis's serialization for tests, written apart from src/codec: dumps as any
Redis would have written them, also those that 7.0 no longer can, and what a
dump says.

    dump(HASH, pairs({b"f": b"v"}))     a payload for RESTORE
    dump(LIST_ZIPLIST, string(ziplist([b"a", 1])))
    value_of(payload)                   (b"hash", {b"f": b"v"})
"""

import struct

STRING, LIST, SET, ZSET, HASH, ZSET_2 = range(6)
HASH_ZIPMAP, LIST_ZIPLIST, SET_INTSET, ZSET_ZIPLIST, HASH_ZIPLIST = \
    range(9, 14)
LIST_QUICKLIST, STREAM, HASH_LISTPACK, ZSET_LISTPACK, LIST_QUICKLIST_2 = \
    range(14, 19)
SET_LISTPACK = 20
PLAIN, PACKED = 1, 2

VERSION = 10


# --- checksum --------------------------------------------------------------

def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x95AC9329AC4BC9B5 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = _crc_table()


def crc64(data):
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    return crc


def footer(body, version=VERSION):
    body += struct.pack("<H", version)
    return body + struct.pack("<Q", crc64(body))


def dump(kind, body, version=VERSION):
    return footer(bytes([kind]) + body, version)


# --- writing ---------------------------------------------------------------

def length(number):
    if number < 1 << 6:
        return bytes([number])
    if number < 1 << 14:
        return struct.pack(">H", number | 0x4000)
    if number < 1 << 32:
        return b"\x80" + struct.pack(">I", number)
    return b"\x81" + struct.pack(">Q", number)


def string(text):
    return length(len(text)) + text


def integer(number, width):
    return bytes([0xC0 | {1: 0, 2: 1, 4: 2}[width]]) + \
        number.to_bytes(width, "little", signed=True)


def lzf(text):
    """Compressed by the one thing that this knows: runs of a byte."""
    packed, at = b"", 0
    while at < len(text):
        run = 1
        while run < 264 and text[at:at + 1] * (run + 1) == \
                text[at:at + run + 1]:
            run += 1
        packed += b"\x00" + text[at:at + 1]
        if run >= 10: # behind the first: as many as one byte back
            packed += bytes([0xE0, run - 1 - 9, 0])
            at += run
        else:
            at += 1
    return b"\xc3" + length(len(packed)) + length(len(text)) + packed


def strings(texts):
    return length(len(texts)) + b"".join(map(string, texts))


def pairs(fields):
    return length(len(fields)) + b"".join(
        string(field) + string(value) for field, value in fields.items())


def scores(members):
    return length(len(members)) + b"".join(
        string(member) + struct.pack("<d", score)
        for member, score in members.items())


def score_text(score):
    named = {"nan": 253, "inf": 254, "-inf": 255}
    text = repr(score)
    return bytes([named[text]]) if text in named else \
        bytes([len(text)]) + text.encode()


def scores_as_text(members):
    return length(len(members)) + b"".join(
        string(member) + score_text(score)
        for member, score in members.items())


def intset(numbers):
    width = next(one for one in (2, 4, 8) if all(
        -1 << 8 * one - 1 <= number < 1 << 8 * one - 1 for number in numbers))
    return struct.pack("<II", width, len(numbers)) + b"".join(
        number.to_bytes(width, "little", signed=True)
        for number in sorted(numbers))


def _ziplist_value(value):
    if isinstance(value, int):
        if 0 <= value <= 12:
            return bytes([0xF1 + value])
        for width, mark in ((1, 0xFE), (2, 0xC0), (3, 0xF0), (4, 0xD0),
                            (8, 0xE0)):
            if -1 << 8 * width - 1 <= value < 1 << 8 * width - 1:
                return bytes([mark]) + value.to_bytes(width, "little",
                                                      signed=True)
    if len(value) < 1 << 6:
        return bytes([len(value)]) + value
    if len(value) < 1 << 14:
        return struct.pack(">H", len(value) | 0x4000) + value
    return b"\x80" + struct.pack(">I", len(value)) + value


def ziplist(values):
    """Numbers as int, texts as bytes."""
    body, previous, tail = b"", 0, 10
    for value in values:
        tail = 10 + len(body)
        before = bytes([previous]) if previous < 254 else \
            b"\xfe" + struct.pack("<I", previous)
        entry = before + _ziplist_value(value)
        previous = len(entry)
        body += entry
    return struct.pack("<IIH", 11 + len(body), tail,
                       min(len(values), 65535)) + body + b"\xff"


def zipmap(fields):
    def size(text):
        return bytes([len(text)]) if len(text) < 254 else \
            b"\xfe" + struct.pack("<I", len(text))
    body = b"".join(size(field) + field + size(value) + b"\x01" + value +
                    b"\xff" for field, value in fields.items())
    return bytes([min(len(fields), 254)]) + body + b"\xff"


def _listpack_value(value):
    if isinstance(value, int):
        if 0 <= value < 128:
            return bytes([value])
        if -4096 <= value < 4096:
            return struct.pack(">H", 0xC000 | value & 0x1FFF)
        for width, mark in ((2, 0xF1), (3, 0xF2), (4, 0xF3), (8, 0xF4)):
            if -1 << 8 * width - 1 <= value < 1 << 8 * width - 1:
                return bytes([mark]) + value.to_bytes(width, "little",
                                                      signed=True)
    if len(value) < 64:
        return bytes([0x80 | len(value)]) + value
    if len(value) < 4096:
        return struct.pack(">H", 0xE000 | len(value)) + value
    return b"\xf0" + struct.pack("<I", len(value)) + value


def _backwards(size):
    back = [size & 127]
    while size > 127:
        size >>= 7
        back.append(size & 127)
    return bytes([back[-1]] + [one | 128 for one in reversed(back[:-1])])


def listpack(values):
    body = b""
    for value in values:
        entry = _listpack_value(value)
        body += entry + _backwards(len(entry))
    return struct.pack("<IH", 7 + len(body), min(len(values), 65535)) + \
        body + b"\xff"


# --- reading ---------------------------------------------------------------

def _unpack_lzf(packed, size):
    out, at = bytearray(), 0
    while at < len(packed):
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at:at + control + 1]
            at += control + 1
            continue
        count = control >> 5
        if count == 7:
            count += packed[at]
            at += 1
        back = (control & 31) << 8 | packed[at]
        at += 1
        begin = len(out) - back - 1
        for i in range(count + 2):
            out.append(out[begin + i])
    assert len(out) == size
    return bytes(out)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        part = self.data[self.at:self.at + count]
        assert len(part) == count
        self.at += count
        return part

    def length(self):
        first = self.take(1)[0]
        if first < 0x40:
            return first
        if first < 0x80:
            return (first & 63) << 8 | self.take(1)[0]
        assert first in (0x80, 0x81), first
        return int.from_bytes(self.take(4 if first == 0x80 else 8), "big")

    def string(self):
        first = self.data[self.at]
        if first < 0xC0:
            return self.take(self.length())
        self.at += 1
        if first == 0xC3:
            packed, size = self.length(), self.length()
            return _unpack_lzf(self.take(packed), size)
        return b"%d" % int.from_bytes(self.take(1 << (first & 63)), "little",
                                      signed=True)


def _intset_values(packed):
    width, count = struct.unpack_from("<II", packed)
    assert len(packed) == 8 + width * count
    return [b"%d" % int.from_bytes(packed[at:at + width], "little",
                                   signed=True)
            for at in range(8, len(packed), width)]


def _listpack_values(packed):
    size, count = struct.unpack_from("<IH", packed)
    assert size == len(packed) and packed[-1] == 0xFF
    values, reader = [], Reader(packed)
    reader.at = 6
    while reader.data[reader.at] != 0xFF:
        begin, first = reader.at, reader.take(1)[0]
        if first < 0x80:
            value = b"%d" % first
        elif first < 0xC0:
            value = reader.take(first & 63)
        elif first < 0xE0:
            number = (first & 31) << 8 | reader.take(1)[0]
            value = b"%d" % (number - (8192 if number >= 4096 else 0))
        elif first < 0xF0:
            value = reader.take((first & 15) << 8 | reader.take(1)[0])
        elif first == 0xF0:
            value = reader.take(int.from_bytes(reader.take(4), "little"))
        else:
            width = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}[first]
            value = b"%d" % int.from_bytes(reader.take(width), "little",
                                           signed=True)
        back = _backwards(reader.at - begin)
        assert reader.take(len(back)) == back
        values.append(value)
    assert count in (len(values), 65535)
    assert reader.at == len(packed) - 1
    return values


def _score(text):
    return float(text) + 0.0 # no sign of zero


def _pairs_of(values, second=bytes):
    assert len(values) % 2 == 0
    found = {key: second(value)
             for key, value in zip(values[::2], values[1::2])}
    assert len(found) == len(values) // 2
    return found


def _nodes(reader):
    values = []
    for _ in range(reader.length()):
        kind, data = reader.length(), reader.string()
        values += [data] if kind == PLAIN else _listpack_values(data)
    return values


def _double(reader):
    return struct.unpack("<d", reader.take(8))[0] + 0.0


def _object(kind, reader):
    """Of the types that version 10 has."""
    if kind == STRING:
        return b"string", reader.string()
    if kind == LIST_QUICKLIST_2:
        return b"list", _nodes(reader)
    if kind in (SET, SET_INTSET):
        members = _intset_values(reader.string()) if kind == SET_INTSET else \
            [reader.string() for _ in range(reader.length())]
        assert len(set(members)) == len(members)
        return b"set", sorted(members)
    if kind == HASH_LISTPACK:
        return b"hash", _pairs_of(_listpack_values(reader.string()))
    if kind == HASH:
        return b"hash", _pairs_of([reader.string()
                                   for _ in range(2 * reader.length())])
    if kind == ZSET_LISTPACK:
        return b"zset", _pairs_of(_listpack_values(reader.string()), _score)
    assert kind == ZSET_2, kind
    return b"zset", {reader.string(): _double(reader)
                     for _ in range(reader.length())}


def value_of(payload):
    """(type, value): bytes, a list, a sorted list of members, a dict. Of
    what diskstore and Redis 7.0 dump; an AssertionError for all else."""
    body, rest = payload[:-10], payload[-10:]
    assert struct.unpack("<H", rest[:2])[0] == VERSION
    assert struct.unpack("<Q", rest[2:])[0] == crc64(payload[:-8])
    reader = Reader(body)
    found = _object(reader.take(1)[0], reader)
    assert reader.at == len(body)
    return found
