#!/bin/bash
# Beside docker and libvirt: the rules that dockerd (20.10, 24) and libvirtd (9)
# set, replayed line by line, with namespaces in place of containers and guests.
# What is forwarded is no business of ours and stays untouched; published ports,
# NAT and the guests' DHCP and DNS go on, and what programs of this host say to
# them is judged.
#
#                c  10.9.0.1   docker0 172.17.0.1/16, fd17::1/64 -- d 172.17.0.2
#   s 10.9.0.2 --   the host,
#                   the daemon  virbr0 192.168.122.1/24 ---------- v by DHCP
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/neighbour.sh"
need_root
need python3 iptables-legacy dnsmasq busybox conntrack
net_up
net_add D
net_add V
inc sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
bridge() { # NAME ADDR NS DEV
	inc ip link add "$1" type bridge
	inc ip address add "$2" dev "$1"
	inc ip link add "v$4" type veth peer name "$4" netns "$3"
	inc ip link set "v$4" master "$1" up
	inc ip link set "$1" up
	inns "$3" ip link set "$4" up
}
bridge docker0 172.17.0.1/16 "$D" d0
inc ip address add fd17::1/64 dev docker0 nodad
inns "$D" ip address add 172.17.0.2/16 dev d0
inns "$D" ip address add fd17::2/64 dev d0 nodad
inns "$D" ip route add default via 172.17.0.1
inns "$D" ip -6 route add default via fd17::1
ins ip -6 route add fd17::/64 via fd09::1
bridge virbr0 192.168.122.1/24 "$V" g0

