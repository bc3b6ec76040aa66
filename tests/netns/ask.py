#!/usr/bin/python3
"""Queries on sockets that stay open, for tests of what becomes of them.

ask.py NAME PROTO,SERVER...   PROTO is udp or tcp

Asks each server for the address of NAME and prints one line:
"udp,10.9.0.2=192.0.2.1" for each, or "none" for one that does not answer. Then,
for each line of standard input, the same again on the same sockets.
"""
import socket
import struct
import sys

from patient import Patience

TIMEOUT = 0.5


def query(n):
    name = b"".join(bytes([len(x)]) + x.encode() for x in sys.argv[1].split("."))
    return struct.pack("!6H", n, 0x100, 1, 0, 0, 0) + name + b"\0" + \
        struct.pack("!2H", 1, 1)


def start(to):
    proto, server = to.split(",")
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, kind)
    Patience(TIMEOUT).connect(s, (server, 53))
    return s


def ask(s, n):
    message = query(n)
    stream = s.type == socket.SOCK_STREAM
    patience = Patience(TIMEOUT)
    try:
        s.send(struct.pack("!H", len(message)) + message if stream else message)
        while True:
            got = patience.recv(s, 1024)[2 if stream else 0:]
            if not got:
                return "none"
            if got[:2] == message[:2]:
                return socket.inet_ntoa(got[-4:]) if got[7] else "none"
    except OSError:
        return "none"


def main():
    servers = sys.argv[2:]
    sockets = [start(to) for to in servers]
    n = 0
    while True:
        n += 1
        print(*(f"{to}={ask(s, n)}" for to, s in zip(servers, sockets)), flush=True)
        if not sys.stdin.readline():
            return


main()
