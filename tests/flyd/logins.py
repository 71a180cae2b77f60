"""logins.py COMMAND...: who gets in while others guess, and what is written down about it."""

import os
import socket
import subprocess
import threading
import time

from server import PASSWORD, Server, run_tests


class Lines:
    """A client of the text protocol."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.ports["text"]), timeout=60)
        self.file = self.socket.makefile("rw", encoding="utf-8", newline="\n")

    def ask(self, line):
        """The first line of the answer; None if the connection has ended."""
        try:
            self.file.write(line + "\n")
            self.file.flush()
            return self.file.readline().rstrip("\n") or None
        except OSError:
            return None

    def close(self):
        self.socket.close()


def guess(server, user, tries, answers):
    """Log in with wrong passwords; a connection is good for some of them."""
    client = None
    for number in range(tries):
        client = client or Lines(server)
        answer = client.ask(f"AUTH {user} wrong{number}")
        answers.append(answer)
        if answer is None:
            client.close()
            client = None
    if client:
        client.close()


def good_users_work_beside_thousands_of_wrong_passwords(command, place):
    server = Server(command, place).start()
    server.psql("CREATE ROLE alice LOGIN PASSWORD 'alice has a password'")
    before = Lines(server)
    assert before.ask("AUTH alice alice has a password") == "AUTH OK"
    assert server.psql("SELECT 1") == "1\n"  # admin is known at this address from now on
    answers = []
    users = ["alice", "nobody", "nobody2", "bob"]
    crowd = [threading.Thread(target=guess, args=(server, user, 700, answers)) for user in users]
    for thread in crowd:
        thread.start()
    slowest, rounds = 0, 0
    while any(thread.is_alive() for thread in crowd) or rounds < 5:
        begun = time.monotonic()
        assert before.ask("SQL SELECT 6 * 7 AS x") == "x"
        assert before.file.readline() == "42\n" and before.file.readline() == "OK SELECT 1\n"
        slowest = max(slowest, time.monotonic() - begun)
        assert server.psql("SELECT 1") == "1\n"  # a login of its own
        rounds += 1
    for thread in crowd:
        thread.join()
    assert "AUTH OK" not in answers
    assert sum(1 for answer in answers if answer and "too many failed logins" in answer) > 1000
    assert slowest < 30, slowest  # sanitizers included
    before.close()
    assert server.stop() == 0


def verify(command, server, *flags):
    return subprocess.run([*command, "audit", "verify", "--data-dir", server.data, *flags],
                          capture_output=True, text=True, timeout=60)


def the_audit_trail_tells_and_cannot_be_changed(command, place):
    server = Server(command, place).start()
    server.psql("CREATE ROLE alice LOGIN PASSWORD 'alice has a password'; CREATE TABLE t (a int)")
    client = Lines(server)
    client.ask("AUTH alice wrong")
    assert client.ask("AUTH alice alice has a password") == "AUTH OK"
    assert "42501" in client.ask("SQL SELECT * FROM t")
    client.close()
    assert verify(command, server).returncode == 0  # while it runs
    assert server.stop() == 0
    log = os.path.join(server.data, "_system", "audit.log")
    with open(log, encoding="utf-8") as file:
        text = file.read()
    for words in ('"event":"role"', '"text":"CREATE TABLE t (a int)"', '"outcome":"28P01"',
                  '"event":"denied","severity":"warning","user":"alice"'):
        assert words in text, (words, text)
    assert "has a password" not in text and PASSWORD not in text
    good = verify(command, server)
    assert good.returncode == 0 and "all as they were written" in good.stdout, good

    key = os.path.join(place, "elsewhere.key")
    os.rename(os.path.join(server.data, "_system", "audit.key"), key)
    assert verify(command, server).returncode == 1
    assert verify(command, server, f"--key={key}").returncode == 0
    lines = text.splitlines(keepends=True)
    guilty = next(i for i, line in enumerate(lines) if '"event":"denied"' in line)
    with open(log, "w", encoding="utf-8") as file:
        file.writelines(lines[:guilty] + lines[guilty + 1:])
    bad = verify(command, server, "--key", key)
    assert bad.returncode == 1 and f"line {guilty + 1} of the audit trail" in bad.stderr, bad
    assert verify(command, server, "--whatever").returncode == 2


def passwords_follow_the_policy(command, place):
    server = Server(command, place, "--password-length-min=10", "--password-classes-min=3",
                    "--audit=false").start()
    assert "password is too short" in server.psql("CREATE ROLE bob PASSWORD 'Short 1'", good=False)
    assert "too simple" in server.psql("CREATE ROLE bob PASSWORD 'onlysmallones'", good=False)
    server.psql("CREATE ROLE bob PASSWORD 'Long enough 1'")
    assert not os.path.exists(os.path.join(server.data, "_system", "audit.log"))
    assert server.stop() == 0


def a_crash_leaves_a_trail_that_verifies(command, place):
    server = Server(command, place).start()
    server.psql("CREATE TABLE t (a int)")
    server.kill()
    server.start()
    assert '"CREATE TABLE t (a int)"' in open(os.path.join(server.data, "_system",
                                                           "audit.log")).read()
    assert server.stop() == 0
    good = verify(command, server)
    assert good.returncode == 0, good


run_tests([good_users_work_beside_thousands_of_wrong_passwords,
           the_audit_trail_tells_and_cannot_be_changed,
           passwords_follow_the_policy,
           a_crash_leaves_a_trail_that_verifies], __doc__)
