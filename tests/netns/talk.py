#!/usr/bin/python3
"""Flows that stay up, for tests of what becomes of them.

talk.py PROTO,ADDR,PORT...   PROTO is tcp or udp

Opens each, with an exchange on it, and prints one line: "tcp,10.9.0.2,7001=ok"
for each or the name of the error. Then, for each line of standard input, one
more exchange on every flow, all at once, and one more such line. With LISTEN in
the environment they leave from that port, and somebody listens at it.
"""
import errno
import os
import socket
import sys

from patient import Patience

TIMEOUT = 2
listeners = []


def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def name(error):
    if isinstance(error, TimeoutError):
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno, str(error))


def say(s, word):
    """None, or what went wrong."""
    try:
        s.send(word)
    except OSError as e:
        return name(e)
    return None


def hear(s, word, patience):
    try:
        while True:  # an answer that came late belongs to an earlier word
            got = patience.recv(s, 64)
            if got == word:
                return "ok"
            if not got:
                return "EOF"
    except OSError as e:
        return name(e)


def exchange(sockets, n):
    word = b"hello %d" % n
    said = [say(s, word) if s else "down" for s in sockets]
    patience = Patience(TIMEOUT)  # for all of them
    return [wrong or hear(s, word, patience) for s, wrong in zip(sockets, said)]


def leave_from(s, port):
    listener = socket.socket(s.family, s.type)
    for each in listener, s:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        each.bind(("", port))
    listener.listen()
    listeners.append(listener)


def start(flow):
    proto, addr, port = flow.split(",")
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    s = socket.socket(family(addr), kind)
    if "LISTEN" in os.environ:
        leave_from(s, int(os.environ["LISTEN"]))
    try:
        Patience(TIMEOUT).connect(s, (addr, int(port)))
    except OSError as e:
        return None, name(e)
    return s, exchange([s], 0)[0]


def main():
    flows = sys.argv[1:]
    started = [start(flow) for flow in flows]
    results = [result for _, result in started]
    n = 0
    while True:
        print(*(f"{f}={r}" for f, r in zip(flows, results)), flush=True)
        if not sys.stdin.readline():
            return
        n += 1
        results = exchange([s for s, _ in started], n)


main()
