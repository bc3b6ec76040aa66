#!/bin/bash
# The tunnels that people have: ssh -D, shadowsocks, squid, Tor without a
# network, WireGuard behind a direct one. What a program is told of each, what
# passes both ways, and that nothing of it is on the wire.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: sshd 2222, ss-server 8388,
#       127.0.0.1: ssh -D 1083,         squid 3128, 3129 with a password,
#       ss-local 1084, tor 9050         danted 1080, a name server
#       wgc 10.66.0.2 ---- tunnel ---- wgs 10.66.0.1
#
# Port 7099 is closed, 192.0.2.99 has no route, 203.0.113.98 is a black hole.
. "$(dirname "$0")/lib.sh"
need_root
need python3 ssh sshd ssh-keygen ss-local ss-server squid tor wg \
    wireguard-go openssl
[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
danted_up
ins ip route add 203.0.113.98/32 dev s0
ins ip neighbour add 203.0.113.98 lladdr 02:00:00:00:00:77 dev s0
background ins python3 "$top/tests/netns/tunnel.py" dns 10.9.0.2 >"$tmp/dns.out"

# -- ssh: one that dials, one that it comes out of --
mkdir -p /run/sshd
for key in host user; do
	ssh-keygen -q -t ed25519 -N '' -f "$tmp/$key"
done
cat >"$tmp/sshd.conf" <<-EOF
	ListenAddress 10.9.0.2:2222
	HostKey $tmp/host
	PidFile none
	AuthorizedKeysFile $tmp/user.pub
	StrictModes no
	UsePAM no
	PermitRootLogin yes
EOF
background ins "$(command -v sshd)" -D -f "$tmp/sshd.conf" 2>"$tmp/sshd.log"
wait_for listens ins 2222
background inc ssh -F none -N -D 127.0.0.1:1083 -i "$tmp/user" -p 2222 \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR root@10.9.0.2

# -- shadowsocks --
background ins ss-server -s 10.9.0.2 -p 8388 -k right -m aes-256-gcm -u \
    >"$tmp/ss-server.log" 2>&1
background inc ss-local -s 10.9.0.2 -p 8388 -b 127.0.0.1 -l 1084 -k right \
    -m aes-256-gcm -u >"$tmp/ss-local.log" 2>&1

# -- squid, as its own user: it must be able to read its settings --
# what it shares by name it shares with no other squid, nor with what one has left
mount -t tmpfs none /dev/shm
echo "anna:$(openssl passwd -apr1 secret)" >"$tmp/squid.users"
cat >"$tmp/squid.conf" <<-EOF
	http_port 10.9.0.2:3128
	http_port 10.9.0.2:3129
	auth_param basic program $(find /usr/lib/squid -name basic_ncsa_auth) \
	    $tmp/squid.users
	acl known proxy_auth REQUIRED
	acl open localport 3128
	http_access allow open
	http_access allow known
	dns_nameservers 127.0.0.1
	dns_timeout 1 second
	connect_timeout 2 seconds
	connect_retries 0
	max_filedescriptors 1024
	shutdown_lifetime 0 seconds
	cache deny all
	access_log none
	cache_log /dev/null
	pid_filename none
	netdb_filename none
	pinger_enable off
EOF
chmod 644 "$tmp/squid.conf" "$tmp/squid.users"
background ins squid -N -f "$tmp/squid.conf" >"$tmp/squid.log" 2>&1

# -- Tor: its own connections are blocked --
cat >"$tmp/torrc" <<-EOF
	DataDirectory $tmp/tor
	SocksPort 127.0.0.1:9050
	SocksTimeout 2
	Log notice file $tmp/tor.log
EOF
background inc tor --quiet --defaults-torrc "$tmp/torrc" -f "$tmp/torrc"

# -- WireGuard; device names are sockets in /run/wireguard, for all --
wgc=pc$unique wgs=ps$unique
at_end() { rm -f /run/wireguard/$wgc.sock /run/wireguard/$wgs.sock; }
for end in c s; do
	(umask 077; wg genkey >"$tmp/$end.key")
	wg pubkey <"$tmp/$end.key" >"$tmp/$end.pub"
done
WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1
export WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD
ins wireguard-go $wgs >"$tmp/wgs" 2>&1 || skip "wireguard-go does not run here"
ins wg set $wgs private-key "$tmp/s.key" listen-port 51820 peer \
    "$(cat "$tmp/c.pub")" allowed-ips 10.66.0.2/32
ins ip address add 10.66.0.1/24 dev $wgs
ins ip link set $wgs up
inc wireguard-go $wgc >"$tmp/wgc" 2>&1
inc wg set $wgc private-key "$tmp/c.key" peer "$(cat "$tmp/s.pub")" \
    endpoint 10.9.0.2:51820 allowed-ips 0.0.0.0/0
inc ip address add 10.66.0.2/24 dev $wgc
inc ip link set $wgc up

settings '[resolver]' 'upstream = 10.9.0.2' \
    '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080' \
    '[tunnel "ssh"]' 'upstream = socks5://127.0.0.1:1083' 'dns = fake' \
    '[tunnel "shadow"]' 'upstream = socks5://127.0.0.1:1084' 'dns = fake' \
    '[tunnel "squid"]' 'upstream = http://10.9.0.2:3128' 'dns = fake' \
    '[tunnel "known"]' 'upstream = http://anna:secret@10.9.0.2:3129' \
    '[tunnel "unknown"]' 'upstream = http://anna:wrong@10.9.0.2:3129' \
    '[tunnel "tor"]' 'upstream = socks5://127.0.0.1:9050' 'dns = fake' \
    '[tunnel "wire"]' 'upstream = direct' "device = $wgc"
# a query has no address and no port yet: rules for names go first
i=0
for t in ssh shadow squid; do
	echo "reroute via $t out exe $python domain *.$t.vpn"
done >"$tmp/names.rules"
for t in socks ssh shadow squid known unknown tor wire; do
	i=$((i + 1))
	echo "reroute via $t out exe $python from any port" \
	    "$((20000 + i * 100))-$((20099 + i * 100))"
	eval "from_$t=$((20000 + i * 100))"
done >"$tmp/ports.rules"
rules "block out exe $(realpath "$(command -v tor)")" \
    "reroute via tor out exe $python domain *.onion" \
    "$(cat "$tmp/names.rules")" \
    "accept out to 10.9.0.0/24, 127.0.0.0/8" "$(cat "$tmp/ports.rules")" \
    "default out block" "default in accept"
wire_up
check "the daemon starts" daemon_start
name_of() { run_in ask "$1" A; } # the address that stands for it
far=192.0.2.7

for port in 1083 1084 9050; do
	check "a proxy on $port" wait_for listens inc $port
done
for port in 3128 3129; do
	check "a proxy on $port" wait_for listens ins $port
done

mb=64000000
for t in socks ssh shadow squid known wire; do
	check "$t: the far end speaks first" thru $t welcome $far 7002 first
	check "$t: $mb bytes down" thru $t ok $far 7007 down $mb
done
for t in socks ssh wire; do
	check "$t: half-close both ways" thru $t hello $far 7001 echo
	check "$t: $mb bytes up, the answer down" thru $t ok $far 7006 up $mb
done
check "a gigabyte down" thru socks ok $far 7007 down 1000000000
check "a gigabyte up" thru socks ok $far 7006 up 1000000000

# -- what it is told --
check "wire: refused" thru wire ECONNREFUSED $far 7099
check "wire: at once" soon 2000
check "wire: no route there" thru wire 'E(HOST|NET)UNREACH' 192.0.2.99 7001
check "wire: a reset passes" thru wire ECONNRESET $far 7003 poke
for t in ssh squid known; do
	for where in "$far 7099" "192.0.2.99 7001"; do
		check "$t: $where can't be reached" thru $t EHOSTUNREACH $where
		check "$t: at once" soon 3000
	done
done
check "squid: a black hole" thru squid 'EHOSTUNREACH|ETIMEDOUT' 203.0.113.98 7001
check "squid: as soon as it says so" soon 6000
for t in ssh squid shadow; do
	addr=$(name_of nowhere.$t.vpn)
	check "$t: stands for a name" test "${addr%%.*}" = 198
done
for t in ssh squid; do
	check "$t: a name that is none" thru $t EHOSTUNREACH \
	    "$(name_of nowhere.$t.vpn)" 7001
	check "$t: soon" soon 8000
done
# it says yes before it has asked
check "shadow: connected, then broken" thru shadow 'ECONNRESET|EOF' $far 7099 poke
check "unknown: the wrong password" thru unknown EHOSTUNREACH $far 7001
check "and tunnels says so" sh -c "'$REROUTECTL' --control '$tmp/control' \
    --json tunnels | grep '\"unknown\"' | grep -q password"

# -- Tor has no network --
check "tor: it can't, and says so" thru tor 'EHOSTUNREACH|ENETUNREACH|ETIMEDOUT' \
    $far 7001
check "tor: soon" soon 15000
addr=$(name_of hidden.onion)
check "tor: an onion has an address of ours" test "${addr%%.*}" = 198
check "tor: nor there" thru tor 'EHOSTUNREACH|ENETUNREACH|ETIMEDOUT' "$addr" 80
check "nobody was asked for a name" [ "$(wc -l <"$tmp/dns.out")" = 1 ]

# -- datagrams --
many="192.0.2.7,7010 192.0.2.8,7010 192.0.2.9,7010 192.0.2.7,7011 192.0.2.8,7011"
for t in shadow wire; do
	check "$t: one socket, five ends" says_from $t "ok 15" \
	    udp rounds=3 $many
done
check "wire: 65,507 bytes" says_from wire "ok 1" udp size=65507 $far,7010
check "wire: as many segments as one call takes" says_from wire "ok 48" \
    udp segments=48 $far,7010
check "ssh: has none" says_from ssh 'E[A-Z]* 0' udp connected $far,7010
check_not "nothing of it is on the wire" wire_saw
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
