#!/bin/bash
# Packets that are truncated, absurd or merely rare, from the wire and by raw
# sockets of this host: what can't be read is dropped and counted, what can is
# judged by the rules, and the daemon lives.
#
#     c 10.9.0.1, rules  ---- veth ----  s 10.9.0.2, raw frames from s0
. "$(dirname "$0")/lib.sh"
need_root
need python3 haproxy
net_up
probe=$BUILDDIR/probe
mac=$(inc ip -o link show c0 | sed 's/.*ether \([0-9a-f:]*\) .*/\1/')
# who sends frames by hand answers no questions of neighbours
for n in $(seq 100 160); do
	inc ip neighbour replace 10.9.0.$n lladdr 02:00:00:00:00:66 dev c0
	inc ip neighbour replace fd09::$n lladdr 02:00:00:00:00:66 dev c0
done
rules "block proto 253" "block proto tcp, udp, sctp to port 7002" \
    "block in proto icmp, icmp6" "default out accept" "default in accept"
background ins "$probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
check "the daemon starts" daemon_start

# -- from the wire --
ins python3 "$top/tests/netns/packets.py" s0 "$mac" "$tmp/control" \
    >"$tmp/rows" 2>"$tmp/rows.err"
check "all rows were sent" [ $? -eq 0 ]
cat "$tmp/rows.err"
while read -r line; do
	case $line in
	ok\ *) result ok "${line#ok }" ;;
	not\ ok\ *) result not "${line#not ok }" "see above" ;;
	esac
done <"$tmp/rows"

# -- from this host --
cat >"$tmp/out.py" <<'PY'
import socket, struct, sys
opened = []  # a socket that is closed at once can't be looked up

def new(*args):
    s = socket.socket(*args)
    s.settimeout(20)
    opened.append(s)
    return s

def dgram(family, proto=0):
    return new(family, socket.SOCK_DGRAM, proto)

def test(name):
    def run(f):
        try:
            word = f() or "ok"
        except (OSError, AssertionError) as e:
            word = f"failed {e!r}"
        print(f"{word} {name}", flush=True)
    return run

@test("raw")
def _():
    s = new(socket.AF_INET, socket.SOCK_RAW, 253)
    s.sendto(b"no", ("10.9.0.2", 0))
    s = new(socket.AF_INET, socket.SOCK_RAW, 254)
    s.sendto(b"yes", ("10.9.0.2", 0))

