"""The checks of a good forwarding resolver, one a line: "ok NAME" or "not ok
NAME: why". Runs in one namespace with the resolver, whose upstreams are two of
upstreams.py.

    conform.py RESOLVER UPSTREAM    says "passed N of M" at last. One that fails
        while the machine stood still is tried again
"""
import random
import select
import socket
import struct
import sys
import threading
import time

from dnsmsg import (A, AAAA, ANY, CNAME, FORMERR, MX, NOTIMP, NXDOMAIN, OPT,
                    REFUSED, SOA, TXT, Msg, frame, opt, query, wire)

tag = "%x" % random.randrange(1 << 40)


class Stalls:
    """Notes for how long this program did not get the processor, nor anybody
    else perhaps: what did not happen meanwhile is nobody's fault."""

    STEP, SLACK = 0.01, 0.05

    def __init__(self):
        self.lost, self.seen = 0, time.monotonic()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            time.sleep(self.STEP)
            now = time.monotonic()
            self.lost, self.seen = self.all(now), now

    def all(self, now=None):
        gap = (now or time.monotonic()) - self.seen
        return self.lost + (gap if gap > self.SLACK else 0)


class Client:
    def __init__(self, address, server):
        self.at, self.server = (address, 53), (server, 53)

    def raw(self, b, wait=15):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(self.at)
            s.send(b)
            end = time.monotonic() + wait
            while select.select([s], [], [], max(0, end - time.monotonic()))[0]:
                try:
                    m = Msg(s.recv(65535))
                except OSError:
                    return None
                if len(b) < 2 or m.id == struct.unpack(">H", b[:2])[0]:
                    return m
        return None

    def ask(self, name, kind=A, wait=15, **k):
        return self.raw(query(name, kind, **k), wait)

    def connect(self):
        return socket.create_connection(self.at, 15)

    def stream(self, s, n, wait=15):
        s.settimeout(wait)
        found, f = [], s.makefile("rb")
        try:
            for _ in range(n):
                head = f.read(2)
                if len(head) < 2:
                    break
                found.append(Msg(f.read(struct.unpack(">H", head)[0])))
        except OSError:
            pass
        return found

    def tcp(self, *queries, wait=15):
        with self.connect() as s:
            s.sendall(b"".join(frame(q) for q in queries))
            return self.stream(s, len(queries), wait)

    def log(self, word):
        """What the servers were asked that has this word in its name."""
        with socket.create_connection(self.server, 15) as s:
            s.sendall(frame(query("log.%s.control" % word, TXT, edns=False)))
            m = self.stream(s, 1)[0]
        data, text = m.answer[0][3], b""
        while data:
            text += data[1:1 + data[0]]
            data = data[1 + data[0]:]
        return eval(text.decode())


checks = []


def check(name):
    def add(fn):
        checks.append((name, fn))
        return fn
    return add


def lazily(name, expression):
    checks.append((name, expression))


def good(m, last=None):
    return m is not None and m.rcode == 0 and len(m.addresses()) > 0 and \
        (last is None or m.addresses()[0].endswith(".%d" % last))


def until(ask, fine, limit=20):
    """What ask() gives once that is fine, or at last."""
    end = time.monotonic() + limit
    while True:
        got = ask()
        if fine(got) or time.monotonic() > end:
            return got
        time.sleep(0.02)


def first_asked(c, name):
    """Which server was asked for it first."""
    return c.log(name.split(".")[0].split("-")[1])[0][0]


def is_rcode(m, *rcodes):
    return m is not None and m.rcode in rcodes


number = [0]


def fresh(verb, zone="up.example"):
    number[0] += 1
    return "%s-%s%dz.%s" % (verb, tag, number[0], zone)


def header(qd=1, flags=0x100, ar=0):
    return struct.pack(">HHHHHH", 77, flags, qd, 0, 0, ar)