docker_rules() { # into the tables of $1, as dockerd does: -t X -N, -A, -I
	local i
	for i in iptables-$1 ip6tables-$1; do
		local net=172.17.0.0/16 to=172.17.0.2 self=127.0.0.0/8 dest=172.17.0.2
		[ $i = iptables-$1 ] ||
			net=fd17::/64 to=[fd17::2] self=::1/128 dest=fd17::2
		inc sh -e -c "
		x() { $i -w \"\$@\"; }
		x -t nat -N DOCKER
		x -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		x -t nat -A OUTPUT ! -d $self -m addrtype --dst-type LOCAL -j DOCKER
		x -t nat -A POSTROUTING -s $net ! -o docker0 -j MASQUERADE
		x -t nat -A POSTROUTING -s $dest -d $dest -p tcp --dport 80 -j MASQUERADE
		x -t nat -A POSTROUTING -p udp -m addrtype --src-type LOCAL -o docker0 -j MASQUERADE # userland-proxy=false
		x -t nat -A DOCKER -i docker0 -j RETURN
		x -t nat -A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT --to-destination $to:80
		x -t nat -A DOCKER ! -i docker0 -p udp --dport 8053 -j DNAT --to-destination $to:53
		x -P FORWARD DROP
		x -N DOCKER; x -N DOCKER-USER
		x -N DOCKER-ISOLATION-STAGE-1; x -N DOCKER-ISOLATION-STAGE-2
		x -I FORWARD -o docker0 -j DOCKER
		x -I FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		x -I FORWARD -i docker0 ! -o docker0 -j ACCEPT
		x -I FORWARD -i docker0 -o docker0 -j ACCEPT
		x -I FORWARD -j DOCKER-ISOLATION-STAGE-1
		x -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
		x -A DOCKER-ISOLATION-STAGE-1 -j RETURN
		x -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
		x -A DOCKER-ISOLATION-STAGE-2 -j RETURN
		x -A DOCKER -d $dest ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT
		x -A DOCKER -d $dest ! -i docker0 -o docker0 -p udp --dport 53 -j ACCEPT
		x -A DOCKER-USER -j RETURN
		x -I FORWARD -j DOCKER-USER"
	done
}
podman_rules() { # netavark's: localhost, too, whose packets get another source
	inc sh -e -c "
	x() { iptables-$1 -w -t nat \"\$@\"; }
	for c in DNAT SETMARK MASQ; do x -N NETAVARK-HOSTPORT-\$c; done
	x -A NETAVARK-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
	x -A NETAVARK-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
	x -A NETAVARK-HOSTPORT-DNAT -s 127.0.0.1 -p tcp --dport 8081 -j NETAVARK-HOSTPORT-SETMARK
	x -A NETAVARK-HOSTPORT-DNAT -p tcp --dport 8081 -j DNAT --to-destination 172.17.0.2:80
	x -I POSTROUTING -j NETAVARK-HOSTPORT-MASQ
	for c in PREROUTING OUTPUT; do x -A \$c -m addrtype --dst-type LOCAL -j NETAVARK-HOSTPORT-DNAT; done
	echo 1 >/proc/sys/net/ipv4/conf/docker0/route_localnet"
}
docker_again() { # a restart of dockerd puts its rules first again
	local i
	for i in iptables-$1 ip6tables-$1; do
		inc sh -e -c "
		x() { $i -w \"\$@\"; }
		x -t nat -D OUTPUT 1 2>/dev/null || :
		x -t nat -I OUTPUT ! -d 192.0.2.0/24 -m addrtype --dst-type LOCAL -j DOCKER 2>/dev/null ||
			x -t nat -I OUTPUT -m addrtype --dst-type LOCAL -j DOCKER
		x -D FORWARD -j DOCKER-USER
		x -I FORWARD -j DOCKER-USER"
	done
}
libvirt_rules() {
	inc sh -e -c "
	x() { iptables-$1 -w \"\$@\"; }
	for c in INP OUT FWO FWI FWX; do x -N LIBVIRT_\$c; done
	x -t nat -N LIBVIRT_PRT; x -t mangle -N LIBVIRT_PRT
	x -I INPUT -j LIBVIRT_INP; x -I OUTPUT -j LIBVIRT_OUT
	x -I FORWARD -j LIBVIRT_FWO; x -I FORWARD -j LIBVIRT_FWI
	x -I FORWARD -j LIBVIRT_FWX
	x -t nat -I POSTROUTING -j LIBVIRT_PRT
	x -t mangle -I POSTROUTING -j LIBVIRT_PRT
	for p in udp tcp; do for d in 53 67; do
		x -A LIBVIRT_INP -i virbr0 -p \$p --dport \$d -j ACCEPT
	done; for d in 53 68; do
		x -A LIBVIRT_OUT -o virbr0 -p \$p --dport \$d -j ACCEPT
	done; done
	x -A LIBVIRT_FWX -i virbr0 -o virbr0 -j ACCEPT
	x -A LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	x -A LIBVIRT_FWI -o virbr0 -j REJECT
	x -A LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -j ACCEPT
	x -A LIBVIRT_FWO -i virbr0 -j REJECT
	x -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 -d 224.0.0.0/24 -j RETURN
	x -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 -d 255.255.255.255/32 -j RETURN
	x -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p tcp -j MASQUERADE --to-ports 1024-65535
	x -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p udp -j MASQUERADE --to-ports 1024-65535
	x -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE"
}

probe=$BUILDDIR/probe
background inns "$D" busybox httpd -f -p '[::]:80' -h "$tmp"
background inns "$D" "$probe" serve 53 172.17.0.2 fd17::2 >"$tmp/serve_d"
background ins "$probe" serve 7001 10.9.0.2 fd09::2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
wait_for has_text ready "$tmp/serve_d"
wait_for inns "$D" nc -z 127.0.0.1 80
background inc dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file= --bind-interfaces --interface=virbr0 \
    --except-interface=lo --dhcp-range=192.168.122.10,192.168.122.99 \
    --dhcp-leasefile="$tmp/leases" --host-record=host.example,192.0.2.1 \
    2>"$tmp/dnsmasq"
cat >"$tmp/udhcpc" <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address flush dev "$interface"
ip address add "$ip/24" dev "$interface"
ip route replace default via "$router"
END
chmod +x "$tmp/udhcpc"

# nothing of ours speaks of what is forwarded: with all else forbidden it works
rules "accept out proto tcp to 172.17.0.2 port 80" \
    "accept out proto tcp to fd17::2 port 80" \
    "accept out to self" \
    "accept in exe $(readlink -f "$(command -v dnsmasq)")" \
    "accept out exe $(readlink -f "$(command -v dnsmasq)")" \
    "default out block" "default in block"
tcp() { # WHO TO PORT
	local who=$1
	shift
	case $who in
	c) inc "$probe" tcp "$@" 2000 ;;
	s) ins "$probe" tcp "$@" 2000 ;;
	d) inns "$D" "$probe" tcp "$@" 2000 ;;
	v) inns "$V" "$probe" tcp "$@" 2000 ;;
	esac
}
web() { # WHO URL: probe wants an echo, a web server does not
	local who=$1 ns
	case $who in c) ns=$C ;; s) ns=$S ;; d) ns=$D ;; v) ns=$V ;; esac
	inns "$ns" curl -sS --max-time 15 -o /dev/null "$2" -w '%{http_code}\n'
}
dhcp() {
	inns "$V" busybox udhcpc -i g0 -n -q -t 5 -T 1 -s "$tmp/udhcpc"
}
dns() { inns "$V" dig +short +timeout=15 +tries=1 @192.168.122.1 host.example |
    grep -q 192.0.2.1; }
