"""Random commands for the differential test, by a seed.

Generator(seed, names).batches(count) gives Batches of Steps: what to send on
one of a few connections, at once or one by one. It never sees a reply, and
nothing in it depends on time, so that a seed is a whole run.

What is generated is driven by the names that the server's own command table
tells (COMMAND LIST): each of them needs a function in grammar.py. Choices are
dealt from shuffled decks rather than drawn: in a long run everything that can
be chosen is chosen, and about as often as anything else.

Two servers can't be asked at the same instant. So deadlines are in the past,
far in the future, or, in the episode `short`, passed for sure before the next
command. Which keys are expired is then the same for both servers.
"""

import collections
import random

# --- what a step is made of ------------------------------------------------

class Word(bytes):
    """An option's word, in any case; `token` is what it is counted as."""

    def __new__(cls, token, shown=None):
        self = super().__new__(cls, (shown or token).encode())
        self.token = token
        return self


class Own:
    """A fact about a connection that differs between the servers."""

    def __init__(self, kind, connection):
        self.kind = kind # "id", "addr" or "laddr"
        self.connection = connection

    def __repr__(self):
        return "<%s of connection %d>" % (self.kind, self.connection)


class Step:
    """One command. arguments are bytes, Words and Owns, its name included."""

    def __init__(self, name, arguments=()):
        self.name = name            # "set", "client|list"
        self.arguments = list(arguments)
        self.ours_only = False      # redis-server is not asked
        self.inline = False         # not as an array of bulk strings
        self.closes = []            # connections that both servers close then
        self.settle = None          # what to wait for before the next batch
        self.ends_server = False    # both servers end, and start again
        self.may_wait = False       # for a key that another connection brings

    @property
    def tokens(self):
        return {one.token for one in self.arguments if isinstance(one, Word)}

    @property
    def ends_batch(self):
        return bool(self.closes or self.settle or self.ends_server)

    def size(self):
        return sum(len(one) for one in self.arguments
                   if not isinstance(one, Own))

    def weight(self):
        """Its size, and what events of long keys may add for listeners."""
        return self.size() + 8 * sum(
            len(one) for one in self.arguments if one in SPECIAL_KEYS)

    def __repr__(self):
        shown = [repr(one) if isinstance(one, Own) or len(one) < 60
                 else "%r...(%d bytes)" % (bytes(one[:30]), len(one))
                 for one in self.arguments]
        return " ".join(shown)


class Batch:
    """Steps for one connection, sent as one if pipelined."""

    def __init__(self, connection, steps, pipelined=True):
        self.connection = connection
        self.steps = steps
        self.pipelined = pipelined


# --- pools -----------------------------------------------------------------

SPECIAL_KEYS = [b"", b"\x00\r\n\xff", b"key with spaces", b'"quoted"',
                "schl\u00fcssel".encode(), b"l" * 300, b"L" * 20_000, b"{tag}k",
                b"*", b"$1"]
INTEGERS = [b"0", b"1", b"-1", b"10", b"-10", b"9223372036854775807",
            b"-9223372036854775808", b"9223372036854775806", b"4294967296",
            b"2147483648", b"-2147483649"]
FLOATS = [b"0.1", b"-0.1", b"3.0e3", b"5e-5", b"1.5", b"-0", b"0.0", b"1e17",
          b"123456789.123456789", b"1e308", b"-1e308", b"1e4932", b"1e-4950",
          b"3.141592653589793238462643", b".5", b"5."]
# What is no integer, none that fits, or no float. None of them is a number
# that would set a deadline in the near future.
JUNK = [b"", b"x", b" 1", b"1 ", b"+1", b"01", b"1.0", b"-0", b"--1",
        b"9223372036854775808", b"-9223372036854775809", b"0x10", b"1e3",
        b"nan", b"inf", b"-inf", b"infinity", b"1\x00", b"\x00", b"\xff\xfe",
        b"1_0", b"18446744073709551616", b"0", b"-1", b"(nil)",
        b"99999999999999999999999999", b"-9223372036854775808",
        b"9223372036854775807", b"1 2", b"\n", b"1e5000", b"1e-5000"]
