"""Changes a store's files while no server has them open, as a bad disk, a bad
copy or another version of the program would.

    records = Log(server.ds_path).records()          # what a kill -9 left
    Log(server.ds_path).append([(key, value)])       # a batch of its own
    flip(path, position)                             # one bit of a file

The log is LevelDB's: blocks of 32 KB, in them fragments (crc32c, length, type),
put together to batches (sequence, count, puts and deletes). Batches that are
appended here look to LevelDB like its own, so that what is wrong in them is
seen by our own checks only. docs/FORMAT.md has the records.
"""

import ctypes
import glob
import hashlib
import os
import stat
import struct

BLOCK_BYTES = 32768
HEADER_BYTES = 7
FOOTER_BYTES = 48
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
DELETE, PUT = 0, 1


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC = _crc_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def masked(crc):
    """As LevelDB stores a checksum."""
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return number, at


class Log:
    """The newest log of a store."""

    def __init__(self, ds_path):
        self.path = sorted(glob.glob(os.path.join(ds_path, "data/*.log")))[-1]

    def batches(self):
        """[(sequence, [(kind, key, value), ...]), ...]"""
        with open(self.path, "rb") as file:
            data = file.read()
        whole = []
        parts = b""
        at = 0
        while len(data) - at >= HEADER_BYTES:
            left = BLOCK_BYTES - at % BLOCK_BYTES
            if left < HEADER_BYTES:
                at += left
                continue
            _, size, kind = struct.unpack_from("<IHB", data, at)
            parts += data[at + HEADER_BYTES:at + HEADER_BYTES + size]
            at += HEADER_BYTES + size
            if kind in (FULL, LAST):
                whole.append(self._batch(parts))
                parts = b""
        return whole

    @staticmethod
    def _batch(data):
        sequence, count = struct.unpack_from("<QI", data)
        at = 12
        changes = []
        for _ in range(count):
            kind = data[at]
            size, at = read_varint(data, at + 1)
            key = data[at:at + size]
            at += size
            value = None
            if kind == PUT:
                size, at = read_varint(data, at)
                value = data[at:at + size]
                at += size
            changes.append((kind, key, value))
        return sequence, changes

    def records(self):
        """What the log puts and does not delete again: {key: value}."""
        records = {}
        for _, changes in self.batches():
            for kind, key, value in changes:
                if kind == PUT:
                    records[key] = value
                else:
                    records.pop(key, None)
        return records

    def key_record(self, user_key):
        """The key of the record of a user key (database 0 or any)."""
        found = [key for key in self.records()
                 if key[:1] == b"k" and key[13:] == user_key.encode()]
        assert len(found) == 1, found
        return found[0]

    def append(self, puts, deletes=()):
        """One batch more: [(key, value), ...] and [key, ...]."""
        sequence, changes = self.batches()[-1]
        body = b"".join(bytes([PUT]) + varint(len(key)) + key
                        + varint(len(value)) + value for key, value in puts)
        body += b"".join(bytes([DELETE]) + varint(len(key)) + key
                         for key in deletes)
        data = struct.pack("<QI", sequence + len(changes),
                           len(puts) + len(deletes)) + body
        at = os.path.getsize(self.path)
        with open(self.path, "ab") as file:
            file.write(self._fragments(data, at))

    @staticmethod
    def _fragments(data, at):
        out = b""
        is_first = True
        while True:
            left = BLOCK_BYTES - (at + len(out)) % BLOCK_BYTES
            if left < HEADER_BYTES:
                out += bytes(left)
                left = BLOCK_BYTES
            piece, data = (data[:left - HEADER_BYTES],
                           data[left - HEADER_BYTES:])
            kind = (FULL if is_first else LAST) if not data \
                else (FIRST if is_first else MIDDLE)
            crc = masked(crc32c(bytes([kind]) + piece))
            out += struct.pack("<IHB", crc, len(piece), kind) + piece
            is_first = False
            if not data:
                return out


def checksum(key, body):
    """What our records end with."""
    xxhash = ctypes.CDLL("libxxhash.so.0")
    xxhash.XXH3_64bits.restype = ctypes.c_uint64
    xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    data = key + body
    return struct.pack(">I", xxhash.XXH3_64bits(data, len(data)) & 0xffffffff)


def sealed(key, body):
    """A record's value that our checks find good: version and payload, then
    the checksum."""
    return body + checksum(key, body)


# --- bytes of files --------------------------------------------------------

def tables(ds_path):
    return sorted(glob.glob(os.path.join(ds_path, "data/*.ldb")))


def parts(path):
    """Where the parts of a table are: {name: (offset, size)}. Data blocks come
    first; the footer at the end leads to the others."""
    with open(path, "rb") as file:
        data = file.read()
    footer = len(data) - FOOTER_BYTES
    at = footer
    handles = []
    for _ in range(4):
        number, at = read_varint(data, at)
        handles.append(number)
    meta, index = tuple(handles[:2]), tuple(handles[2:])
    # The meta index has one entry: its key, which we skip, and the filter.
    _, at = read_varint(data, meta[0])
    key_size, at = read_varint(data, at)
    _, at = read_varint(data, at)
    offset, at = read_varint(data, at + key_size)
    size, _ = read_varint(data, at)
    return {"data": (0, offset), "filter": (offset, size), "meta": meta,
            "index": index, "footer": (footer, FOOTER_BYTES)}


def flip(path, position, bit=1):
    """Changes one bit."""
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)
        file.seek(position)
        file.write(bytes([byte[0] ^ bit]))


def find(paths, text):
    """(path, position) of a text that stands in one of the files, once."""
    found = []
    for path in paths:
        with open(path, "rb") as file:
            data = file.read()
        at = data.find(text)
        while at >= 0:
            found.append((path, at))
            at = data.find(text, at + 1)
    assert len(found) == 1, (text[:40], found)
    return found[0]


def fingerprint(path):
    """All that there is under a path: names, kinds, modes, sizes, times of
    change and contents. Equal means that nobody touched it."""
    seen = {}
    for directory, names, files in os.walk(path):
        for name in [""] + names + files:
            full = os.path.join(directory, name)
            status = os.lstat(full)
            what = [status.st_mode, status.st_uid, status.st_mtime_ns]
            if stat.S_ISREG(status.st_mode):
                with open(full, "rb") as file:
                    what.append(hashlib.sha256(file.read()).hexdigest())
            elif stat.S_ISLNK(status.st_mode):
                what.append(os.readlink(full))
            seen[os.path.relpath(full, path)] = what
    if not os.path.isdir(path) and os.path.lexists(path):
        status = os.lstat(path)
        seen["."] = [status.st_mode, status.st_uid, status.st_mtime_ns]
        with open(path, "rb") as file:
            seen["."].append(file.read())
    return seen
