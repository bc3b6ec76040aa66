#!/usr/bin/python3
"""Clients of the control socket, good and bad: control.py SOCKET TEST

Each test is a function below; it fails with an exception.
"""
import json
import os
import select
import socket
import subprocess
import sys

STATUS = b'{"call":"status"}\n'
FLOWS = b'{"call":"flows.list"}\n'


class Client:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.connect(path)
        self.s.settimeout(20)
        self.buffer = b""

    def send(self, data):
        self.s.sendall(data)

    def lines(self):
        """What comes until the daemon closes."""
        while True:
            data = self.s.recv(1 << 16)
            if not data:
                break
            self.buffer += data
        return [json.loads(line) for line in self.buffer.splitlines()]

    def line(self):
        while b"\n" not in self.buffer:
            data = self.s.recv(1 << 16)
            if not data:
                raise EOFError("closed")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, data):
        self.send(data)
        return self.line()

    def works(self):
        answer = self.ask(STATUS)
        assert answer["ok"] and answer["result"]["pid"] > 0, answer


def refused(answer, code):
    assert answer["ok"] is False, answer
    assert answer["error"]["code"] == code, answer
    assert answer["error"]["message"], answer


def nonsense(path):
    c = Client(path)
    for line in (
        b"", b" ", b"hello", b"{", b"[]", b"1", b'"status"', b"null", b"{}",
        b'{"call":1}', b'{"call":null}', b'{"call":["status"]}',
        b'{"call":"status","args":[]}', b'{"call":"status","args":1}',
        b'{"call":"status"}{"call":"status"}', b'{"call":"status"} x',
        b'{"call":"status","call":"status"}', b"{'call':'status'}",
        b"\0", b'{"call":"sta\0tus"}', b"\xff\xfe", b'{"call":"\xff"}',
        b'{"call":"\\ud800"}', b'{"call":"\\u0000"}',
        b'{"call":"%s"}' % (b"x" * 300), b"[" * 60000, b'{"a":' * 12000,
        b'{"call":"status","args":{"n":1e999}}',
        b'{"call":"status","args":{"n":%s}}' % (b"9" * 400),
    ):
        refused(c.ask(line + b"\n"), "bad-request")
        c.works()
    for call in (b"", b"Status", b"status ", b"flows", b"../status"):
        refused(c.ask(b'{"call":"%s"}\n' % call), "unknown-call")
    for about in (b"to=1.2.3", b"port=70000", b"x=1", b"user=\\u0000", b'\\"'):
        answer = c.ask(
            b'{"call":"explain","args":{"about":"%s"}}\n' % about)
        assert answer["ok"] is False, (about, answer)
    for args in (b'"for_ms":"1000"', b'"for_ms":1000.5', b'"for_ms":true',
                 b'"for_ms":null', b'"for_ms":-1', b'"for":1000'):
        refused(c.ask(b'{"call":"rules.add","args":{"rule":'
                      b'"accept out to 192.0.2.1",%s}}\n' % args), "bad-args")
    # a slip in a word must not flush all, or show all
    for call, args in ((b"cache.flush", b'"nmae":"www.example"'),
                       (b"flows.list", b'"program":"curl"'),
                       (b"flows.list", b'"":1'), (b"flows.list", b'"exe user":1'),
                       (b"watch", b'"log":5'), (b"watch", b'"backlog":"5"'),
                       (b"watch", b'"backlog":-1'), (b"explain", b'"to":"::1"'),
                       (b"explain", b'"about":5'), (b"reload", b'"for_ms":1'),
                       (b"status", b'"all":true')):
        refused(c.ask(b'{"call":"%s","args":{%s}}\n' % (call, args)),
                "bad-args")
    for pid in (b"4294967297", b'"1"', b"1.0", b"true", b"[1]"):
        refused(c.ask(b'{"call":"explain","args":{"pid":%s}}\n' % pid),
                "bad-args")
    for pid in (b"0", b"-1", b"999999999999", b"4194305"):
        answer = c.ask(b'{"call":"explain","args":{"pid":%s}}\n' % pid)
        assert answer["ok"] is False, (pid, answer)
    assert c.ask(b'{"call":"explain","args":{"pid":1}}\r\n')["ok"]
    c.works()


def long_line(path):
    for end in (b"", b"\n"):
        c = Client(path)
        try:
            c.send(b'{"call":"' + b"x" * (1 << 20) + b'"}' + end)
        except (BrokenPipeError, ConnectionResetError):
            pass
        refused(c.line(), "bad-request")
        try:
            assert c.s.recv(1) == b"", "it is not closed"
        except ConnectionResetError:
            pass
    c = Client(path)  # as long as may be
    c.send(b'{"call":"status"%*s\n' % (65000, b"}"))
    assert c.line()["ok"]
    c.works()


def several(path):
    """Requests in one packet, and one request in many."""
    c = Client(path)
    c.send(STATUS * 3 + FLOWS + b"nonsense\n" + FLOWS + STATUS)
    kinds = []
    for _ in range(7):
        answer = c.line()
        result = answer.get("result")
        kinds.append("list" if isinstance(result, list)
                     else "status" if answer["ok"] else "error")
    assert kinds == ["status"] * 3 + ["list", "error", "list", "status"], kinds
    for byte in STATUS:
        c.send(bytes([byte]))
    assert c.line()["ok"]


