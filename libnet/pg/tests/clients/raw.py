#!/usr/bin/env python3
"""raw.py: messages byte by byte, against what PostgreSQL answers.

Goal: pipelines, portals, errors up to the next Sync, COPY inside the extended protocol,
packets cut anywhere, rubbish. Method: a socket, the messages written out, the types of the answers
compared; the login is a SCRAM exchange by hand.
"""

import base64
import hashlib
import hmac
import os
import socket
import struct

HOST, PORT = os.environ["PGHOST"], int(os.environ["PGPORT"])


def message(kind, *parts):
    body = b"".join(parts)
    return kind.encode() + struct.pack(">I", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0"


def query(sql):
    return message("Q", text(sql))


def parse(sql, name="", *types):
    return message("P", text(name), text(sql), struct.pack(">H", len(types)),
                   *(struct.pack(">I", t) for t in types))


def bind(*values, portal="", name="", formats=(), results=()):
    return message("B", text(portal), text(name), struct.pack(">H", len(formats)),
                   *(struct.pack(">H", f) for f in formats), struct.pack(">H", len(values)),
                   *(struct.pack(">i", -1) if v is None else struct.pack(">I", len(v)) + v
                     for v in values), struct.pack(">H", len(results)),
                   *(struct.pack(">H", f) for f in results))


def execute(rows=0, portal=""):
    return message("E", text(portal), struct.pack(">I", rows))


def describe(kind, name=""):
    return message("D", kind.encode(), text(name))


def close(kind, name=""):
    return message("C", kind.encode(), text(name))


SYNC, FLUSH = message("S"), message("H")


class Conn:
    def __init__(self, login=True):
        self.socket = socket.create_connection((HOST, PORT), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        if login:
            self.login()

    def send(self, *messages):
        self.socket.sendall(b"".join(messages))

    def read(self, count):
        while len(self.data) < count:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError
            self.data += got
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def next(self):
        kind, length = struct.unpack(">cI", self.read(5))
        return kind.decode(), self.read(length - 4)

    def until_ready(self, count=1):
        """The types of messages up to the count-th ReadyForQuery; errors with their SQLSTATE."""
        got, self.rows = [], []
        while count > 0:
            kind, body = self.next()
            if kind == "E":
                kind += dict((f[:1], f[1:]) for f in body.split(b"\0") if f)[b"C"].decode()
            if kind == "D":
                self.rows.append(body)
            if kind == "Z":
                kind += body.decode()
                count -= 1
            if kind != "S":
                got.append(kind)
        return " ".join(got)

    def login(self, cut=None):
        params = text("user") + text(os.environ["PGUSER"]) + text("database") + text("default")
        packet = struct.pack(">I", 3 << 16) + params + b"\0"
        self.send(struct.pack(">I", len(packet) + 4) + packet)
        kind, body = self.next()
        assert kind == "R" and b"SCRAM-SHA-256\0" in body, (kind, body)
        first = "n=,r=abcdefghijklmnop"
        self.send(message("p", text("SCRAM-SHA-256"), struct.pack(">I", len(first) + 3),
                          b"n,," + first.encode()))
        kind, body = self.next()
        server = body[4:].decode()
        fields = dict(f.split("=", 1) for f in server.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", os.environ["PGPASSWORD"].encode(),
                                     base64.b64decode(fields["s"]), int(fields["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = "c=biws,r=" + fields["r"]
        signed = hmac.digest(hashlib.sha256(key).digest(),
                             ",".join([first, server, final]).encode(), "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signed))).decode()
        self.send(message("p", (final + ",p=" + proof).encode()))
        assert self.until_ready() == "R R K ZI"


def check(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


conn = Conn()

# The simple query.
conn.send(query("SELECT 1; SELECT 'a', NULL"))
check(conn.until_ready(), "T D C T D C ZI")
check(conn.rows[1], b"\0\2\0\0\0\1a\xff\xff\xff\xff")
conn.send(query(" ; "))
check(conn.until_ready(), "I ZI")
conn.send(query("CREATE TABLE w (n int PRIMARY KEY, t text)"))
check(conn.until_ready(), "C ZI")
conn.send(query("INSERT INTO w VALUES (1); INSERT INTO w VALUES (1)"))
check(conn.until_ready(), "C E23505 ZI")
conn.send(query("SELECT count(*) FROM w"))
check(conn.until_ready() + repr(conn.rows), "T D C ZI[b'\\x00\\x01\\x00\\x00\\x00\\x010']")

# Parameters and results in both formats.
conn.send(parse("SELECT $1::int + 1, $2", "s", 0, 25), describe("S", "s"),
          bind(struct.pack(">i", 41), b"x", name="s", formats=(1, 0), results=(1, 0)),
          describe("P"), execute(), SYNC)
check(conn.until_ready(), "1 t T 2 T D C ZI")
check(conn.rows[0], b"\0\2\0\0\0\4\0\0\0\x2a\0\0\0\1x")

# Everything up to Sync is one transaction, and is skipped after an error.
conn.send(parse("INSERT INTO w VALUES ($1)", "i"), bind(b"1", name="i"), execute(),
          bind(b"x", name="i"), execute(), query("SELECT 1"), SYNC,
          parse("SELECT n FROM w"), bind(), execute(), SYNC)
check(conn.until_ready(2), "1 2 C E22P02 ZI 1 2 C ZI")
conn.send(bind(b"1", name="i"), execute(), bind(b"2", name="i"), execute(), SYNC)
check(conn.until_ready(), "2 C 2 C ZI")

# In a transaction that has failed only its end runs.
conn.send(query("BEGIN"), parse("SELEC"), SYNC, parse("SELECT 1"), SYNC, query("ROLLBACK"))
check(conn.until_ready(4), "C ZT E42601 ZE E25P02 ZE C ZI")

# Portals: limits, several of one statement, their end.
conn.send(query("BEGIN"), parse("SELECT * FROM generate_series(1, 5)", "g"),
          bind(name="g", portal="a"), bind(name="g", portal="b"), execute(2, "a"), execute(3, "b"),
          execute(2, "a"), execute(0, "a"), execute(0, "b"), execute(0, "a"), close("P", "b"),
          execute(0, "b"), SYNC, query("ROLLBACK"), execute(0, "a"), SYNC)
check(conn.until_ready(4), "C ZT 1 2 2 D D s D D D s D D s D C D D C C 3 E34000 ZE C ZI E34000 ZI")
conn.send(bind(name="g", portal="a"), execute(2, "a"), SYNC, execute(0, "a"), SYNC)
check(conn.until_ready(2), "2 D D s ZI E34000 ZI")

# Statements: names that are taken, closed, deallocated; tables that change under them.
conn.send(parse("SELECT 1", "g"), SYNC, close("S", "g"), parse("SELECT * FROM w", "g"), SYNC,
          query("ALTER TABLE w ADD COLUMN u int"), bind(name="g"), SYNC,
          query("DEALLOCATE g"), bind(name="g"), SYNC, query("DEALLOCATE i"), parse(""), bind(),
          execute(), SYNC)
check(conn.until_ready(8), "E42P05 ZI 3 1 ZI C ZI E0A000 ZI C ZI E26000 ZI C ZI 1 2 I ZI")
conn.send(parse("SELECT 1; SELECT 2"), SYNC, parse("SELECT $1::int"), bind(), SYNC)
check(conn.until_ready(2), "E42601 ZI 1 E08P01 ZI")

# EXECUTE of what the protocol has prepared, of what is gone in its middle, of itself.
conn.send(parse("SELECT * FROM generate_series(1, $1::int)", "lent"), SYNC,
          query("EXECUTE lent(2)"), close("S", "lent"), SYNC, query("EXECUTE lent(2)"))
check(conn.until_ready(4), "1 ZI T D D C ZI 3 ZI E26000 ZI")
conn.send(query("BEGIN"), query("PREPARE e AS SELECT * FROM generate_series(1, 5)"),
          parse("EXECUTE e", "x"), bind(name="x", portal="p"), execute(2, "p"),
          parse("DEALLOCATE e"), bind(), execute(), execute(0, "p"), SYNC, query("ROLLBACK"))
check(conn.until_ready(4), "C ZT C ZT 1 2 D D s 1 2 C E26000 ZE C ZI")
conn.send(parse("EXECUTE me", "me"), bind(name="me"), execute(), SYNC, close("S", "me"), SYNC)
check(conn.until_ready(2), "1 2 E26000 ZI 3 ZI")

# COPY, simple and extended, with errors in its middle.
rows = message("d", b"10\tx\t1\n11\t"), message("d", b"y\t2\n")
conn.send(query("COPY w FROM STDIN"), *rows, message("c"))
check(conn.until_ready(), "G C ZI")
conn.send(query("COPY w FROM STDIN"), *rows, message("c"))
check(conn.until_ready(), "G E23505 ZI")
conn.send(query("COPY w FROM STDIN"), message("f", text("enough")))
check(conn.until_ready(), "G E57014 ZI")
conn.send(parse("COPY w FROM STDIN"), bind(), execute(), SYNC, message("d", b"12\tz\t\\N\n"),
          message("c"), SYNC)
check(conn.until_ready(), "1 2 G C ZI")
conn.send(query("COPY (SELECT 1 UNION ALL SELECT 2 ORDER BY 1) TO STDOUT"))
check(conn.until_ready(), "H d d c C ZI")

# What is malformed, and what does not exist.
conn.send(message("B", b"\0"), SYNC, message("D", b"X\0"), SYNC, message("F", b"\0"))
check(conn.until_ready(3), "E08P01 ZI E08P01 ZI E0A000 ZI")
conn.send(FLUSH, parse("SELECT 1"), FLUSH)
check(conn.next()[0], "1")
conn.send(SYNC)
check(conn.until_ready(), "ZI")

# A conversation cut at every byte.
stream = (parse("SELECT $1::text, n FROM w WHERE n < $2 ORDER BY n", "cut") +
          bind(b"v", b"3", name="cut") + describe("P") + execute() + SYNC + query("SELECT 7"))
for at in range(1, len(stream)):
    conn.send(stream[:at])
    conn.send(stream[at:], close("S", "cut"), SYNC)
    check(conn.until_ready(3), "1 2 T D D C ZI T D C ZI 3 ZI")
for byte in stream:
    conn.send(bytes([byte]))
check(conn.until_ready(2), "1 2 T D D C ZI T D C ZI")

# A client that sends a thousand statements before it reads.
conn.send(*[parse("SELECT repeat('x', 1000)") + bind() + execute() + SYNC for _ in range(2000)])
check(conn.until_ready(2000), " ".join(["1 2 D C ZI"] * 2000))

# Rubbish ends the connection, with a word.
for rubbish in (b"z\0\0\0\4", b"Q\0\0\0\3", b"Q\xff\xff\xff\xff", b"p\0\0\0\5\0"):
    bad = Conn()
    bad.send(rubbish)
    check(bad.next()[0], "E")
    try:
        bad.read(1)
        raise AssertionError("still open")
    except (EOFError, ConnectionResetError):
        pass
for first in (b"GET / HTTP/1.1\r\n\r\n", struct.pack(">II", 8, 2 << 16),
              struct.pack(">II", 9, 3 << 16) + b"\0"):
    bad = Conn(login=False)
    bad.send(first)
    check(bad.next()[0], "E")
# Encryption that is not there, a newer minor version with options that nobody knows.
plain = Conn(login=False)
for code in (80877104, 80877103):
    plain.send(struct.pack(">II", 8, code))
    check(plain.read(1), b"N")
params = text("user") + text("admin") + text("_pq_.x") + text("1") + b"\0"
plain.send(struct.pack(">II", len(params) + 8, 3 << 16 | 2), params)
kind, body = plain.next()
check((kind, body), ("v", struct.pack(">II", 3 << 16, 1) + b"_pq_.x\0"))

conn.send(query("SELECT 1"))
check(conn.until_ready(), "T D C ZI")
conn.send(message("X"))
print("raw ok")
