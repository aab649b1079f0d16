"""Checks for replies that can't be the same bytes: each takes Replies (see
differ.py) and says whether these two are as different as they may be. Which
command may use which, and why, stands in test_differential.py."""

import re
import time

from lib.resp import Error, Map, Simple, Verbatim

NAME, ARITY, SUBCOMMANDS = 0, 1, 9


def text_of(reply):
    """A bulk string, or a verbatim one without its format."""
    data = bytes(reply)
    return (data[4:] if isinstance(reply, Verbatim) else data).decode(
        "utf-8", "backslashreplace")


def pairs_of(reply):
    """A map of either protocol version as pairs; None if it is none."""
    if isinstance(reply, Map):
        return list(reply)
    if type(reply) is not list or len(reply) % 2:
        return None
    return list(zip(reply[::2], reply[1::2]))


def same_type(replies):
    return type(replies.ours) is type(replies.theirs)


def both_errors(replies):
    return isinstance(replies.ours, Error) and \
        isinstance(replies.theirs, Error)


# --- numbers ---------------------------------------------------------------

def near(replies, slack):
    ours, theirs = replies.ours, replies.theirs
    return same_type(replies) and ours >= 0 and theirs >= 0 \
        and abs(ours - theirs) <= slack


def near_ms(replies):
    return near(replies, replies.slack_ms)


def near_s(replies):
    return near(replies, 1 + int(replies.slack_ms / 1000))


def positive(replies):
    return isinstance(replies.ours, int) and replies.ours > 0


def now_s(replies):
    return isinstance(replies.ours, int) \
        and abs(replies.ours - time.time()) < 24 * 3600


def now_in_parts(replies):
    parts = replies.ours
    return type(parts) is list and len(parts) == 2 \
        and all(type(one) is bytes and one.isdigit() for one in parts) \
        and abs(int(parts[0]) - time.time()) < 60 and int(parts[1]) < 1_000_000


# --- connections -----------------------------------------------------------

def greeting(replies):
    """HELLO: all the same but the version and the id."""
    if not same_type(replies):
        return False
    ours, theirs = pairs_of(replies.ours), pairs_of(replies.theirs)
    if [one[0] for one in ours] != [one[0] for one in theirs]:
        return False
    return all(mine == other or mine[0] in (b"version", b"id")
               for mine, other in zip(ours, theirs))


LINE_SINCE_7_2 = ["lib-name", "lib-ver"]
# What both servers know alike.
LINE_SAME = ["name", "db", "sub", "psub", "ssub", "multi", "user", "redir",
             "resp"]
# What only ours was told, or knows, is something else than what Redis was told
# last; NULL is for CACHE with a wrong subcommand.
ONLY_OURS = ("cache", "config|set", "client|setinfo", "NULL")


def lines_of(reply):
    return [dict(field.split("=", 1) for field in line.split(" "))
            for line in text_of(reply).splitlines()]


def client_lines(replies):
    if not same_type(replies):
        return False
    ours, theirs = lines_of(replies.ours), lines_of(replies.theirs)
    return len(ours) == len(theirs) and all(
        list(mine) == list(other) + LINE_SINCE_7_2 and
        all(mine[field] == other[field] for field in LINE_SAME) and
        (mine["cmd"] == other["cmd"] or mine["cmd"].startswith(ONLY_OURS))
        for mine, other in zip(ours, theirs))


def is_text(data):
    return all(33 <= byte <= 126 for byte in data)


def setinfo(replies):
    """7.0 does not know it: what 7.2 answers is said here."""
    if not isinstance(replies.theirs, Error) or not replies.theirs.lower() \
            .startswith(b"err unknown subcommand 'setinfo'"):
        return False
    if len(replies.words) != 4:
        return replies.ours == Error("ERR wrong number of arguments for "
                                     "'client|setinfo' command")
    option, text = map(bytes, replies.words[2:])
    if option.lower() not in (b"lib-name", b"lib-ver"):
        return replies.ours == Error(b"ERR Unrecognized option '" +
                                     clean(option) + b"'")
    if not is_text(text):
        return replies.ours == Error(
            b"ERR " + option +
            b" cannot contain spaces, newlines or special characters.")
    return replies.ours == Simple("OK")


