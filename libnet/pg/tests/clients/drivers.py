#!/usr/bin/python3
"""drivers.py: psycopg2, psycopg 3 and asyncpg against a server, each by its own ways of asking.

Where it is comes in PGHOST and its kin.
"""

import asyncio
import datetime
import decimal
import io
import select
import sys
import uuid

import asyncpg
import psycopg
import psycopg2
import psycopg2.extras


def must_fail(sqlstate, error, call):
    try:
        call()
    except error as failure:
        got = getattr(failure, "pgcode", None) or getattr(failure, "sqlstate", None)
        assert got == sqlstate, (got, failure)
        return failure
    raise AssertionError(f"expected {sqlstate}")


def with_psycopg2():
    one = psycopg2.connect("")
    two = psycopg2.connect("")
    two.autocommit = True
    cursor = one.cursor()
    cursor.execute("CREATE TABLE p2 (n int PRIMARY KEY, t text, d numeric, b bytea, a int[])")
    cursor.execute("INSERT INTO p2 VALUES (%s, %s, %s, %s, %s)",
                   (1, "it's ü", decimal.Decimal("1.50"), b"\x00\xff", [1, 2]))
    cursor.execute("SELECT * FROM p2")
    row = cursor.fetchone()
    assert row[:3] == (1, "it's ü", decimal.Decimal("1.50")) and row[4] == [1, 2], row
    assert bytes(row[3]) == b"\x00\xff"
    failure = must_fail("23505", psycopg2.Error,
                        lambda: cursor.execute("INSERT INTO p2 VALUES (1)"))
    assert failure.diag.constraint_name == "p2_pkey", failure.diag.constraint_name
    must_fail("25P02", psycopg2.Error, lambda: cursor.execute("SELECT 1"))
    one.rollback()
    cursor.execute("CREATE TABLE p2 (n int PRIMARY KEY, t text)")
    psycopg2.extras.execute_values(cursor, "INSERT INTO p2 VALUES %s",
                                   [(i, f"t{i}") for i in range(1000)])
    out = io.StringIO()
    cursor.copy_expert("COPY p2 TO STDOUT", out)
    assert len(out.getvalue().splitlines()) == 1000
    cursor.execute("TRUNCATE p2")
    out.seek(0)
    cursor.copy_expert("COPY p2 FROM STDIN", out)
    failure = must_fail("22P02", psycopg2.Error,
                        lambda: cursor.copy_expert("COPY p2 FROM STDIN", io.StringIO("x\ty\n")))
    assert "line 1" in failure.diag.context, failure.diag.context
    one.rollback()
    with one.cursor("named") as named:  # a cursor of the server's
        named.itersize = 10
        named.execute("SELECT * FROM generate_series(1, 25)")
        assert [n for (n,) in named] == list(range(1, 26))
    one.commit()

    one.autocommit = True
    cursor.execute("LISTEN news")
    two.cursor().execute("NOTIFY news, 'hello'")
    assert select.select([one], [], [], 10)[0]
    one.poll()
    assert [(n.channel, n.payload) for n in one.notifies] == [("news", "hello")]
    assert one.notifies[0].pid == two.get_backend_pid()
    cursor.execute("SELECT pg_terminate_backend(%s)", (two.get_backend_pid(),))
    try:
        two.cursor().execute("SELECT 1")
        raise AssertionError("it was not terminated")
    except psycopg2.OperationalError:
        pass
    one.close()