everything() { # NAME
	check "$1: published port, from outside" web s http://10.9.0.1:8080/
	check "$1: published port, from outside, IPv6" web s 'http://[fd09::1]:8080/'
	check "$1: published port, from the host itself" web c http://10.9.0.1:8080/
	check "$1: … IPv6" web c 'http://[fd09::1]:8080/'
	check "$1: … UDP" inc "$probe" udp 10.9.0.1 8053
	check "$1: … UDP, IPv6" inc "$probe" udp fd09::1 8053
	check "$1: … as localhost" web c http://127.0.0.1:8081/
	check "$1: the host to the container" web c http://172.17.0.2/
	check "$1: the host to the container, IPv6" web c 'http://[fd17::2]/'
	check "$1: the container goes out, masqueraded" tcp d 10.9.0.2 7001
	check "$1: the container goes out, IPv6" tcp d fd09::2 7001
	check "$1: the guest gets an address" dhcp
	check "$1: the guest asks the host's DNS" dns
	check "$1: the guest goes out, masqueraded" tcp v 10.9.0.2 7001
	check_not "$1: the guest is not reached from outside" \
	    tcp s 192.168.122.10 7001
}
ours() { # NAME
	check_not "$1: the host itself is judged" tcp c 10.9.0.2 7001
	check_not "$1: a container that speaks to the host is judged" \
	    web d http://172.17.0.1:8080/
	check "$1: nothing that was forwarded came to us" flows \
	    "all(a not in ('172.17.0.2', 'fd17::2') or x['direction'] == 'out' or
	    x['dst'] in ('172.17.0.1', '10.9.0.1') for x in f
	    for a in (x['src'], x['dst']))"
	check "$1: … nor got a mark" sh -c "! nsenter --net=/run/netns/$C \
	    conntrack -L 2>/dev/null | grep 'dport=7001' |
	    grep -E 'src=(172.17.0.2|192.168.122)' | grep -v ' mark=0 '"
	check "$1: all in place" wait_for ctl firewall verify
}

# theirs and ours: apart, together, and both in nf_tables
for pair in "legacy libiptc" "nft libiptc" "nft iptables-restore"; do
	read -r theirs ours <<<"$pair"
	name="$theirs, $ours"
	BACKEND=$ours settings
	docker_rules $theirs
	libvirt_rules $theirs
	podman_rules $theirs
	everything "$name, without us"
	check "$name: the daemon starts" daemon_start
	everything "$name"
	ours "$name"
	docker_again $theirs
	check "$name: dockerd again: all in place" wait_for ctl firewall verify
	everything "$name, dockerd again"
	check_judged
	daemon_stop
	everything "$name, we are gone"
	clear_rules $theirs
done
finish
