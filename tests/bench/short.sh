#!/bin/bash
# Processes that send one packet and end at once: who is named, who is taken for
# another, and what of a blocked program arrives at the far end; beside it the
# share that is named without BPF. Each row has a daemon and a time of its own.
#
#   tests/bench/short.sh [N [KIND:FAMILY[:PARALLEL]...]]
#       10,000 of each kind, one after the other and eight at a time
#   $SHORT_BESIDE=N   while N flows a second of another program run, and 200
#       other processes a second come and go, in a pid namespace of its own
#       with few pids ($SHORT_PIDS, 2048), so that they are used again at once
if [ -n "${SHORT_BESIDE:-}" ] && [ -z "${SHORT_INNER:-}" ]; then
	SHORT_INNER=1 exec unshare --pid --fork --kill-child --mount-proc "$0" "$@"
fi
. "$(dirname "$0")/../netns/lib.sh"
need_root
need python3 $IPT4 $IPT6
short=$BUILDDIR/short
connload=$BUILDDIR/connload
n=${1:-10000}
shift
rows=${*:-udp:4 udpc:4 mapped:4 tcp:4 ping:4 udp:6 udpc:6 tcp:6 ping:6 exec:4}
limit=${SHORT_LIMIT:-150} # seconds for each of a row's runs

net_up
mkdir "$tmp/bin"
chmod 755 "$tmp/bin"
for name in allowed denied; do cp "$short" "$tmp/bin/$name"; done

beside_start() {
	[ -n "${SHORT_BESIDE:-}" ] || return 0
	echo "${SHORT_PIDS:-2048}" >/proc/sys/kernel/pid_max || exit 99
	background ins "$connload" serve 10.9.0.2 6999 >"$tmp/serve.out"
	wait_for grep -q ready "$tmp/serve.out"
	background bash -c 'while :; do
		for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true & done
		wait; read -r -t 0.05 <>"$0"; done' "$tmp/never"
}
load_start() {
	[ -n "${SHORT_BESIDE:-}" ] || return 0
	background inc bash -c 'while :; do
		"$1" udp 10.9.0.2 6999 "$2" 16 >>"$3"
		read -r -t 0.01 <>"$0"; done' "$tmp/never" "$connload" \
	    "$SHORT_BESIDE" "$tmp/load.out"
	load=$pid
}
load_stop() { [ -z "${SHORT_BESIDE:-}" ] || stop "$load"; }

ipt() { # ipt FAMILY ARGUMENT...
	_ipt=$IPT4
	[ "$1" = 4 ] || _ipt=$IPT6
	shift
	ins $_ipt "$@"
}
count() { # from now on
	ipt "$family" -F INPUT
	case $kind:$family in
	ping:4) ipt 4 -A INPUT -p icmp --icmp-type 8 ;;
	ping:6) ipt 6 -A INPUT -p icmpv6 --icmpv6-type 128 ;;
	tcp:*) ipt "$family" -A INPUT -p tcp --dport $port ;;
	*) ipt "$family" -A INPUT -p udp --dport $port ;;
	esac
}
arrived() { ipt "$family" -nvxL INPUT | awk 'NR == 3 { print $1 }'; }

send() { # send PROGRAM N
	if [ "$kind" = exec ]; then
		set -- "$short" udp $to $port "$2" $parallel exec "$1"
	else
		set -- "$1" $kind $to $port "$2" $parallel
	fi
	timeout "$limit" nsenter --net="/run/netns/$C" -- "$@"
}
named() { # named PROGRAM: "SENT named wrong"
	timeout "$limit" "$REROUTECTL" --control "$tmp/control" --json flows \
	    --exe "$tmp/bin/$1" >"$tmp/flows"
	_dport=$port
	[ "$kind" != ping ] || _dport=0
	python3 "$top/tests/netns/short.py" "$tmp/sent" "$tmp/flows" $_dport \
	    "$tmp/bin/$1" $to
}
why() { # what was counted against it
	ctl --json status | python3 -c '
import json, sys
s = json.load(sys.stdin)
c = s["counters"]
for k in ("processes_unknown", "unknown_gone", "unknown_mixed", "uses_refused",
          "taken_dropped", "overflows", "processes_failed", "verdict_errors"):
    if c.get(k):
        print(k, c[k], end=" ")
print("lost", s["attribution"]["bpf_lost"], end=" ")
for q in s["queues"]:
    if q["dropped_full"] or q["dropped_user"]:
        print("dropped", q["dropped_full"], q["dropped_user"], end=" ")'
}

row() {
	rules "block exe $tmp/bin/denied" "default out accept" "default in accept"
	settings
	daemon_start || return 1
	load_start
	count
	send "$tmp/bin/allowed" "$n" >"$tmp/sent" || echo "# not all were sent"
	_named=$(named allowed)
	_passed=$(arrived)
	count
	# EPERM for what goes on with a blocked flow, or with another's
	send "$tmp/bin/denied" "$n" >/dev/null 2>"$tmp/refused"
	_leaked=$(arrived)
	load_stop
	_why=$(why)
	daemon_stop
	settings "[rerouted]" "bpf = no"
	daemon_start || return 1
	send "$tmp/bin/allowed" $((n / 10)) >"$tmp/sent"
	_without=$(ctl --json flows --exe "$tmp/bin/allowed" | wc -l)
	daemon_stop
	printf '%-8s IPv%s %s: %s; arrived %s; blocked, arrived %s; %s/%s without BPF; %s\n' \
	    $kind $family $parallel "$_named" "$_passed" "$_leaked" \
	    "$_without" $((n / 10)) "$_why"
}

beside_start
port=7000
for spec in $rows; do
	IFS=: read -r kind family both <<<"$spec"
	for parallel in ${both:-1 8}; do
		port=$((port + 1))
		to=10.9.0.2
		[ "$family" = 4 ] || to=fd09::2
		row
	done
done
[ -z "${SHORT_BESIDE:-}" ] || echo "beside: $(cat "$tmp/load.out" | tail -1)"
