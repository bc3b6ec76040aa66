#!/bin/bash
# Tunnels whose way out lies in another network namespace: WireGuard that only
# namespace v knows, whose outside leaves from c. What can't be entered is down
# and never turns into another way.
#
#     c 10.9.0.1, daemon ------ veth ------ s 10.9.0.2
#       wireguard-go's outside                wgs 10.66.0.1, fd66::1
#     v wgv 10.66.0.2 .... in the tunnel ..... 192.0.2.7 and others on lo
. "$(dirname "$0")/lib.sh"
need_root
need python3 wg wireguard-go
[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
net_add V

# names of devices are those of sockets in /run/wireguard, for all namespaces
wgv=rv$unique
wgs=rs$unique
at_end() {
	rm -f /run/wireguard/$wgv.sock /run/wireguard/$wgs.sock
	umount "$tmp/odd" 2>/dev/null
}
umask 077
for end in v s; do
	wg genkey >"$tmp/$end.key"
	wg pubkey <"$tmp/$end.key" >"$tmp/$end.pub"
done
umask 022
WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1
WG_PROCESS_FOREGROUND=1
export WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD WG_PROCESS_FOREGROUND
background inc wireguard-go $wgv >"$tmp/wgv.out" 2>&1
background ins wireguard-go $wgs >"$tmp/wgs.out" 2>&1
for end in inc:$wgv ins:$wgs; do
	wait_for ${end%%:*} wg show "${end#*:}" ||
		{ cat "$tmp"/wg?.out; skip "wireguard-go does not run here"; }
done
inc wg set $wgv private-key "$tmp/v.key" peer "$(cat "$tmp/s.pub")" \
    endpoint 10.9.0.2:51820 allowed-ips 0.0.0.0/0,::/0
ins wg set $wgs private-key "$tmp/s.key" listen-port 51820 \
    peer "$(cat "$tmp/v.pub")" allowed-ips 10.66.0.2/32,fd66::2/128
ins ip address add 10.66.0.1/24 dev $wgs
ins ip address add fd66::1/64 dev $wgs nodad
ins ip link set $wgs up
inc ip link set $wgv netns "$V"
inns "$V" ip address add 10.66.0.2/24 dev $wgv
inns "$V" ip address add fd66::2/64 dev $wgv nodad
inns "$V" ip link set $wgv up
inns "$V" ip route add default dev $wgv
inns "$V" ip -6 route add default dev $wgv

some_settings() { # with what else there is
	settings '[tunnel "vpn"]' 'upstream = direct' "netns = $V" \
	    '[tunnel "path"]' 'upstream = direct' "netns = /run/netns/$V" \
	    "device = $wgv" \
	    '[tunnel "nowhere"]' 'upstream = direct' "netns = ${V}_none" \
	    '[tunnel "file"]' 'upstream = direct' "netns = $tmp/daemon.log" \
	    '[tunnel "late"]' 'upstream = direct' "netns = ${V}_late" \
	    '[tunnel "either"]' 'failover = nowhere, vpn, reject' "$@"
}
some_settings
i=0
for t in vpn path nowhere file late either more odd ours theirs link; do
	i=$((i + 1))
	case $t in
	more | odd | ours | theirs | link) file=new ;;
	*) file=all ;;
	esac
	echo "reroute via $t out exe $python from any" \
	    "port $((20000 + i * 100))-$((20099 + i * 100))" >>"$tmp/$file.rules"
	eval "from_$t=$((20000 + i * 100))"
done
rules "$(cat "$tmp/all.rules")" \
    "reroute via nowhere out exe $python to any port 7012" \
    "reroute via late out exe $python to 192.0.2.5" \
    "reroute via vpn out exe $python" "default out accept" "default in accept"
wire_up
check "the daemon starts" daemon_start

