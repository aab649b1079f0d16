"""All that a collection holds, in one form whatever the order in which the
server tells it."""

def scored(reply):
    """Redis 7.0 prints scores with more digits."""
    return [(member, float(score))
            for member, score in zip(reply[::2], reply[1::2])]


# By type: the command, what follows the key, and what of the reply counts.
CONTENTS = {
    "zset": ("ZRANGE", ["0", "-1", "WITHSCORES"], scored),
}


def contents_of(client, key):
    """client: of our own, with RESP2. None: no collection."""
    kind = str(client.call("TYPE", key))
    if kind not in CONTENTS:
        return None
    name, more, shown = CONTENTS[kind]
    return shown(client.call(name, key, *more))
