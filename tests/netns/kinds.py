"""Sends in every way that there is, each from a process of its own that ends at
once. Prints "NAME PORT PID" of who sends.

    kinds.py BASE-PORT
"""
import ctypes
import os
import socket
import sys
import threading

IP4, IP6 = "10.9.0.2", "fd09::2"
MPTCP, FASTOPEN, UDP_SEGMENT = 262, 0x20000000, 103
port = int(sys.argv[1]) - 1


def child(name, work):
    global port
    port += 1
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    if not name.startswith("by another"):
        print(name, port, os.getpid(), sep="\t", flush=True)
    try:
        work(port)
    except OSError as e:
        if not isinstance(e, BlockingIOError) and e.errno != 111:
            print("#", name, e, file=sys.stderr)
    os._exit(0)


def tcp(name, proto=0, family=socket.AF_INET, fast=False):
    def work(port):
        s = socket.socket(family, socket.SOCK_STREAM, proto)
        s.setblocking(False)
        to = (IP4 if family == socket.AF_INET else IP6, port)
        if fast:
            s.sendto(b"x", FASTOPEN, to)
        else:
            s.connect(to)
    child(name, work)


def udp(name, how):
    def work(port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        how(s, (IP4, port))
    child(name, work)


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Message(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_len", ctypes.c_uint),
                ("iov", ctypes.c_void_p), ("iov_len", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_len", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("len", ctypes.c_uint)]


def many(s, to):
    s.connect(to)
    text = ctypes.create_string_buffer(b"hello")
    iov = Iovec(ctypes.addressof(text), 5)
    v = (Message * 3)()
    for m in v:
        m.iov, m.iov_len = ctypes.addressof(iov), 1
    ctypes.CDLL(None).sendmmsg(s.fileno(), v, 3, 0)


def thread(s, to):
    t = threading.Thread(target=lambda: s.sendto(b"t", to))
    t.start()
    t.join()


def group(s, to):
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for one in (other, s):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("", 5777))
    s.sendto(b"r", to)


def bound(s, to):
    s.bind(("10.9.0.1", 5778))
    s.sendto(b"b", to)


def passed(s, to):
    a, b = socket.socketpair()
    socket.send_fds(a, [b"x"], [s.fileno()])
    s.close()
    _, fds, _, _ = socket.recv_fds(b, 1, 1)
    socket.socket(fileno=fds[0]).sendto(b"p", to)


def by_child(s, to):
    pid = os.fork()
    if pid == 0:
        print("made by its parent", to[1], os.getpid(), sep="\t", flush=True)
        s.sendto(b"m", to)
        os._exit(0)
    os.waitpid(pid, 0)


def by_program(s, to):
    s.connect(to)
    os.dup2(s.fileno(), 3)
    os.set_inheritable(3, True)
    print("made before exec", to[1], os.getpid(), sep="\t", flush=True)
    os.execv("/bin/bash", ["bash", "-c", "echo x >&3"])


def segments(s, to):
    s.connect(to)
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 500)
    s.send(b"g" * 3000)


def raw(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    data = (5779).to_bytes(2, "big") + port.to_bytes(2, "big") + b"\0\x09\0\0r"
    s.sendto(data, (IP4, 0))


tcp("TCP")
tcp("TCP over IPv6", family=socket.AF_INET6)
tcp("MPTCP", MPTCP)
tcp("MPTCP over IPv6", MPTCP, socket.AF_INET6)
tcp("TCP Fast Open", fast=True)
udp("sendmmsg", many)
udp("a thread", thread)
udp("SO_REUSEPORT", group)
udp("a bound port", bound)
udp("SCM_RIGHTS", passed)
udp("by another: a child", by_child)
udp("by another: exec", by_program)
udp("UDP_SEGMENT", segments)
child("a raw socket", raw)
