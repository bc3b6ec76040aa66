#!/bin/bash
# The control socket and reroutectl: every command, its exit status and JSON;
# who may do what; and clients that send nonsense, too much, or never read,
# while connections go on being judged.
#
#     c 10.9.0.1, daemon, clients  ---- veth ----  s 10.9.0.2, servers
# Tries reroutectl itself.
. "$(dirname "$0")/lib.sh"
ctl_leaks=1
need_root
need python3 setpriv iptables-legacy flock
net_up
mkdir "$tmp/bin"
cp "$REROUTECTL" "$BUILDDIR/probe" "$BUILDDIR/connload" "$tmp/bin"
probe=$tmp/bin/probe
group=$(getent group 65534 | cut -d: -f1)
printf '[rerouted]\ncontrol-group = %s\n' "$group" >"$tmp/rerouted.conf"
rules "block out to port 7002 label \"not there\"" "default out accept" \
    "default in accept"
background ins "$BUILDDIR/connload" serve 10.9.0.2 7000 >"$tmp/serve.7000"
background ins "$probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve.7001"
wait_for has_text ready "$tmp/serve.7000"
wait_for has_text ready "$tmp/serve.7001"

json() { # json EXPRESSION: true for the object `x` of each line, the list `every`
	holds "$tmp/out" "every and all(($1) for x in every)"
}

# -- one that is at work: asked again, it answers; heard at the end --
cat >"$tmp/busy.py" <<'EOF'
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
first, _ = server.accept()
second, _ = server.accept()
assert b'"status"' in second.recv(100)
for one in second, first:
    one.sendall(b'{"ok":true,"result":{}}\n')
first.recv(100)
EOF
background python3 "$tmp/busy.py" "$tmp/busy" >"$tmp/busy.out"
wait_for has_text ready "$tmp/busy.out"
background "$REROUTECTL" --control "$tmp/busy" --json lists reload \
    >"$tmp/busy.out" 2>"$tmp/busy.err"
busy=$pid

# -- no daemon, and wrong usage --
for words in status flows connections watch explain "firewall show"; do
	check "no daemon: exit 3 for $words" try 3 ctl $words
	check "no daemon: told" told "no daemon answers on $tmp/control"
done
: >"$tmp/stale.file"
check "the control socket is a file: exit 1, not 3" \
    try 3 "$REROUTECTL" --control "$tmp/stale.file" status
for words in "" stauts "status now" "flows all" "watch now" "explain --exe" \
    "explain --usr root" "explain to" "explain --pid x" firewall \
    "firewall shwo" "firewall show all" --nonsense "--control" \
    "explain --pid 99999999999"; do
	check "wrong usage: exit 2 for '$words'" try 2 ctl $words
	check "wrong usage: told where help is, for '$words'" \
	    grep -qE "^Try 'reroutectl .*--help'" "$tmp/err"
done
try 2 ctl stauts >/dev/null
check "near miss of a command" told "did you mean 'status'"
try 2 ctl explain --usr root >/dev/null
check "near miss of an option" told "did you mean '--user'"
while IFS='|' read -r words hint; do
	check "near miss: exit 2 for '$words'" try 2 ctl $words
	check "near miss: '$words'" told "did you mean '$hint'"
