"""server.py FSQL FLYD LAUNCHER...: the shell against a real server, over the binary protocol."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FSQL, FLYD, LAUNCHER = sys.argv[1], sys.argv[2], sys.argv[3:]
WORK = tempfile.mkdtemp(prefix="fsql-")
PASSWORD = "correct-horse-7"
failures = 0


class Flyd:
    def __init__(self):
        self.ports = {}
        self.process = None

    def start(self, port=0):
        ready = os.path.join(WORK, "ready.json")
        if os.path.exists(ready):
            os.remove(ready)
        environment = dict(os.environ, FLYD_ADMIN_PASSWORD=PASSWORD)
        with open(os.path.join(WORK, "log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                LAUNCHER + [FLYD, "--data-dir", os.path.join(WORK, "data"), "--ready-file", ready,
                            "--text-port=0", f"--binary-port={port}", "--pg-port=0",
                            "--buffer-pool-size=64MiB"],
                stdin=subprocess.DEVNULL, stderr=log, env=environment)
        end = time.monotonic() + 60
        while not os.path.exists(ready):
            assert self.process.poll() is None and time.monotonic() < end, "flyd does not start"
            time.sleep(0.02)
        with open(ready, encoding="utf-8") as file:
            self.ports = json.load(file)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def words(*arguments):
    return LAUNCHER + [FSQL, "-h", "127.0.0.1", "-p", str(server.ports["binary"]), *arguments]


def environment(password=PASSWORD):
    values = {k: v for k, v in os.environ.items() if not k.startswith("FLYDB_")}
    values.update(HOME=WORK, TERM="dumb")
    if password is not None:
        values["FLYDB_PASSWORD"] = password
    return values


def check(name, arguments, out=None, code=0, err="", stdin="", password=PASSWORD):
    global failures
    # A session of its own has no terminal, so that a password is read from standard input.
    done = subprocess.run(words("-q", "-t", "-A", *arguments), capture_output=True, text=True,
                          cwd=WORK, input=stdin, timeout=120, check=False,
                          env=environment(password), start_new_session=True)
    wrong = out is not None and done.stdout != out
    if wrong or done.returncode != code or err not in done.stderr:
        failures += 1
        print(f"FAILED: {name}: {done.returncode} {done.stdout!r} {done.stderr!r}")


class Terminal:
    """A person at a shell."""

    def __init__(self, *arguments):
        self.seen = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            command = words("--no-history", *arguments)
            os.execvpe(command[0], command, environment())
        self.pid = pid

    def expect(self, pattern, seconds=60):
        global failures
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            if time.monotonic() > end or not select.select([self.fd], [], [], 1)[0]:
                if time.monotonic() > end:
                    failures += 1
                    print(f"FAILED: no {pattern!r} in {self.seen[-500:]!r}")
                    return
                continue
            try:
                self.seen += os.read(self.fd, 4096).decode(errors="replace")
            except OSError:
                failures += 1
                print(f"FAILED: the shell ended before {pattern!r}: {self.seen[-500:]!r}")
                return

    def say(self, text):
        self.seen = ""
        os.write(self.fd, text.encode())

    def end(self):
        self.say("\\q\n")
        try:
            while os.read(self.fd, 4096):
                pass
        except OSError:
            pass
        os.waitpid(self.pid, 0)


server = Flyd()
server.start()

check("a statement", ["-c", "SELECT 6 * 7, NULL, 'a|b'"], "42||a|b\n")
check("values look as the session wants them",
      ["-c", "SET datestyle = 'German'; "
             "SELECT date '2024-02-29', 0.1::float4, true, '\\xff'::bytea"],
      "29.02.2024|0.1|t|\\xff\n")
check("several statements are one transaction",
      ["-c", "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1), (2)", "-c", "TABLE t"],
      "1\n2\n")
check("all of it fails", ["-c", "DELETE FROM t; SELECT 1/0", "-c", "SELECT count(*) FROM t"], "2\n")
check("an error has its place", ["-c", "SELECT nothing"], "", 1,
      'ERROR:  column "nothing" does not exist\nLINE 1: SELECT nothing\n               ^')
check("a notice is shown", ["-c", "DROP TABLE IF EXISTS no"], err="NOTICE:  ")
check("a long result", ["-c", "SELECT count(*), sum(i) FROM generate_series(1, 100000) AS s(i)"],
      "100000|5000050000\n")
check("many rows", ["-c", "SELECT i FROM generate_series(1, 30000) AS s(i)"],
      "".join(f"{i}\n" for i in range(1, 30001)))
check("\\conninfo", ["-c", "\\conninfo"],
      'You are connected to database "default" as user "admin" on host "127.0.0.1" at port '
      f'"{server.ports["binary"]}".\n')
check("\\d", ["-c", "\\d t"])
check("\\l", ["-c", "\\l"])
check("COPY from the script", [], "1\n2\n7\n8\n", stdin="COPY t FROM STDIN;\n7\n8\n\\.\nTABLE t;\n")
check("\\copy to a file", ["-c", "\\copy t to out.txt", "-c", "\\! cat out.txt"], "1\n2\n7\n8\n")
check("a COPY that fails", ["-c", "\\copy t from out.txt"], code=1, err="duplicate key value")
check("another database", ["-c", "CREATE DATABASE shop"], "")
check("is reached by name", ["-d", "shop", "-c", "SELECT current_database()"], "shop\n")
check("and by \\c", ["-c", "\\c shop", "-c", "SELECT current_database()"], "shop\n")
check("and by USE", ["-c", "USE shop", "-c", "\\echo :DBNAME"], "shop\n")
check("one that is not there", ["-d", "nosuch", "-c", "SELECT 1"], "", 2,
      'database "nosuch" does not exist')
check("a wrong password", ["-c", "SELECT 1"], "", 2,
      'password authentication failed for user "admin"', password="wrong")
check("a password that is asked for", ["-c", "SELECT 1"], "1\n", stdin=PASSWORD + "\n",
      password=None)
check("read only", ["--read-only", "-c", "DELETE FROM t"], "", 1, "read-only transaction")
check("another user", ["-c", "CREATE ROLE alice LOGIN"], "")
check("\\password", [], "", stdin="\\password alice\nnew-secret-1\nnew-secret-1\n", code=0)
check("it is hers now", ["-U", "alice", "-c", "SELECT current_user"], "alice\n",
      password="new-secret-1")
check("passwords that differ", [], "", stdin="\\password alice\na\nb\n",
      err="Passwords didn't match.")
done = subprocess.run(
    LAUNCHER + [FSQL, "-qtA", f"flydb://admin:{PASSWORD}@127.0.0.1:{server.ports['binary']}/shop",
                "-c", "SELECT current_database()"],
    capture_output=True, text=True, timeout=60, check=False, env=environment(None))
if done.stdout != "shop\n":
    failures += 1
    print(f"FAILED: a URI: {done}")

person = Terminal()
person.expect(r"> ")
person.say("SELECT pg_sleep(100);\n")
time.sleep(1)
os.write(person.fd, b"\x03")
person.expect(r"canceling statement due to user request")
person.say("CREATE DATABASE again;\n")
person.expect(r"CREATE DATABASE")
person.say("\\c again\n")
person.expect(r'connected to database "again"')
port = server.ports["binary"]
if server.stop() != 0:
    failures += 1
    print("FAILED: flyd does not end well")
server.start(port)
person.say("SELECT 1;\n")
person.expect(r"Connected again")
person.say("SELECT 'in ' || current_database();\n")
person.expect(r"in again")
person.end()

if server.stop() != 0:
    failures += 1
    print("FAILED: flyd does not end well")
check("nobody is there", ["-c", "SELECT 1"], "", 2, "connect to")
shutil.rmtree(WORK)
print(f"{failures} failures")
sys.exit(1 if failures else 0)
