"""A flyd of a test's own: in a directory of its own, at any free ports, ended by the test.

Not a test; the tests beside it import it. They are called as TEST.py COMMAND..., where COMMAND
runs flyd and may have words before that (setarch -R).
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PASSWORD = "correct-horse-7"


class Server:
    """With data in `place`/data. Flags are added to those that every test wants."""

    def __init__(self, command, place, *flags, environment=None, password=PASSWORD):
        self.command, self.place, self.flags = command, place, flags
        self.data = os.path.join(place, "data")
        self.ready = os.path.join(place, "ready.json")
        self.errors = os.path.join(place, "stderr")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("FLYD")}
        self.environment.update(environment or {})
        if password:
            self.environment["FLYD_ADMIN_PASSWORD"] = password
        self.process = None
        self.ports = {}

    def start(self, wait=60):
        if os.path.exists(self.ready):
            os.remove(self.ready)
        arguments = [*self.command, "--data-dir", self.data, "--ready-file", self.ready,
                     "--text-port=0", "--binary-port=0", "--pg-port=0",
                     "--buffer-pool-size=64MiB", *self.flags]
        with open(self.errors, "a") as errors:
            self.process = subprocess.Popen(arguments, stderr=errors, env=self.environment,
                                            stdin=subprocess.DEVNULL)
        end = time.monotonic() + wait
        while not os.path.exists(self.ready):
            if self.process.poll() is not None:
                raise AssertionError(f"flyd ended with {self.process.returncode}: {self.log()}")
            if time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"flyd is not ready after {wait} s: {self.log()}")
            time.sleep(0.01)
        with open(self.ready) as file:
            self.ports = json.load(file)
        return self

    def log(self):
        with open(self.errors) as file:
            return file.read()

    def wait_for(self, text, seconds=30):
        """Until the log has it."""
        end = time.monotonic() + seconds
        while text not in self.log():
            assert time.monotonic() < end, f"no {text!r} in the log:\n{self.log()}"
            time.sleep(0.01)

    def send(self, number):
        os.kill(self.ports["pid"], number)

    def stop(self, number=signal.SIGTERM, seconds=60):
        """End it; returns its exit code."""
        self.send(number)
        return self.process.wait(seconds)

    def kill(self):
        self.send(signal.SIGKILL)
        self.process.wait()

    def url(self, database="default"):
        """What libpq calls a connection string."""
        return (f"host=127.0.0.1 port={self.ports['pg']} user=admin password={PASSWORD} "
                f"dbname={database}")

    def psql(self, text, *flags, database="default", good=True):
        """Run SQL with psql; its output, unaligned."""
        result = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *flags,
                                 self.url(database)], input=text, capture_output=True, text=True,
                                timeout=120)
        if good:
            assert result.returncode == 0, f"psql: {result.stderr}\nlog:\n{self.log()}"
            return result.stdout
        return result.stdout + result.stderr


def run_tests(tests, usage):
    """Run each function with the command and a directory that is gone afterwards."""
    if len(sys.argv) < 2:
        sys.exit(usage)
    failed = 0
    for test in tests:
        place = tempfile.mkdtemp(prefix="flyd-test-")
        begun = time.monotonic()
        try:
            test(sys.argv[1:], place)
            print(f"ok    {test.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
        except (AssertionError, subprocess.SubprocessError, OSError) as error:
            failed += 1
            print(f"FAIL  {test.__name__}: {error}", flush=True)
        finally:
            stop_all(place)
            shutil.rmtree(place, ignore_errors=True)
    sys.exit(1 if failed else 0)


def stop_all(place):
    """Nothing of a failed test may go on: the servers whose lock files lie below its directory."""
    for folder, _, files in os.walk(place):
        if ".flyd.lock" in files:
            with open(os.path.join(folder, ".flyd.lock")) as file:
                pid = re.match(r"\d+", file.read())
            if pid and os.path.exists(f"/proc/{pid.group()}/exe"):
                if "flyd" in os.readlink(f"/proc/{pid.group()}/exe"):
                    os.kill(int(pid.group()), signal.SIGKILL)
