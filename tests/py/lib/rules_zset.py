"""Rules for replies of sorted set commands."""

from lib.resp import Double, Error, Simple
from lib.rules import same_type


def leaves(reply):
    """All that is in it, one after the other, and how it is nested."""
    if isinstance(reply, list):
        yield (type(reply), len(reply))
        for one in reply:
            yield from leaves(one)
    else:
        yield reply.text if isinstance(reply, Double) else reply


def differing(replies):
    """The pairs that differ; None if they differ in more than leaves."""
    ours, theirs = list(leaves(replies.ours)), list(leaves(replies.theirs))
    if len(ours) != len(theirs) or any(
            type(mine) is not type(other)
            for mine, other in zip(ours, theirs)):
        return None
    return [(mine, other) for mine, other in zip(ours, theirs)
            if mine != other]


def is_printed(mine, other):
    """The same double, with 17 digits."""
    try:
        return type(mine) is bytes and other == b"%.17g" % float(mine)
    except ValueError:
        return False


def is_zero(mine, other):
    return (mine, other) == (b"0", b"-0")


def scores_printed(replies):
    """By 7.0 with 17 digits, by 7.2 with as few as will do."""
    pairs = differing(replies)
    return bool(pairs) and all(is_printed(*pair) for pair in pairs)


def scores_of_zero(replies):
    """Redis keeps the sign of a zero in a skiplist, not in a listpack."""
    pairs = differing(replies)
    return bool(pairs) and any(is_zero(*pair) for pair in pairs) and \
        all(is_zero(*pair) or is_printed(*pair) for pair in pairs)


def rank_with_more(replies):
    """7.0 does not know WITHSCORE, and so no other fourth word either."""
    name = bytes(replies.words[0]).lower()
    return len(replies.words) == 4 and \
        bytes(replies.words[3]).lower() != b"withscore" and \
        replies.ours == Error("ERR syntax error") and replies.theirs == Error(
            b"ERR wrong number of arguments for '%s' command" % name)


def keys_of_rank(replies):
    """COMMAND GETKEYS, of calls that are too long for 7.0."""
    words = [bytes(word).lower() for word in replies.words]
    return words[2] in (b"zrank", b"zrevrank") and len(words) > 5 and \
        replies.theirs == Error("ERR Invalid number of arguments specified "
                                "for command") and len(replies.ours) == 1


def dryrun_of_rank(replies):
    """ACL DRYRUN, as well."""
    words = [bytes(word).lower() for word in replies.words]
    return words[3] in (b"zrank", b"zrevrank") and len(words) > 6 and \
        replies.theirs == Error(
            b"ERR wrong number of arguments for '%s' command" % words[3]) \
        and replies.ours == Simple("OK")


def loaded_again(replies):
    """Redis forgets when it starts again that a sorted set was large once."""
    return (replies.ours, replies.theirs) == (b"skiplist", b"listpack")


def some_members(replies):
    """ZRANDMEMBER: as many, in the same form, and different ones unless the
    count is negative."""
    ours, theirs = replies.ours, replies.theirs
    if not same_type(replies):
        return False
    if type(ours) is bytes:
        return len(replies.words) == 2
    if type(ours) is not list or [
            type(one) for one in ours] != [type(one) for one in theirs]:
        return False
    if int(replies.words[2]) < 0:
        return True
    members = ours
    if len(replies.words) == 4:
        members = ours[::2] if type(ours[0]) is bytes else \
            [one[0] for one in ours]
    return len(set(members)) == len(members)
