"""Servers of either kind for the benchmarks, each in a directory of its own."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("DISKSTORE_BIN", os.path.join(TOP, "build", "diskstore"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    def __init__(self, name, command):
        self.name = name
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix="diskstore-bench-")
        self.command = [word.format(port=self.port, dir=self.dir) for word in command]
        self.log = open(os.path.join(self.dir, "log"), "wb")
        self.start()

    def start(self, *options):
        self.process = subprocess.Popen([*self.command, *options], stdout=self.log,
                                        stderr=self.log, cwd=self.dir)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.005)
        raise SystemExit(f"{self.name} did not start; see {self.dir}/log")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)

    def rss_anon_mb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith("RssAnon"):
                    return int(line.split()[1]) / 1024
        return 0

    def cpu_s(self):
        """Of all its threads, since it started."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def loop_cpu_s(self):
        """Of the thread that serves clients."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.end()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def redis_server():
    return Process("redis-server", ["redis-server", "--port", "{port}", "--save", "",
                                    "--appendonly", "no", "--dir", "{dir}",
                                    "--bind", "127.0.0.1"])


def diskstore(*options):
    return Process("diskstore", [BIN, "server", "--port", "{port}", "--bind",
                                 "127.0.0.1", "--ds-path", "{dir}/data", *options])