def clean(data):
    """As an error shows it: one line, up to a zero byte."""
    return data.split(b"\0")[0].replace(b"\r", b" ").replace(b"\n", b" ")


def hello_not_logged_in(replies):
    return both_errors(replies) and replies.ours.code == "NOAUTH" and \
        replies.ours == Error(replies.theirs.replace(
            b"the HELLO AUTH", b"the HELLO <proto> AUTH"))


def hello_reads_all_first(replies):
    """7.0 tells the wrong password, 7.2 the wrong syntax behind it."""
    return both_errors(replies) and replies.theirs.code == "WRONGPASS" \
        and re.match(rb"ERR (Syntax error in HELLO|Client names cannot)",
                     replies.ours) is not None


# --- the server ------------------------------------------------------------

OUR_SECTIONS = ["Cache", "Store"]


def sections_of(reply):
    """The titles in a reply of INFO."""
    return [line[2:] for line in text_of(reply).split("\r\n")
            if line.startswith("# ")]


def is_information(reply):
    return all(re.match(r"# [A-Z]|[A-Za-z0-9_|-]+:|$", line)
               for line in text_of(reply).split("\r\n"))


def information(replies):
    if not same_type(replies):
        return False
    ours, theirs = sections_of(replies.ours), sections_of(replies.theirs)
    return is_information(replies.ours) and \
        [one for one in ours if one not in OUR_SECTIONS] == theirs


def slow_commands(replies):
    """SLOWLOG GET: other commands were slow; an entry of ours has one field
    more."""
    def is_entry(entry, fields):
        return len(entry) == fields and all(
            type(part) is int for part in entry[:3]) and \
            0 < len(entry[3]) <= 32 and all(
                type(part) is bytes for part in entry[3] + entry[4:6])
    return type(replies.ours) is list and type(replies.theirs) is list \
        and all(is_entry(one, 7) for one in replies.ours) \
        and all(is_entry(one, 6) for one in replies.theirs)


def counts(replies):
    return all(type(one) is int and one >= 0
               for one in (replies.ours, replies.theirs))


def latest_events(replies):
    """LATENCY LATEST: ours has other events besides."""
    def is_event(one):
        return len(one) == 4 and type(one[0]) is bytes and \
            all(type(part) is int and part > 0 for part in one[1:])
    return type(replies.ours) is list and all(map(is_event, replies.ours))


def samples(replies):
    return type(replies.ours) is list and all(
        len(one) == 2 and abs(one[0] - time.time()) < 24 * 3600
        for one in replies.ours)


GRAPH = re.compile(r"(fast-)?command - high \d+ ms, low \d+ ms \(all time high "
                   r"\d+ ms\)\n-{80}\n(([ _o#|]+\n){4} +\n([ 0-9smhd]+\n)+)+")


def graph(replies):
    return same_type(replies) and all(
        GRAPH.fullmatch(text_of(one)) for one in (replies.ours, replies.theirs))


def some_text(replies):
    return same_type(replies) and len(text_of(replies.ours)) > 20


def histograms(replies):
    """LATENCY HISTOGRAM: of the same commands, if some are named."""
    if not same_type(replies):
        return False
    ours, theirs = pairs_of(replies.ours), pairs_of(replies.theirs)
    if ours is None or len(replies.words) == 2:
        return ours is not None
    def calls(pairs):
        return sorted((name, pairs_of(value)[0][1]) for name, value in pairs
                      if name.decode() in replies.our_names
                      and not name.startswith((b"config|", b"slowlog|")))
    return [name for name, _ in calls(ours)] == \
        [name for name, _ in calls(theirs)]


