"""Runs generated batches against diskstore and redis-server and compares.

    differ = Differ(ours, theirs, generator, rules)
    differ.run(20000)       # raises Difference
    differ.compare_all()    # every key of every database

Replies must be the same bytes, unless a Rule of that command says that these
two may differ. What was answered is counted, for the test to judge coverage.

A step with may_wait may have its reply later: then the connection is left
waiting, with what was sent behind it. After each exchange both servers must
have answered the same ones of these.

Messages of pub/sub are told apart from replies; after each exchange all of
them are brought in, and each connection must have got the same ones in the
same order.
"""

import os
import re
import time

from lib import messages, resp
from lib.contents import contents_of
from lib.generator import ALL_CONNECTIONS, DATABASES, Own, Word
from lib.server import SLOWNESS, wait_until

# What shows all of a key of such a type, behind its name.
CONTENTS = {b"list": ("LRANGE", "0", "-1")}

# How long the same command takes to reach the clocks of both servers, besides
# the time that we measure.
CLOCK_MS = 5
HISTORY = 400_000 # steps kept for the report
SHOWN = 25
CHECK_EVERY = 500


class Difference(AssertionError):
    """The two servers disagree."""


class Rule:
    """Replies to this command may differ, if check(Reply pair) is true.

    errors: whether check is asked also when one of them is an error.
    known: the title of an entry in tests/oracle-differences."""

    def __init__(self, name, check, reason, errors=False, known=None):
        self.name = name
        self.check = check
        self.reason = reason
        self.errors = errors
        self.known = known


class Replies:
    """What a rule is given: the command, both replies, and where."""

    def __init__(self, step, words, ours, theirs, differ, early=(0, 0)):
        self.early = early          # messages that came before either reply
        self.step = step
        self.words = words          # of the command, as ours was asked
        self.ours = ours
        self.theirs = theirs
        self.our_names = differ.our_names
        self.slack_ms = differ.slack_ms()


# --- tests/oracle-differences ----------------------------------------------

FIELDS = ["7.0", "7.2", "source"]


def read_known(path):
    """{title: {"7.0": ..., "7.2": ..., "source": ...}}. The first paragraph
    is for people; each other one is an entry, complete and in order."""
    with open(path, encoding="utf-8") as file:
        paragraphs = [one for one in re.split(r"\n\s*\n", file.read())
                      if one.strip()]
    known = {}
    for paragraph in paragraphs[1:]:
        title, *lines = paragraph.strip("\n").split("\n")
        entry = {}
        for line in lines:
            field = re.match(r"    (\S+) +(\S.*)$", line)
            if field and not line.startswith(" " * 5):
                name, text = field.groups()
                entry[name] = text
            elif line.startswith(" " * 12) and entry:
                entry[name] += " " + line.strip()
            else:
                raise ValueError("%s: bad line %r" % (path, line))
        if title.startswith(" ") or list(entry) != FIELDS or title in known:
            raise ValueError("%s: bad entry %r" % (path, title))
        known[title] = entry
    return known


# --- the wire --------------------------------------------------------------

PLAIN = re.compile(rb"[A-Za-z0-9:|._+-]+")


def quoted(data):
    """An argument of an inline command."""
    if PLAIN.fullmatch(data):
        return data
    return b'"' + b"".join(b"\\x%02x" % byte for byte in data) + b'"'


SUBSCRIBING = ["subscribe", "psubscribe", "ssubscribe"]


