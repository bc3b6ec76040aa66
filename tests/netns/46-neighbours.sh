#!/bin/bash
# With everything blocked in both directions but a few ports, a host is still a
# host: it finds its neighbours and its router, keeps its lease, hears the ICMP
# errors of what it may do, and tells those that belong to what others may.
#
#     c 10.9.0.1  ---- veth ----  s 10.9.0.2, router  -- 1280 | 1500 --  D
#       fd09::1                     dnsmasq, RA          10.8.0.1/.2, fd08::1/::2
#
# What is longer than 1280 does not pass s: D asks for full segments, but sends
# none.
. "$(dirname "$0")/lib.sh"
need_root
need python3 dnsmasq busybox
net_up
probe=$BUILDDIR/probe
net_add D
ip link add d0 netns "$S" mtu 1280 type veth peer name d1 netns "$D" || exit 99
ins ip address add 10.8.0.1/24 dev d0
ins ip address add fd08::1/64 dev d0 nodad
ins ip link set d0 up mtu 1280
inns "$D" ip address add 10.8.0.2/24 dev d1
inns "$D" ip address add fd08::2/64 dev d1 nodad
inns "$D" ip link set d1 up
inns "$D" ip route add default via 10.8.0.1 mtu 1280 advmss 1460
inns "$D" ip -6 route add default via fd08::1 mtu 1280 advmss 1440
ins sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
inc ip route add 10.8.0.0/24 via 10.9.0.2
inc ip -6 route add fd08::/64 via fd09::2

rules "accept out proto tcp, udp to port 7001, 7009" \
    "accept in proto udp to port 8009" \
    "accept out proto icmp, icmp6 to 10.9.0.2, fd09::2" \
    "accept in proto icmp, icmp6 to 10.9.0.1, fd09::1" \
    "default out block" "default in block"
background ins "$probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve.s"
background inns "$D" "$probe" serve 7001 10.8.0.2 fd08::2 >"$tmp/serve.d"
wait_for has_text ready "$tmp/serve.s"
wait_for has_text ready "$tmp/serve.d"
# the kernel of a new router takes its time
for addr in 10.9.0.2 fd09::2 10.8.0.2 fd08::2; do
	wait_for inc "$probe" tcp $addr 7001 100
done
check "the daemon starts" daemon_start

is() { # is EXPECTED WHO PROBE-ARGUMENTS...: the error's name, or ok
	felt "$1" "$2" "$probe" "${@:3}" 1000
}

# -- neighbours --
flush() { inc ip -6 neigh flush dev c0; ins ip -6 neigh flush dev s0; }
flush
check "IPv6, no neighbour known: TCP out" is ok inc tcp fd09::2 7001
flush
check "IPv6, no neighbour known: a ping in" is ok ins icmp fd09::1 0
inc ip neigh flush dev c0
check "IPv4, no neighbour known: TCP out" is ok inc tcp 10.9.0.2 7001
inc sh -c 'echo 1 >/proc/sys/net/ipv6/conf/c0/accept_dad'
inc ip address add fd09::77/64 dev c0
tentative() { inc ip -6 address show dev c0 tentative | grep -q fd09::77; }
settled() { ! tentative; }
check "an address is found to be free" wait_for settled
check "… and is" is ok ins icmp fd09::1 0

# -- a router advertises --
cat >"$tmp/ra.py" <<'PY'
import socket, struct
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
             socket.if_nametoindex("s0"))
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 1800, 0) + \
    socket.inet_pton(socket.AF_INET6, "2001:db8:1::")
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 600, 0, 0) + prefix,
         ("ff02::1", 0))
PY
inc sh -c 'echo 1 >/proc/sys/net/ipv6/conf/c0/accept_ra'
has() { # WHAT ip WORDS...
	local what=$1
	shift
	inc ip -6 "$@" | grep -q "$what"
}
check "a router advertisement is sent" ins python3 "$tmp/ra.py"
check "it gives an address" wait_for has 2001:db8:1: address show dev c0
check "it gives a default route" wait_for has "default via fe80:" route show

# -- DHCP --
cat >"$tmp/lease" <<SCRIPT
#!/bin/sh
# what udhcpc tells: deconfig, bound, renew, nak, leasefail
case \$1 in bound) ip address add "\$ip/32" dev "\$interface" ;; esac
echo "\$1 \$ip \$serverid" >>$tmp/leases
SCRIPT
chmod 755 "$tmp/lease"
: >"$tmp/leases"
background ins dnsmasq --no-daemon --conf-file=/dev/null --port=0 --no-ping \
    --user=root --pid-file= --interface=s0 --bind-interfaces \
    --dhcp-leasefile="$tmp/leasefile" --dhcp-range=10.9.0.50,10.9.0.59,2m \
    2>"$tmp/dnsmasq"
wait_for has_text "DHCP, IP range" "$tmp/dnsmasq"
background inc busybox udhcpc -i c0 -f -t 5 -T 1 -s "$tmp/lease" \
    >"$tmp/udhcpc" 2>&1
