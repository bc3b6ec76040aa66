"""Scripted upstreams: upstreams.py ADDRESS...; says "ready".

Each does what the first label of the name says ("late700-7.up.example": an
answer after 700 ms; see Reply). What all of them were asked they tell who sends
them a name below log.control.
"""
import os
import signal
import socket
import struct
import sys
import threading
import time

from dnsmsg import A, AAAA, ANY, CNAME, TXT, Msg, opt, record, soa, wire


class Server:
    def __init__(self, address, number, log):
        self.address, self.number, self.log = address, number, log
        self.dead = set()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.udp.bind((address, 53))
        self.other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.other.bind((address, 0))
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, 53))
        self.tcp.listen(64)

    def start(self):
        for target in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=target, daemon=True).start()

    def serve_udp(self):
        while True:
            b, peer = self.udp.recvfrom(4096)

            def send(answer, sock=None, peer=peer):
                (sock or self.udp).sendto(answer, peer)
            self.handle(b, peer, send, False)

    def serve_tcp(self):
        while True:
            s, peer = self.tcp.accept()
            threading.Thread(target=self.serve_stream, args=(s, peer),
                             daemon=True).start()

    def serve_stream(self, s, peer):
        f = s.makefile("rb")
        while True:
            head = f.read(2)
            if len(head) < 2:
                return
            b = f.read(struct.unpack(">H", head)[0])

            def send(answer, sock=None):
                s.sendall(struct.pack(">H", len(answer)) + answer)
            self.handle(b, peer, send, True)

    def handle(self, b, peer, send, tcp):
        try:
            q = Msg(b)
        except Exception:
            return
        name = b".".join(q.qname).decode("latin-1")
        lower = name.lower()
        self.log.append((self.number, lower, q.qtype, q.id, peer[1], tcp,
                         q.opt, q.flags, dict(getattr(q, "options", {}))))
        reply = Reply(self, q, lower, send, tcp)
        verb = lower.split(".")[0].split("-")[0]
        act = getattr(reply, "do_" + verb.rstrip("0123456789"), reply.do_ok)
        digits = verb[len(verb.rstrip("0123456789")):]
        act(int(digits) if digits else 0)