done <<'MISSES'
flows exe=curl|--exe=curl
block --exe /usr/bin/curl|exe
firewall --verify|verify
flows user root|--user
queries domain=a.example|--domain=a.example
flows --query a.example|--domain
flows --process curl|--exe
explain exe=/bin/sh|--exe=/bin/sh
watch verdict=block|--verdict=block
learn unit=a.service|--unit=a.service
top --sort bytes|traffic
top --sort bloked|blocked
top sort=in|--sort=in
learn 10m|--for 10m
rules remove 1|delete
unblock out exe /usr/bin/curl|rules
watch --verdict blocked|block
flows --verdict accept,dorp|drop
MISSES
try 2 ctl block --pid 5 >/dev/null
check_not "what rules have not is not meant" told "did you mean 'pid'"
try 2 ctl queries ads.example >/dev/null
check "a host without its option" told "'--domain ads.example'"
try 2 ctl flows 192.0.2.0/24 >/dev/null
check "an address without its option" told "'--address 192.0.2.0/24'"
check "a program without its option: exit 2" try 2 ctl flows curl
check "… what is meant" told "'--exe curl'"
check "a user that is not there is no wrong usage" try 3 ctl flows --user nobdy
check "… is told" told "there is no user 'nobdy' here"
check "help" try 0 ctl help
check "help of a command" sh -c "'$REROUTECTL' help flows | grep -q '^usage: .* flows'"
check "--help" try 0 ctl --help
check "--help has an example" grep -q '^Example: reroutectl' "$tmp/out"
check "--help has the exit statuses" grep -q '^Exit status: 0 done, 1' "$tmp/out"
check "--version" try 0 ctl --version
for command in status flows connections watch explain firewall; do
	check "$command --help needs no daemon" try 0 ctl $command --help
	check "$command --help has an example" \
	    grep -q '^Example: reroutectl' "$tmp/out"
	check_not "$command --help is no error" test -s "$tmp/err"
done

# -- what another one answers: a daemon that ends amid it, one that is up for long --
cat >"$tmp/answer.py" <<'PY'
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
for answer in sys.argv[2:]:
    client, _ = server.accept()
    client.makefile().readline()
    client.sendall(answer.encode())
    client.close()
PY
up() { printf '{"ok":true,"result":{"uptime_s":%s}}\n_' "$1"; }
background python3 "$tmp/answer.py" "$tmp/answer" '{"ok": true, "resu' \
    "$(up 0.4)" "$(up 59.9)" "$(up 3600.2)" "$(up 93784.5)" >"$tmp/answer.out"
wait_for has_text ready "$tmp/answer.out"
answered() { "$REROUTECTL" --control "$tmp/answer" "$@"; }
check "half an answer: exit 3" try 3 answered flows
check "half an answer: told" told "the daemon closed the connection"
for words in 0s 59s 1h "1d 2h"; do
	check "up for $words" try 0 answered status
	check "… which it says" grep -qF ", up $words, " "$tmp/out"
done

# -- where the socket can't be --
echo mine >"$tmp/file"
inc "$REROUTED" --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
    --control "$tmp/file" --state "$tmp/state2" 2>"$tmp/err"
check "somebody's file in its place: exit 1" [ $? -eq 1 ]
check "somebody's file in its place: told" told "$tmp/file: File exists"
check "somebody's file in its place: left alone" grep -q mine "$tmp/file"

check "the daemon starts" daemon_start
sockets() { ls -l "/proc/$daemon/fd" | grep -c socket:; }
at_start=$(sockets)
no_more_sockets() { [ "$(sockets)" -le $((at_start + 2)) ]; }
check "the socket is for its group" \
    [ "$(stat -c '%a %u %g' "$tmp/control")" = "660 0 65534" ]

# -- connections are judged all the while --
cat >"$tmp/always.py" <<'PY'
import select, signal, socket
from patient import Patience
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
worst = n = 0
while not stop:
    patience = Patience(20)
    try:
        s = socket.socket()
        patience.connect(s, ("10.9.0.2", 7001))
        s.send(b"hello")
        assert patience.recv(s, 5) == b"hello"
        s.close()
    except OSError as e:
        print("failed", e)
        break
    worst = max(worst, patience.waited)
    select.select([], [], [], 0.05)  # each is one more flow in what is listed
    n += 1
else:
    print("worst", int(worst * 1000), n)
PY
background inc python3 "$tmp/always.py" >"$tmp/always.out"
always=$pid

# -- a client that takes nothing is cut off after ten seconds: meanwhile … --
inc "$tmp/bin/connload" udp 10.9.0.2 7000 3000 50 20000 >"$tmp/load" 2>&1
check "3000 flows: $(cat "$tmp/load")" grep -q ' 0$' "$tmp/load"
needs() { # WORD...: kB of memory that reroutectl has at most
	ASAN_OPTIONS=${ASAN_OPTIONS-}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0 \
	    python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
	    "$REROUTECTL" --control "$tmp/control" "$@"
}
more=$(($(needs --json flows) - $(needs --json status)))
check "as lines they are never in memory whole: $more kB more" [ $more -lt 8000 ]
client() { timeout 60 python3 "$top/tests/netns/control.py" "$tmp/control" "$1"; }
background client lists_and_never_reads >"$tmp/stalled" 2>&1
stalled=$pid

