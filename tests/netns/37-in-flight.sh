#!/bin/bash
# Sockets that are on their way between processes are nobody's: to look for who
# has them in vain costs the daemon little, and others none of their time.
#
#     c 10.9.0.1, has 288 of them  ---- veth ----  s 10.9.0.2, sends to each
#       and 288 that a process holds
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
probe=$BUILDDIR/probe
background ins "$probe" serve 7001 10.9.0.2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
cat >"$tmp/hold.py" <<'PY'
import os, signal, socket, sys
first = int(sys.argv[1])
user = int(sys.argv[3])
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
a, b = socket.socketpair()
held = []
for part in range(2):
    made = []
    for port in range(first + 144 * part, first + 144 * (part + 1)):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("10.9.0.1", port))
        made.append(s)
    held += made if sys.argv[2] == "held" else []
    if held:
        continue
    socket.send_fds(a, [b"x"], [s.fileno() for s in made])
    for s in made:
        s.close()
print("held", flush=True)
signal.pause()
PY
cat >"$tmp/knock.py" <<'PY'
import socket, sys, time
for n in range(1200):
    # each from a port of its own, some at a time: never a burst
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", ("10.9.0.1", int(sys.argv[1]) + n % 288))
    if n % 3 == 2:
        time.sleep(0.005)
PY
cat >"$tmp/others.py" <<'PY'
import socket, sys, time
from patient import Patience
# as many as 20, or a third of the rate that there was before, in a second. A
# machine that stands still takes none of it
worst, n, left = 0, 0, float(sys.argv[1])
least = min(20, int(sys.argv[2]))
while left > 0:
    patience = Patience(30)
    with socket.socket() as s:
        patience.connect(s, ("10.9.0.2", 7001))
    worst = max(worst, patience.waited)
    left -= patience.waited + 0.01
    n += 1
    time.sleep(0.01)
print(n, "connections, at worst %.1f ms" % (worst * 1000))
sys.exit(n < least)
PY
cpu_ms() { awk '{ s += $1 } END { print int(s / 1e6) }' /proc/"$1"/task/*/schedstat; }

knocks() { # FIRST-PORT: $cpu of $took ms
	began=$(now_ms) cpu=$(cpu_ms "$daemon")
	background ins python3 "$tmp/knock.py" "$1"
	inc python3 "$tmp/others.py" 2 "$before"
	_r=$?
	wait "$pid"
	cpu=$(($(cpu_ms "$daemon") - cpu)) took=$(($(now_ms) - began))
	return $_r
}
cheap() { # in one of some rounds: whatever else runs costs the daemon, too
	local _again
	for _again in 2 1 0; do
		echo "$cpu ms of CPU in $took, where $normal are normal"
		[ $(((cpu - normal) * 4)) -ge $took ] || return 0
		[ $_again = 0 ] || knocks 21000 || return 1
		normal=$cpu
		[ $_again = 0 ] || knocks 20000 || return 1
	done
	return 1
}
rules "drop in exe /none to port 20000-20287, 21000-21287" "default out accept" \
    "default in accept" "default unknown drop"
for bpf in auto no; do
	settings "[rerouted]" "bpf = $bpf"
	daemon_start
	[ $bpf = auto ] && user=65534 || user=0
	background inc python3 "$tmp/hold.py" 21000 held $user >"$tmp/held.out"
	held=$pid
	background inc python3 "$tmp/hold.py" 20000 flight $user \
	    >"$tmp/hold.out"
	hold=$pid
	wait_for has_text held "$tmp/held.out"
	wait_for has_text held "$tmp/hold.out"
	read -r before _ <<<"$(inc python3 "$tmp/others.py" 1 0)"
	check "bpf = $bpf: others connect beside datagrams" knocks 21000
	normal=$cpu
	check "bpf = $bpf: others connect beside those for sockets in flight" \
	    knocks 20000
	sed 's/^/# /' "$tmp/check.out"
	check "bpf = $bpf: these cost a quarter of the time at most" cheap
	sed 's/^/# /' "$tmp/check.out"
	stop "$held"
	check "bpf = $bpf: they are nobody's" flows "(lambda to: to and not
	    [print(x) for x in to if x['exe'] != 'unknown'])([x for x in f if
	    x['proto'] == 'udp' and x['direction'] == 'in' and
	    20000 <= x['dport'] <= 20287])"
	stop "$hold"
	daemon_stop
	check "bpf = $bpf: the daemon ends well" test $? = 0
done
finish
