"""What another client feels: PINGs, one each half millisecond, in a process of
its own, and beside them how late that process itself wakes up from a sleep: what
the scheduler does, on a busy machine, is in both.

    with Pinger(server, "while filling"):
        ...

prints both when it ends. As root it asks for real-time priority for itself, and
for the highest usual one for the server's thread that serves clients (a real-time
thread that is always busy would be throttled); then its own lateness is small,
and what is left is the server's."""
import json
import os
import select
import socket
import subprocess
import sys
import time

PAUSE_S = 0.0005


def prefer(thread_id, real_time):
    try:
        if real_time:
            os.sched_setscheduler(thread_id, os.SCHED_FIFO, os.sched_param(1))
        else:
            os.setpriority(os.PRIO_PROCESS, thread_id, -20)
    except OSError:
        pass # then the lateness tells


def ping(port):
    """Until a line comes in; answers are (when, how long)."""
    prefer(0, real_time=True)
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers, late = [], []
    while not select.select([sys.stdin], [], [], 0)[0]:
        begun = time.monotonic()
        time.sleep(PAUSE_S)
        asked = time.monotonic()
        client.sendall(b"PING\r\n")
        client.recv(64)
        answered = time.monotonic()
        late.append(asked - begun - PAUSE_S)
        answers.append(answered - asked)
    print(json.dumps([answers, late]))


def at(sorted_s, part):
    return 1000 * sorted_s[min(int(len(sorted_s) * part), len(sorted_s) - 1)]


class Pinger:
    def __init__(self, server, title):
        self.title = title
        prefer(server.process.pid, real_time=False) # its first thread is the loop's
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), str(server.port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(0.3)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        out = self.process.communicate(b"\n")[0]
        answers, late = (sorted(one) for one in json.loads(out))
        self.p99_ms, self.worst_ms = at(answers, 0.99), at(answers, 1)
        print(f"{self.title:34} PING p50 {at(answers, 0.5):.2f}, p99 {self.p99_ms:.2f}, "
              f"p99.9 {at(answers, 0.999):.2f}, worst "
              + ", ".join(f"{1000 * one:.1f}" for one in answers[-3:])
              + f" ms of {len(answers)}; its own lateness: worst "
              + ", ".join(f"{1000 * one:.1f}" for one in late[-3:]) + " ms", flush=True)


if __name__ == "__main__":
    ping(int(sys.argv[1]))
