#!/bin/bash
# With tunnels: WireGuard as wg-quick sets it up (wireguard-go), all traffic
# through it, by nft and by iptables, IPv4 and IPv6 outside; OpenVPN itself.
# Both work from their first packet on, with strict rp_filter, and the daemon
# knows whose packets those outside are.
#
#   c 10.9.0.1                                s 10.9.0.2
#     wgc 10.66.0.2, fd66::2 ---- tunnel ---- wgs 10.66.0.1, fd66::1
#     tun 10.8.0.2 ------------- tunnel ---- tun 10.8.0.1
#                                             203.0.113.10, 2001:db8::10
. "$(dirname "$0")/lib.sh"
need_root
need wg wg-quick wireguard-go openvpn python3
[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
net_up
ins ip address add 203.0.113.10/32 dev lo
ins ip address add 2001:db8::10/128 dev lo nodad
inc sysctl -q -w net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1 \
    net.ipv4.conf.c0.rp_filter=1
probe=$BUILDDIR/probe
background ins "$probe" serve 7001,7009 203.0.113.10 2001:db8::10 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
# one program goes by the tunnel of the settings, which is the same device
cp "$probe" "$tmp/other"
rules "block out to port 7009" "reroute via vpn exe $tmp/other" \
    "default out accept" "default in block" \
    "default kernel block" "default unknown block"

# names of devices are those of sockets in /run/wireguard, for all namespaces
wgc=rc$unique
wgs=rs$unique
umask 077
for end in c s; do
	wg genkey >"$tmp/$end.key"
	wg pubkey <"$tmp/$end.key" >"$tmp/$end.pub"
done
at_end() { rm -f /run/wireguard/$wgc.sock /run/wireguard/$wgs.sock; }
WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go
WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1
export WG_QUICK_USERSPACE_IMPLEMENTATION WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD
# another one each time: in Debian 13 it does not answer who comes by IPv6 after
# IPv4, with us or without
far_end() {
	ins ip link delete $wgs 2>/dev/null
	wait_for test ! -e /run/wireguard/$wgs.sock
	ins wireguard-go $wgs >"$tmp/wgs" 2>&1 || return 1
	ins wg set $wgs private-key "$tmp/s.key" listen-port 51820 peer \
	    "$(cat "$tmp/c.pub")" allowed-ips 10.66.0.2/32,fd66::2/128
	ins ip address add 10.66.0.1/24 dev $wgs
	ins ip address add fd66::1/64 dev $wgs nodad
	ins ip link set $wgs up
}
far_end || skip "wireguard-go does not run here"
settings_of() { # ENDPOINT
	cat >"$tmp/$wgc.conf" <<END
[Interface]
PrivateKey = $(cat "$tmp/c.key")
Address = 10.66.0.2/24, fd66::2/64
[Peer]
PublicKey = $(cat "$tmp/s.pub")
Endpoint = $1
AllowedIPs = 0.0.0.0/0, ::/0
END
}

# wg-quick takes nft where there is one: in this path there is none
mkdir "$tmp/path"
for program in bash wg wireguard-go ip sysctl stat sort grep sed rm cat cp mv \
    mktemp readlink chmod iptables ip6tables iptables-restore ip6tables-restore \
    iptables-save ip6tables-save; do
	ln -s "$(command -v $program)" "$tmp/path/$program"
done
quick() { # nft|iptables up|down
	local path=$PATH
	[ "$1" = nft ] || path=$tmp/path
	PATH=$path inc_with_path "$(command -v bash)" "$(command -v wg-quick)" "$2" \
	    "$tmp/$wgc.conf"
}
nsenter=$(command -v nsenter)
inc_with_path() { "$nsenter" --net=/run/netns/$C -- "$@"; }

# WireGuard tries a handshake again after five seconds: below that it was the
# first packet that got through
first() { # a program's first word arrives at once
	local to begin
	for to in 203.0.113.10 2001:db8::10; do
		begin=$(now_ms)
		inc "$probe" tcp $to 7001 15000 || return 1
		[ $(($(now_ms) - begin)) -lt 4800 ] || return 1
	done
}
named() { # it is wireguard-go that spoke to the other end
	flows "any(x['direction'] == 'out' and x['proto'] == 'udp' and
	    x['dport'] == 51820 and x['verdict'] == 'accept' and
	    x['exe'].endswith('/wireguard-go') for x in f)"
}
inside() {
	flows "{x['dst'] for x in f if x['exe'].endswith('/probe') and
	    x['dport'] == 7001 and x['src'] in ('10.66.0.2', 'fd66::2')} ==
	    {'203.0.113.10', '2001:db8::10'}"
}
through() { # all of it went through the tunnel
	[ "$(inc wg show $wgc transfer | awk '{ print ($2 > 0 && $3 > 0) }')" = 1 ]
}