def help_text(replies):
    """A list of lines; first and last say the same."""
    ours, theirs = replies.ours, replies.theirs
    return type(ours) is list and all(type(one) is Simple for one in ours) \
        and ours[0] == theirs[0] and ours[-2:] == theirs[-2:]


def settings(options):
    """CONFIG GET: these are the same; all others are just text."""
    def check(replies):
        if not same_type(replies):
            return False
        ours, theirs = pairs_of(replies.ours), pairs_of(replies.theirs)
        if ours is None or len({name for name, _ in ours}) != len(ours):
            return False
        def known(pairs):
            return {name: value for name, value in pairs if name in options}
        return known(ours) == known(theirs) and all(
            type(part) is bytes for pair in ours for part in pair)
    return check


# --- COMMAND ---------------------------------------------------------------

# As told by 7.2.
SINCE_7_2 = {b"client|setinfo"}
ARITY_7_2 = {b"command|getkeys": -3}


def is_ours(name):
    return name.split(b"|")[0] == b"cache"


def described(one, names, theirs):
    """A command as COMMAND tells it, without what only one server has."""
    if type(one) is not list:
        return one # nil
    one = list(one)
    if theirs:
        one[ARITY] = ARITY_7_2.get(one[NAME], one[ARITY])
    one[SUBCOMMANDS] = sorted(
        (described(sub, names, theirs) for sub in one[SUBCOMMANDS]
         if sub[NAME].decode() in names and sub[NAME] not in SINCE_7_2),
        key=lambda sub: sub[NAME])
    return one


def descriptions(replies):
    """COMMAND INFO of some commands, in the order asked for."""
    if len(replies.ours) != len(replies.theirs):
        return False
    return all(
        described(mine, replies.our_names, False) ==
        described(other, replies.our_names, True)
        or asked in SINCE_7_2 and type(mine) is list
        for asked, mine, other in zip(
            [bytes(word).lower() for word in replies.words[2:]],
            replies.ours, replies.theirs))


def all_descriptions(replies):
    """COMMAND: those of ours that Redis has, too, in any order."""
    theirs = {one[NAME]: one for one in replies.theirs}
    return len(replies.ours) > 50 and all(
        described(one, replies.our_names, False) ==
        described(theirs[one[NAME]], replies.our_names, True)
        for one in replies.ours if not is_ours(one[NAME]))


def some_descriptions(replies):
    """COMMAND INFO, of all if none is named."""
    check = all_descriptions if len(replies.words) == 2 else descriptions
    return check(replies)


def names_listed(replies):
    """COMMAND LIST: the same of those that we have."""
    known = {name.encode() for name in replies.our_names} - SINCE_7_2
    ours = {name for name in replies.ours if not is_ours(name)}
    return len(set(replies.ours)) == len(replies.ours) and \
        ours - SINCE_7_2 == set(replies.theirs) & known


def getkeys_of_a_name(replies):
    return len(replies.words) == 3 and replies.ours in (
        Error("ERR Invalid command specified"),
        Error("ERR The command has no key arguments"),
        Error("ERR Invalid number of arguments specified for command"))


# --- ours alone ------------------------------------------------------------

def keys_counted(replies):
    return isinstance(replies.ours, int) \
        and 0 <= replies.ours <= len(replies.words) - 2


STATES = {b"memory", b"dirty", b"saving", b"absent", b"disk", b"none"}


def states(replies):
    return type(replies.ours) is list \
        and len(replies.ours) == len(replies.words) - 2 \
        and set(replies.ours) <= STATES


def is_ok(replies):
    return replies.ours == Simple("OK")


def figures(replies):
    pairs = pairs_of(replies.ours)
    return bool(pairs) and all(type(name) is bytes for name, _ in pairs)


def lines(replies):
    return type(replies.ours) is list \
        and all(type(one) is Simple for one in replies.ours)

