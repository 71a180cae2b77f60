"""embedded.py FSQL...: the engine in the process: directories, databases, what is kept."""

import os
import shutil
import subprocess
import sys
import tempfile

PROGRAM = [os.path.abspath(word) if os.path.exists(word) else word for word in sys.argv[1:]]
WORK = tempfile.mkdtemp(prefix="fsql-")
failures = 0


def check(name, arguments, out=None, code=0, err=""):
    global failures
    done = subprocess.run(PROGRAM + ["-q", "-t", "-A"] + arguments, capture_output=True, text=True,
                          cwd=WORK, stdin=subprocess.DEVNULL, timeout=60, check=False)
    wrong = out is not None and done.stdout != out
    if wrong or done.returncode != code or err not in done.stderr:
        failures += 1
        print(f"FAILED: {name}: {done.returncode} {done.stdout!r} {done.stderr!r}")


check("memory is gone at the end", ["-c", "CREATE TABLE t (a int)", "-c", "TABLE t"], "")
check("a directory is made", ["data", "-c", "CREATE TABLE t (a int PRIMARY KEY)"], "")
check("and keeps what is put there", ["data", "-c", "INSERT INTO t VALUES (1), (2)"], "")
check("for the next time", ["data", "-c", "SELECT sum(a) FROM t"], "3\n")
check("a file stands for its database", ["data/default/data.db", "-c", "SELECT sum(a) FROM t"],
      "3\n")
check("another database", ["data", "-c", "CREATE DATABASE shop"], "")
check("is reached by name", ["data", "-d", "shop", "-c", "CREATE TABLE s (x text)", "-c",
                             "SELECT current_database()"], "shop\n")
check("by its file", ["data/shop/data.db", "-c", "\\echo :DBNAME"], "shop\n")
check("and by \\c", ["data", "-c", "\\c shop", "-c", "SELECT count(*) FROM s"], "0\n")
check("one that is not there is not", ["data", "-d", "nosuch", "-c", "SELECT 1"], "", 2,
      'database "nosuch" does not exist')
check("read only is read only", ["data", "--read-only", "-c", "DELETE FROM t"], "", 1)
check("and may be read", ["data", "--read-only", "-c", "SELECT count(*) FROM t"], "2\n")
check("several statements are one transaction",
      ["data", "-c", "DELETE FROM t; SELECT 1/0", "-c", "SELECT count(*) FROM t"], "2\n")
check("what is typed as a transaction is one",
      ["data", "-c", "BEGIN; DELETE FROM t; COMMIT; SELECT 1/0", "-c", "SELECT count(*) FROM t"],
      "0\n")
check("-1 undoes what failed",
      ["data", "-1", "-v", "ON_ERROR_STOP=1", "-c", "INSERT INTO t VALUES (7)", "-c", "SELECT 1/0"],
      code=1)
check("all of it", ["data", "-c", "SELECT count(*) FROM t"], "0\n")
with open(os.path.join(WORK, "rows.csv"), "w", encoding="utf-8") as file:
    file.write("a\n10\n20\n30\n")
check("\\copy reads a file", ["data", "-c", "\\copy t from rows.csv csv header", "-c",
                              "SELECT sum(a) FROM t"], "60\n")
check("\\copy writes one", ["data", "-c", "\\copy (SELECT a FROM t ORDER BY a) to out.txt", "-c",
                            "\\! cat out.txt"], "10\n20\n30\n")
check("a directory in use is refused",
      ["data", "-c", "\\! " + " ".join(PROGRAM) + " data -c 'SELECT 1' >refused 2>&1; echo $?"],
      "2\n")
shutil.rmtree(WORK)
print(f"{failures} failures")
sys.exit(1 if failures else 0)