class Reply:
    def __init__(self, server, q, name, send, tcp):
        self.server, self.q, self.name = server, q, name
        self.send_bytes, self.tcp = send, tcp
        self.question = q.bytes[12:q.question_end]
        self.self_name = b"\xc0\x0c"

    def make(self, answers=(), authority=(), additional=(), rcode=0,
             flags=0x8180, question=None, ident=None, options=b""):
        additional = list(additional)
        if self.q.opt is not None:
            additional.append(opt(options=options))
        if question is None:
            question = self.question
        return struct.pack(
            ">HHHHHH", self.q.id if ident is None else ident, flags | rcode,
            1 if question else 0, len(answers), len(authority),
            len(additional)) + question + b"".join(answers) + b"".join(
                authority) + b"".join(additional)

    def a(self, ttl=300, last=None):
        if self.q.qtype == TXT:
            return record(self.self_name, TXT, ttl, b"\5hello")
        if self.q.qtype == AAAA:
            return record(self.self_name, AAAA, ttl, b"\x20\1" + b"\1" * 14)
        kind = A if self.q.qtype in (A, ANY) else self.q.qtype
        return record(self.self_name, kind, ttl,
                      bytes([203, 0, 113, last or self.server.number]))

    def ok(self, **k):
        self.send_bytes(self.make([self.a()], **k))

    def do_ok(self, n):
        self.ok()

    def do_ttl(self, n):
        self.send_bytes(self.make([self.a(ttl=n)]))

    def do_msb(self, n):
        self.send_bytes(self.make([self.a(ttl=0x80000064)]))

    def do_huge(self, n):
        self.send_bytes(self.make([self.a(ttl=0x7fffffff)]))

    def do_aa(self, n):
        self.ok(flags=0x8580)

    def do_ad(self, n):
        self.ok(flags=0x81a0)

    def do_z(self, n):
        self.ok(flags=0x81c0)

    def do_nx(self, n):
        zone = "example"
        self.send_bytes(self.make([], [soa(zone, 300, n or 60)], rcode=3))

    def do_soattl(self, n):
        self.send_bytes(self.make([], [soa("example", n, 3000)], rcode=3))

    def do_nodata(self, n):
        self.send_bytes(self.make([], [soa("example")]))

    def do_cut(self, n):
        self.do_nx(n)

    def do_rcode(self, n):
        if self.server.number == 1:
            self.send_bytes(self.make(rcode=n))
        else:
            self.ok()

    def do_fail(self, n):
        self.send_bytes(self.make(rcode=2))

    def do_ede(self, n):
        self.send_bytes(self.make(rcode=2, options=struct.pack(
            ">HHH", 15, 2, n)))

    def do_okede(self, n):
        self.ok(options=struct.pack(">HHH", 15, 2, n))

    def txt(self, size):
        out = []
        while size > 0:
            out.append(record(self.self_name, TXT, 300, b"\xc8" + b"x" * 200))
            size -= 213
        return out

    def do_size(self, n):
        answers = self.txt(n)
        whole = self.make(answers)
        room = 65535 if self.tcp else max(
            512, self.q.opt[0] if self.q.opt else 512)
        if len(whole) > room:
            self.send_bytes(self.make(answers[:2], flags=0x8380))
        else:
            self.send_bytes(whole)

    def do_over(self, n):
        """More than there was room for."""
        self.send_bytes(self.make(self.txt(n)))

    def do_partial(self, n):
        if self.tcp:
            self.ok()
        else:
            self.send_bytes(self.make([self.a(last=66)], flags=0x8380))

    def later(self, ms, what):
        threading.Timer(ms / 1000, what).start()

    def do_late(self, n):
        self.later(n, self.ok)

    def do_lost(self, n):
        key = self.name
        if key in self.server.dead:
            self.ok()
        else:
            self.server.dead.add(key)

    def do_down(self, n):
        if self.server.number != 1:
            self.ok()

    def do_silent(self, n):
        pass

    stale = set()

    def do_stale(self, n):
        key = self.name
        if key not in self.stale:
            self.stale.add(key)
            self.send_bytes(self.make([self.a(ttl=1)]))

    alive = {}

    def do_alive(self, n):
        first = self.alive.setdefault(self.name, time.monotonic())
        seen = time.monotonic() - first > 0.9
        self.send_bytes(self.make([self.a(ttl=1, last=2 if seen else 1)]))

    def do_poison(self, n):
        self.send_bytes(self.make(
            [self.a(), record("victim%d.example" % n, A, 300, b"\1\1\1\1")],
            additional=[record("other%d.example" % n, A, 300, b"\1\1\1\1")]))

    def do_chain(self, n):
        self.send_bytes(self.make([
            record(self.self_name, CNAME, 300, wire("c1.example")),
            record("c1.example", CNAME, 300, wire("c2.example")),
            record("c2.example", A, 300, b"\xcb\0\x71\1")]))

    def do_chainnx(self, n):
        self.send_bytes(self.make(
            [record(self.self_name, CNAME, 300, wire("gone.example"))],
            [soa("example")], rcode=3))

    spoofed = {}  # name -> the server that was asked for it first

    def spoof(self, answer, sock=None):
        """The other one's true answer comes much later: who has it from there
        has given the first one up."""
        first = self.spoofed.setdefault(self.name, self.server.number)
        self.send_bytes(answer, sock) if sock else self.send_bytes(answer)
        self.later(150 if first == self.server.number else 3000, self.ok)

    def do_badid(self, n):
        self.spoof(self.make([self.a(last=66)], ident=self.q.id ^ 1))

    def do_badname(self, n):
        self.spoof(self.make([self.a(last=66)],
                             question=wire("x.example") + b"\0\1\0\1"))

    def do_badtype(self, n):
        self.spoof(self.make([self.a(last=66)],
                             question=self.question[:-4] + b"\0\x10\0\1"))

    def do_badport(self, n):
        self.spoof(self.make([self.a(last=66)]), sock=self.server.other)

    def do_qr(self, n):
        self.spoof(self.make([self.a(last=66)], flags=0x0180))

    def do_empty(self, n):
        self.spoof(self.make([self.a(last=66)], question=b""))

    def do_junk(self, n):
        self.spoof(struct.pack(">H", self.q.id) + os.urandom(40))

    def do_formerr(self, n):
        if self.q.opt is not None:
            self.q.opt = None
            self.send_bytes(self.make(rcode=1))
        else:
            self.ok()

    def do_bare(self, n):
        if self.q.opt is not None:
            self.send_bytes(struct.pack(">HHHHHH", self.q.id, 0x8181, 0, 0, 0,
                                        0))
        else:
            self.ok()

    def do_lower(self, n):
        self.question = self.question.lower()
        self.ok()

    def do_log(self, n):
        word = self.name[len("log."):-len(".control")]
        rows = [x for x in self.server.log if not x[1].startswith("log.") and
                word in x[1]]
        text = repr([(x[0], x[2], x[3], x[4], x[5],
                      x[6] and x[6][0], x[7], sorted(x[8])) for x in rows])
        data = text.encode()[:60000]
        chunks = b"".join(bytes([len(data[i:i + 250])]) + data[i:i + 250]
                          for i in range(0, len(data), 250)) or b"\0"
        self.q.opt = None
        answer = self.make([record(self.self_name, TXT, 0, chunks)])
        if not self.tcp:
            answer = self.make(flags=0x8380)
        self.send_bytes(answer)


def main():
    log = []
    for i, address in enumerate(sys.argv[1:]):
        Server(address, i + 1, log).start()
    print("ready", flush=True)
    while True:
        signal.pause()


main()
