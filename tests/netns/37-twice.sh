#!/bin/bash
# What waits for a verdict while the hooks of the kernel change, or while the
# daemon starts, is denied for good: a hook that is registered before ours brings
# each packet back to us, and what was sent before it can be known by whom is not
# judged at all.
#
#     c 10.9.0.1, daemon, sends  ---- veth ----  s 10.9.0.2, counts
. "$(dirname "$0")/lib.sh"
need_root
need python3 nft iptables-legacy ip6tables-legacy
net_up

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
