"""diskstore against redis-server: long random sequences of all commands, and
every reply of the one must be that of the other, byte for byte.

A failure tells the seed. The same run again:

    DIFF_SEED=123 DIFF_COMMANDS=20000 pytest test_differential.py -k tiny

Not the same by nature are the replies in UNEQUAL, each with its reason and a
rule that says how far they may differ; and what Redis 7.2 answers otherwise
than 7.0, our oracle, which stands in tests/oracle-differences. Every entry
there must have been met in each run, so none outlives its reason.

lib/generator.py makes the sequences and lib/grammar.py knows each command's
arguments; what must have been generated is not said there, but by COMMAND LIST
of diskstore and COMMAND DOCS of Redis: a command or an option that was never
answered without an error fails the run.
"""

import os
import random

import pytest

from lib import rules
from lib.differ import Difference, Differ, Rule, read_known
from lib.generator import Generator
from lib.grammar import COMMANDS, EPISODES, OPTIONS
from lib.server import ROOT

KNOWN = read_known(os.path.join(ROOT, "tests", "oracle-differences"))

GETKEYS, SETINFO, LINES, HELLO_ORDER, HELLO_NOAUTH = KNOWN

UNEQUAL = [
    Rule("ttl", rules.near_s, "counted from two clocks, and rounded"),
    Rule("pttl", rules.near_ms, "counted from two clocks"),
    Rule("expiretime", rules.near_s, "set by two clocks, and rounded"),
    Rule("pexpiretime", rules.near_ms, "set by two clocks"),
    Rule("time", rules.now_in_parts, "two clocks"),
    Rule("lastsave", rules.now_s, "we flush when we like"),
    Rule("client|id", rules.positive, "other clients came before"),
    Rule("client|info", rules.client_lines, "addresses, ids, ages, sizes",
         known=LINES),
    Rule("client|list", rules.client_lines, "addresses, ids, ages, sizes",
         known=LINES),
    Rule("client|setinfo", rules.setinfo, "new in 7.2", errors=True,
         known=SETINFO),
    Rule("hello", rules.greeting, "version and id"),
    Rule("hello", rules.hello_reads_all_first, "the order of checks",
         errors=True, known=HELLO_ORDER),
    Rule("hello", rules.hello_not_logged_in, "a better text", errors=True,
         known=HELLO_NOAUTH),
    Rule("info", rules.information, "figures, and two sections of our own; "
         "we have no statistics by error, command and latency"),
    Rule("config|get", rules.settings(frozenset(OPTIONS)),
         "other options, other defaults, other files"),
    Rule("command", rules.all_descriptions, "Redis has more commands, and we "
         "have CACHE; the order is that of a hash table"),
    Rule("command|info", rules.some_descriptions, "as COMMAND; subcommands "
         "are in the order of a hash table"),
    Rule("command|list", rules.names_listed, "as COMMAND"),
    Rule("command|count", rules.positive, "as COMMAND"),
    Rule("command|getkeys", rules.getkeys_of_a_name, "another arity",
         errors=True, known=GETKEYS),
    Rule("client|help", rules.help_text, "fewer subcommands, other words"),
    Rule("config|help", rules.help_text, "fewer subcommands, other words"),
    Rule("command|help", rules.help_text, "fewer subcommands, other words"),
    # Ours alone: nothing to compare with, only a shape.
    Rule("cache|evict", rules.keys_counted, "a number up to that of the keys"),
    Rule("cache|state", rules.states, "one word of CACHE HELP for each key"),
    Rule("cache|flush", rules.is_ok, "OK"),
    Rule("cache|stats", rules.figures, "a map of figures"),
    Rule("cache|help", rules.lines, "lines"),
    Rule("config|set", rules.is_ok, "OK"),
]

# Options that COMMAND DOCS of 7.0 does not tell.
MORE_TOKENS = {"client|setinfo": ["LIB-NAME", "LIB-VER"]}
# Never answered without an error: nothing is ever being shut down here.
NEVER_ANSWERED = {("shutdown", "ABORT")}
# These take anything.
NEVER_REFUSED = {"info", "quit", "ping", "hello", "command|info"}
CONTAINERS = {"client", "config", "cache"}

