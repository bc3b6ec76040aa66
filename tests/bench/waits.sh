#!/bin/bash
# The longest wait of a program while a list of a million names is loaded again
# and again: for an answer out of the cache, at 5,000 queries a second, and for
# a connection, each of which is judged. Then the same with nothing loaded.
#
#     make bench; BUILDDIR=. REROUTED=./rerouted REROUTECTL=./reroutectl \
#         tests/bench/waits.sh [SECONDS] [QUERIES-A-SECOND]
#
# Alone on the machine: what else runs is in the figures. Prints what the kernel
# dropped meanwhile, too.
. "$(dirname "$0")/../netns/lib.sh"
need_root
need python3
seconds=${1:-10} qps=${2:-5000}
net_up
python3 -c '
import sys
with open(sys.argv[1], "w") as f:
    for i in range(1000000):
        f.write("host%d.ads%d.example\n" % (i, i % 997))' "$tmp/big.txt"
background inc python3 -B "$top/tests/netns/upstreams.py" 127.0.9.1 >"$tmp/serve"
background ins "$BUILDDIR/probe" serve 7001 10.9.0.2 >"$tmp/probe"
wait_for grep -q ready "$tmp/serve"
wait_for grep -q ready "$tmp/probe"
settings "[resolver]" "upstream = 127.0.9.1" \
    '[list "big"]' "source = $tmp/big.txt" "format = domains"
rules "block out list big" "default out accept"
daemon_start || exit 1

drops() { # what may have lost a packet: name value
	inc nstat -asz 2>/dev/null | awk '/TCPSynRetrans|ListenDrops|ListenOverflows|UdpRcvbufErrors|UdpInErrors|OutNoRoutes|TCPBacklogDrop/ { print $1, $2 }'
	inc conntrack -S 2>/dev/null | tr ' ' '\n' | awk -F= '/insert_failed|drop|early_drop|invalid|clash/ { s[$1] += $2 } END { for (k in s) print k, s[k] }'
	for n in overflows failures dropped queue_errors packets verdicts; do
		echo "daemon_$n $(counter $n)"
	done
}
round() { # WHAT
	drops >"$tmp/before"
	inc timeout 100 "$BUILDDIR/waits" "$seconds" "$qps" 1000 127.0.0.1 \
	    10.9.0.2 7001 | sed "s/^/$1: /"
	drops >"$tmp/after"
	join <(sort "$tmp/before") <(sort "$tmp/after") |
	    awk -v w="$1" '$2 != $3 { printf "%s: %s +%d\n", w, $1, $3 - $2 }'
}
listed() { ctl lists >"$tmp/lists"; } # the last load is over
reloads() {
	n=0
	while :; do
		n=$((n + 1))
		echo "new$n.example" >>"$tmp/big.txt"
		ctl lists reload >/dev/null || exit
		echo "$n" >"$tmp/reloads"
	done
}
inc timeout 20 "$BUILDDIR/waits" 2 "$qps" 1000 127.0.0.1 10.9.0.2 7001 >/dev/null
round "nothing loaded"
reloads &
loader=$!
round "lists loaded"
kill "$loader" 2>/dev/null
wait "$loader" 2>/dev/null
wait_for listed
echo "lists loaded: $(cat "$tmp/reloads") times"
daemon_stop