Q = wire("ok.up.example") + b"\0\1\0\1"
lazily("fmt.qdcount0", lambda c: is_rcode(c.raw(header(0)), FORMERR))
lazily("fmt.qdcount2", lambda c: is_rcode(c.raw(header(2) + Q + Q), FORMERR))
lazily("fmt.short-header-silent", lambda c: c.raw(b"\0\1\1\0\0\1", 0.4) is None)
lazily("fmt.truncated-question",
       lambda c: is_rcode(c.raw(header() + Q[:-3]), FORMERR))
lazily("fmt.qr1-silent",
       lambda c: c.raw(header(flags=0x8100) + Q, 0.4) is None)
lazily("fmt.opcode15-NOTIMP",
       lambda c: (lambda m: is_rcode(m, NOTIMP) and m.flags & 0x90 == 0)(
           c.raw(header(flags=0x7910) + Q)))
lazily("fmt.UPDATE-NOTIMP/REFUSED",
       lambda c: is_rcode(c.raw(header(flags=0x2900) + Q), NOTIMP, REFUSED))
lazily("fmt.NOTIFY-NOTIMP/REFUSED",
       lambda c: is_rcode(c.raw(header(flags=0x2100) + Q), NOTIMP, REFUSED))
lazily("fmt.STATUS-NOTIMP",
       lambda c: is_rcode(c.raw(header(flags=0x1100) + Q), NOTIMP))
lazily("fmt.two-OPT-FORMERR",
       lambda c: is_rcode(c.raw(header(ar=2) + Q + opt() + opt()), FORMERR))
lazily("fmt.OPT-nonroot-name", lambda c: is_rcode(
    c.raw(header(ar=1) + Q + b"\1x" + opt()), FORMERR))
lazily("fmt.OPT-bad-optlen-FORMERR", lambda c: is_rcode(
    c.raw(header(ar=1) + Q + opt(options=b"\0\x0b\0\x09")), FORMERR))
lazily("fmt.trailing-garbage",
       lambda c: is_rcode(c.raw(header() + Q + b"junk"), 0, FORMERR))
lazily("fmt.qname-pointer-loop",
       lambda c: is_rcode(c.raw(header() + b"\xc0\x0c\0\1\0\1"), FORMERR))
lazily("fmt.label-type-01",
       lambda c: is_rcode(c.raw(header() + b"\x41x\0\0\1\0\1"), FORMERR))
lazily("fmt.name>255", lambda c: is_rcode(
    c.raw(header() + (b"\x3f" + b"x" * 63) * 4 + b"\0\0\1\0\1"), FORMERR))


@check("edns.version1-BADVERS")
def _(c):
    m = c.ask(fresh("ok"), version=1)
    return m.rcode == 0 and m.opt[1] >> 24 == 1


lazily("edns.unknown-opt-not-echoed", lambda c: 65001 not in c.ask(
    fresh("ok"), options=b"\xfd\xe9\0\2xx").options)
lazily("edns.zbits-cleared", lambda c: c.raw(
    header(ar=1) + Q + opt(ttl=0x7fff)).opt[1] & 0x7fff == 0)
lazily("edns.DO-echoed", lambda c: c.ask(fresh("ok"), do=True).opt[1] == 0x8000)
lazily("edns.DO-clear-when-clear", lambda c: c.ask(fresh("ok")).opt[1] == 0)
lazily("edns.no-OPT-to-plain-client",
       lambda c: c.ask(fresh("ok"), edns=False).opt is None)
lazily("edns.own-size<=1452", lambda c: 512 <= c.ask(fresh("ok")).opt[0] <= 1452)
lazily("hdr.Z-cleared", lambda c: c.ask(fresh("z")).flags & 0x40 == 0)
lazily("hdr.RA-set,AA-clear",
       lambda c: c.ask(fresh("ok")).flags & 0x480 == 0x80)
lazily("hdr.AA-from-upstream-cleared", lambda c: not c.ask(fresh("aa")).aa)
lazily("name.case-preserved",
       lambda c: c.ask("OK-CaSe" + tag + ".Up.Example").qname[1:] ==
       [b"Up", b"Example"])
lazily("name.case-preserved-from-cache",
       lambda c: c.ask("ok-case" + tag + ".uP.eXample").qname[1:] ==
       [b"uP", b"eXample"])


