"""The rows of WRITES (cuts.py) for the commands on sorted sets.

few holds a with score 1 and b with score 2; many holds long members, one page
after the other, all with score 1."""


def rows(few, many):
    members = [member for member, _ in many.contents]
    words = [word for member in members for word in (b"1", member)]
    return [
        ("bzmpop", few, ["bzmpop", "0", "2", "{}2", "{}", "max"]),
        ("bzpopmax", many, ["bzpopmax", "{}", "0"]),
        ("bzpopmin", few, ["bzpopmin", "{}", "0"]),
        ("zadd", None, ["zadd", "{}", "1", "a"]),
        ("zadd", few, ["zadd", "{}", "7", "a"]),
        ("zadd", few, ["zadd", "{}"] + words), # pages from then on
        ("zadd", many, ["zadd", "{}", "1.5", "new", "-1", members[200]]),
        ("zincrby", few, ["zincrby", "{}", "2", "a"]),
        ("zincrby", many, ["zincrby", "{}", "1000", members[5]]),
        ("zmpop", few, ["zmpop", "2", "{}2", "{}", "max"]),
        ("zmpop", many, ["zmpop", "1", "{}", "min", "count", "290"]),
        ("zpopmax", few, ["zpopmax", "{}"]),
        ("zpopmax", many, ["zpopmax", "{}", "100"]),
        ("zpopmin", few, ["zpopmin", "{}", "3"]),
        ("zrangestore", few, ["zrangestore", "{}2", "{}", "0", "0"]),
        ("zrangestore", many, ["zrangestore", "{}", "{}", b"[" + members[9],
                               "+", "bylex", "limit", "0", "3"]),
        ("zrangestore", few, ["zrangestore", "{}", "{}", "5", "9"]),
        ("zrem", few, ["zrem", "{}", "a", "c"]),
        ("zrem", many, ["zrem", "{}"] + members),
        ("zremrangebylex", few, ["zremrangebylex", "{}", "-", "+"]),
        ("zremrangebyrank", many, ["zremrangebyrank", "{}", "10", "-10"]),
        ("zremrangebyscore", few, ["zremrangebyscore", "{}", "2", "+inf"]),
    ]
