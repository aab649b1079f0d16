"""Clients that write and remember what they wrote and when, and what a store
may show of it after a crash.

Each writer has a database of its own and its own list of operations. A
store's state shows how many of them it contains; History.find() tells that
number. With it for all writers:

  cut       an operation that was answered before another one was sent is in
            the store if that other one is (whoever sent them): only then is
            what the store shows what all clients saw at one instant;
  age       the first operation that is missing was answered not long ago;
  promises  what CACHE FLUSH confirmed is there.

Times are of one monotonic clock. An operation's time of sending is taken before
and its time of answer after, so that none of this asks too much.
"""

import threading
import time

from lib import resp
from lib.resp import NULL_BULK, Error

PAIR = ("left", "right")
KEYS = 24
MANY = 180


class State:
    """One database: {key: (value, deadline in ms or None)}."""

    def __init__(self, keys=None):
        self.keys = dict(keys or {})

    def apply(self, words):
        name = words[0]
        keys = self.keys
        if name == "MSET":
            for key, value in zip(words[1::2], words[2::2]):
                keys[key] = (value, None)
        elif name == "SET":
            keys[words[1]] = (words[2],
                              int(words[4]) if len(words) > 3 else None)
        elif name in ("DEL", "GETDEL"):
            for key in words[1:]:
                keys.pop(key, None)
        elif name == "RENAME":
            keys[words[2]] = keys.pop(words[1])
        elif name == "APPEND":
            value, deadline = keys.get(words[1], (b"", None))
            keys[words[1]] = (value + words[2], deadline)
        elif name == "PEXPIREAT":
            if words[1] in keys:
                keys[words[1]] = (keys[words[1]][0], int(words[2]))
        elif name == "PERSIST":
            if words[1] in keys:
                keys[words[1]] = (keys[words[1]][0], None)
        elif name == "FLUSHDB":
            keys.clear()
        else:
            raise AssertionError(name)

    def at(self, now_ms):
        """Without what has expired by then."""
        return {key: entry for key, entry in self.keys.items()
                if entry[1] is None or entry[1] > now_ms}


