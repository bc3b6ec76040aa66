#!/bin/bash
# Names that only the far side of a tunnel knows: the program gets an address
# that stands for the name, the proxy is told the name, and no query leaves the
# machine; after a restart the address still stands for it.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: a SOCKS proxy that prints
#       default route to s              what it is asked for, and a name server
. "$(dirname "$0")/lib.sh"
need_root
need python3 dig perl setpriv dnsmasq
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
background ins python3 "$top/tests/netns/tunnel.py" socks 10.9.0.2 1080 \
    >"$tmp/socks.out" 2>"$tmp/socks.err"
background ins python3 "$top/tests/netns/tunnel.py" dns 10.9.0.2 >"$tmp/dns.out"
wait_for has_text ready "$tmp/socks.out"
wait_for has_text ready "$tmp/dns.out"

echo "192.0.2.7 good.example evil.example worse.example" >"$tmp/hosts"
settings '[resolver]' 'upstream = 10.9.0.2' "hosts = $tmp/hosts" \
    '[forward "pub.example"]' 'upstream = 10.9.0.53' \
    '[tunnel "tor"]' 'upstream = socks5://10.9.0.2:1080' 'dns = fake' \
    '[tunnel "here"]' 'upstream = socks5://10.9.0.2:1080' \
    '[tunnel "vpn"]' 'upstream = direct' 'dns = fake'
# a server of a domain of its own, with an alias out of it
ins ip address add 10.9.0.53/24 dev s0
background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file= --bind-interfaces --listen-address=10.9.0.53 \
    --cname=www.pub.example,hidden.onion \
    --host-record=hidden.onion,203.0.113.66 2>"$tmp/dnsmasq.log"
bound ins udp 53 10.9.0.53
flood=$(readlink -f "$(command -v perl)")
dig=$(readlink -f "$(command -v dig)")
rules "reroute via vpn out exe $python domain far.vpn" \
    "reroute via vpn out exe $BUILDDIR/probe proto udp" \
    "reroute via tor out exe $python" "reroute via tor out exe $flood" \
    "reroute via tor out exe $dig user 0 domain hidden.onion" \
    "reroute via here out exe $BUILDDIR/probe to 192.0.2.7" \
    "default out accept" "default in accept"
wire_up
check "the daemon starts" daemon_start
ask hidden.onion A
check "an address of ours" test "${addr%%.*}" = 198
four=$addr
ask hidden.onion AAAA
check "and of IPv6" test "${addr%%:*}" = fd17
six=$addr
ask hidden.onion HTTPS
check "and nothing else" test "$addr" = "none 0"
for own in "localhost A 127.0.0.1" "a.localhost AAAA ::1" \
    "use-application-dns.net A none 3"; do
	read -r name type want <<<"$own"
	ask $name $type
	check "$name is none of the far side's" test "$addr" = "$want"
done
check "it leads to the name" says hello tcp "$four" 7001 echo
check "IPv6 does, too" says hello tcp "$six" 7001 echo
check "the proxy was told the name" \
    [ "$(grep -c '^hidden.onion 7001$' "$tmp/socks.out")" = 2 ]
tests() { # TEXT HOST:PORT: what a test of the tunnel says
	ctl tunnels test tor "$2" >"$tmp/steps" 2>&1
	cat "$tmp/steps"
	grep -q "$1" "$tmp/steps"
}
check "a test of the tunnel knows the name, too" tests '^connected' "$four:7001"
check "… which the proxy was told" \
    [ "$(grep -c '^hidden.onion 7001$' "$tmp/socks.out")" = 3 ]
check "… and asks no proxy for what stands for none" \
    tests 'stands for a name, and there is none' 198.18.77.7:7001
check "… nor for our own entry" tests 'own entry' 127.0.0.17:1117
check "flows have it" flows '
any(x["host"] == "hidden.onion" or x["dst"].startswith("198.18") for x in f)'
check "a query that goes to the resolver, and through no tunnel, says so" sh -c \
    "'$REROUTECTL' --control '$tmp/control' flows |
    grep 'accept.* 127.0.0.1:53 .* loopback (10.rules:3)'"