@test("malformed")
def _():
    s = new(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    s.sendto(b"\x1b\x59\x1b\x59 cut", ("10.9.0.2", 0))

@test("big")
def _():
    s = dgram(socket.AF_INET)
    s.connect(("10.9.0.2", 7001))
    s.send(b"x" * 60000)
    assert len(s.recv(65536)) == 2048  # the server's room

@test("segments")
def _():
    for family, addr in (socket.AF_INET, "10.9.0.2"), (socket.AF_INET6, "fd09::2"):
        s = dgram(family)
        s.setsockopt(socket.IPPROTO_UDP, 103, 1200)  # UDP_SEGMENT
        s.connect((addr, 7001))
        s.send(b"x" * 12000)
        for _ in range(10):
            assert len(s.recv(65536)) == 1200

@test("extensions")
def _():
    for level, name in (41, 59), (41, 54):  # IPV6_DSTOPTS, IPV6_HOPOPTS
        s = dgram(socket.AF_INET6)
        s.setsockopt(level, name, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
        s.connect(("fd09::2", 7001))
        s.send(b"hello")
        assert s.recv(16) == b"hello"
        s = dgram(socket.AF_INET6)
        s.setsockopt(level, name, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
        s.connect(("fd09::2", 7002))
        s.send(b"hello")
        try:
            s.recv(16)
            raise AssertionError("it passed")
        except PermissionError:
            pass
    s = new(socket.AF_INET6, socket.SOCK_STREAM)
    s.setsockopt(41, 59, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
    try:
        s.connect(("fd09::2", 7002))
        raise AssertionError("it passed")
    except PermissionError:
        pass

@test("udplite")
def _():
    try:
        s = dgram(socket.AF_INET, 136)
    except OSError:
        return "none"
    s.bind(("10.9.0.1", 5136))
    s.sendto(b"hello", ("10.9.0.2", 7001))

@test("sctp")
def _():
    word = "ok"
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
    except OSError:
        word = "none"
    s = new(socket.AF_INET, socket.SOCK_RAW, 132)
    for port in 7001, 7002:
        s.sendto(struct.pack("!HHII", 5132, port, 0, 0)
                 + struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65536, 1, 1, 1),
                 ("10.9.0.2", 0))
    return word

# the answer comes when all that was sent before is judged
s = dgram(socket.AF_INET)
s.connect(("10.9.0.2", 7001))
s.send(b"last")
s.recv(16)
PY
background ins python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
s.bind(("s0", 0x800))
print("ready", flush=True)
while True:
    p = s.recv(65536)
    print("proto", p[9], p[20:40].hex(), flush=True)' >"$tmp/arrived"
wait_for has_text ready "$tmp/arrived"
malformed=$(counter malformed)
inc python3 "$tmp/out.py" >"$tmp/out" 2>&1
cat "$tmp/out" | sed 's/^/# /'
said() { grep -qx "$1" "$tmp/out"; }
check "raw, protocol 254 arrives" wait_for grep -q '^proto 254' "$tmp/arrived"
check_not "raw, protocol 253 does not" grep -q '^proto 253' "$tmp/arrived"
check "raw, both are judged by their number" flows '
{(x["proto"], x["verdict"]) for x in f if x["direction"] == "out" and
 "python" in x["exe"]} >= {("253", "block"), ("254", "accept")}'
check "malformed, sent here: counted" \
    [ "$(counter malformed)" = $((malformed + 1)) ]
check_not "malformed, sent here: does not arrive" \
    grep -q '^proto 6 1b591b59' "$tmp/arrived"
check "a datagram of 60 kB arrives" said "ok big"
check "UDP_SEGMENT: ten datagrams arrive" said "ok segments"
check "each was judged once" flows '
{x["packets_judged"] for x in f if x["proto"] == "udp" and x["dport"] == 7001
 and x["direction"] == "out" and "python" in x["exe"]} == {1}'
check "IPv6 extension headers: judged by the ports behind" said "ok extensions"
if said "none udplite"; then
	echo "# this kernel has no UDP-Lite"
else
	check "UDP-Lite is judged" flows '
any(x["proto"] == "udplite" and x["dport"] == 7001 and "python" in x["exe"]
    for x in f)'
fi
said "none sctp" && echo "# this kernel has no SCTP: by a raw socket"
check "SCTP is judged by its ports" flows '
{(x["dport"], x["verdict"]) for x in f if x["proto"] == "sctp" and
 "python" in x["exe"]} == {(7001, "accept"), (7002, "block")}'
check "SCTP to the allowed port arrives" \
    wait_for grep -q '^proto 132 140c1b59' "$tmp/arrived"
check_not "SCTP to the other does not" grep -q '^proto 132 140c1b5a' "$tmp/arrived"

# -- by a way that the program chose, which needs no privilege: it is nobody's
# where it hides its ports, and its end is another one than its address --
cat >"$tmp/way.py" <<'PY'
import os, socket, struct
os.setgroups([])
os.setresuid(65534, 65534, 65534)
def way(stops, left):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(41, 57, struct.pack("!BBBBBBH", 0, 2 * stops, 4, left,
                                     stops - 1, 0, 0)
                 + socket.inet_pton(socket.AF_INET6, "fd09::2") * stops)
    return s
for port, (stops, left) in enumerate([(1, 0), (3, 2), (3, 0), (6, 5)], 7001):
    s = way(stops, left)
    s.connect(("fd09::2" if left == 0 else "fd09::9", port))
    s.send(b"by a way")
PY
background ins python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86dd))
s.bind(("s0", 0x86dd))
print("ready", flush=True)
while True:
    p = s.recv(65536)
    print(p[40:].hex(), flush=True)' >"$tmp/arrived6"
wait_for has_text ready "$tmp/arrived6"
malformed=$(counter malformed)
if inc python3 "$tmp/way.py" 2>"$tmp/way.err"; then
	check "source-routed: all are refused" wait_for eval \
	    '[ "$(counter malformed)" = $((malformed + 4)) ]'
	check "source-routed: told" \
	    grep -q 'judge: source-routed packet dropped direction=out' \
	    "$tmp/daemon.log"
	check "and what goes straight arrives" inc "$probe" udp fd09::2 7001
	check_not "source-routed: none arrives" \
	    grep -q "$(printf %s 'by a way' | od -An -tx1 | tr -d ' \n')" \
	    "$tmp/arrived6"
else
	sed 's/^/# no routing header here: /' "$tmp/way.err"
fi

# -- from another host's address to one of this host's, as any program can send
# in IPv6: the answer would leave by the flow that was accepted on the inside --
cat >"$tmp/spoof.py" <<'PY'
import os, socket
os.setgroups([])
os.setresuid(65534, 65534, 65534)
def at(addr, port, kind=socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(41, 78, 1)  # IPV6_FREEBIND
    s.bind((addr, port))
    s.settimeout(20)
    return s
here = at("fd09::1", 7522)
at("fd09::2", 7002).sendto(b"to myself", ("fd09::1", 7522))
at("fd09::1", 0).sendto(b"last", ("fd09::1", 7522))
print(here.recv(16).decode(), flush=True)
try:
    here.sendto(b"it leaks", ("fd09::2", 7002))
except PermissionError:
    pass
syn = at("fd09::2", 7002, socket.SOCK_STREAM)
syn.setblocking(False)
listener = at("fd09::1", 7522, socket.SOCK_STREAM)
listener.listen()
syn.connect_ex(("fd09::1", 7522))
at("fd09::1", 0).sendto(b"last", ("fd09::1", 7522))
here.recv(16)
PY
spoofed=$(counter malformed)
inc python3 "$tmp/spoof.py" >"$tmp/spoof.out" 2>"$tmp/spoof.err"
check_same "spoofed: arrives neither here" <(echo last) "$tmp/spoof.out"
check_not "nor there, by the answer" \
    grep -q "$(printf %s 'it leaks' | od -An -tx1 | tr -d ' \n')" \
    "$tmp/arrived6"
check "nor does a SYN" wait_for eval '[ "$(counter malformed)" = $((spoofed + 2)) ]'

# -- the same with a privilege: a proxy that goes on as the client it serves,
# to a program of this host whose answers don't leave it --
inc ip address add fd09::7/128 dev lo
inc ip -6 rule add from fd09::7 iif lo lookup 100
inc ip -6 route add local ::/0 dev lo table 100
background inc "$probe" serve 7530 fd09::7 >"$tmp/backend"
wait_for has_text ready "$tmp/backend"
cat >"$tmp/haproxy.cfg" <<END
defaults
 mode tcp
 timeout connect 30s
 timeout client 30s
 timeout server 30s
listen front
 bind fd09::1:7531
 source [::]:0 usesrc clientip
 server one fd09::7:7530
END
background inc haproxy -f "$tmp/haproxy.cfg" >"$tmp/haproxy.log" 2>&1
reached() { ins "$probe" tcp fd09::1 7531; }
check "a transparent proxy reaches the program behind it" wait_for reached
check "which hears from the client itself" flows '
any(x["direction"] == "in" and x["dport"] == 7530 and x["src"] == "fd09::2"
    and x["verdict"] == "accept" for x in f)'
sed 's/^/# /' "$tmp/haproxy.log"
cat >"$tmp/transparent.py" <<'PY'
import socket
here, there = (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in "ab")
here.bind(("fd09::1", 7532))
here.settimeout(20)
there.setsockopt(41, 75, 1)  # IPV6_TRANSPARENT
there.bind(("fd09::2", 7533))
there.sendto(b"as its client", ("fd09::1", 7532))
print(here.recv(16).decode())
PY
inc python3 "$tmp/transparent.py" >"$tmp/transparent" 2>&1
check_same "nor does one lose its datagrams" <(echo as its client) \
    "$tmp/transparent"

# -- and then --
check "the daemon works on" inc "$probe" tcp 10.9.0.2 7001
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
