#!/bin/bash
# Beside others: our yes opens nothing that they closed (A4), their marks stay
# on the packets (A5) and hide nothing, and what happens with the daemon dead
# is what `fail` says. Runs on the backend that $BACKEND names.
#
#   c   the daemon; w1 is a tunnel's device, 10.77.0.2 the tunnel's other end
#   s   the other end, behind c's default route

. "$(dirname "$0")/lib.sh"
need_root
need conntrack
net_up
ins ip address add 10.77.0.2/32 dev lo
ins ip address add fd77::2/128 dev lo nodad
inc ip route add default via 10.9.0.2
inc ip -6 route add default via fd09::2

# udp.py echo ADDR PORT            answers all, prints each sender's port
# udp.py syn ADDR PORT MARK        a TCP segment that conntrack calls INVALID
cat >"$tmp/udp.py" <<'PYTHON'
import socket, struct, sys
what, to, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in to else socket.AF_INET
SO_MARK = 36
if what == "syn":
    s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
    s.setsockopt(socket.SOL_SOCKET, SO_MARK, int(sys.argv[4]))
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, 7, 16)  # IPV6_CHECKSUM
    tcp = struct.pack("!HHIIBBHHH", 4000, port, 1, 0, 5 << 4, 3, 1024, 0, 0)
    if family == socket.AF_INET:
        src = socket.inet_aton("10.9.0.1") + socket.inet_aton(to)
        words = struct.unpack("!16H", src + struct.pack("!HH", 6, 20) + tcp)
        total = sum(words)
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        tcp = tcp[:16] + struct.pack("!H", ~total & 0xffff) + tcp[18:]
    try:
        s.sendto(tcp, (to, 0))
    except OSError as e:
        print(e.strerror)
    sys.exit(0)
s = socket.socket(family, socket.SOCK_DGRAM)
if what == "echo":
    s.bind((to, port))
    print("ready", flush=True)
    while True:
        data, sender = s.recvfrom(2048)
        print(sender[1], flush=True)
        try:
            s.sendto(data, sender[:2])
        except OSError:
            pass
PYTHON
ask_from() { # inc|ins ADDR PORT MARK [LPORT]: with that mark, from that port
	# what is to come is waited for for longer than what is not, see felt
	local -x PROBE_MS=${PROBE_MS:-0}
	[ $PROBE_MS -gt 1000 ] || PROBE_MS=400
	PROBE_TIMES=2 PROBE_MARK=$4 PROBE_PORT=${5:-0} \
	    "$1" "$BUILDDIR/probe" udp "$2" "$3"
}
ask() { ask_from inc "$@"; }
answers=0
echo_at() { # echo_at WHO ADDR PORT
	answers=$((answers + 1))
	background "$1" python3 "$tmp/udp.py" echo "$2" "$3" \
	    >"$tmp/echo.$answers" 2>&1
	wait_for has_text ready "$tmp/echo.$answers"
}
for port in 51820 7001 7003 7005; do
	echo_at ins 10.77.0.2 $port
	echo_at ins fd77::2 $port
done
echo_at inc 10.9.0.1 8001
echo_at inc 10.9.0.1 8003

mkdir "$tmp/rules"
cat >"$tmp/rules/10.rules" <<'RULES'
default out accept
default in accept
drop out proto udp, tcp to port 7003
drop in proto udp to port 8003
RULES
daemon_start() { # settings
	settings "$@"
	: >"$tmp/daemon.log"
	background inc "$REROUTED" --config "$conf" --rules "$tmp/rules" \
	    --control "$tmp/control" --state "$tmp/state" 2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text ready "$tmp/daemon.log" || cat "$tmp/daemon.log"
}
accept_is() { # FAMILY WORD
	ctl --json status >"$tmp/status" && holds "$tmp/status" \
	    "x['firewall']['accept_$1'] == '$2' and x['firewall']['error'] is None"
}
in_place() { ctl firewall verify; }
yes_is() { # FAMILY TARGET: of what is accepted, in the kernel
	ctl firewall show | awk -v f="$1" '/^# / { ours = $2 == f }
	    ours && /-A C17 .*0x6ae/' | grep -q -- "-j $2\$"
}

