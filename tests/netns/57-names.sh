#!/bin/bash
# Rules by name hold for connections: by what each program was told the address
# is called, over a restart of the daemon too. What was seen can be learnt.
#
#     c 10.9.0.1, rerouted            s 10.9.0.2 :7001 :7002, dnsmasq on .53
#       127.0.0.1:53                    10.9.0.3 :7001
. "$(dirname "$0")/lib.sh"
need_root
need dig dnsmasq python3
net_up
ins ip address add 10.9.0.53/24 dev s0
ins ip address add 10.9.0.3/24 dev s0

background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file= --bind-interfaces --listen-address=10.9.0.53 \
    --host-record=good.example,10.9.0.2 --host-record=bad.example,10.9.0.2 \
    --host-record=other.example,10.9.0.3 --host-record=third.example,10.9.0.3 \
    --host-record=a.cdn.example,10.9.0.3 --host-record=lone.example,10.9.0.9 \
    2>"$tmp/dnsmasq.log"
bound ins udp 53 10.9.0.53
for at in 10.9.0.2 10.9.0.3; do
	background ins "$BUILDDIR/probe" serve 7001 $at >"$tmp/serve.$at"
	wait_for has_text ready "$tmp/serve.$at"
done
settings "[resolver]" "upstream = 10.9.0.53" "allow-private = example"
rules "block out domain bad.example label \"by name\"" \
    "drop out domain *.cdn.example to any port 7001"
check "the daemon starts" daemon_start

# one that asks and connects in one process: "ok", or the error
cat >"$tmp/visit.py" <<'PY'
import errno, socket, struct, sys

def ask(name):
    question = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect(("127.0.0.1", 53))
    s.send(struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + question + b"\0\0\1\0\1")
    return socket.inet_ntoa(s.recv(512)[-4:])

def visit(address):
    s = socket.socket()
    s.settimeout(5)
    try:
        s.connect((address, 7001))
        return "ok"
    except OSError as e:
        return errno.errorcode.get(e.errno, "timeout")

print(*[ask(w[1:]) if w[0] == "?" else visit(w) for w in sys.argv[1:]])
PY
visits() { # EXPECTED WORD...: ?NAME asks, ADDRESS connects
	local want=$1 got
	shift
	got=$(inc /usr/bin/python3 "$tmp/visit.py" "$@")
	echo "$got"
	[ "$got" = "$want" ]
}

check "an address is asked for as a name of its own" sh -c \
	"$REROUTECTL --control $tmp/control resolve 127.0.0.1 |
	grep -q '^1.0.0.127.in-addr.arpa.*PTR.*localhost'"
check "… one of IPv6, too" sh -c "$REROUTECTL --control $tmp/control resolve \
	::1 PTR | grep -q '^1\.\(0\.\)\{31\}ip6.arpa.*PTR.*localhost'"
check "the address has no name yet" visits ok 10.9.0.2
check "a name that is allowed" visits "10.9.0.2 ok" ?good.example 10.9.0.2
ctl flows >"$tmp/out"
check "flows has the address behind it" grep -E \
	' good.example:7001 .* 10\.9\.0\.2 ' "$tmp/out"
check "the flow shows it" flows 'any(x["host"] == "good.example" and
    x["dst"] == "10.9.0.2" and x["verdict"] == "accept" for x in f)'
check "the filter finds it" sh -c "'$REROUTECTL' --control '$tmp/control' flows --domain good.example | grep -q good.example:7001"
check "a name that is blocked is not told" visits "0.0.0.0" ?bad.example
check "a name that is blocked for a port alone is told" \
	visits 10.9.0.3 ?a.cdn.example

# who was told another name before the rule came goes by that
rules "accept out domain bad.example to any port 7001" "default out accept"
check "without the rule" daemon_reload
check "is told the name" visits "10.9.0.2 ok" ?bad.example 10.9.0.2
rules "block out domain bad.example" "drop out domain *.cdn.example to any port 7001"
check "with it" daemon_reload
check "explain knows what an address is called" sh -c "'$REROUTECTL' --control \
	'$tmp/control' explain --to 10.9.0.2 --port 7001 | grep 'host: bad.example'"
