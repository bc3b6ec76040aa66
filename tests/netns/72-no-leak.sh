#!/bin/bash
# What a rerouted program sends never reaches the wire with the address that it
# asked for: a listener on the far side sees none of it, whatever happens.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: danted on 1080
#       default route to s              lo: 192.0.2.7 to .9, 2001:db8::7 to ::9
. "$(dirname "$0")/lib.sh"
need_root
need python3 conntrack
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
danted_up

some_settings() { # UPSTREAM of one that changes
	settings '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080' \
	    '[tunnel "dead"]' 'upstream = socks5://10.9.0.2:1999' \
	    '[tunnel "hole"]' 'upstream = socks5://10.9.0.77:1080' \
	    '[tunnel "any"]' 'failover = dead, socks' \
	    '[tunnel "none"]' 'failover = dead, reject' \
	    '[tunnel "turned"]' "upstream = $1"
}
some_settings direct
via() { # TUNNEL [RULE]...
	local to=$1
	shift
	rules "$@" "reroute via $to out exe $python" "default out accept" \
	    "default in accept"
}
via socks
wire_up
check "the daemon starts" daemon_start
far4=192.0.2.7 far6=2001:db8::7
check "it goes through the proxy" says hello tcp $far4 7001 echo

# -- a socket that is bound to a device --
DEVICE=c0 PATIENCE=1
export DEVICE PATIENCE
for far in $far4 $far6; do
	check "$far: bound to a device: refused" \
	    says_like 'E[A-Z]*' tcp $far 7001
	check "$far: at once" soon 1000
	check "$far: UDP: an error at once" says ECONNABORTED \
	    udp connected $far,7010
	check "$far: UDP, not connected: the same" says ECONNABORTED \
	    udp each $far,7011
done
DEVICE=lo # nor does what answers it come by that
check "$far4: bound to lo: refused" says ECONNABORTED tcp $far4 7001
check "$far4: at once" soon 1000
check "$far4: UDP, too" says ECONNABORTED udp connected $far4,7010
unset DEVICE PATIENCE
check "flows says why" flows '
any(x["reason"] == "bound-device" and x["verdict"] == "block" for x in f)'
check "… in the table, too" sh -c "'$REROUTECTL' --control '$tmp/control' flows |
    grep -q 'block .* bound-device (10.rules:'"

# -- what no proxy carries --
check_not "a ping" inc python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
s.settimeout(2)
s.connect(("192.0.2.7", 0))
s.send(bytes([8, 0, 0, 0, 0, 0, 0, 1]))
s.recv(64)'
check_not "nothing is on the wire" wire_saw

# -- the daemon dies with SYNs held, and with flows up --
partner tcp inc sock.py connect tcp $far4 7001
partner udp inc sock.py connect udp $far4 7010
for p in tcp udp; do
	tell $p send one
	tell $p recv
	check "$p: a flow is up" answers $p "got one"
done
partner heir inc sock.py connect tcp $far4 7001
heir=$pid
tell heir send one
tell heir recv
check "another one is up" answers heir "got one"
via hole "reroute via socks out exe $python to port 7001, 7010"
daemon_reload
inc ip neighbour add 10.9.0.77 lladdr 02:00:00:00:00:77 dev c0
run_in tcp $far4 7002 echo >"$tmp/held" 2>&1 &
held=$!
wait_for sh -c "[ \"\$('$REROUTECTL' --control '$tmp/control' --json tunnels |
    python3 -c 'import json, sys
