"""backup.py COMMAND...: a backup of a database in use, and the way to any moment behind it."""

import os
import subprocess
import time

from server import Server, run_tests


def restore(command, *words):
    return subprocess.run([*command, "restore", *words], capture_output=True, text=True,
                          timeout=120)


def a_backup_becomes_a_database(command, place):
    server = Server(command, place).start()
    backup = os.path.join(place, "backup")
    server.psql("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 1000)")
    lsn = int(server.psql(f"SELECT fly_backup('{backup}')"))
    assert lsn > 0
    server.psql("INSERT INTO t VALUES (1001)")
    assert "backup made" in server.log()
    result = restore(command, backup, "--to", os.path.join(server.data, "again"))
    assert result.returncode == 0, result
    assert server.psql("SELECT count(*), max(a) FROM t", database="again") == "1000|1000\n"
    assert server.psql("SELECT count(*) FROM t") == "1001\n"
    assert server.stop() == 0


def what_makes_no_sense_is_refused(command, place):
    server = Server(command, place).start()
    server.psql(f"SELECT fly_backup('{place}/twice')")
    for argument, words in (("'relative'", "a backup goes to an absolute path"),
                            ("''", "a backup goes to an absolute path"),
                            (f"'{place}/twice'", "there is a store in")):
        text = server.psql(f"SELECT fly_backup({argument})", good=False)
        assert words in text, text
    assert server.psql("SELECT fly_backup(NULL)") == "\n"
    assert server.stop() == 0
    result = restore(command, place, "--to", os.path.join(place, "x"))
    assert result.returncode == 1 and "could not restore" in result.stderr, result
    for words in ([], ["x"], ["x", "--to"], ["x", "--to", "y", "--until", "yesterday"],
                  ["x", "y", "--to", "z"], ["x", "--to", "y", "--until-lsn", "-"]):
        result = restore(command, *words)
        assert result.returncode == 2 and "Usage: flyd restore" in result.stderr, (words, result)


def the_archive_leads_to_any_moment(command, place):
    archive = os.path.join(place, "archive")
    backup = os.path.join(place, "backup")
    server = Server(command, place, f"--archive-dir={archive}", "--wal-segment-size=1MiB",
                    "--checkpoint-size=1MiB", "--checkpoint-secs=1").start()
    server.psql("CREATE TABLE t (a int PRIMARY KEY, b text)")
    server.psql(f"SELECT fly_backup('{backup}')")
    moments = []
    for i in range(4):
        server.psql("INSERT INTO t SELECT g, repeat('x', 1000)"
                    f" FROM generate_series({i * 1000 + 1}, {i * 1000 + 1000}) g")
        time.sleep(0.05)
        moments.append(time.time_ns() // 1000)
        time.sleep(0.05)
    end = time.monotonic() + 60
    folder = os.path.join(archive, "default")
    while not os.path.isdir(folder) or len(os.listdir(folder)) < 4:
        assert time.monotonic() < end, server.log()
        server.psql("INSERT INTO t SELECT max(a) + 1, repeat('y', 1000) FROM t; CHECKPOINT")
        time.sleep(0.1)
    for i in (0, 1, 2):
        name = f"moment{i}"
        result = restore(command, backup, "--to", os.path.join(server.data, name), "--archive",
                         folder, "--until", str(moments[i]))
        assert result.returncode == 0, result
        count = server.psql("SELECT count(*) FROM t", database=name)
        assert count == f"{(i + 1) * 1000}\n", (i, count)
    assert server.stop() == 0


run_tests([a_backup_becomes_a_database, what_makes_no_sense_is_refused,
           the_archive_leads_to_any_moment], __doc__)
