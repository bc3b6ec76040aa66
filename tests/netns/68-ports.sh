#!/bin/bash
# Against forged answers: how questions to an upstream are spread over ports
# and numbers. One at a time each has a port of its own; many at once share
# ports, but no port serves long; none stays open when nothing is asked. A
# server that is not there is told of at once.
#
#     c: rerouted, and who asks      s: an upstream that notes who asks it
. "$(dirname "$0")/lib.sh"
need_root
need ss
net_up
settings "[resolver]" "upstream = 10.9.0.2"
rules "default out accept"

# ports.py serve FILE      an upstream: a line for each question, "port id name"
# ports.py ask NAME N AT   N questions, AT at once: how many were answered right
# ports.py rush NAME N PID N more than one that come to it in one batch
cat >"$tmp/ports.py" <<'END'
import os, signal, socket, string, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
if sys.argv[1] == "serve":
    s.bind(("10.9.0.2", 53))
    log = open(sys.argv[2], "w", 1 << 16)
    while True:
        q, peer = s.recvfrom(2000)
        end = 12
        while q[end]:
            end += q[end] + 1
        name = q[13:13 + q[12]].decode()
        if name.lower() == "sync":
            log.flush()
        log.write("%d %d %s\n" % (peer[1], struct.unpack_from("!H", q)[0], name))
        number = int("0" + name.lstrip(string.ascii_letters + "-"))
        s.sendto(q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:end + 5] +
                 b"\xc0\x0c\0\1\0\1\0\0\1\0\0\4\x0b" +
                 number.to_bytes(3, "big"), peer)
name, count, at = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
s.settimeout(20)
waiting, sent, right = {}, 0, 0
def put():
    global sent
    label = b"%s%d" % (name.encode(), sent)
    s.sendto(struct.pack("!6H", sent, 0x100, 1, 0, 0, 0) +
             bytes([len(label)]) + label + b"\4many\7example\0\0\1\0\1",
             ("127.0.0.1", 53))
    waiting[sent] = sent
    sent += 1
def take():
    global right
    m = s.recv(2000)
    right += waiting.pop(struct.unpack_from("!H", m)[0]) == \
        int.from_bytes(m[-3:], "big") and m[3] & 15 == 0
if sys.argv[1] == "rush":
    put()
    take()
    os.kill(at, signal.SIGSTOP)
    while sent <= count:
        put()
    os.kill(at, signal.SIGCONT)
while sent < count or waiting:
    while sent < count and len(waiting) < at:
        put()
    take()
print(right)
END
ask() { inc python3 "$tmp/ports.py" ask "$@"; }
# the log is whole up to here
n_synced=0
synced() {
	n_synced=$((n_synced + 1))
	inc dig +time=15 +tries=1 @127.0.0.1 sync.n$n_synced.example |
		grep -q NOERROR
}
# spread NAME EXPRESSION: of {port: [ids]} in `of`, for questions of that kind.
# The kernel may give a port again that was closed a moment ago.
spread() {
	python3 - "$tmp/asked" "$@" <<'END'
import collections, sys
of = collections.defaultdict(list)
for line in open(sys.argv[1]):
    port, ident, name = line.split()
    if name[0].lower() == sys.argv[2]:
        of[int(port)].append(int(ident))
n = sum(map(len, of.values()))
print(n, "questions of", len(of), "ports, at most", max(map(len, of.values())))
sys.exit(not eval("(" + sys.argv[3] + ")"))
END
}
open_ports() { inc ss -Hun state established dst 10.9.0.2 | wc -l; }
none_open() { [ "$(open_ports)" = 0 ]; }

background ins python3 "$tmp/ports.py" serve "$tmp/asked"
server=$pid
check "the daemon starts" daemon_start
check "the upstream answers" wait_for synced

check "200 questions one by one are answered" [ "$(ask a 200 1)" = 200 ]
check "5,000 questions, 200 at once, too" [ "$(ask b 5000 200)" = 5000 ]
check "all is noted" synced
check "one by one, each has a port of its own" \
    spread a "n >= 200 and len(of) >= n - 8"
check "the ports lie far apart" \
    spread a "max(of) - min(of) > 10000"
check "of those at once no port serves more than 128" \
    spread b "n >= 5000 and
	sum(len(v) > 128 for v in of.values()) <= len(of) * 0.05"
check "they are many" spread b "len(of) >= 5000 / 128"
check "no number comes twice on a port" \
    spread b "all(len(set(v)) == len(v) for v in of.values())"
check "numbers are by chance" \
    spread b "len({i for v in of.values() for i in v}) > 4500"
# of C170, for what is of an accepted flow: both ways, or what has its mark already
unmarked() { inc $IPT4-save -c -t mangle |
	sed -n 's/^.\([0-9]*\):.* C170 .*--mark 0x6ae .* RETURN$/\1/p' | tail -n 1; }
check "what is sent has its flow's mark at once" [ "$(unmarked)" -gt 400 ]
rush() { inc python3 "$tmp/ports.py" rush "$@" "$daemon"; }
before=$(unmarked)
check "200 at once for names that are known are answered" \
    [ "$(rush b 200)" = 201 ]
check "by a few packets, which hold many" \
    [ $(($(unmarked) - before)) -lt 300 ] # with the questions
# of 70 octets, less than a question needs
inc ip route add 10.9.0.2 dev c0 src 10.9.0.1 mtu 70
inc ip route replace table local local 127.0.0.1 dev lo mtu 70
check "where none can be parted, each goes as it is" \
    [ "$(ask a-name-as-long-as-that 1000 200)" = 1000 ]
check "nor do answers that are known get lost" \
    [ "$(rush a-name-as-long-as-that 200)" = 201 ]
inc ip route replace table local local 127.0.0.1 dev lo
inc ip route del 10.9.0.2
check "and so they go on" [ "$(ask c 1000 200)" = 1000 ]
check "none stays open" wait_for none_open
check "100 at once after a while are answered" [ "$(rush d 100)" = 101 ]
check "they are noted" synced
check "and not each of them by a port of its own" \
    spread d "n >= 100 and len(of) <= 80"
check "nor do these stay open" wait_for none_open

# An unreachable port, of a server that was there a moment ago.
stop "$server"
gone=0
is_gone() {
	local began
	began=$(now_ms)
	inc dig +time=15 +tries=1 @127.0.0.1 gone$((++gone)).example >"$tmp/dig"
	took=$(($(now_ms) - began))
	cat "$tmp/dig"
	grep -q SERVFAIL "$tmp/dig"
}
check "the refusal of the server's host is an answer, at once" \
    best_of 1500 is_gone
check "and says why" grep -q "EDE: 23" "$tmp/dig"
check "none stays open here either" wait_for none_open
check_judged
check "the daemon ends well" daemon_stop
finish
