#!/bin/bash
# A program through a SOCKS proxy: what its connect() says, what it is told of
# the far end's ways, and that nothing of it is on the wire but the proxy's.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: danted on 1080
#       default route to s              lo: 192.0.2.7, 2001:db8::7: far ends
#
# Port 7099 is closed, 192.0.2.99 and 2001:db8::99 have no route.
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
danted_up
ins ip route add unreachable 2001:db8::99/128
ins ip address add 198.18.0.5/32 dev lo
ins ip address add fd17:1117::105/128 dev lo nodad

settings '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080' \
    '[tunnel "plain"]' 'upstream = socks5://10.9.0.2:1080' 'honest-connect = no'
rules "accept out to 10.9.0.0/24, fd09::/64" \
    "reroute via plain out from any port 20000-20099" \
    "reroute via socks out exe $python" "default out block" "default in accept"
wire_up
check "the daemon starts" daemon_start

for far in 192.0.2.7 2001:db8::7; do
	check "$far: half-close both ways" says "hello" tcp $far 7001 echo
	check "$far: the far end speaks first" says welcome tcp $far 7002 first
	check "$far: who it sees" says_like "$proxy_sees" tcp $far 7008 hear
	check "$far: 30 MB up, the answer down" says ok tcp $far 7006 up 30000000
	check "$far: 30 MB down" says ok tcp $far 7007 down 30000000
	check "$far: refused" says ECONNREFUSED tcp $far 7099
	check "$far: at once" soon 1000
	check "$far: flows say why" sh -c "'$REROUTECTL' --control \
	    '$tmp/control' flows | grep -q '7099 .*rules:[0-9]*: .*refused'"
done
for far in 192.0.2.99 2001:db8::99; do
	check "$far: no route there: EHOSTUNREACH or ENETUNREACH" \
	    says_like 'E(HOST|NET)UNREACH' tcp $far 7001
	check "$far: at once" soon 1000
done
for far in 198.18.0.5 fd17:1117::105; do
	check "$far: no tunnel gives such out: one like any other" \
	    says hello tcp $far 7001 echo
	check "$far: UDP, too" says ok udp connected $far,7010
done
check "200 at once are refused, each of them" says_all "ECONNREFUSED 200" \
    crowd 192.0.2.7 7099 200
# of C170, for what has its flow's mark already
unmarked() { inc $IPT4-save -c -t mangle |
	sed -n 's/^.\([0-9]*\):.* C170 .*--mark 0x6ae .* RETURN$/\1/p' | tail -n 1; }
check "what goes to the proxy has its flow's mark at once" \
    [ "$(unmarked)" -gt 200 ]
check "the far end ends first: ours still goes" late_is 192.0.2.7 3000000

# -- connected before the far end is there --
from_plain=20000
check "what is sent meanwhile arrives, and its end" says_from plain \
    'hello [0-9]+' tcp 192.0.2.7 7001 echo
check "an end with nothing before it, too" says_from plain 'EOF [0-9]+' \
    tcp 192.0.2.7 7001 end
check "refused: broken, and no end" says_from plain 'ECONNRESET [0-9]+' \
    tcp 192.0.2.7 7099 end
check "a direct connection to the entry is reset" \
    says_like 'ECONNRESET|EOF' tcp 127.0.0.17 1117 poke
check "and said" grep -q 'connection to the endpoint itself' "$tmp/daemon.log"

# -- the entry's port is another program's at the start, and IPv6 is off --
check "the daemon ends" daemon_stop
inc sysctl -qw net.ipv6.conf.lo.disable_ipv6=1
cat >"$tmp/thief.py" <<'END'
import select, socket
all = []
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
    s = socket.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.17", 1117))
    all.append(s)
all[0].listen()
print("ready", flush=True)
select.select(all, [], [])
print("GOT", flush=True)
END
background inc setpriv --reuid 65534 --clear-groups \
    "$python" "$tmp/thief.py" >"$tmp/thief.out"
thief=$pid
wait_for grep -q ready "$tmp/thief.out"
check "a program has the entry's port: the daemon starts" daemon_start
broken() { ctl status | grep -q "^BROKEN: the entry for tunnels is not open"; }
check "which is said" broken
check "and who has it" has_text "(UDP) is taken by $python[$thief]" \
    "$tmp/daemon.log"
check "TCP is denied" says EHOSTUNREACH tcp 192.0.2.7 7001 echo
check_not "UDP, too" says ok udp connected 192.0.2.7,7010
inc sysctl -qw net.ipv6.conf.lo.disable_ipv6=0
check "::1 comes: so does its entry" wait_for inc sh -c \
    "ss -Hlnt 'src [::1]:1117' | grep -q . && ss -Hlnu 'src [::1]:1117' | grep -q ."
check "and is used" says hello tcp 2001:db8::7 7001 echo
# one socket, until it is answered
background inc "$python" -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(.2)
s.connect(("192.0.2.7", 7010))
print("sends", flush=True)
while True:
    try:
        s.send(b"x")
        print("answered", len(s.recv(99)), flush=True)
        break
    except OSError:
        pass' >"$tmp/same.out"
wait_for grep -q sends "$tmp/same.out"
check_not "it got nothing" grep -q GOT "$tmp/thief.out"
stop "$thief"
check "it ends: the entry is open" \
    wait_for has_text "the entry for tunnels is open now" "$tmp/daemon.log"
check_not "nothing is BROKEN" broken
check "and is used: TCP" says hello tcp 192.0.2.7 7001 echo
check "UDP" says ok udp connected 192.0.2.7,7010
check "a socket of before, too" wait_for grep -q answered "$tmp/same.out"

check_not "nothing of it is on the wire" wire_saw
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
