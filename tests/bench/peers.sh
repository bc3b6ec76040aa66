#!/bin/bash
# rerouted beside others, in turn within one run: no firewall, a bare loop that
# accepts everything (nfqloop), rerouted with 1,000 rules and process look-up,
# and OpenSnitch (Debian's opensnitch, its daemon alone, default allow, /proc).
# Loads: TCP and UDP, one and 64 at a time, and each from a new process; then,
# with `crowd`, the same beside 500 processes of 20 descriptors and 50,000
# other sockets. Medians of the rounds.
#
#   tests/bench/peers.sh [ROUNDS [N [crowd]]]     3 rounds of 3000 connections
. "$(dirname "$0")/../netns/lib.sh"
need_root

rounds=${1:-3}
n=${2:-3000}
crowd=${3:-}
nfqloop=$BUILDDIR/nfqloop
connload=$BUILDDIR/connload
chainsctl=$BUILDDIR/chainsctl
for program in "$REROUTED" "$nfqloop" "$connload" "$chainsctl"; do
	[ -x "$program" ] || {
		echo "$program is missing: make bench" >&2
		exit 1
	}
done
whos="none bare rerouted"
command -v opensnitchd >/dev/null && whos="$whos opensnitch"

net_up
{
	echo "default out accept"
	echo "default in accept"
	for i in $(seq 998); do
		case $((i % 4)) in
		0) echo "block out exe /opt/app$i/bin/* to any port $i" ;;
		1) echo "accept out user daemon to 198.51.$((i % 200)).0/24" ;;
		2) echo "block out unit app$i.service to internet port 25" ;;
		3) echo "drop out proto udp to 203.0.113.$((i % 250)) port $i" ;;
		esac
	done
} >"$tmp/list"
mkdir "$tmp/rules" "$tmp/os" "$tmp/log"
cp "$tmp/list" "$tmp/rules/10.rules"
[ ! -d /etc/opensnitchd ] || {
	cp -r /etc/opensnitchd "$tmp/osconf"
	sed -i 's/"ProcMonitorMethod".*/"ProcMonitorMethod":"proc",/
	    s|unix:///tmp/osui.sock|unix://'"$tmp"'/osui.sock|' \
	    "$tmp/osconf/default-config.json"
}

# nanoseconds that all threads of a process have run
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { print s }'; }
listening() { grep -q ready "$tmp/$1.out"; }

background ins "$connload" serve 10.9.0.2 7000 >"$tmp/serve.out"
wait_for listening serve

if [ -n "$crowd" ]; then
	cat >"$tmp/crowd.py" <<'PY'
import os, signal, socket
for i in range(500):
    if os.fork() == 0:
        keep = [open("/dev/null") for _ in range(17)]
        signal.pause()
for i in range(50):
    if os.fork() == 0:
        keep = []
        for _ in range(1000):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(("127.0.0.1", 0)) if i < 25 else None
            keep.append(s)
        print("ready", flush=True)
        signal.pause()
signal.pause()
PY
	ulimit -n 4096
	background inc python3 "$tmp/crowd.py" >"$tmp/crowd.out"
	wait_for sh -c "[ \$(grep -c ready $tmp/crowd.out) = 50 ]"
fi

start_none() { daemon=$$; }
stop_none() { :; }
start_bare() {
	background inc "$nfqloop" >"$tmp/bare.out"
	daemon=$pid
	wait_for listening bare
	inc "$chainsctl" install ip4 && inc "$chainsctl" install ip6
}
stop_bare() {
	inc "$chainsctl" remove ip4 && inc "$chainsctl" remove ip6
	stop "$daemon"
}
start_rerouted() {
	background inc "$REROUTED" --rules "$tmp/rules" --state "$tmp/state" \
		--control "$tmp/control" 2>"$tmp/rerouted.err"
	daemon=$pid
	wait_for grep -q ready "$tmp/rerouted.err"
}
stop_rerouted() { stop "$daemon"; }
start_opensnitch() {
	background inc unshare -m sh -c "mount --make-rprivate /
		mount --bind $tmp/osconf /etc/opensnitchd
		mount --bind $tmp/log /var/log
		exec opensnitchd -rules-path $tmp/os >$tmp/os.out 2>&1"
	daemon=$pid
	# its rule is there, and it answers
	wait_for sh -c "nsenter --net=/run/netns/$C iptables-save -t mangle 2>&1 |
	    grep -q NFQUEUE"
	wait_for inc "$connload" tcp 10.9.0.2 7000 1 1
}
stop_opensnitch() {
	stop "$daemon"
	for table in mangle filter; do inc iptables -t $table -F; done
}

measure() { # WHO LOAD PARALLEL: appends "rate p50 p99 errors cpu_ns"
	local m=$n
	case $1:$2 in
	opensnitch:*) m=$((n / 10)) ;;
	*churn) m=$((n / 3)) ;;
	esac
	before=$(cpu_ns "$daemon")
	case $2 in
	*churn) line=$(inc "$connload" "$2" 10.9.0.2 7000 "$m") ;;
	*) line=$(inc "$connload" "$2" 10.9.0.2 7000 "$m" "$3") ;;
	esac
	after=$(cpu_ns "$daemon")
	echo "$line $(((after - before) / m))" >>"$tmp/$1.$2.$3"
}

loads="tcp:1 tcp:64 udp:1 udp:64 tcp-churn:1 udp-churn:1"
for round in $(seq "$rounds"); do
	for who in $whos; do
		start_$who
		for load in $loads; do
			measure "$who" "${load%:*}" "${load#*:}"
		done
		[ $who = none ] || echo "$(awk '/VmRSS/ { print $2 }' \
			/proc/"$daemon"/status)" >"$tmp/rss.$who"
		stop_$who
	done
done

median() { # of column $2 in file $1
	sort -n -k"$2,$2" "$1" | awk -v c="$2" '{ v[NR] = $c }
		END { print v[int((NR + 1) / 2)] }'
}
ratio() { # median of the ratios, round by round, of column $3: $1 over $2
	paste "$1" "$2" | awk -v c="$3" '{ print $c / ($(c + 5) + 1e-9) }' |
		sort -n | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] }'
}

echo "connections: $n a run (OpenSnitch a tenth), $rounds rounds; medians${crowd:+; with a crowd}"
printf '%-12s %-10s %9s %9s %9s %7s %11s %11s %12s\n' load judge conn/s p50-us \
	p99-us errors cpu-us/conn "rate/bare" "cpu/bare"
for load in $loads; do
	name=${load%:*}.${load#*:}
	for who in $whos; do
		f=$tmp/$who.$name
		printf '%-12s %-10s %9s %9s %9s %7s %11s %11s %12s\n' "$load" \
			$who "$(median "$f" 1)" "$(median "$f" 2)" \
			"$(median "$f" 3)" "$(median "$f" 4)" \
			"$(median "$f" 5 | awk '{ print $1 / 1000 }')" \
			"$(ratio "$f" "$tmp/bare.$name" 1)" \
			"$(ratio "$f" "$tmp/bare.$name" 5)"
	done
done
for who in $whos; do
	[ $who = none ] || echo "resident, $who: $(cat "$tmp/rss.$who") kB"
done