check "who was told nothing goes by what anybody was told" \
	visits EHOSTUNREACH 10.9.0.2
check "who was told the other name goes by that" \
	visits "10.9.0.2 ok" ?good.example 10.9.0.2
check "the blocked flow shows the name that matched" flows 'any(
    x["host"] == "bad.example" and x["verdict"] == "block" for x in f)'

# over a restart
check "the daemon stops" daemon_stop
check "names are kept" grep -q ' bad.example$' "$tmp/state/names"
check "for root alone" [ "$(stat -c %a "$tmp/state/names")" = 600 ]
check "the daemon starts again" daemon_start
check "and knows them" visits EHOSTUNREACH 10.9.0.2
check "the daemon stops" daemon_stop
echo "no names at all" >"$tmp/state/names"
check "the file is damaged: it starts" daemon_start
check "it says so" grep -q 'names: .*no good' "$tmp/daemon.log"
check "and knows nothing" visits ok 10.9.0.2

# learn
check "asked and visited" visits "10.9.0.3 ok" ?other.example 10.9.0.3
check "asked, and no more" visits 10.9.0.9 ?lone.example
ctl learn >"$tmp/learnt"
check "learnt: with the name" grep -E \
	'^accept out exe /usr/bin/python3[.0-9]* script .*visit.py proto tcp domain other.example to any port 7001$' \
	"$tmp/learnt"
check "names were asked for" sh -c "$REROUTECTL --control $tmp/control flows |
	grep -q '127.0.0.1:53 .*default-out'"
check_not "learnt: no rule that lets all names pass" grep 'port 53' \
	"$tmp/learnt"
check "learnt: a name that nobody went to" grep -E \
	'^accept out exe /usr/bin/python3[.0-9]* script .*visit.py domain lone.example$' \
	"$tmp/learnt"
check "learnt: without one" grep -E \
	'^accept out exe /usr/bin/python3.* proto tcp to 10.9.0.2 port 7001$' \
	"$tmp/learnt"
check "nothing was applied" [ "$(ctl rules | grep -cv default)" = 3 ] # a title, two rules
check "the daemon's own defaults are shown as such" \
	[ "$(ctl rules | grep -c 'built in .*default [oi][un]t* accept')" = 2 ]
cp "$tmp/visit.py" "$tmp/sunk.py"
cp "$tmp/visit.py" "$tmp/here.py"
check "a name that is blocked, and where it leads to" [ "$(inc python3 \
	"$tmp/sunk.py" ?bad.example 0.0.0.0)" = "0.0.0.0 ECONNREFUSED" ]
check "this host" [ "$(inc python3 "$tmp/here.py" 127.0.0.1)" = ECONNREFUSED ]
ctl learn >"$tmp/learnt.here"
check "learnt: this host, where that was meant" \
	grep -q '^accept out .*here.py proto tcp to loopback port 7001$' "$tmp/learnt.here"
check_not "learnt: not where a name that is blocked led to" \
	grep sunk.py "$tmp/learnt.here"
echo "block-answer = 10.9.0.53" >>"$conf"
check "another answer for such names" daemon_reload
check "it is given, and led to" [ "$(inc python3 \
	"$tmp/sunk.py" ?bad.example 10.9.0.53)" = "10.9.0.53 ECONNREFUSED" ]
ctl learn >"$tmp/learnt.here"
check_not "learnt: nor this one" grep sunk.py "$tmp/learnt.here"
background "$REROUTECTL" --control "$tmp/control" learn --for 1h --exe "$BUILDDIR/probe" >"$tmp/later"
learner=$pid
inc "$BUILDDIR/probe" tcp 10.9.0.3 7001 900 >"$tmp/out"
wait_for sh -c "kill -INT $learner; grep -q accept '$tmp/later'"
stop "$learner"
check "learnt meanwhile, until interrupted; no name that another program asked for" grep -q \
	"^accept out exe $BUILDDIR/probe proto tcp to 10.9.0.3 port 7001\$" "$tmp/later"
check "… though the flow is shown by it" flows 'any(x["host"] == "other.example" and
    not x["host_told"] and x["exe"].endswith("/probe") for x in f)'
