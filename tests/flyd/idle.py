"""idle.py CONNECTIONS[:KIB] COMMAND...: what a connection costs that is logged in and does nothing.

Connections are made by PostgreSQL's protocol, spoken here: start-up, SCRAM, one query. The keys are
derived once, so that this program costs little beside the server.
"""

import base64
import hashlib
import hmac
import os
import resource
import socket
import struct
import sys

from server import PASSWORD, Server, run_tests

CONNECTIONS, _, KIB = sys.argv.pop(1).partition(":")
CONNECTIONS = int(CONNECTIONS)
MOST = int(KIB or 32) << 10  # of each; sanitizers have memory of their own


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


class Client:
    salted = {}  # by salt and rounds

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.input = self.socket.makefile("rb")
        body = struct.pack("!i", 196608) + b"user\0admin\0database\0default\0\0"
        self.socket.sendall(message(b"", body))
        self.log_in()
        while self.take()[0] != b"Z":
            pass

    def take(self):
        kind = self.input.read(1)
        body = self.input.read(struct.unpack("!i", self.input.read(4))[0] - 4)
        assert kind != b"E", body
        return kind, body

    def log_in(self):
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        kind, body = self.take()
        assert kind == b"R" and b"SCRAM-SHA-256" in body, (kind, body)
        text = ("n,," + first).encode()
        self.socket.sendall(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(text)) + text))
        reply = self.take()[1][4:].decode()
        fields = dict(part.split("=", 1) for part in reply.split(","))
        key = (fields["s"], fields["i"])
        if key not in Client.salted:
            Client.salted[key] = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(),
                                                     base64.b64decode(key[0]), int(key[1]))
        client_key = hmac.digest(Client.salted[key], b"Client Key", "sha256")
        last = f"c=biws,r={fields['r']}"
        signature = hmac.digest(hashlib.sha256(client_key).digest(),
                                f"{first},{reply},{last}".encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        text = f"{last},p={base64.b64encode(proof).decode()}"
        self.socket.sendall(message(b"p", text.encode()))
        assert self.take()[1][:4] == struct.pack("!i", 12)
        assert self.take()[1] == struct.pack("!i", 0)

    def query(self, text):
        self.socket.sendall(message(b"Q", text.encode() + b"\0"))
        rows = 0
        while True:
            kind, _ = self.take()
            rows += kind == b"D"
            if kind == b"Z":
                return rows


def resident(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) << 10


def an_idle_connection_is_small(command, place):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    server = Server(command, place).start()
    pid = server.ports["pid"]
    clients = [Client(server.ports["pg"]) for _ in range(20)]
    for client in clients:
        assert client.query("SELECT 1") == 1
    before = resident(pid)
    more = [Client(server.ports["pg"]) for _ in range(CONNECTIONS)]
    for client in more:
        assert client.query("SELECT 1") == 1
    each = (resident(pid) - before) / len(more)
    print(f"{CONNECTIONS} idle connections: {each / 1024:.1f} KiB each", flush=True)
    assert each <= MOST, each
    assert clients[0].query("SELECT generate_series(1, 1000)") == 1000
    assert server.stop() == 0


run_tests([an_idle_connection_is_small], __doc__)
