#!/bin/bash
# Connections that are up when the daemon starts are judged as they speak: what
# is allowed loses no byte, what is not ends at once, and who began it is found
# whoever speaks first. And of a flow that is decided no packet comes back to
# userspace.
#
#     c 10.9.0.1, rules  ---- veth ----  s 10.9.0.2
#
# Ports 70xx are in s, 80xx in c: 7002, 7022, 8002 and 8022 are blocked.
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
rules "block to port 7002, 7022, 8002, 8022" "accept in to port 8001-8009" \
    "block out from any port 8009" \
    "default out accept" "default in block"

# -- connections of two partners each, NAME.l that listens and NAME.d --
up() { # NAME LISTENER DIALLER PROTO ADDR PORT
	local name=$1 listener=$2 dialler=$3
	shift 3
	partner "$name.l" "$listener" sock.py listen "$@"
	partner "$name.d" "$dialler" sock.py connect "$@"
	[ "$(answer "$name.d")" = up ] &&
	    wait_for has_text up "$tmp/partner.$name.l.out"
	# both speak once, so that a UDP server knows its client
	tell "$name.d" send hello
	tell "$name.l" recv
	tell "$name.l" send hello
	tell "$name.d" recv
	check "$name: it is up" answers "$name.d" "got hello"
}
ended() { # NAME WHO: their connection is ended within a second
	tell "$1.$2" hear 1000
	check "$1: ended at once" answers "$1.$2" ECONNABORTED ECONNRESET
}
goes() { # NAME FROM TO: a word passes
	tell "$1.$2" send word
	tell "$1.$3" hear 5000
	check "$1: goes on, $2 to $3" answers "$1.$3" "got word"
}

for n in 4 6; do
	there=10.9.0.2 here=10.9.0.1 lo=127.0.0.1
	[ $n = 6 ] && there=fd09::2 here=fd09::1 lo=::1
	for dir in "out ins inc $there 700" "in inc ins $here 800" \
	    "lo inc inc $lo 800"; do
		set -- $dir
		up "$1$n-tcp" "$2" "$3" tcp "$4" "${5}1"
		[ "$1" = in ] || up "$1$n-udp" "$2" "$3" udp "$4" "${5}3"
		up "$1$n-bad" "$2" "$3" tcp "$4" "${5}2"
	done
done
up out-answer ins inc tcp 10.9.0.2 7022
up in-answer inc ins tcp 10.9.0.1 8022
up in-default inc ins tcp 10.9.0.1 8888
up out-pump ins inc tcp 10.9.0.2 7004
up get-pump ins inc tcp 10.9.0.2 7005
up in-pump inc ins tcp 10.9.0.1 8004
up lo-pump inc inc tcp 127.0.0.1 8005

# -- bytes in flight all through the start --
pumps="out-pump:d:l get-pump:l:d in-pump:d:l lo-pump:d:l"
for one in $pumps; do
	IFS=: read -r name from to <<<"$one"
	tell_only "$name.$to" sink
	tell_only "$name.$from" pump
done
for one in $pumps; do
	IFS=: read -r name from to <<<"$one"
	wait_for has_text pumping "$tmp/partner.$name.$from.out"
done
check "the daemon starts" daemon_start
for one in $pumps; do
	IFS=: read -r name from to <<<"$one"
	tell "$name.$from" enough
	wait_for grep -qE "sunk|wrong" "$tmp/partner.$name.$to.out"
	bytes=$(answer "$name.$from")
	check "$name: $bytes, none lost" answers "$name.$to" "sunk ${bytes#pumped }"
done

# -- then each speaks: who began it is not who speaks first --
for n in 4 6; do
	goes out$n-tcp l d
	goes out$n-tcp d l
	goes out$n-udp l d
	goes in$n-tcp l d
	goes in$n-tcp d l
	goes lo$n-tcp l d
	goes lo$n-tcp d l
	goes lo$n-udp d l
	goes lo$n-udp l d
	tell out$n-bad.d send word
	ended out$n-bad d
	tell in$n-bad.l send word
	ended in$n-bad l
	tell lo$n-bad.d send word
	ended lo$n-bad d
done
tell out-answer.l send word
ended out-answer d
tell in-answer.d send word
ended in-answer l
ended in-answer d
tell in-default.d send word
ended in-default l
ended in-default d
check "each has its direction" flows '
all(x["direction"] == ("out" if x["dport"] < 8000 else "in") for x in f
    if x["proto"] in ("tcp", "udp") and x["src"] not in ("127.0.0.1", "::1"))'