@check("hdr.RD0-not-forwarded")
def _(c):
    name = fresh("ok")
    c.ask(name, flags=0)
    return c.log(name.split(".")[0].split("-")[1]) == []


lazily("hdr.CD-echoed",
       lambda c: c.ask(fresh("ok"), flags=0x110).flags & 0x10 != 0)
lazily("class.CH", lambda c: is_rcode(
    c.ask("version.bind", TXT, cls=3), 0, REFUSED, NOTIMP))
lazily("class.NONE", lambda c: is_rcode(
    c.ask(fresh("ok"), cls=254), FORMERR, REFUSED, NOTIMP))
lazily("qtype.ANY", lambda c: is_rcode(c.ask(fresh("ok"), ANY), 0, NOTIMP))
lazily("qtype.AXFR-udp-refused", lambda c: is_rcode(
    c.ask("up.example", 252), REFUSED, NOTIMP, FORMERR))
lazily("qtype.OPT-refused", lambda c: is_rcode(
    c.ask(fresh("ok"), OPT), REFUSED, NOTIMP, FORMERR))


@check("qtype.unknown-RFC3597")
def _(c):
    m = c.ask(fresh("ok"), 65432)
    return m.rcode == 0 and m.answer[0][1] == 65432


@check("name.255-octets")
def _(c):
    name = b"\2ok" + (b"\x3f" + tag.encode().ljust(63, b"y")) * 3 + \
        b"\x2a" + b"z" * 42 + wire("up.example")
    name = name[:1] + name[1:]
    pad = 255 - len(name)
    assert pad >= 0
    return good(c.ask(name))


@check("name.binary-labels")
def _(c):
    name = b"\2ok" + b"\5\0\xff.\\ " + wire(tag + ".up.example")
    m = c.ask(name)
    return good(m) and m.bytes[12:12 + len(name)] == name


def trunc(size, edns, room):
    def run(c):
        m = c.ask(fresh("size%d" % size), TXT, edns=edns > 0, size=edns)
        return m.tc and len(m.bytes) <= room and m.trailing == 0
    return run


lazily("trunc.noEDNS-512", trunc(1000, 0, 512))
lazily("trunc.EDNS600", trunc(1000, 600, 600))


@check("trunc.EDNS1232-fits")
def _(c):
    m = c.ask(fresh("size1000"), TXT)
    return not m.tc and len(m.answer) == 5


lazily("trunc.EDNS<512-as-512", trunc(1000, 100, 512))


def whole(size, tcp=True):
    def run(c):
        q = query(fresh("size%d" % size), TXT)
        m = c.tcp(q)[0]
        return not m.tc and len(m.bytes) > size
    return run


lazily("trunc.TCP-full", whole(1000))


@check("trunc.upstream-TC-retried-TCP")
def _(c):
    name = fresh("size4000")
    m = c.tcp(query(name, TXT))[0]
    seen = c.log(name.split(".")[0].split("-")[1])
    return not m.tc and len(m.answer) == 19 and any(x[4] for x in seen)


lazily("trunc.20kB-over-TCP", whole(20000))
lazily("trunc.60kB-over-TCP", whole(60000))
lazily("trunc.partial-TC-answer-not-used",
       lambda c: genuine("partial")(c))


@check("tcp.pipelining-20")
def _(c):
    qs = [query(fresh("ok"), ident=i) for i in range(20)]
    return sorted(m.id for m in c.tcp(*qs)) == list(range(20))


@check("tcp.out-of-order")
def _(c):
    found = c.tcp(query(fresh("late500"), ident=1), query(fresh("ok"), ident=2))
    return [m.id for m in found] == [2, 1]


@check("tcp.byte-by-byte")
def _(c):
    with c.connect() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for x in frame(query(fresh("ok"))):
            s.send(bytes([x]))
            time.sleep(0.002)
        return good(c.stream(s, 1)[0])


@check("tcp.reuse-after-1.5s-idle")
def _(c):
    with c.connect() as s:
        s.sendall(frame(query(fresh("ok"))))
        first = c.stream(s, 1)
        time.sleep(1.5)
        s.sendall(frame(query(fresh("ok"))))
        return good(first[0]) and good(c.stream(s, 1)[0])


