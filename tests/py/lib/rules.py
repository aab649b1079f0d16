"""Checks for replies that can't be the same bytes: each takes Replies (see
differ.py) and says whether these two are as different as they may be. Which
command may use which, and why, stands in test_differential.py."""

import re
import time

from lib.grammar_block import BLOCKING
from lib.resp import Error, Map, Simple, Verbatim

NAME, ARITY, FLAGS, CATEGORIES, TIPS, SUBCOMMANDS = 0, 1, 2, 6, 7, 9


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
LINE_SAME = ["name", "db", "sub", "psub", "ssub", "multi", "user", "resp"]
# What only ours was told, or knows, is something else than what Redis was told
# last; NULL is for CACHE with a wrong subcommand.
ONLY_OURS = ("cache", "config|set", "client|setinfo", "client|no-touch",
             "waitaof", "NULL")


def lines_of(reply):
    return [dict(field.split("=", 1) for field in line.split(" "))
            for line in text_of(reply).splitlines()]


# Depends on when a watched key was found to have expired; only 7.2 has NO-TOUCH
# and ends NO-EVICT with RESET; with none of these it is N.
FLAGS_ASIDE = set("dTN")


def same_flags(mine, other, aside):
    return set(mine) - FLAGS_ASIDE - aside == set(other) - FLAGS_ASIDE - aside


def kind_of_id(text):
    """-1 and 0 mean something, others are the servers' own."""
    return text if text in ("-1", "0") else "somebody"


def same_lines(replies, aside):
    if not same_type(replies):
        return False
    ours, theirs = lines_of(replies.ours), lines_of(replies.theirs)
    if b"id" not in [bytes(word).lower() for word in replies.words[2:3]]:
        # Redis turns its list as time goes by; ours is in order of ids.
        theirs.sort(key=lambda line: int(line["id"]))
    return len(ours) == len(theirs) and all(
        list(mine) == list(other) + LINE_SINCE_7_2 and
        all(mine[field] == other[field] for field in LINE_SAME) and
        same_flags(mine["flags"], other["flags"], aside) and
        kind_of_id(mine["redir"]) == kind_of_id(other["redir"]) and
        (mine["cmd"] == other["cmd"] or mine["cmd"].startswith(ONLY_OURS))
        for mine, other in zip(ours, theirs))


def client_lines(replies):
    return same_lines(replies, set())


def client_lines_after_reset(replies):
    return same_lines(replies, {"e"})


def no_touch(replies):
    """7.0 does not know it: what 7.2 answers is said here."""
    if not is_unknown_subcommand(replies.theirs, b"no-touch"):
        return False
    if len(replies.words) != 3:
        return replies.ours == Error("ERR wrong number of arguments for "
                                     "'client|no-touch' command")
    if bytes(replies.words[2]).lower() in (b"on", b"off"):
        return replies.ours == Simple("OK")
    return replies.ours == Error("ERR syntax error")


def is_unknown_subcommand(reply, name):
    return isinstance(reply, Error) and \
        reply.lower().startswith(b"err unknown subcommand '%s'" % name)


def pause_for_ever(replies):
    return replies.theirs == Simple("OK") and \
        replies.ours == Error("ERR timeout is out of range") and \
        bytes(replies.words[2]) == b"%d" % (2**63 - 1)


def wait_for_ever(replies):
    return replies.theirs == Error("ERR timeout is negative") and \
        replies.ours == Error("ERR timeout is out of range")


def named_first(replies):
    """What was named first, and what came first: episodes_block.py."""
    return replies.words[1:3] == [b"w:named", b"w:came"] and \
        replies.ours == [b"w:named", b"2"] and \
        replies.theirs == [b"w:came", b"1"]


def another_type_before(replies):
    return replies.words[1:3] == [b"w:typed", b"w:came"] and \
        isinstance(replies.ours, Error) and \
        replies.ours.code == "WRONGTYPE" and \
        replies.theirs == [b"w:came", b"1"]


def tracking(replies):
    """All the same but the id that is redirected to."""
    def without_id(reply):
        return [(name, value > 0 if name == b"redirect" else value)
                for name, value in pairs_of(reply)]
    return same_type(replies) and \
        without_id(replies.ours) == without_id(replies.theirs)


def both_ids(replies):
    return replies.ours > 0 and replies.theirs > 0


def is_text(data):
    return all(33 <= byte <= 126 for byte in data)