# -- A4 --
daemon_start
check "accept is final where nobody else is" accept_is ip4 final
for f in ip4 ip6; do
	case $f in
	ip4) i=$IPT4 to=10.77.0.2 ;;
	ip6) i=$IPT6 to=fd77::2 ;;
	esac
	check "$f: works" ask $to 7005 0
	inc $i -A OUTPUT -p udp --dport 7005 -j DROP
	check "$f: others' rule: accept goes on to it" \
	    wait_for accept_is $f continue
	check "$f: all in place" in_place
	check_not "$f: what they closed stays closed" ask $to 7005 0
	check "$f: the rest works" ask $to 7001 0
	check_not "$f: what we closed, too" ask $to 7003 0
	inc $i -D OUTPUT -p udp --dport 7005 -j DROP
	check "$f: they are gone: final" wait_for accept_is $f final
	check "$f: works again" ask $to 7005 0
	inc $i -P OUTPUT DROP
	check "$f: a policy DROP counts" wait_for accept_is $f continue
	check_not "$f: it holds" ask $to 7005 0
	inc $i -A OUTPUT -p udp --dport 7001 -j ACCEPT
	inc $i -A OUTPUT -p udp --dport 7003 -j ACCEPT
	check "$f: what they open is open" ask $to 7001 0
	check_not "$f: but what we closed is not" ask $to 7003 0
	inc $i -F OUTPUT
	inc $i -P OUTPUT ACCEPT
	wait_for accept_is $f final
	wait_for in_place
	# until C17 returns, our yes opens what was just closed: word of it is
	# followed at once. By the timer alone, each of these takes a second
	followed() {
		start=$(now_ms)
		for n in 1 2 3 4 5; do
			inc $i -P INPUT DROP
			wait_for yes_is $f RETURN || return 1
			inc $i -P INPUT ACCEPT
			wait_for yes_is $f ACCEPT || return 1
		done
		took=$(($(now_ms) - start))
	}
	check "$f: closed and opened 5 times: followed within half a second" \
	    best_of 5000 followed
	sed 's/^/# /' "$tmp/check.out"
done
stop "$daemon"
inc "$IPT4" -A OUTPUT -p udp --dport 7005 -j DROP
daemon_start
check "others at start: continue" accept_is ip4 continue
check_not "and closed from the start" ask 10.77.0.2 7005 0
stop "$daemon"
daemon_start "accept = final"
check "accept = final stays" accept_is ip4 final
check "accept = final opens" ask 10.77.0.2 7005 0
stop "$daemon"
inc "$IPT4" -F OUTPUT
daemon_start "accept = continue"
check "accept = continue stays" accept_is ip4 continue
check "accept = continue works" ask 10.77.0.2 7005 0
stop "$daemon"

# -- A9: what was accepted gets its mark in filter, so that it is routed once;
# where others have rules before that, in mangle --
cat >"$tmp/many.py" <<'PYTHON'
import socket, sys
from patient import Patience
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
    socket.SOCK_DGRAM)
s.connect((sys.argv[1], int(sys.argv[2])))
n = 0
for i in range(50):
    try:
        s.send(b"x")
        n += Patience(1).recv(s, 10) == b"x"
    except OSError:
        pass
print(n)
PYTHON
all_answered() { # TO
	[ "$(inc python3 "$tmp/many.py" "$1" 7001)" = 50 ]
}
counted() { # IPTABLES CHAIN PATTERN: packets of those rules of mangle
	inc "$1" -t mangle -nvxL "$2" |
		awk -v p="$3" '$0 ~ p { n += $1 } END { print n + 0 }'
}
marked_late() { # IPTABLES
	inc "$1-save" -t mangle | grep -q -- '-A C170 .*ESTABLISHED -j RETURN'
}
marked_early() { ! marked_late "$1"; }
daemon_start
for i in $IPT4 $IPT6; do
	case $i in
	$IPT4) to=10.77.0.2 ;;
	*) to=fd77::2 ;;
	esac
	check "$i: alone: the mark comes late" marked_late "$i"
	inc $i -t mangle -A POSTROUTING -p udp --dport 7001 -m mark --mark 1710
	before=$(counted $i C170 'CONNMARK restore')
	check "$i: it works" all_answered $to
	after=$(counted $i C170 'CONNMARK restore')
	check "$i: the first packet alone was routed anew: $((after - before))" \
	    [ $((after - before)) -le 3 ]
	check "$i: all have the mark when they leave" \
	    [ "$(counted $i POSTROUTING 'dpt:7001')" -ge 50 ]
	partner "$i" inc kept.py $to
	tell "$i" go
	kill -STOP "$daemon"
	for t in mangle filter; do
		inc $i -t $t -F
		tell "$i" go
		check "$i: $t gone: what was accepted goes on" answers "$i" 50
	done
	kill -CONT "$daemon"
	check "$i: put back" wait_for in_place
	# what forgets the verdict where the packet has no mark yet
	inc $i -t mangle -A OUTPUT -j CONNMARK --save-mark
	check "$i: others' rule in mangle: early" wait_for marked_early "$i"
	check "$i: in place" wait_for in_place
	before=$(counter packets)
	check "$i: it goes on beside that rule" all_answered $to
	check "$i: and is not judged again and again" \
	    [ $(($(counter packets) - before)) -lt 20 ]
	inc $i -t mangle -D OUTPUT -j CONNMARK --save-mark
	check "$i: it is gone: late" wait_for marked_late "$i"
	inc $i -t mangle -F POSTROUTING
	wait_for in_place
