#!/bin/bash
# A response policy zone as a list: each of its actions as a program that asks
# sees it, and what connections make of it. And what AdBlock's rules say of
# types, and of other answers.
#
#     c 10.9.0.1, rerouted        s 10.9.0.2, port 7001
#       127.0.0.1:53                dnsmasq on 10.9.0.53: *.example 203.0.113.2,
#                                   bad.example 203.0.113.66, garden.example .80
. "$(dirname "$0")/lib.sh"
need_root
need dig dnsmasq
net_up
probe=$BUILDDIR/probe
ins ip address add 10.9.0.53/24 dev s0
background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
	--user=root --pid-file= --bind-interfaces --listen-address=10.9.0.53 \
	--address=/example/203.0.113.2 --address=/garden.example/203.0.113.80 \
	--address=/garden.example/2001:db8::80 \
	--address=/bad.example/203.0.113.66 \
	--address=/worse.example/203.0.113.67 --cname=a.to,nx.example \
	--cname=b.to,local.example --cname=c.to,drop.example \
	--cname=d.to,alias.example --cname=e.to,ok.nx.example \
	--cname=f.to,nodata.example 2>"$tmp/dnsmasq.log"
bound ins udp 53 10.9.0.53
cat >"$tmp/zone" <<'ZONE'
$TTL 300
@ IN SOA localhost. root.localhost. ( 1 3600 600 86400 300 )
  IN NS localhost.
nx.example CNAME .
*.nx.example CNAME .
ok.nx.example CNAME rpz-passthru.
nodata.example CNAME *.
drop.example CNAME rpz-drop.
tcp.example CNAME rpz-tcp-only.
local.example A 203.0.113.90
local.example TXT "see the admin"
*.local.example A 203.0.113.91
alias.example CNAME garden.example.
*.wild.example CNAME *.garden.example.
32.66.113.0.203.rpz-ip CNAME .
32.67.113.0.203.rpz-ip A 203.0.113.99
x.rpz-nsdname CNAME .
ZONE
cat >"$tmp/guard" <<'GUARD'
||typed.example^$dnstype=AAAA|HTTPS
||rewritten.example^$dnsrewrite=203.0.113.92
||moved.example^$dnsrewrite=garden.example
||gone.example^$dnsrewrite=NXDOMAIN
||refused.example^$dnsrewrite=REFUSED
||mail.example^$dnsrewrite=NOERROR;MX;10 x.example
||https.example^$dnsrewrite=NOERROR;HTTPS;1 x.example
GUARD
settings "[resolver]" "upstream = 10.9.0.53" \
	"[list \"zone\"]" "source = $tmp/zone" \
	"[list \"guard\"]" "source = $tmp/guard"
ins ip address add 203.0.113.80/32 dev s0
inc ip route add 203.0.113.80/32 via 10.9.0.2
rules "block out domain garden.example to any port 7001" \
    "block out list zone, guard label \"policy\"" "default in accept"

dig_c() { inc dig +time=15 +tries=1 @127.0.0.1 "$@"; }
says() { # EXPECTED DIG-WORD...
	local want=$1 got
	shift
	got=$(dig_c +short "$@" | tr '\n' ' ')
	echo "$got"
	[ "${got% }" = "$want" ]
}
status_is() { # STATUS NUMBER-OF-ANSWERS DIG-WORD...
	local want=$1 n=$2
	shift 2
	dig_c "$@" >"$tmp/dig"
	cat "$tmp/dig"
	grep -q "status: $want" "$tmp/dig" && grep -q "ANSWER: $n" "$tmp/dig"
}

check "the daemon starts" daemon_start
check "CNAME . is NXDOMAIN" status_is NXDOMAIN 0 nx.example
check "which says why" grep -q 'EDE: 15.*policy' "$tmp/dig"
check "and below *" status_is NXDOMAIN 0 a.b.nx.example AAAA
check "passthru takes one out" says 203.0.113.2 ok.nx.example
check "CNAME *. is NODATA" status_is NOERROR 0 nodata.example
check "rpz-drop is silence" sh -c "! nsenter --net=/run/netns/$C \
    dig +time=1 +tries=1 @127.0.0.1 drop.example >/dev/null"
