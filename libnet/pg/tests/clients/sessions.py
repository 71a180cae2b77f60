#!/usr/bin/env python3
"""sessions.py: what a session keeps, and what it forgets, as poolers and drivers need it.

Goal: RESET and DISCARD ALL go back to what the client asked for when it came; DEALLOCATE and
DISCARD forget what the protocol has prepared; cursors go through the extended protocol; who is
terminated hears of it as PostgreSQL says it. Method: psycopg, and libpq's functions below it.
"""

import psycopg
from psycopg import pq


def value(conn, sql, *args):
    return conn.execute(sql, args).fetchone()[0]


def settings():
    with psycopg.connect(application_name="first", options="-c work_mem=12MB -c my.own=7 "
                         "-c search_path=pg_catalog", autocommit=True) as conn:
        for word in ("RESET ALL", "DISCARD ALL"):
            conn.execute("SET application_name = 'second'")
            conn.execute("SET work_mem = '1MB'")
            conn.execute("SET my.own = 8")
            conn.execute("SET my.other = 9")
            conn.execute("SET statement_timeout = '10min'")
            conn.execute("SET search_path = public")
            conn.execute(word)
            assert value(conn, "SHOW application_name") == "first"
            assert value(conn, "SHOW work_mem") == "12MB"
            assert value(conn, "SHOW my.own") == "7"
            assert value(conn, "SHOW search_path") == "pg_catalog"
            assert value(conn, "SHOW statement_timeout") in ("0", "0ms")
            assert value(conn, "SELECT current_setting('my.other', true)") in (None, "")
        for word in ("RESET work_mem", "SET work_mem TO DEFAULT"):
            conn.execute("SET work_mem = '1MB'")
            conn.execute(word)
            assert value(conn, "SHOW work_mem") == "12MB"
        conn.execute("BEGIN")
        conn.execute("SET work_mem = '1MB'")
        conn.execute("RESET work_mem")
        conn.execute("ROLLBACK")
        assert value(conn, "SHOW work_mem") == "12MB"
        assert conn.info.parameter_status("application_name") == "first"


def ok(result):
    assert result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK), \
        result.error_message
    return result


def prepared():
    with psycopg.connect(autocommit=True) as conn:
        low = conn.pgconn
        ok(low.prepare(b"one", b"SELECT $1::int + 1"))
        assert value(conn, "EXECUTE one(41)") == 42
        assert value(conn, "EXECUTE one(42)") == 43
        ok(low.prepare(b"two", b"SELECT $1::text || '!'"))
        assert ok(low.exec_prepared(b"two", [b"hi"])).get_value(0, 0) == b"hi!"
        conn.execute("DEALLOCATE one")
        gone = low.exec_prepared(b"one", [b"1"])
        assert gone.error_field(pq.DiagnosticField.SQLSTATE) == b"26000"
        ok(low.prepare(b"one", b"SELECT 1"))
        twice = low.prepare(b"one", b"SELECT 2")
        assert twice.error_field(pq.DiagnosticField.SQLSTATE) == b"42P05"
        conn.execute("DISCARD ALL")
        gone = low.exec_prepared(b"two", [b"hi"])
        assert gone.error_field(pq.DiagnosticField.SQLSTATE) == b"26000"


def cursors():
    with psycopg.connect() as conn:
        conn.execute("DECLARE c SCROLL CURSOR FOR SELECT g FROM generate_series(1, %d) g" % 10)
        low = conn.pgconn
        for sql, want in ((b"FETCH 3 FROM c", [b"1", b"2", b"3"]), (b"FETCH PRIOR FROM c", [b"2"]),
                          (b"FETCH ABSOLUTE 9 FROM c", [b"9"]), (b"FETCH ALL FROM c", [b"10"]),
                          (b"FETCH FROM c", [])):
            result = ok(low.exec_params(sql, None))
            assert [result.get_value(i, 0) for i in range(result.ntuples)] == want, sql
        moved = ok(low.exec_params(b"MOVE BACKWARD 4 FROM c", None))
        assert moved.command_status == b"MOVE 4", moved.command_status
        ok(low.prepare(b"next", b"FETCH 2 FROM c"))
        assert ok(low.exec_prepared(b"next", None)).ntuples == 2
        assert ok(low.exec_prepared(b"next", None, result_format=1)).get_value(0, 0) == \
            b"\0\0\0\x0a"
        with conn.cursor(name="named") as named:  # a driver's own
            named.execute("SELECT * FROM generate_series(1, 250)")
            assert sum(row[0] for row in named) == 250 * 251 // 2
        conn.rollback()


def termination():
    with psycopg.connect(autocommit=True) as boss:
        for work in (None, "SELECT pg_sleep(60)"):
            worker = psycopg.connect(autocommit=True)
            if work:
                worker.pgconn.send_query(work.encode())
                while not value(boss, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s "
                                "AND state = 'active'", worker.info.backend_pid):
                    pass
            assert value(boss, "SELECT pg_terminate_backend(%s)", worker.info.backend_pid)
            if not work:
                while value(boss, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s",
                            worker.info.backend_pid):
                    pass
                worker.pgconn.send_query(b"SELECT 1")
            said = []
            while True:
                result = worker.pgconn.get_result()
                if result is None:
                    break
                said.append((result.error_field(pq.DiagnosticField.SEVERITY),
                             result.error_field(pq.DiagnosticField.SQLSTATE)))
            assert said[0] == (b"FATAL", b"57P01"), said
            assert worker.pgconn.status == pq.ConnStatus.BAD
            worker.close()
        assert not value(boss, "SELECT pg_terminate_backend(2147483647)")


for part in (settings, prepared, cursors, termination):
    part()
    print(part.__name__, "ok")
