#!/bin/bash
# DNS over TLS as the daemon speaks it, against unbound and against servers
# that misbehave: who is believed, and that no query is lost that could be
# answered.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dot.sh"
need_root
need openssl dnsmasq python3 dig kdig ss iptables-legacy
net_up
check "certificates" make_certificates

ask() { inc "$BUILDDIR/dotask" -a "$tmp/ca.pem" "$@" >"$tmp/said" 2>&1; }
said() { # EXPRESSION on the numbers of the last, and words of `why`
	cat "$tmp/said"
	python3 - "$tmp/said" "$1" <<'PY'
import re, sys
line = open(sys.argv[1]).read()
v = {k: float(x) for k, x in re.findall(r"(\w+)=([\d.]+)", line.split(" why=")[0])}
v["error"] = re.search(r"error=(\S+)", line)[1]
v["why"] = line.split(" why=", 1)[1].strip()
sys.exit(not eval("(" + sys.argv[2] + ")", v))
PY
}
asks() { # WHAT EXPRESSION OPTION...
	local _what=$1 _expression=$2
	shift 2
	ask "$@"
	check "$_what" said "$_expression"
}
said_once() { # EXPRESSION OPTION...; $took: the time that it says
	ask "${@:2}"
	said "$1" || return 1
	took=$(sed -n 's/.* ms=\([0-9]*\).*/\1/p' "$tmp/said")
}
asks_within() { # MS WHAT EXPRESSION OPTION...
	check "$2" best_of "$1" said_once "${@:3}"
}

# --- whom to believe -----------------------------------------------------------
unbound_start ins good good 10.9.0.2 853
good_pid=$pid
unbound_start ins addr addr 10.9.0.2 8530
for bad in other expired stranger dns.test; do
	port=$((${port:-8540} + 10))
	unbound_start ins $bad $bad 10.9.0.2 $port
	eval "${bad%.test}=$port"
done
asks "a name that the certificate has" "answered == 1 and why == ''" \
	'tls://10.9.0.2#dns.test'
asks "an address that the certificate has" "answered == 1" tls://10.9.0.2:8530
asks "an address that it has not" \
	"answered == 0 and 'another name: dns.test' in why" tls://10.9.0.2
asks "an address in place of a name" "answered == 1" \
	'tls://10.9.0.2:8530#fd09::2'
asks "that it has not" "answered == 0" 'tls://10.9.0.2:8530#10.9.0.9'
asks "another name" "answered == 0 and error == 'EKEYREJECTED' and
    why == 'its certificate is for another name: other.test, ' +
    'dns.test.example, 10.9.0.9'" "tls://10.9.0.2:$other#dns.test"
asks "a name that is a common name alone" "answered == 0 and
    why == 'its certificate is for another name: 10.9.0.9'" \
	"tls://10.9.0.2:$dns#dns.test"
asks "out of date" "answered == 0 and 'has expired' in why" \
	"tls://10.9.0.2:$expired#dns.test"
asks "a CA that nobody knows" "answered == 0 and
    'nobody who is believed here: The stranger-ca of the test' in why" \
	"tls://10.9.0.2:$stranger#dns.test"
for bad in $other $expired $stranger; do
	asks "opportunistic takes it all the same" "answered == 1" \
		"tls-opportunistic://10.9.0.2:$bad#dns.test"
done
inc "$BUILDDIR/dotask" 'tls://10.9.0.2#dns.test' >"$tmp/said" 2>&1
check "the system's authorities do not know the test's" \
	said "answered == 0 and 'nobody who is believed' in why"
inc "$BUILDDIR/dotask" -a /nonexistent 'tls://10.9.0.2#dns.test' \
	>"$tmp/said" 2>&1
check "a file that is not there: nobody is believed" \
	said "answered == 0 and 'nobody who is believed' in why"

# --- many at once --------------------------------------------------------------
asks "5000 queries on one connection" \
	"answered == 5000 and connections == 1 and repeated == 0" \
	-n 5000 -w 500 -q %.a.test 'tls://10.9.0.2#dns.test'