class Writer(threading.Thread):
    """Writes until the connection ends."""

    def __init__(self, server, database, rng, base=None, number=0):
        super().__init__(daemon=True)
        self.database = database
        self.rng = rng
        self.base = State(base)  # what the store held when we began
        self.state = State(base) # with all operations
        self.number = number     # of the last MSET of the pair
        self.operations = []     # (words, number of the pair so far)
        self.sent = []           # seconds, of each operation
        self.answered = []       # the same, of those that were
        self.problem = None
        self.is_calm = False     # writes little
        self._first_number = number
        self._client = resp.RespClient(server.port, timeout_s=60)
        assert self._client.call("SELECT", database) == resp.Simple("OK")

    # --- what to write -----------------------------------------------------

    def _key(self, kind="k"):
        return "%s%d" % (kind, self.rng.randrange(KEYS))

    def _value(self, size):
        text = b"%d.%d " % (self.database, len(self.operations))
        return (text * (size // len(text) + 1))[:size]

    def _choose(self):
        rng = self.rng
        now_ms = int(time.time() * 1000)
        dice = rng.random()
        if dice < 0.40 or not self.state.keys:
            self.number += 1
            words = ["MSET"]
            for key in PAIR:
                words += [key, b"%d" % self.number]
            for _ in range(rng.randrange(3)):
                words += [self._key(), self._value(rng.randrange(2000))]
            if dice < 0.01: # larger than what is written at once
                for i in range(MANY):
                    words += ["m%d" % i, self._value(1500)]
            return words
        if dice < 0.60:
            return ["SET", self._key(), self._value(rng.randrange(3000))]
        if dice < 0.63:
            return ["SET", self._key("b"),
                    self._value(rng.randrange(17000, 200000))]
        if dice < 0.68: # expires while we write
            return ["SET", self._key("e"), self._value(100), "PXAT",
                    b"%d" % (now_ms + rng.randrange(5, 60))]
        if dice < 0.72:
            return ["SET", self._key(), self._value(100), "PXAT",
                    b"%d" % (now_ms + 100000000)]
        if dice < 0.76:
            return ["PEXPIREAT", self._key(), b"%d" % (now_ms + 10 ** 9)]
        if dice < 0.79:
            return ["PERSIST", self._key()]
        if dice < 0.86:
            return ["DEL", self._key(), self._key(rng.choice("kb"))]
        if dice < 0.93:
            return ["APPEND", self._key(), self._value(50)]
        if dice < 0.997:
            source = self._key(rng.choice("kkkb"))
            if source in self.state.keys:
                return ["RENAME", source, self._key(rng.choice("kkkb"))]
            return ["GETDEL", self._key()]
        return ["FLUSHDB"]

    # --- writing -----------------------------------------------------------

    def _round(self):
        depth = 1 if self.is_calm else self.rng.choice((1, 1, 1, 4, 12))
        first = len(self.operations)
        for _ in range(depth):
            words = self._choose()
            self.operations.append((words, self.number))
            self.state.apply(words)
        data = b"".join(resp.encode(*words)
                        for words, _ in self.operations[first:])
        self.sent += [time.monotonic()] * depth
        self._client.send_raw(data)
        for words, _ in self.operations[first:]:
            reply = self._client.recv()
            self.answered.append(time.monotonic())
            if isinstance(reply, Error):
                self.problem = (words[:2], reply)
                return
        if self.is_calm:
            time.sleep(0.02)

    def run(self):
        try:
            while self.problem is None:
                self._round()
        except (OSError, resp.ProtocolError):
            pass # the crash
        finally:
            self._client.close()

    def close(self):
        """For one that was never started."""
        self._client.close()

    # --- what is left ------------------------------------------------------

    def all_keys(self):
        return list(PAIR) + ["%s%d" % (kind, i) for kind in "kbe"
                             for i in range(KEYS)] \
            + ["m%d" % i for i in range(MANY)]

    def show(self, server):
        """{key: (value, deadline)} of the database as it is on disk, and how
        many keys it says it has."""
        client = server.raw()
        client.call("SELECT", self.database)
        keys = self.all_keys()
        seen = {}
        for key, value, deadline in zip(
                keys, client.pipeline([("GET", key) for key in keys]),
                client.pipeline([("PEXPIRETIME", key) for key in keys])):
            assert not isinstance(value, Error), (key, value)
            if value is not NULL_BULK:
                seen[key] = (value, None if deadline == -1 else deadline)
        size = client.call("DBSIZE")
        client.close()
        return seen, size

    def find(self, seen, now_ms):
        """(least, most): how many operations have been applied to make what
        was seen. More than one number is possible after those that change
        nothing."""
        left, right = (seen.get(key, (None, None))[0] for key in PAIR)
        assert left == right, "no cut: %r and %r" % (left, right)
        number = int(left) if left is not None else None
        state = State(self.base.keys)
        found = []
        count = 0
        while True:
            pair = state.keys.get("left")
            if (int(pair[0]) if pair else None) == number \
                    and state.at(now_ms) == seen:
                found.append(count)
            if count == len(self.operations):
                break
            state.apply(self.operations[count][0])
            count += 1
        assert found, self._explain(seen, number, now_ms)
        return found[0], found[-1]

    def _explain(self, seen, number, now_ms):
        """The nearest state, for the message."""
        state = State(self.base.keys)
        nearest = None
        for count in range(len(self.operations) + 1):
            pair = state.keys.get("left")
            if (int(pair[0]) if pair else None) == number:
                there = state.at(now_ms)
                wrong = sorted(key for key in set(there) | set(seen)
                               if there.get(key) != seen.get(key))
                if nearest is None or len(wrong) < len(nearest[1]):
                    nearest = (count, wrong)
            if count < len(self.operations):
                state.apply(self.operations[count][0])
        return "database %d shows no state that it ever had: pair %s, " \
            "nearest %s of %d, last operations %s" % (
                self.database, number, nearest, len(self.operations),
                [words[:2] for words, _ in self.operations[-20:]])

    def go_on(self, server, count, rng):
        """The same writer for a new server, from what the store has."""
        state = State(self.base.keys)
        number = self._first_number
        for words, number in self.operations[:count]:
            state.apply(words)
        return Writer(server, self.database, rng,
                      state.at(int(time.time() * 1000)), number)


class Flusher(threading.Thread):
    """Asks for CACHE FLUSH now and then."""

    def __init__(self, server, rng):
        super().__init__(daemon=True)
        self.confirmed_s = 0 # all answered before this is on disk
        self.count = 0
        self._rng = rng
        self._client = resp.RespClient(server.port, timeout_s=60)

    def run(self):
        try:
            while True:
                sent = time.monotonic()
                if self._client.call("CACHE", "FLUSH") == resp.Simple("OK"):
                    self.confirmed_s = sent
                    self.count += 1
                time.sleep(self._rng.random() * 0.3)
        except (OSError, resp.ProtocolError):
            pass
        finally:
            self._client.close()

    def close(self):
        self._client.close()


def check_cut(writers, counts, flusher, crash_s, most_age_s):
    """counts: find() of each writer. Raises if they are no cut, or an old
    one, or lack what was confirmed. Returns how many answered operations are
    missing."""
    newest_present = 0
    oldest_missing = float("inf")
    missing = 0
    for writer, (least, most) in zip(writers, counts):
        if least > 0:
            newest_present = max(newest_present, writer.sent[least - 1])
        if most < len(writer.answered):
            missing += len(writer.answered) - most
            oldest_missing = min(oldest_missing, writer.answered[most])
            assert writer.answered[most] > flusher.confirmed_s, \
                "CACHE FLUSH had confirmed what is missing now"
    assert oldest_missing >= newest_present, \
        "no cut: missing is what was answered %.3f s before something that " \
        "is there was sent" % (newest_present - oldest_missing)
    assert crash_s - oldest_missing <= most_age_s, \
        "what was answered %.3f s before the crash is missing" \
        % (crash_s - oldest_missing)
    return missing
