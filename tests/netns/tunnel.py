#!/usr/bin/python3
"""Ends of tunnelled flows, for the tests of Port17.

tunnel.py far                serves on every address, prints "ready":
    7001 echo, the end included    7002 speaks first, then echoes
    7003 resets after a byte       7004 never reads
    7005 ends first, then says the SHA-256 of what it got to port 7006's file
    7006 reads to the end, then answers with bytes and SHA-256
    7007 sends as many bytes as the first line says    7008 says who it sees
    7010 and 7011 UDP: echo; "who" says who it sees
tunnel.py wire DEV PREFIX... prints each packet on the device that has an
    address of a prefix, and "ready" first; "seen N" at the end
tunnel.py socks ADDR PORT    a SOCKS 5 proxy that prints each target, and takes
    every name for 192.0.2.7, but for those below unknown: no such host
tunnel.py proxy2 PATH        a local tunnel client on a Unix socket: prints what
    the PROXY header in front says, as key=value, and carries it on
tunnel.py assoc ADDR PORT FILE   a SOCKS 5 proxy for UDP that hands on what
    comes from anywhere; prints "assoc" for each association, and who each
    datagram that it hands on is from; the datagram "end" ends the association.
    Where FILE says "refuse" it refuses, where it says "die" it ends each at
    once, where it says "last" in one segment with its answer, and where it says
    "junk" it says more than an answer; no ICMP tells of the end of those two.
    Where it says an address it says that it is there. TCP goes anywhere
tunnel.py dns ADDR           prints each query that comes to its port 53
tunnel.py ask NAME TYPE      asks 127.0.0.1:53; prints the address, or "none"
    and the rcode; with $EDE set the Extended DNS Error, too
tunnel.py tcp ADDR PORT WORD [ARG]   one connection; prints a line: see below;
    what ends its connect() and is in its error queue, too, is "queued"
tunnel.py crowd ADDR PORT N  that many at once; how many ended alike, for each
tunnel.py udp WORD ADDR,PORT... one socket, all those ends; segments=N: so
    many datagrams in one call; storm=N: N datagrams, one after the other, each
    when the one before was answered, or refused, or after 20 ms
"""
import errno
import hashlib
import os
import random
import selectors
import socket
import struct
import sys
import threading
import time

PATIENCE = 20


def name(error):
    if isinstance(error, TimeoutError):
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno, str(error))


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def noise(n, seed=7):
    """n bytes that are cheap to make and have no period that matters."""
    block = random.Random(seed).randbytes(1 << 20)
    while n > 0:
        yield block[:n]
        n -= len(block)


def digest(chunks):
    h = hashlib.sha256()
    for chunk in chunks:
        h.update(chunk)
    return h.hexdigest()


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def read_all(s):
    """Bytes and digest up to the end."""
    h, n = hashlib.sha256(), 0
    while chunk := s.recv(1 << 18):
        h.update(chunk)
        n += len(chunk)
    return n, h.hexdigest()


# -- the far end --

def serve_one(s, port, peer):
    try:
        if port == 7001 or port == 7002:
            if port == 7002:
                s.sendall(b"welcome\n")
            while chunk := s.recv(65536):
                s.sendall(chunk)
        elif port == 7003:
            s.recv(1)
            reset(s)
            return
        elif port == 7004:
            threading.Event().wait()  # ends with the program
        elif port == 7005:
            s.sendall(b"bye")
            s.shutdown(socket.SHUT_WR)
            n, h = read_all(s)
            with open(os.environ["GOT"], "a") as f:
                f.write("%d %s\n" % (n, h))
        elif port == 7006:
            n, h = read_all(s)
            s.sendall(b"%d %s" % (n, h.encode()))
        elif port == 7007:
            n = int(s.makefile("rb").readline())
            for chunk in noise(n):
                s.sendall(chunk)
        elif port == 7008:
            s.sendall(("%s %d" % peer[:2]).removeprefix("::ffff:").encode())
        s.close()
    except OSError:
        s.close()


def accept_all(listener, port):
    while True:
        s, peer = listener.accept()
        threading.Thread(
            target=serve_one, args=(s, port, peer), daemon=True).start()


