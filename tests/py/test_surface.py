"""How much of Redis 7.2's surface is there: tests/commands-7.2 lists all of its
commands with group and arity. Which of them are still missing stands here, so
that a command that comes, or goes, changes this file."""

import os

import pytest

from lib.server import ROOT

COMPLETE = {"string", "hash", "connection", "pubsub", "transactions"}

# Whole groups that later work brings.
LATER_GROUPS = {"bitmap", "cluster", "geo", "hyperloglog", "stream"}

MISSING = {
    # ways in and out
    "migrate",
    # full ACLs
    "acl|deluser", "acl|load", "acl|log", "acl|save", "acl|setuser",
    # replication
    "psync", "replconf", "sync", "restore-asking",
    # functions: scripts that are data
    "fcall", "fcall_ro", "function", "function|delete", "function|dump",
    "function|flush", "function|help", "function|kill", "function|list",
    "function|load", "function|restore", "function|stats",
    # modules: there are none
    "module", "module|help", "module|list", "module|load", "module|loadex",
    "module|unload",
}


def surface():
    """{"object|freq": (group, arity)}"""
    found = {}
    with open(os.path.join(ROOT, "tests", "commands-7.2"),
              encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                group, arity, _, *name = line.split()
                found["|".join(name).lower()] = (group, int(arity))
    return found


def test_the_list_is_whole():
    assert len(surface()) == 370
    assert set(group for group, _ in surface().values()) > COMPLETE


def test_what_is_missing(server):
    ours = {name.decode() for name in server.call("COMMAND", "LIST")}
    wanted = {name for name, (group, _) in surface().items()
              if group not in LATER_GROUPS}
    assert wanted - ours == MISSING
    assert not any(surface()[name][0] in COMPLETE for name in MISSING)


def test_every_arity_is_that_of_redis(server):
    for name, (_, arity) in surface().items():
        info = server.call("COMMAND", "INFO", name)[0]
        if isinstance(info, list):
            assert info[1] == arity, name


@pytest.mark.parametrize("group", sorted(COMPLETE))
def test_a_complete_group_misses_nothing(server, group):
    ours = {name.decode() for name in server.call("COMMAND", "LIST")}
    assert {name for name, (one, _) in surface().items()
            if one == group} <= ours
