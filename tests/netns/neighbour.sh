# For the tests of rerouted beside another firewall: sourced after lib.sh.
#
#   neighbours_up   net_up, with servers on both sides and rules of ours:
#
#         port    rerouted says    the neighbour is to say
#         7001    accept           accept
#         7002    accept           deny         our yes opens nothing
#         7003    block (in)       accept       nor does theirs
#         7009    block (out)      accept
#
#   both_are_heard NAME    checks all of that, TCP and UDP, IPv4 and IPv6
#   only_they_are_heard NAME   the same without the daemon
#   guest_up        a host behind c, which c forwards for; its namespace in $G:
#
#         s --- c0 10.9.0.1 [c] g0 172.17.0.1, fd17::1 --- 172.17.0.2, fd17::2
#
#                   with servers on 7002 and 7003. s knows no way to its IPv4
#   not_ours NAME   true if nothing forwarded came to us
#   privately "FROM TO..." CMD...  runs CMD in c, with files of the test's own
#                   in place of the system's: FROM is mounted on TO; what
#                   `background inc unshare -m sh "$tmp/privately" ...` does
#   clear_rules legacy|nft   takes all rules of others out of c's tables
#   $legacy         of privately: iptables is iptables-legacy there

neighbours_up() {
	net_up
	background ins "$BUILDDIR/probe" serve 7001,7002,7003,7009 10.9.0.2 \
	    fd09::2 >"$tmp/serve.s"
	background inc "$BUILDDIR/probe" serve 7001,7002,7003 10.9.0.1 \
	    fd09::1 >"$tmp/serve.c"
	wait_for has_text ready "$tmp/serve.s"
	wait_for has_text ready "$tmp/serve.c"
	rules "block out to port 7009" "block in to port 7003" \
	    "default out accept" "default in accept"
}

guest_up() {
	net_add G
	ip link add g0 netns "$C" type veth peer name c0 netns "$G"
	inc ip address add 172.17.0.1/24 dev g0
	inc ip address add fd17::1/64 dev g0 nodad
	inns "$G" ip address add 172.17.0.2/24 dev c0
	inns "$G" ip address add fd17::2/64 dev c0 nodad
	inc ip link set g0 up
	inns "$G" ip link set c0 up
	inns "$G" ip route add default via 172.17.0.1
	inns "$G" ip -6 route add default via fd17::1
	ins ip -6 route add fd17::/64 via fd09::1
	inc sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	background inns "$G" "$BUILDDIR/probe" serve 7002,7003 172.17.0.2 \
	    fd17::2 >"$tmp/serve.g"
	wait_for has_text ready "$tmp/serve.g"
}
ing() { inns "$G" "$@"; }
not_ours() {
	flows "not any('172.17.0.' in x['src'] + x['dst'] or
	    'fd17::2' in (x['src'], x['dst']) for x in f)"
}

reaches() { # WHO ADDR PORT
	"$1" "$BUILDDIR/probe" tcp "$2" "$3" 2000 &&
	    "$1" "$BUILDDIR/probe" udp "$2" "$3" 2000
}
reaches_not() {
	! "$1" "$BUILDDIR/probe" tcp "$2" "$3" 120 &&
	    ! "$1" "$BUILDDIR/probe" udp "$2" "$3" 120
}

they_are_heard() { # NAME OURS: what we are to do
	local f c s
	for f in 4 6; do
		case $f in
		4) c=10.9.0.1 s=10.9.0.2 ;;
		6) c=fd09::1 s=fd09::2 ;;
		esac
		check "$1: in, both say yes, IPv$f" reaches ins $c 7001
		check "$1: in, they say no, IPv$f" reaches_not ins $c 7002
		check "$1: in, we say $2, IPv$f" "$3" ins $c 7003
		check "$1: out, both say yes, IPv$f" reaches inc $s 7001
		check "$1: out, we say $2, IPv$f" "$3" inc $s 7009
		if [ "$out_denied" = yes ]; then
			check "$1: out, they say no, IPv$f" reaches_not inc $s 7002
		fi
	done
}
legacy="/usr/sbin/xtables-legacy-multi /usr/sbin/xtables-nft-multi"
out_denied=yes # the neighbour has a say in what goes out, too
both_are_heard() { they_are_heard "$1" no reaches_not; }
only_they_are_heard() { they_are_heard "$1" nothing reaches; }

cat >"$tmp/privately" <<'END'
mounts=$1
shift
mount --make-rprivate /
from=
for word in $mounts; do
	[ -n "$from" ] || { from=$word; continue; }
	mount --bind "$from" "$word" || exit 99
	from=
done
exec "$@"
END
privately() { inc unshare -m sh "$tmp/privately" "$@"; }

clear_rules() {
	local i t
	for i in iptables-$1 ip6tables-$1; do
		for t in nat mangle filter; do
			inc $i -w -t $t -F
			inc $i -w -t $t -X
		done
		inc $i -w -P FORWARD ACCEPT
	done
}