SIZES = [0, 1, 2, 43, 44, 45, 63, 64, 127, 128, 255, 256, 1000, 4000, 4096,
         16_382, 16_383, 16_384, 16_385, 16_400, 32_768, 65_535, 65_536,
         65_537, 100_000]
# Both servers take it; an APPEND or SETRANGE that might go beyond does not
# happen. diskstore with 16 MB takes 2 MB.
LARGEST = 1_000_000

SUBSCRIBE = ["subscribe", "psubscribe", "ssubscribe"]
CHANNELS = [b"news", b"n", b"", b"chan:1", b"chan:2", b"\x00\r\n\xff",
            b"__keyevent@0__:set", b"__keyevent@0__:del",
            b"__keyspace@0__:n:1", b"__keyspace@0__:b:1", b"[a]",
            b"long" * 200]
PATTERNS = [b"*", b"n*", b"news", b"", b"chan:[12]", b"chan:[^1]", b"c?an:*",
            b"__keyevent@*", b"__key*:n:*", b"*__:del", b"\\[a]", b"[[]a]",
            b"*" + b"long" * 200, b"\x00*"]

KEY_KINDS = {                       # how many there are, how often drawn
    "n": (12, 5),                   # numbers, mostly
    "f": (6, 2),                    # floats, mostly
    "s": (16, 6),                   # any strings, under any names
    "b": (150, 2),                  # large ones: more than memory holds
    "z": (2000, 2),                 # rarely the same one again
}
DATABASES = [b"0", b"1", b"2", b"15"]
DATABASES_DEALT = [b"0"] * 4 + DATABASES[1:]

FAR_S = 4_102_444_800               # the year 2100
CONNECTIONS = 4
# Besides, one with RESP2 and one with RESP3 that only subscribe.
LISTENERS = {CONNECTIONS: b"2", CONNECTIONS + 1: b"3"}
ALL_CONNECTIONS = CONNECTIONS + len(LISTENERS)
LISTENED = b"__key*" # at least; so they are never clients of type normal
PROBES = ["get", "pexpiretime", "pttl", "ttl", "strlen", "exists", "type"]
RARE_EVERY = 40                     # commands between two episodes
SPOILED_OF = 5                      # right ones to each that may be wrong