# --- servers that misbehave ----------------------------------------------------
port=9000
bad() { # MODE
	port=$((port + 1))
	dotserver ins "$1" good 10.9.0.2 $port
	to="tls://10.9.0.2:$port#dns.test"
}
bad reverse
asks "answers in another order, byte by byte" \
	"answered == 10 and connections == 1" -n 10 -w 10 -q %.a.test "$to"
bad close
close=$port
asks_within 3000 "closed after each answer: opened again at once" \
	"answered == 20 and failed == 0 and connections == 20 and
	 resumed == 19" -n 20 -q %.a.test "$to"
asks "and no query of many is lost" \
	"answered == 20 and failed == 0 and connections <= 21" \
	-n 20 -w 10 -q %.a.test "$to"
bad forget
asks "a session that the server has forgotten" \
	"answered == 10 and resumed == 0" -n 10 -q %.a.test "$to"
bad idle
asks "closed while nobody asks" \
	"answered == 3 and failed == 0 and connections == 3" \
	-n 3 -p 600 -q %.a.test "$to"
bad shut
asks_within 2000 "closed without an answer" "answered == 0 and failed == 4 and
    error == 'ECONNRESET' and why == 'it closed the connection'" -n 4 -w 4 -q %.a.test "$to"
bad mute
mute=$port
asks_within 2000 "no answer ever: the deadline" "answered == 0 and failed == 5 and
    error == 'ETIMEDOUT' and 'stalls' in why and 700 <= ms" \
	-n 5 -w 5 -t 700 -q %.a.test "$to"
bad sick
asks "answers no more: another connection" \
	"answered == 6 and failed == 0 and stalls == 1 and connections == 2" \
	-n 6 -w 6 -t 8000 -q %.a.test "$to"
bad deaf
deaf=$port
asks_within 2000 "no handshake: the deadline" "answered == 0 and failed == 3 and
    error == 'ETIMEDOUT'" -n 3 -w 3 -t 700 "$to"
asks_within 6000 "no handshake: given up, with the reason" "failed == 3 and
    error == 'ETIMEDOUT' and 'stalls in the TLS handshake' in why and
    3500 < ms" -n 3 -w 3 -t 9000 "$to"
bad junk
asks "answers that nobody asked for" \
	"answered == 0 and failed == 2 and 'nobody asked for' in why" \
	-n 2 -w 2 -t 2000 "$to"
bad lies
asks "lies are passed over, and the wait goes on" \
	"answered == 5 and unasked == 25 and connections == 1" \
	-n 5 -q %.a.test "$to"
bad plain
asks "no TLS there" "failed == 1 and error == 'EPROTO' and
    why == 'it does not speak TLS'" "$to"
asks_within 500 "refused" "failed == 1 and error == 'ECONNREFUSED' and
    why == 'it refuses the connection'" 'tls://10.9.0.2:9999#x'
asks "no route" "failed == 1 and error == 'ENETUNREACH' and
    'Network is unreachable' in why" 'tls://203.0.113.1#x'
asks "over IPv6: nobody there" "failed == 1 and error == 'ECONNREFUSED'" \
	'tls://[fd09::2]:9999#x'
unbound_start ins six addr fd09::2 853
asks "over IPv6" "answered == 1" 'tls://[fd09::2]'
# two SYNs are lost, the third would be sent at 3 s (since Linux 6.5 only where
# it is told so): who asks after 1.5 s is not to wait for it
linear=net.ipv4.tcp_syn_linear_timeouts
was=$(inc sysctl -n $linear 2>/dev/null)
[ -z "$was" ] || inc sysctl -qw $linear=0
for _ in 1 2; do
	ins iptables-legacy -A INPUT -p tcp --syn --dport 853 \
	    -m statistic --mode nth --every 1000000 --packet 0 -j DROP
done
asks "nobody there at first: a later query begins once more" \
	"answered >= 1 and connections == 1 and ms < 3000" \
	-n 4 -t 900 -q %.a.test 'tls://10.9.0.2#dns.test'
