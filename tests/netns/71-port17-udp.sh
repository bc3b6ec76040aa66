#!/bin/bash
# UDP through a SOCKS proxy and out of a device: one socket to many ends, large
# datagrams, a daemon that begins anew in mid-flow, and a tunnel that has none.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: danted 1080, microsocks 1081
#       default route to s              lo: 192.0.2.7 to .9, 2001:db8::7 to ::9
. "$(dirname "$0")/lib.sh"
need_root
need python3 danted microsocks
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
danted_up
background ins microsocks -i 10.9.0.2 -p 1081
wait_for listens ins 1081

settings '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080' \
    '[tunnel "none"]' 'upstream = socks5://10.9.0.2:1081' \
    '[tunnel "dev"]' 'upstream = direct' 'device = c0' \
    '[tunnel "no"]' 'upstream = direct' 'udp = reject' \
    '[tunnel "silent"]' 'upstream = direct' 'udp = drop' \
    '[tunnel "web"]' 'upstream = http://10.9.0.2:8080'
via() { rules "reroute via $1 out exe $python" "default out block" \
    "default in accept"; }
via socks
wire_up
check "the daemon starts" daemon_start

check "one socket, five ends, three rounds" says_all "ok 15" \
    udp rounds=3 192.0.2.7,7010 192.0.2.8,7010 192.0.2.9,7010 192.0.2.7,7011 \
    192.0.2.8,7011
# danted's outer socket speaks to one IPv6 address
check "IPv6: two ends" says_all "ok 6" \
    udp rounds=3 2001:db8::7,7010 2001:db8::7,7011
for far in 192.0.2.7 2001:db8::7; do
	check "$far: a connected one" says ok udp connected $far,7010
	check "$far: 30,000 bytes" says ok udp size=30000 $far,7010
done
check_not "nothing of it is on the wire" wire_saw

# -- the daemon begins anew --
partner app inc sock.py connect udp 192.0.2.7 7010
tell app send one
tell app recv
check "a flow is up" answers app "got one"
daemon_stop KILL
tell app send two
tell app hear 3000
check "the daemon is gone: refused" answers app ECONNREFUSED
check "it starts again" daemon_start
tell app send three
tell app hear 3000
check "the flow goes on" answers app "got three"
check_not "nothing of it is on the wire" wire_saw

# -- a proxy that carries none --
via none
daemon_reload
check "no UDP: refused" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' \
    udp connected 192.0.2.7,7010
check "and the next at once" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' \
    udp connected 192.0.2.7,7010
via web
daemon_reload
check "HTTP has none" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' \
    udp connected 192.0.2.7,7010
via no
daemon_reload
check "udp = reject" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' \
    udp connected 192.0.2.7,7010
via silent
daemon_reload
check "udp = drop" says ETIMEDOUT udp connected 192.0.2.7,7010
check_not "nothing of it is on the wire" wire_saw

# -- direct: the far end sees the device's address, and large ones pass --
via dev
daemon_reload
check "direct: five ends" says_all "ok 15" udp rounds=3 192.0.2.7,7010 \
    192.0.2.8,7010 192.0.2.9,7010 192.0.2.7,7011 192.0.2.8,7011
check "direct, IPv6: five ends" says_all "ok 15" udp rounds=3 \
    2001:db8::7,7010 2001:db8::8,7010 2001:db8::9,7010 2001:db8::7,7011 \
    2001:db8::8,7011
check "direct: 65,507 bytes" says ok udp size=65507 192.0.2.7,7010
check "direct, IPv6: 65,000 bytes" says ok udp size=65000 2001:db8::7,7010
check "direct: nobody there" says_like 'ECONNREFUSED' \
    udp connected 192.0.2.7,7099
check "direct, TCP" says hello tcp 192.0.2.7 7001 echo
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