print(sum(json.loads(l)[\"dials\"] for l in sys.stdin
    if \"hole\" in l))')\" -ge 1 ]"
check "they are yet" flows '
sum(x["dport"] in (7001, 7010) and x.get("close_reason") is None and
    x.get("tunnel") == "socks" and x.get("upstream") is not None for x in f) == 3'
# of the others conntrack knows, so that the daemon's end reaches them
port=$(inc ss -Htnp 'dport = :7001' |
    awk -v p="pid=$heir," 'index($0, p) { sub(/.*:/, "", $4); print $4 }')
inc conntrack -D -p tcp --sport "$port" >/dev/null 2>&1
daemon_stop KILL
for p in tcp udp; do
	tell $p send two
	tell $p hear 1000
done
check_not "killed: nothing is on the wire" wire_saw
inc conntrack -F >/dev/null 2>&1
tell udp send three
tell_only tcp send three
tell heir send four
check "one has not heard of it" answers heir sent
check_not "and conntrack flushed" wire_saw
stop "$heir"
kill $held 2>/dev/null
wait $held 2>/dev/null
check_not "the one that was held" wire_saw
via socks
check "it starts again" daemon_start
came_late() { [ "$(counter dropped)" -gt 0 ]; }
check "what a program said whose flow nobody knows any more" wait_for came_late
check_not "does not leave either, when that is gone" wire_saw

# -- conntrack is flushed while flows are up, strict TCP or not --
for loose in 1 0; do
	inc sh -c "echo $loose >/proc/sys/net/netfilter/nf_conntrack_tcp_loose"
	partner f$loose inc sock.py connect tcp $far4 7001
	partner u$loose inc sock.py connect udp $far4 7010
	for p in f$loose u$loose; do
		tell $p send one
		tell $p recv
		check "$p: up" answers $p "got one"
	done
	inc conntrack -F >/dev/null 2>&1
	for p in f$loose u$loose; do
		tell $p send two
		tell_only $p hear 1500
	done
	check "u$loose: goes on" wait_for has_text "got two" "$tmp/partner.u$loose.out"
	check_not "loose=$loose: nothing is on the wire" wire_saw
done

# -- the rules were read again, conntrack is flushed, and a program ends --
for far in $far4 $far6; do
	partner ends.$far inc sock.py connect tcp $far 7001
	ends=$pid
	daemon_reload
	dropped=$(counter dropped)
	inc conntrack -F >/dev/null 2>&1
	stop "$ends"
	last_dropped() { [ "$(counter dropped)" -gt $dropped ]; }
	check "$far: its last word is heard" wait_for last_dropped
	check_not "and does not leave" wire_saw
done

# -- the proxy dies --
partner last inc sock.py connect tcp $far4 7001
tell last send one
tell last recv
check "a flow is up" answers last "got one"
for p in $(ins ss -Htlnp 'sport = :1080' | grep -o 'pid=[0-9]*' | sort -u); do
	kill -KILL "${p#pid=}"
done
ins ss -K 'sport = :1080' >/dev/null 2>&1
tell last send two
tell last hear 5000
check "the proxy is gone: the flow is broken" answers_like last \
    'ECONNRESET|EOF|EPIPE'
check "a new one is refused" says_like 'EHOSTUNREACH' tcp $far4 7001
check "at once" soon 2000
check "UDP, too" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH|ETIMEDOUT' \
    udp connected $far4,7010
via none
daemon_reload
check "a list that ends in reject" says ECONNREFUSED tcp $far4 7001
check_not "nothing is on the wire" wire_saw

# -- a reload moves a program into a tunnel, and out of it --
danted_up
rules "default out accept" "default in accept"
daemon_reload
check_not "still nothing" wire_saw
stop "$wire"
partner moved inc sock.py connect tcp $far4 7001
partner moved6 inc sock.py connect tcp $far6 7001
partner datagrams inc sock.py connect udp $far4 7010
for p in moved moved6 datagrams; do
	tell $p send one
	tell $p recv
	check "$p: direct" answers $p "got one"
done
background ins python3 "$top/tests/netns/tunnel.py" wire s0 192.0.2.0/24 \
    "$far6/128" >"$tmp/ending.out"
ending=$pid
wait_for has_text ready "$tmp/ending.out"
via any
daemon_reload
wire_up
# it rests for half a second since it was gone
check "the tunnel has UDP again" wait_for says ok udp connected $far4,7010
for p in moved moved6; do
	tell $p send two
	tell $p hear 3000
	check "$p: TCP is ended" answers_like $p 'ECONNABORTED|ECONNRESET|EPIPE|EOF'
done
check "they are shown as they went" flows 'sum(x["dport"] == 7001 and
    x["verdict"] == "accept" and x["tunnel"] is None for x in f) == 2'
# a late acknowledgement may be there
check_not "and no reset tells the far end" grep -E \
    "^10.9.0.1 $far4 .{67}[4-7c-f]|^fd09::1 $far6 .{107}[4-7c-f]" \
    "$tmp/ending.out"
stop "$ending"
tell datagrams send two
tell datagrams hear 3000
tell datagrams send three
tell datagrams hear 3000
check "UDP goes through the tunnel" answers datagrams "got three"
check "and so does what is new" says hello tcp $far4 7001 echo
check "IPv6, too" says hello tcp $far6 7001 echo
check_not "nothing is on the wire" wire_saw

# -- a reload makes another one of a tunnel, and leaves its rule --
stop "$wire"
via socks "reroute via turned out exe $python to $far4 port 7001, 7011"
daemon_reload
partner turned inc sock.py connect tcp $far4 7001
partner turned-udp inc sock.py connect udp $far4 7011
partner stays inc sock.py connect tcp $far4 7002
partner stays-udp inc sock.py connect udp $far4 7010
tell stays recv
for p in turned turned-udp stays stays-udp; do
	tell $p send one
	tell $p recv
	check "$p: a flow is up" answers $p "got one"
done
some_settings socks5://10.9.0.2:1080
daemon_reload
tell turned hear 20000
check "what went by the old one is ended" answers_like turned ECONNRESET
check "datagrams, too" wait_for flows 'any(x["dport"] == 7011 and
    x["tunnel"] == "turned" and x["close_reason"] is not None for x in f)'
check "flows say why" flows 'any(x["dport"] == 7001 and
    (x.get("close_reason") or "").endswith("or the tunnel did") for x in f)'
wire_up
tell turned-udp send two
tell turned-udp hear 20000
check "they go by the new one" answers turned-udp "got two"
check "and so do connections" says hello tcp $far4 7001 echo
for p in stays stays-udp; do
	tell $p send two
	tell $p recv
	check "$p: goes on, its tunnel is the same" answers $p "got two"
done
check_not "nothing is on the wire" wire_saw

# -- an ordinary stop: what began in a tunnel does not go on without it --
partner stays6 inc sock.py connect tcp $far6 7001
for p in stays stays6; do
	tell $p send three
	tell $p recv
	check "$p: up until the end" answers $p "got three"
done
daemon_stop
check "the daemon ends well" test $? = 0
for p in stays stays6; do
	tell $p send four
	check "$p: its connection is ended" answers $p ECONNRESET
done
check_not "nothing of it is on the wire" wire_saw
finish
