"""kill.py ROUNDS COMMAND...: SIGKILL under write load, again and again.

Writers run psql, each on a connection of its own. A writer prints the number of a transaction when
the server has said that it is committed; that is kept here, outside of the server. After each
kill the server starts again, and then

  - every transaction that was acknowledged is there;
  - no half of a transaction is: each adds one row to two tables, and moves an amount between two
    accounts, whose sum stays;
  - nothing is there that nobody sent;
  - the database takes writes again (the next round's).
"""

import random
import subprocess
import sys
import threading
import time

from server import Server, run_tests

ROUNDS = int(sys.argv.pop(1))
WRITERS = 4
ACCOUNTS = 10


class Writer(threading.Thread):
    """Sends transactions until the connection is lost."""

    def __init__(self, url, number, first, dice):
        super().__init__()
        self.url, self.number, self.first, self.dice = url, number, first, dice
        self.acknowledged, self.sent = [], first
        self.complaints = ""

    def script(self):
        for i in range(self.first, self.first + 100000):
            self.sent = i
            a, b = self.dice.sample(range(ACCOUNTS), 2)
            yield (f"BEGIN; INSERT INTO one VALUES ({self.number}, {i});\n"
                   f"INSERT INTO two VALUES ({self.number}, {i}, repeat('x', {i % 500}));\n"
                   f"UPDATE account SET amount = amount - 1 WHERE id = {min(a, b)};\n"
                   f"UPDATE account SET amount = amount + 1 WHERE id = {max(a, b)};\n"
                   f"COMMIT;\n\\echo {i}\n")

    def run(self):
        process = subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", self.url],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        feeder = threading.Thread(target=self.feed, args=(process,))
        feeder.start()
        for line in process.stdout:
            self.acknowledged.append(int(line))
        feeder.join()
        self.complaints = process.stderr.read()
        process.wait()

    def feed(self, process):
        try:
            for text in self.script():
                process.stdin.write(text)
                process.stdin.flush()
            process.stdin.close()
        except OSError:
            pass


def check(server, acknowledged, sent):
    one = set(server.psql("SELECT w, i FROM one").split())
    two = set(server.psql("SELECT w, i FROM two").split())
    assert one == two, f"half transactions: {sorted(one ^ two)[:5]}"
    lost = acknowledged - one
    assert not lost, f"{len(lost)} acknowledged transactions are lost: {sorted(lost)[:5]}"
    for name in one:
        writer, number = map(int, name.split("|"))
        assert number <= sent[writer], f"{name} was never sent"
    total = server.psql("SELECT sum(amount), count(*) FROM account").strip()
    assert total == f"0|{ACCOUNTS}", total
    through_index = server.psql("SET enable_seqscan = off; SELECT count(*) FROM one WHERE i >= 0")
    assert int(through_index) == len(one)


def what_was_acknowledged_survives(command, place):
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    print(f"seed {seed}", flush=True)
    server = Server(command, place, "--checkpoint-size=2MiB", "--wal-segment-size=1MiB",
                    "--checkpoint-secs=1").start()
    server.psql("CREATE TABLE one (w int, i int, PRIMARY KEY (i, w));"
                "CREATE TABLE two (w int, i int, filler text, PRIMARY KEY (w, i));"
                "CREATE TABLE account (id int PRIMARY KEY, amount int);"
                f"INSERT INTO account SELECT g, 0 FROM generate_series(0, {ACCOUNTS - 1}) g")
    acknowledged, sent = set(), [0] * WRITERS
    restarts = []
    for round in range(ROUNDS):
        writers = [Writer(server.url(), w, sent[w] + 1, random.Random(dice.random()))
                   for w in range(WRITERS)]
        for writer in writers:
            writer.start()
        before = server.psql("SELECT count(*) FROM one")
        while server.psql("SELECT count(*) FROM one") == before:
            pass  # the writers are still logging in
        time.sleep(dice.random())
        server.kill()
        for writer in writers:
            writer.join(60)
            assert not writer.is_alive(), "a client hangs after the server is gone"
            acknowledged |= {f"{writer.number}|{i}" for i in writer.acknowledged}
            sent[writer.number] = writer.sent
        begun = time.monotonic()
        server.start()
        restarts.append(time.monotonic() - begun)
        check(server, acknowledged, sent)
    assert acknowledged, ("nothing was written", [w.complaints for w in writers])
    print(f"{ROUNDS} kills, {len(acknowledged)} acknowledged transactions, restart in "
          f"{sorted(restarts)[len(restarts) // 2]:.3f} s (median), {max(restarts):.3f} s (most)",
          flush=True)
    assert server.stop() == 0
    server.start()
    check(server, acknowledged, sent)
    assert server.stop() == 0


run_tests([what_was_acknowledged_survives], __doc__)
