#!/usr/bin/python3
"""Ends of tunnelled flows that do what few programs do, for the tests of
Port17.

ends.py far ADDR...      serves on each, prints "ready", then what it did
    7020 sends 100,000 bytes and, when they have arrived, resets
    7021 the same, but ends its side first, and resets at the next byte
    7022 says which address and port it was reached at
    7025 reads nothing until someone says "read" to 7023, and then all
    7026 says "pushed" when someone says "push" to 7023, ends behind it when
         that is "last", and resets when it is "break"
    7023 UDP: "hold" is answered when someone says "release", from the port
         that was asked; "other" is answered from port 7024
ends.py mute ADDR PORT   a SOCKS proxy that never answers a request
ends.py late FILE FAR PORT WORD  a program that reads when FILE has the WORD:
    prints how many bytes it got, and how it ended
ends.py twice FROM FAR...        one source port to port 7022 of each
ends.py crowd N FAR PORT         N connections at once: prints how many were
    made and how many were refused; ends them at the end of its input
ends.py impatient N FAR PORT     N that give up after 1 to N ms
ends.py flood FAR PORT S         as many bytes as go in S seconds
ends.py stray ADDR PORT          a datagram; prints what comes until the end of
    its input
ends.py read|push|last|break FAR says that; prints "done", of push and last "none"
ends.py pour FAR PORT            sends as much as is taken until a line of its
    input, in one connection; at the next line it ends that. Prints
    "full" when no more is taken, "quiet", and how many bytes it sent
ends.py option PID ADDR PORT NAME [VALUE]   a TCP option of each of PID's
    sockets that are connected to there (port 0: any), set where there is a VALUE
ends.py hold FAR                 "hold", and then one word for each line of its
    input, which it says
"""
import array
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
import sys
import termios
import threading
import time

SIZE = 100000
HELD = {}
READ = threading.Event()
PUSHED = {}  # by the address that it came to


def name(error):
    if isinstance(error, TimeoutError):
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno, str(error))


def say(*words):
    print(*words, flush=True)


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        if time.monotonic() > end:
            say("in vain")
            sys.exit(1)
        time.sleep(0.005)


def arrived(s):
    n = array.array("i", [0])
    fcntl.ioctl(s, termios.TIOCOUTQ, n)
    return n[0] == 0


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


# -- the far end --

def serve(s, port):
    if port == 7022:
        s.sendall(("%s %d" % s.getsockname()[:2]).encode())
        s.close()
        return
    if port == 7026:
        PUSHED[s.getsockname()[0]] = s
        return
    if port == 7025:
        READ.wait()
        n = 0
        while got := s.recv(1 << 18):
            n += len(got)
        say("all", n)
        s.close()
        return
    try:
        s.sendall(s.recv(1) * SIZE)
    except ConnectionResetError:
        return  # one of a crowd that was not made
    if port == 7021:
        s.shutdown(socket.SHUT_WR)
    until(lambda: arrived(s))
    say("said")
    if port == 7021:
        s.recv(1)
    reset(s)
    say("gone")


def accept_all(listener, port):
    while True:
        s, _ = listener.accept()
        threading.Thread(target=serve, args=(s, port), daemon=True).start()


def answer(s, other):
    while True:
        word, peer = s.recvfrom(2048)
        if word == b"hold":
            HELD[s] = peer
            say("held")
        elif word == b"release":
            s.sendto(b"released", HELD[s])
            s.sendto(b"done", peer)
        elif word == b"read":
            READ.set()
            s.sendto(b"done", peer)
        elif word == b"break":
            reset(PUSHED[s.getsockname()[0]])
            s.sendto(b"done", peer)
        elif word in (b"push", b"last"):
            try:
                PUSHED[s.getsockname()[0]].sendall(b"pushed")
                if word == b"last":
                    PUSHED.pop(s.getsockname()[0]).close()
                s.sendto(b"done", peer)
            except (KeyError, OSError):  # none yet, or one of before
                s.sendto(b"none", peer)
        elif word == b"other":
            other.sendto(b"other", peer)
            s.sendto(b"mine", peer)


def far(addrs):
    for addr in addrs:
        for port in (7020, 7021, 7022, 7025, 7026):
            listener = socket.create_server(
                (addr, port), family=family(addr), backlog=512)
            threading.Thread(
                target=accept_all, args=(listener, port), daemon=True).start()
        pair = []
        for port in (7023, 7024):
            s = socket.socket(family(addr), socket.SOCK_DGRAM)
            s.bind((addr, port))
            pair.append(s)
        threading.Thread(target=answer, args=pair, daemon=True).start()
    say("ready")
    threading.Event().wait()


def mute(addr, port):
    listener = socket.create_server((addr, int(port)), backlog=512)
    keep = []
    say("ready")
    while True:
        s, _ = listener.accept()
        keep.append(s)
        s.recv(16)
        s.sendall(b"\5\0")


# -- the program's end --

