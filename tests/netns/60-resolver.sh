#!/bin/bash
# The resolver with real programs: asked directly, and by queries to others that
# are brought to it (1799), UDP and TCP, IPv4 and IPv6; each with its program.
#
#     c 10.9.0.1 fd09::1, rerouted       s 10.9.0.2 fd09::2, dnsmasq on .53 :53
#       127.0.0.1:53, [::1]:53             (the upstream)
. "$(dirname "$0")/lib.sh"
need_root
need dig dnsmasq iptables-legacy
net_up
ins ip address add 10.9.0.53/24 dev s0
ins ip address add fd09::53/64 dev s0 nodad

background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file= --bind-interfaces --log-queries --log-facility=- \
    --listen-address=10.9.0.53,fd09::53 \
    --host-record=web.example,203.0.113.10,2001:db8::10 \
    --host-record=ads.example,203.0.113.66 --cname=shop.example,ads.example \
    --address=/two.example/203.0.113.2 --txt-record=txt.example,hello \
    2>"$tmp/dnsmasq.log"
bound ins udp 53 10.9.0.53 fd09::53
settings "[resolver]" "upstream = 10.9.0.53"
rules "block out domain .ads.example label \"ad servers\"" \
    "accept out exe /usr/bin/host to any port 53"
check "the daemon starts" daemon_start

ask() { inc dig +time=15 +tries=1 +short "$@"; }
says() { # EXPECTED DIG-WORD...
	local want=$1 got
	shift
	got=$(ask "$@" | tr '\n' ' ')
	echo "$got"
	[ "${got% }" = "$want" ]
}
status_is() { # STATUS DIG-WORD...
	local want=$1
	shift
	inc dig +time=15 +tries=1 "$@" >"$tmp/dig"
	cat "$tmp/dig"
	grep -q "status: $want" "$tmp/dig"
}

check "asked directly" says 203.0.113.10 @127.0.0.1 web.example
check "over IPv6" says 2001:db8::10 @::1 web.example AAAA
check "over TCP" says 203.0.113.10 @127.0.0.1 +tcp web.example
check "a name that is not there" status_is NXDOMAIN @127.0.0.1 no.such.invalid
check "its own name" says 127.0.0.1 @127.0.0.1 localhost
check "a blocked name" says 0.0.0.0 @127.0.0.1 x.ads.example
check "a name behind an alias" says 0.0.0.0 @127.0.0.1 shop.example
check "an answer says why" status_is NOERROR @127.0.0.1 ads.example
check "namely by which rule" grep -q 'EDE: 15.*10.rules:1 ad servers' "$tmp/dig"
check "what it can't do" status_is NOTIMP @127.0.0.1 +opcode=STATUS web.example
check "is said with a reason, too" grep -q 'EDE: 21.*opcode' "$tmp/dig"
check "another EDNS" status_is BADVERS @127.0.0.1 +edns=7 +noednsneg web.example
check "… too" grep -q 'EDE: 21.*version' "$tmp/dig"
check "reroutectl asks it, too" \
    [ "$(ctl resolve txt.example TXT | sed 's/ [0-9]* / /')" = \
    'txt.example. IN TXT "hello"' ]
idn() { ctl "${@:2}" | grep -q "$1"; }
check "a name in another script, as DNS has it" \
    idn '^xn--mnchen-3ya.localhost.*127.0.0.1$' resolve münchen.localhost
check "… is explained, too" idn "^then: " explain --query münchen.localhost
ctl resolve no.such.invalid >"$tmp/out" 2>"$tmp/err"
check "… and fails where there is no such name" [ $? = 1 ]
check "… with the reason" grep -q "^reroutectl: no.such.invalid: NXDOMAIN: " \
	"$tmp/err"
rules "block out exe $(realpath "$REROUTECTL") domain web.example" \
    "block out exe /usr/bin/tail domain txt.example" "default unknown block"
check "reload" daemon_reload
check "… and is judged as the program that it is" \
    sh -c "'$REROUTECTL' --control '$tmp/control' resolve web.example |
	grep -q 'A 0.0.0.0'"