def setinfo(replies):
    """7.0 does not know it: what 7.2 answers is said here."""
    if not is_unknown_subcommand(replies.theirs, b"setinfo"):
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


def role(replies):
    """The offset of a replication that nobody follows."""
    return same_type(replies) and \
        replies.ours[::2] == replies.theirs[::2] and replies.ours[1] == 0


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


BLOCKS = {b"wait"} | {name.encode() for name in BLOCKING}


def histograms(replies):
    """LATENCY HISTOGRAM: of the same commands, if some are named. Those that
    block are not among them: 7.0 forgets who has waited in vain (7.2 doesn't,
    replyToBlockedClientOnTimeout() in src/blocked.c), and WAIT blocks there
    only."""
    if not same_type(replies):
        return False
    ours, theirs = pairs_of(replies.ours), pairs_of(replies.theirs)
    if ours is None or len(replies.words) == 2:
        return ours is not None
    def calls(pairs):
        return sorted((name, pairs_of(value)[0][1]) for name, value in pairs
                      if name.decode() in replies.our_names
                      and name not in SINCE_7_2 | BLOCKS | {b"info"}
                      and not name.startswith(
                          (b"config|", b"slowlog|", b"command|", b"debug")))
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


# --- messages --------------------------------------------------------------

def in_another_order(replies):
    """The same names, once each."""
    return same_type(replies) and type(replies.ours) is list \
        and sorted(replies.ours) == sorted(replies.theirs) \
        and len(set(replies.ours)) == len(replies.ours)


def left_in_another_order(replies):
    """UNSUBSCRIBE without names: the same names, the same counts."""
    if len(replies.words) != 1 or not same_type(replies):
        return False
    ours, theirs = [
        ([one[0] for one in side], sorted(one[1] for one in side),
         [one[2] for one in side])
        for side in (replies.ours, replies.theirs)]
    return ours == theirs


def told_behind(replies):
    """A message to the client that caused it: 7.0 sends it before the reply,
    7.2 after it."""
    ours, theirs = replies.early
    return ours == 0 < theirs and replies.ours == replies.theirs


def debug_in_pipeline(replies):
    """SCRIPT DEBUG: Redis refuses when an answer before is not read yet."""
    return b"outside a pipeline" in bytes(replies.theirs) \
        and b"outside a pipeline" not in bytes(replies.ours)


def script_double(replies):
    """A number with a fraction: 7.2 has the shortest text that reads back."""
    if not same_type(replies) or not isinstance(replies.ours, (bytes, float)):
        return False
    try:
        ours, theirs = float(replies.ours), float(replies.theirs)
    except ValueError:
        return False
    return ours == theirs


# --- COMMAND ---------------------------------------------------------------

# As told by 7.2.
SINCE_7_2 = {b"client|setinfo", b"client|no-touch", b"waitaof"}
ARITY_7_2 = {b"command|getkeys": -3, b"command|getkeysandflags": -3,
             b"zrank": -3, b"zrevrank": -3}
FLAGS_7_2 = {b"wait": [Simple("blocking")]}
TIPS_7_2 = {b"scan": [b"nondeterministic_output", b"request_policy:special",
                      b"response_policy:special"],
            b"randomkey": [b"request_policy:all_shards",
                           b"response_policy:special",
                           b"nondeterministic_output"]}
CATEGORIES_7_2 = {b"wait": [Simple("@slow"), Simple("@blocking"),
                            Simple("@connection")]}


def is_ours(name):
    return name.split(b"|")[0] == b"cache"


def described(one, names, theirs):
    """A command as COMMAND tells it, without what only one server has."""
    if type(one) is not list:
        return one # nil
    one = list(one)
    if theirs:
        one[ARITY] = ARITY_7_2.get(one[NAME], one[ARITY])
        for field, changed in ((FLAGS, FLAGS_7_2),
                               (CATEGORIES, CATEGORIES_7_2),
                               (TIPS, TIPS_7_2)):
            if one[NAME] in changed: # a Set or a list
                one[field] = type(one[field])(changed[one[NAME]])
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
        for one in replies.ours
        if not is_ours(one[NAME]) and one[NAME] not in SINCE_7_2)


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


# --- COMMAND DOCS ----------------------------------------------------------

