"""shell.py FSQL_FAKE...: what fsql says and returns, by pipes and on a terminal.

The program has the driver of tests/fake.c, so that every answer is known. Each case below is a
sentence that is true when it passes. Pipes: arguments, standard input, what must come out.
Terminal: a pty, keys that are typed, and what must appear on the screen after each.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

PROGRAM = [os.path.abspath(word) if os.path.exists(word) else word for word in sys.argv[1:]]
FAILURES = []
WORK = tempfile.mkdtemp(prefix="fsql-")
ENVIRONMENT = {key: value for key, value in os.environ.items()
               if not key.startswith(("FSQL", "PAGER", "EDITOR", "VISUAL"))}
ENVIRONMENT.update(HOME=WORK, TERM="xterm", PAGER="", INPUTRC="/dev/null", LC_ALL="C.UTF-8")


def note(name, complaint):
    if complaint:
        FAILURES.append(name)
        print(f"FAILED: {name}: {complaint}")


def path(name, text=None):
    full = os.path.join(WORK, name)
    if text is not None:
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
    return full


def pipe(name, arguments, stdin="", out=None, err=None, code=0, contains=None):
    """Run with arguments; compare what comes out with what is given."""
    done = subprocess.run(PROGRAM + arguments, input=stdin, capture_output=True, text=True,
                          env=ENVIRONMENT, timeout=60, check=False, cwd=WORK)
    if done.returncode != code:
        note(name, f"exit code {done.returncode}, not {code}; {done.stdout!r} {done.stderr!r}")
    if out is not None and done.stdout != out:
        note(name, f"said {done.stdout!r} instead of {out!r}")
    if err is not None and done.stderr != err:
        note(name, f"complained {done.stderr!r} instead of {err!r}")
    for part in contains or []:
        if part not in done.stdout:
            note(name, f"{done.stdout!r} lacks {part!r}")


DETAIL = "DETAIL:  Zero it was.\nHINT:  Try another.\n"
TWO = " n |  name  \n---+--------\n 1 | Müller\n 2 | Müller\n(2 rows)\n\n"


def pipes():
    pipe("a command is run and its rows are shown", ["-c", "ROWS 2"], out=TWO)
    pipe("standard input is a script", [], "ROWS 2;\nBEGIN;", out=TWO + "BEGIN\n")
    pipe("the last statement needs no semicolon", [], "ROWS 2", out=TWO)
    pipe("formats are options", ["--csv", "-c", "ROWS 3"],
         out="n,name\n1,Müller\n2,Müller\n3,\n")
    pipe("json is one", ["--json", "-c", "ROWS 3"],
         out='[{"n":1,"name":"Müller"},\n{"n":2,"name":"Müller"},\n{"n":3,"name":null}]\n')
    pipe("options add up", ["-t", "-A", "-F", ",", "-c", "ROWS 2"], out="1,Müller\n2,Müller\n")
    pipe("box is one", ["--box", "-c", "ROWS 1"],
         out="┌───┬────────┐\n│ n │  name  │\n├───┼────────┤\n│ 1 │ Müller │\n"
             "└───┴────────┘\n(1 row)\n\n")
    pipe("expanded is one", ["-x", "-c", "ROWS 1"],
         out="-[ RECORD 1 ]\nn    | 1\nname | Müller\n\n")
    pipe("an option can be any of pset's", ["-P", "null=~", "-A", "-t", "-c", "ROWS 3"],
         out="1|Müller\n2|Müller\n3|~\n")
    pipe("quiet keeps tags back", ["-q"], "BEGIN;\nROWS 2;", out=TWO)

    pipe("an error has line, caret, detail and hint", ["-c", "FAIL 6"], code=1,
         err="ERROR:  division by zero\nLINE 1: FAIL 6\n             ^\n" + DETAIL)
    pipe("the line is counted from the statement's beginning", [], "ROWS 1;\n\n  FAIL 9\n x y;",
         err="ERROR:  division by zero\nLINE 2:  x y;\n         ^\n" + DETAIL)
    script = path("bad.sql", "ROWS 1;\nFAIL;\nBEGIN;\n")
    pipe("errors in a file have a place", ["-q", "-t", "-A", "-f", script], out="1|Müller\n",
         err=f"fsql:{script}:2: ERROR:  division by zero\n" + DETAIL)
    pipe("a script stops at an error if it is told to", ["-v", "ON_ERROR_STOP=1", "-f", script],
         code=3)
    pipe("standard input stops too", ["-v", "ON_ERROR_STOP=1"], "FAIL;\nBEGIN;", out="", code=3)
    pipe("the last -c decides the exit code", ["-c", "FAIL", "-c", "BEGIN"], out="BEGIN\n")
    pipe("with ON_ERROR_STOP the first failure does", ["-v", "ON_ERROR_STOP=1", "-c", "FAIL",
                                                       "-c", "BEGIN"], out="", code=1)
    pipe("a missing file is an error of its own", ["-f", "/nonexistent"], code=1,
         err="fsql: error: /nonexistent: No such file or directory\n")
    pipe("no connection is no connection", ["nowhere"], code=2, err="fsql: no such place\n")
    pipe("a lost connection ends a script", [], "LOSE;\nBEGIN;", out="", code=2,
         err="FATAL:  terminating connection\nThe connection to the server was lost.\n")
    pipe("-1 makes one transaction", ["-1", "-c", "ROWS 0", "-t", "-A", "-c", "NOTE x"],
         out="BEGIN\nNOTE\nCOMMIT\n")
    pipe("-1 undoes it after a failure", ["-1", "-v", "ON_ERROR_STOP=1", "-f", script],
         contains=["BEGIN\n", "ROLLBACK\n"], code=3)
    pipe("notices go to standard error", ["-c", "NOTE careful"], out="NOTE\n",
         err="NOTICE:  careful\n")
    pipe("terse is terse", ["-v", "VERBOSITY=terse", "-c", "FAIL 2"], code=1,
         err="ERROR:  division by zero at character 2\n")
    pipe("verbose has the state", ["-v", "VERBOSITY=verbose", "-c", "FAIL"], code=1,
         err="ERROR:  22012: division by zero\n" + DETAIL)
    pipe("sqlstate has nothing else", ["-v", "VERBOSITY=sqlstate", "-c", "FAIL"], code=1,
         err="ERROR:  22012\n")

    plain = ["-q", "-t", "-A"]
    pipe("variables are replaced", plain + ["-v", "x=1", "-v", "q=it's"],
         "ECHO :x :'q' :\"q\" ':x' a::x :nope;", out="ECHO 1 'it''s' \"it's\" ':x' a::x :nope;\n")
    pipe("\\set joins words, \\unset removes", plain,
         "\\set a b 'c d' :x\nECHO :a;\n\\unset a\nECHO :a;", out="ECHO bc d:x;\nECHO :a;\n")
    pipe("\\gset keeps a row", plain, "ROWS 1 \\gset p_\nECHO :p_n :'p_name';",
         out="ECHO 1 'Müller';\n")
    pipe("a script can ask how it went", plain, "FAIL;\n\\echo :ERROR :SQLSTATE\nROWS 2;\n"
         "\\echo :ERROR :ROW_COUNT\n", out="true 22012\n1|Müller\n2|Müller\nfalse 2\n")
    pipe("\\echo takes quotes and commands", plain,
         "\\echo 'a  b' \"c d\" `echo hi` 'it''s\\n!'\n\\echo -n x\n\\echo y",
         out="a  b \"c d\" hi it's\n!\nxy\n")
    pipe("commands can follow each other and SQL", plain, "\\pset border 2 \\echo a \\\\ ROWS 1;",
         out="a\n1|Müller\n")
    pipe("\\g repeats, and sends to a file", plain,
         "ROWS 1;\n\\g\n\\g " + path("g.out") + "\n\\! cat " + path("g.out"),
         out="1|Müller\n" * 3)
    pipe("\\g sends to a command", plain, "ROWS 2 \\g |cat -n", contains=["     2\t2|Müller"])
    pipe("\\gx is expanded once", ["-q"], "ROWS 1 \\gx\nROWS 0;",
         out="-[ RECORD 1 ]\nn    | 1\nname | Müller\n\n n | name \n---+------\n(0 rows)\n\n")
    pipe("\\gexec runs what a query says", plain, "\\set ECHO queries\nROWS 0 \\gexec\n", out="")
    pipe("\\o sends results elsewhere", plain, f"\\o {path('o.out')}\nROWS 1;\n\\o\nROWS 2;\n"
         f"\\! cat {path('o.out')}", out="1|Müller\n2|Müller\n1|Müller\n")
    inner = path("inner.sql", "ECHO inner;\n")
    outer = path("outer.sql", "ECHO outer;\n\\ir inner.sql\nECHO after;\n")
    pipe("\\i reads a file, \\ir from beside it", plain + ["-c", f"\\i {outer}"],
         out="ECHO outer;\nECHO inner;\nECHO after;\n")
    loop = path("loop.sql", "\\i " + path("loop.sql") + "\n")
    pipe("files that include each other end", plain + ["-c", f"\\i {loop}"], out="",
         err=f"fsql:{loop}:1: error: \\i: files include each other more than 32 deep\n")
    pipe("COPY reads the script", ["-q"], "COPYIN;\n1\ta\n2\tb\n\\.\nECHO on;",
         contains=["ECHO on"])
    pipe("and says what it took", [], "COPYIN;\n1\ta\n2\tb\n\\.\n", out="COPY 8 2\n")
    data = path("data.txt", "1\n2\n3\n")
    pipe("\\copy reads a file", [], f"\\copy t (a, b) from '{data}' with (format csv)",
         out="COPY 6 3\n")
    pipe("\\copy reads a program", [], "\\copy t from program 'echo hi'", out="COPY 3 1\n")
    pipe("\\copy writes a file", [], f"\\copy t to {path('c.out')}\n\\! cat {path('c.out')}",
         out="COPY 3\n1\tline\n2\tline\n3\tline\n")
    pipe("COPY TO STDOUT is data and no tag", [], "COPYOUT;\nBEGIN;",
         out="1\tline\n2\tline\n3\tline\nBEGIN\n")
    pipe("\\copy refuses what it cannot read", [], "\\copy t\n", code=0, out="",
         err="\\copy: parse error at end of line\n")
    pipe("FETCH_COUNT shows pieces", ["-v", "FETCH_COUNT=1", "-q", "-t"], "ROWS 12;",
         contains=[" 1 | Müller\n", " 12 | \n"])
    pipe("\\c goes to another database", [],
         "\\c other bob\n\\conninfo\n\\c none\n\\echo :DBNAME\n",
         out='You are now connected to database "other" as user "bob".\n'
             'You are connected to database "other" as user "bob".\nother\n',
         err='\\connect: database "none" does not exist\n')
    pipe("an unknown command is told", [], "\\nonsense\nROWS 2;", out=TWO,
         err="invalid command \\nonsense\n")
    pipe("\\p and \\w show the statement", plain, f"ROWS 1;\n\\p\n\\w {path('w.out')}\n"
         f"\\! cat {path('w.out')}", out="1|Müller\nROWS 1;\nROWS 1;\n")
    pipe("\\r forgets it", plain, "ROWS 9 \\r\n\\p\n", out="Query buffer is empty.\n")
    pipe("-e shows what is sent", ["-e", "-q", "-t", "-A"], "ROWS 1;", out="ROWS 1;\n1|Müller\n")
    pipe("help names every command", ["-c", "\\?"], contains=["\\dt", "\\copy", "\\watch", "\\sql"])
    pipe("help on SQL is there", ["-c", "\\h create ta"], contains=["CREATE TABLE", "PRIMARY KEY"])
    pipe("usage is help", ["--help"], contains=["--markdown", "Exit codes"])
    pipe("an unknown option is refused", ["--nonsense"], code=1)
    pipe("\\if chooses what is done", plain,
         "\\set a on\n\\if :a\nECHO 1;\n\\if no\nFAIL;\n\\else\nECHO 2;\n\\endif\n"
         "\\elif yes\nFAIL;\n"
         "\\echo no\n\\else\n\\if yes\nFAIL;\n\\endif\nFAIL;\n\\endif\nECHO 3;\n"
         "\\if off \\echo no \\else \\echo yes \\endif\n\\endif\n\\if on\n",
         out="ECHO 1;\nECHO 2;\nECHO 3;\nyes\n",
         err="\\endif: no matching \\if\nreached EOF without finding closing \\endif(s)\n")
    pipe("timing is told", ["--timing", "-t", "-A", "-c", "ROWS 1"], contains=["Time: ", " ms"])
    pipe("\\q ends a script", [], "ROWS 2;\n\\q\nFAIL;", out=TWO, err="")
    pipe("AUTOCOMMIT off begins transactions", ["-q"],
         "\\set AUTOCOMMIT off\nNOTE x;\nFAIL;\nROLLBACK;", out="")
    pipe("bytes that are no text are shown as such", plain, "ECHO \udcff;".encode(
        "utf-8", "surrogateescape").decode("latin-1"), code=0)


def interrupted():
    name = "Ctrl-C stops a script"
    script = path("long.sql", "ROWS 2;\nSLEEP;\nROWS 2;\n")
    running = subprocess.Popen(PROGRAM + ["-f", script], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    said = "".join(running.stdout.readline() for _ in range(6))
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    if said + out != TWO or "canceling statement" not in err or running.returncode != 3:
        note(name, f"{running.returncode} {out!r} {err!r}")


class Terminal:
    """fsql on a pty. The editor's library loses the names of functions that are added to it: leaks
    are looked for by the pipes."""

    def __init__(self, *arguments, environment=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execvpe(PROGRAM[0], PROGRAM + list(arguments),
                       {**ENVIRONMENT, "LSAN_OPTIONS": "detect_leaks=0",
                        "ASAN_OPTIONS": "detect_leaks=0", **(environment or {})})
        self.seen = ""

    def expect(self, name, wanted, seconds=20):
        """Read until the text is there."""
        end = time.time() + seconds
        while wanted not in self.seen and time.time() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        if wanted not in self.seen:
            note(name, f"{wanted!r} did not appear in {self.seen[-300:]!r}")
            return False
        self.seen = self.seen.split(wanted, 1)[1]
        return True

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def close(self, name, code=0):
        end = time.time() + 20
        while time.time() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                if os.waitstatus_to_exitcode(status) != code:
                    note(name, f"exit code {os.waitstatus_to_exitcode(status)}, not {code}")
                os.close(self.fd)
                return
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    os.read(self.fd, 65536)
                except OSError:
                    pass
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        note(name, "did not end")


def prompts():
    name = "prompts tell database, mode, transaction and what is open"
    terminal = Terminal()
    for keys, wanted in [("", "flydb> "), ("\\c mydb\r", "flydb/mydb> "),
                         ("\\sql\r", "flydb/mydb[sql]> "), ("BEGIN;\r", "flydb/mydb[sql]*> "),
                         ("FAIL;\r", "flydb/mydb[sql]!> "), ("ROLLBACK;\r", "flydb/mydb[sql]> "),
                         ("\\normal\r", "flydb/mydb> "), ("ECHO\r", "flydb/mydb-> "),
                         ("(\r", "flydb/mydb(> "), ("'\r", "flydb/mydb'> "),
                         ("') $$\r", "flydb/mydb$> "), ("$$ /*\r", "flydb/mydb*> "),
                         ("*/ ;\r", "(1 row)"), ("PING\r", "PONG"), ("help\r", "\\q to leave")]:
        terminal.type(keys)
        terminal.expect(name, wanted)
    terminal.type("exit\r")
    terminal.close(name)


def interrupts():
    name = "Ctrl-C clears the line, or cancels the statement, and never the shell"
    terminal = Terminal()
    terminal.expect(name, "flydb> ")
    terminal.type("ECHO 'half")
    terminal.expect(name, "half")
    terminal.type("\x03")
    terminal.expect(name, "flydb> ")
    terminal.type("ECHO 'a\r")
    terminal.expect(name, "flydb'> ")
    terminal.type("\x03")
    terminal.expect(name, "flydb> ")
    terminal.type("SLEEP;\r")
    terminal.expect(name, "%")  # the bar
    terminal.type("\x03")
    terminal.expect(name, "canceling statement due to user request")
    terminal.expect(name, "flydb> ")
    terminal.type("ROWS 2 \\watch 1\r")
    terminal.expect(name, "(every 1s)")
    terminal.expect(name, "(every 1s)")
    terminal.type("\x03")
    terminal.expect(name, "flydb> ")
    terminal.type("COPYIN;\r")
    terminal.expect(name, ">> ")
    terminal.type("\x03")
    terminal.expect(name, "canceled by user")
    terminal.expect(name, "flydb> ")
    terminal.type("\x04")
    terminal.close(name)


def pages():
    name = "a long result goes through the pager"
    terminal = Terminal(environment={"PAGER": "sed s/^/paged:/"})
    terminal.expect(name, "flydb> ")
    terminal.type("ROWS 100;\r")
    terminal.expect(name, "paged:")
    terminal.expect(name, "flydb> ")
    terminal.type("\\pset pager off\r")
    terminal.expect(name, "Pager usage is off.")
    terminal.type("ROWS 100;\r")
    terminal.expect(name, "(100 rows)")
    if "paged:" in terminal.seen:
        note(name, "though it was switched off")
    terminal.type("\\q\r")
    terminal.close(name)


def edits():
    name = "\\e runs what the editor leaves"
    editor = path("editor.sh", "#!/bin/sh\necho 'ECHO edited;' > \"$1\"\n")
    os.chmod(editor, 0o755)
    terminal = Terminal(environment={"EDITOR": editor})
    terminal.expect(name, "flydb> ")
    terminal.type("\\e\r")
    terminal.expect(name, "ECHO edited;")
    terminal.type("\\q\r")
    terminal.close(name)


def remembers():
    name = "history and completion"
    history = path("history")
    has_editor = True
    terminal = Terminal(environment={"FSQL_HISTORY": history})
    terminal.expect(name, "flydb> ")
    terminal.type("ECHO remembered\r;\r")
    terminal.expect(name, "(1 row)")
    terminal.type("\\conni\t")
    has_editor = terminal.expect(name, "nfo ", 5)  # the editor draws what is new
    terminal.type("\r")
    terminal.expect(name, "You are connected")
    terminal.type("sel\t")
    terminal.expect(name, "ect ")
    terminal.type("\x03")  # which also empties the terminal's queue
    terminal.expect(name, "flydb> ")
    terminal.type("\\q\r")
    terminal.close(name)
    if has_editor and os.stat(history).st_mode & 0o077:
        note(name, "others may read it")
    terminal = Terminal(environment={"FSQL_HISTORY": history})
    terminal.expect(name, "flydb> ")
    terminal.type("\x1b[A\x1b[A\x1b[A")
    terminal.expect(name, "ECHO remembered ;")
    terminal.type("\r")
    terminal.expect(name, "(1 row)")
    terminal.type("\\q\r")
    terminal.close(name)


pipes()
interrupted()
prompts()
interrupts()
pages()
edits()
if "--no-editor" not in os.environ.get("FSQL_TEST", ""):
    remembers()
print(f"{len(FAILURES)} failures")
sys.exit(1 if FAILURES else 0)