def half_close(verb):
    def run(c):
        with c.connect() as s:
            s.sendall(frame(query(fresh(verb))))
            s.shutdown(socket.SHUT_WR)
            return good(c.stream(s, 1)[0])
    return run


lazily("tcp.half-close-answered", half_close("ok"))
lazily("tcp.half-close-slow-upstream", half_close("late600"))
lazily("tcp.edns-keepalive", lambda c: len(c.tcp(query(
    fresh("ok"), options=b"\0\x0b\0\0"))[0].options.get(11, b"")) == 2)


@check("tcp.zero-length-frame-harmless")
def _(c):
    with c.connect() as s:
        s.sendall(b"\0\0" + frame(query(fresh("ok"))))
        return good(c.stream(s, 1)[0])


def with_idle(n, fn):
    def run(c):
        idle = [c.connect() for _ in range(n)]
        try:
            return fn(c)
        finally:
            for s in idle:
                s.close()
    return run


lazily("tcp.101st-conn-served",
       with_idle(100, lambda c: good(c.tcp(query(fresh("ok")))[0])))
lazily("tcp.udp-alive-under-100-idle-conns",
       with_idle(100, lambda c: good(c.ask(fresh("ok")))))
lazily("tcp.AXFR-refused", lambda c: is_rcode(
    c.tcp(query("up.example", 252))[0], REFUSED, NOTIMP, FORMERR))


@check("cache.hit+ttl-decrement")
def _(c):
    name = fresh("ttl100")
    first = c.ask(name).answer[0][2]
    second = until(lambda: c.ask(name).answer[0][2], lambda ttl: ttl < 100)
    return first == 100 and 90 < second < 100 and \
        len(c.log(name.split(".")[0].split("-")[1])) == 1


def asked_twice(verb, kind2=A, below=""):
    def run(c):
        name = fresh(verb)
        c.ask(name)
        m = c.ask(below + name, kind2)
        return m, len(c.log(name.split(".")[0].split("-")[1]))
    return run


lazily("cache.ttl0-not-cached",
       lambda c: asked_twice("ttl0")(c)[1] == 2)
lazily("cache.ttl-msb-is-0", lambda c: c.ask(fresh("msb")).answer[0][2] == 0)
lazily("cache.ttl-capped",
       lambda c: c.ask(fresh("huge")).answer[0][2] <= 7 * 86400)


def cached(result, rcode):
    m, n = result
    return is_rcode(m, rcode) and n == 1


lazily("neg.NXDOMAIN-cached", lambda c: cached(asked_twice("nx")(c), 3))
lazily("neg.SOA-in-authority",
       lambda c: c.ask(fresh("nx")).sections[1][0][1] == SOA)
lazily("neg.NXDOMAIN-covers-other-type",
       lambda c: cached(asked_twice("nx", MX)(c), 3))
lazily("neg.NODATA-cached", lambda c: cached(asked_twice("nodata")(c), 0))
lazily("neg.ttl=min(SOA.ttl,minimum)",
       lambda c: c.ask(fresh("nx60")).sections[1][0][2] <= 60 and
       c.ask(fresh("soattl20")).sections[1][0][2] <= 20)
lazily("neg.NXDOMAIN-cut",
       lambda c: cached(asked_twice("nx", A, "deep.down.")(c), 3))


@check("neg.SERVFAIL-cached")
def _(c):
    name = fresh("fail")
    c.ask(name)
    n = len(c.log(name.split(".")[0].split("-")[1]))
    m = c.ask(name)
    return is_rcode(m, 2) and \
        len(c.log(name.split(".")[0].split("-")[1])) == n


@check("cache.dedup-50-inflight")
def _(c):
    name, socks = fresh("late40"), []
    for i in range(50):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(c.at)
        s.send(query(name, ident=i))
        socks.append(s)
    n = 0
    for s in socks:
        s.settimeout(15)
        n += good(Msg(s.recv(4096)))
        s.close()
    return n == 50 and len(c.log(name.split(".")[0].split("-")[1])) == 1