# -- what each command says --
inc "$probe" tcp fd09::2 7001 >"$tmp/out"
inc "$probe" tcp 10.9.0.2 7002 >"$tmp/out"
ins ping -c 1 -W 20 10.9.0.1 >"$tmp/out"
check "status" try 0 ctl status
check "status has the version" grep -q '^rerouted [0-9]' "$tmp/out"
check "status --json" try 0 ctl --json status
check "status has its keys" json 'set(x) >= {"version", "pid", "uptime_s",
	"memory_bytes", "firewall", "queues", "flows", "processes", "policy",
	"attribution", "counters"} and x["firewall"]["ip4"] and
	x["firewall"]["ip6"] and len(x["queues"]) == 4 and
	x["policy"]["error"] is None and x["policy"]["rules"] == 1 and
	x["pid"] == '"$daemon"
check "--json behind the command" try 0 ctl status --json
check "… is the same" json 'x["pid"]'
keys='{"time", "direction", "proto", "src", "sport", "dst", "dport", "host",
	"verdict", "mark", "rule", "reason", "tunnel", "bytes_in", "bytes_out",
	"process"} <= set(x) and {"pid", "start", "exe", "cmd", "comm", "uid",
	"user", "unit", "parents"} <= set(x["process"])'
check "a ping, which the kernel answers" ins ping -q -c 1 -W 20 10.9.0.1
check "flows" try 0 ctl flows
check "flows has columns" grep -q '^TIME  *VERDICT  *DIR  *PROTO  *PROGRAM' "$tmp/out"
check "flows has the blocked one" \
    grep -q 'block .*probe\[.*10.9.0.2:7002 .*not there (10.rules:1)' "$tmp/out"
check "flows has the IPv6 one" grep -q '\[fd09::2\]:7001' "$tmp/out"
check "flows of a file are not painted" sh -c "! grep -q '\\[' $tmp/out ||
    ! grep -q \"\$(printf '\\033')\" $tmp/out"
check "flows --json" try 0 ctl --json flows
check "flows has the keys, in each of thousands" json "len(every) > 3000 and $keys"
check "flows: of programs, and of the kernel" json '
	{y["process"]["kind"] for y in every} >= {"program", "kernel"}'
check "flows: the blocked one" json 'any(y["dport"] == 7002 and
	y["verdict"] == "block" and y["mark"] == 1711 and y["label"] == "not there"
	and y["rule"].endswith("/10.rules:1") for y in every)'
check "connections is flows" try 0 ctl connections
check "flows to nowhere: exit 1" \
    sh -c "$REROUTECTL --control $tmp/control flows >/dev/full; [ \$? = 1 ]"
for words in --help --version "help flows" "rules --help"; do
	check "… nor is '$words'" \
	    sh -c "$REROUTECTL $words >/dev/full; [ \$? = 1 ]"
done
check "explain" try 0 ctl explain --exe /usr/bin/curl --to 10.9.0.2 --port 7002
check "explain: the verdict and the rule" grep -q '^verdict: block' "$tmp/out"
check "explain --query NAME" try 0 ctl explain --exe /usr/bin/curl --query a.example
check "explain: more words than the name" try 2 ctl explain --query a.example b
check "explain --json" try 0 ctl --json explain --to 10.9.0.2 --port 7002 --proto tcp
check "explain has its keys" json 'x["verdict"] == "block" and x["number"] == 1
	and x["line"] == 1 and x["file"].endswith("10.rules") and
	x["label"] == "not there" and x["reason"] == "rule" and "process" in x
	and x["text"].startswith("block out")'
check "explain --pid" try 0 ctl --json explain --pid $$ --to 192.0.2.7 --port 443
check "explain --pid: that process" json 'x["process"]["pid"] == '$$'
	and x["verdict"] == "accept" and x["reason"] == "default-out"'