# What is answered over lo comes from the address that was asked: wg-quick drops
# that, unless it is let pass.
answered() {
	[ "$(inc dig +short +time=1 +tries=1 @203.0.113.10 localhost)" = 127.0.0.1 ] &&
	    [ "$(inc dig +short +time=1 +tries=1 @2001:db8::10 localhost)" = 127.0.0.1 ]
}
rerouted_there() {
	inc "$tmp/other" tcp 203.0.113.10 7001 3000 &&
	    inc "$tmp/other" tcp 2001:db8::10 7001 3000
}
left_over() { inc nft list ruleset | grep rerouted; }

settings '[tunnel "vpn"]' "upstream = direct" "device = $wgc"
for way in nft iptables; do
	command -v $way >/dev/null || continue
	for outside in 10.9.0.2 [fd09::2]; do
		name="$way, $outside"
		settings_of $outside:51820
		check "$name: the far end is up" far_end
		check "$name: the daemon starts" daemon_start
		check "$name: wg-quick up" quick $way up
		check "$name: it works from its first packet" first
		check "$name: through the tunnel" through
		check "$name: whose packets are outside" named
		check "$name: whose are inside" inside
		check "$name: a captured query is answered" wait_for answered
		check "$name: a tunnel by that device" rerouted_there
		check_not "$name: inside it is judged" inc "$probe" tcp \
		    203.0.113.10 7009 200
		check "$name: all in place" wait_for ctl firewall verify
		check_judged
		daemon_stop
		check_not "$name: nothing of ours stays" left_over
		check "$name: it goes on without us" first
		check "$name: the daemon starts with it up" daemon_start
		check "$name: it goes on" first
		check "$name: a query is answered there, too" wait_for answered
		check "$name: wg-quick down" quick $way down
		check "$name: all in place" wait_for ctl firewall verify
		daemon_stop
	done
done

# -- OpenVPN --
openvpn --genkey secret "$tmp/vpn.key"
vpn() { # inc|ins REMOTE OPTION...
	local who=$1 remote=$2
	shift 2
	background "$who" openvpn --dev tun --proto udp --remote "$remote" \
	    --secret "$tmp/vpn.key" \
	    --cipher AES-256-CBC --port 1194 --script-security 1 --verb 1 "$@" \
	    >"$tmp/vpn.$who" 2>&1
}
ins ip address del 203.0.113.10/32 dev lo
vpn ins 10.9.0.1 --ifconfig 10.8.0.1 10.8.0.2
ins ip address add 203.0.113.10/32 dev lo
check "the daemon starts" daemon_start
vpn inc 10.9.0.2 --ifconfig 10.8.0.2 10.8.0.1 --route 203.0.113.0 255.255.255.0
vpn=$pid
up() { inc "$probe" tcp 203.0.113.10 7001 500; }
check "OpenVPN works" wait_for up
check "OpenVPN: whose packets are outside" flows "any(x['proto'] == 'udp' and
	x['dport'] == 1194 and x['exe'].endswith('/openvpn') for x in f)"
check "OpenVPN: whose are inside" flows "any(x['dst'] == '203.0.113.10' and
	x['src'] == '10.8.0.2' and x['exe'].endswith('/probe') for x in f)"
check_not "OpenVPN: inside it is judged" inc "$probe" tcp 203.0.113.10 7009 200
check_judged
stop $vpn
daemon_stop
finish