ins iptables-legacy -F INPUT
[ -z "$was" ] || inc sysctl -qw $linear="$was"
# a failure is not tried again for each query
asks "many queries, few attempts" "failed == 200 and failures < 10" \
	-n 200 -w 1 'tls://10.9.0.2:9999#x'

# --- the daemon ----------------------------------------------------------------
query() { inc dig +time=15 +tries=1 @127.0.0.1 "$@" >"$tmp/dig" 2>&1; }
says() { # EXPECTED DIG-WORD...
	local _want=$1
	shift
	query "$@"
	cat "$tmp/dig"
	grep -q "$_want" "$tmp/dig"
}
dot() { # the upstreams, in words of the settings
	settings "[resolver]" "upstream = $*" "tls-ca = $tmp/ca.pem"
}
reload() { # the upstreams...
	dot "$@"
	ctl reload
}

rules "default out accept"
dot 'tls://10.9.0.2#dns.test'
check "the daemon starts" daemon_start
check "an answer over TLS" says 192.0.2.7 a.example A
[ $failures = 0 ] || { sed "s,^,# ," "$tmp/daemon.log"; ctl status; finish; } # what follows would take its time in vain
check "its own connection is not captured" flows 'any(x["dport"] == 853 and
    x["reason"] == "self" and x["verdict"] == "accept" for x in f)'
answers() { # N NAME: as many queries at once that are answered
	for ((i = 0; i < $1; i++)); do echo "$i.$2 A"; done >"$tmp/names"
	inc kdig +time=15 +retry=0 @127.0.0.1 +noall +answer \
	    $(sed 's/ A$//' "$tmp/names") 2>&1 | grep -c 192.0.2.7
}
check "a hundred names" [ "$(answers 100 b.example)" = 100 ]
connections() { inc ss -Htn state established dport = :853 | wc -l; }
check "over one connection" [ "$(connections)" = 1 ]

check "another server, which has no good certificate" \
	reload "tls://10.9.0.2:$expired#dns.test"
check "is not believed" says SERVFAIL c.example A
check "the client hears of it" grep -q 'EDE: 2[23]' "$tmp/dig"
check "and the log says why" log_has 'its certificate has expired'
status() { ctl status | grep -F -- "$1"; }
check "and reroutectl status" status "DOWN: its certificate has expired"
check "nothing went out in the clear" [ "$(inc ss -Htan dport = :53 |
    wc -l)" = 0 ]
check "unless it is asked for" \
	reload "tls-opportunistic://10.9.0.2:$expired#dns.test"
check "opportunistic" says 192.0.2.7 d.example A

took() { sed -n 's/.*Query time: \([0-9]*\) msec.*/\1/p' "$tmp/dig"; }
names=0
another() { # a name that nobody asked for
	names=$((names + 1))
	says 192.0.2.7 e$names.example A || return 1
	took=$(took)
}
anew() { # of servers that nobody knows yet
	reload 10.9.0.2:854
	reload "$@"
	another
}
check "two servers: the second answers for the first, and at once" \
	best_of 200 anew "tls://10.9.0.2:$other#dns.test," \
	'tls://10.9.0.2#dns.test'
check "the first of which says nothing: plain answers for it, soon" \
	best_of 1000 anew "tls://10.9.0.2:$deaf#dns.test, 10.9.0.2:854"
check "and at once from then on" best_of 50 another

# settings change while a question is under way over TLS, and the next server
# would be a plain one: what is given back must not go there any more
on_its_way() { inc ss -Htn state established dport = ":$mute" | grep -q .; }
for round in 1 2 3; do
	settings "[resolver]" "upstream = 10.9.0.2:854" \
	    "tls-ca = $tmp/ca.pem" "[forward \"corp.example\"]" \
	    "upstream = tls://10.9.0.2:$mute#dns.test, 10.9.0.2:9998"
	ctl reload
	background inc dig +time=1 +tries=1 @127.0.0.1 $round.corp.example \
	    >"$tmp/dig.$round"
	asking=$pid
	wait_for on_its_way
	check "settings change meanwhile" reload '10.9.0.2:854'
	wait "$asking"
