"""The zone of 69-authorities.sh, and what two resolvers say of it.

    authority.py zone ORIGIN        a zone of some 500 names with every type
    authority.py ask SERVER ORIGIN...   asks some 5,000 questions; of each
                                    answer rcode, flags, question, answers and
                                    what proves that there is none, a line each
"""
import socket
import struct
import sys

NAMES = 480
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, DNAME = 1, 2, 5, 6, 12, 15, 16, 28, 39
RRSIG, OPT = 46, 41
TYPES = {
    "A": (1, "198.51.100.%d"), "AAAA": (28, "2001:db8:7::%x"),
    "MX": (15, "10 host%d"), "TXT": (16, '"text %d" "second; \\"quoted\\""'),
    "SRV": (33, "1 2 443 host%d"), "NAPTR":
    (35, '100 10 "U" "SIP+D2U" "!^.*$!sip:x@y!" host%d'),
    "CAA": (257, '0 issue "ca%d.example"'), "PTR": (12, "host%d"),
    "SSHFP": (44, "1 1 00112233445566778899aabbccddeeff001122%02x"),
    "TLSA": (52, "3 1 1 " + "ab" * 31 + "%02x"), "HINFO": (13, '"cpu%d" "os"'),
    "RP": (17, "host%d host1"), "LOC":
    (29, "52 22 %d.000 N 4 53 0.000 E 1.00m 1m 1m 1m"),
    "URI": (256, '10 1 "https://x.example/%d"'),
    "HTTPS": (65, "1 . alpn=h2 port=%d ipv4hint=198.51.100.1"),
    "SVCB": (64, "1 host%d port=853"), "EUI48": (108, "00-00-5e-00-53-%02x"),
    "TYPE65280": (65280, "\\# 3 0102%02x"), "AFSDB": (18, "1 host%d"),
}


def zone(origin):
    print("$ORIGIN %s.\n$TTL 3600" % origin)
    print("@ SOA ns root 1 3600 600 86400 300\n@ NS ns\nns A 10.9.0.2")
    kinds = list(TYPES)
    for i in range(NAMES):
        n = i % 250 + 1
        for kind in ("A", "AAAA", kinds[i % len(kinds)],
                     kinds[i * 7 % len(kinds)]):
            value = TYPES[kind][1]
            if kind == "LOC":
                n = n % 59
            print("host%d %d %s %s" % (
                i, 60 + i, kind, value % n if "%" in value else value))
    for i in range(40):
        print("alias%d CNAME host%d" % (i, i))
        print("chain%d CNAME %s" % (
            i, "chain%d" % (i + 1) if i % 8 < 7 else "host%d" % i))
        print("a.b.empty%d A 198.51.100.9" % i)
        print("*.wild%d A 198.51.100.10\n*.wild%d MX 5 host1" % (i, i))
        print("many%d TXT %s" % (i, '"%s"' % ("m" * (i * 6 + 1))))
    for i in range(60):
        print("crowd A 198.51.100.%d\ncrowd AAAA 2001:db8:8::%x" % (i, i))
    print("long %s" % "TXT " + " ".join('"%s"' % ("x" * 250)
                                        for _ in range(20)))
    print("moved DNAME wild1\ngone CNAME nowhere\naway CNAME host.elsewhere.test.")
    print("zero 0 A 198.51.100.11\nbin\\000\\255\\.x A 198.51.100.12")
    print("UPPER A 198.51.100.13\n%s A 198.51.100.14" % ".".join(["l" * 60] * 3))


def questions(origin):
    for i in range(NAMES):
        yield "host%d" % i, 1
        yield "host%d" % i, 28
        kinds = list(TYPES)
        yield "HOST%d" % i, TYPES[kinds[i % len(kinds)]][0]
        yield "host%d" % i, TYPES[kinds[i * 7 % len(kinds)]][0]
    for i in range(40):
        for name in ("alias%d", "chain%d", "b.empty%d", "empty%d", "no%d",
                     "x.y.wild%d", "many%d"):
            yield name % i, 1
            yield name % i, 16
    for kind in sorted({t for t, _ in TYPES.values()} | {6, 2, 43, 48, 5, 39}):
        for name in ("@", "crowd", "long", "x.moved", "moved", "gone", "zero",
                     "upper", ".".join(["l" * 60] * 3), "nope", "wild1"):
            yield name, kind
    yield "bin\0\xff.x", 1


