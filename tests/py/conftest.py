"""Fixtures and markers of all Python tests.

Fixtures: start_server and start_redis are factories, start_server(**options)
gives a running lib.server.Server; server and redis_server are one of each
with default options. At the end of the test all are stopped, by pid, and the
test fails if one had died of itself, ended with another status than 0, or
left a sanitizer report or a failed assertion on stderr. A failing test shows
the end of their logs.

Markers:
  torture     runs for long: only `make torture`
  npm         needs what `make clients` installs: only there
  alone       must have the machine for itself (timing, memory): tests/run
              runs these one after the other, after all others
  plain_only  holds only in the plain build (memory of the process, speed):
              not part of a sanitizer build's tests
  timeout(s)  of pytest-timeout; multiplied in sanitizer builds
"""

import resource

import pytest

from lib.server import SANITIZE, SLOWNESS, RedisServer, Server

SERVERS = pytest.StashKey()


def pytest_configure(config):
    for marker in ("torture: long, only in make torture",
                   "npm: what is not in Debian, only in make clients",
                   "alone: not beside other tests",
                   "plain_only: not in sanitizer builds"):
        config.addinivalue_line("markers", marker)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def is_wanted(item, config):
    if SANITIZE and item.get_closest_marker("plain_only"):
        return False
    # Whoever names one in -m has said what is wanted.
    return all(name in config.option.markexpr
               or not item.get_closest_marker(name)
               for name in ("torture", "npm"))


def pytest_collection_modifyitems(config, items):
    unwanted = [item for item in items if not is_wanted(item, config)]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if is_wanted(item, config)]
    for item in items:
        marker = item.get_closest_marker("timeout")
        if marker is not None and marker.args and SLOWNESS > 1:
            longer = pytest.mark.timeout(marker.args[0] * SLOWNESS,
                                         **marker.kwargs)
            item.add_marker(longer, append=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for server in item.stash.get(SERVERS, []):
            report.sections.append(
                ("%s on port %s" % (server.NAME, server.port), server.tail()))


def close_all(servers):
    problems = []
    for server in reversed(servers):
        try:
            server.close()
        except AssertionError as error:
            problems.append(str(error))
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def factory(request, kind):
    servers = []
    known = request.node.stash.setdefault(SERVERS, [])

    def start(*arguments, **options):
        server = kind(*arguments, **options)
        servers.append(server)
        known.append(server)
        return server

    yield start
    close_all(servers)


@pytest.fixture
def start_server(request):
    """Starts diskstore: start_server(cache_max_memory="16mb")."""
    yield from factory(request, Server)


@pytest.fixture
def server(start_server):
    """A diskstore with default options."""
    return start_server()


@pytest.fixture
def start_redis(request):
    """Starts redis-server, the oracle."""
    yield from factory(request, RedisServer)


@pytest.fixture
def redis_server(start_redis):
    """A redis-server with nothing on disk."""
    return start_redis()