check "… which may ask for another name" sh -c "'$REROUTECTL' \
    --control '$tmp/control' resolve two.example | grep -q 'A 203.0.113.2'"
background tail -f /dev/null
check "… or as another program that runs" sh -c "'$REROUTECTL' \
    --control '$tmp/control' resolve txt.example --pid $pid | grep -q 'A 0.0.0.0'"
check "… by its name" sh -c "'$REROUTECTL' --control '$tmp/control' queries |
    grep -q '/usr/bin/tail\[$pid\].*txt.example'"
check_not "… and not as one that does not" ctl resolve txt.example --pid 2147483647
rules "block out domain .ads.example label \"ad servers\"" \
    "accept out exe /usr/bin/host to any port 53"
check "reload" daemon_reload

# stray
check "brought here: UDP" says 203.0.113.10 @10.9.0.2 web.example
check "brought here: TCP" says 203.0.113.10 @10.9.0.2 +tcp web.example
check "brought here: UDP, IPv6" says 203.0.113.10 @fd09::2 web.example
check "brought here: TCP, IPv6" says 203.0.113.10 @fd09::2 +tcp web.example
check "brought here: blocked" says 0.0.0.0 @10.9.0.2 ads.example
check "the flow has mark 1799" flows 'any(x["mark"] == 1799 and
    x["reason"] == "capture" and x["dst"] == "10.9.0.2" and
    x["verdict"] == "accept" and x["exe"] == "/usr/bin/dig" for x in f)'
# nobody speaks for it: to ask is not to connect
rules "accept out exe $(command -v dig) domain web.example" "default out block"
check "reload" daemon_reload
check "default out block: the name that is accepted" \
    says 203.0.113.10 @127.0.0.1 web.example
check "… brought here" says 203.0.113.10 @10.9.0.2 web.example
check "another name" says 0.0.0.0 @127.0.0.1 secret.two.example
check "… brought here, of another type" says "" @10.9.0.2 secret.two.example TXT
check "… over TCP" says 0.0.0.0 @127.0.0.1 +tcp secret.two.example
check_not "another program" sh -c "ip netns exec $C host -W 2 web.example \
    127.0.0.1 | grep -F 203.0.113"
check_not "its server never heard of it" grep -q secret "$tmp/dnsmasq.log"
check "the flow says why" flows 'any(x["reason"] == "resolver" and
    x["verdict"] == "accept" and x["dst"] == "127.0.0.1" for x in f)'
# an answer that another firewall holds back
unsent() { ctl --json cache stats | sed 's/.*"unsent":\([0-9]*\).*/\1/'; }
check "all answers could leave" [ "$(unsent)" = 0 ]
inc iptables-legacy -t raw -A OUTPUT -p udp --sport 53 -j DROP
check_not "one can't" inc dig +time=1 +tries=1 @127.0.0.1 web.example
counted() { [ "$(unsent)" = 1 ]; }
check "… and is counted" wait_for counted
inc iptables-legacy -t raw -D OUTPUT -p udp --sport 53 -j DROP
check "… and told" grep -q "an answer can't be sent: .*not permitted" \
    "$tmp/daemon.log"
# a rule is taken at its word, and explained so
dig=$(command -v dig)
explains() { ctl explain --query web.example --exe "$dig" | grep -qx "then: $1"; }
rules "accept out exe $dig domain web.example" "block out exe $dig"
check "reload" daemon_reload
check_not "all else is denied: the resolver, too" \
    says 203.0.113.10 +time=1 +tries=1 @127.0.0.1 web.example
check "… explained" explains \
    "its way to the resolver, to 127.0.0.1 port 53, is denied: rule 2"
rules "accept out exe $dig domain web.example" \
    "block out exe $dig not qtype TYPE0" \
    "accept out exe $dig to loopback port 53" "block out exe $dig"
check "reload" daemon_reload
check "… but the way, for one name" says 203.0.113.10 @127.0.0.1 web.example
check "… and for no other" says 0.0.0.0 @127.0.0.1 secret.two.example
rules "accept out to loopback" "block out domain web.example"
check "reload" daemon_reload
check "a name that may lead to loopback and does not" \
    says 0.0.0.0 @127.0.0.1 web.example
