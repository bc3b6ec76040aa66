#!/usr/bin/python3
"""One socket and a hundred far ends, for the tests of Port17.

storm.py far ADDR            ports 20000 to 20099; says "ready", and each word
    that comes to one of them and is not its number
storm.py send ADDR           sends to each port in a line of its input that
    port's number, and says "sent"; "up" first
"""
import select
import socket
import sys


def far(addr):
    socks = []
    for port in range(20000, 20100):
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


def send(addr):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    print("up", flush=True)
    for line in sys.stdin:
        for port in line.split():
            s.sendto(port.encode(), (addr, int(port)))
        print("sent", flush=True)


{"far": far, "send": send}[sys.argv[1]](sys.argv[2])
