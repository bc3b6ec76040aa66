#!/usr/bin/python3
"""Fills conntrack with entries of nobody's: fill.py N, of UDP, for an hour, which
an answer has been seen of."""
import socket
import struct
import sys

NEW = 1 << 8  # of ctnetlink
CREATE, REQUEST = 0x400, 1
NESTED = 0x8000
BATCH = 200


def attr(kind, data):
    n = len(data) + 4
    return struct.pack("=HH", n, kind) + data + bytes(-n % 4)


def ends(src, dst, sport, dport):
    return attr(1 | NESTED, attr(1, src) + attr(2, dst)) + attr(
        2 | NESTED, attr(1, b"\x11") + attr(2, struct.pack(">H", sport)) +
        attr(3, struct.pack(">H", dport)))


def entry(n):
    a, b = b"\x0a\x63\x63\1", struct.pack(">I", 0x0a800000 + n)
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + attr(
        1 | NESTED, ends(a, b, 1000, 2000)) + attr(
        2 | NESTED, ends(b, a, 2000, 1000)) + attr(
        3, struct.pack(">I", 14)) + attr(7, struct.pack(">I", 3600))
    return struct.pack("=IHHII", 16 + len(body), NEW, REQUEST | CREATE, 0,
                       0) + body


def main():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    count = int(sys.argv[1])
    for first in range(0, count, BATCH):
        s.send(b"".join(map(entry, range(first, first + BATCH))))


main()
