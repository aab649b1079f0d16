"""A rule for dumps: hash tables have an order of their own, lists other nodes,
and what is compressed may be so in several ways. What they say must be the
same, by a decoder of the tests' own. Where the bytes must be the same, too,
test_dump.py tells."""

from lib import rdb


def same_value(replies):
    ours, theirs = replies.ours, replies.theirs
    return type(ours) is bytes and type(theirs) is bytes and \
        rdb.value_of(ours) == rdb.value_of(theirs)