def serve_udp(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    # the answer leaves from the address that was asked
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    s.bind(("::", port))
    while True:
        data, control, _, peer = s.recvmsg(65536, 64)
        if data == b"who":
            data = ("%s %d" % peer[:2]).removeprefix("::ffff:").encode()
        info = [(level, kind, value[:16] + bytes(4))
                for level, kind, value in control
                if kind == socket.IPV6_PKTINFO]
        try:
            s.sendmsg([data], info, 0, peer)
        except OSError as e:
            print("udp", name(e), file=sys.stderr)


def far():
    for port in range(7001, 7009):
        listener = socket.create_server(
            ("::", port), family=socket.AF_INET6, backlog=1024,
            dualstack_ipv6=True)
        threading.Thread(
            target=accept_all, args=(listener, port), daemon=True).start()
    for port in (7010, 7011):
        threading.Thread(target=serve_udp, args=(port,), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


def pipe(a, b):
    try:
        while chunk := a.recv(65536):
            b.sendall(chunk)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve_socks(s):
    f = s.makefile("rb")
    _, n = f.read(2)
    f.read(n)
    s.sendall(b"\5\0")
    kind = f.read(4)[3]
    if kind == 3:
        host = f.read(f.read(1)[0]).decode()
    else:
        host = socket.inet_ntop(
            socket.AF_INET if kind == 1 else socket.AF_INET6,
            f.read(4 if kind == 1 else 16))
    port, = struct.unpack(">H", f.read(2))
    print(host, port, flush=True)
    if host.endswith(".unknown"):
        s.sendall(b"\5\4\0\1" + bytes(6))
        s.close()
        return
    try:
        far = socket.create_connection(
            ("192.0.2.7" if kind == 3 else host, port))
    except OSError:
        s.sendall(b"\5\4\0\1" + bytes(6))
        s.close()
        return
    s.sendall(b"\5\0\0\1" + bytes(6))
    threading.Thread(target=pipe, args=(far, s), daemon=True).start()
    pipe(s, far)


def socks(addr, port):
    listener = socket.create_server((addr, int(port)), family=family(addr))
    print("ready", flush=True)
    while True:
        s, _ = listener.accept()
        threading.Thread(target=serve_socks, args=(s,), daemon=True).start()


def relay_datagrams(control, inner):
    """Until the control connection ends; IPv4 alone."""
    outer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    outer.bind(("", 0))
    program = None
    waits = selectors.DefaultSelector()
    for s in (control, inner, outer):
        waits.register(s, selectors.EVENT_READ)
    while True:
        for ready, _ in waits.select():
            if ready.fileobj is control:
                return
            data, peer = ready.fileobj.recvfrom(65536)
            if ready.fileobj is inner:
                if data[10:] == b"end":
                    return
                program = peer
                outer.sendto(data[10:], (socket.inet_ntoa(data[4:8]),
                                         struct.unpack(">H", data[8:10])[0]))
            else:
                print(*peer, flush=True)
                inner.sendto(b"\0\0\0\1" + socket.inet_aton(peer[0]) +
                             struct.pack(">H", peer[1]) + data, program)


mute = []  # sockets that nobody reads any more


def serve_assoc(s, addr, path):
    s.recv(64)
    s.sendall(b"\5\0")
    request = s.recv(64)
    if request[1] == 1:
        far = socket.create_connection(
            (socket.inet_ntoa(request[4:8]),
             struct.unpack(">H", request[8:10])[0]))
        s.sendall(b"\5\0\0\1" + bytes(6))
        threading.Thread(target=pipe, args=(far, s), daemon=True).start()
        pipe(s, far)
        return
    with open(path) as f:
        how = f.read().strip()
    print("assoc", flush=True)
    inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    inner.bind((addr, 0))
    where = how if "." in how else addr
    s.sendall(bytes([5, 1 if how == "refuse" else 0, 0, 1]) +
              socket.inet_aton(where) +
              struct.pack(">H", inner.getsockname()[1]),
              socket.MSG_MORE if how == "last" else 0)
    if how in ("last", "junk"):
        mute.append(inner)
    if how == "junk":
        s.sendall(bytes(100))
    if how not in ("refuse", "die", "last"):
        relay_datagrams(s, inner)
    s.close()


def assoc(addr, port, path):
    listener = socket.create_server((addr, int(port)), backlog=256)
    print("ready", flush=True)
    while True:
        s, _ = listener.accept()
        threading.Thread(
            target=serve_assoc, args=(s, addr, path), daemon=True).start()


def serve_proxy2(s):
    head = s.recv(16, socket.MSG_WAITALL)
    assert head[:12] == b"\r\n\r\n\0\r\nQUIT\n" and head[12] == 0x21
    rest = s.recv(struct.unpack(">H", head[14:])[0], socket.MSG_WAITALL)
    kind, n = (socket.AF_INET, 4) if head[13] == 0x11 else (socket.AF_INET6, 16)
    ends = [socket.inet_ntop(kind, rest[i * n:][:n]) for i in (0, 1)]
    ports = struct.unpack(">HH", rest[2 * n:][:4])
    said = {"src": ends[0], "sport": ports[0], "dst": ends[1],
            "dport": ports[1], "bytes": 16 + len(rest)}
    tlv = rest[2 * n + 4:]
    while tlv:
        t, size = struct.unpack(">BH", tlv[:3])
        value, tlv = tlv[3:3 + size], tlv[3 + size:]
        if t == 0xe0:
            _, said["pid"], said["uid"], said["start"] = struct.unpack(
                ">BIIQ", value)
        else:
            said[{2: "name", 5: "id", 0xe1: "exe", 0xe2: "unit",
                  0xe3: "rule"}[t]] = value.hex() if t == 5 else value.decode()
    print(*("%s=%s" % x for x in said.items()), flush=True)
    far = socket.create_connection((ends[1], ports[1]))
    threading.Thread(target=pipe, args=(far, s), daemon=True).start()
    pipe(s, far)


def proxy2(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    print("ready", flush=True)
    while True:
        s, _ = listener.accept()
        threading.Thread(target=serve_proxy2, args=(s,), daemon=True).start()


def dns(addr):
    s = socket.socket(family(addr), socket.SOCK_DGRAM)
    s.bind((addr, 53))
    print("ready", flush=True)
    while True:
        print(s.recvfrom(4096)[0].hex(), flush=True)


def ask(host, kind):
    kind = {"A": 1, "AAAA": 28, "HTTPS": 65}[kind]
    query = struct.pack(">6H", 4711, 0x100, 1, 0, 0, 1)
    for label in host.split("."):
        query += bytes([len(label)]) + label.encode()
    query += struct.pack(">BHH", 0, kind, 1)
    question = len(query)
    query += struct.pack(">BHHIH", 0, 41, 1232, 0, 0)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect(("127.0.0.1", 53))
    s.send(query)
    got = s.recv(4096)
    size = {1: 4, 28: 16, 65: 0}[kind]
    # one record at most, behind the question
    at = got.find(struct.pack(">HH", kind, 1), question)
    if struct.unpack(">H", got[6:8])[0] == 0 or at < 0:
        # an OPT at its end, with one option
        opt = got.find(b"\0\0\x29", question)
        ede = got[opt + 11:]
        print("none", got[3] & 15, *(
            [struct.unpack(">H", ede[4:6])[0], ede[6:].decode()]
            if "EDE" in os.environ and ede[:2] == b"\0\x0f" else []))
    else:
        print(socket.inet_ntop(
            socket.AF_INET if size == 4 else socket.AF_INET6,
            got[at + 10:at + 10 + size]))


# -- the wire --

def wire(device, prefixes):
    import ipaddress
    import signal
    nets = [ipaddress.ip_network(p) for p in prefixes]
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    s.bind((device, 0))
    seen = 0

    def end(*_):
        print("seen", seen, flush=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    while True:
        data, where = s.recvfrom(65536)
        if where[1] == 0x0800:
            ends = (data[12:16], data[16:20])
        elif where[1] == 0x86dd:
            ends = (data[8:24], data[24:40])
        else:
            continue
        ends = [ipaddress.ip_address(e) for e in ends]
        if any(e in net for e in ends for net in nets
               if e.version == net.version):
            seen += 1
            print(ends[0], ends[1], data[:64].hex(), flush=True)


# -- the program's end --

def connect(addr, port, timeout=PATIENCE):
    s = socket.socket(family(addr), socket.SOCK_STREAM)
    s.settimeout(timeout)
    if "DEVICE" in os.environ:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                     os.environ["DEVICE"].encode())
    if "FROM" in os.environ:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("", int(os.environ["FROM"])))
    try:
        s.connect((addr, port))
    except OSError as e:
        e.is_queued = is_queued(s)
        raise
    return s


def is_queued(s):
    """Whoever waits was woken twice, the first time to no error."""
    s.setblocking(False)
    try:
        s.recvmsg(0, 512, socket.MSG_ERRQUEUE)
        return True
    except OSError:
        return False


def talk(s, word, arg):
    if word == "echo":  # the end goes there and back
        s.sendall(b"hello")
        s.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := s.recv(64):
            got += chunk
        return got.decode() or "EOF"
    if word == "end":  # with nothing before it
        s.shutdown(socket.SHUT_WR)
        return "EOF" if s.recv(1) == b"" else "more"
    if word == "hear":
        got = b""
        while chunk := s.recv(64):
            got += chunk
        return got.decode() or "EOF"
    if word == "first":
        got = s.recv(64).decode().strip()
        return got or "EOF"
    if word == "poke":
        s.sendall(b"x")
        return s.recv(1).decode() or "EOF"
    if word == "up":  # half-close: all goes, then the answer comes
        n = int(arg)
        for chunk in noise(n):
            s.sendall(chunk)
        s.shutdown(socket.SHUT_WR)
        got = s.makefile("rb").read().decode()
        return "ok" if got == "%d %s" % (n, digest(noise(n))) else got
    if word == "down":
        n = int(arg)
        s.sendall(b"%d\n" % n)
        got = read_all(s)
        return "ok" if got == (n, digest(noise(n))) else str(got)
    if word == "late":  # the far end has ended: ours still goes there
        if read_all(s)[0] != 3:
            return "no bye"
        n = int(arg)
        for chunk in noise(n):
            s.sendall(chunk)
        s.close()
        return digest(noise(n))
    return "connected"


def crowd(addr, port, n):
    ends, waiting = {}, selectors.DefaultSelector()
    for _ in range(int(n)):
        s = socket.socket(family(addr))
        s.setblocking(False)
        s.connect_ex((addr, int(port)))
        waiting.register(s, selectors.EVENT_WRITE)
    while waiting.get_map():
        for ready, _ in waiting.select(PATIENCE) or sys.exit("they hang"):
            s = ready.fileobj
            error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            end = errno.errorcode.get(error, "connected")
            ends[end] = ends.get(end, 0) + 1
            waiting.unregister(s)
            s.close()
    print(*("%s %d" % x for x in sorted(ends.items())))


def tcp(addr, port, word="connect", arg=""):
    begin = time.monotonic()
    try:
        s = connect(addr, int(port))
        up = time.monotonic()
        print(talk(s, word, arg), "%d" % ((up - begin) * 1000))
    except OSError as e:
        print(name(e), *["queued"] * getattr(e, "is_queued", False),
              "%d" % ((time.monotonic() - begin) * 1000))


def segments(s, n, end):
    """All in one call; each comes back by itself."""
    sent = {b"%04d" % i + bytes(1196) for i in range(n)}
    s.setsockopt(socket.IPPROTO_UDP, 103, 1200)  # UDP_SEGMENT
    s.connect(end)
    try:
        s.send(b"".join(sorted(sent)))
        got = [s.recv(65536) for _ in range(n)]
        print("ok" if set(got) == sent else "other", len(got))
    except OSError as e:
        print(name(e))


def storm(s, n, end):
    """How many were answered, and how many ms it took."""
    s.settimeout(0.02)
    s.connect(end)
    begin, answered = time.monotonic(), 0
    for i in range(n):
        try:
            s.send(b"%d" % i)
            answered += s.recv(64) == b"%d" % i
        except OSError:
            pass
    print(answered, "%d" % ((time.monotonic() - begin) * 1000))


def udp(word, ends):
    ends = [(e.rsplit(",", 1)[0], int(e.rsplit(",", 1)[1])) for e in ends]
    s = socket.socket(family(ends[0][0]), socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    if "DEVICE" in os.environ:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                     os.environ["DEVICE"].encode())
    if "FROM" in os.environ:
        s.bind(("", int(os.environ["FROM"])))
    s.settimeout(float(os.environ.get("PATIENCE", 5)))
    rounds, size = 1, 0
    if word.startswith("segments="):
        segments(s, int(word[9:]), ends[0])
        return
    if word.startswith("storm="):
        storm(s, int(word[6:]), ends[0])
        return
    if word.startswith("size="):
        size = int(word[5:])
    if word.startswith("rounds="):
        rounds = int(word[7:])
    if word == "connected":
        s.connect(ends[0])
    good = 0
    try:
        for n in range(rounds):
            waiting = {}
            for i, end in enumerate(ends):
                data = b"%d %d " % (n, i) + bytes(max(0, size - 8))
                data = data[:size] if size else data
                waiting[data, end] = True
                if word == "connected":
                    s.send(data)
                else:
                    s.sendto(data, end)
            while waiting:
                data, peer = s.recvfrom(65536)
                if waiting.pop((data, peer[:2]), None) is None:
                    print("foreign", peer, data[:20])
                    return
                good += 1
        print("ok", good)
    except OSError as e:
        print(name(e), good)


{"far": lambda: far(),
 "wire": lambda: wire(sys.argv[2], sys.argv[3:]),
 "socks": lambda: socks(*sys.argv[2:]),
 "assoc": lambda: assoc(*sys.argv[2:]),
 "proxy2": lambda: proxy2(sys.argv[2]),
 "dns": lambda: dns(sys.argv[2]),
 "ask": lambda: ask(*sys.argv[2:]),
 "crowd": lambda: crowd(*sys.argv[2:]),
 "tcp": lambda: tcp(*sys.argv[2:]),
 "udp": lambda: udp(sys.argv[2], sys.argv[3:])}[sys.argv[1]]()