# Sentences are ours; 7.2 names arguments otherwise, and deprecates more.
OUR_WORDS = (b"summary", b"complexity")
ARGUMENTS_7_2 = {
    b"key_value": b"data", b"parameter_value": b"data",
    b"field_value": b"data",
    b"nosave_save": b"save-selector", b"username_password": b"auth",
    b"timeout_error": b"unblock-type", b"on_off_skip": b"action",
    b"categoryname": b"category", b"score_member": b"data",
    b"offset_count": b"limit"}
REWRITTEN_7_2 = {b"client|kill", b"client|list", b"config|get", b"lcs",
                 b"psubscribe", b"command|getkeys",
                 b"command|getkeysandflags", b"zrank", b"zrevrank"}
HISTORY_7_2 = {b"zrank", b"zrevrank"}
DEPRECATED_7_2 = {b"quit", b"setex", b"psetex", b"setnx"}
DEPRECATION = (b"doc_flags", b"deprecated_since", b"replaced_by")


def argument_7_2(argument):
    """An argument of 7.0 as 7.2 tells it."""
    pairs = dict(pairs_of(argument))
    name = ARGUMENTS_7_2.get(pairs[b"name"], pairs[b"name"])
    display = name
    if name == b"pattern" and pairs.get(b"token") in (b"BY", b"GET"):
        name = pairs[b"token"].lower() + b"-pattern" # of SORT
    inner = pairs.get(b"arguments")
    if pairs[b"type"] == b"oneof" and name == b"async":
        name = b"flush-type"
    told = [(b"name", name), (b"type", pairs[b"type"])]
    if inner is None:
        told.append((b"display_text", display))
    told += [one for one in pairs.items()
             if one[0] not in (b"name", b"type", b"arguments")]
    if inner is not None:
        told.append((b"arguments", [argument_7_2(one) for one in inner]))
    return told


def argument_told(argument):
    """One of ours, in the same shape."""
    return [(key, [argument_told(one) for one in value])
            if key == b"arguments" else (key, value)
            for key, value in pairs_of(argument)]


def same_field(name, key, ours, theirs):
    if key in OUR_WORDS:
        return type(ours) is bytes and len(ours) > 3
    if key == b"history":
        return [one[0] for one in ours] == [one[0] for one in theirs] and \
            all(type(one[1]) is bytes for one in ours)
    if key == b"arguments":
        return name in REWRITTEN_7_2 or \
            [argument_told(one) for one in ours] == \
            [argument_7_2(one) for one in theirs]
    return ours == theirs


def same_documentation(name, ours, theirs, our_commands):
    ours, theirs = dict(pairs_of(ours)), dict(pairs_of(theirs))
    subs = pairs_of(ours.pop(b"subcommands", []))
    their_subs = dict(pairs_of(theirs.pop(b"subcommands", [])))
    keys = list(theirs)
    if name in DEPRECATED_7_2:
        at = keys.index(b"complexity") + 1
        keys[at:at] = DEPRECATION
    if name in REWRITTEN_7_2 and b"arguments" not in keys:
        keys.append(b"arguments")
    if name in HISTORY_7_2:
        keys.insert(keys.index(b"arguments"), b"history")
    known = {one for one in their_subs if one.decode() in our_commands}
    return list(ours) == keys and \
        all(same_field(name, key, ours[key], theirs[key]) for key in theirs) \
        and {one[0] for one in subs} - SINCE_7_2 == known and \
        all(same_documentation(sub, told, their_subs[sub], our_commands)
            for sub, told in subs if sub not in SINCE_7_2)


def documentation(replies):
    """COMMAND DOCS: of those that both have."""
    if not same_type(replies):
        return False
    ours, theirs = pairs_of(replies.ours), pairs_of(replies.theirs)
    known = [one[0] for one in theirs if one[0].decode() in replies.our_names]
    shared = [one for one in ours
              if not is_ours(one[0]) and one[0] not in SINCE_7_2]
    return sorted(one[0] for one in shared) == sorted(known) and \
        all(same_documentation(name, told, dict(theirs)[name],
                               replies.our_names)
            for name, told in shared)


# --- what is told of values and memory --------------------------------------

def encoding_of_list(replies):
    """7.0 has no listpacks; which lists are ones is in test_list.py."""
    return (replies.ours, replies.theirs) == (b"listpack", b"quicklist")


def rank_overflows(replies):
    return replies.ours == Error(
        "ERR value is out of range, value must between "
        "-9223372036854775807 and 9223372036854775807") and any(
            bytes(one) == b"%d" % -2**63 for one in replies.words[3:])


