#!/usr/bin/python3
"""One socket that does as it is told: sock.py listen|connect PROTO ADDR PORT

Says "up" once it is connected ("listening" before that, a UDP server is up at
once), or the name of the error. Then one line for each line of its input:
    send WORD     "sent"
    recv          "got WORD", "EOF"; ETIMEDOUT after two seconds
    hear MS       the same, but for a time of its own
    end           sends no more: "ended"
    pump          sends a pattern until the next line of input, 50 MB a second
                  at most, and then 100 MB more as fast as they go; says
                  "pumping" when 10 MB are gone, then "pumped BYTES"
    sink          takes what pump sends, "sunk BYTES", or "wrong at BYTE"
    flood N       N datagrams of 1400 bytes: "flooded"
    bulk N        N bytes, "sent", which take N reads: "took"
    bits N        N segments of 100 bytes: "sent"
or the name of the error. And sock.py at UID ADDR PORT: a UDP socket of that
user's, with
    to ADDR PORT WORD   sends it, and "got ANSWER from ADDR PORT"
"""
import errno
import os
import select
import socket
import struct
import sys

from patient import Patience

BLOCK = 1 << 20
BODY = bytes(range(256)) * (BLOCK // 256)  # but for the number that it begins with
LAST = 0xFFFFFFFF
PACE = 0.02  # of each block: there is something in flight all the time


def name(error):
    if isinstance(error, TimeoutError):
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno, str(error))


def say(text):
    print(text, flush=True)


class Sock:
    def __init__(self, how, proto, addr, port):
        self.peer = None
        if how == "at":
            os.setresuid(int(proto), int(proto), int(proto))
        kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        s = socket.socket(family, kind)
        if how == "connect":
            Patience(2).connect(s, (addr, int(port)))
        else:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((addr, int(port)))
            if proto == "tcp":
                s.listen(8)
                say("listening")
                self.listener = s  # stays: it shows who began the connection
                s, _ = s.accept()
        self.s = s
        self.answers = proto == "udp" and how == "listen"

    def send(self, data):
        if self.answers:
            self.s.sendto(data, self.peer)
        else:
            self.s.sendall(data)

    def do_send(self, word):
        self.send(word.encode())
        return "sent"

    def do_to(self, addr, port, word):
        self.s.sendto(word.encode(), (addr, int(port)))
        return "{0} from {1[0]} {1[1]}".format(self.do_recv(), self.peer)

    def do_recv(self, patience=2):
        data, peer = Patience(patience).recvfrom(self.s, 2048)
        self.peer = peer or self.peer
        return "got " + data.decode(errors="replace") if data else "EOF"

    def do_hear(self, ms):
        return self.do_recv(int(ms) / 1000)

    def do_end(self):
        self.s.shutdown(socket.SHUT_WR)
        return "ended"

    def do_pump(self):
        self.s.settimeout(30)
        n, left, block = 0, None, bytearray(BODY)
        while left != 0:
            n += 1
            if left is None and select.select([sys.stdin], [], [], PACE)[0]:
                sys.stdin.readline()
                left = 100
            elif left is not None:
                left -= 1
            block[:4] = struct.pack("!I", LAST if left == 0 else n)
            self.s.sendall(block)
            if n == 10:
                say("pumping")
        return f"pumped {n * BLOCK}"

    def do_sink(self):
        self.s.settimeout(30)
        block, view = bytearray(BLOCK), None
        n = 0
        while True:
            view, n = memoryview(block), n + 1
            while view:
                got = self.s.recv_into(view)
                if got == 0:
                    return f"wrong at {n * BLOCK - len(view)}: EOF"
                view = view[got:]
            number = struct.unpack("!I", block[:4])[0]
            block[:4] = BODY[:4]
            if number not in (n, LAST) or block != BODY:
                return f"wrong at {(n - 1) * BLOCK}"
            if number == LAST:
                return f"sunk {n * BLOCK}"

    def do_flood(self, n):
        for _ in range(int(n)):
            self.send(b"x" * 1400)
        return "flooded"


    def do_bulk(self, n):
        self.s.sendall(bytes(int(n)))
        return "sent"

    def do_take(self, n):
        self.s.settimeout(30)
        left = int(n)
        while left > 0 and (got := len(self.s.recv(min(left, BLOCK)))):
            left -= got
        return "took" if left == 0 else "EOF"

    def do_bits(self, n):
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(int(n)):
            self.s.send(bytes(100))
        return "sent"


def main():
    try:
        s = Sock(*sys.argv[1:])
        say("up")
    except OSError as e:
        say(name(e))
        return
    # unbuffered: select() is to see what waits
    sys.stdin = open(0, "rb", buffering=0)
    while True:
        words = sys.stdin.readline().decode().split()
        if not words:
            return
        try:
            say(getattr(s, "do_" + words[0])(*words[1:]))
        except OSError as e:
            say(name(e))


main()
