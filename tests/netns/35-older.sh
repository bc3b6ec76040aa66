#!/bin/bash
# Flows that are older than the daemon, or than its settings: those that the
# rules forbid go on no more, whoever began them; queries on sockets that were
# up already come to the resolver; what may, goes on.
#
#     c 10.9.0.1 fd09::1, rerouted     s .2 fd09::2: servers
#                                        .53: the upstream; .54: another world
. "$(dirname "$0")/lib.sh"
need_root
need dnsmasq conntrack iptables-legacy ip6tables-legacy
net_up
for last in 53 54; do
	ins ip address add 10.9.0.$last/24 dev s0
	ins ip address add fd09::$last/64 dev s0 nodad
	background ins dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv \
	    --no-hosts --user=root --pid-file= --bind-interfaces \
	    --listen-address=10.9.0.$last,fd09::$last \
	    --host-record=web.example,203.0.113.$last 2>/dev/null
done
background ins "$BUILDDIR/probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve.s"
background inc "$BUILDDIR/probe" serve 8001,8002 10.9.0.1 fd09::1 >"$tmp/serve.c"
wait_for has_text ready "$tmp/serve.s"
wait_for has_text ready "$tmp/serve.c"
# conntrack is at work before the daemon is, as beside any other firewall
for i in iptables-legacy ip6tables-legacy; do
	inc $i -A FORWARD -m conntrack --ctstate INVALID -j DROP
done

to() { # PORT ADDR...: as talk.py has them
	local port=$1 addr
	shift
	for addr; do echo "udp,$addr,$port tcp,$addr,$port"; done
}
up() { # those that may go on, and those that may not, in and out
	partner may$1 inc talk.py $(to 7001 10.9.0.2 fd09::2)
	partner not$1 inc talk.py $(to 7002 10.9.0.2 fd09::2)
	partner guest$1 ins talk.py $(to 8001 10.9.0.1 fd09::1)
	partner thief$1 ins talk.py $(to 8002 10.9.0.1 fd09::1)
	LISTEN=861$1 partner also$1 inc talk.py tcp,10.9.0.2,7002 tcp,fd09::2,7002
	check "$2: up, from where somebody listens" talk_is also$1 ok
	check "$2: up" talk_is not$1 ok
	check "$2: up, from outside" talk_is thief$1 ok
}
tell_all() { # NAME...: each waits for its own answers, all at once
	local name
	declare -A had
	for name; do
		had[$name]=$(wc -l <"$tmp/partner.$name.out")
		tell_only "$name"
	done
	for name; do wait_for partner_said "$name" "${had[$name]}"; done
}
goes_on() { # NAME: did any of them get an answer?
	answer "$1"
	answer "$1" | grep -q '=ok'
}
# what was on its way when the daemon came may still arrive
stopped() { # NAME...
	local name
	for _ in 1 2; do
		tell_all "$@"
		for name; do ! goes_on "$name" || return 1; done
	done
}
judged_older() { # N WHEN
	check "$2: what is forbidden stops" wait_for stopped not$1 thief$1 also$1
	tell_all not$1 thief$1 also$1
	check_not "$2: … for good" goes_on not$1
	check_not "$2: … from outside, too" goes_on thief$1
	check_not "$2: … from where somebody listens, too" goes_on also$1
	tell may$1
	check "$2: what may goes on" talk_is may$1 ok
	tell guest$1
	check "$2: … from outside, too" talk_is guest$1 ok
}
in_conntrack() { # what conntrack has of UDP to PORT
	inc conntrack -L -p udp --dport "$1" 2>/dev/null
	inc conntrack -L -f ipv6 -p udp --dport "$1" 2>/dev/null
}

settings "[resolver]" "upstream = 10.9.0.53"
rules "drop out to port 7002" "drop in to port 8002" "default in accept"
up 1 "before the start"
check "conntrack knows them" [ "$(in_conntrack 7002 | grep -c 'mark=0 ')" -ge 2 ]
for last in 53 54; do # its processes for TCP come with it
	wait_for inc bash -c "exec 5<>/dev/tcp/10.9.0.$last/53"
	wait_for inc bash -c "exec 5<>/dev/tcp/fd09::$last/53"
done
partner dns inc ask.py web.example udp,10.9.0.54 udp,fd09::54 tcp,10.9.0.54
check "queries before the start: the other world answers" talk_is dns 203.0.113.54
check "the daemon starts" daemon_start
judged_older 1 "after the start"

# -- queries on sockets of before: to us, or nowhere --
tell dns
check_not "queries on sockets of before: the other world does not hear them" \
    sh -c "tail -n 1 $tmp/partner.dns.out | grep -q 203.0.113.54"
captured() {
	tell dns
	answer dns
	answer dns | grep -q 'udp,10.9.0.54=203.0.113.53 udp,fd09::54=203.0.113.53'
}
check "… we answer them" wait_for captured
check_not "… not one came to it" grep -q 203.0.113.54 \
    <(tail -n +2 "$tmp/partner.dns.out")
