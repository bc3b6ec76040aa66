#!/bin/bash
# CPU of the daemon per new connection and rate of connections, rerouted beside
# a bare loop that accepts everything (nfqloop), blocking in recv and waiting with
# epoll, the same chains for all, in turn within one run. Medians of the rounds,
# and ratios round by round.
#
#   tests/bench/judge.sh [ROUNDS [N]]        5 rounds of 4000 connections
#
# LOADS="udp:1" in the environment: those rows alone. in-tcp and in-udp come from
# outside, for a server here.
. "$(dirname "$0")/judges.sh"
rounds=${1:-5}
n=${2:-4000}
programs rerouted nfqloop connload chainsctl
net_up
cat >"$tmp/rules/10.rules" <<END
default out accept
default in accept
END
serve

loads=${LOADS:-tcp:1 udp:1 tcp:64 udp:64 in-tcp:1 in-udp:1}
for round in $(seq "$rounds"); do
	order="bare polling rerouted"
	[ $((round % 2)) = 0 ] && order="rerouted polling bare"
	for who in $order; do
		judge_start $who
		for load in $loads; do
			measure "$tmp/$who.$load" "${load%:*}" "${load#*:}" "$n"
		done
		if [ $who = rerouted ]; then
			rss=$(resident "$daemon")
			# the last load's are there
			before=$(cpu_ns "$daemon")
			inc conntrack -F >/dev/null 2>&1
			wait_quiet
			echo $((($(cpu_ns "$daemon") - before) / n)) >>"$tmp/ends"
		fi
		judge_stop $who
	done
done

echo "connections: $n a run, $rounds rounds; medians"
printf '%-10s %-10s %10s %10s %10s %7s %12s\n' \
	load judge conn/s p50-us p99-us errors cpu-us/conn
for load in $loads; do
	for who in bare polling rerouted; do
		f=$tmp/$who.$load
		printf '%-10s %-10s %10s %10s %10s %7s %12s\n' "$load" $who \
			"$(median "$f" 1)" "$(median "$f" 2)" \
			"$(median "$f" 3)" "$(median "$f" 4)" \
			"$(median "$f" 5 | awk '{ print $1 / 1000 }')"
	done
	for who in bare polling; do
		printf '%-10s ratio rerouted/%s: rate %s, cpu %s\n' "$load" \
			$who "$(ratio "$tmp/rerouted.$load" "$tmp/$who.$load" 1)" \
			"$(ratio "$tmp/rerouted.$load" "$tmp/$who.$load" 5)"
	done
done
echo "for a connection that ends: $(median "$tmp/ends" 1) ns"
echo "resident after the last load: $rss kB"