def late(path, far_addr, port, word):
    def has(text):
        with open(path) as f:
            return text in f.read().split()
    s = socket.socket(family(far_addr), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(20)
    s.connect((far_addr, int(port)))
    s.send(b"x")
    until(lambda: has("said"))
    if port == "7021":
        s.send(b"more")
    until(lambda: has(word))
    n = 0
    try:
        while got := s.recv(65536):
            n += len(got)
        say(n, "EOF")
    except OSError as e:
        say(n, name(e))


def twice(port, addrs):
    socks = []
    for addr in addrs:
        s = socket.socket(family(addr), socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.settimeout(20)
        s.bind(("", int(port)))
        s.connect((addr, 7022))
        socks.append(s)
    say(*(s.recv(64).decode().split()[0] for s in socks))


def crowd(n, addr, port):
    socks, refused = [], 0
    poll = select.poll()
    for _ in range(int(n)):
        s = socket.socket(family(addr), socket.SOCK_STREAM)
        s.setblocking(False)
        s.connect_ex((addr, int(port)))
        poll.register(s, select.POLLOUT)
        socks.append(s)
    left = {s.fileno(): s for s in socks}
    end = time.monotonic() + 20
    while left and time.monotonic() < end:
        for fd, _ in poll.poll(1000):
            poll.unregister(fd)
            refused += left.pop(fd).getsockopt(
                socket.SOL_SOCKET, socket.SO_ERROR) != 0
    say("made", len(socks) - refused - len(left), "refused", refused,
        "left", len(left))
    sys.stdin.read()


def impatient(n, addr, port):
    # when each gives up is what this is about
    for ms in range(1, int(n) + 1):
        s = socket.socket(family(addr), socket.SOCK_STREAM)
        s.settimeout(ms / 1000)
        try:
            s.connect((addr, int(port)))
            s.send(b"x")
        except OSError:
            pass
        reset(s)
    say("gave up")


def flood(addr, port, seconds):
    s = socket.create_connection((addr, int(port)), 20)
    # nothing happens that could be waited for: nothing more is taken
    sent, end = 0, time.monotonic() + float(seconds)
    block = bytes(65536)
    s.settimeout(float(seconds))
    try:
        while time.monotonic() < end:
            sent += s.send(block)
    except OSError:
        pass
    say(sent)


def tell(word, addr):
    s = socket.socket(family(addr), socket.SOCK_DGRAM)
    s.settimeout(10)
    s.sendto(word, (addr, 7023))
    say(s.recv(64).decode())


def pour(addr, port):
    s = socket.create_connection((addr, int(port)), 20)
    s.setblocking(False)
    sent, block, told = 0, bytes(65536), False
    while True:
        # room within a second, or it is full
        ready = select.select([sys.stdin], [s], [], 1)
        if ready[0]:
            break
        if ready[1]:
            sent += s.send(block)
        elif not told:
            told = True
            say("full")
    if sys.stdin.readline() == "reset\n":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        return
    say("quiet")
    sys.stdin.readline()
    s.settimeout(20)
    s.shutdown(socket.SHUT_WR)
    say("sent", sent, s.recv(1).decode() or "EOF")


def option(pid, addr, port, name_, value=None):
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(int(pid))
    for fd in os.listdir("/proc/%s/fd" % pid):
        try:
            if not os.readlink("/proc/%s/fd/%s" % (pid, fd)).startswith(
                    "socket:"):
                continue
        except FileNotFoundError:
            continue
        taken = libc.syscall(438, pidfd, int(fd), 0)  # pidfd_getfd
        if taken < 0:
            continue
        s = socket.socket(fileno=taken)
        try:
            if s.family == socket.AF_UNIX:
                continue
            at = s.getpeername()[:2]
            if at[0] != addr or int(port) not in (0, at[1]):
                continue
            number = getattr(socket, name_)
            if value is not None:
                s.setsockopt(socket.IPPROTO_TCP, number, int(value))
            say(s.getsockopt(socket.IPPROTO_TCP, number))
        except (OSError, TypeError):
            continue  # not connected, or of another kind
        finally:
            s.close()


def stray(addr, port):
    s = socket.socket(family(addr), socket.SOCK_DGRAM)
    s.connect((addr, int(port)))
    s.send(b"hello")
    say("sent")
    sys.stdin.read()
    s.setblocking(False)
    try:
        say("got", s.recv(2048))
    except BlockingIOError:
        say("nothing")
    except OSError as e:
        say(name(e))


def hold(addr):
    s = socket.socket(family(addr), socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(b"hold", (addr, 7023))
    say("sent")
    other = socket.socket(family(addr), socket.SOCK_DGRAM)
    other.settimeout(5)
    for line in sys.stdin:
        word = line.strip()
        if word == "release":
            other.sendto(b"release", (addr, 7023))
            say(other.recv(64).decode())
        elif word == "other":
            s.sendto(b"other", (addr, 7023))
            data, peer = s.recvfrom(64)
            say(data.decode(), *peer[:2])
        else:  # whatever came to it, from wherever
            s.setblocking(False)
            try:
                data, peer = s.recvfrom(64)
                say(data.decode(), *peer[:2])
            except BlockingIOError:
                say("nothing")


words = sys.argv[2:]
{"far": lambda: far(words),
 "mute": lambda: mute(*words),
 "late": lambda: late(*words),
 "twice": lambda: twice(words[0], words[1:]),
 "crowd": lambda: crowd(*words),
 "impatient": lambda: impatient(*words),
 "flood": lambda: flood(*words),
 "read": lambda: tell(b"read", *words),
 "push": lambda: tell(b"push", *words),
 "last": lambda: tell(b"last", *words),
 "break": lambda: tell(b"break", *words),
 "pour": lambda: pour(*words),
 "option": lambda: option(*words),
 "stray": lambda: stray(*words),
 "hold": lambda: hold(*words)}[sys.argv[1]]()
