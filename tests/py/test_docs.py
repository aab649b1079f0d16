"""The documents say what the server does: the README's list of commands, and
the worked example of docs/FORMAT.md, computed anew from its own rules."""

import ctypes
import os
import re

from lib.resp import Error

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MASK = (1 << 64) - 1


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


# --- README ------------------------------------------------------------------

def commands_of_readme():
    """GET, and CLIENT (ID LIST) as client, client|id, client|list."""
    section = read("README.md").split("## Commands")[1].split("Missing:")[0]
    text = " ".join(re.findall(r"^- \*\*\w+\*\*:(.*(?:\n  .*)*)", section,
                               re.MULTILINE))
    names = []
    for name, subs in re.findall(r"([A-Z_]+)(?:\s+\(([A-Z\s-]+)\))?", text):
        names.append(name.lower())
        names += ["%s|%s" % (name.lower(), sub.lower())
                  for sub in subs.split()]
    return names


def test_readme_lists_all_commands(server):
    listed = commands_of_readme()
    known = [name.decode() for name in server.call("COMMAND", "LIST")]
    assert len(listed) > 70
    # In Redis DEBUG has no subcommands that COMMAND tells of.
    listed = [name for name in listed if not name.startswith("debug|")]
    assert sorted(listed) == sorted(known)


def test_what_readme_calls_missing_is_missing(server):
    text = read("README.md").split("Missing:")[1].split("\n\n")[0]
    names = [name for name in re.findall(r"\b[A-Z]{4,}\b", text)
             if name not in ("ACLS", "BGSAVE", "BGREWRITEAOF", "DEBUG")]
    assert len(names) >= 1
    for name in names:
        reply = server.call(name)
        assert isinstance(reply, Error), name
        assert b"unknown command" in reply, name


# --- FORMAT ------------------------------------------------------------------

def rotate(value, bits):
    return (value << bits | value >> (64 - bits)) & MASK


def sip_round(v):
    v[0] = (v[0] + v[1]) & MASK
    v[1] = rotate(v[1], 13) ^ v[0]
    v[0] = rotate(v[0], 32)
    v[2] = (v[2] + v[3]) & MASK
    v[3] = rotate(v[3], 16) ^ v[2]
    v[0] = (v[0] + v[3]) & MASK
    v[3] = rotate(v[3], 21) ^ v[0]
    v[2] = (v[2] + v[1]) & MASK
    v[1] = rotate(v[1], 17) ^ v[2]
    v[2] = rotate(v[2], 32)


def siphash13(k0, k1, text):
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
         k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]
    whole = len(text) // 8 * 8
    last = int.from_bytes(text[whole:], "little") | (len(text) & 255) << 56
    words = [int.from_bytes(text[i:i + 8], "little")
             for i in range(0, whole, 8)]
    for word in words + [last]:
        v[3] ^= word
        sip_round(v)
        v[0] ^= word
    v[2] ^= 255
    for _ in range(3):
        sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def slot_of(text):
    crc = 0
    for byte in text:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xffff
    return crc % 16384


def checksum(text):
    xxh3 = ctypes.CDLL("libxxhash.so.0").XXH3_64bits
    xxh3.restype = ctypes.c_uint64
    xxh3.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return (xxh3(text, len(text)) & 0xffffffff).to_bytes(4, "big")


def be(number, size):
    return number.to_bytes(size, "big")


def example():
    """What the example should be, from the rules: payloads by key."""
    user_key = b"user:1"
    k0, k1 = 0x0001020304050607, 0x08090a0b0c0d0e0f
    slot = slot_of(user_key)
    key = (b"k" + be(1, 4) + be(slot, 2) +
           be(siphash13(k0, k1, user_key) >> 16, 6) + user_key)
    deadline = be(1798761600000, 8)
    version = b"\xac\x02"
    object_id = be(slot << 50 | 7, 8)
    small = b"\0" + version + b"alice"
    value = b"\x02" + small
    root = bytes([8, 5, 0xfc, 0xb9, 5, 7, 6, 0xf0, 0xa2, 4])
    page = b"\x12\x04" + (2).to_bytes(2, "little") + \
        (13).to_bytes(4, "little") + bytes(4) + \
        b"\x08nameAnn" + b"\x06age" + b"\x2a" + \
        (16).to_bytes(2, "little") + (27).to_bytes(2, "little")
    return [
        (key, small),
        (key, b"\x10" + version + deadline + b"alice"),
        (b"e" + deadline + key, be(0, 8)),
        (key, b"\x20" + version + object_id + root),
        (key, b"\x04" + version + page),
        (b"go" + object_id, b""),
        (b"gs" + be(1, 8), b""),
        (b"mformat", be(2, 4)),
        (b"mhashkey", be(k0, 8) + be(k1, 8)),
        (b"mids", be(301, 8) + be(1 + (1 << 26), 8) + be(3, 4)),
        (b"mspaces", be(1, 4) + be(2, 4)),
        (b"mcount" + be(1, 4) + be(slot // 64, 1),
         bytes(int(i == slot % 64) for i in range(64))),
        (b"mexpires" + be(1, 4), b"\x01"),
        (b"mdoubt", b""),
        (b"s" + be(9, 8) + be(0, 4),
         b"\x01" + be(len(key), 1) + key + value + checksum(key + value)),
        (b"mstaged", be(9, 8)),
    ]


def test_format_example_is_right():
    section = read("docs/FORMAT.md").split("## An example")[1]
    found = re.findall(r"^    key +([0-9a-f ]+)\n"
                       r"    value +((?:[0-9a-f ]|\n {5,})+)$",
                       section, re.MULTILINE)
    records = [tuple(bytes.fromhex("".join(text.split())) for text in pair)
               for pair in found]
    expected = []
    for key, payload in example():
        body = b"\x02" + payload
        expected.append((key, body + checksum(key + body)))
    assert [(k.hex(), v.hex()) for k, v in records] == \
        [(k.hex(), v.hex()) for k, v in expected]