check "tcp-only over UDP: come back" sh -c "nsenter --net=/run/netns/$C \
    dig +ignore @127.0.0.1 tcp.example | grep -q 'flags:.* tc'"
check "tcp-only over TCP" says 203.0.113.2 tcp.example
check "records of its own" says 203.0.113.90 local.example
check "of each type" says '"see the admin"' local.example TXT
check "and no others" status_is NOERROR 0 local.example AAAA
check "below *, others" says 203.0.113.91 x.local.example
check "an alias is followed" says "garden.example. 203.0.113.80" alias.example
check "and is of its target" felt EHOSTUNREACH inc "$probe" tcp 203.0.113.80 7001
check "by a rule about that" flows 'any(x.get("host") == "garden.example" and
    x["verdict"] == "block" for x in f)'
check "while it is not blocked as what is listed" felt ECONNREFUSED inc "$probe" \
    tcp 203.0.113.80 7002
check "from the cache, too" says "garden.example. 203.0.113.80" alias.example
check "its target is no alias" says 203.0.113.80 garden.example
check "of either family" says "garden.example. 2001:db8::80" alias.example AAAA
check "a CNAME of it" says garden.example. alias.example CNAME
check "an alias with the name in it" says \
    "a.wild.example.garden.example. 203.0.113.80" a.wild.example
check "an address in an answer" status_is NXDOMAIN 0 bad.example
check "another in its place" says 203.0.113.99 worse.example
check "an alias of one that is NXDOMAIN is, too" status_is NXDOMAIN 0 a.to
check "one of a name with records has those" says 203.0.113.90 b.to
check "… of each type" says '"see the admin"' b.to TXT
check "one of a name that is dropped is" sh -c "! nsenter --net=/run/netns/$C \
    dig +time=1 +tries=1 @127.0.0.1 c.to >/dev/null"
check "one of a name that leads elsewhere is blocked" says 0.0.0.0 d.to
check "one of a name that is taken out passes" says \
    "ok.nx.example. 203.0.113.2" e.to
check "one that is NODATA" status_is NOERROR 0 f.to
check "others pass" says 203.0.113.2 other.example
check "what can't apply is counted" sh -c "'$REROUTECTL' --control \
    '$tmp/control' lists | grep -q 'rpz-nsdname can.t apply'"
check "a rule for some types: for those" status_is NOERROR 0 typed.example AAAA
check "… and no others" says 203.0.113.2 typed.example A
check "another address" says 203.0.113.92 www.rewritten.example
check "… and no other type" status_is NOERROR 0 rewritten.example AAAA
check "another name" says "garden.example. 203.0.113.80" moved.example
check "no such name" status_is NXDOMAIN 0 gone.example
check "refused" status_is REFUSED 0 refused.example
check "data of another type" says "10 x.example." mail.example MX
check "what can't be answered so is counted" sh -c "'$REROUTECTL' --control \
    '$tmp/control' lists | grep -q dnsrewrite"
check "queries say that a list answered" sh -c "'$REROUTECTL' --json --control \
    '$tmp/control' queries | grep -q '\"local.example\".*\"list\"'"
is_shown() { # VERDICT NAME...: in the table
	local name
	ctl queries >"$tmp/queries"
	for name in "${@:2}"; do
		grep " $name " "$tmp/queries" | awk '{ print $2 }' | sort -u |
			tee "$tmp/verdict"
		[ "$(cat "$tmp/verdict")" = "$1" ] || return 1
	done
}
check "what it has of its own is not blocked" \
    is_shown own local.example b.to moved.example mail.example
check "… nor does a look-up call it so" sh -c "'$REROUTECTL' --control '$tmp/control' \
    resolve local.example | tee '$tmp/out' | grep -q '^verdict: own'"
explains() { ctl explain --query "$1" | tee "$tmp/out" | grep -q '^then: the list has records of its own'; }
check "… and what decides a query tells of it" explains local.example
check_not "… of no other one" explains bad.example
check "… but the rest is" is_shown block nx.example gone.example bad.example \
    d.to refused.example
check_judged
check "the daemon ends" daemon_stop
finish
