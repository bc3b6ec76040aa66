#!/bin/bash
# Upstreams that die and come back under load: no query is lost, and from the
# second one on none waits; all of them dead: what is known, else a prompt
# SERVFAIL that says so. Real servers. And what a reload leaves of the cache and
# of what is open to them.
#
#     c: rerouted      s: unbound (where it is installed) .53, dnsmasq .54
#                         over TLS, for tls.example: .55
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dot.sh"
need_root
need dig dnsmasq openssl python3 iptables-legacy
net_up
for last in 53 54 55; do ins ip address add 10.9.0.$last/24 dev s0; done

unbound_conf 10.9.0.53 <<END
 access-control: 10.9.0.0/24 allow
 local-zone: "up.example." redirect
 local-data: "up.example. 300 IN A 203.0.113.53"
 local-data: "short.example. 1 IN A 203.0.113.53"
END
# masq LAST: a server that knows the two names
masq() {
	background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv \
	    --no-hosts --user=root --pid-file= --bind-interfaces \
	    --listen-address=10.9.0.$1 --address=/up.example/203.0.113.$1 \
	    --address=/short.example/203.0.113.$1 \
	    --address=/normal.example/203.0.113.$1 --local-ttl=300 2>/dev/null
}
first() {
	if command -v unbound >/dev/null; then
		background ins unbound -d -c "$tmp/unbound.conf" \
		    2>"$tmp/unbound.log"
	else
		masq 53
	fi
	first=$pid
	wait_for ins dig +time=1 +tries=1 @10.9.0.53 a.up.example
}
second() {
	masq 54
	second=$pid
	wait_for ins dig +time=1 +tries=1 @10.9.0.54 a.up.example
}
check "the first upstream is up" first
check "the second one too" second
check "certificates" make_certificates
dotserver ins good good 10.9.0.55 853
configure() { # LINE...
	settings "[resolver]" "upstream = 10.9.0.53, 10.9.0.54" \
	    "tls-ca = $tmp/ca.pem" "$@" "[forward \"tls.example\"]" \
	    "upstream = tls://10.9.0.55#dns.test" '[forward "normal.example"]' \
	    "upstream = 10.9.0.54"
}
configure
rules "default out accept"
check "the daemon starts" daemon_start

# names NAME N: asks for N names in turn, one line each: address, ms, and how many
# it took then for a name that only the second server is asked for
names() {
	inc python3 - "$1" "$2" <<'END'
import socket, struct, sys, threading, time
lost, seen = 0, time.monotonic()
def watch():
    global lost, seen
    while True:
        time.sleep(0.005)
        now = time.monotonic()
        lost, seen = stood_still(now), now
def stood_still(now): # until now: nobody is late for what went by meanwhile
    return lost + (now - seen if now - seen > 0.03 else 0)
threading.Thread(target=watch, daemon=True).start()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 53))
s.settimeout(15)
def ask(i, *labels):
    name = b"".join(bytes([len(x)]) + x.encode() for x in labels)
    begin = time.monotonic()
    still = stood_still(begin)
    s.send(struct.pack(">HHHHHH", i, 256, 1, 0, 0, 0) + name + b"\0\0\1\0\1")
    try:
        m = s.recv(512)
        got = socket.inet_ntoa(m[-4:]) if m[3] & 15 == 0 else "rcode%d" % (m[3] & 15)
    except socket.timeout:
        got = "timeout"
    end = time.monotonic()
    return got, round((end - begin - stood_still(end) + still) * 1000)
for i in range(int(sys.argv[2])):
    label = "%s%d" % (sys.argv[1], i)
    print(*ask(i, label, "up", "example"),
          ask(i + 1000, label, "normal", "example")[1])
END
}
# ADDRESS FILE MAX_MS [FIRST]: each line, from the FIRST on; more than what is
# normal meanwhile, at worst
all_from() {
	awk -v want="$1" -v max="$3" -v from="${4:-1}" '
	    FNR == NR { if ($3 > normal) normal = $3; next }
	    FNR >= from && ($1 != want || $2 > max + normal) {
		print FNR ": " $0 ", normal: " normal; bad = 1 }
	    END { exit bad || NR == 0 }' "$2" "$2"
}
names a 50 >"$tmp/a"
check "in order: the first answers" all_from 203.0.113.53 "$tmp/a" 1000

