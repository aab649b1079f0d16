"""Rules for replies that show elements in the order of a hash table, or some
of them at random. What is in them exactly, and how often, is for
test_hash.py."""

from lib.rules import in_another_order, pairs_of, same_type


def pairs_in_another_order(replies):
    """HGETALL."""
    ours, theirs = pairs_of(replies.ours), pairs_of(replies.theirs)
    return same_type(replies) and ours is not None and \
        sorted(ours) == sorted(theirs) and len(dict(ours)) == len(ours)


def values_in_another_order(replies):
    """HVALS."""
    return same_type(replies) and type(replies.ours) is list and \
        sorted(replies.ours) == sorted(replies.theirs)


def fields_in_another_order(replies):
    return in_another_order(replies)


def shape(reply):
    """Of what is nested: [field, value] of RESP3."""
    return [type(one) if type(one) is bytes else (type(one), len(one))
            for one in reply]


def some_at_random(replies):
    """HRANDFIELD: as many of the same shape, and different ones if it is to
    answer different ones."""
    ours, theirs = replies.ours, replies.theirs
    if not same_type(replies):
        return False
    if type(ours) is bytes:
        return len(replies.words) == 2
    if type(ours) is not list or shape(ours) != shape(theirs):
        return False
    if int(replies.words[2]) < 0:
        return True
    fields = ours
    if len(replies.words) == 4:
        fields = ours[::2] if type(ours[0]) is bytes else \
            [one[0] for one in ours]
    return len(set(fields)) == len(fields)


def elements_of(name, reply):
    """Scores as numbers: 7.2 writes some with fewer digits."""
    cursor, found = reply
    assert cursor.isdigit()
    if name == "sscan":
        return sorted(found)
    assert len(found) % 2 == 0
    seconds = found[1::2]
    return sorted(zip(found[::2], map(float, seconds) if name == "zscan"
                      else seconds))


def a_part_or_all(replies):
    """HSCAN, SSCAN, ZSCAN: all at once from 0, or parts of different size; a
    small one is always answered as a whole by ours."""
    if not same_type(replies) or type(replies.ours) is not list:
        return False
    ours = elements_of(replies.step.name, replies.ours)
    theirs = elements_of(replies.step.name, replies.theirs)
    if any(side[0] != b"0" for side in (replies.ours, replies.theirs)) or \
            replies.words[2] not in (b"0", b"", b"00"):
        return True
    # Redis may have met an element twice.
    return ours == sorted(set(theirs))
