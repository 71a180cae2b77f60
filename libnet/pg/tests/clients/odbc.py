#!/usr/bin/env python3
"""odbc.py: PostgreSQL's ODBC driver.

Goal: it connects, finds its way through the catalog, prepares, and gives and takes values of all
usual types. Method: pyodbc, which calls the driver manager as programs do.
"""

import datetime
import decimal
import os
import sys

import pyodbc

conn = pyodbc.connect(f"DRIVER={{PostgreSQL Unicode}};SERVER={os.environ['PGHOST']};"
                      f"PORT={os.environ['PGPORT']};UID={os.environ['PGUSER']};"
                      f"PWD={os.environ['PGPASSWORD']};DATABASE={os.environ['PGDATABASE']}",
                      autocommit=False)
cursor = conn.cursor()

# ----------------------------------------------------------------------------- values

cursor.execute("CREATE TABLE kinds (id serial PRIMARY KEY, i2 smallint, i8 bigint, "
               "n numeric(10,2), f double precision, r real, t text, v varchar(20) NOT NULL "
               "DEFAULT 'none', b bytea, d date, h time, ts timestamp, tz timestamptz, "
               "yes boolean, u uuid, j jsonb, a int[])")
cursor.execute("CREATE UNIQUE INDEX kinds_v ON kinds (v)")
cursor.execute("CREATE TABLE part (x int REFERENCES kinds (id))")
row = (7, 2**40, decimal.Decimal("12.34"), 1.5, 0.25, "grüße", "first", b"\0\xff",
       datetime.date(2020, 1, 2), datetime.time(3, 4, 5),
       datetime.datetime(2020, 1, 2, 3, 4, 5, 678000), True)
cursor.execute("INSERT INTO kinds (i2, i8, n, f, r, t, v, b, d, h, ts, yes) "
               "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
got = tuple(cursor.execute("SELECT i2, i8, n, f, r, t, v, b, d, h, ts, yes FROM kinds WHERE id = ?",
                           1).fetchone())
assert got[:-1] == row[:-1] and got[-1] in (True, "1"), got
cursor.executemany("INSERT INTO kinds (i8, v) VALUES (?, ?)", [(i, f"v{i}") for i in range(50)])
assert cursor.execute("SELECT count(*) FROM kinds WHERE i8 < ?", 25).fetchval() == 25
cursor.execute("UPDATE kinds SET t = NULL WHERE i8 BETWEEN ? AND ?", 10, 19)
assert cursor.rowcount == 10
conn.commit()
cursor.execute("SELECT g FROM generate_series(1, 1000) g")
assert len(cursor.fetchmany(10)) == 10 and len(cursor.fetchall()) == 990
cursor.execute("SELECT 1; SELECT 2")
assert cursor.fetchall()[0][0] == 1 and cursor.nextset() and cursor.fetchall()[0][0] == 2

# ---------------------------------------------------------------------------- catalog

tables = {(t.table_schem, t.table_name, t.table_type) for t in cursor.tables(schema="public")}
assert {("public", "kinds", "TABLE"), ("public", "part", "TABLE")} <= tables, tables
columns = {c.column_name: (c.type_name, c.column_size, c.nullable)
           for c in cursor.columns(table="kinds")}
assert columns["id"] == ("int4", 10, 0) or columns["id"][1:] == (10, 0), columns["id"]
assert columns["n"] == ("numeric", 10, 1), columns["n"]
assert columns["v"] == ("varchar", 20, 0), columns["v"]
assert [k.column_name for k in cursor.primaryKeys(table="kinds")] == ["id"]
indexes = {s.index_name for s in cursor.statistics(table="kinds")}
assert {"kinds_pkey", "kinds_v"} <= indexes, indexes
keys = [(k.pktable_name, k.pkcolumn_name, k.fktable_name, k.fkcolumn_name)
        for k in cursor.foreignKeys(table="kinds")]
assert keys == [("kinds", "id", "part", "x")], keys
assert len(cursor.getTypeInfo().fetchall()) > 10
assert cursor.procedures().fetchone() is not None
assert conn.getinfo(pyodbc.SQL_DBMS_NAME) == "PostgreSQL"

# ----------------------------------------------------------------------------- errors

for sql, state in (("INSERT INTO part VALUES (4711)", "23503"), ("SELECT nothing", "42703"),
                   ("SELECT 1 / 0", "22012")):
    try:
        cursor.execute(sql).fetchall()
        sys.exit(f"{sql} did not fail")
    except pyodbc.Error as error:
        assert error.args[0] == state, error
    conn.rollback()
cursor.execute("DROP TABLE part, kinds")
conn.commit()
conn.close()
print("ok")
