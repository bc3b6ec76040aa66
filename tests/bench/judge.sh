#!/bin/bash
# CPU of the daemon per new connection and rate of connections, rerouted beside
# a bare loop that accepts everything (nfqloop), the same chains for both, in
# turn within one run. Medians of the rounds, and ratios round by round.
#
#   tests/bench/judge.sh [ROUNDS [N]]        5 rounds of 4000 connections
. "$(dirname "$0")/../netns/lib.sh"
need_root

rounds=${1:-5}
n=${2:-4000}
nfqloop=$BUILDDIR/nfqloop
connload=$BUILDDIR/connload
chainsctl=$BUILDDIR/chainsctl
for program in "$REROUTED" "$nfqloop" "$connload" "$chainsctl"; do
	[ -x "$program" ] || {
		echo "$program is missing: make bench" >&2
		exit 1
	}
done

net_up
mkdir "$tmp/rules"
cat >"$tmp/rules/10.rules" <<END
default out accept
default in accept
END

# nanoseconds that all threads of a process have run
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { print s }'; }

listening() { grep -q ready "$tmp/$1.out"; }

background ins "$connload" serve 10.9.0.2 7000 >"$tmp/serve.out"
wait_for listening serve

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
	background inc "$REROUTED" --rules "$tmp/rules" \
		--control "$tmp/control" 2>"$tmp/rerouted.err"
	daemon=$pid
	wait_for grep -q ready "$tmp/rerouted.err"
}

stop_rerouted() { stop "$daemon"; }

none() { :; }

# measure WHO ROUND PROTO PARALLEL: appends "rate p50 p99 errors cpu_us"
measure() {
	before=$(cpu_ns "$daemon")
	line=$(inc "$connload" "$3" 10.9.0.2 7000 "$n" "$4")
	after=$(cpu_ns "$daemon")
	echo "$line $(((after - before) / n))" >>"$tmp/$1.$3.$4"
}

for round in $(seq "$rounds"); do
	order="bare rerouted"
	[ $((round % 2)) = 0 ] && order="rerouted bare"
	for who in $order; do
		start_$who
		for parallel in 1 64; do
			measure "$who" "$round" tcp "$parallel"
			measure "$who" "$round" udp "$parallel"
		done
		[ $who = rerouted ] && rss=$(awk '/VmRSS/ { print $2 }' \
			/proc/"$daemon"/status)
		stop_$who
	done
done

median() { # of column $2 in file $1
	sort -n -k"$2" "$1" | awk -v c="$2" '{ v[NR] = $c }
		END { print v[int((NR + 1) / 2)] }'
}

ratio() { # median of the ratios, round by round, of column $3: $1 over $2
	paste "$1" "$2" | awk -v c="$3" '{ print $c / $(c + 5) }' |
		sort -n | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] }'
}

echo "connections: $n a run, $rounds rounds; medians"
printf '%-10s %-10s %10s %10s %10s %7s %12s\n' \
	load judge conn/s p50-us p99-us errors cpu-us/conn
for proto in tcp udp; do
	for parallel in 1 64; do
		for who in bare rerouted; do
			f=$tmp/$who.$proto.$parallel
			printf '%-10s %-10s %10s %10s %10s %7s %12s\n' \
				"$proto x$parallel" $who "$(median "$f" 1)" \
				"$(median "$f" 2)" "$(median "$f" 3)" \
				"$(median "$f" 4)" \
				"$(median "$f" 5 | awk '{ print $1 / 1000 }')"
		done
		printf '%-10s ratio rerouted/bare: rate %s, cpu %s\n' \
			"$proto x$parallel" \
			"$(ratio "$tmp/rerouted.$proto.$parallel" "$tmp/bare.$proto.$parallel" 1)" \
			"$(ratio "$tmp/rerouted.$proto.$parallel" "$tmp/bare.$proto.$parallel" 5)"
	done
done
echo "resident after the last load: $rss kB"
