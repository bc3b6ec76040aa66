#!/bin/bash
# Beside Tailscale's rules and marks (replayed: its client is not in Debian),
# with strict rp_filter, and beside an nftables rule set of the admin's, loaded
# with `flush ruleset` as /etc/nftables.conf does.
#
#        c 10.9.0.1 ---- veth c0 ---- s 10.9.0.2, 203.0.113.10
#          100.64.0.1 -- veth ts0 --- t 100.64.0.9, 203.0.113.10 too: the exit
#                                       node; what comes here unasked is counted
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/neighbour.sh"
need_root
need nft python3 iptables-legacy
neighbours_up
net_add T
inc sysctl -q -w net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.c0.rp_filter=1 \
    net.ipv4.conf.all.src_valid_mark=1
out_denied=no

# -- Tailscale with an exit node: table 52 has all of the world, its own
#    packets have a mark that goes around it --
inc ip link add ts0 type veth peer name t0 netns "$T"
inc ip address add 100.64.0.1/10 dev ts0
inc ip address add fd7a::1/48 dev ts0 nodad
inns "$T" ip address add 100.64.0.9/10 dev t0
inns "$T" ip address add fd7a::9/48 dev t0 nodad
inns "$T" ip address add 203.0.113.10/32 dev lo
inns "$T" ip link set t0 up
inc ip link set ts0 up
ins ip address add 203.0.113.10/32 dev lo
inc ip route add default via 10.9.0.2
for f in -4 -6; do
	inc ip $f rule add pref 5210 fwmark 0x80000/0xff0000 lookup main
	inc ip $f rule add pref 5230 fwmark 0x80000/0xff0000 lookup default
	inc ip $f rule add pref 5250 fwmark 0x80000/0xff0000 unreachable
	inc ip $f rule add pref 5270 lookup 52