# rules change, settings do not: nothing is asked again
says() {
	inc dig +time=15 +tries=1 @127.0.0.1 "$1" >"$tmp/dig"
	grep -q "$2" "$tmp/dig" && return 0
	cat "$tmp/dig"
	ctl queries --domain "$1" # has it come, and what became of it?
	return 1
}
handshakes() { [ "$(grep -c ^connection "$tmp/dotserver.853")" = "$1" ]; }
sent() { ctl --json cache stats | python3 -c 'import json, sys
print(json.load(sys.stdin)["counters"]["upstream_queries"])'; }
check "over TLS" says a.tls.example 192.0.2.7
before=$(sent)
for i in $(seq 20); do
	rules "block out domain b$i.example" "default out accept"
	daemon_reload || echo "reload $i"
	says a49.up.example 203.0.113.53 || echo "name $i"
	says a.tls.example 192.0.2.7 || echo "name $i over TLS"
	says b$i.example 0.0.0.0 || echo "rule $i"
done >"$tmp/reloads"
check_same "20 reloads: names and rules hold" /dev/null "$tmp/reloads"
check "no upstream is asked anything" [ "$(sent)" -eq "$before" ]
check "one is, over the connection that was open" says b.tls.example 192.0.2.7
check "there has been one handshake" handshakes 1
rules "block out domain a49.up.example" "block out to 192.0.2.7"
check "rules for what is in the cache" daemon_reload
check "… by its name" says a49.up.example 0.0.0.0
check "… by its address" says a.tls.example 0.0.0.0
rules "default out accept"
configure '[forward "new.example"]' "upstream = 10.9.0.54"
check "other names are forwarded from here on" daemon_reload
before=$(sent)
check "… and what was in the cache stays" says a49.up.example 203.0.113.53
check "… of other servers, too" says a.tls.example 192.0.2.7
check "without asking" [ "$(sent)" -eq "$before" ]
check "nor are connections ended" says c.tls.example 192.0.2.7
check "by another handshake" handshakes 1
configure
check "as before" daemon_reload

# who waits when rules come has them, too
ins iptables-legacy -A INPUT -p udp --dport 53 -j DROP
before=$(sent)
background inc dig +time=9 +tries=1 @127.0.0.1 late.up.example >"$tmp/late"
asking=$pid
waits() { [ "$(sent)" -gt "$before" ]; }
check "a query that waits" wait_for waits
rules "block out domain late.up.example" "default out accept"
check "its name is blocked meanwhile" daemon_reload
ins iptables-legacy -F INPUT
wait "$asking"
check "… and the answer is that" grep -q '0\.0\.0\.0$' "$tmp/late"
back() { names "c$RANDOM" 1 >"$tmp/c"; all_from 203.0.113.53 "$tmp/c" 1000; }
check "the first upstream again" wait_for back

late() { # how often the first was waited for in vain
	ctl --json cache stats | python3 -c 'import json, sys
print(sum(u["timeouts"] for u in json.load(sys.stdin)["upstreams"]
    if u["upstream"].startswith("10.9.0.53")))'
}
# gone without a word: packets to it are dropped
ins iptables-legacy -A INPUT -d 10.9.0.53 -j DROP
before=$(late)
began=$(now_ms)
names b 50 >"$tmp/b"
check "silent: no query is lost" all_from 203.0.113.54 "$tmp/b" 2000
one_waits() { # in one of three rounds none but the very first
	local round from=2
	for round in 1 2 3; do
		all_from 203.0.113.54 "$tmp/b" 50 $from && return 0
		names "b$round-" 50 >"$tmp/b"
		from=1
	done
	return 1
}
check "and only the first one waits" one_waits
few_late() { # it is tried again from time to time: after 1, 3, 7, ... s
	local ms=$(($(now_ms) - began)) rest=1000 most=3
	while [ $((ms -= rest)) -gt 0 ]; do rest=$((rest * 2)) most=$((most + 1)); done
	echo "$(($(late) - before)) late, at most $most"
	[ $(($(late) - before)) -le $most ]
}
check "… nor are others late" few_late
told() { log_has "upstream=10.9.0.53 $1"; }
out() { names "out$RANDOM-" 1 >"$tmp/c"; told "does not answer"; }
check "the log tells that it does not answer" wait_for out
ins iptables-legacy -F INPUT
check "it is back, and is used again" wait_for back
check "… and the log tells that" told "answers again"

stop "$first"
before=$(late)
names d 50 >"$tmp/d"
check "its port closed: no query is lost" all_from 203.0.113.54 "$tmp/d" 1000
check "… none waits" [ "$(late)" -eq "$before" ]
check "status says so" sh -c "'$REROUTECTL' --control '$tmp/control' status |
    grep -q 'upstream 10.9.0.53, DOWN'"

# expired, and nobody there
inc dig +time=15 +tries=1 @127.0.0.1 short.example >"$tmp/dig"
stop "$second"
first
inc dig +time=15 +tries=1 @127.0.0.1 keep.up.example >"$tmp/dig"
inc dig +time=15 +tries=1 @127.0.0.1 short.example >"$tmp/dig"
stop "$first"
check "all dead: what is in the cache" says keep.up.example 203.0.113.53
check "what is not: SERVFAIL" says new.up.example 'status: SERVFAIL'
check "… from nobody" sh -c "'$REROUTECTL' --control '$tmp/control' queries |
    grep 'new.up.example *SERVFAIL: no upstream [^(]* none '"
check_not "… a failure for reroutectl, too" sh -c \
    "'$REROUTECTL' --control '$tmp/control' resolve new.up.example 2>'$tmp/err'"
check "… with the reason" grep -q "new.up.example: SERVFAIL: no upstream" \
    "$tmp/err"
check "… that says why" grep -qE 'EDE: 2[23]' "$tmp/dig"
check "… and so do the queries" sh -c "'$REROUTECTL' --control '$tmp/control' \
    --json queries --domain new.up.example | grep -E '\"ede\": *2[23], *\"ede_text\": *\"no upstream'"
check "the first again" first
check "and names resolve" wait_for says new2.up.example 203.0.113.53
check_judged
check "none was spoofed, none strange" sh -c "'$REROUTECTL' --control \
    '$tmp/control' --json cache stats | grep -q '\"spoofed\":0'"
daemon_stop
check "the daemon ends well" test $? = 0
finish
