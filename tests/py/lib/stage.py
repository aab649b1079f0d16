"""Several connections to each of two servers, and a script: what comes to each
connection after each line must be the same bytes.

    told = play(server, "32", '''
        a: CLIENT TRACKING ON
        a: GET k
        b: SET k v ; GET k
    ''')
    assert told == play(redis_server, "32", ...)

Commands of a line stand between ";" and are sent as one. "{b}" is the id of
connection b. "b: close" closes it. What is pushed at the end of a turn comes
before the answer to what was sent after the turn: so the replies are received
first, and then each connection is asked once more (PING).
"""

import re

from lib.resp import Push, encode
from lib.server import wait_until

NAMES = "abcdef"
TOKEN = b"\x00 all is in"
MESSAGES = {b"message": 3, b"pmessage": 4, b"smessage": 3}


def is_push(value):
    """Something that was not asked for: no reply, though it may look like
    one; nor the other way round (SUBSCRIBE)."""
    if type(value) not in (Push, list) or not value \
            or type(value[0]) is not bytes:
        return False
    if type(value) is Push:
        return not value[0].endswith(b"subscribe")
    return MESSAGES.get(value[0]) == len(value)


def is_end(value):
    """The answer to PING, also to a subscriber in RESP2."""
    return value == TOKEN or value == [b"pong", TOKEN]


class Stage:
    """The connections to one server: one for each digit of protocols."""

    def __init__(self, server, protocols):
        self.server = server
        self.wires = {}
        for name, version in zip(NAMES, protocols):
            self.wires[name] = server.raw(protocol=int(version))
        self.ids = {name: wire.call("CLIENT", "ID")
                    for name, wire in self.wires.items()}

    def close(self):
        for wire in self.wires.values():
            wire.close()

    def do(self, name, commands):
        """{name: bytes that came} after these commands of one connection."""
        commands = re.sub(r"\{([a-f])\}",
                          lambda match: str(self.ids[match[1]]), commands)
        if commands == "close":
            return self._hang_up(name)
        words = [one.strip().split(" ") for one in commands.split(";")]
        wire = self.wires[name]
        wire.send_raw(b"".join(encode(*one) for one in words))
        told = {name: b""}
        missing = len(words)
        while missing:
            value, data = wire.recv_both()
            told[name] += data
            missing -= not is_push(value)
        return self.rest(told)

    def rest(self, told=None):
        """All that came since, to everybody."""
        told = told or {}
        for name, wire in self.wires.items():
            wire.send("PING", TOKEN)
            told.setdefault(name, b"")
            value, data = wire.recv_both()
            while not is_end(value):
                told[name] += data
                value, data = wire.recv_both()
        return {name: data for name, data in told.items() if data}

    def _hang_up(self, name):
        gone = b"id=%d " % self.ids[name]
        self.wires.pop(name).close()
        wait_until(lambda: gone not in self.server.call("CLIENT", "LIST"),
                   what="the server has noticed")
        return self.rest()


def hide_ids(stage, told):
    """Ids are the servers' own: where one may stand, the connection's name."""
    names = {b"%d" % number: name.encode()
             for name, number in stage.ids.items()}
    return {name: re.sub(rb"(redirect|redir-broken)\r\n:(\d+)",
                         lambda match: match[1] + b" " + names[match[2]]
                         if match[2] in names else match[0], data)
            for name, data in told.items()}


def play(server, protocols, script):
    """[(line, what came to whom)]."""
    stage = Stage(server, protocols)
    stage.do("a", "FLUSHALL")
    told = []
    for line in script.strip().splitlines():
        name, _, commands = line.strip().partition(": ")
        told.append((line.strip(), hide_ids(stage, stage.do(name, commands))))
    stage.close()
    return told


