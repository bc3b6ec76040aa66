#!/usr/bin/python3
"""A server that speaks when it is told to, and who it speaks to.

push.py at ADDR... PORT    hears one datagram at each, then, for each line of
                           standard input, says one word to each who has spoken
push.py to ADDR... PORT    says one word to each, then, for each line, hears one
push.py for ADDR... PORT   connects each to who speaks first, and answers

Prints "ADDR=heard" or "ADDR=nothing" for each, at the start and for each line;
who speaks has heard.
"""
import select
import socket
import sys

from patient import Patience

TIMEOUT = 2
role, *addrs, port = sys.argv[1:]
ends = []
for addr in addrs:
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    if role != "to":
        s.bind((addr, int(port)))
    else:
        s.connect((addr, int(port)))
    ends.append(s)


def hear(s, patience):
    try:
        return patience.recvfrom(s, 64)[1]
    except OSError:
        return None


def speak(s, peer):
    try:
        s.sendto(b"word", peer) if peer else s.send(b"word")
    except OSError:
        pass  # who hears it tells


if role != "to":
    print("bound", flush=True)
connected = set()
while role == "for":
    for s in select.select(ends, [], [])[0]:
        try:
            word, peer = s.recvfrom(64)
            if s not in connected:
                s.connect(peer)
                connected.add(s)
            s.send(word)
        except OSError:
            pass  # who asks is not answered
if role == "at":
    patience = Patience(10)  # who speaks to it is started after it
    peers = [hear(s, patience) for s in ends]
else:
    for s in ends:
        speak(s, None)
    peers = [True for s in ends]
while True:
    print(*(f"{a}={'heard' if p else 'nothing'}" for a, p in zip(addrs, peers)),
          flush=True)
    if not sys.stdin.readline():
        break
    if role == "at":
        for s, peer in zip(ends, peers):
            speak(s, peer)
    else:
        patience = Patience(TIMEOUT)  # for all of them
        peers = [hear(s, patience) for s in ends]