def half_closed(path):
    c = Client(path)
    c.send(STATUS + FLOWS + b'{"call":"firewall.verify"}\n' + STATUS)
    c.s.shutdown(socket.SHUT_WR)
    answers = c.lines()
    assert [a["ok"] for a in answers] == [True] * 4, answers
    assert len(answers[1]["result"]) > 1000
    assert answers[2]["result"]["in_place"], answers[2]
    c = Client(path)  # and with nothing asked, or half a line
    c.s.shutdown(socket.SHUT_WR)
    assert c.lines() == []
    c = Client(path)
    c.send(b'{"call":"sta')
    c.s.shutdown(socket.SHUT_WR)
    assert c.lines() == []


def gone_in_a_list(path):
    for n in range(20):
        c = Client(path)
        c.send(FLOWS * 3)
        if n % 2:
            c.s.recv(1000)
        c.s.close()
        c = Client(path)
        c.send(b'{"call":"firewall.show"}\n' * 2)
        c.s.close()
    Client(path).works()


def crowd(path):
    """100 at once: some are told to come back later, the others served."""
    clients = [Client(path) for _ in range(100)]
    served = 0
    for c in clients:
        try:
            c.send(STATUS)
        except BrokenPipeError:
            pass  # told already
        answer = c.line()
        if answer["ok"]:
            served += 1
        else:
            refused(answer, "busy")
    assert 40 <= served < 100, served
    for c in clients:
        c.s.close()
    Client(path).works()


def full(path):
    """Beyond all that are served reroutectl hears why it is not."""
    clients = [Client(path) for _ in range(64)]
    for _ in range(20):
        ctl = subprocess.run(
            [os.environ["REROUTECTL"], "--control", path, "status"],
            capture_output=True, text=True, timeout=20)
        assert "too many control clients" in ctl.stderr, ctl
    for c in clients:
        c.s.close()


def asks_and_never_reads(path):
    """Cut off as soon as a megabyte waits for it."""
    c = Client(path)
    other = Client(path)
    sent = 0
    try:
        while sent < 200000:
            c.send(STATUS * 10)
            sent += 10
            other.works()
        raise AssertionError("never cut off")
    except (BrokenPipeError, ConnectionResetError):
        pass
    other.works()


def lists_and_never_reads(path):
    """Cut off after some seconds without a byte taken."""
    c = Client(path)
    c.s.settimeout(30)
    try:
        while True:
            c.send(FLOWS * 1000)
    except (BrokenPipeError, ConnectionResetError):
        pass
    Client(path).works()


def watcher_reads_late(path):
    """What it missed it is told of, and goes on watching."""
    other, c, n = Client(path), Client(path), 3000
    assert c.ask(b'{"call":"watch","args":{"domain":"localhost"}}\n')["ok"]
    resolve = b'{"call":"resolve","args":{"name":"localhost"}}\n'
    for _ in range(n // 50):  # each is an event
        other.send(resolve * 50)
        for _ in range(50):
            assert other.line()["ok"]
    seen, missed = 0, None
    while missed is None:
        event = c.line()["result"]
        seen += event["event"] == "query"
        missed = event["events"] if event["event"] == "missed" else None
    assert 0 < missed < n and seen + missed == n, (seen, missed)
    assert other.ask(resolve)["ok"]
    assert c.line()["result"]["event"] == "query"


def watches_and_never_reads(path):
    """Cut off ten seconds after it is a megabyte behind; prints "ready" once it
    watches."""
    c = Client(path)
    assert c.ask(b'{"call":"watch"}\n')["ok"]
    print("ready", flush=True)
    poll = select.poll()
    poll.register(c.s, 0)  # POLLHUP alone: it never reads
    assert poll.poll(40000), "never cut off"


def watcher_asks(path):
    """A client that watches may ask, too."""
    c = Client(path)
    assert c.ask(b'{"call":"watch"}\n')["ok"]
    c.send(STATUS)
    while True:
        answer = c.line()
        if "pid" in answer["result"]:
            return


def watcher_asks_and_never_reads(path):
    """Others put it behind, and its own call is what it is cut off in."""
    resolve = b'{"call":"resolve","args":{"name":"localhost"}}\n'
    other = Client(path)
    for _ in range(5):
        c = Client(path)
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert c.ask(b'{"call":"watch"}\n')["ok"]
        try:
            for _ in range(20000):
                for _ in range(4):
                    assert other.ask(resolve)["ok"]
                c.send(resolve)
            raise AssertionError("never cut off")
        except (BrokenPipeError, ConnectionResetError):
            pass
    Client(path).works()


def only_status(path):
    """For one who may open the socket and no more."""
    os.setgroups([])
    os.setresgid(65533, 65533, 65533)
    os.setresuid(65533, 65533, 65533)
    c = Client(path)
    c.works()
    for call in (b"flows.list", b"watch", b"explain", b"firewall.show",
                 b"firewall.verify", b"firewall.clear"):
        refused(c.ask(b'{"call":"%s"}\n' % call), "denied")


globals()[sys.argv[2]](sys.argv[1])