check "… explained" explains \
    "an answer with an address that rule 1 is not for is denied: rule 2"
daemon_stop

# other hosts that may ask: known by their address
settings "[resolver]" "upstream = 10.9.0.53" \
    "listen = 127.0.0.1:53, 10.9.0.1:53, [fd09::1]:53, 0.0.0.0:5300, 127.0.0.1:5300" \
    "allow = 10.9.0.0/24, fd09::/64"
rules "block out domain .ads.example" "accept"
check "the daemon starts, for other hosts too" daemon_start
check_not "an address among all is not missed" log_has "port 5300"
far() { ins dig +time=15 +tries=1 +short "$@"; }
check "another host asks" [ "$(far @10.9.0.1 web.example)" = 203.0.113.10 ]
check "… over IPv6" [ "$(far -b fd09::2 @fd09::1 web.example)" = 203.0.113.10 ]
check "… over TCP" [ "$(far +tcp @10.9.0.1 web.example)" = 203.0.113.10 ]
check "… what is blocked" [ "$(far @10.9.0.1 ads.example)" = 0.0.0.0 ]
who_may_not() {
	ins ip address add 10.77.0.2/32 dev lo
	inc ip route add 10.77.0.2 via 10.9.0.2
	ins dig +time=15 +tries=1 -b 10.77.0.2 @10.9.0.1 web.example |
	    grep -q "status: REFUSED"
}
check "who may not is refused" who_may_not
ctl status >"$tmp/out"
check "… which status has" grep -q '^resolver .*, 1 refused$' "$tmp/out"
check "this host asks the same address" says 203.0.113.10 @10.9.0.1 web.example
queries_are() { # EXPRESSION
	ctl --json queries >"$tmp/queries" && python3 -c '
import json, sys
q = [json.loads(line) for line in open(sys.argv[1])]
assert eval("(" + sys.argv[2] + ")"), q' "$tmp/queries" "$1"
}
check "they have an address and no process" queries_are \
    'sorted((x["client"].rsplit(":", 1)[0], x["proto"], x["verdict"])
	for x in q if x["process"] is None) ==
    [("10.9.0.2", "tcp", "accept"), ("10.9.0.2", "udp", "accept"),
	("10.9.0.2", "udp", "block"), ("[fd09::2]", "udp", "accept")]'
check "this host has its program" queries_are \
    '[x["process"]["exe"] for x in q if x["process"]] == ["/usr/bin/dig"]'
ctl queries >"$tmp/queries"
shown() { # ADDRESS ROWS: where the program stands
	cat "$tmp/queries"
	[ "$(awk -v a="$1" '$3 == a' "$tmp/queries" | wc -l)" = "$2" ]
}
check "queries shows it in place of a program" shown 10.9.0.2 3
check "… without brackets" shown fd09::2 1
of_client() { # ADDRESS ROWS
	[ "$(ctl --json queries --address "$1" | wc -l)" = "$2" ]
}
check "… and can be asked for" of_client 10.9.0.2 3
check "… by a prefix" of_client fd09::/64 1
check "… or what was answered" sh -c "'$REROUTECTL' --control '$tmp/control' \
    --json queries --address 203.0.113.0/28 | grep -q '\"203.0.113.10\"'"
try 0 ctl queries --address 203.0.113.99 >"$tmp/rows"
check "… nobody, which is said" told "nobody asked from there or was answered so"
background "$REROUTECTL" --control "$tmp/control" watch --backlog 1 >"$tmp/watch"
watch=$pid
check "somebody watches" wait_for test -s "$tmp/watch"
check "another host asks again" [ "$(far @10.9.0.1 ads.example)" = 0.0.0.0 ]
check "so does watch" wait_for grep -q \
    'block  dns A     10.9.0.2 - ads.example -> 0.0.0.0' "$tmp/watch"
