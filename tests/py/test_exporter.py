"""A monitoring tool, unmodified: Debian's prometheus-redis-exporter, beside
redis-server and beside us. Each metric that it has of redis-server it has of
us, with the same labels, and nothing that it asks is answered by an error."""

import os
import re
import subprocess
import urllib.request

import pytest

from lib.server import SLOWNESS, ServerError, free_port, wait_until

PASSWORD = "secret"

# Events of LATENCY that come from how the one or the other works inside.
OWN_EVENTS = {"load", "flush", "flush-sync", "expire-cycle"}
# A Redis that was built without TLS has none of these options either.
NO_OPTIONS = "tls-"
# HyperLogLogs belong to a later issue: what is told of the command, and of the
# error that redis-server answers it with. (Ours answers another one.)
PFCOUNT = {"pfcount", "WRONGTYPE"}

SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Exporter:
    """prometheus-redis-exporter for one server, as a context manager."""

    ATTEMPTS = 20

    def __init__(self, server, *arguments):
        self._path = os.path.join(server.directory, "exporter.log")
        for _ in range(self.ATTEMPTS):
            if self._start(server, arguments):
                return
        raise ServerError("no port for the exporter\n" + self.log)

    def _start(self, server, arguments):
        address = "127.0.0.1:%d" % free_port()
        self._url = "http://%s/metrics" % address
        with open(self._path, "wb") as log:
            self._process = subprocess.Popen(
                ["prometheus-redis-exporter", "-redis.addr",
                 "redis://127.0.0.1:%d" % server.port, "-redis.password",
                 PASSWORD, "-web.listen-address", address] + list(arguments),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"]})
        return wait_until(lambda: self._process.poll() is not None
                          or "Providing metrics" in self.log,
                          what="the exporter starts") \
            and wait_until(self._listens, what="it listens") is True

    def _listens(self):
        """True, or what says that it has gone."""
        if self._process.poll() is not None:
            return "gone"
        try:
            urllib.request.urlopen(self._url.replace("metrics", "health"),
                                   timeout=1).close()
        except OSError:
            return False
        return True

    @property
    def log(self):
        with open(self._path) as log:
            return log.read()

    def scrape(self):
        """{(metric, {(label, value), ...}): number}"""
        with urllib.request.urlopen(self._url, timeout=20 * SLOWNESS) as reply:
            lines = reply.read().decode().splitlines()
        found = filter(None, map(SAMPLE.match, lines))
        return {(one.group(1), frozenset(LABEL.findall(one.group(2) or ""))):
                float(one.group(3)) for one in found}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def both(start_server, start_redis):
    return (start_server(requirepass=PASSWORD, enable_debug_command="local"),
            start_redis(requirepass=PASSWORD))


ERRORS_OF_LIVE = 2


def live(server):
    """Something of all that is counted. Returns connections to be kept."""
    client, subscriber, watcher = server.raw(), server.raw(), server.raw(3)
    client.call("CONFIG", "RESETSTAT")
    for option in (("latency-monitor-threshold", 1),
                   ("slowlog-log-slower-than", 5000)):
        client.call("CONFIG", "SET", *option)
    client.call("MSET", "a", 1, "b", "two words", "c", 3)
    client.call("EXPIRE", "a", 1000)
    client.call("INCR", "b") # an error
    client.call("GET", "a")
    client.call("GET", "none")
    client.call("NONSENSE")
    for word in ("MULTI", "PING", "EXEC"):
        client.call(word)
    client.call("SELECT", 3)
    client.call("SET", "k", "v")
    client.call("DEBUG", "SLEEP", 0.01)
    client.call("DBSIZE") # INFO doesn't wait for blind writes
    client.call("SELECT", 0)
    client.call("DBSIZE")
    subscriber.call("SUBSCRIBE", "news")
    subscriber.call("PSUBSCRIBE", "n*")
    watcher.call("CLIENT", "TRACKING", "ON")
    watcher.call("GET", "a")
    return client, subscriber, watcher


def scrape(server, *arguments, errors=0):
    """The samples. The exporter's questions in its two scrapes are answered
    by no error, or by so many."""
    connections = live(server)
    with Exporter(server, *arguments) as exporter:
        samples = exporter.scrape()
        again = exporter.scrape()
        assert "level=error" not in exporter.log, exporter.log
        assert "level=warning" not in exporter.log, exporter.log
    # Names are there at once, not after a while only.
    assert {name for name, _ in samples} <= {name for name, _ in again}
    seen = connections[0].call("INFO", "errorstats").decode()
    counts = map(int, re.findall(r"errorstat_\w+:count=(\d+)", seen))
    assert sum(counts) == ERRORS_OF_LIVE + errors, seen
    return again


def shape(samples):
    """Of each metric the names of its labels, and the values of those whose
    value says what it is about."""
    telling = {"cmd", "db", "err", "event_name", "key", "quantile", "mode",
               "state", "type"}
    return {(name, tuple(sorted(
        (label, value if label in telling else "") for label, value in labels
    ))) for name, labels in samples
        if name.startswith("redis_")
        and not OWN_EVENTS & {value for _, value in labels}}


def value(samples, name, **labels):
    return samples[name, frozenset(labels.items())]


def test_metrics_are_those_of_redis(both):
    ours, theirs = map(scrape, both)
    assert shape(theirs) - shape(ours) == set()
    assert len({name for name, _ in ours if name.startswith("redis_")}) > 120
    for samples in (ours, theirs):
        assert value(samples, "redis_up") == 1
        assert value(samples, "redis_exporter_last_scrape_error", err="") == 0
        assert value(samples, "redis_db_keys", db="db0") == 3
        assert value(samples, "redis_db_keys", db="db3") == 1
        assert value(samples, "redis_keyspace_hits_total") == 2
        assert value(samples, "redis_keyspace_misses_total") == 1
        assert value(samples, "redis_pubsub_channels") == 1
        assert value(samples, "redis_pubsub_patterns") == 1
        assert value(samples, "redis_tracking_total_keys") == 1
        assert value(samples, "redis_commands_total", cmd="get") == 3
        assert value(samples, "redis_commands_failed_calls_total",
                     cmd="incr") == 1
        assert value(samples, "redis_errors_total", err="ERR") == 2
        assert value(samples, "redis_slowlog_length") >= 1
        assert value(samples, "redis_slowlog_last_id") >= 0
        assert value(samples,
                     "redis_last_slow_execution_duration_seconds") >= 0.01
        assert value(samples, "redis_latency_spike_duration_seconds",
                     event_name="command") >= 0.01
        assert value(samples, "redis_connected_slaves") == 0


def test_metrics_that_are_asked_for(both):
    """Of clients, of options, of the machine, of some keys."""
    ours, theirs = (scrape(
        one, "-export-client-list", "-export-client-port",
        "-include-config-metrics", "-include-system-metrics",
        "-check-single-keys", "db0=a,db0=b,db0=none,db3=k",
        # PFCOUNT of three strings tells it that they are no HyperLogLogs.
        errors=6) for one in both)
    missing = {(name, labels) for name, labels in shape(theirs) - shape(ours)
               if name not in ("redis_config_value", "redis_config_key_value")
               or not labels[0][1].startswith(NO_OPTIONS)}
    assert {labels[0][1] for _, labels in missing} == PFCOUNT
    for samples in (ours, theirs):
        assert value(samples, "redis_up") == 1
        assert value(samples, "redis_key_size", db="db0", key="b") == 9
        assert value(samples, "redis_key_value", db="db0", key="a") == 1
        assert value(samples, "redis_key_size", db="db0", key="none") == 0


def test_a_wrong_password_is_seen(start_server):
    """So that what is shown above could have been otherwise."""
    server = start_server(requirepass="another")
    with Exporter(server) as exporter:
        samples = exporter.scrape()
        assert value(samples, "redis_up") == 0
        assert "Couldn't connect" in exporter.log
    assert server.raw(login=False).call("PING").code == "NOAUTH"
