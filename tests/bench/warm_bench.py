"""After a restart: how long until the hit ratio is 90 % of what it was before, and
p99 of clients meanwhile, with and without cache-warm-restart.
`make bench ARGS="--only warm"`.

Ten times more data than memory, GETs by Zipf 0.99 at a fixed rate: a server that
clients keep busy to the last has no time for anything that nobody waits for.
Latency counts from when a request was due.
"""
import json
import statistics
import subprocess
import time

from collections_bench import Connection
from servers import BIN, diskstore

KEYS = ["--keys", "640k", "--value-size", "1000", "--value-seed", "7"]
RATE = 5000       # per second
STEP_S = 0.1      # between two looks
WINDOW = 5        # steps that a hit ratio is taken over
PART = 0.9        # of the old hit ratio
LIMIT_S = 60
LATENCY_S = 3     # after the start


def begin(server, seed, *options):
    return subprocess.Popen(
        [BIN, "load", "--host", "127.0.0.1", "--port", str(server.port), "--quiet",
         "--json", "--connections", "20", "--seed", str(seed), *KEYS, *options],
        stdout=subprocess.PIPE, text=True)


def zipf(server, seed, seconds, *options):
    return begin(server, seed, "--op", "get", "--distribution", "zipf", "--theta", "0.99",
                 "--duration", f"{seconds}s", *options)


def result(process):
    out = process.communicate(timeout=600)[0]
    if process.returncode != 0:
        raise SystemExit(f"the load failed: {out}")
    return json.loads(out)


def counts(connection):
    text = connection.one("INFO", "cache").decode()
    info = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
    return int(info["cache_hits"]), int(info["cache_misses"])


def ratio_of(first, last):
    hits, misses = last[0] - first[0], last[1] - first[1]
    return hits / max(1, hits + misses)


def old_ratio(server, seed):
    """As it is after a while."""
    result(zipf(server, seed, 30))
    connection = Connection(server)
    first = counts(connection)
    p99 = result(zipf(server, seed + 1, 5, "--rate", str(RATE)))["p99_ms"]
    return ratio_of(first, counts(connection)), p99


def time_until(server, seed, wanted):
    """Seconds until clients are served as before."""
    load = zipf(server, seed, LIMIT_S, "--rate", str(RATE))
    connection = Connection(server)
    begun = time.monotonic()
    seen = [counts(connection)]
    try:
        while time.monotonic() - begun < LIMIT_S:
            time.sleep(STEP_S)
            seen.append(counts(connection))
            first = seen[max(0, len(seen) - 1 - WINDOW)]
            if seen[-1] != first and ratio_of(first, seen[-1]) >= wanted:
                break
    finally:
        took = time.monotonic() - begun
        load.terminate()
        load.communicate()
    return took


def bench_warm(rounds):
    server = diskstore("--cache-max-memory", "64mb")
    times, p99s, old_p99s = {"yes": [], "no": []}, {"yes": [], "no": []}, []
    try:
        result(begin(server, 1, "--op", "set", "--sequential", "--pipeline", "16"))
        for number in range(rounds):
            for option in ("no", "yes"):
                for what in ("time", "latency"):
                    seed = 10 * number + 2
                    ratio, p99 = old_ratio(server, seed)
                    old_p99s.append(p99)
                    server.end()
                    server.start("--cache-warm-restart", option)
                    if what == "time":
                        times[option].append(time_until(server, seed + 2, PART * ratio))
                    else:
                        p99s[option].append(result(zipf(
                            server, seed + 3, LATENCY_S, "--rate", str(RATE)))["p99_ms"])
                    server.end()
                    server.start("--cache-warm-restart", "yes")
            print(f"{'restart, Zipf 0.99':30} hit ratio was {ratio:.2f}; {PART:.0%} of it "
                  f"after {times['yes'][-1]:.1f} s, without warming "
                  f"{times['no'][-1]:.1f} s; p99 of the first {LATENCY_S} s "
                  f"{p99s['yes'][-1]:.2f} ms, without {p99s['no'][-1]:.2f} ms, "
                  f"before {statistics.median(old_p99s):.2f} ms", flush=True)
        print(f"{'as before the restart':30} "
              f"{statistics.median(times['no']) / statistics.median(times['yes']):5.2f} x "
              f"sooner (at least 3), p99 "
              f"{statistics.median(p99s['yes']) / statistics.median(p99s['no']):.2f} x "
              f"(at most 1.5)", flush=True)
    finally:
        server.stop()
