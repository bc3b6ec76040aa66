#!/bin/bash
# What rerouted costs where there is nothing to judge: bulk traffic of flows that
# have their verdict, beside no firewall in turn; and wake-ups in 10 idle seconds,
# one interval of a watchdog and a timer of its own each. Medians.
#
#   tests/bench/quiet.sh [ROUNDS [MB]]        7 rounds of 2000 MB; 0: idle alone
. "$(dirname "$0")/judges.sh"
rounds=${1:-7}
mb=${2:-2000}
programs rerouted relay
net_up
echo 'default out accept' >"$tmp/rules/10.rules"
background ins "$BUILDDIR/relay" sink 10.9.0.2 7001
wait_for sh -c "nsenter --net=/run/netns/$S ss -Htln 'sport = :7001' | grep -q ."

for round in $(seq "$rounds"); do
	order="none rerouted"
	[ $((round % 2)) = 0 ] && order="rerouted none"
	for who in $order; do
		judge_start $who
		wait_quiet
		echo "$(inc "$BUILDDIR/relay" push 10.9.0.2 7001 1 \
			$((mb * 1000000))) 0 0 0 0" >>"$tmp/$who"
		[ $who = none ] || ctl --json status |
			sed 's/.*"packets":\([0-9]*\).*/\1/' >"$tmp/packets"
		judge_stop $who
	done
done

switches() { # of all threads
	cat /proc/"$daemon"/task/*/status |
		awk '/ctxt_switches/ { n += $2 } END { print n }'
}
judge_start rerouted
wait_quiet
before=$(switches)
cpu=$(cpu_ns "$daemon")
read -rt 10 <>"$tmp/never"
after=$(switches)
cpu=$((($(cpu_ns "$daemon") - cpu) / 1000))
judge_stop rerouted

[ "$rounds" = 0 ] || echo "bulk, $mb MB, $rounds rounds: $(median "$tmp/none" 1) s without," \
	"$(median "$tmp/rerouted" 1) s with rerouted: time" \
	"$(ratio "$tmp/rerouted" "$tmp/none" 1); judged: $(cat "$tmp/packets")"
echo "idle, 10 s: $((after - before)) wake-ups, $cpu us"