@check("load.300-distinct-inflight")
def _(c):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.connect(c.at)
        for i in range(300):
            s.send(query(fresh("late100"), ident=i))
        found, end = set(), time.monotonic() + 15
        while len(found) < 300 and select.select(
                [s], [], [], max(0, end - time.monotonic()))[0]:
            m = Msg(s.recv(4096))
            if good(m):
                found.add(m.id)
    return len(found) == 300


lazily("sec.poison-additional-ignored", lambda c: (
    c.ask(fresh("poison7")), good(c.ask("other7.example"), 1))[1])
lazily("sec.poison-answer-ignored", lambda c: (
    c.ask(fresh("poison8")), good(c.ask("victim8.example"), 1))[1])


@check("cname.chain-kept-in-order")
def _(c):
    m = c.ask(fresh("chain"))
    return [x[1] for x in m.answer] == [CNAME, CNAME, A] and \
        m.answer[1][0] == b"c1.example"


lazily("cname.to-NXDOMAIN", lambda c: (lambda m: m.rcode == 3 and
                                       len(m.answer) == 1)(
    c.ask(fresh("chainnx"))))


@check("stale.served-when-upstream-dead")
def _(c):
    name = fresh("stale")
    c.ask(name)
    m = until(lambda: c.ask(name), lambda m: m is not None and 3 in m.ede)
    return good(m) and 3 in m.ede


@check("stale.not-served-when-upstream-alive")
def _(c):
    name = fresh("alive")
    first = c.ask(name)
    return good(first, 1) and good(until(
        lambda: c.ask(name), lambda m: good(m, 2) or 3 in m.ede), 2)


for code, word in ((2, "SERVFAIL"), (5, "REFUSED"), (4, "NOTIMP")):
    lazily("up.%s-tries-other" % word,
           lambda c, code=code: good(c.ask(fresh("rcode%d" % code)), 2))


def within(limit, verb, last=None):
    def run(c):
        begin = time.monotonic()
        m = c.ask(fresh(verb))
        return good(m, last) and time.monotonic() - begin < limit
    return run


lazily("up.lost-datagram-retried<2s", within(2, "lost"))
lazily("up.dead-server-failover<2s", within(2, "down", 2))
lazily("up.700ms-RTT-upstream-works", within(3, "late700"))


@check("up.dead-server-remembered")
def _(c):
    c.ask(fresh("down"))
    names = [fresh("down") for _ in range(5)]
    n = sum(good(c.ask(name), 2) for name in names)
    # once it may be tried again, at the same moment as the other one
    tried = sum(1 in (x[0] for x in c.log(name.split(".")[0].split("-")[1]))
                for name in names)
    return n == 5 and tried <= 1


def genuine(verb):
    return lambda c: (lambda m: m is not None and "203.0.113.66" not in
                      m.addresses())(c.ask(fresh(verb)))


for word, verb in (("wrong-ID", "badid"), ("wrong-question", "badname"),
                   ("wrong-qtype", "badtype"), ("wrong-source", "badport"),
                   ("QR0", "qr")):
    lazily("sec.%s-not-accepted" % word, genuine(verb))
def survives(verb):
    def run(c):
        name = fresh(verb)
        return good(c.ask(name), first_asked(c, name))
    return run


lazily("sec.spoof-does-not-kill-query", survives("badname"))
lazily("sec.empty-question-response-rejected", genuine("empty"))
lazily("sec.junk-then-good", survives("junk"))
lazily("up.FORMERR-to-EDNS-fallback",
       lambda c: good(c.ask(fresh("formerr"))))
lazily("up.FORMERR-header-only-fallback",
       lambda c: good(c.ask(fresh("bare"))))
lazily("up.lowercasing-upstream-works", lambda c: good(c.ask(
    "lower-abcdefghijklmnop" + tag + ".up.example")))
lazily("ede.upstream-EDE-forwarded",
       lambda c: 9 in c.ask(fresh("ede9")).ede)
