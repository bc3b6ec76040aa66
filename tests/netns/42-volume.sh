#!/bin/bash
# 20,000 connections of 50 programs, and 20,000 more: every one is judged and
# has its own program, none is left waiting, and nothing in the daemon grows.
#
#     c 10.9.0.1, 50 programs  ---- veth ----  s 10.9.0.2, connload serve
#
# Each connection leaves from a port of its own, so that no two are one flow.
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
programs=50
each=400 # connections of a program
at_once=5

# what is kept is less than what comes in two rounds: the second one evicts
printf '[rerouted]\nflows-max = 20480\nprocesses-max = 64\n' >"$tmp/rerouted.conf"
rules "default out accept" "default in accept"
background ins "$BUILDDIR/connload" serve 10.9.0.2 7000 >"$tmp/serve.4"
background ins "$BUILDDIR/connload" serve fd09::2 7000 >"$tmp/serve.6"
wait_for has_text ready "$tmp/serve.4"
wait_for has_text ready "$tmp/serve.6"
mkdir "$tmp/bin"
for n in $(seq $programs); do
	cp "$BUILDDIR/connload" "$tmp/bin/program$n"
done
check "the daemon starts" daemon_start

descriptors() { ls "/proc/$daemon/fd" | wc -l; }
before=$(descriptors)

# the ports of a round lie above one another: 13 programs of each kind
one() { # one NUMBER FIRST-PORT
	local n=$1 proto addr
	case $((n % 4)) in
	0) proto=tcp addr=10.9.0.2 ;;
	1) proto=udp addr=10.9.0.2 ;;
	2) proto=tcp addr=fd09::2 ;;
	3) proto=udp addr=fd09::2 ;;
	esac
	inc "$tmp/bin/program$n" $proto $addr 7000 $each 20 \
	    $(($2 + n / 4 * each)) >"$tmp/load.$n" 2>&1
}
round() { # round FIRST-PORT: five shells, each with its ten programs
	local shell n
	rm -f "$tmp"/load.*
	for shell in $(seq $at_once); do
		for n in $(seq "$shell" $at_once $programs); do
			one "$n" "$1"
		done &
		pids="$pids $!"
		shells[shell]=$!
	done
	wait "${shells[@]}"
	# "rate p50 p99 errors" of each
	cat "$tmp"/load.* | awk '$4 == "0" { ok++ } $4 != "0" { print }
	    END { exit ok != '$programs' }'
}
exact="all(sum(x['exe'] == '$tmp/bin/program%d' % n for x in f) == $each
	for n in range(1, $programs + 1))"

check "20,000 connections" round 10000
check "each is listed with its own program" flows "$exact"
check "each has its ends" flows "all(x['dport'] == 7000 and x['dst'] ==
	('10.9.0.2' if ':' not in x['src'] else 'fd09::2') for x in f)"
check "each was judged once" [ "$(counter flows_new)" = $((programs * each)) ]
check "none was unknown" [ "$(counter processes_unknown)" = 0 ]
check_judged
first=$(resident)
check "descriptors: not more than the cache" [ "$(descriptors)" -le $((before + 64)) ]

check "20,000 more" round 20000
check "each of those is listed with its own program" flows "(lambda f: $exact)(
	[x for x in f if x['sport'] >= 20000])"
check "each of them was judged once" \
    [ "$(counter flows_new)" = $((programs * each * 2)) ]
check "the oldest were forgotten" \
    [ "$(counter flows_evicted)" = $((programs * each * 2 - 20480)) ]
check "none of them was unknown" [ "$(counter processes_unknown)" = 0 ]
check_judged
check "descriptors: still not more" [ "$(descriptors)" -le $((before + 64)) ]
second=$(resident)
if grep -q __asan_init "$REROUTED"; then
	echo "# resident $first kB, then $second kB: says nothing under ASan"
else
	check "resident $first kB, then $second kB" \
	    [ $((second * 100)) -le $((first * 105)) ]
fi
daemon_stop
check "the daemon ends well, without a leak" test $? = 0
finish