check "… over TCP the connection is gone" sh -c \
    "tail -n 1 $tmp/partner.dns.out | grep -q tcp,10.9.0.54=none"

# -- what a daemon before this one accepted --
rules "default in accept"
check "reload" daemon_reload
up 2 "accepted by a daemon before"
daemon_stop KILL
rules "drop out to port 7002" "drop in to port 8002" "default in accept"
check "started with other rules" daemon_start
judged_older 2 "after a restart"

# -- who is served from here, and spoken to first by a daemon's new start --
in_both() { [ "$(in_conntrack "$1" | grep -c 'mark=1710 ')" -ge 2 ]; }
serve() { # PORT
	partner push$1 inc push.py at 10.9.0.1 fd09::1 $1
	partner hear$1 ins push.py to 10.9.0.1 fd09::1 $1
	check "$1: spoken to" wait_for talk_is push$1 heard
	check "$1: conntrack knows who began" wait_for in_both $1
}
hears() { # PORT WORD
	tell push$1
	tell hear$1
	talk_is hear$1 $2
}
for bpf in auto no; do
	daemon_stop
	settings "[rerouted]" "bpf = $bpf"
	rules "default in accept"
	check "bpf = $bpf: the daemon starts" daemon_start
	[ $bpf = auto ] && may=8003 not=8004 || may=8005 not=8006
	serve $may
	serve $not
	partner for$may inc push.py for 10.9.0.1 fd09::1 1$may
	partner asks$may ins talk.py udp,10.9.0.1,1$may udp,fd09::1,1$may
	check "bpf = $bpf: who asks is answered" talk_is asks$may ok
	daemon_stop
	rules "accept in proto udp to port $may, 1$may" "default in block" \
	    "default out block"
	check "bpf = $bpf: started again" daemon_start
	check "bpf = $bpf: who may come in is answered" hears $may heard
	tell asks$may
	check "bpf = $bpf: … and by a socket that is connected to him" \
	    talk_is asks$may ok
	check "bpf = $bpf: the flow began outside" flows "any(x['sport'] and
	    x['dport'] == $may and x['direction'] == 'in' and
	    x['verdict'] == 'accept' for x in f)"
	rules "drop in to port $not" "default in accept"
	daemon_stop
	check "bpf = $bpf: and once more" daemon_start
	check "bpf = $bpf: who may not come in is not" hears $not nothing
	check "bpf = $bpf: … and comes in no more" \
	    flows "not any(x['direction'] == 'out' and x['sport'] == $not for x in f)"
done

# -- on loopback, too, a server that speaks first is no sender: 8009 may not send --
rules "block out from any port 8009" "default out accept"
check "loopback: the rules" daemon_reload
for at in 127.0.0.1 ::1; do
	partner server$at inc sock.py listen udp $at 8009
	partner client$at inc sock.py connect udp $at 8009
	tell client$at send one
	tell server$at recv
done
daemon_stop KILL
check "loopback: another daemon" daemon_start
for at in 127.0.0.1 ::1; do
	tell server$at send two
	tell client$at recv
	check "loopback: $at speaks" answers client$at "got two"
	tell client$at send three
	tell server$at recv
	check "loopback: $at is spoken to" answers server$at "got three"
done

# -- what conntrack has met on its way: who was called is the first that it saw --
daemon_stop
for net in 10.9.0. fd09::; do
	partner called$net ins sock.py listen tcp ${net}2 7003
	partner caller$net inc sock.py connect tcp ${net}2 7003
	partner host$net inc sock.py listen tcp ${net}1 8007
	partner visitor$net ins sock.py connect tcp ${net}1 8007
	wait_for answers called$net up
	wait_for answers host$net up
done
inc conntrack -F >"$tmp/out" 2>&1
for net in 10.9.0. fd09::; do
	tell called$net send one
	tell host$net send one
	tell caller$net recv
	tell visitor$net recv
	check "$net: who was called spoke first" answers caller$net "got one"
	check "$net: … here, too" answers visitor$net "got one"
done
rules "drop out to port 7003" "drop in to port 8007" "default in accept"
check "met on its way: the daemon starts" daemon_start
for net in 10.9.0. fd09::; do
	tell caller$net send two
	tell visitor$net send two
done
dropped() { # DIRECTION PORT
	flows "sum(x['direction'] == '$1' and x['dport'] == $2 and
	    x['verdict'] == 'drop' for x in f) == 2"
}
check "met on its way: what went out is dropped as that" wait_for dropped out 7003
check "met on its way: what came in, too" wait_for dropped in 8007

# -- capture switched on by a reload --
daemon_stop
settings "[resolver]" "upstream = 10.9.0.53" "capture = no"
check "the daemon starts without capture" daemon_start
partner late inc ask.py web.example udp,10.9.0.54 udp,fd09::54
check "without capture: the other world answers" talk_is late 203.0.113.54
settings "[resolver]" "upstream = 10.9.0.53"
check "reload with capture" daemon_reload
late() {
	tell late
	talk_is late 203.0.113.53
}
check "capture holds for sockets of before" wait_for late
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
