"""DNS messages as tests make them and take them apart: by hand, so that they can
be wrong."""
import random
import socket
import struct

A, NS, CNAME, SOA, MX, TXT, AAAA, OPT, ANY = 1, 2, 5, 6, 15, 16, 28, 41, 255
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 1, 2, 3, 4, 5


def wire(name):
    if isinstance(name, bytes):
        return name
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")
                    if x) + b"\0"


def record(name, kind, ttl, data):
    return wire(name) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def opt(size=1232, ttl=0, options=b""):
    return b"\0" + struct.pack(">HHIH", OPT, size, ttl, len(options)) + options


def soa(zone, ttl=300, minimum=60):
    return record(zone, SOA, ttl, wire("ns." + zone) + wire("hm." + zone) +
                  struct.pack(">IIIII", 1, 2, 3, 4, minimum))


def read_name(msg, off):
    labels, end, hops = [], None, 0
    while True:
        n = msg[off]
        if n >= 0xc0:
            end = end or off + 2
            off = struct.unpack(">H", msg[off:off + 2])[0] & 0x3fff
            hops += 1
            assert hops < 100
            continue
        if n == 0:
            return labels, end or off + 1
        labels.append(msg[off + 1:off + 1 + n])
        off += n + 1


class Msg:
    """An answer, or a query, taken apart."""

    def __init__(self, b):
        self.bytes = b
        (self.id, self.flags, qd, *counts) = struct.unpack(">HHHHHH", b[:12])
        self.rcode = self.flags & 15
        self.tc, self.aa, self.ad = (bool(self.flags & x)
                                     for x in (0x200, 0x400, 0x20))
        off = 12
        self.qd, self.qname, self.qtype = qd, [], 0
        if qd:
            self.qname, off = read_name(b, off)
            self.qtype, self.qclass = struct.unpack(">HH", b[off:off + 4])
            off += 4
        self.question_end = off
        self.sections, self.opt, self.ede = [], None, []
        for n in counts:
            rows = []
            for _ in range(n):
                name, off = read_name(b, off)
                kind, cls, ttl, size = struct.unpack(">HHIH", b[off:off + 10])
                off += 10
                data = b[off:off + size]
                if kind == OPT:
                    self.opt = (cls, ttl, data)
                    self.take_options(data)
                else:
                    rows.append((b".".join(name).lower(), kind, ttl, data, off))
                off += size
            self.sections.append(rows)
        self.trailing = len(b) - off

    def take_options(self, data):
        self.options = {}
        while len(data) >= 4:
            code, size = struct.unpack(">HH", data[:4])
            self.options[code] = data[4:4 + size]
            if code == 15:
                self.ede.append(struct.unpack(">H", data[4:6])[0])
            data = data[4 + size:]

    @property
    def answer(self):
        return self.sections[0]

    def addresses(self):
        return [socket.inet_ntoa(d) for _, k, _, d, _ in self.answer if k == A]


def query(name, kind=A, flags=0x100, edns=True, size=1232, ident=None, do=False,
          options=b"", version=0, cls=1):
    extra = opt(size, (0x8000 if do else 0) | version << 16, options) \
        if edns else b""
    return struct.pack(">HHHHHH", random.randrange(65536) if ident is None
                       else ident, flags, 1, 0, 0, 1 if edns else 0) + \
        wire(name) + struct.pack(">HH", kind, cls) + extra


def frame(b):
    return struct.pack(">H", len(b)) + b