class Generator:
    """See the top of the file. commands: {name: Form}, episodes: functions of
    a generator that give batches; both are those of grammar.py."""

    def __init__(self, seed, names, commands, episodes):
        self.random = random.Random(seed)
        self.names = [name for name in names if commands[name].often]
        self.commands = commands
        self.episodes = episodes
        self.used_keys = set()
        self.recent = collections.deque(maxlen=8)
        self.step = None            # the one being made
        self.connection = 0         # the one it is for
        self._decks = {}
        self._longest = {}          # key: the most that its value may hold
        self._made = 0

    # --- choices -----------------------------------------------------------

    def chance(self, probability):
        return self.random.random() < probability

    def deal(self, deck, items):
        """The next of a deck; a new one is shuffled when it is empty."""
        left = self._decks.get(deck)
        if not left:
            left = self._decks[deck] = list(items)
            self.random.shuffle(left)
        return left.pop()

    def pick(self, items):
        return self.random.choice(items)

    def between(self, least, most):
        return self.random.randint(least, most)

    # --- keys and values ---------------------------------------------------

    def key(self, kind=None):
        """Often one that was used just now: commands on one key in a row are
        where things go wrong."""
        if self.recent and self.chance(0.5):
            key = self.pick(self.recent)
            if kind is None or key.startswith(kind.encode() + b":"):
                return key
        key = self._any_key(kind)
        self.recent.append(key)
        return key

    def _any_key(self, kind):
        if kind is None or self.chance(0.2):
            kind = self.random.choices(
                list(KEY_KINDS), [often for _, often in KEY_KINDS.values()])[0]
        number = self.between(0, KEY_KINDS[kind][0] - 1)
        if kind == "s" and number < len(SPECIAL_KEYS):
            key = SPECIAL_KEYS[number]
        else:
            key = b"%s:%d" % (kind.encode(), number)
        self.used_keys.add(key)
        return key

    def keys(self, most=8, kind=None):
        """Some, not always different ones."""
        return [self.key(kind) for _ in range(self.between(1, most))]

    def sized(self, size):
        """Bytes of that size, of a few different ones."""
        block = self.random.getrandbits(8 * 24).to_bytes(24, "little")
        return (block * (size // 24 + 1))[:size]

    def integer(self):
        if self.chance(0.3):
            return self.pick(INTEGERS)
        return b"%d" % self.between(-1000, 1000)

    def float(self):
        if self.chance(0.5):
            return self.pick(FLOATS)
        return b"%.*f" % (self.between(0, 17), self.random.uniform(-1e3, 1e3))

    def text(self):
        """Any bytes, mostly few."""
        kind = self.between(0, 9)
        if kind < 4:
            return b"value %d" % self.between(0, 99)
        if kind < 6:
            return self.sized(self.between(0, 40))
        if kind < 7:
            return self.pick(JUNK)
        return self.sized(self.deal("size", SIZES))

    def value(self, key):
        """One that fits the kind of the key, mostly; noted as set there."""
        kind = key[:2] if self.chance(0.85) else b""
        if kind == b"n:":
            value = self.integer()
        elif kind == b"f:":
            value = self.float()
        elif kind == b"b:":
            value = self.sized(self.between(1000, 100_000))
        else:
            value = self.text()
        self.note_size(key, len(value))
        return value

    def note_size(self, key, size):
        self._longest[key] = max(self._longest.get(key, 0), size)

    def may_grow(self, key, more):
        """Whether more bytes can be appended; noted, if so."""
        size = self._longest.get(key, 0) + more
        if size > LARGEST:
            return False
        self._longest[key] = size
        return True

    def note_rename(self, source, target):
        self.note_size(target, self._longest.get(source, 0))

    # --- time --------------------------------------------------------------

    def seconds_to_live(self):
        """Until long after the run; never twice the same in practice: GT and
        LT compare what was set at slightly different times."""
        if self.chance(0.1):
            return self.pick([b"9223372036854775", b"9223372036854776",
                              b"9000000000000000", b"-9223372036854775",
                              b"9223372036854775807", b"0", b"-1"])
        return b"%d" % self.between(10_000, 60_000_000)

    def ms_to_live(self):
        if self.chance(0.1):
            return self.pick([b"9223372036854775807", b"9000000000000000000",
                              b"-9223372036854775808", b"0", b"-1"])
        return b"%d" % self.between(10_000_000, 60_000_000_000)

    def time_s(self):
        """A point in time: past, or one of a few in the future."""
        if self.chance(0.2):
            return self.pick([b"0", b"-1", b"1", b"1000000000",
                              b"9223372036854775", b"9223372036854776",
                              b"-9223372036854776", b"9223372036854775807"])
        return b"%d" % (FAR_S + self.between(0, 3))

    def time_ms(self):
        if self.chance(0.2):
            return self.pick([b"0", b"-1", b"1", b"1000000000000",
                              b"9223372036854775807",
                              b"-9223372036854775808"])
        return b"%d" % (FAR_S * 1000 + self.pick([0, 1, 1000, 1001, 2000,
                                                  self.between(0, 9999)]))

    # --- options -----------------------------------------------------------

    def word(self, token):
        return Word(token, self.pick([token, token.lower(), token.title()]))

    def words(self, deck, tokens, most):
        """Up to so many of these words: none, or the first one dealt."""
        if most == 0:
            return []
        chosen = [self.deal(deck, [None] + tokens)]
        chosen += [self.pick(tokens)
                   for _ in range(self.between(0, most - 1))]
        return [self.word(token) for token in chosen if token is not None]

    def junk(self):
        return self.pick(JUNK)

    def other(self):
        """A connection that is not the one that asks."""
        return self.pick([one for one in range(CONNECTIONS)
                          if one != self.connection])

    # --- steps -------------------------------------------------------------

    def _spoil(self, name, arguments):
        """Too many, too few, or one that can't be right."""
        kind = self.deal("spoil " + name, ["more", "less", "none", "junk"])
        at = self.between(0, len(arguments) - 1) if arguments else 0
        if kind == "more" or not arguments:
            arguments.append(self.pick([b"extra", b"", b"NX", b"EX", b"1"]))
        elif kind == "less":
            del arguments[at]
        elif kind == "none":
            arguments.clear()
        else:
            arguments[at] = self.junk()

    def make(self, name, connection, right=False):
        """A step for the command of that name; right: not spoiled."""
        form = self.commands[name]
        self.connection = connection
        step = self.step = Step(name)
        arguments = form.make(self)
        if form.spoils and not right and self.deal("spoiled " + name,
                                     [True] + [False] * SPOILED_OF):
            self._spoil(name, arguments)
        step.arguments = [bytes(self.word(one))
                          for one in name.upper().split("|")] + arguments
        step.ours_only = form.ours_only
        step.inline = self.chance(0.05) and step.size() < 5000 \
            and not any(isinstance(one, Own) for one in arguments)
        self._made += 1
        return step

    def _batch(self):
        connection = self.between(0, CONNECTIONS - 1)
        most = self.pick([1, 1, 1, 8, 8, 60])
        steps, size = [], 0
        while len(steps) < most and size < 1_000_000:
            if self.chance(0.5):
                name = self.deal("command", self.names)
            else:
                name = self.random.choices(
                    self.names, [self.commands[one].often
                                 for one in self.names])[0]
            made = self.make(name, connection)
            steps += [made] + self.after(made) + self.probes(made)
            size += made.weight()
            if made.ends_batch:
                break
        return Batch(connection, steps, pipelined=self.chance(0.8))

    def probes(self, step):
        """Sometimes, what has become of a key."""
        if step.ends_batch or len(step.arguments) < 2 or self.chance(0.7) \
                or "|" in step.name:
            return []
        key = self.pick(step.arguments[1:3])
        return [] if key not in self.used_keys else [
            Step(name, [name.upper().encode(), key])
            for name in self.random.sample(PROBES, self.between(1, 2))]

    def after(self, step):
        """What must follow a step in its batch so that both servers are in
        the same state again."""
        if step.name in ("set", "getex") and \
                step.tokens & {"EX", "PX", "EXAT", "PXAT"}:
            # A deadline in the past may have been set. Whether the key still
            # counts is not decided before someone looks at it.
            return [Step("exists", [b"EXISTS"] + step.arguments[1:2])]
        if step.name in SUBSCRIBE:
            # Something comes, and then nothing is left: a subscriber in RESP2
            # may do little else.
            channel = step.arguments[1:2] or [b"news"]
            name = "spublish" if step.name[0] == "s" != step.name[1] == "s" \
                else "publish"
            return [Step(name, [name.upper().encode()] + channel + [b"to me"]),
                    Step("unsubscribe", [b"UNSUBSCRIBE"]),
                    Step("punsubscribe", [b"PUNSUBSCRIBE"]),
                    Step("sunsubscribe", [b"SUNSUBSCRIBE"])]
        if step.name == "hello" and len(step.arguments) > 2:
            # See tests/oracle-differences: even if it failed, the name may
            # have been set, and the client may be logged in.
            return [Step("auth", [b"AUTH", b"default", b"any"]),
                    Step("client|setname",
                         [b"CLIENT", b"SETNAME", b"after-hello"])]
        return []

    def batches(self, count):
        """Batches of about so many steps in all."""
        rare = RARE_EVERY // 2
        for connection in range(ALL_CONNECTIONS):
            yield self.opened(connection)
        while self._made < count:
            if self._made >= rare:
                yield from self.deal("episode", self.episodes)(self)
                rare = self._made + RARE_EVERY
            batch = self._batch()
            yield batch
            for connection in batch.steps[-1].closes:
                yield self.opened(connection)

    def listening(self, connection):
        return [Step("hello", [b"HELLO", LISTENERS[connection]]),
                Step("psubscribe", [b"PSUBSCRIBE", LISTENED])]

    def opened(self, connection):
        """What a new connection begins with: RESP2 and RESP3 in turn."""
        if connection in LISTENERS:
            return Batch(connection, self.listening(connection))
        version = self.deal("version", [b"2", b"3"])
        return Batch(connection, [Step("hello", [b"HELLO", version])])
