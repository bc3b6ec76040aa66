#!/bin/sh
# Each verdict, for TCP, UDP and ICMP, IPv4 and IPv6, outbound, inbound and over
# loopback, as the program sees it: what its call returns, and how soon.
. "$(dirname "$0")/lib.sh"
need_root
net_up
probe=$BUILDDIR/probe

mkdir "$tmp/rules"
{
	echo "default out accept"
	echo "default in accept"
	for verdict in accept:1 block:2 drop:3; do
		echo "${verdict%:*} out proto tcp, udp to port 700${verdict#*:}"
		echo "${verdict%:*} in proto tcp, udp to port 800${verdict#*:}"
	done
	echo "block out proto icmp, icmp6 to 10.9.0.12, fd09::12"
	echo "drop out proto icmp, icmp6 to 10.9.0.13, fd09::13"
	echo "block in proto icmp, icmp6 to 10.9.0.22, fd09::22, 127.0.0.22"
	echo "drop in proto icmp, icmp6 to 10.9.0.23, fd09::23, 127.0.0.23"
} >"$tmp/rules/10.rules"

for last in 12 13; do
	ins ip address add 10.9.0.$last/24 dev s0
	ins ip address add fd09::$last/64 dev s0 nodad
done
for last in 22 23; do
	inc ip address add 10.9.0.$last/24 dev c0
	inc ip address add fd09::$last/64 dev c0 nodad
done
# pings without privilege
for ns in inc ins; do
	$ns sh -c 'echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range'
	# no limit on the ICMP errors that tell of a block
	$ns sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
		echo 0 >/proc/sys/net/ipv6/icmp/ratelimit
		echo 1000000 >/proc/sys/net/ipv4/icmp_msgs_per_sec' 2>/dev/null
done

serve() { # serve WHO ADDR PORT
	background "$1" "$probe" serve "$2" "$3" >"$tmp/serve.$1.$3.$2"
	wait_for grep -q ready "$tmp/serve.$1.$3.$2"
}
for n in 1 2 3; do
	serve ins 10.9.0.2 700$n
	serve ins fd09::2 700$n
	for port in 700$n 800$n; do
		serve inc 0.0.0.0 $port
		serve inc :: $port 2>/dev/null
	done
done 2>/dev/null

background inc "$REROUTED" --rules "$tmp/rules" --control "$tmp/control" \
	2>"$tmp/daemon.log"
daemon=$pid
wait_for grep -q ready "$tmp/daemon.log" || cat "$tmp/daemon.log"

# expect NAME "WORDS ALLOWED" MAX_MS WHO PROTO ADDR PORT: the best of three, so
# that another process of the machine costs no test
expect() {
	name=$1 words=$2 max=$3 who=$4 proto=$5 addr=$6 port=$7
	best=
	for try in 1 2 3; do
		got=$($who "$probe" "$proto" "$addr" "$port" 400)
		word=${got% *} ms=${got#* }
		case " $words " in
		*" $word "*) ;;
		*) best=; break ;;
		esac
		[ -z "$best" ] || [ "$(echo "$ms < $best" | bc)" = 1 ] && best=$ms
		[ "$word" = ETIMEDOUT ] && break
		[ "$(echo "$best < $max" | bc)" = 1 ] && break
	done
	if [ -z "$best" ]; then
		result not "$name" "got '$got', expected one of: $words"
	elif [ "$(echo "$best < $max" | bc)" = 1 ]; then
		result ok "$name ($word after $best ms)"
	else
		result not "$name" "$best ms, expected less than $max"
	fi
}

for family in 4 6; do
	if [ $family = 4 ]; then
		refused=EHOSTUNREACH there=10.9.0.2 here=10.9.0.1 lo=127.0.0.1
		net=10.9.0. lonet=127.0.0.
	else
		refused=EACCES there=fd09::2 here=fd09::1 lo=::1
		net=fd09:: lonet=fd09::
	fi
	for proto in tcp udp; do
		expect "v$family $proto out accept" ok 1000 inc $proto $there 7001
		expect "v$family $proto out block" $refused 1 inc $proto $there 7002
		expect "v$family $proto out drop" ETIMEDOUT 1000 inc $proto $there 7003
		expect "v$family $proto in accept" ok 1000 ins $proto $here 8001
		expect "v$family $proto in block" $refused 1 ins $proto $here 8002
		expect "v$family $proto in drop" ETIMEDOUT 1000 ins $proto $here 8003
		for dir in out in; do
			port=$([ $dir = out ] && echo 700 || echo 800)
			for addr in $lo $here; do
				expect "v$family $proto lo-$dir $addr accept" ok 1000 inc $proto $addr ${port}1
				expect "v$family $proto lo-$dir $addr block" $refused 1 inc $proto $addr ${port}2
				expect "v$family $proto lo-$dir $addr drop" ETIMEDOUT 1000 inc $proto $addr ${port}3
			done
		done
	done
	expect "v$family icmp out accept" ok 1000 inc icmp $there 0
	expect "v$family icmp out block" $refused 1 inc icmp ${net}12 0
	expect "v$family icmp out drop" ETIMEDOUT 1000 inc icmp ${net}13 0
	expect "v$family icmp in accept" ok 1000 ins icmp $here 0
	expect "v$family icmp in block" $refused 1 ins icmp ${net}22 0
	expect "v$family icmp in drop" ETIMEDOUT 1000 ins icmp ${net}23 0
	expect "v$family icmp lo accept" ok 1000 inc icmp $lo 0
	expect "v$family icmp lo block" $refused 1 inc icmp ${lonet}22 0
	expect "v$family icmp lo drop" ETIMEDOUT 1000 inc icmp ${lonet}23 0
done

# every packet got its verdict, and nothing waits
"$REROUTECTL" --control "$tmp/control" --json status >"$tmp/status"
check "no packet without a verdict" python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))
c = s["counters"]
assert c["packets"] == c["verdicts"] > 0, c
assert c["verdict_errors"] == c["overflows"] == c["queue_errors"] == 0, c
assert all(q["waiting"] == 0 for q in s["queues"]), s["queues"]
' "$tmp/status"
stop "$daemon"
check "the daemon ends well" test $? = 0
finish
