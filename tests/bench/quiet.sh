#!/bin/bash
# What rerouted costs where there is nothing to judge: bulk traffic of flows that
# have their verdict, TCP and a blast of small datagrams (CPU of who sends),
# beside no firewall and beside the kernel's conntrack alone, in turn, each in a
# namespace of its own, since tables stay in use once they were; and wake-ups in
# 10 idle seconds, one interval of a watchdog and a timer of its own each.
# Medians.
#
#   tests/bench/quiet.sh [ROUNDS [MB]]        7 rounds of 2000 MB; 0: idle alone
. "$(dirname "$0")/judges.sh"
rounds=${1:-7}
mb=${2:-2000}
programs rerouted relay
net_up
net_add NONE
net_add CONNTRACK
from_none=$NONE from_conntrack=$CONNTRACK from_rerouted=$C
to_rerouted=10.9.0.2
echo 'default out accept' >"$tmp/rules/10.rules"
whos="none conntrack rerouted"
n=0
for who in $whos; do
	n=$((n + 1))
	from=from_$who
	[ $who = rerouted ] || {
		eval "to_$who=10.9.$n.2"
		ip link add c0 netns "${!from}" type veth peer name s$n netns "$S"
		inns "${!from}" ip address add 10.9.$n.1/24 dev c0
		ins ip address add 10.9.$n.2/24 dev s$n
		inns "${!from}" ip link set c0 up
		ins ip link set s$n up
	}
	to=to_$who
	background ins "$BUILDDIR/relay" sink "${!to}" 7001
	background ins "$BUILDDIR/relay" usink "${!to}" 7002 >"$tmp/usink"
	wait_for sh -c "nsenter --net=/run/netns/$S ss -Htln \
	    'src ${!to} and sport = :7001' | grep -q ."
done
inns "$CONNTRACK" iptables-legacy -A OUTPUT -m conntrack --ctstate INVALID -j DROP

judge_start rerouted
for round in $(seq "$rounds"); do
	order=$whos
	[ $((round % 2)) = 0 ] && order="rerouted conntrack none"
	for who in $order; do
		from=from_$who to=to_$who
		echo "$(inns "${!from}" "$BUILDDIR/relay" push "${!to}" 7001 1 \
			$((mb * 1000000))) 0 0 0 0" >>"$tmp/$who"
		for i in 1 2 3; do
			echo "$(inns "${!from}" "$BUILDDIR/relay" ublast "${!to}" \
				7002 30000) 0 0 0 0" >>"$tmp/$who.udp"
		done
	done
done
ctl --json status | sed 's/.*"packets":\([0-9]*\).*/\1/' >"$tmp/packets"
judge_stop rerouted

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

for who in $whos; do
	[ "$rounds" != 0 ] || break
	echo "bulk, $mb MB, $rounds rounds, $who: $(median "$tmp/$who" 1) s," \
	    "$(ratio "$tmp/$who" "$tmp/none" 1); a datagram of 64 bytes" \
	    "$(median "$tmp/$who.udp" 1) ns," \
	    "$(ratio "$tmp/$who.udp" "$tmp/none.udp" 1)"
done
[ "$rounds" = 0 ] || echo "judged: $(cat "$tmp/packets") packets"
echo "idle, 10 s: $((after - before)) wake-ups, $cpu us"