done
if command -v nft >/dev/null; then
	inc nft add table inet others
	check "a table of nft: early" wait_for marked_early $IPT4
	check "IPv6, too" wait_for marked_early $IPT6
	inc nft delete table inet others
	check "no more: late" wait_for marked_late $IPT4
fi
stop "$daemon"

# -- A5: policy routing as wg-quick sets it up --
inc ip link add w1 type veth peer name w2
inc ip link set w2 up
inc ip address add 10.66.0.1/24 dev w1
inc ip link set w1 up
for f in -4 -6; do
	inc ip $f route add default dev w1 table 51820
	inc ip $f rule add not fwmark 51820 table 51820
	inc ip $f rule add table main suppress_prefixlength 0
done
inc ip link set w1 arp off
for i in $IPT4 $IPT6; do
	inc $i -t mangle -A POSTROUTING -o w1 -p udp
done
in_tunnel() {
	for i in $IPT4 $IPT6; do
		inc $i -t mangle -nvxL POSTROUTING
	done | awk '/ w1 / { n += $1 } END { print n }'
}
daemon_start
before=$(in_tunnel)
check "wg: its outer packets leave by the real device" \
    ask 10.77.0.2 51820 51820
check "wg: IPv6 too" ask fd77::2 51820 51820
check "wg: none went into the tunnel" [ "$(in_tunnel)" = "$before" ]
check_not "wg: all else goes into the tunnel" ask 10.77.0.2 7001 0
check "wg: it did" [ "$(in_tunnel)" -gt "$before" ]
check "wg: judged once, then by the kernel" sh -c \
    "'$REROUTECTL' --control $tmp/control --json flows |
     grep -c '\"dport\": *51820' | grep -qx 2"
check "wg: a ping keeps its mark" inc ping -c 2 -W 20 -m 51820 10.77.0.2
# the other side begins
echo_at inc 10.9.0.1 51821
check "the other side begins" ask_from ins 10.9.0.1 51821 0
cat >"$tmp/reply.py" <<'PYTHON'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 36, 51820)
s.bind(("0.0.0.0", 51822))
print("ready", flush=True)
while True:
    data, sender = s.recvfrom(100)
    s.sendto(data, sender)
PYTHON
background inc python3 "$tmp/reply.py" >"$tmp/reply"
wait_for has_text ready "$tmp/reply"
before=$(in_tunnel)
cat >"$tmp/begin.py" <<'PYTHON'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.77.0.2", 51999))
s.settimeout(20)
s.connect(("10.9.0.1", 51822))
for i in range(3):
    s.send(b"x")
    s.recv(10)
PYTHON
check "wg: the other side begins, from beyond the tunnel's route" \
    ins python3 "$tmp/begin.py"
check "wg: no answer went into the tunnel" [ "$(in_tunnel)" = "$before" ]

# -- A5: a mark hides nothing --
marked() { # TO MARK
	ask $1 7003 $2 >/dev/null
	inc python3 "$tmp/udp.py" syn $1 7003 $2
}
mark_hides_nothing() { # all at once: each waits for an answer in vain
	local mark to asking=
	for mark in 51820 4242 1 1700 1710 1717 1799; do
		for to in 10.77.0.2 fd77::2; do
			marked $to $mark &
			asking="$asking $!"
		done
	done
	wait $asking
}
cat >"$tmp/count.py" <<'PYTHON'
import signal, socket, sys
n = 0
def end(*_):
    print(n, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("s0", 0))
port = int(sys.argv[1]).to_bytes(2, "big")
print("ready", flush=True)
while True:
    p = s.recv(2048)
    at = 34 if p[12:14] == b"\x08\x00" else 54
    n += p[at + 2:at + 4] == port and p[23 if at == 34 else 20] in (6, 17)
