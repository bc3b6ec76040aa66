#!/bin/bash
# rerouted beside others, in turn within one run: no firewall, a bare loop that
# accepts everything (nfqloop), rerouted with 1,000 rules and process look-up,
# and OpenSnitch (Debian's opensnitch, its daemon alone, default allow, /proc).
# Loads: TCP and UDP, one and 64 at a time, and each from a new process.
# Medians of the rounds. With `crowd` rerouted alone, in turn without and with
# 500 processes of 20 descriptors and 50,000 other sockets beside it.
#
#   tests/bench/peers.sh [ROUNDS [N [crowd]]]     3 rounds of 3000 connections
#
# LOADS="udp:1" and WHOS="bare rerouted" in the environment: those rows alone,
# of `tcp udp` one (:1) and 64 at a time (:64), and tcp-churn:1 udp-churn:1.
. "$(dirname "$0")/judges.sh"
rounds=${1:-3}
n=${2:-3000}
crowd=${3:-}
programs rerouted nfqloop connload chainsctl
whos="none bare rerouted"
command -v opensnitchd >/dev/null && whos="$whos opensnitch"
[ -z "$crowd" ] || whos="rerouted crowd"
whos=${WHOS:-$whos}
net_up
rules_thousand
serve

cat >"$tmp/crowd.py" <<'PY'
import os, signal, socket, sys
def child(what):
    if os.fork() == 0:
        keep = what()
        os.write(1, b"ready\n")
        signal.pause()
def files():
    return [open("/dev/null") for _ in range(17)]
def sockets(bound):
    keep = []
    for _ in range(1000):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if bound:
            s.bind(("127.0.0.1", 0))
        keep.append(s)
    return keep
def stop(*_):
    os.killpg(0, signal.SIGKILL)
os.setpgid(0, 0)
for i in range(500):
    child(files)
for i in range(50):
    child(lambda: sockets(i < 25))
signal.signal(signal.SIGTERM, stop)
signal.pause()
PY
start_crowd() {
	(
		ulimit -n 4096
		exec nsenter --net=/run/netns/"$C" python3 "$tmp/crowd.py"
	) >"$tmp/crowd.out" &
	gathered=$!
	pids="$pids $gathered"
	wait_for sh -c "[ \$(grep -c ready $tmp/crowd.out) = 550 ]"
	start_rerouted
}
stop_crowd() {
	stop_rerouted
	stop "$gathered"
}

count() { # WHO LOAD: of connections
	case $1:$2 in
	opensnitch:*) echo $((n / 10)) ;;
	*churn:*) echo $((n / 3)) ;;
	*) echo "$n" ;;
	esac
}

loads=${LOADS:-tcp:1 tcp:64 udp:1 udp:64 tcp-churn:1 udp-churn:1}
for round in $(seq "$rounds"); do
	for who in $whos; do
		judge_start $who
		for load in $loads; do
			measure "$tmp/$who.$load" "${load%:*}" "${load#*:}" \
				"$(count $who "$load")"
		done
		[ $who = none ] || resident "$daemon" >"$tmp/rss.$who"
		judge_stop $who
	done
done

with=bare
[ -z "$crowd" ] || with=rerouted
case " $whos " in *" $with "*) ;; *) with=rerouted ;; esac
echo "connections: $n a run (OpenSnitch a tenth), $rounds rounds; medians"
printf '%-12s %-10s %9s %9s %9s %7s %11s %11s %12s\n' load judge conn/s p50-us \
	p99-us errors cpu-us/conn "rate/$with" "cpu/$with"
for load in $loads; do
	for who in $whos; do
		f=$tmp/$who.$load
		printf '%-12s %-10s %9s %9s %9s %7s %11s %11s %12s\n' "$load" \
			$who "$(median "$f" 1)" "$(median "$f" 2)" \
			"$(median "$f" 3)" "$(median "$f" 4)" \
			"$(median "$f" 5 | awk '{ print $1 / 1000 }')" \
			"$(ratio "$f" "$tmp/$with.$load" 1)" \
			"$(ratio "$f" "$tmp/$with.$load" 5)"
	done
done
for who in $whos; do
	[ $who = none ] || echo "resident, $who: $(cat "$tmp/rss.$who") kB"
done
