#!/bin/bash
# Names that only the far side of a tunnel knows: the program gets an address
# that stands for the name, the proxy is told the name, and no query leaves the
# machine; after a restart the address still stands for it.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: a SOCKS proxy that prints
#       default route to s              what it is asked for, and a name server
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
background ins python3 "$top/tests/netns/tunnel.py" socks 10.9.0.2 1080 \
    >"$tmp/socks.out" 2>"$tmp/socks.err"
background ins python3 "$top/tests/netns/tunnel.py" dns 10.9.0.2 >"$tmp/dns.out"
wait_for grep -q ready "$tmp/socks.out"
wait_for grep -q ready "$tmp/dns.out"

settings '[resolver]' 'upstream = 10.9.0.2' \
    '[tunnel "tor"]' 'upstream = socks5://10.9.0.2:1080' 'dns = fake' \
    '[tunnel "vpn"]' 'upstream = direct' 'dns = fake'
rules "reroute via vpn out exe $python domain far.vpn" \
    "reroute via tor out exe $python" "default out accept" "default in accept"
wire_up
check "the daemon starts" daemon_start
ask() { # NAME TYPE: the address in $addr
	addr=$(run_in ask "$1" "$2")
	echo "$addr"
}
ask hidden.onion A
check "an address of ours" test "${addr%%.*}" = 198
four=$addr
ask hidden.onion AAAA
check "and of IPv6" test "${addr%%:*}" = fd17
six=$addr
ask hidden.onion HTTPS
check "and nothing else" test "$addr" = "none 0"
check "it leads to the name" says hello tcp "$four" 7001 echo
check "IPv6 does, too" says hello tcp "$six" 7001 echo
check "the proxy was told the name" \
    [ "$(grep -c '^hidden.onion 7001$' "$tmp/socks.out")" = 2 ]
check "flows have it" flows '
any(x["host"] == "hidden.onion" or x["dst"].startswith("198.18") for x in f)'
ask far.vpn A
check "a direct way has nobody to ask: SERVFAIL, no query" \
    test "$addr" = "none 2"
check "an address of ours that stands for nothing: refused" \
    says_like 'EHOSTUNREACH|ECONNREFUSED' tcp 198.18.77.7 7001

daemon_stop
check "it starts again" daemon_start
check "the address still stands for the name" says hello tcp "$four" 7001 echo
check "as the proxy was told" \
    [ "$(grep -c '^hidden.onion 7001$' "$tmp/socks.out")" = 3 ]
check "another name has another" test "$(ask other.onion A)" != "$four"
check "nobody was asked" [ "$(wc -l <"$tmp/dns.out")" = 1 ]
check_not "nothing is on the wire" wire_saw
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
