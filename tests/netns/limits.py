"""One program that takes more of the resolver than is its share.

    limits.py flood N NAME       N queries for NAME with a number in front, UDP:
                                 prints what comes back, "REFUSED+18 N other N"
    limits.py slow               a query over TCP, a byte a second: prints after
                                 how many bytes it is cut off, and how many s
    limits.py hog N NAME         N connections that ask and ask for a large
                                 answer, and read nothing: prints "waiting" once
                                 all have asked, and keeps them until killed
    limits.py share SERVER FROM...   260 connections from each address, one after
                                 the other, all of which stay: how many of each
                                 are answered
    limits.py long               a query of 60,000 bytes and one behind it over
                                 one connection: the rcodes, first to last
"""
import select
import socket
import struct
import sys
import time

SERVER = ("127.0.0.1", 53)


def query(name, kind, ident):
    return struct.pack(">HHHHHH", ident, 0x100, 1, 0, 0, 1) + b"".join(
        bytes([len(x)]) + x.encode() for x in name.split(".")) + \
        struct.pack(">BHH", 0, kind, 1) + b"\0\0\x29\4\xd0\0\0\0\0\0\0"


def frame(b):
    return struct.pack(">H", len(b)) + b


def flood(n, name):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.connect(SERVER)
    refused = other = 0
    for i in range(n):
        s.send(query("silent-%d.%s" % (i, name), 1, i))
    # all that is over the limit is said at once, the rest after 4 s
    while refused + other < n and select.select([s], [], [], 20)[0]:
        b = s.recv(4096)
        if b[3] & 15 == 5 and b.find(b"\0\x0f\0") > 0 and b"\0\x12too" in b:
            refused += 1
        else:
            other += 1
        if refused + other == 1:
            print("first", flush=True)
    print("REFUSED+18 %d other %d" % (refused, other), flush=True)


def slow():
    s = socket.create_connection(SERVER)
    b = frame(query("ok-slow.example", 1, 1))
    n, begin = 0, time.monotonic()
    for i in range(len(b) - 1):
        try:
            s.send(b[i:i + 1])
        except OSError:
            break
        n += 1
        if select.select([s], [], [], 1)[0]:
            break  # it has nothing to say but that it ends
    print(n, "%.1f" % (time.monotonic() - begin))


def hog(n, name):
    socks = []
    b = b"".join(frame(query(name, 16, i)) for i in range(200))
    for _ in range(n):
        try:
            s = socket.create_connection(SERVER)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.setblocking(False)
            s.send(b)
        except OSError:
            pass
        socks.append(s)
    print("waiting", flush=True)
    select.select([], [], [])


def is_served(s):
    try:
        s.sendall(frame(query("localhost", 1, 1)))
        return len(s.recv(4096)) > 2
    except OSError:
        return False


def share(server, sources):
    held, counts = [], []
    for source in sources:
        mine = [socket.create_connection((server, 53), 8, (source, 0))
                for _ in range(260)]
        # those from before, too: none is silent for long
        held = [s for s in held if is_served(s)]
        mine = [s for s in mine if is_served(s)]
        counts.append(len(mine))
        held += mine
    print(*counts, len(held), flush=True)
    select.select([], [], [])


def long():
    with socket.create_connection(SERVER, 10) as s:
        first = query("long.example", 1, 1)
        s.sendall(frame(first + b"\0" * (60000 - len(first))) +
                  frame(query("ok-long.example", 1, 2)))
        f = s.makefile("rb")
        for _ in range(2):
            b = f.read(struct.unpack(">H", f.read(2))[0])
            print(b[3] & 15, end=" ")
    print()


if sys.argv[1] in ("flood", "hog"):
    globals()[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
elif sys.argv[1] == "share":
    share(sys.argv[2], sys.argv[3:])
else:
    globals()[sys.argv[1]]()
