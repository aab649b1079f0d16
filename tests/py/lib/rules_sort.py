"""Rules for SORT and SORT_RO."""

from lib.resp import Error
from lib.rules import same_type

NO_NUMBER = Error("ERR One or more scores can't be converted into double")


def seen(text):
    """Up to a NUL, as strcoll sees it."""
    return text.split(b"\x00")[0] if isinstance(text, bytes) else text


def texts_that_begin_alike(replies):
    """Of a set or sorted set, by the bytes before a NUL: what is equal there
    comes in the order of a hash table."""
    ours, theirs = replies.ours, replies.theirs
    return same_type(replies) and type(ours) is list and \
        sorted(map(repr, ours)) == sorted(map(repr, theirs)) and \
        list(map(seen, ours)) == list(map(seen, theirs))


def error_of_before(replies):
    """Redis does not clear errno before it asks strtod: a number out of range
    that any command met before makes good ones fail."""
    return replies.theirs == NO_NUMBER and type(replies.ours) in (list, int)