lazily("ede.upstream-EDE-on-NOERROR-forwarded",
       lambda c: 4 in c.ask(fresh("okede4")).ede)


@check("ede.all-down-SERVFAIL-in-time<10s")
def _(c):
    m = c.ask(fresh("silent"), wait=10)
    return is_rcode(m, 2) and (22 in m.ede or 23 in m.ede)


lazily("ad.hidden-from-plain-client",
       lambda c: not c.ask(fresh("ad"), edns=False).ad and
       c.ask(fresh("ad"), flags=0x120).ad)


@check("priv.client-cookie-not-forwarded")
def _(c):
    name = fresh("ok")
    c.ask(name, options=b"\0\x0a\0\x08" + b"secretco")
    return all(10 not in x[7] for x in
               c.log(name.split(".")[0].split("-")[1]))


@check("up.edns-size-sent<=1432")
def _(c):
    name = fresh("ok")
    c.ask(name)
    return all(x[5] is None or x[5] <= 1432 for x in
               c.log(name.split(".")[0].split("-")[1]))


def spread(column):
    def run(c):
        for _ in range(40):
            c.ask(fresh("ok", "spread.example"))
        seen = [x[column] for x in c.log("spread") if not x[4]]
        return len(set(seen)) > 30
    return run


lazily("sec.source-port-random", spread(3))
lazily("sec.id-random", spread(2))


def not_asked(name, kind, want):
    def run(c):
        m = c.ask(name, kind)
        return c.log(name) == [] and want(m)
    return run


def local_a(m):
    return m.rcode == 0 and m.addresses() == ["127.0.0.1"]


lazily("su.localhost-A", not_asked("localhost", A, local_a))
lazily("su.localhost-AAAA", not_asked("localhost", AAAA, lambda m: m.rcode == 0
                                      and m.answer[0][3][-1] == 1))
lazily("su.foo.localhost-A", not_asked("foo.localhost", A, local_a))
lazily("su.localhost-MX-NODATA", not_asked("localhost", MX, lambda m:
                                           m.rcode == 0 and not m.answer))
lazily("su.127-PTR", not_asked("1.0.0.127.in-addr.arpa", 12, lambda m:
                               m.answer[0][3] == wire("localhost")))


def nxdomain(m):
    return m.rcode == NXDOMAIN and m.sections[1][0][1] == SOA


for su in ("invalid", "test", "onion", "local", "alt", "home.arpa"):
    lazily("su.x." + su, not_asked("x%s.%s" % (tag, su), A, nxdomain))
for su in ("1.1.168.192.in-addr.arpa", "1.2.3.10.in-addr.arpa",
           "1.0.254.169.in-addr.arpa", "1.2.0.192.in-addr.arpa",
           "1.0.64.100.in-addr.arpa", "0.0.0.0.in-addr.arpa",
           "1.0.0.d.f.ip6.arpa", "1.8.b.d.0.1.0.0.2.ip6.arpa"):
    lazily("su." + su, not_asked(su, 12, nxdomain))
# zones themselves are there (RFC 6303 section 3)
for su in ("255.255.255.255.in-addr.arpa", "b.e.f.ip6.arpa"):
    lazily("su." + su, not_asked(su, 12, lambda m: m.rcode == 0 and
                                 not m.answer and m.sections[1][0][1] == SOA))
for su in ("_dns.resolver.arpa", "resolver.arpa"):
    lazily("su." + su, not_asked(su, 64, lambda m: m.rcode == 0 and
                                 not m.answer))


def main():
    client = Client(sys.argv[1], sys.argv[2])
    stalls = Stalls()
    passed = 0
    for name, fn in checks:
        for _ in range(3):
            why, lost = "no", stalls.all()
            try:
                fine = fn(client)
            except Exception as e:
                fine, why = False, "%s: %s" % (type(e).__name__, e)
            if fine or stalls.all() == lost:
                break
        passed += bool(fine)
        print("ok " + name if fine else "not ok %s: %s" % (name, why),
              flush=True)
    print("passed %d of %d" % (passed, len(checks)), flush=True)
    sys.exit(passed != len(checks))


main()
