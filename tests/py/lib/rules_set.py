"""Rules for replies that show the members of a set: in the order of a hash
table, or some of them at random. Which ones, and how often, is for
test_set.py."""

from lib.rules import same_type


def members_in_another_order(replies):
    ours, theirs = replies.ours, replies.theirs
    return same_type(replies) and isinstance(ours, list) and \
        sorted(ours) == sorted(theirs) and len(set(ours)) == len(ours)


def some_members(replies):
    """SRANDMEMBER: as many, and different ones unless the count is negative."""
    ours, theirs = replies.ours, replies.theirs
    if not same_type(replies):
        return False
    if type(ours) is bytes:
        return len(replies.words) == 2
    return type(ours) is list and len(ours) == len(theirs) and \
        (int(replies.words[2]) < 0 or len(set(ours)) == len(ours))


def all_popped(replies):
    """SPOP of a count that is more than there is."""
    return members_in_another_order(replies) and len(replies.words) == 3


# 7.2 gave sets of texts a listpack.
def encoding_of_set(replies):
    """7.0 has no listpacks of sets. Which sets are ones, test_set.py says."""
    return (replies.ours, replies.theirs) in (
        (b"listpack", b"hashtable"),
        # Redis has loaded it again, and forgotten that it was large once.
        (b"listpack", b"intset"), (b"hashtable", b"intset"))