PYTHON
leaks() { # leaks NAME COMMAND...: no packet to port 7003 is on the wire
	_what=$1
	shift
	background ins python3 "$tmp/count.py" 7003 >"$tmp/count"
	_counter=$pid
	wait_for has_text ready "$tmp/count"
	"$@" >/dev/null 2>&1
	stop "$_counter"
	check "$_what: $(tail -n 1 "$tmp/count") packets" \
	    [ "$(tail -n 1 "$tmp/count")" = 0 ]
}
inc ip rule del not fwmark 51820 table 51820
inc ip -6 rule del not fwmark 51820 table 51820
leaks "a mark hides nothing" mark_hides_nothing
stop "$daemon"
background ins python3 "$tmp/count.py" 7003 >"$tmp/count"
counter=$pid
wait_for has_text ready "$tmp/count"
mark_hides_nothing >/dev/null 2>&1
stop "$counter"
check "without us they all leave: $(tail -n 1 "$tmp/count")" \
    [ "$(tail -n 1 "$tmp/count")" -ge 28 ]

# -- A5: a connection that others marked before we saw it --
inc "$IPT4" -t mangle -A PREROUTING -i c0 -j CONNMARK --set-mark 2
daemon_start
check "marked before: judged, accepted" \
    ask_from ins 10.9.0.1 8001 0
check "marked before: it keeps that mark" sh -c "nsenter \
    --net=/run/netns/$C conntrack -L -p udp --dport 8001 2>/dev/null |
    grep -q 'mark=2 '"
check_not "marked before: judged, dropped" \
    ask_from ins 10.9.0.1 8003 0
inc "$IPT4" -t mangle -F PREROUTING

# -- the daemon dead: closed --
stop "$daemon" KILL
check_not "dead, closed: nothing new" ask 10.77.0.2 7001 0
check_not "dead, closed: nor with a mark" ask 10.77.0.2 7001 4242
leaks "dead, closed" mark_hides_nothing
SERVICE_RESULT=signal inc "$REROUTED" --config "$conf" --recover \
    2>"$tmp/recover"
check "closed: --recover between crash and restart leaves the rules" \
    sh -c "nsenter --net=/run/netns/$C $IPT4-save | grep -q C17"
daemon_start
check "back: works" ask 10.77.0.2 7001 0
stop "$daemon"

# -- never both backends --
daemon_start
stop "$daemon" KILL
case $IPT4 in
*nft) other=libiptc else=iptables-legacy ;;
*) other=iptables-restore else=iptables-nft ;;
esac
BACKEND=$other daemon_start
check "the other backend: its rules are in" \
    sh -c "nsenter --net=/run/netns/$C $else-save | grep -q C17"
check "the first one's are out" has_none $IPT4-save C17
check "the other backend: works" ask 10.77.0.2 7001 0
stop "$daemon"
check "the other backend: nothing is left" has_none $else-save C17

# -- open --
daemon_start "fail = open"
check "open, alive: works" ask 10.77.0.2 7001 0
check_not "open, alive: denied is denied" ask 10.77.0.2 7003 0
leaks "open, alive" mark_hides_nothing
flushes() {
	for n in 1 2 3 4 5 6 7 8 9 10; do
		inc $IPT4 -t mangle -F C170
		ask 10.77.0.2 7003 0
		wait_for in_place
	done
}
leaks "open, alive: mangle gone for a moment" flushes
stop "$daemon" KILL
check "dead, open: passes" ask 10.77.0.2 7005 0
check "dead, open: IPv6" ask fd77::2 7005 0
check "dead, open: a marked one" ask 10.77.0.2 51820 51820
check "dead, open: inbound" ask_from ins 10.9.0.1 8001 0
daemon_start "fail = open"
check_not "back: what passed is judged" ask 10.77.0.2 7003 0
stop "$daemon" KILL
SERVICE_RESULT=signal inc "$REROUTED" --config "$conf" --recover \
    2>"$tmp/recover"
check "open: --recover after a crash takes the rules out" \
    has_none $IPT4-save C17
daemon_start
stop "$daemon" KILL
echo "no such = thing" >"$tmp/broken.conf"
inc "$REROUTED" --config "$tmp/broken.conf" --recover 2>"$tmp/recover"
check "a broken settings file stops no --recover" has_none $IPT4-save C17
check "but is told of" grep -q "settings have faults" "$tmp/recover"
finish