stop "$watch"
rules "default out block"
check "nothing out, by default" daemon_reload
check "… denies other hosts" [ "$(far @10.9.0.1 web.example)" = 0.0.0.0 ]
ctl learn | sed -n 's/^# \(accept out from\)/\1/p' >"$tmp/learnt"
check "… learnt" grep -qx 'accept out from 10.9.0.2' "$tmp/learnt"
rules "$(cat "$tmp/learnt")" "default out block"
check "that line" daemon_reload
check "… lets them ask" [ "$(far @10.9.0.1 web.example)" = 203.0.113.10 ]
check "… and not this host" says 0.0.0.0 @127.0.0.1 web.example
rules "block out from 10.9.0.0/24 domain web.example label \"theirs\"" \
    "block out exe $(command -v dig) domain two.example" "accept"
check "a rule for other hosts" daemon_reload
check "… blocks them" [ "$(far @10.9.0.1 web.example)" = 0.0.0.0 ]
check "… other names it does not" [ "$(far @10.9.0.1 ads.example)" != 0.0.0.0 ]
check "… nor those elsewhere" \
    [ "$(far -b fd09::2 @fd09::1 web.example)" = 203.0.113.10 ]
check "… nor this host" says 203.0.113.10 @127.0.0.1 web.example
ctl explain --query --domain web.example --from 10.9.0.2 >"$tmp/explained"
check "… explained" grep -qx "label: theirs" "$tmp/explained"
check "and another port, which listens everywhere" says 203.0.113.10 -p 5300 \
    @127.0.0.1 web.example
check "… and knows whose a connection is" says 0.0.0.0 -p 5300 @127.0.0.1 \
    +tcp two.example
check "that answer's address is not the next one's" [ "$(far @10.9.0.1 \
    web.example)" = 0.0.0.0 ]
check_not "nobody is unknown" grep -q unknown "$tmp/queries" "$tmp/watch"
says_rule() { # PLACE NAME: what decided about this host's query
	ctl --json resolve "$2" | tee "$tmp/out" | grep -q "\.rules$1\""
}
rules "accept out from 10.9.0.2" "block out not from 10.9.0.2 domain two.example" \
    "accept out from 10.9.0.1 domain one.example" "block out domain *.example" \
    "accept"
check "rules by addresses that this host has, or not" daemon_reload
check "what another one may ask it may not" says 0.0.0.0 @127.0.0.1 web.example
check "… though that one may" [ "$(far @10.9.0.1 web.example)" = 203.0.113.10 ]
ctl explain --query web.example --exe /usr/bin/dig >"$tmp/explained"
check "… explained" grep -qx "verdict: block" "$tmp/explained"
check "what is for all but that one is for this host" says_rule :2 two.example
check "what is for its own address may be" says_rule :3 one.example
daemon_stop
rules accept

# this host gets another name
printf '#!/bin/sh\nexec unshare --uts %s "$@"\n' "$REROUTED" >"$tmp/named"
chmod 755 "$tmp/named"
be_called() { nsenter --uts --target "$daemon" hostname "$1"; }
settings "[resolver]" "upstream = 10.9.0.53" "hosts = $tmp/hosts"
echo "192.0.2.44 here.two.example" >"$tmp/hosts"
real=$REROUTED REROUTED=$tmp/named
check "the daemon starts where it has a name of its own" daemon_start
check "it knows no other yet" says 203.0.113.2 @127.0.0.1 box.two.example
be_called box.two.example
check "another name is this host's" wait_for says 127.0.0.1 @127.0.0.1 \
    box.two.example
be_called other.two.example
check "the one before is no more" wait_for says 203.0.113.2 @127.0.0.1 \
    box.two.example
check "the last one is" says ::1 @127.0.0.1 other.two.example AAAA

# its file of names
check "a name of the hosts file" says 192.0.2.44 @127.0.0.1 here.two.example
explains() { # WORDS NAME
	ctl explain --query "$2" --process unknown | tee "$tmp/out" | grep -qx "$1"
}
check "… which explain knows" explains "then: the hosts file has the answer" \
    here.two.example
check "… and what is answered here" explains \
    "then: it is answered here: .*" 1.1.168.192.in-addr.arpa
