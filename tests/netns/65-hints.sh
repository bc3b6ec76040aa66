#!/bin/bash
# What HTTPS records say to connect to (RFC 9460) is no way past the rules: names
# are learnt from it, and its addresses are judged as those of A records are.
#
#     c 10.9.0.1, rerouted        s 10.9.0.2: dnsmasq, and services behind it
. "$(dirname "$0")/lib.sh"
need_root
need dig dnsmasq
net_up
ins ip address add fd09::66/64 dev s0 nodad

# 1 . ipv4hint=10.9.0.2; 1 . ipv6hint=fd09::66
four=00010000040004 four=${four}0a090002
six=00010000060010fd090000000000000000000000000066
# 1 theirs.example. ipv4hint=10.9.0.2
target=0001067468656972730765
target=${target}78616d706c650000040004
target=${target}0a090002
background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file= --bind-interfaces --listen-address=10.9.0.2 \
    --dns-rr=good.example,65,"$four" --dns-rr=hint.example,65,"$four" \
    --dns-rr=_9000._https.svc.example,65,"$four" \
    --dns-rr=via.example,65,"$four" --dns-rr=bad.example,65,"$six" \
    --dns-rr=evil.example,65,"$target" \
    --host-record=theirs.example,10.9.0.2 \
    --cname=x.corp.example,theirs.example \
    --cname=x.example,theirs.example \
    --dns-rr=rebind.com,65,"$four" --dns-rr=ads.example,65,"$four" \
    2>"$tmp/dnsmasq.log"
background ins "$BUILDDIR/probe" serve 9000,9001,9002,9003,9004 10.9.0.2
bound ins udp 53 10.9.0.2
settings "[resolver]" "upstream = 10.9.0.2" "allow-private = example" \
    '[forward "corp.example"]' "upstream = 10.9.0.2" \
    '[tunnel "gone"]' 'upstream = socks5://10.9.0.2:1'
rules "block out domain ads.example" "block out to fd09::66" \
    "block out domain hint.example to any port 9000" \
    "block out domain svc.example to any port 9001" \
    "reroute via gone domain via.example to any port 9002" \
    "accept out domain theirs.example to any port 9004" \
    "block out to 10.9.0.2 port 9004"
check "the daemon starts" daemon_start

asks() { # EXPECTED NAME
	got=$(inc dig +time=15 +tries=1 +short @127.0.0.1 "$2" HTTPS)
	echo "$got"
	[ "$got" = "$1" ]
}
connects() { # EXPECTED PORT
	felt "$1" inc "$BUILDDIR/probe" tcp 10.9.0.2 "$2"
}
check "the services are there" wait_for connects ok 9003
check "… all of them" connects ok 9002
check "a name without a rule" asks "1 . ipv4hint=10.9.0.2" good.example
check "may be connected to" connects ok 9000
check "a rule for name and port" asks "1 . ipv4hint=10.9.0.2" hint.example
check "holds for the address of a hint" connects EHOSTUNREACH 9000
check "and for that port only" connects ok 9001
check "a service with a port in front" asks "1 . ipv4hint=10.9.0.2" \
    _9000._https.svc.example
check "is its host's" connects EHOSTUNREACH 9001
check "what goes through a tunnel" asks "1 . ipv4hint=10.9.0.2" via.example
check_not "does not go past it by a hint" connects ok 9002
check "flows show the name, and the tunnel's mark" flows 'any(
    x["dport"] == 9002 and x["host"] == "via.example" and x["mark"] == 1717
    for x in f)'
check "a hint in a blocked range: nothing" asks "" bad.example
check "a blocked name has none" asks "" ads.example
check "a private one of a public name is taken out" asks "" rebind.com
check "… and is none" try 0 ctl resolve rebind.com HTTPS
check "… with the reason" grep -q '^why: private address' "$tmp/out"

# Who answers for one name can't give its address to another's.
answers() { # NAME TYPE RECORD
	inc dig +time=15 +tries=1 +short @127.0.0.1 "$1" "$2" | grep -qxF "$3"
}
check "a service of another host" asks \
    "1 theirs.example. ipv4hint=10.9.0.2" evil.example
check "is not that host's" connects EHOSTUNREACH 9004
check "the server of a forward" answers x.corp.example A 10.9.0.2
check "is not believed for an alias elsewhere" connects EHOSTUNREACH 9004
check "the one that is asked for all" answers x.example A 10.9.0.2
check "is" connects ok 9004
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