done
check "and all is well" says 192.0.2.7 g.g.example A

check "one that closes after each answer" \
	reload "tls://10.9.0.2:$close#dns.test"
check "loses no query" [ "$(answers 30 h.example)" = 30 ]
check "two that refuse" reload 'tls://10.9.0.2:9997#dns.test,' \
	'tls://10.9.0.2:9998#dns.test'
check "at once" says SERVFAIL two.h.example A
check "are both in the log" log_has \
	'upstream=tls://10.9.0.2:9997#dns.test fails: it refuses'
check "neither hides the other" log_has \
	'upstream=tls://10.9.0.2:9998#dns.test fails: it refuses'

# the path of a connection goes, as with a sleep or another network
cut() { # the packets of the connection that is there
	cut_port=$(inc ss -Htn state established dport = :853 |
	    sed 's/.*:\([0-9]*\) *[^ ]*:853.*/\1/' | head -n 1)
	ins iptables-legacy -I INPUT -p tcp --dport 853 --sport "$cut_port" \
	    -j DROP
}
check "a connection" reload 'tls://10.9.0.2#dns.test'
query i.a.example A
cut
check "is silent all at once: another one" says 192.0.2.7 i.b.example A
goes_silent() {
	cut
	another
}
check "after two seconds" best_of 3500 goes_silent
check_not "nothing has changed until here" log_has 'network is another'
changes() { grep -c 'network is another' "$tmp/daemon.log"; }
last=76
has_changed() { [ "$(changes)" -gt "$before" ]; }
moves() { # this host gets another address
	before=$(changes)
	cut
	inc ip address add 10.9.0.$((++last))/24 dev c0
	wait_for has_changed && another
}
check "this host gets another address: then at once" best_of 1000 moves
uptime() { [[ $(ctl --json status) =~ '"uptime_s":'([0-9]+) ]] && echo "${BASH_REMATCH[1]}"; }
has_looked() { [ "$(uptime)" -gt $((began + 2)) ]; } # each second
before=$(changes) began=$(uptime)
inc ip link add container type veth peer inside
inc ip link set container up
inc ip address add fe80::77/64 dev container nodad
check "a link that others have no part in, as of a container" wait_for has_looked
check "… is no other network" [ "$(changes)" = "$before" ]

# the same server goes and comes back; what was cut is whole
ins iptables-legacy -F INPUT
check "a server that goes" reload 'tls://10.9.0.2#dns.test'
check "answers" says 192.0.2.7 i.example A
stop "$good_pid"
check "is gone" says SERVFAIL j.example A
unbound_start ins good good 10.9.0.2 853
back() { says 192.0.2.7 "$RANDOM.k.example" A; }
check "is asked again when it is back" wait_for back
check "the log says so" log_has 'works again'
check "one whose certificate has expired" \
    reload "tls://10.9.0.2:$expired#dns.test"
expired_told() { says SERVFAIL "$RANDOM.e.example" A
	ctl status | grep -q "^BROKEN: no upstream answers: tls://10.9.0.2:$expired#dns.test: its certificate has expired"; }
check "is what is broken, and why" wait_for expired_told
check "and a good one again" reload 'tls://10.9.0.2#dns.test'
check "a CA file that is not there" sh -c "
    sed -i 's/^tls-ca.*/tls-ca = \/nonexistent/' $conf"
ctl reload
check "is an error in the log" wait_for log_has \
	'tls-ca /nonexistent: No such file or directory'
check "and nobody is believed" says SERVFAIL l.example A
down() { says SERVFAIL "$RANDOM.l.example" A
	ctl status | grep -q '^BROKEN: no upstream answers'; }
check "so nobody answers" wait_for down
sed -i "s,^tls-ca.*,tls-ca = $tmp/ca.pem," "$conf"
ctl reload
up() { ! ctl status | grep -q 'no upstream answers'; }
check "a CA file that is there: who was refused is to be asked" wait_for up
check "and answers" says 192.0.2.7 m.example A
check_judged
check "the daemon ends well" daemon_stop
finish
