#!/usr/bin/python3
"""Proxies that do one odd thing each, for the tests of Port17.

odd.py serve ADDR PORT MODE...   one port for each mode, from PORT on; says
    "ready", and then what each is asked: MODE and what it was
odd.py talk ADDR PORT MODE...    a program that goes to one port for each mode,
    sends "ping" and its end: prints MODE, and what it got and how that ended,
    or why it was not connected
odd.py crowd ADDR PORT N         N connections at once: prints "made" and how
    many were broken off at once; ends at a line of its input
"""
import base64
import errno
import select
import socket
import struct
import sys
import threading
import time

UP = b"\5\0\0\1" + bytes(6)
HEAD = b"HTTP/1.1 200 OK\r\n"
BANNER = b"banner\n"


def say(*words):
    print(*words, flush=True)


def name(error):
    return "ETIMEDOUT" if isinstance(error, TimeoutError) else \
        errno.errorcode.get(error.errno, str(error))


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def need(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def dribble(s, data):
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in data:
        s.sendall(bytes([byte]))
        time.sleep(0.001)  # so that each is a segment of its own


def echo(s):
    while more := s.recv(65536):
        s.sendall(more)
    s.close()


# -- SOCKS: what it answers once it was asked --
ANSWERS = {
    "name": b"\5\0\0\3\xff" + b"x" * 255 + b"\0\x50" + BANNER,
    "empty": b"\5\0\0\3\0\0\x50" + BANNER,
    "six": b"\5\0\0\4" + bytes(18) + BANNER,
    "much": UP + BANNER + bytes(40000),
    "kind": b"\5\0\0\2" + bytes(6),
    "half": b"\5\0\0\1\0",
    "nothing": b"",
}


def request(s, mode, method=b"\5\0"):
    need(s, 3)
    s.sendall(method)
    kind = need(s, 4)[3]
    host = need(s, need(s, 1)[0]).decode() if kind == 3 else \
        socket.inet_ntop(*((socket.AF_INET, need(s, 4)) if kind == 1 else
                           (socket.AF_INET6, need(s, 16))))
    say(mode, host, *struct.unpack(">H", need(s, 2)))
    return kind


def socks(s, mode):
    if mode == "early":  # all of it, before it is asked anything
        s.sendall(b"\5\0" + UP + BANNER)
        request(s, mode, b"")
        echo(s)
    elif mode == "greeting":
        need(s, 3)
        s.close()
    elif mode.isdigit():
        request(s, mode)
        s.sendall(bytes([5, int(mode), 0, 1]) + bytes(6))
    elif mode == "broken":
        request(s, mode)
        reset(s)
    elif mode == "knowsnone":  # no name, and it takes no address
        kind = request(s, mode)
        s.sendall(bytes([5, 4 if kind == 3 else 2, 0, 1]) + bytes(6))
    elif mode in ("noname", "hangs"):  # takes addresses alone
        if request(s, mode) == 3:
            s.sendall(b"\5\x08\0\1" + bytes(6) if mode == "noname" else b"")
            s.close()
            return
        s.sendall(UP + BANNER)
        echo(s)
    elif mode == "short":  # as much as tells, and no end
        request(s, mode)
        s.sendall(b"\5\5")
        need(s, 1)
    elif mode == "mute":
        request(s, mode)
        need(s, 1)
    elif mode == "dribble":
        request(s, mode)
        dribble(s, ANSWERS["name"])
        echo(s)
    else:
        request(s, mode)
        s.sendall(ANSWERS[mode])
        if BANNER in ANSWERS[mode]:
            echo(s)
        s.close()


# -- HTTP --
PAGES = {
    "more": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
            b"Link: </x>\r\n\r\n" + HEAD + b"Content-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + BANNER,
    "lf": b"HTTP/1.0 200 ok\nX: y\n\n" + BANNER,
    "bare": b"HTTP/1.1 200\r\n\r\n" + BANNER,
    "long": HEAD + b"X: " + b"y" * 12000 + b"\r\n\r\n" + BANNER,
    "lines": HEAD + b"X: y\r\n" * 300 + b"\r\n" + BANNER,
    "huge": HEAD + b"X: " + b"y" * 70000 + b"\r\n\r\n" + BANNER,
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "two": b"HTTP/2 200\r\n\r\n",
    "cut": HEAD + b"X: y\r\n",
    "escape": b"HTTP/1.1 500 \x1b[31m\x07\xff\r\n\r\n",
}


def http(s, mode):
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        got += need(s, 1)
    say(mode, *got.decode().split()[1:2])
    if mode == "mute":
        need(s, 1)
    if mode.isdigit():
        s.sendall(b"HTTP/1.1 %s no\r\nContent-Length: 5\r\n\r\nhtml!" %
                  mode.encode())
    elif mode == "hangs":  # up on names
        if got.split()[1].rpartition(b":")[0].replace(b".", b"").isdigit():
            s.sendall(HEAD + b"\r\n" + BANNER)
            echo(s)
    elif mode == "goes":  # out itself, and hangs up where it can't
        host, _, port = got.split()[1].decode().rpartition(":")
        socket.create_connection((host, int(port)))
    elif mode == "tells":  # and in its own words, what it was told
        basic = got.split(b"Basic ")[1].split(b"\r")[0]
        word = base64.b64decode(basic).split(b":")[1] if b"7002" in got else b""
        s.sendall(b"HTTP/1.1 407 not by " + (word or basic) + b"\r\n\r\n")
    else:
        s.sendall(PAGES[mode])
        if BANNER in PAGES[mode]:
            echo(s)
    s.close()


def serve_one(s, kind, mode):
    try:
        {"s": socks, "h": http}[kind](s, mode)
    except (OSError, EOFError):
        s.close()


def accept_all(listener, mode):
    while True:
        s, _ = listener.accept()
        if mode == "s:dies":  # and answers nobody any more
            request(s, "dies")
            listener.close()
            reset(s)
            return
        threading.Thread(
            target=serve_one, args=(s, *mode.split(":")), daemon=True).start()


def serve(addr, port, modes):
    for i, mode in enumerate(modes):
        listener = socket.create_server(
            (addr, int(port) + i), backlog=1024,
            family=socket.AF_INET6 if ":" in addr else socket.AF_INET)
        threading.Thread(
            target=accept_all, args=(listener, mode), daemon=True).start()
    say("ready")
    threading.Event().wait()


# -- the program --

def talk_one(addr, port):
    s = socket.socket()
    s.settimeout(20)
    try:
        s.connect((addr, port))
    except OSError as e:
        return name(e)
    got = b""
    try:
        s.sendall(b"ping")
        s.shutdown(socket.SHUT_WR)
        while more := s.recv(65536):
            got += more
        end = "EOF"
    except OSError as e:
        end = name(e)
    return "%d %s %s" % (len(got), got[:6].decode(), end)


def talk(addr, port, modes):
    for i, mode in enumerate(modes):
        say(mode, talk_one(addr, int(port) + i))


def crowd(addr, port, n):
    socks, poll = {}, select.poll()
    for _ in range(int(n)):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((addr, int(port)))
        poll.register(s, select.POLLERR | select.POLLHUP)
        socks[s.fileno()] = s
    broken, end = 0, time.monotonic() + 20
    while broken == 0 and (left := end - time.monotonic()) > 0:
        for fd, what in poll.poll(left * 1000):
            poll.unregister(fd)
            broken += what & select.POLLERR > 0
    say("made", broken)
    sys.stdin.readline()


{"serve": lambda: serve(*sys.argv[2:4], sys.argv[4:]),
 "talk": lambda: talk(*sys.argv[2:4], sys.argv[4:]),
 "crowd": lambda: crowd(*sys.argv[2:])}[sys.argv[1]]()