check "… as one that it was not told" sh -c "'$REROUTECTL' --control '$tmp/control' \
    flows --exe probe | grep -qF ' 10.9.0.3:7001 (other.example)'"
check "another process of the program that did" visits ok 10.9.0.3
ctl learn >"$tmp/again"
check "… is learnt by the name" grep -q \
	'visit.py proto tcp domain other.example to any port 7001$' "$tmp/again"
check_not "… and by no address" grep -q 'visit.py proto tcp to .*10.9.0.3' "$tmp/again"
# a daemon that ends amid it
ctl --json flows --exe "$BUILDDIR/probe" >"$tmp/flows.json"
cat >"$tmp/ends.py" <<'PY'
"""Answers as a daemon that has seen one flow, and is gone."""
import json, socket, sys
flow = dict(json.loads(open(sys.argv[2]).readline()), event="flow")
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
call = ""
while call != "watch":
    client, _ = server.accept()
    call = json.loads(client.makefile().readline())["call"]
    answer = flow if call == "watch" else {}
    client.sendall(json.dumps({"ok": True, "result": answer}).encode() + b"\n")
    client.close()
PY
background python3 "$tmp/ends.py" "$tmp/ending" "$tmp/flows.json" >"$tmp/ends"
wait_for has_text ready "$tmp/ends"
check "a daemon that ends: exit 3" try 3 "$REROUTECTL" --control "$tmp/ending" \
	learn --for 1h
check "what was seen until then is not lost" grep -q \
	"^accept out exe $BUILDDIR/probe proto tcp" "$tmp/out"
{ echo "default out block"; cat "$tmp/learnt"; } >"$tmp/rules/10.rules"
check "what was learnt is a file of rules" daemon_reload
check "that lets through" visits "ok" 10.9.0.2
check "and no more" sh -c "[ \"\$(nsenter --net=/run/netns/$C '$BUILDDIR/probe' tcp 10.9.0.2 7002 900 | cut -d' ' -f1)\" = EHOSTUNREACH ]"

# what a default denied: the name that got no answer, and the connection
{ echo "default out block"; echo "default in accept"; } >"$tmp/rules/10.rules"
check "all is closed" daemon_reload
check_not "a name gets no answer" visits "10.9.0.3 ok" ?third.example 10.9.0.3
check "nor does an address" visits EHOSTUNREACH 10.9.0.2
ctl learn >"$tmp/denied"
check "denied: the name" grep -E \
	'^# accept out exe /usr/bin/python3[.0-9]* script .*visit.py domain .*third.example' \
	"$tmp/denied"
check "denied: the address" grep -E \
	'^# accept out exe /usr/bin/python3.* proto tcp to 10.9.0.2 port 7001$' \
	"$tmp/denied"
check_not "… which is there once, whatever was before" grep -E \
	'^accept .*visit.py proto tcp to 10.9.0.2 port 7001$' "$tmp/denied"
check_not "denied: nothing for nobody" grep -E 'process (unknown|kernel)' "$tmp/denied"
ctl --json learn >"$tmp/out"
check "… as JSON without the mark" grep -E \
	'"rule": *"accept out exe [^"]*proto tcp to 10.9.0.2 port 7001", *"denied": *true' \
	"$tmp/out"
{ echo "default out block"; cat "$tmp/denied"; } >"$tmp/rules/10.rules"
check "pasted as it is it opens nothing that was denied" daemon_reload
check_not "… no name" visits "10.9.0.3 ok" ?third.example 10.9.0.3
check "… and no address" visits EHOSTUNREACH 10.9.0.2
{ echo "default out block"; sed 's/^# accept/accept/' "$tmp/denied"; } >"$tmp/rules/10.rules"
check "without its marks it is a file of rules" daemon_reload
check "that lets it through" visits "10.9.0.3 ok" ?third.example 10.9.0.3
check "… and as JSON" sh -c "$REROUTECTL --control $tmp/control --json learn |
	grep -q '\"denied\": *false'"
[ -z "${DEBUG:-}" ] || { cat "$tmp/dnsmasq.log" "$tmp/daemon.log"; cat "$tmp/learnt"; }
finish