for t in vpn path; do
	check "$t: by the namespace's own address" thru $t 10.66.0.2 \
	    192.0.2.7 7008 hear
	check "$t: IPv6" thru $t fd66::2 2001:db8::7 7008 hear
	check "$t: half-close" thru $t hello 192.0.2.7 7001 echo
	check "$t: refused" thru $t ECONNREFUSED 192.0.2.7 7099
	check "$t: no way there" thru $t EHOSTUNREACH 192.0.2.99 7001
done
check "3 MB down" thru vpn ok 192.0.2.7 7007 down 3000000
check "3 MB up, the answer down" thru vpn ok 192.0.2.7 7006 up 3000000
check "UDP: four ends" says_all "ok 12" udp rounds=3 192.0.2.7,7010 \
    192.0.2.8,7010 192.0.2.9,7010 192.0.2.7,7011
check "UDP: IPv6" says_all "ok 6" udp rounds=3 2001:db8::7,7010 \
    2001:db8::7,7011
check "UDP: a connected one" says ok udp connected 192.0.2.7,7010
check "UDP: large" says ok udp size=30000 192.0.2.7,7010
check "UDP: nobody listens" says_like ECONNREFUSED udp connected 192.0.2.7,7099
check "the second of a list" thru either 10.66.0.2 192.0.2.7 7008 hear
check "UDP, too, with the first datagram" says_from either "ok 1" \
    udp connected 192.0.2.7,7010
check "tunnels test" sh -c "'$REROUTECTL' --control '$tmp/control' \
    tunnels test vpn 192.0.2.7:7001 >'$tmp/steps' &&
    grep -q 'network namespace is entered' '$tmp/steps'"

# -- what can't be entered --
for t in nowhere file late; do
	check "$t: refused" thru $t EHOSTUNREACH 192.0.2.7 7001
	check "$t: at once" soon 3000
	check "$t: and again" thru $t EHOSTUNREACH 192.0.2.7 7001
done
check "UDP: refused, too" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' \
    udp connected 192.0.2.8,7012
check "nowhere: down, and why" tunnel_is nowhere down \
    "${V}_none: No such file or directory"
check "file: down, and why" tunnel_is file down "Invalid argument"
check "nothing turned to our own way" test "$(wc -l <"$tmp/wire.out")" = 1

# -- made later, and made anew --
late=${V}_late
make_late() {
	ip netns add "$late" && namespaces="$namespaces $late" &&
		inns "$late" ip link set lo up &&
		inns "$late" ip address add 192.0.2.7/32 dev lo
}
make_late
check "late: it is entered now" thru late ECONNREFUSED 192.0.2.7 7001
ip netns del "$late"
check "late: gone again" thru late EHOSTUNREACH 192.0.2.7 7001
make_late
check "late: and made anew" thru late ECONNREFUSED 192.0.2.7 7001
late_far() { # of its own
	inns "$late" ip route add local 192.0.2.5 dev lo src 192.0.2.7
	background inns "$late" python3 "$top/tests/netns/tunnel.py" far \
	    >"$tmp/late.out" 2>&1
	wait_for has_text ready "$tmp/late.out"
}
late_far
partner app inc sock.py connect udp 192.0.2.5 7010
tell app send one
tell app recv
check "late: datagrams go there" answers app "got one"
inns "$late" ip route del local 192.0.2.5 dev lo
ip netns del "$late"
make_late
late_far
again() {
	tell app send two
	tell app recv
	answers app "got two"
}
check "late: those of the same flow go to the new one" wait_for again

# -- the process that may --
maker=$(pgrep -P "$daemon" -x rerouted-netns)
check "a process of its own" test -n "$maker"
has() { # PID CAPABILITY'S NUMBER
	[ $((0x$(awk '/^CapEff/ { print $2 }' "/proc/$1/status") >> $2 & 1)) = 1 ]
}
check "which may enter namespaces" has "$maker" 21
check_not "the daemon may not" has "$daemon" 21
check_not "nor may it change a network" has "$maker" 12
check "few calls are left to it" grep -q '^Seccomp:.2' "/proc/$maker/status"