# An alias that others gave: it leads there for whom the name does.
alias_is() { # WHO... ANSWER
	inc "${@:1:$#-1}" dig +short +time=3 +tries=2 @127.0.0.1 \
	    www.pub.example | tr '\n' ' ' | tee "$tmp/alias"
	[ "$(cat "$tmp/alias")" = "${@: -1} " ]
}
any_is() { # ANSWER
	inc dig +short +time=3 +tries=2 @127.0.0.1 hidden.onion ANY | tee "$tmp/any"
	[ "$(cat "$tmp/any")" = "$1" ]
}
check "of any type it is that one" any_is "$four"
check "by an alias it is the same address" alias_is env "hidden.onion. $four"
check "… not for others" alias_is setpriv --reuid=65534 --regid=65534 \
    --clear-groups "hidden.onion. 203.0.113.66"
check "… and again" alias_is env "hidden.onion. $four"
ask far.vpn A
check "a direct way has nobody to ask: SERVFAIL, no query" \
    test "$addr" = "none 2"
check "an address of ours that stands for nothing: refused" \
    says_like 'EHOSTUNREACH|ECONNREFUSED' tcp 198.18.77.7 7001


# Addresses of ours go through a tunnel or nowhere, whoever has them.
check "a program without a tunnel: refused" \
    felt EHOSTUNREACH inc "$BUILDDIR/probe" tcp 198.18.77.7 7001
check "also with an address of a name" \
    felt EHOSTUNREACH inc "$BUILDDIR/probe" tcp "$four" 7001
check "and of IPv6" felt EACCES inc "$BUILDDIR/probe" tcp "$six" 7001
check "a direct way carries no datagrams there" \
    felt ECONNREFUSED inc "$BUILDDIR/probe" udp "$four" 7001 3000
check "flows say why" flows 'any(
    x["dst"] == "198.18.77.7" and x["reason"] == "stand-in" for x in f)'
check "explain says so, too" sh -c "'$REROUTECTL' --control '$tmp/control' \
    explain --to 198.18.77.7 --port 7001 | grep -qx 'reason: stand-in'"
reverse() { # ADDR: status and name
	inc dig +time=15 +tries=1 @127.0.0.1 -x "$1" >"$tmp/dig"
	echo "$(sed -n 's/.*status: \([A-Z]*\).*/\1/p' "$tmp/dig")" \
	    "$(awk '$4 == "PTR" { print $5 }' "$tmp/dig")"
}
check "their reverse names are known here" \
    test "$(reverse "$four")" = "NOERROR hidden.onion."
check "IPv6, too" test "$(reverse "$six")" = "NOERROR hidden.onion."
check "of no name: there is none" test "$(reverse 198.19.3.3)" = "NXDOMAIN "
above() { # NAME TYPE: of zones that have some below
	inc dig +tries=1 @127.0.0.1 "$1" "$2" >"$tmp/dig"
	grep -q 'status: NOERROR' "$tmp/dig" || return 1
	awk -v t="$2" '$4 == t { print $1 }' "$tmp/dig"
}
check "what is above addresses is there" above 1.18.198.in-addr.arpa PTR
check "a zone of its own" \
    test "$(above 18.198.in-addr.arpa SOA)" = 18.198.in-addr.arpa.

# A program that asks for many names does not take the addresses of others.
cat >"$tmp/flood.pl" <<-'EOF'
	use IO::Socket::INET;
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:53",
	    Proto => "udp") or die;
	my %n;
	for my $i (1 .. 2000) {
		my $l = "n$i";
		$s->send(pack("n6", $i, 0x100, 1, 0, 0, 0) . pack("C/a*", $l) .
		    pack("C/a*", "onion") . pack("Cnn", 0, 1, 1));
		$s->recv(my $b, 2000);
		$n{ord(substr($b, 3, 1)) & 15}++;
	}
	print join(" ", map { "$_:$n{$_}" } sort keys %n), "\n";
