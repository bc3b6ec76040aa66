#!/usr/bin/python3
"""One socket and a hundred far ends, for the tests of Port17.

storm.py far ADDR            ports 20000 to 20099; says "ready", and each word
    that comes to one of them and is not its number. Asked at the last one, all
    of them speak to who spoke to them last.
storm.py send ADDR           sends to each port in a line of its input that
    port's number, and says "sent"; for "hear N" how many came, N at most; "up"
    first
"""
import select
import socket
import sys

LAST = 20099


def far(addr):
    socks = []
    peers = {}
    for port in range(20000, LAST + 1):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((addr, port))
        socks.append(s)
    print("ready", flush=True)
    while True:
        for s in select.select(socks, [], [])[0]:
            word, peer = s.recvfrom(64)
            here = str(s.getsockname()[1]).encode()
            if word != here:
                print(word.decode(), "at", here.decode(), flush=True)
            s.sendto(word, peer)
            peers[s] = peer
            if s is socks[-1]:
                for each, peer in peers.items():
                    each.sendto(b"pushed", peer)


def send(addr):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    print("up", flush=True)
    for line in sys.stdin:
        if line.startswith("hear"):
            print("heard", heard(s, int(line.split()[1])), flush=True)
            continue
        for port in line.split():
            s.sendto(port.encode(), (addr, int(port)))
        print("sent", flush=True)


def heard(s, most):
    n = 0
    while n < most and select.select([s], [], [], 2)[0]:
        s.recv(64)
        n += 1
    return n


{"far": far, "send": send}[sys.argv[1]](sys.argv[2])
