"""Clients of node.js, unmodified: node-redis as Debian has it, and, only in
`make clients`, what npm installs into build/clients. The scripts of their usual
calls are in tests/js; each runs with diskstore and with redis-server and must
see the same, step by step."""

import contextlib
import json
import os
import re
import subprocess

import pytest

from lib.server import ROOT, free_port

SCRIPTS = os.path.join(ROOT, "tests", "js")
DEBIAN = "/usr/share/nodejs"
NPM = os.path.join(ROOT, "build", "clients", "node_modules")

# How steps begin that need commands which we lack, or which redis-server lacks.
LATER = "later: "
NEW = "7.2: "


@pytest.fixture
def both(start_server, start_redis):
    """They are restarted on the way."""
    return [start(port=free_port(), requirepass="secret")
            for start in (start_server, start_redis)]


def lines_of(script, server, modules):
    """The lines that the script writes, after doing what it asks for."""
    with open(os.path.join(server.directory, "script"), "wb") as errors:
        process = subprocess.Popen(
            ["node", os.path.join(SCRIPTS, script), str(server.port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            text=True, env=dict(os.environ, NODE_PATH=modules))
    try:
        for text in process.stdout:
            line = json.loads(text)
            if line.get("ask") == "restart":
                server.restart()
                print("done", file=process.stdin, flush=True)
            else:
                yield line
        status = process.wait()
        server.wait_exit() # the last step is SHUTDOWN
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
    with open(errors.name) as file:
        assert (status, file.read()) == (0, "")


def is_unknown(value):
    return isinstance(value, dict) and re.search(
        "unknown (sub)?command", value.get("message", "")) is not None


def compare(both, script, modules):
    """The steps of ours by name, and the last line, which tells of methods."""
    ours, theirs = (list(lines_of(script, one, modules)) for one in both)
    steps = {}
    for mine, other in zip(ours[:-1], theirs[:-1]):
        assert mine["step"] == other["step"]
        name, value = mine["step"], mine["value"]
        if name.startswith(LATER):
            assert is_unknown(value), "there now: take away " + LATER
        elif name.startswith(NEW):
            assert is_unknown(other["value"]) and not is_unknown(value)
        else:
            assert value == other["value"], name
        steps[name] = value
    assert len(ours) == len(theirs)
    return steps, ours[-1]


def simple(name):
    """OBJECT|ENCODING, OBJECT_ENCODING and objectEncoding are the same."""
    return "".join(one for one in name.lower() if one.isalnum())


def uncovered(last, server):
    """Methods of commands of ours that the script has not called."""
    server.start()
    commands = {simple(name.decode())
                for name in server.raw().call("COMMAND", "LIST")}
    methods = {simple(name) for name in last["methods"]} & commands
    assert len(methods) > 80
    return methods - {simple(name) for name in last["called"]}


def check_node_redis(both, modules):
    steps, last = compare(both, "node_redis.js", modules)
    assert len(steps) > 150
    assert steps["mGet"] == ["1", "2", "3", None]
    assert steps["multi"] == ["OK", "v", 1, ["v", None], -1, "OK"]
    assert steps["watch, changed"]["error"] == "WatchError"
    assert steps["get after a restart"] == "v"
    assert steps["heard"][0] == ["news", "one"]
    assert uncovered(last, both[0]) == set()


def test_node_redis(both):
    check_node_redis(both, DEBIAN)


@pytest.mark.npm
def test_node_redis_of_npm(both):
    check_node_redis(both, NPM)


@pytest.mark.npm
def test_ioredis(both):
    """Its methods all do the same with a name and words: not each is
    called."""
    steps, _ = compare(both, "ioredis.js", NPM)
    assert len(steps) > 150
    assert steps['mget ["a","b","c","d"]'] == ["1", "2", "3", None]
    assert steps["watch, changed"] == ["OK", "OK", None]
    assert steps["get after a restart"] == "v"
    assert steps["heard"][0] == ["message", "news", "one"]
    assert steps["events of the client"] == [
        "close", "reconnecting", "connect", "ready"]
