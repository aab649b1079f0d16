"""Rules for SCAN, KEYS, RANDOMKEY: the same keys in another order. Which they
are exactly, and that none is missed, is for test_scan.py too."""

from lib.resp import NULL, NULL_BULK
from lib.rules import in_another_order, same_type


def keys_in_another_order(replies):
    """KEYS."""
    return in_another_order(replies)


def a_part_or_all_keys(replies):
    """SCAN: all at once from 0, or parts of different size."""
    ours, theirs = replies.ours, replies.theirs
    if not same_type(replies) or type(ours) is not list:
        return False
    if not ours[0].isdigit() or len(set(ours[1])) != len(ours[1]):
        return False
    if any(side[0] != b"0" for side in (ours, theirs)) or \
            replies.words[1] not in (b"0", b""):
        return True
    # Redis may have met a key twice.
    return sorted(ours[1]) == sorted(set(theirs[1]))


def some_key(replies):
    """RANDOMKEY: a key if there is one."""
    nothing = (NULL, NULL_BULK)
    return (replies.ours in nothing) == (replies.theirs in nothing)