def encoding_of_value(replies):
    """Ours goes by the value alone. Redis keeps what APPEND or SETRANGE left
    as raw, and what INCRBYFLOAT left as embstr, until it is loaded again. A
    collection that was loaded again has the least encoding in Redis; ours
    remembers that it has had more."""
    return (replies.ours, replies.theirs) in (
        (b"int", b"raw"), (b"embstr", b"raw"), (b"int", b"embstr"),
        (b"hashtable", b"listpack"))


SHARED = 2**31 - 1


def refcount_of_value(replies):
    """As above; and of small integers some have an object of their own."""
    return sorted([replies.ours, replies.theirs]) == [1, SHARED]


def both_natural(replies):
    return same_type(replies) and type(replies.ours) is int \
        and replies.ours >= 0 and replies.theirs >= 0


def both_positive(replies):
    return both_natural(replies) and replies.ours > 0


def both_text(replies):
    return same_type(replies) and len(bytes(replies.ours)) > 20


def memory_stats(replies):
    """All fields of theirs but those of single databases, of their types."""
    if not same_type(replies):
        return False
    ours, theirs = dict(pairs_of(replies.ours)), dict(pairs_of(replies.theirs))
    return all(type(ours.get(name)) is type(value)
               for name, value in theirs.items()
               if not name.startswith(b"db."))


def debug_object(replies):
    fields = re.compile(rb"Value at:0x[0-9a-f]+ refcount:\d+ encoding:"
                        rb"\w+ serializedlength:\d+ lru:\d+ "
                        rb"lru_seconds_idle:\d+")
    return bytes(replies.words[1]).lower() == b"object" and \
        same_type(replies) and type(replies.ours) is Simple and \
        fields.match(replies.ours) is not None and \
        fields.match(replies.theirs) is not None


# --- users, replicas -------------------------------------------------------

def same_length_hex(replies):
    return len(replies.ours) == len(replies.theirs) and \
        re.fullmatch(rb"[0-9a-f]+", replies.ours) is not None


def category_members(replies):
    known = {name.encode() for name in replies.our_names} - SINCE_7_2
    ours = {name for name in replies.ours if not is_ours(name)} - SINCE_7_2
    theirs = set(replies.theirs) & known
    if bytes(replies.words[2]).lower() == b"blocking":
        theirs |= set(CATEGORIES_7_2)
    return len(set(replies.ours)) == len(replies.ours) and ours == theirs


SANITIZED = b"sanitize-payload"


def acl_list(replies):
    """One more flag since 7.2."""
    return len(replies.ours) == len(replies.theirs) == 1 and \
        replies.ours[0].replace(b" " + SANITIZED, b"") == replies.theirs[0]


def acl_getuser(replies):
    if not same_type(replies):
        return False
    ours, theirs = pairs_of(replies.ours), pairs_of(replies.theirs)
    return [one for one in ours if one[0] != b"flags"] == \
        [one for one in theirs if one[0] != b"flags"] and \
        list(dict(ours)[b"flags"]) == \
        list(dict(theirs)[b"flags"]) + [SANITIZED]


def waitaof(replies):
    """7.0 does not know it: what 7.2 answers is said here."""
    if not isinstance(replies.theirs, Error) or not replies.theirs.startswith(
            b"ERR unknown command 'waitaof'".replace(
                b"waitaof", bytes(replies.words[0]))):
        return False
    return replies.ours == waitaof_answer(
        [bytes(word) for word in replies.words[1:]])


def waitaof_answer(words):
    if len(words) != 3:
        return Error("ERR wrong number of arguments for 'waitaof' command")
    local, replicas, timeout = [
        int(word) if re.fullmatch(rb"0|-?[1-9]\d*", word) else None
        for word in words]
    if local is None:
        return Error("ERR value is not an integer or out of range")
    if local not in (0, 1):
        return Error("ERR value is out of range, value must between 0 and 1")
    if replicas is None or replicas < 0:
        return Error("ERR value is out of range, must be positive")
    if timeout is None:
        return Error("ERR timeout is not an integer or out of range")
    if timeout < 0:
        return Error("ERR timeout is negative")
    if local:
        return Error("ERR WAITAOF cannot be used when numlocal is set but "
                     "appendonly is disabled.")
    return [0, 0]


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

