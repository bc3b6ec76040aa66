#!/bin/bash
# Sockets that are on their way between processes are nobody's: to look for who
# has them in vain costs the daemon little, and others none of their time. And
# packets that are on their way through the kernel while its hooks change, or
# the daemon starts, are denied for good.
#
#     c 10.9.0.1, holds 288 of them  ---- veth ----  s 10.9.0.2, sends to each
. "$(dirname "$0")/lib.sh"
need_root
need python3 nft iptables-legacy ip6tables-legacy
net_up
probe=$BUILDDIR/probe
background ins "$probe" serve 7001 10.9.0.2 >"$tmp/serve"
wait_for grep -q ready "$tmp/serve"
cat >"$tmp/hold.py" <<'PY'
import os, signal, socket
# those of root's that nobody has are the kernel's
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
a, b = socket.socketpair()
for part in range(2):
    made = []
    for port in range(20000 + 144 * part, 20144 + 144 * part):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("10.9.0.1", port))
        made.append(s)
    socket.send_fds(a, [b"x"], [s.fileno() for s in made])
    for s in made:
        s.close()
print("held", flush=True)
signal.pause()
PY
cat >"$tmp/knock.py" <<'PY'
import socket, sys, time
began, n = time.monotonic(), 0
while time.monotonic() < began + float(sys.argv[1]):
    # as many as are due by now, each from a port of its own
    while n < (time.monotonic() - began) * 600:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", ("10.9.0.1", 20000 + n % 288))
        n += 1
    time.sleep(0.005)
print(n)
PY
cat >"$tmp/others.py" <<'PY'
import socket, sys, time
worst, n, end = 0, 0, time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    began = time.monotonic()
    with socket.create_connection(("10.9.0.2", 7001), 5):
        pass
    worst = max(worst, time.monotonic() - began)
    n += 1
    time.sleep(0.01)
print(n, "connections, at worst %.1f ms" % (worst * 1000))
sys.exit(n < 20)
PY
cpu_ms() { awk '{ s += $1 } END { print int(s / 1e6) }' /proc/"$1"/task/*/schedstat; }

rules "drop in exe /none to port 20000-20287" "default out accept" \
    "default in accept" "default unknown drop"
for bpf in auto no; do
	settings "[rerouted]" "bpf = $bpf"
	daemon_start
	background inc python3 "$tmp/hold.py" >"$tmp/hold.out"
	hold=$pid
	wait_for grep -q held "$tmp/hold.out"
	began=$(now_ms) cpu=$(cpu_ms "$daemon")
	background ins python3 "$tmp/knock.py" 3 >"$tmp/knocked"
	check "bpf = $bpf: others connect all the while" \
	    inc python3 "$tmp/others.py" 3
	sed 's/^/# /' "$tmp/check.out"
	wait "$pid"
	cpu=$(($(cpu_ms "$daemon") - cpu)) took=$(($(now_ms) - began))
	check "bpf = $bpf: $(cat "$tmp/knocked") datagrams for sockets in flight: \
$cpu ms of CPU in $took" [ $((cpu * 3)) -lt $took ]
	check "bpf = $bpf: they are nobody's" flows "any(x['direction'] == 'in'
	    for x in f) and all(x['exe'] == 'unknown' for x in f
	    if x['direction'] == 'in' and 20000 <= x['dport'] <= 20287)"
	stop "$hold"
	daemon_stop
	check "bpf = $bpf: the daemon ends well" test $? = 0
done

# -- a hook that comes before ours while packets wait: they come to us twice,
# the second time without the socket that they were sent from --
cat >"$tmp/once.py" <<'PY'
import socket
for i in range(20):
    for family, addr in (socket.AF_INET, "10.9.0.2"), (socket.AF_INET6, "fd09::2"):
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            try:
                s.sendto(b"once", (addr, 7950))
            except OSError:
                pass
PY
for i in iptables-legacy ip6tables-legacy; do
	ins $i -A INPUT -p udp --dport 7950 -j DROP
done
arrived() {
	for i in iptables-legacy ip6tables-legacy; do
		ins $i -nvxL INPUT 1
	done | awk '{ n += $1 } END { print n }'
}
waiting() { # N: do so many wait in each of the queues of what goes out?
	inc awk -v n="$1" '($1 == 17040 || $1 == 17060) && $3 >= n { ok++ }
	    END { exit ok != 2 }' /proc/net/netfilter/nfnetlink_queue
}
settings
for word in "drop" "block" "drop once"; do
	rules "$word out user root to port 7950" "default in accept"
	daemon_start
	kill -STOP "$daemon"
	inc python3 "$tmp/once.py"
	check "$word: they wait" wait_for waiting 20
	inc nft add table inet late
	inc nft "add chain inet late out { type filter hook output priority -300; }"
	kill -CONT "$daemon"
	check_judged
	check "$word: all came twice" [ "$(counter packets)" -ge 80 ]
	check "$word: and none got out" [ "$(arrived)" = 0 ]
	inc nft delete table inet late
	daemon_stop
done

# -- a program that may not, and closes each socket at once, while the daemon is
# killed and started again: what was sent before it can be known whose it is --
python=/usr/bin/python3 # one that a copy of works
if [ -x $python ]; then
	cp "$(readlink -f $python)" "$tmp/denied"
	sed 's/^for i.*/import time\nwhile not time.sleep(0.001):/' "$tmp/once.py" \
	    >"$tmp/always.py"
	rules "drop out exe $tmp/denied to port 7950" "default in accept"
	before=$(arrived)
	daemon_start
	background inc "$tmp/denied" -I "$tmp/always.py"
	sender=$pid
	for i in 1 2 3 4 5 6; do
		daemon_stop KILL
		daemon_start
		dropped=$(counter dropped)
		more() { [ "$(counter dropped)" -gt $((dropped + 50)) ]; }
		check "started again: it is judged" wait_for more
	done
	check "none got out" [ "$(arrived)" = "$before" ]
	stop "$sender"
	daemon_stop
fi
finish