EOF
inc timeout 60 perl "$tmp/flood.pl" >"$tmp/flood.out"
floods() { # some got an address, and most SERVFAIL
	cat "$tmp/flood.out"
	awk '{ split($1, a, ":"); split($2, b, ":")
	    exit !(a[1] == 0 && a[2] >= 256 && b[1] == 2 && b[2] > 0) }' \
	    "$tmp/flood.out"
}
check "many new names of one program: SERVFAIL for the rest" floods
ask more.onion A
check "others get theirs" test "${addr%%.*}" = 198

# What another user's program was told is not said to a proxy, which would look
# it up for itself: it leads wherever its owner wants.
told() { # [PRIVILEGES...] NAME
	inc "${@:1:$#-1}" dig +short +time=3 @127.0.0.1 "${@: -1}" |
	    grep -qx 192.0.2.7
}
proxy_told() { # WHAT
	inc "$BUILDDIR/probe" tcp 192.0.2.7 7001
	tail -n 1 "$tmp/socks.out" | tee "$tmp/last"
	grep -qx "$1 7001" "$tmp/last"
}
stranger="setpriv --reuid=65534 --regid=65534 --clear-groups"
check "another user's program is told a name" told $stranger evil.example
check "the proxy is told the address" proxy_told 192.0.2.7
check "a program of the same user's is told one" told env good.example
check "so is the proxy" proxy_told good.example
check "another user's again, later" told $stranger worse.example
check "the proxy is not" proxy_told good.example

daemon_stop
check "it starts again" daemon_start
check "the address still stands for the name" says hello tcp "$four" 7001 echo
check "as the proxy was told" \
    [ "$(grep -c '^hidden.onion 7001$' "$tmp/socks.out")" = 4 ]
check "another name has another" test "$(ask other.onion A)" != "$four"
check "nobody was asked" [ "$(wc -l <"$tmp/dns.out")" = 1 ]
rules "reroute via tor out exe $python to internet" "default out accept" \
    "default in accept"
check "a rule about all addresses" ctl reload
ask wide.onion AAAA
check "what stands for a name is one of them" says hello tcp "$addr" 7001 echo
settings '[resolver]' 'upstream = 10.9.0.2'
rules "default out accept" "default in accept"
check "settings with no tunnel" ctl reload
check "what a program was given goes nowhere" felt EHOSTUNREACH \
    inc "$BUILDDIR/probe" tcp "$four" 7001
daemon_stop
check "a daemon that never had one starts" daemon_start
check "nor does it go anywhere then" felt EHOSTUNREACH \
    inc "$BUILDDIR/probe" tcp "$four" 7001
check_not "nothing is on the wire" wire_saw
check_judged
daemon_stop
check "the daemon ends well" test $? = 0

# Names that can't be kept for a restart are told of.
mkdir "$tmp/full"
if mount -t tmpfs -o size=64k none "$tmp/full"; then
	settings '[resolver]' 'upstream = 10.9.0.2' \
	    '[tunnel "tor"]' 'upstream = socks5://10.9.0.2:1080' 'dns = fake'
	rules "reroute via tor out exe $python" "default out accept"
	check "a state folder that will be full" daemon_start --state "$tmp/full"
	head -c 100k /dev/zero >"$tmp/full/fill" 2>/dev/null
	unkept() { ctl status | grep '^BROKEN: names for tunnels are not kept'; }
	ask lost.onion A
	check "a name gets its address all the same" test "${addr%%.*}" = 198
	check "… and that it can't be kept is told" unkept
	rm "$tmp/full/fill"
	ask kept.onion A
	check_not "… until one can" unkept
	daemon_stop
	umount "$tmp/full"
fi
finish