check "explain of this host to itself" try 0 ctl --json explain --in --from fd09::1
check "explain of this host to itself: it is" json 'x["reason"] == "loopback"'
check "explain of a pid that is none: exit 1" try 1 ctl explain --pid 2147483647
check "explain of a bad address: exit 2" try 2 ctl explain --to 10.9.0
check "explain of an unknown user: exit 2" try 2 ctl explain --user nosuchuser
check "firewall show" try 0 ctl firewall show
check "firewall show: the queues" grep -q 'NFQUEUE.*17160' "$tmp/out"
check "firewall show --json" try 0 ctl --json firewall show
check "firewall show has its keys" json 'len(x["rules"]) > 40 and
	all(set(y) == {"family", "table", "rule", "packets", "bytes"}
	for y in x["rules"])'
check "firewall verify" try 0 ctl firewall verify
check "firewall verify --json" try 0 ctl --json firewall verify
check "firewall verify has its keys" json 'x == {"in_place": True,
	"differences": [], "warnings": []}'
# the lock is held meanwhile, so that the daemon can't put it back at once
lock_tables
XTABLES_LOCKFILE=$tmp/other.lock inc iptables-legacy -t mangle -D C171 -m mark --mark 0 -j NFQUEUE \
    --queue-num 17140 --queue-bypass
check "firewall verify with a rule missing: exit 1" try 1 ctl firewall verify
check "firewall verify names it" grep -q 17140 "$tmp/out"
check "… --json: exit 1" try 1 ctl --json firewall verify
check "… --json names it" json 'not x["in_place"] and
	any("17140" in y for y in x["differences"])'
stop "$holder"
check "firewall verify with the rule back" wait_for ctl firewall verify

# -- watch --
background "$REROUTECTL" --control "$tmp/control" --json watch >"$tmp/watch"
watch=$pid
background "$REROUTECTL" --control "$tmp/control" watch >"$tmp/watch.text" 2>&1
seen() { inc "$probe" udp 10.9.0.2 7002 50; grep -q 7002 "$tmp/$1"; }
check "watch shows what is judged" wait_for seen watch
check "watch on a terminal's behalf" wait_for seen watch.text
stop $watch
head -n "$(wc -l <"$tmp/watch")" "$tmp/watch" >"$tmp/out" # each that is whole
check "watch has the keys" json "$keys"' and x["event"] == "flow"'
background "$REROUTECTL" --control "$tmp/control" watch >/dev/full 2>&1
watch=$pid
gone() { inc "$probe" udp 10.9.0.2 7002 50; ! kill -0 $watch; }
check "watch ends when nobody takes its lines" wait_for gone

# -- bytes that are not for terminals --
evil=$tmp/bin/$(printf 'e\033[31m\nv\377il\302\23331m\342\200\256\177')
cp "$probe" "$evil"
inc "$evil" udp 10.9.0.2 7001 >"$tmp/out"
check "flows of a program with a wild name" try 0 ctl flows
check_not "no escape reaches the terminal" grep -q "$(printf '\033')" "$tmp/out"
check "it is one line" grep -qF 'e\x1b[31m\x0av' "$tmp/out"
check "its JSON is valid" try 0 ctl --json flows
check_not "… and ASCII" grep -qP '[^ -~]' "$tmp/out"
check "… and is there" json 'any("v\ufffdil" in (y["process"]["exe"] or "")
	for y in every)'

# -- who may --
as() { # as GROUPS-OPTIONS reroutectl…
	setpriv --reuid 65533 --regid 65533 "$@"
}
mine="$tmp/bin/reroutectl --control $tmp/control"
check "a stranger: exit 1" try 1 as --clear-groups $mine status
check "a stranger: told why" told "permission denied"
check "… and which group" told "or join the group '$(getent group 65534 |
    cut -d: -f1)' (usermod -aG "
check "a member of the group" try 0 as --groups 65534 $mine flows
check "one whose first group it is" try 0 setpriv --reuid 65533 --regid 65534 \
    --clear-groups $mine flows