check_not "… and what is not" explains "then: .*" www.two.example
ln -s circle "$tmp/circle"
ln -s circle "$tmp/in.circles"
mv "$tmp/in.circles" "$tmp/hosts"
check "one that can't be read" wait_for log_has "hosts can't be read, the names"
check "leaves its names as they were" says 192.0.2.44 @127.0.0.1 here.two.example
echo "192.0.2.45 here.two.example" >"$tmp/other"
mv "$tmp/other" "$tmp/hosts"
check "until it can" wait_for says 192.0.2.45 @127.0.0.1 here.two.example
rm "$tmp/hosts"
check "one that is gone has none" wait_for says 203.0.113.2 @127.0.0.1 \
    here.two.example
daemon_stop
REROUTED=$real

# another resolver has one place, another one is not there yet: it listens on
# the third
settings "[resolver]" "upstream = 10.9.0.53" \
    "listen = 127.0.0.1:53, 10.9.0.77:53, [::1]:53"
background inc dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv \
    --no-hosts --user=root --pid-file= --bind-interfaces \
    --listen-address=127.0.0.1 2>/dev/null
other=$pid
wait_for inc bash -c "exec 5<>/dev/tcp/127.0.0.1/53"
check "the daemon starts beside another resolver" daemon_start
status_has() { ctl status >"$tmp/status" && cat "$tmp/status" &&
	grep -q "$1" "$tmp/status"; }
check "status says who has the port" status_has \
    "^BROKEN: the resolver does not listen everywhere.*: 127.0.0.1 port 53 is taken by .*/dnsmasq\[.*; 10.9.0.77 port 53 can't be listened on"
check "it answers elsewhere" says 203.0.113.10 @::1 web.example
stop "$other"
check "it listens there when that has ended" wait_for says 203.0.113.10 \
    @127.0.0.1 web.example
check "… not everywhere yet" status_has \
    "^BROKEN: the resolver does not listen everywhere.*: 10.9.0.77 port 53"
inc ip address add 10.9.0.77/24 dev c0
check "… and where an address comes" wait_for log_has \
    "the resolver listens on 10.9.0.77 port 53 now"
check "… it answers" says 203.0.113.10 @10.9.0.77 web.example
check "it is listening" status_has "^resolver  *listening"
check_not "and nothing is broken" status_has BROKEN
settings "[resolver]" "upstream = 10.9.0.53" "listen = none"
check "a reload ends it" daemon_reload
check_not "… as it is meant to be" status_has BROKEN
check "… and says so" status_has "^resolver  *off,"
background inc python3 -c 'import signal, socket
s = socket.create_server(("10.9.0.1", 53))
print("ready", flush=True)
signal.pause()' >"$tmp/tcp.out"
wait_for has_text ready "$tmp/tcp.out"
settings "[resolver]" "upstream = 10.9.0.53" "listen = 0.0.0.0"
check "it is to listen everywhere" daemon_reload
check "who has TCP alone, of one address, is named" status_has \
    ": 0.0.0.0 port 53 is taken by .*python.*\[$pid\]"
stop $pid
settings "[resolver]" "upstream = 10.9.0.53" "listen = 127.0.0.1"
check "one address alone" daemon_reload
socket_of() { inc ss -Hlnue src "$1:53" | grep -o 'ino:[0-9]*'; }
before=$(socket_of 127.0.0.1)
check "its socket is known" [ -n "$before" ]
settings "[resolver]" "upstream = 10.9.0.53" "listen = 10.9.0.1, 127.0.0.1"
check "one more" daemon_reload
check "… is listened on" says 203.0.113.10 @10.9.0.1 web.example
check "… and nobody's query is lost at the first" \
    [ "$(socket_of 127.0.0.1)" = "$before" ]
settings "[resolver]" "upstream = 10.9.0.53" "listen = 127.0.0.1, [::1]"
check "one less, and another one" daemon_reload
check "… nor then" [ "$(socket_of 127.0.0.1)" = "$before" ]
check "the one is not listened on" [ -z "$(socket_of 10.9.0.1)" ]
check "the other one is" says 203.0.113.10 @::1 web.example
settings "[resolver]" "upstream = 10.9.0.53" "listen = 127.0.0.1, 0.0.0.0"
check "one address that is listed first" daemon_reload
check_not "… is in nobody's way" status_has BROKEN
finish
