#!/bin/bash
# Under load, nothing that policy forbids leaves or comes in while the daemon is
# killed, restarted, reloaded and stopped by SIGSTOP, and while others flush the
# tables, one by one and all at once: an ear on the far side of the wire counts,
# and one inside. Runs on the backend that $BACKEND names.
#
#     c 10.9.0.1, daemon, load  ---- veth ----  s 10.9.0.2, ear, load
#
# Ports 7900 to 7999 are forbidden, out and in; 7001 and 8001 are not.
. "$(dirname "$0")/lib.sh"
need_root
need python3 nft
net_up
cat >"$tmp/ear.py" <<'PY'
# ear.py DEVICE SOURCE4 SOURCE6: counts packets with these sources to forbidden
# ports, and to allowed ones; TERM: prints both
import signal, socket, struct, sys
device, four, six = sys.argv[1:4]
four, six = socket.inet_aton(four), socket.inet_pton(socket.AF_INET6, six)
n = [0, 0]
def end(*_):
    print(*n, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
s.bind((device, 0))
print("ready", flush=True)
while True:
    p = s.recv(128)
    if p[12:14] == b"\x08\x00" and p[26:30] == four:
        at, proto = 34, p[23]
    elif p[12:14] == b"\x86\xdd" and p[22:38] == six:
        at, proto = 54, p[20]
    else:
        continue
    if proto in (6, 17):
        port = struct.unpack("!H", p[at + 2:at + 4])[0]
        if 7900 <= port < 8000:
            n[0] += 1
            if n[0] == 1:
                print("heard", flush=True)
        elif port in (7001, 8001):
            n[1] += 1
PY
cat >"$tmp/load.py" <<'PY'
# load.py ADDR4 ADDR6 ALLOWED: all that a program can do to get through
import itertools, socket, sys, time
to = {socket.AF_INET: sys.argv[1], socket.AF_INET6: sys.argv[2]}
allowed = int(sys.argv[3])
kept = []
for family, addr in to.items():
    for connected in (False, True):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.setblocking(False)
        if connected:
            s.connect((addr, 7900))
        kept.append((s, connected, addr))
print("ready", flush=True)
pending = []
for i in itertools.count():
    for s, connected, addr in kept:  # the same sockets all the time
        try:
            s.send(b"leak") if connected else s.sendto(b"leak", (addr, 7901))
        except OSError:
            pass
    for family, addr in to.items():  # and new ones
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            for port in (7902 + i % 90, allowed):
                try:
                    s.sendto(b"leak", (addr, port))
                except OSError:
                    pass
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setblocking(False)
        s.connect_ex((addr, 7902 + i % 90))
        pending.append(s)
    while len(pending) > 200:
        pending.pop(0).close()
    time.sleep(0.0005)
PY
cat >"$tmp/sink.py" <<'PY'
# what comes through to a program on a forbidden port
import select, signal, socket, sys
n = 0
def end(*_):
    print(n, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
socks = []
for family in (socket.AF_INET, socket.AF_INET6):
    for port in range(7900, 8000):
        s = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(("", port))
        socks.append(s)
print("ready", flush=True)
while True:
    for s in select.select(socks, [], [])[0]:
        s.recv(64)
        n += 1
        if n == 1:
            print("took", flush=True)
PY
loads() { # who listens, inside and outside, and then who sends without end
	background ins python3 "$tmp/ear.py" s0 10.9.0.1 fd09::1 >"$tmp/ear"
	ear=$pid
	background inc python3 "$tmp/sink.py" >"$tmp/sink"
	sink=$pid
	wait_for has_text ready "$tmp/ear"
	wait_for has_text ready "$tmp/sink"
	background inc python3 "$tmp/load.py" 10.9.0.2 fd09::2 7001 >"$tmp/load.c"
	load_c=$pid
	background ins python3 "$tmp/load.py" 10.9.0.1 fd09::1 8001 >"$tmp/load.s"
	load_s=$pid
}
loads_end() {
	stop "$load_c" >/dev/null 2>&1
	stop "$load_s" >/dev/null 2>&1
	stop "$ear"
	stop "$sink"
}
rules "drop out to port 7900-7999" "drop in to port 7900-7999" \
    "default in accept" "default out accept"
settings
check "the daemon starts" daemon_start
loads
wait_for has_text ready "$tmp/load.c"
wait_for has_text ready "$tmp/load.s"
busy() { # so many packets later
	local n
	n=$(counter packets)
	wait_for sh -c "[ \$($REROUTECTL --control $tmp/control --json status |
	    python3 -c 'import json, sys
print(json.load(sys.stdin)[\"counters\"][\"packets\"])') -gt $((n + 300)) ]"
}
in_place() { ctl firewall verify; }
settled() { wait_for in_place && busy; }
check "under load" busy
for i in 1 2 3; do
	rules "drop out to port 7900-7999" "drop in to port 7900-7999" \
	    "default in accept" "default out accept" "block out to port 1$i"
	check "reload $i" daemon_reload
	busy
done
for n in 1 2; do
	daemon_stop KILL >/dev/null 2>&1
	check "started over what was left $n" daemon_start
	busy
done
waiting() { # N: do so many packets wait in the queue of what goes out?
	inc awk -v n="$1" '$1 == 17040 && $3 > n { many = 1 }
	    END { exit !many }' /proc/net/netfilter/nfnetlink_queue
}
kill -STOP "$daemon"
check "stopped, packets wait" wait_for waiting 300
kill -CONT "$daemon"
check "it goes on" busy
cat >"$tmp/foreign" <<'RULES'
*mangle
-A OUTPUT -p tcp -j RETURN
COMMIT
*filter
-A OUTPUT -p tcp -j ACCEPT
-A INPUT -p tcp -j ACCEPT
COMMIT
RULES
for i in $IPT4 $IPT6; do
	for t in filter mangle nat; do
		check "$i -t $t -F" inc $i -t $t -F
		check "… put back" settled
	done
	printf '*mangle\n-F\nCOMMIT\n*filter\n-F\nCOMMIT\n' >"$tmp/both"
	check "$i: mangle and filter flushed at once" inc sh -c \
	    "$i-restore --noflush <$tmp/both"
	check "… put back" settled
	check "$i: both replaced by others" inc sh -c \
	    "$i-restore <$tmp/foreign"
	check "… put back" settled
	for n in 1 2 3 4 5; do
		inc sh -c "$i -F; $i -t mangle -F"
		wait_for in_place
	done
	inc $i -F OUTPUT
	inc $i -F INPUT
	wait_for in_place
done
# … and the table of A8 with them, and nf_tables whole: the seal of bpf holds
sealed=$(grep -c 'source=bpf' "$tmp/daemon.log")
printf '*%s\nCOMMIT\n' mangle filter security nat >"$tmp/empty"
for n in $(seq $((sealed * 5))); do
	case ${BACKEND:-auto} in
	iptables-restore) inc nft flush ruleset ;;
	*) inc sh -c "$IPT4-restore <$tmp/empty; $IPT6-restore <$tmp/empty" ;;
	esac
	check "all tables emptied at once $n: put back" wait_for in_place
done
check "all the same, it works" busy
stop "$load_c" >/dev/null 2>&1
stop "$load_s" >/dev/null 2>&1
check_not "the tables are not in order" sh -c "! $REROUTECTL --control \
    $tmp/control firewall verify"
stop "$ear"
stop "$sink"
read -r forbidden allowed <<<"$(tail -n 1 "$tmp/ear")"
check "nothing that is forbidden left: $forbidden packets" [ "$forbidden" = 0 ]
check "what is allowed did: $allowed packets" [ "$allowed" -gt 300 ]
check "nothing that is forbidden came in" [ "$(tail -n 1 "$tmp/sink")" = 0 ]

# -- what holds while mangle and filter are gone: the rows of A8.
# Nobody puts anything back here, so that it is they, and then their lack, that
# is seen. Without the programs of bpf, which let nothing new out either when
# nobody takes their records --
daemon_stop
settings
printf '[rerouted]\nbpf = no\n' >>"$conf"
check "started without bpf" daemon_start
kill -STOP "$daemon"
ear() { # CONDITION...: what has left by then, in $forbidden
	local from
	loads
	wait_for "$@"
	loads_end
	read -r forbidden allowed <<<"$(tail -n 1 "$tmp/ear")"
}
stopped_there() { # on its way in, and out
	local i hook
	for i in $IPT4 $IPT6; do
		for hook in INPUT OUTPUT; do
			[ "$(inc $i -t security -nvxL $hook 1 |
			    awk '{ print $1 }')" -gt 300 ] || return 1
		done
	done
}
gets_through() { grep -q heard "$tmp/ear" && grep -q took "$tmp/sink"; }
for i in $IPT4 $IPT6; do
	inc $i -F
	inc $i -t mangle -F
done
ear stopped_there
check "A8: mangle and filter gone, $forbidden forbidden packets left" \
    [ "$forbidden" = 0 ]
check "A8: … and none came in" [ "$(tail -n 1 "$tmp/sink")" = 0 ]
for i in $IPT4 $IPT6; do
	inc $i -t security -F
done
ear gets_through
check "without A8: they leave, $forbidden" [ "$forbidden" -gt 0 ]
check "without A8: they come in" [ "$(tail -n 1 "$tmp/sink")" -gt 0 ]
kill -CONT "$daemon"
check "all of it is put back" wait_for in_place
daemon_stop
check "the daemon ends well" test $? = 0
finish