def with_psycopg3():
    with psycopg.connect("", autocommit=True) as conn:
        conn.execute("CREATE TABLE p3 (n int PRIMARY KEY, t text, u uuid, j jsonb, w timestamptz)")
        key = uuid.uuid4()
        when = datetime.datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=datetime.timezone.utc)
        for binary in (False, True):
            cursor = conn.cursor(binary=binary)
            cursor.execute("DELETE FROM p3")
            cursor.execute("INSERT INTO p3 VALUES (%s, %s, %s, %s, %s)",
                           (7, "ü", key, psycopg.types.json.Jsonb({"a": [1, None]}), when))
            cursor.execute("SELECT *, 1.25::numeric, ARRAY['x', NULL], n::int8, 2.5::float8, "
                           "t::bytea, DATE '2000-01-01', INTERVAL '1 day 2 h', true FROM p3 "
                           "WHERE n = %s", (7,))
            row = cursor.fetchone()
            assert row[:5] == (7, "ü", key, {"a": [1, None]}, when), row
            assert row[5:] == (decimal.Decimal("1.25"), ["x", None], 7, 2.5, "ü".encode(),
                               datetime.date(2000, 1, 1), datetime.timedelta(days=1, hours=2),
                               True), row
        for _ in range(10):  # it prepares what it has seen five times
            assert conn.execute("SELECT %s::int + 1", (41,)).fetchone() == (42,)
        must_fail("42703", psycopg.Error, lambda: conn.execute("SELECT nope FROM p3"))
        with conn.cursor().copy("COPY p3 (n, t) FROM STDIN") as copy:
            for n in range(100, 200):
                copy.write_row((n, f"line\n{n}"))
        with conn.cursor().copy("COPY p3 (n, t) TO STDOUT") as copy:
            copy.set_types(["int4", "text"])
            rows = list(copy.rows())
        assert len(rows) == 101 and (150, "line\n150") in rows
        with conn.cursor().copy("COPY p3 (n, t, w) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "timestamptz"])
            binary = list(copy.rows())
        assert sorted(row[:2] for row in binary) == sorted(rows)
        with conn.transaction(force_rollback=True):
            conn.execute("DELETE FROM p3")
            with conn.cursor().copy("COPY p3 (n, t, w) FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["int4", "text", "timestamptz"])
                for row in binary:
                    copy.write_row(row)
            assert conn.execute("SELECT count(*), count(w) FROM p3").fetchone() == (101, 1)
        with conn.pipeline():
            results = [conn.execute("SELECT %s::int", (i,)) for i in range(50)]
        assert [r.fetchone()[0] for r in results] == list(range(50))
        with conn.transaction():
            with conn.cursor("server") as cursor:
                cursor.execute("SELECT * FROM generate_series(1, 2000)")
                assert len(cursor.fetchmany(10)) == 10 and len(cursor.fetchall()) == 1990
        with conn.cursor() as cursor:
            cursor.executemany("INSERT INTO p3 (n) VALUES (%s)", [(i,) for i in range(1000, 1500)])
        assert conn.execute("SELECT count(*) FROM p3").fetchone() == (601,)


async def with_asyncpg():
    conn = await asyncpg.connect()
    await conn.execute("CREATE TABLE pa (n int PRIMARY KEY, t text, a int[], d numeric)")
    await conn.executemany("INSERT INTO pa VALUES ($1, $2, $3, $4)",
                           [(i, f"t{i}", [i, None], decimal.Decimal(i) / 4) for i in range(100)])
    rows = await conn.fetch("SELECT * FROM pa WHERE n >= $1 ORDER BY n", 98)
    assert [tuple(row) for row in rows] == [
        (98, "t98", [98, None], decimal.Decimal("24.5")),
        (99, "t99", [99, None], decimal.Decimal("24.75"))], rows
    async with conn.transaction():
        seen = 0
        async for row in conn.cursor("SELECT n FROM pa ORDER BY n", prefetch=7):
            seen += row["n"]
        assert seen == 4950
    try:
        async with conn.transaction():
            await conn.execute("DELETE FROM pa")
            await conn.fetchval("SELECT 1 / $1::int", 0)
        raise AssertionError("division by zero did not fail")
    except asyncpg.DivisionByZeroError:
        pass
    assert await conn.fetchval("SELECT count(*) FROM pa") == 100
    heard = asyncio.Queue()
    await conn.add_listener("c", lambda *message: heard.put_nowait(message[2:]))
    await conn.execute("NOTIFY c, 'x'")
    assert await asyncio.wait_for(heard.get(), 10) == ("c", "x")
    try:
        await conn.fetchval("SELECT pg_sleep(60)", timeout=0.3)
        raise AssertionError("it was not cancelled")
    except asyncio.TimeoutError:
        pass
    statement = await conn.prepare("SELECT * FROM pa WHERE n = $1")
    await conn.execute("ALTER TABLE pa ADD COLUMN more text")
    assert len((await conn.fetch("SELECT * FROM pa LIMIT 1"))[0]) == 5
    del statement
    await conn.close()


DRIVERS = {
    "psycopg2": with_psycopg2,
    "psycopg": with_psycopg3,
    "asyncpg": lambda: asyncio.run(with_asyncpg()),
}

for name in sys.argv[1:] or DRIVERS:
    DRIVERS[name]()
    print(name, "ok")