# -- many at once, while that process has no turn --
dials() {
	ctl --json tunnels | python3 -c 'import json, sys
print(sum(json.loads(l)["dials"] for l in sys.stdin))'
}
asked() { [ $(($(dials) - before)) -ge 300 ]; }
before=$(dials)
kill -STOP "$maker"
background inc python3 "$top/tests/netns/tunnel.py" crowd 192.0.2.7 7002 300 \
    >"$tmp/crowd"
crowd=$pid
wait_for asked
kill -CONT "$maker"
wait "$crowd"
check "300 at once" grep -qx "connected 300" "$tmp/crowd"

# -- what a reload may name --
: >"$tmp/odd"
mount --bind "/run/netns/$V" "$tmp/odd"
ln -s odd "$tmp/link"
waits() { # UID CMD...: a process in v, by CMD, that waits: its pid
	local uid=$1
	shift
	background inns "$V" sh -c 'exec 3<>"$0"
	    exec "$@" sh -c "read -r never <&3"' "$tmp/never" "$@"
	belongs() { [ "$(stat -c %u "/proc/$pid")" = "$uid" ]; }
	wait_for belongs
}
waits 0 env
ours=$pid
waits 65534 setpriv --reuid 65534 --clear-groups
others=$pid
new_settings() {
	some_settings '[tunnel "more"]' 'upstream = direct' "netns = $V" \
	    '[tunnel "odd"]' 'upstream = direct' "netns = $tmp/odd" \
	    '[tunnel "ours"]' 'upstream = direct' \
	    "netns = /proc/$ours/ns/net" \
	    '[tunnel "theirs"]' 'upstream = direct' \
	    "netns = /proc/$others/ns/net" \
	    '[tunnel "link"]' 'upstream = direct' "netns = $tmp/link"
}
new_settings
rules "$(cat "$tmp/new.rules" "$tmp/all.rules")" \
    "reroute via vpn out exe $python" \
    "default out accept" "default in accept"
check "a reload" daemon_reload
check "a tunnel that is new in it" thru more 10.66.0.2 192.0.2.7 7008 hear
check "by a process of root's" thru ours 10.66.0.2 192.0.2.7 7008 hear
check "by one of others: not entered" thru theirs EHOSTUNREACH 192.0.2.7 7008
check "why" tunnel_is theirs up "Permission denied"
check "elsewhere: not entered" thru odd EHOSTUNREACH 192.0.2.7 7008
check "why" tunnel_is odd up "has to be started again"
check "and it is said at the reload" grep -q \
    'tunnel "odd".* netns needs a restart' "$tmp/daemon.log"
kill -KILL "$maker"
check "its end is told" wait_for grep -q \
    'process that makes sockets .* has ended' "$tmp/daemon.log"
check "nothing is connected without it" thru vpn EHOSTUNREACH 192.0.2.7 7001
check "why" wait_for tunnel_is vpn up "has to be started again"
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
check "it starts again" daemon_start
check "elsewhere, as it was told: entered" thru odd 10.66.0.2 192.0.2.7 7008 hear
check "through a symbolic link: not" thru link EHOSTUNREACH 192.0.2.7 7008
check "why" tunnel_is link up "symbolic link"
daemon_stop

# -- new in a reload of a daemon that had given up its privileges --
settings '[tunnel "vpn"]' 'upstream = direct'
rules "default out accept" "default in accept"
check "it starts with none" daemon_start
check_not "and without the process" pgrep -P "$daemon" -x rerouted-netns
some_settings
rules "reroute via vpn out exe $python" "default out accept" "default in accept"
check "a reload with one" daemon_reload
check "that needs a restart" wait_for grep -q \
    'tunnel "vpn".* netns needs a restart' "$tmp/daemon.log"
check "and is refused until then" says_like EHOSTUNREACH tcp 192.0.2.7 7001
check "why" wait_for tunnel_is vpn up "has to be started again"
daemon_stop
check_not "nothing is on the wire but the tunnel" wire_saw
finish