check "each is of its program" flows '
all("python" in x["exe"] for x in f if x["proto"] in ("tcp", "udp"))'
check "no more than some packets of each came" flows '
all(x["packets_judged"] < 200 for x in f)'
check "all of them were ended by the daemon" \
    [ "$(counter sockets_destroyed)" -ge 9 ]

# -- a server that speaks when conntrack has forgotten its client is denied,
# and who asks it again by the same port is not --
for at in 10.9.0.1 fd09::1; do
	up "late-$at" inc ins udp $at 8009
done
inc conntrack -D -p udp --dport 8009 >"$tmp/forgotten" 2>&1
inc conntrack -D -f ipv6 -p udp --dport 8009 >>"$tmp/forgotten" 2>&1
check "a reload" daemon_reload
for at in 10.9.0.1 fd09::1; do
	tell "late-$at.l" send late
	check "late-$at: what is sent too late is blocked" wait_for flows "any(
	    x['src'] == '$at' and x['sport'] == 8009 and
	    x['verdict'] == 'block' for x in f)"
	goes "late-$at" d l
	goes "late-$at" l d
done

# -- what others keep from conntrack, as a server of names is advised to --
for i in iptables-legacy ip6tables-legacy; do
	inc $i -t raw -A PREROUTING -p udp --dport 8009 -j CT --notrack
	inc $i -t raw -A OUTPUT -p udp --sport 8009 -j CT --notrack
done
for at in 10.9.0.1 fd09::1; do
	up "untracked-$at" inc ins udp $at 8009
	goes "untracked-$at" d l
	goes "untracked-$at" l d
done
for i in iptables-legacy ip6tables-legacy; do
	inc $i -t raw -F
done

# -- decided flows stay in the kernel --
# Of all flows with this port; what neighbours say meanwhile is none of theirs
came() {
	ctl --json flows >"$tmp/flows"
	value "$tmp/flows" "sum(x['packets_judged'] for x in every
	    if $1 in (x['sport'], x['dport']))"
}
for dir in "out ins inc 10.9.0.2 701" "in inc ins 10.9.0.1 800" \
    "lo inc inc 127.0.0.1 800"; do
	set -- $dir
	up "$1-100M" "$2" "$3" tcp "$4" "${5}6"
	tell_only "$1-100M.l" sink
	tell_only "$1-100M.d" pump
	tell_only "$1-100M.d" enough
	wait_for grep -qE "sunk|wrong" "$tmp/partner.$1-100M.l.out"
	bytes=$(answer "$1-100M.d")
	check "$1-100M: $bytes, none lost" answers "$1-100M.l" "sunk ${bytes#pumped }"
	grown=$(came "${5}6")
	check "$1-100M: $grown packets came to userspace" [ $grown -le 16 ]

	up "$1-flood" "$2" "$3" udp "$4" "${5}7"
	tell "$1-flood.d" flood 20000
	check "$1-flood: 20,000 datagrams" answers "$1-flood.d" flooded
	tell "$1-flood.l" flood 20000
	check "$1-flood: 20,000 back" answers "$1-flood.l" flooded
	grown=$(came "${5}7")
	check "$1-flood: $grown packets came to userspace" [ $grown -le 16 ]
done

# -- what told a client that he is refused is no answer of the server's --
background inc "$BUILDDIR/probe" serve 8030 10.9.0.1 fd09::1 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
# The same flows each time, and so many that the daemon tells of it beside the
# kernel.
asks() { # ADDR WORD: that each of them gets it
	local port
	for port in $(seq 4030 4037); do
		PROBE_PORT=$port ins "$BUILDDIR/probe" udp $1 8030
	done >"$tmp/asks"
	cat "$tmp/asks"
	[ "$(grep -cE "^($2) " "$tmp/asks")" = 8 ]
}
taken=$(counter taken_dropped)
for word in accept block accept; do
	rules "$word in to port 8030"
	check "a reload: $word" daemon_reload
	for at in 10.9.0.1 fd09::1; do
		case $word in
		accept) check "$at answers" asks $at ok ;;
		block) check "$at refuses" asks $at 'EHOSTUNREACH|EACCES' ;;
		esac
	done
done
check "nobody took them over" test "$(counter taken_dropped)" = "$taken"
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
