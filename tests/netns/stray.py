"""A client of DNS as programs are: sockets of all kinds, several queries on
one, several servers on one. stray.py HOW SERVER... NAME; prints the answers'
addresses with the server each came from, sorted.

  udp          one socket, every server in turn, twice
  connected    one connected socket for each server, three queries on it
  pair         A and AAAA back to back on one socket (glibc)
  mapped       an IPv6 socket that speaks IPv4
  tcp          one connection, three queries at once, answers in any order
  again        five times, while many sockets are closed: one that has the port
               of another one at once, and whose name (NAME below late200-N) has
               its answer later
  exit         sends and exits at once; prints nothing
"""
import os
import select
import socket
import struct
import sys


def query(name, qtype, ident):
    q = struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0)
    for label in name.split("."):
        q += bytes([len(label)]) + label.encode()
    return q + b"\0" + struct.pack(">HH", qtype, 1)


def addresses(msg):
    n, off = struct.unpack(">H", msg[6:8])[0], 12
    while msg[off]:
        off += msg[off] + 1
    off += 5
    found = []
    for _ in range(n):
        while msg[off] and msg[off] < 0xc0:
            off += msg[off] + 1
        off += 2 if msg[off] else 1
        kind, _, _, size = struct.unpack(">HHIH", msg[off:off + 10])
        off += 10
        if kind == 1:
            found.append(socket.inet_ntop(socket.AF_INET, msg[off:off + 4]))
        elif kind == 28:
            found.append(socket.inet_ntop(socket.AF_INET6, msg[off:off + 16]))
        off += size
    return found or ["rcode%d" % (msg[3] & 15)]


def family(server):
    return socket.AF_INET6 if ":" in server else socket.AF_INET


def receive(s, n, out):
    for _ in range(n):
        if not select.select([s], [], [], 15)[0]:
            out.append("timeout")
            return
        msg, peer = s.recvfrom(4096)
        ident = struct.unpack(">H", msg[:2])[0]
        out.append("%s#%s" % (",".join(addresses(msg)), peer[0]))


AGAIN = 45017  # of those that are drawn


def ask(server, port, name):
    s = socket.socket(family(server), socket.SOCK_DGRAM)
    s.bind(("", port))
    s.connect((server, 53))
    s.send(query(name, 1, 7))
    return s


def main():
    how, servers, name = sys.argv[1], sys.argv[2:-1], sys.argv[-1]
    out = []
    if how in ("udp", "exit"):
        s = socket.socket(family(servers[0]), socket.SOCK_DGRAM)
        for turn in range(1 if how == "exit" else 2):
            for i, server in enumerate(servers):
                s.sendto(query(name, 1, turn * 16 + i), (server, 53))
        if how == "exit":
            os._exit(0)
        receive(s, 2 * len(servers), out)
    elif how == "connected":
        for server in servers:
            s = socket.socket(family(server), socket.SOCK_DGRAM)
            s.connect((server, 53))
            for i in range(3):
                s.send(query(name, 1, i))
                receive(s, 1, out)
    elif how == "again":
        for turn in range(5):
            closed = [ask(servers[0], port, name)
                      for port in [0] * 8 + [AGAIN]]
            for s in closed:
                receive(s, 1, [])
            for s in closed:
                s.close()
            s = ask(servers[0], AGAIN, "late200-%d.%s" % (turn, name))
            receive(s, 1, out)
            s.close()
            if out[-1] == "timeout":
                break
    elif how == "pair":
        for server in servers:
            s = socket.socket(family(server), socket.SOCK_DGRAM)
            s.connect((server, 53))
            s.send(query(name, 1, 1))
            s.send(query(name, 28, 2))
            receive(s, 2, out)
    elif how == "mapped":
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        for server in servers:
            s.sendto(query(name, 1, 7), ("::ffff:" + server, 53))
            receive(s, 1, out)
    elif how == "tcp":
        for server in servers:
            s = socket.create_connection((server, 53), 15)
            for i in range(3):
                q = query(name, 1, i)
                s.sendall(struct.pack(">H", len(q)) + q)
            f = s.makefile("rb")
            for i in range(3):
                size = struct.unpack(">H", f.read(2))[0]
                out.append("%s#%s" % (",".join(addresses(f.read(size))),
                                      server))
    print(" ".join(sorted(out)))


main()