client=$pid
check "a lease" wait_for grep -q '^bound 10.9.0.5[0-9] 10.9.0.2' "$tmp/leases"
dhcp_before=$(counter accepted)
kill -USR1 $client
check "it is renewed" wait_for grep -q '^renew 10.9.0.5[0-9] 10.9.0.2' "$tmp/leases"
check "through the daemon: by a socket" \
    [ "$(counter accepted)" -ge $((dhcp_before + 2)) ]
check "DHCP by another port is not DHCP" is EHOSTUNREACH inc udp 10.9.0.2 67
cat >"$tmp/dhcp6.py" <<'PY'
import socket, struct, sys
def sock(device, port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.settimeout(20)
    s.bind(("::", port))
    index = socket.if_nametoindex(device)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                 socket.inet_pton(socket.AF_INET6, "ff02::1:2")
                 + struct.pack("@I", index))
    return s, index
if sys.argv[1] == "serve":
    s, _ = sock("s0", 547)
    s.settimeout(None)
    print("ready", flush=True)
    while True:
        data, peer = s.recvfrom(64)
        s.sendto(b"reply", peer)
s, index = sock("c0", 546)
s.sendto(b"solicit", ("ff02::1:2", 547, 0, index))
assert s.recv(64) == b"reply"
PY
background ins python3 "$tmp/dhcp6.py" serve >"$tmp/dhcp6" 2>&1
wait_for has_text ready "$tmp/dhcp6"
check "DHCPv6: multicast there, unicast back" inc python3 "$tmp/dhcp6.py" ask

# -- groups --
background ins python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.bind(("s0", 3))
print("ready", flush=True)
while True:
    p = s.recv(2048)
    if p[0] >> 4 == 4 and p[9] == 2:
        print("igmp", flush=True)
    if p[0] >> 4 == 6 and p[6] == 0 and p[48] == 143:
        print("mld", flush=True)' >"$tmp/groups"
wait_for has_text ready "$tmp/groups"
background inc python3 -c '
import signal, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
             socket.inet_aton("239.1.2.3") + socket.inet_aton("10.9.0.1"))
t = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
t.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
             socket.inet_pton(socket.AF_INET6, "ff02::1234")
             + struct.pack("@I", socket.if_nametoindex("c0")))
signal.pause()'
check "joining a group: IGMP" wait_for has_text igmp "$tmp/groups"
check "joining a group: MLD" wait_for has_text mld "$tmp/groups"

# -- ICMP errors --
cat >"$tmp/path.py" <<'PY'
import errno, socket, sys
addr = sys.argv[1]
six = ":" in addr
family = socket.AF_INET6 if six else socket.AF_INET
# a megabyte there and back: the first full segments are too big
s = socket.create_connection((addr, 7001), 30)
for n in range(16):
    block = bytes([n]) * 65536
    s.sendall(block)
    got = b""
    while len(got) < len(block):
        got += s.recv(65536)
    assert got == block, n
assert s.getsockopt(41 if six else 0, 24 if six else 14) == 1280  # *_MTU
# a datagram that must not be cut
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(20)
s.setsockopt(41 if six else 0, 23 if six else 10, 2)  # *_MTU_DISCOVER: do
s.connect((addr, 7001))
try:
    for _ in range(3):
        s.send(b"x" * 1400)
        s.recv(2048)
    sys.exit("1400 bytes passed")
except OSError as e:
    assert e.errno == errno.EMSGSIZE, e
s.send(b"x" * 1000)
assert len(s.recv(2048)) == 1000
# and one that may not go so far
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(20)
s.setsockopt(41 if six else 0, 16 if six else 2, 1)  # hops
s.setsockopt(41 if six else 0, 25 if six else 11, 1)  # *_RECVERR
s.connect((addr, 7001))
s.send(b"x")
try:
    s.recv(16)
    sys.exit("one hop was enough")
except OSError as e:
    assert e.errno == errno.EHOSTUNREACH, e
PY
for addr in 10.8.0.2 fd08::2; do
	check "to $addr: path MTU, time exceeded" inc python3 "$tmp/path.py" $addr
	# what was learnt there is not for the next test
	inc ip route flush cache
	inc ip -6 route flush cache
done
for row in "10.9.0.2 10.9.0.1 EHOSTUNREACH" "fd09::2 fd09::1 EACCES"; do
	read -r there here refused <<<"$row"
	check "$there: no such port, out" is ECONNREFUSED inc udp "$there" 7009
	check "$there: no such TCP port, out" is ECONNREFUSED inc tcp "$there" 7009
	check "$here: no such port, in" is ECONNREFUSED ins udp "$here" 8009
	check "$there: blocked out, UDP is told" is "$refused" inc udp "$there" 7002
	check "$there: blocked out, TCP is told" is "$refused" inc tcp "$there" 7002
	check "$here: blocked in, UDP is told" is "$refused" ins udp "$here" 8002
	check "$here: blocked in, TCP is told" is "$refused" ins tcp "$here" 8002
	check "$there: a ping out" is ok inc icmp "$there" 0
	check "$here: a ping in" is ok ins icmp "$here" 0
done
check "10.8.0.2: a ping out that is not allowed" is EHOSTUNREACH inc icmp 10.8.0.2 0
check "fd08::2: a ping out that is not allowed" is EACCES inc icmp fd08::2 0

check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