class Wire(resp.RespClient):
    """A connection that sends much without waiting for replies, and that keeps
    messages apart."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.messages = []
        self.in_multi = False
        self._names = {name: set() for name in SUBSCRIBING}

    # What it is subscribed to is known from the replies.

    @property
    def subscribed(self):
        return any(self._names.values())

    def _note(self, step, reply):
        if step.name == "reset" and reply == resp.Simple("RESET"):
            self.in_multi = False
            for names in self._names.values():
                names.clear()
        elif step.name == "multi" and reply == resp.Simple("OK"):
            self.in_multi = True
        elif step.name in ("exec", "discard"):
            self.in_multi = False
        elif type(reply) in (list, resp.Push) and len(reply) == 3 and \
                step.name.replace("un", "") in SUBSCRIBING:
            names = self._names[step.name.replace("un", "")]
            change = names.discard if "un" in step.name else names.add
            change(reply[1])

    def _count(self, step, words, first):
        """How many replies follow the first."""
        if step.name.replace("un", "") not in SUBSCRIBING or \
                type(first) not in (list, resp.Push):
            return 0
        if len(words) > 1:
            return len(words) - 2
        return max(0, len(self._names[step.name.replace("un", "")]) - 1)

    def _reply(self):
        while True:
            value, data = self.recv_both()
            if not messages.is_message(value):
                return value, data
            self.messages.append(value)

    def replies(self, step, words):
        """(value, bytes) of the reply; of several, all of them as a list."""
        values, data = self._reply()
        more = self._count(step, words, values)
        self._note(step, values)
        if more > 0:
            values = [values]
        for _ in range(more):
            value, part = self._reply()
            self._note(step, value)
            values.append(value)
            data += part
        return values, data

    def bring_in(self):
        """All messages that are on their way."""
        if self.subscribed and not self.in_multi:
            self.messages += messages.drain(self)

    def taken(self):
        """All messages since the last time, but for those that come when they
        like: of keys that expire."""
        kept = [one for one in self.messages if not is_of_expiry(one)]
        self.messages = []
        return messages.in_any_order(kept)

    def send_batch(self, data):
        if len(data) < 50_000:
            self.socket.sendall(data)
        else:
            self._write_and_read(data)


def is_of_expiry(message):
    *_, channel, text = message
    return channel.endswith(b"__:expired") or \
        channel.startswith(b"__keyspace@") and text == b"expired"


class Side:
    """One of the two servers, and our connections to it."""

    def __init__(self, server):
        self.server = server
        self.wires = [None] * ALL_CONNECTIONS
        self._ids = [None] * ALL_CONNECTIONS

    def connect(self, number):
        if self.wires[number] is not None:
            self.wires[number].close()
        wire = self.wires[number] = Wire(self.server.port,
                                         timeout_s=60 * SLOWNESS)
        self._ids[number] = b"%d" % wire.call("CLIENT", "ID")

    def close(self):
        for wire in self.wires:
            wire.close()

    def words(self, step):
        """The arguments as this server must be told them."""
        return [self._fact(one) if isinstance(one, Own) else one
                for one in step.arguments]

    def _fact(self, own):
        if own.kind == "id":
            return self._ids[own.connection]
        socket = self.wires[own.connection].socket
        name = socket.getsockname() if own.kind == "addr" \
            else socket.getpeername()
        return b"%s:%d" % (name[0].encode(), name[1])

    def request(self, step):
        words = self.words(step)
        if step.inline:
            return b" ".join(map(quoted, words)) + b"\r\n"
        return resp.encode(*words)

    def expect_closed(self, number):
        """The server must have closed it, with nothing more to say."""
        left = self.wires[number].recv_until_closed()
        # Of messages some may have been on their way.
        if left and not all(map(messages.is_message, resp.decode(left))):
            raise Difference("%s sent %.200r before closing"
                             % (self.server.NAME, left))


# --- the comparison --------------------------------------------------------

class Differ:
    def __init__(self, ours, theirs, generator, rules):
        self.ours = Side(ours)
        self.theirs = Side(theirs)
        self._waiting = {}          # connection: steps that have no reply yet
        self.generator = generator
        self.rules = {}
        for rule in rules:
            self.rules.setdefault(rule.name, []).append(rule)
        self.our_names = set(generator.commands)
        self.steps = 0
        self.messages = 0
        self.waited = 0             # steps that had to wait for another's
        self.answered = set()       # names without an error
        self.refused = set()        # names with one
        self.tokens = set()         # (name, token) without an error
        self.known_met = set()      # entries of oracle-differences
        self._begun = time.monotonic()
        self._longest_ms = 0
        self._history = []
        for number in range(ALL_CONNECTIONS):
            self._connect(number)

    def _connect(self, number):
        self.ours.connect(number)
        self.theirs.connect(number)

    # --- running -----------------------------------------------------------

    def run(self, count):
        checked = 0
        for batch in self.generator.batches(count):
            try:
                self._run_batch(batch)
            except (OSError, resp.ProtocolError) as error:
                self._fail(batch.steps[-1], repr(error))
            if self.steps - checked >= CHECK_EVERY:
                checked = self.steps
                self._check_ours()

    def close(self):
        self.ours.close()
        self.theirs.close()

    def _check_ours(self):
        reply = self.ours.server.call("DEBUG", "CHECK")
        if isinstance(reply, resp.Error) and reply.code == "NOAUTH":
            return # the password is just being tried
        if reply != resp.Simple("OK"):
            raise Difference("DEBUG CHECK: %r" % reply)

    def _run_batch(self, batch):
        groups = [batch.steps] if batch.pipelined \
            else [[step] for step in batch.steps]
        for steps in groups:
            self._history += [(batch.connection, step) for step in steps]
            del self._history[:-HISTORY]
            self._begun = time.monotonic()
            self._exchange(batch.connection, steps)
            self._longest_ms = self._batch_ms()
            self.steps += len(steps)
        last = batch.steps[-1]
        for number in last.closes:
            self._reconnect(number)
        if last.settle is not None:
            self._settle(last.settle)

    def _batch_ms(self):
        """How long any batch took so far, the current one included."""
        return max(self._longest_ms,
                   (time.monotonic() - self._begun) * 1000)

    def slack_ms(self):
        """A deadline was set in one batch, and is asked for in another: so
        much may lie between what the two servers say."""
        return CLOCK_MS + 2 * self._batch_ms()

    def _exchange(self, number, steps):
        asked = [step for step in steps if not step.ours_only]
        ours, theirs = self.ours.wires[number], self.theirs.wires[number]
        # Words that differ are told before a step closes its connection.
        words = [self.ours.words(step) for step in steps]
        theirs.send_batch(b"".join(map(self.theirs.request, asked)))
        ours.send_batch(b"".join(map(self.ours.request, steps)))
        if steps[-1].ends_server:
            self._restart()
            return
        asked = list(zip(steps, words))
        if number in self._waiting or any(step.may_wait for step in steps):
            self._waiting.setdefault(number, []).extend(asked)
            asked = []
        for step, told in asked:
            our_reply, our_bytes = self._receive(ours, step, told, self.ours)
            if step.ours_only:
                self._judge_alone(step, our_reply)
                continue
            reply, reply_bytes = self._receive(theirs, step, told,
                                               self.theirs)
            early = self._early(ours, theirs) if step is steps[0] else (0, 0)
            if our_bytes != reply_bytes or early[0] != early[1]:
                self._judge(Replies(step, told, our_reply, reply, self, early),
                            our_bytes, reply_bytes)
            self._count(step, our_reply)
        if self._waiting:
            self._look_after_waiting()
        self._compare_messages(steps[-1])

    # --- who waits ---------------------------------------------------------

    def _look_after_waiting(self):
        """Replies that have come to those who wait: the same on both sides. In
        the end none of ours waits for anything but a key."""
        came = True
        while came:
            for side in (self.theirs, self.ours):
                # Whatever came before the first is answered by the second.
                side.server.call("PING")
                side.server.call("PING")
            came = any([self._take_reply(number)
                        for number in list(self._waiting)])
        if self._waiting:
            wait_until(lambda: self.ours.server.info("cache")[
                "cache_blocked_clients"] == 0, what="all have looked")
            for number, steps in self._waiting.items():
                if not self.ours.wires[number].nothing_to_read(0):
                    self._fail(steps[0][0], "ours has an answer, Redis waits")

    def _take_reply(self, number):
        """Whether the first in line of that connection has its reply now."""
        ours, theirs = self.ours.wires[number], self.theirs.wires[number]
        step, told = self._waiting[number][0]
        if theirs.nothing_to_read(0):
            return False
        our_reply, our_bytes = self._receive(ours, step, told, self.ours)
        reply, reply_bytes = self._receive(theirs, step, told, self.theirs)
        if our_bytes != reply_bytes:
            self._judge(Replies(step, told, our_reply, reply, self),
                        our_bytes, reply_bytes)
        self._count(step, our_reply)
        self.waited += 1
        del self._waiting[number][0]
        if not self._waiting[number]:
            del self._waiting[number]
        return True

    def _early(self, *wires):
        """Messages that came before the first reply."""
        return [len([one for one in wire.messages if not is_of_expiry(one)])
                for wire in wires]

    def _compare_messages(self, step):
        for number, wires in enumerate(zip(self.ours.wires,
                                           self.theirs.wires)):
            if number not in step.closes:
                for wire in wires:
                    wire.bring_in()
                ours, theirs = [wire.taken() for wire in wires]
                self.messages += len(ours)
                # Whether PEXPIRE 1 sets a deadline or deletes is a matter of
                # luck: that batch only has such.
                if ours != theirs and step.settle != "deadlines":
                    same = len(os.path.commonprefix([ours, theirs]))
                    self._fail(step, "messages to connection %d, from number "
                               "%d\n     ours %.600r\n    Redis %.600r"
                               % (number, same, ours[same:], theirs[same:]))

    def _receive(self, wire, step, words, side):
        try:
            return wire.replies(step, words)
        except (OSError, resp.ProtocolError) as error:
            self._fail(step, "%s: %r; it is %s" % (
                side.server.NAME, error,
                "running" if side.server.running else "not running"))

    def _count(self, step, reply):
        if isinstance(reply, resp.Error):
            self.refused.add(step.name)
            return
        self.answered.add(step.name)
        for token in step.tokens:
            self.tokens.add((step.name, token))

    def _judge(self, replies, our_bytes, their_bytes):
        is_error = any(isinstance(one, resp.Error)
                       for one in (replies.ours, replies.theirs))
        for rule in self.rules.get(replies.step.name, []):
            if is_error and not rule.errors:
                continue
            if rule.check(replies):
                self.known_met |= {rule.known} - {None}
                return
        self._fail(replies.step, "     ours %.600r\n    Redis %.600r"
                   % (our_bytes, their_bytes))

    def _judge_alone(self, step, reply):
        """A command that only diskstore has: no error unless it is the
        container alone, which never answers anything else."""
        if step.name != "cache" and isinstance(reply, resp.Error) \
                and reply.code != "ERR":
            self._fail(step, "     ours %r" % reply)
        for rule in self.rules.get(step.name, []):
            if not isinstance(reply, resp.Error) and not rule.check(
                    Replies(step, step.arguments, reply, None, self)):
                self._fail(step, "     ours %.600r: not %s"
                           % (reply, rule.reason))
        self._count(step, reply)

    # --- closing, waiting, starting again ----------------------------------

    def _reconnect(self, number):
        for side in (self.ours, self.theirs):
            side.expect_closed(number)
        self._connect(number)

    def _settle(self, what):
        if what == "deadlines":
            time.sleep(0.02)
            return
        wait_until(lambda: all(
            self.theirs.server.info("persistence")[name] == 0 for name in
            ("rdb_bgsave_in_progress", "aof_rewrite_in_progress")),
            what="Redis has saved")

    def _restart(self):
        step = self._history[-1][1]
        for side in (self.ours, self.theirs):
            for wire in side.wires:
                left = wire.recv_until_closed()
                if left:
                    self._fail(step, "%s sent %r" % (side.server.NAME, left))
            status = side.server.wait_exit()
            if status != 0:
                self._fail(step, "%s ended with status %d"
                           % (side.server.NAME, status))
            side.server.start()
        for number in range(ALL_CONNECTIONS):
            self._connect(number)
        self.answered.add(step.name)
        self.tokens |= {(step.name, token) for token in step.tokens}

    # --- all keys ----------------------------------------------------------

    def compare_all(self, cold=False):
        """Every key of both servers. cold: from disk."""
        keys = set(self.generator.used_keys)
        for wire in (self.ours.wires[0], self.theirs.wires[0]):
            wire.call("HELLO", "2")
        compared = 0
        for database in DATABASES:
            compared += self._compare_database(database, keys, cold)
        self._check_ours()
        return compared

    def _both(self, *words):
        return (self.ours.wires[0].call(*words),
                self.theirs.wires[0].call(*words))

    def _compare_database(self, database, keys, cold):
        self._both("SELECT", database)
        keys = sorted(keys | set(self.theirs.wires[0].call("KEYS", "*")))
        # Whoever is expired and still there is so no more then.
        self._both("EXISTS", *keys)
        if cold:
            assert self.ours.wires[0].call("CACHE", "FLUSH") \
                == resp.Simple("OK")
            self.ours.wires[0].call("CACHE", "EVICT", *keys)
        sizes = self._both("DBSIZE")
        if sizes[0] != sizes[1]:
            raise Difference("database %s: DBSIZE %d, not %d; %s" % (
                database, sizes[0], sizes[1], self._who_differs(keys)))
        for first in range(0, len(keys), 50):
            self._compare_keys(database, keys[first:first + 50])
        return sizes[0]

    def _compare_keys(self, database, keys):
        commands = [(name, key) for key in keys
                    for name in ("GET", "TYPE", "PEXPIRETIME")]
        commands += [(CONTENTS[kind][0], key) + CONTENTS[kind][1:]
                     for key, kind in self._collections(keys)]
        ours = self.ours.wires[0].pipeline(commands)
        theirs = self.theirs.wires[0].pipeline(commands)
        for command, mine, other in zip(commands, ours, theirs):
            if mine == other or (
                    command[0] == "PEXPIRETIME" and mine > 0 and other > 0
                    and abs(mine - other) <= self.slack_ms()):
                continue
            self._tell("database %s at the end: %s %r\n     ours %.300r\n"
                       "    Redis %.300r" % (
                           database.decode(), *command[:2], mine, other),
                       command[1])
        for key in keys:
            mine, other = [contents_of(side.wires[0], key)
                           for side in (self.ours, self.theirs)]
            if mine != other:
                self._tell("database %s at the end: all of %r\n"
                           "     ours %.300r\n    Redis %.300r"
                           % (database.decode(), key, mine, other), key)

    def _collections(self, keys):
        kinds = self.theirs.wires[0].pipeline([("TYPE", key) for key in keys])
        return [(key, kind) for key, kind in zip(keys, kinds)
                if kind in CONTENTS]

    def _who_differs(self, keys):
        differing = []
        for key in keys:
            ours, theirs = self._both("EXISTS", key)
            if ours != theirs:
                differing.append((key, ours, theirs))
        return "EXISTS differs: %r" % differing[:20]

    # --- telling -----------------------------------------------------------

    def _fail(self, step, text):
        key = step.arguments[1] if len(step.arguments) > 1 else None
        self._tell("command %d: %r\n%s" % (self.steps, step, text), key)

    def _tell(self, text, key):
        """Raises, with what came before: last of all, and of this key."""
        last = self._history[-SHOWN:]
        lines = ["%d: %r" % one for one in last]
        if isinstance(key, bytes) and not isinstance(key, Word):
            same = [one for one in self._history
                    if key in one[1].arguments[1:]
                    or one[1].name in ("flushall", "select", "flushdb")]
            lines = ["%d: %r" % one for one in same[-SHOWN:]] + [
                "--- and, whatever the key"] + lines
        raise Difference("%s\n--- before\n%s" % (text, "\n".join(lines)))