def wire(name, origin):
    labels = [] if name == "@" else name.split(".")
    if name.startswith("bin"):
        labels = [name]
    out = b"".join(bytes([len(x)]) + x.encode("latin-1")
                   for x in labels + origin.split("."))
    return out + b"\0"


def read_name(m, at):
    name, end = b"", None
    while True:
        n = m[at]
        if n >= 192:
            end = end or at + 2
            at = (n & 63) << 8 | m[at + 1]
            continue
        name += m[at:at + n + 1]
        at += n + 1
        if n == 0:
            return name, end or at


def rdata(m, at, kind, n):
    """RDATA with names that may be compressed written out, in lower case."""
    before = {MX: 2, NS: 0, CNAME: 0, PTR: 0, SOA: 0, 33: 6, 18: 2, 17: 0,
              DNAME: 0, 47: 0}.get(kind)
    if kind == 35:
        before = 4
        for _ in range(3):
            before += m[at + before] + 1
    if before is None:
        return m[at:at + n]
    out, end = m[at:at + before], at + n
    at += before
    for _ in range(2 if kind in (SOA, 17) else 1):
        name, at = read_name(m, at)
        out += name.lower()
    return out + m[at:end]


def parse(m):
    ident, flags, qd, an, ns, ar = struct.unpack_from("!6H", m)
    at, sections, opt = 12, [], None
    question = []
    for _ in range(qd):
        name, at = read_name(m, at)
        question.append((name, m[at:at + 4]))
        at += 4
    for count in (an, ns, ar):
        rows = set()
        for _ in range(count):
            name, at = read_name(m, at)
            kind, cls, ttl, n = struct.unpack_from("!HHIH", m, at)
            at += 10
            if kind == OPT:
                opt = (ttl >> 16 & 255, ttl & 0x8000)
            else:
                rows.add((name.lower(), kind, cls, rdata(m, at, kind, n)))
            at += n
        sections.append(rows)
    if at != len(m):
        raise ValueError("%d bytes behind the message" % (len(m) - at))
    return flags, question, sections, opt


def ask(server, message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(15)
        s.connect((server, 53))
        s.send(message)
        m = s.recv(65535)
    if not m[2] & 2:
        return parse(m)
    with socket.create_connection((server, 53), 15) as s:
        s.sendall(struct.pack("!H", len(message)) + message)
        m = b""
        while len(m) < 2 or len(m) < 2 + int.from_bytes(m[:2], "big"):
            more = s.recv(65535)
            if not more:
                break
            m += more
    return parse(m[2:])


def seen(m):
    """What is compared: not AA, and of the sections behind the answer what
    says that there is nothing."""
    flags, question, (answer, authority, _), opt = m
    negative = {r for r in authority if not answer and r[1] in (SOA, 47, 50)}
    return {"rcode": flags & 15, "flags": flags & 0xfbf0, "question": question,
            "answer": answer, "negative": negative, "opt": opt}


def ask_all(server, origins):
    for origin in origins:
        for number, (name, kind) in enumerate(questions(origin)):
            manner = number % 4
            message = struct.pack("!6H", number, 0x100 | (manner == 3) << 4 |
                                  (manner == 1) << 5, 1, 0, 0, manner != 1)
            message += wire(name, origin) + struct.pack("!HH", kind, 1)
            if manner != 1:
                message += struct.pack("!BHHIH", 0, OPT, 1232,
                                       0x8000 if manner >= 2 else 0, 0)
            for what, value in seen(ask(server, message)).items():
                if isinstance(value, set):
                    value = sorted(value)
                print(repr(name), origin, kind, manner, what, value)


if sys.argv[1] == "zone":
    zone(sys.argv[2])
else:
    ask_all(sys.argv[2], sys.argv[3:])
