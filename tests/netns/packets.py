#!/usr/bin/python3
"""Packets that no program sends, from the wire, and what became of each.

packets.py DEVICE MAC CONTROL

Sends each row below as a raw frame from DEVICE to the host with that MAC
(10.9.0.1, fd09::1), followed by a good datagram, and asks the daemon there by
its control socket CONTROL. Prints "ok NAME" or "not ok NAME: WHY" for each.
What is expected of a row:
    kernel      the kernel drops it, or keeps it, before the daemon
    malformed   the daemon drops it and counts it; no flow is made of it
    passes      accepted without a flow: what a host needs on the network
    accept, block   judged by the rules, as this protocol
"""
import json
import os
import socket
import struct
import sys
import time

HERE4, HERE6 = "10.9.0.1", "fd09::1"
TCP, UDP, ICMP, ICMP6, SCTP, DCCP = 6, 17, 1, 58, 132, 33
SYN, FIN, PSH, ACK, URG = 2, 1, 8, 16, 32


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(src, proto, rest, dst=HERE4, **set_):
    """An IPv4 packet; version, ihl, length, frag, sum can be set wrong."""
    options = set_.get("options", b"")
    ihl = set_.get("ihl", 5 + len(options) // 4)
    length = set_.get("length", 20 + len(options) + len(rest))
    header = struct.pack(
        "!BBHHHBBH4s4s", set_.get("version", 4) << 4 | ihl, 0, length, 4711,
        set_.get("frag", 0), set_.get("ttl", 64), proto, 0,
        socket.inet_aton(src), socket.inet_aton(dst)) + options
    total = checksum(header) ^ set_.get("sum", 0)
    return header[:10] + struct.pack("!H", total) + header[12:] + rest


def ip6(src, proto, rest, dst=HERE6, **set_):
    return struct.pack(
        "!IHBB16s16s", set_.get("version", 6) << 28,
        set_.get("length", len(rest)), proto, set_.get("hops", 64),
        socket.inet_pton(socket.AF_INET6, src),
        socket.inet_pton(socket.AF_INET6, dst)) + rest


def with_sum(src, dst, proto, at, rest):
    """The transport checksum, with its pseudo header, at an offset."""
    family = socket.AF_INET6 if ":" in src else socket.AF_INET
    pseudo = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
    pseudo += struct.pack("!II", len(rest), proto)
    total = checksum(pseudo + rest[:at] + b"\0\0" + rest[at + 2:])
    return rest[:at] + struct.pack("!H", total) + rest[at + 2:]


def tcp(flags, offset=5, cut=None, dport=7001):
    return struct.pack("!HHIIBBHHH", 4000, dport, 1, 0, offset << 4, flags,
                       1024, 0, 0)[:cut]


def udp(length=None, dport=7001, sport=4000, data=b"hello"):
    return struct.pack("!HHHH", sport, dport, 8 + len(data)
                       if length is None else length, 0) + data


def icmp(kind, code, rest):
    body = struct.pack("!BBH", kind, code, 0) + rest
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def icmp6(src, kind, code, rest, dst=HERE6):
    return with_sum(src, dst, ICMP6, 2, struct.pack("!BBH", kind, code, 0)
                    + rest)


def options(n, last, size=0):
    """n destination option headers, then protocol `last`."""
    one = bytes([60, size, 1, 4, 0, 0, 0, 0])
    return one * (n - 1) + bytes([last]) + one[1:]


def fragment(proto, offset, more):
    return struct.pack("!BBHI", proto, 0, offset | more, 4711)


# name, expected, function of the source's address that gives the packet
ROWS4 = [
    ("a shorter frame than its length", "kernel",
     lambda s: ip4(s, UDP, udp())[:-3]),
    ("a header of 16 bytes", "kernel", lambda s: ip4(s, UDP, udp(), ihl=4)),
    ("a header longer than the packet", "kernel",
     lambda s: ip4(s, UDP, udp(), ihl=15)),
    ("a length of 19", "kernel", lambda s: ip4(s, UDP, udp(), length=19)),
    ("version 5", "kernel", lambda s: ip4(s, UDP, udp(), version=5)),
    ("a wrong checksum", "kernel", lambda s: ip4(s, UDP, udp(), sum=1)),
    ("options of nonsense", "kernel",
     lambda s: ip4(s, UDP, udp(), options=b"\x07\xff\xff\xff")),
    ("from 127.0.0.1", "kernel", lambda s: ip4("127.0.0.1", UDP, udp())),
    ("from our own address", "kernel", lambda s: ip4(HERE4, TCP, tcp(SYN))),
    ("a first fragment alone", "kernel",
     lambda s: ip4(s, UDP, udp(2000, data=b"x" * 800), frag=0x2000)),
    ("a last fragment past 64 KiB", "kernel",
     lambda s: ip4(s, UDP, b"x" * 800, frag=8189)),
    ("a fragment's TCP header in two", "kernel",
     lambda s: ip4(s, TCP, tcp(SYN)[:8], frag=0x2000)),
    ("TCP cut in its ports", "malformed", lambda s: ip4(s, TCP, b"\x0f")),
    ("TCP cut behind its ports", "malformed",
     lambda s: ip4(s, TCP, tcp(SYN, cut=10))),
    ("TCP cut before its end", "malformed",
     lambda s: ip4(s, TCP, tcp(SYN, cut=19))),
    ("TCP with options that are not there", "malformed",
     lambda s: ip4(s, TCP, tcp(SYN, offset=15))),
    ("TCP with a header of 8 bytes", "malformed",
     lambda s: ip4(s, TCP, tcp(SYN, offset=2))),
    ("TCP without anything", "malformed", lambda s: ip4(s, TCP, b"")),
    ("UDP cut", "malformed", lambda s: ip4(s, UDP, udp()[:5])),
    ("UDP longer than the packet", "malformed",
     lambda s: ip4(s, UDP, udp(500))),
    ("UDP of 3 bytes", "malformed", lambda s: ip4(s, UDP, udp(3))),
    ("UDP of 0 bytes", "malformed", lambda s: ip4(s, UDP, udp(0))),
    ("SCTP cut", "malformed", lambda s: ip4(s, SCTP, udp()[:8])),
    ("DCCP cut", "malformed", lambda s: ip4(s, DCCP, udp()[:8])),
    ("ICMP cut", "malformed", lambda s: ip4(s, ICMP, b"\x08\0")),
    ("ICMPv6 in IPv4", "malformed",
     lambda s: ip4(s, ICMP6, icmp(128, 0, b"\0\1\0\1"))),
    ("an ICMP error that quotes nothing", "malformed",
     lambda s: ip4(s, ICMP, icmp(3, 1, b"\0" * 4))),
    ("an ICMP error that quotes nonsense", "malformed",
     lambda s: ip4(s, ICMP, icmp(3, 1, b"\0" * 4 + b"\xff" * 28))),
    ("an ICMP error that quotes half a header", "malformed",
     lambda s: ip4(s, ICMP, icmp(11, 0, b"\0" * 4
                                 + ip4(HERE4, UDP, udp())[:14]))),
    ("an ICMP error that quotes no ports", "malformed",
     lambda s: ip4(s, ICMP, icmp(3, 3, b"\0" * 4
                                 + ip4(HERE4, UDP, udp()[:2])))),
    ("an ICMP error of nothing of ours", "block",
     lambda s: ip4(s, ICMP, icmp(3, 1, b"\0" * 4 + ip4(HERE4, UDP, udp())))),
    ("ICMP of an unknown type", "block",
     lambda s: ip4(s, ICMP, icmp(200, 0, b"\0" * 4))),
    ("TCP SYN and FIN", "accept", lambda s: ip4(s, TCP, with_sum(
        s, HERE4, TCP, 16, tcp(SYN | FIN)))),
    ("TCP with all flags", "accept", lambda s: ip4(s, TCP, with_sum(
        s, HERE4, TCP, 16, tcp(63)))),
    ("TCP X-mas", "accept", lambda s: ip4(s, TCP, with_sum(
        s, HERE4, TCP, 16, tcp(FIN | PSH | URG)))),
    ("TCP with no flag", "accept", lambda s: ip4(s, TCP, with_sum(
        s, HERE4, TCP, 16, tcp(0)))),
    ("TCP SYN and FIN to a blocked port", "block", lambda s: ip4(
        s, TCP, with_sum(s, HERE4, TCP, 16, tcp(SYN | FIN, dport=7002)))),
    ("protocol 253, blocked by its number", "block",
     lambda s: ip4(s, 253, b"hello")),
    ("protocol 254", "accept", lambda s: ip4(s, 254, b"hello")),
    ("protocol 254 without anything", "accept", lambda s: ip4(s, 254, b"")),
    ("protocol 0", "accept", lambda s: ip4(s, 0, b"hello")),
    ("an IGMP query", "passes", lambda s: ip4(
        s, 2, icmp(0x11, 100, b"\0" * 4), dst="224.0.0.1", ttl=1)),
    ("a good datagram", "accept", lambda s: ip4(s, UDP, udp())),
]
ROWS6 = [
    ("a shorter frame than its length", "kernel",
     lambda s: ip6(s, UDP, udp())[:-3]),
    ("version 5", "kernel", lambda s: ip6(s, UDP, udp(), version=5)),
    ("hop-by-hop options past the end", "kernel",
     lambda s: ip6(s, 0, bytes([UDP, 200, 1, 4, 0, 0, 0, 0]))),
    ("from ::1", "kernel", lambda s: ip6("::1", UDP, udp())),
    ("a first fragment alone", "kernel",
     lambda s: ip6(s, 44, fragment(UDP, 0, 1) + udp(2000, data=b"x" * 800))),
    ("a last fragment alone", "kernel",
     lambda s: ip6(s, 44, fragment(UDP, 1600, 0) + b"x" * 80)),
    ("40 extension headers", "malformed",
     lambda s: ip6(s, 60, options(40, UDP) + udp())),
    ("9 extension headers", "malformed",
     lambda s: ip6(s, 60, options(9, UDP) + udp())),
    ("an extension header past the end", "malformed",
     lambda s: ip6(s, 60, options(1, UDP, size=255) + udp())),
    ("an extension header cut", "kernel", lambda s: ip6(s, 60, b"\x11")),
    ("TCP cut", "malformed", lambda s: ip6(s, TCP, tcp(SYN, cut=10))),
    ("TCP with options that are not there", "malformed",
     lambda s: ip6(s, TCP, tcp(SYN, offset=15))),
    ("UDP cut", "malformed", lambda s: ip6(s, UDP, udp()[:5])),
    ("UDP longer than the packet", "malformed",
     lambda s: ip6(s, UDP, udp(500))),
    ("UDP of 0 bytes", "malformed", lambda s: ip6(s, UDP, udp(0))),
    ("ICMPv6 cut", "malformed", lambda s: ip6(s, ICMP6, b"\x80\0")),
    ("ICMP in IPv6", "malformed",
     lambda s: ip6(s, ICMP, icmp(8, 0, b"\0\1\0\1"))),
    ("an ICMPv6 error that quotes nonsense", "malformed",
     lambda s: ip6(s, ICMP6, icmp6(s, 1, 0, b"\0" * 4 + b"\xff" * 60))),
    ("an ICMPv6 error that quotes half a header", "malformed",
     lambda s: ip6(s, ICMP6, icmp6(s, 3, 0, b"\0" * 4
                                   + ip6(HERE6, UDP, udp())[:30]))),
    ("an ICMPv6 error of nothing of ours", "block",
     lambda s: ip6(s, ICMP6, icmp6(s, 1, 4, b"\0" * 4
                                   + ip6(HERE6, UDP, udp())))),
    ("8 extension headers to a blocked port", "block",
     lambda s: ip6(s, 60, options(8, UDP) + udp(dport=7002))),
    ("a whole packet in a fragment header, blocked port", "block",
     lambda s: ip6(s, 44, fragment(UDP, 0, 0) + udp(dport=7002))),
    ("hop-by-hop options in the wrong place, blocked port", "block",
     lambda s: ip6(s, 60, options(1, 0) + bytes([UDP, 0, 1, 4, 0, 0, 0, 0])
                   + udp(dport=7002))),
    ("TCP in an authentication header, blocked port", "block",
     lambda s: ip6(s, 51, struct.pack("!BBHII12x", TCP, 4, 0, 1, 1) + with_sum(
         s, HERE6, TCP, 16, tcp(SYN, dport=7002)))),
    ("nothing behind the header (59)", "accept", lambda s: ip6(s, 59, b"")),
    ("protocol 253, blocked by its number", "block",
     lambda s: ip6(s, 253, b"hello")),
    ("a neighbour solicitation that a router passed on", "block",
     lambda s: ip6(s, ICMP6, icmp6(s, 135, 0, b"\0" * 4 + socket.inet_pton(
         socket.AF_INET6, HERE6)), hops=254)),
    ("an MLD query", "passes",
     lambda s: ip6("fe80::66", ICMP6, icmp6(
         "fe80::66", 130, 0, b"\0" * 20, dst="ff02::1"), dst="ff02::1",
         hops=1)),
    ("a good datagram", "accept",
     lambda s: ip6(s, UDP, with_sum(s, HERE6, UDP, 6, udp()))),
]


class Daemon:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.connect(path)
        self.f = self.s.makefile("rwb")

    def ask(self, call):
        self.f.write(json.dumps({"call": call}).encode() + b"\n")
        self.f.flush()
        answer = json.loads(self.f.readline())
        assert answer["ok"], answer
        return answer["result"]

    def counters(self):
        return self.ask("status")["counters"]

    def flows_from(self, src):
        return [f for f in self.ask("flows.list") if f["src"] == src]


class Wire:
    def __init__(self, device, mac):
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.s.bind((device, 0))
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.own = self.s.getsockname()[4]

    def send(self, packet, six):
        kind = b"\x86\xdd" if six else b"\x08\0"
        self.s.send(self.mac + self.own + kind + packet)


def good(src, sport):
    data = udp(dport=9, sport=sport)
    if ":" in src:
        return ip6(src, UDP, with_sum(src, HERE6, UDP, 6, data))
    return ip4(src, UDP, data)


def try_row(wire, daemon, row, src):
    """What is wrong, or None."""
    _, expected, make = row
    before = daemon.counters()
    wire.send(make(src), ":" in src)
    wire.send(good(src, 9), ":" in src)
    end = time.monotonic() + 10
    while True:  # the good one comes behind the other
        flows = daemon.flows_from(src)
        if any(f["sport"] == 9 for f in flows):
            break
        if time.monotonic() > end:
            return "nothing behind it is judged"
    after = daemon.counters()
    grown = {k: after[k] - before[k] for k in after}
    made = [f for f in flows if f["sport"] != 9]
    text = [(f["proto"], f["dport"], f["verdict"]) for f in made]
    if grown["malformed"] != (expected == "malformed"):
        return f"malformed: {grown['malformed']}"
    if expected in ("kernel", "malformed", "passes"):
        return f"a flow was made: {text}" if made else None
    if [f["verdict"] for f in made] != [expected]:
        return f"flows: {text}"
    return None


def main():
    device, mac, control = sys.argv[1:]
    # on one processor frames stay in order
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    wire, daemon = Wire(device, mac), Daemon(control)
    for version, rows, prefix in (4, ROWS4, "10.9.0."), (6, ROWS6, "fd09::"):
        for i, row in enumerate(rows):
            why = try_row(wire, daemon, row, f"{prefix}{100 + i}")
            print(f"{'ok' if why is None else 'not ok'} IPv{version}: "
                  f"{row[0]}: {row[1]}" + (f": {why}" if why else ""),
                  flush=True)


main()
