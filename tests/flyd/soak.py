"""soak.py MINUTES[:MIB] COMMAND...: mixed load, killed clients, and a server that stays as it is.

Readers, writers, scripts of many statements, connections that come and go, psql processes that are
killed in the middle of something, big results that nobody reads to the end. Meanwhile the server's
memory and descriptors are measured. At the end: memory flat after warming up, descriptors as at the
beginning, no error in the log, and, after SIGKILL, everything that was acknowledged.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time

from server import Server, run_tests

MINUTES, _, MIB = sys.argv.pop(1).partition(":")
MINUTES = float(MINUTES)
GROWTH = 0.05  # of resident memory, after a third of the time
LEAST = int(MIB or 8) << 20  # growth below this is noise: of short runs; sanitizers keep much


class Load:
    def __init__(self, server, end):
        self.server, self.end = server, end
        self.acknowledged, self.done, self.failures = 0, 0, []
        self.mutex = threading.Lock()

    def count(self, rows=0):
        with self.mutex:
            self.acknowledged += rows
            self.done += 1

    def each(self, work, seed):
        dice = random.Random(seed)
        while time.monotonic() < self.end and not self.failures:
            try:
                work(dice)
            except (AssertionError, subprocess.SubprocessError, OSError) as error:
                self.failures.append(f"{work.__name__}: {error}")

    def write(self, dice):
        rows = dice.randrange(1, 200)
        self.server.psql(f"INSERT INTO t SELECT nextval('numbers'), g % 100, repeat('x', g)"
                         f" FROM generate_series(1, {rows}) g")
        self.count(rows)

    def change(self, dice):
        at = dice.randrange(100)
        self.server.psql(f"UPDATE counter SET n = n + 1 WHERE id = {at};"
                         f"UPDATE counter SET n = n - 1 WHERE id = {at};"
                         f"BEGIN; DELETE FROM t WHERE k = {at}; ROLLBACK")
        self.count()

    def read(self, dice):
        self.server.psql(f"SELECT k, count(*), max(a), min(length(b)) FROM t WHERE k >= "
                         f"{dice.randrange(100)} GROUP BY k ORDER BY 2 DESC, 1 LIMIT 5;"
                         f"SELECT * FROM t WHERE a = {dice.randrange(1, 1000)}")
        self.count()

    def be_killed(self, dice):
        text = dice.choice((
            "BEGIN; UPDATE counter SET n = n + 1 WHERE id = 101; SELECT pg_sleep(10);",
            "SELECT * FROM t a, t b;",
            "COPY t TO STDOUT; SELECT pg_sleep(10);",
            "BEGIN; CREATE TABLE gone (a int);"
            "SELECT count(*) FROM generate_series(1, 100000000);"))
        process = subprocess.Popen(["psql", "-XAtq", self.server.url(), "-c", text],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        time.sleep(dice.random() * 0.3)
        process.kill()
        process.stdout.close()
        process.wait()
        self.count()


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def settled(pid, wanted, seconds=30):
    """Connections of killed clients are closed as soon as the server tries to write to them."""
    end = time.monotonic() + seconds
    while descriptors(pid) > wanted and time.monotonic() < end:
        time.sleep(0.1)
    return descriptors(pid)


def it_stays_as_it_is(command, place):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}", flush=True)
    server = Server(command, place, "--checkpoint-size=8MiB", "--wal-segment-size=4MiB",
                    "--checkpoint-secs=1").start()
    server.psql("CREATE SEQUENCE numbers;"
                "CREATE TABLE t (a bigint PRIMARY KEY, k int, b text); CREATE INDEX ON t (k);"
                "CREATE TABLE counter (id int PRIMARY KEY, n int);"
                "INSERT INTO counter SELECT g, 0 FROM generate_series(0, 101) g")
    pid = server.ports["pid"]
    files = descriptors(pid)
    begun = time.monotonic()
    load = Load(server, begun + MINUTES * 60)
    works = [load.write, load.change, load.read, load.read, load.be_killed, load.be_killed]
    threads = [threading.Thread(target=load.each, args=(work, f"{seed} {i}"))
               for i, work in enumerate(works)]
    for thread in threads:
        thread.start()
    samples = []
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.5)
        assert server.process.poll() is None, f"the server ended: {server.log()[-2000:]}"
        samples.append(resident(pid))
        if load.acknowledged > 200000 and not load.failures:  # a table that stays of one size
            server.psql("DELETE FROM t WHERE a < (SELECT max(a) - 100000 FROM t)")
            with load.mutex:
                load.acknowledged = int(server.psql("SELECT count(*) FROM t"))
    for thread in threads:
        thread.join()
    assert not load.failures, load.failures[:3]
    warm = samples[len(samples) // 3:len(samples) * 2 // 3] or samples
    late = samples[len(samples) * 2 // 3:] or samples
    warm, late = sum(warm) / len(warm), sum(late) / len(late)
    left = settled(pid, files + 16)
    print(f"{load.done} pieces of work in {time.monotonic() - begun:.0f} s;"
          f" resident {warm / 2**20:.1f} MiB, later {late / 2**20:.1f} MiB;"
          f" descriptors {files}, later {left}", flush=True)
    assert late - warm <= max(warm * GROWTH, LEAST), (warm, late)
    assert left <= files + 16, (files, left)
    errors = [line for line in server.log().splitlines() if "level=error" in line]
    assert not errors, errors[:5]
    assert server.psql("SELECT sum(n) FROM counter").strip() == "0"
    before = server.psql("SELECT count(*), sum(a) FROM t")
    server.send(signal.SIGKILL)
    server.process.wait()
    server.start()
    assert server.psql("SELECT count(*), sum(a) FROM t") == before
    assert server.stop() == 0


run_tests([it_stays_as_it_is], __doc__)