check "a member changes things" try 0 as --groups 65534 $mine firewall verify
chmod 666 "$tmp/control"
check "who can open it: status" try 0 as --clear-groups $mine status
check "who can open it: not flows" try 1 as --clear-groups $mine flows
check "who can open it: told why" told "only root and the group '$group'"
check "who can open it: not watch" try 1 as --clear-groups $mine watch
check "who can open it: not firewall clear" \
    try 1 as --clear-groups $mine firewall clear
check "who can open it: nothing but status" client only_status
chmod 660 "$tmp/control"

# -- clients that a daemon should not have; who watches and never reads is one
# for ten seconds, while others come --
background client watches_and_never_reads >"$tmp/behind" 2>&1
behind=$pid
wait_for has_text ready "$tmp/behind"
inc "$tmp/bin/connload" udp 10.9.0.2 7000 3000 50 30000 >"$tmp/load"
check "nonsense gets an error" client nonsense
check "a line of 1 MB gets an error and is cut off" client long_line
check "requests in one packet, a request in many" client several
check "a client that says no more gets its answers" client half_closed
check "a client that is gone in the middle of a list" client gone_in_a_list
check "a hundred at once" client crowd
check "who is one too many hears so" env REROUTECTL="$REROUTECTL" timeout 60 \
    python3 "$top/tests/netns/control.py" "$tmp/control" full
check "one that asks and never reads is cut off" client asks_and_never_reads
check "one that watches may ask" client watcher_asks
check "one that watches and reads late is told what it missed" client \
    watcher_reads_late
check "one that watches, asks and never reads" client \
    watcher_asks_and_never_reads
wait $behind
check "one that watches and never reads is cut off" [ $? -eq 0 ]
wait $stalled
check "one that lists and never reads is cut off" [ $? -eq 0 ]
check "all of those are counted" [ "$(counter control_refused)" -ge 36 ]
check "none of them left a descriptor" wait_for no_more_sockets

# -- meanwhile --
kill -TERM $always
wait $always
check "connections all the while: none failed, none took long" \
    awk '{ print } $1 != "worst" || $2 > 1000 || $3 < 100 { exit 1 }' "$tmp/always.out"

# -- who takes his time over what reroutectl prints holds up nobody --
all=$(ctl --json flows | wc -l)
mkfifo "$tmp/slow"
exec {both}<>"$tmp/slow"
background inc "$REROUTECTL" --control "$tmp/control" --json flows \
    >"$tmp/slow" 2>"$tmp/slow.err"
exec {slow}<"$tmp/slow" {both}>&-
read -r first <&$slow
answered() { [ -z "$(inc ss -Hxn state established src "$tmp/control")" ]; }
check "the daemon is done, or has cut it off" wait_for answered
check "it was not cut off" [ ! -s "$tmp/slow.err" ]
some=$(wc -l <&$slow)
check "all of it comes: $some rows and one, of $all" [ $((some * 10)) -gt $((all * 9)) ]
wait $pid
check "and it ends well" [ $? -eq 0 ]
exec {slow}<&-
check_judged

wait $busy
check "one that is at work is waited for" [ $? -eq 0 ]
check "… and it is told that it is" grep -q "is still at it: waiting" "$tmp/busy.err"

# -- the firewall is cleared, the daemon ends --
check "firewall clear" try 0 ctl --json firewall clear
check "firewall clear has its keys" json 'x["cleared"] and x["marks"] >= 0'
check "what was forbidden passes" inc "$probe" tcp 10.9.0.2 7002
check "firewall verify then: exit 1" try 1 ctl firewall verify
background "$REROUTECTL" --control "$tmp/control" watch >"$tmp/watch" 2>"$tmp/watch.err"
watch=$pid
wait_for sh -c "[ \$(ls -l /proc/$watch/fd | grep -c socket:) -ge 1 ]"
daemon_stop
check "the daemon ends well" test $? = 0
wait $watch
check "who watches then: exit 3" [ $? -eq 3 ]
check "who watches then: told" grep -q "daemon closed" "$tmp/watch.err"
check "no daemon again: exit 3" try 3 ctl status
finish