MODES = {
    "tiny": dict(cache_max_memory="16mb", cache_flush_delay="10ms"),
    "nothing": dict(cache_max_memory=0, io_threads=1,
                    cache_flush_delay="20ms"),
    "nothing-blocking": dict(cache_max_memory=0, io_threads=0),
    "loaders": dict(cache_max_memory="16mb", io_threads=3,
                    cache_flush_delay=0),
}

DEFAULT_COMMANDS = 6700     # times three modes
TORTURE_COMMANDS = 250_000  # times four


def seed_of_run():
    return int(os.environ.get("DIFF_SEED")
               or random.SystemRandom().randrange(1 << 32))


def commands_of_run(default):
    return int(os.environ.get("DIFF_COMMANDS") or default)


# --- coverage --------------------------------------------------------------

def as_dict(pairs):
    """A reply of COMMAND DOCS, where maps are flat lists."""
    return {name.decode(): value for name, value in
            zip(pairs[::2], pairs[1::2])}


def documented(reply):
    """{full name: its tokens} of a reply of COMMAND DOCS."""
    def arguments_of(entries):
        for entry in entries:
            entry = as_dict(entry)
            if "token" in entry:
                yield entry["token"].decode()
            yield from arguments_of(entry.get("arguments", []))
    found = {}
    for name, entry in as_dict(reply).items():
        entry = as_dict(entry)
        found[name] = list(arguments_of(entry.get("arguments", [])))
        if entry.get("subcommands"):
            found.update(documented(entry["subcommands"]))
    return found


def our_names(server):
    return [name.decode() for name in server.call("COMMAND", "LIST")]


def must_be_covered(ours, theirs):
    """(names, tokens) from the servers' own tables."""
    names = our_names(ours)
    docs = documented(theirs.call("COMMAND", "DOCS"))
    docs.update(MORE_TOKENS)
    tokens = {(name, token) for name in names
              for token in docs.get(name, [])} - NEVER_ANSWERED
    return set(names), tokens


def not_covered(differ, ours, theirs):
    """What the run should have shown and did not, in words."""
    names, tokens = must_be_covered(ours, theirs)
    return (
        ["%s was never answered" % name
         for name in sorted(names - CONTAINERS - differ.answered)] +
        ["%s was never refused" % name for name in sorted(
            names - NEVER_REFUSED - differ.refused)] +
        ["%s with %s was never answered" % one
         for one in sorted(tokens - differ.tokens)] +
        ["never met: %s (tests/oracle-differences)" % title
         for title in sorted(set(KNOWN) - differ.known_met)])


# --- the runs --------------------------------------------------------------

def start_pair(start_server, start_redis, mode):
    return (start_server(enable_debug_command="yes", **MODES[mode]),
            start_redis())


def run(start_server, start_redis, mode, count):
    seed, count = seed_of_run(), commands_of_run(count)
    print("DIFF_SEED=%d DIFF_COMMANDS=%d, %s" % (seed, count, mode))
    ours, theirs = start_pair(start_server, start_redis, mode)
    generator = Generator(seed, our_names(ours), COMMANDS, EPISODES)
    differ = Differ(ours, theirs, generator, UNEQUAL)
    differ.run(count)
    keys = differ.compare_all()
    assert differ.compare_all(cold=True) == keys
    # And after a crash of ours: all of it has been flushed.
    ours.kill9()
    ours.start()
    for number in range(len(differ.ours.wires)):
        differ.ours.connect(number)
    assert differ.compare_all() == keys
    print("%d commands, %d keys left" % (differ.steps, keys))
    return differ, ours, theirs


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["tiny", "nothing", "nothing-blocking"])
def test_replies_are_those_of_redis(start_server, start_redis, mode):
    differ, ours, theirs = run(start_server, start_redis, mode,
                               DEFAULT_COMMANDS)
    assert not_covered(differ, ours, theirs) == []


@pytest.mark.torture
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("mode", sorted(MODES))
def test_a_million_replies_are_those_of_redis(start_server, start_redis, mode):
    differ, ours, theirs = run(start_server, start_redis, mode,
                               TORTURE_COMMANDS)
    assert not_covered(differ, ours, theirs) == []