done
inc ip route add default via 100.64.0.9 dev ts0 table 52
inc ip route add throw 10.9.0.0/24 table 52
tailscale_rules() { # with connection marks, as it has had since 1.86
	local i
	for i in iptables-$1 ip6tables-$1; do
		inc sh -e -c "
		x() { $i -w \"\$@\"; }
		x -N ts-input; x -N ts-forward; x -t nat -N ts-postrouting
		x -I INPUT -j ts-input; x -I FORWARD -j ts-forward
		x -t nat -I POSTROUTING -j ts-postrouting
		[ $i = ip6tables-$1 ] || {
			x -A ts-input -s 100.64.0.1/32 -i lo -j ACCEPT
			x -A ts-input -s 100.115.92.0/23 ! -i ts0 -j RETURN
			x -A ts-input -s 100.64.0.0/10 ! -i ts0 -j DROP
			x -A ts-forward -s 100.64.0.0/10 -o ts0 -j DROP
		}
		x -A ts-input -i ts0 -j ACCEPT
		x -A ts-input -p udp --dport 41641 -j ACCEPT
		x -A ts-forward -i ts0 -j MARK --set-xmark 0x40000/0xff0000
		x -A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
		x -A ts-forward -o ts0 -j ACCEPT
		x -t nat -A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE
		x -t mangle -A PREROUTING -m conntrack --ctstate ESTABLISHED,RELATED -j CONNMARK --restore-mark --nfmask 0xff0000 --ctmask 0xff0000
		x -t mangle -A OUTPUT -m conntrack --ctstate NEW -m mark ! --mark 0x0/0xff0000 -j CONNMARK --save-mark --nfmask 0xff0000 --ctmask 0xff0000"
	done
}
cat >"$tmp/marked.py" <<'PY'
"""serve ADDR: answers UDP 41641, says so. send ADDR MARK: three datagrams."""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if sys.argv[1] == "serve":
    s.bind((sys.argv[2], 41641))
    print("ready", flush=True)
    while True:
        data, peer = s.recvfrom(100)
        print("got", data.decode(), flush=True)
        s.sendto(data, peer)
s.setsockopt(socket.SOL_SOCKET, 36, int(sys.argv[3], 0))
s.settimeout(2)
for n in range(3):
    s.sendto(b"%d" % n, (sys.argv[2], 41641))
    assert s.recv(100) == b"%d" % n
PY
background ins python3 "$tmp/marked.py" serve 203.0.113.10 >"$tmp/got.s"
background inns "$T" python3 "$tmp/marked.py" serve 203.0.113.10 >"$tmp/got.t"
wait_for has_text ready "$tmp/got.s"
wait_for has_text ready "$tmp/got.t"
got() { grep -c got "$tmp/got.$1"; }
# its resolver has an address that is let in by its own device alone
magic_dns() {
	[ "$(inc dig +short +time=1 +tries=1 @100.100.100.100 localhost)" = 127.0.0.1 ]
}
# what others deny behind the jump to its rules stays so, over lo as well
pings() { inc ping -c 1 -W 1 -q 127.0.0.9 >/dev/null; }
for backend in legacy nft; do
	tailscale_rules $backend
	check "tailscale, $backend, without us" \
	    inc python3 "$tmp/marked.py" send 203.0.113.10 0x80000
	check "tailscale, $backend: the daemon starts" daemon_start
	s=$(got s) t=$(got t)
	check "tailscale, $backend: its packets go around it, the first too" \
	    inc python3 "$tmp/marked.py" send 203.0.113.10 0x80000
	check "… all three to the other end, and no copy elsewhere" [ \
	    "$(($(got s) - s)) $(($(got t) - t))" = "3 0" ]
	check "tailscale, $backend: others' go through it" \
	    inc python3 "$tmp/marked.py" send 203.0.113.10 0
	check "… all three" [ "$(($(got s) - s)) $(($(got t) - t))" = "3 3" ]
	both_are_heard_here() {
		check "$1: out" reaches inc 10.9.0.2 7001
		check "$1: out, we say no" reaches_not inc fd09::2 7009
		check "$1: in" reaches ins 10.9.0.1 7001
		check "$1: in, we say no" reaches_not ins fd09::1 7003
	}
	check "tailscale, $backend: a captured query is answered" wait_for \
	    magic_dns
	check "tailscale, $backend: over lo all goes" pings
	inc iptables-$backend -A INPUT -i lo -d 127.0.0.9 -j DROP
	check_not "tailscale, $backend: but what others deny" pings
	inc iptables-$backend -D INPUT -i lo -d 127.0.0.9 -j DROP
	both_are_heard_here "tailscale, $backend"
	check "tailscale, $backend: all in place" wait_for ctl firewall verify
	check_judged
	daemon_stop
	clear_rules $backend
done

# -- strict rp_filter and nothing else --
for f in -4 -6; do inc ip $f rule del pref 5270; done
out_denied=no
check "rp_filter: the daemon starts" daemon_start
both_are_heard_here "rp_filter"
daemon_stop

# -- an nftables rule set --
cat >"$tmp/nftables.conf" <<'END'
flush ruleset
table inet admin {
	set open { type inet_service; elements = { 7001, 7003 } }
	chain input {
		type filter hook input priority filter; policy drop;
		iif lo accept
		ct state established,related accept
		ct state invalid drop
		meta l4proto { icmp, ipv6-icmp } accept
		meta l4proto { tcp, udp } th dport @open accept
	}
	chain forward { type filter hook forward priority filter; policy drop; }
	chain output {
		type filter hook output priority filter; policy accept;
		meta l4proto { tcp, udp } th dport 7002 reject
	}
}
END
out_denied=yes
load() { inc nft -f "$tmp/nftables.conf"; }
for backend in libiptc iptables-restore; do
	BACKEND=$backend settings
	check "nft, $backend: the rule set" load
	check "nft, $backend: the daemon starts" daemon_start
	both_are_heard "nft, $backend"
	check "nft, $backend: flushed and loaded again" load
	check "nft, $backend: all in place after it" wait_for ctl firewall verify
	both_are_heard "nft, $backend, again"
	check_judged
	daemon_stop
	check "nft, $backend: the daemon ends well" test $? = 0
	check "nft, $backend: the rule set is there" inc nft list table inet admin
	inc nft flush ruleset
done
finish
