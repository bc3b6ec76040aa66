#!/bin/bash
# A reload while connections live: what is blocked now is ended at once, what
# stays allowed loses no byte; files that change are noticed; faults change
# nothing.
. "$(dirname "$0")/lib.sh"
need_root
need python3 socat
net_up

mkdir "$tmp/rules"
base="default in accept"
rules() { # LINE...: replaces the file as careful programs do
	{
		echo "$base"
		for line; do echo "$line"; done
	} >"$tmp/rules/.new"
	mv "$tmp/rules/.new" "$tmp/rules/10.rules"
}
status() { # PATH: a value of the status, as python reads it
	ctl --json status >"$tmp/status"
	value "$tmp/status" "x$1"
}
start() {
	: >"$tmp/daemon.log"
	background inc "$REROUTED" --config "$tmp/conf" --rules "$tmp/rules" \
		--state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text ready "$tmp/daemon.log" || cat "$tmp/daemon.log"
}

# --- a program that holds connections, and says what its next calls give ------
cat >"$tmp/holder.py" <<'PY'
import errno, socket, sys, time
socks = {}
for name, family, kind, addr in (
        ("tcp4", socket.AF_INET, socket.SOCK_STREAM, "10.9.0.2"),
        ("tcp6", socket.AF_INET6, socket.SOCK_STREAM, "fd09::2"),
        ("udp4", socket.AF_INET, socket.SOCK_DGRAM, "10.9.0.2"),
        ("udp6", socket.AF_INET6, socket.SOCK_DGRAM, "fd09::2")):
    s = socket.socket(family, kind)
    s.settimeout(2)
    s.connect((addr, 7001))
    socks[name] = s
def ask(s):
    begin = time.monotonic()
    try:
        s.send(b"hello")
        word = "ok" if s.recv(100) == b"hello" else "short"
    except socket.timeout:
        word = "timeout"
    except OSError as e:
        word = errno.errorcode[e.errno]
    return "%s %d" % (word, (time.monotonic() - begin) * 1000)
print("ready", flush=True)
for line in iter(open(sys.argv[1]).readline, "quit\n"):
    print(line.strip(), ask(socks[line.strip()]), flush=True)
PY
hold() {
	rm -f "$tmp/say"
	mkfifo "$tmp/say"
	exec 9<>"$tmp/say" # both ways: opening it waits for nobody
	background inc python3 "$tmp/holder.py" "$tmp/say" >"$tmp/said"
	holder=$pid
	wait_for has_text ready "$tmp/said"
}
let_go() {
	echo quit >&9
	exec 9>&-
	wait "$holder"
}
web_is() { # REASON N: so many of what was accepted tell that
	flows "[x['reason'] for x in f if x['dport'] == 7001 and
	    x['verdict'] == 'accept'] == ['$1'] * $2"
}
asked=0
ask() { # NAME: its answer in $word and $ms
	_lines=$(wc -l <"$tmp/said")
	echo "$1" >&9
	wait_for sh -c "[ \$(wc -l <'$tmp/said') -gt $_lines ]"
	set -- $(tail -n 1 "$tmp/said")
	word=$2 ms=$3
}
ask_all() { # WHAT WORD...: all four get one of the words, at once
	what=$1
	shift
	one_of() { # the words
		ask $name
		took=$ms
		echo "$word after $ms ms"
		case " $* " in *" $word "*) ;; *) return 1 ;; esac
	}
	for name in tcp4 tcp6 udp4 udp6; do
		check "$what: $name" best_of 200 one_of "$@"
	done
}

echo "[rerouted]" >"$tmp/conf"
background ins "$BUILDDIR/probe" serve 7001 10.9.0.2 >"$tmp/serve4"
background ins "$BUILDDIR/probe" serve 7001 fd09::2 >"$tmp/serve6"
wait_for has_text ready "$tmp/serve4"
wait_for has_text ready "$tmp/serve6"
blocked="ECONNABORTED ECONNRESET EPIPE EHOSTUNREACH EACCES EPERM"

# --- a new rule, a rule that is gone, a default, a rule from the command line --
rules "default out accept"
start
hold
ask_all "before" ok
check "a reload answers" ctl reload
ask_all "nothing changed" ok
forgot() { ctl status | grep "the files of $tmp/rules have changed since"; }
check_not "status: the files are as they were read" forgot
rules "default out accept" "block out to port 7001"
check "… a file that was changed and not read is told" forgot
check "a reload answers" try 0 ctl reload
check "… how many are decided otherwise" grep -q \
	'^4 connections are decided otherwise now, 2 of them were ended' "$tmp/out"
ask_all "blocked now" $blocked
check "two connections were ended" \
	[ "$(status "['counters']['sockets_destroyed']")" = 2 ]
let_go
rules "default out accept"
check "a reload answers" try 0 ctl reload
check_not "… and counts none that is over" grep decided "$tmp/out"
check_not "status: what was changed is read" forgot
mv "$tmp/rules/10.rules" "$tmp/rules/20.rules"
check "… another name is another order" forgot
mv "$tmp/rules/20.rules" "$tmp/rules/10.rules"
check_not "… and the one before is none" forgot

# what a program has said and closed is still being sent to one that takes nothing
background ins python3 -c '
import signal, socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.bind(("10.9.0.2", 7009))
s.listen()
print("ready", flush=True)
signal.pause()' >"$tmp/full"
full=$pid
wait_for grep -q ready "$tmp/full"
inc python3 -c '
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
s.connect(("10.9.0.2", 7009))
s.setblocking(False)
s.send(bytes(100000))'
python=$(python3 -c 'import os; print(os.path.realpath("/proc/self/exe"))')
rules "default out accept" "drop out exe $python to any port 7009"
check "a reload answers" try 0 ctl reload
check "… and what is dropped now is that program's" wait_for flows \
    'any(x["dport"] == 7009 and x["verdict"] == "drop" for x in f)'
rules "default out accept" "block out to port 7009"
check "a reload answers" try 0 ctl reload
check "… and counts what is closed and still sends" grep -q \
	'^1 connection is decided otherwise now, and was ended' "$tmp/out"
stop "$full"
rules "default out accept"
ctl reload >"$tmp/out"

hold
ask_all "allowed again" ok
inc python3 -c 'import socket
socket.socket(socket.AF_INET, socket.SOCK_RAW, 47).sendto(
    bytes(24), ("10.9.0.2", 0))' # GRE
rules "default out block"
check "a reload answers" ctl reload
check_not "conntrack was told, of GRE too" log_has "can't be told"
ask_all "the default changed" $blocked
let_go
rules "default out block" "accept out to port 7001"
ctl reload >"$tmp/out"
hold
ask_all "accepted by a rule" ok
rules "default out accept" "accept out to port 1"
ctl reload >"$tmp/out"
ask_all "accepted by the default" ok
check "… and shown so" wait_for web_is default-out 4
check "no connection was touched" grep -vq decided "$tmp/out"
check "a rule from the command line" ctl block out to port 7001 --for 1h
ask_all "blocked from the command line" $blocked
let_go

# --- who began one that came in hears of it, also where each packet was judged --
background inc "$BUILDDIR/probe" serve 8001 10.9.0.1 fd09::1 >"$tmp/serve.c"
server=$pid
wait_for has_text ready "$tmp/serve.c"
for word in "accept once" accept; do
	rules "default out accept" "$word in to port 8001"
	ctl reload >"$tmp/out"
	partner "$word" ins talk.py tcp,10.9.0.1,8001 tcp,fd09::1,8001
	check "$word, in" talk_is "$word" ok
	rules "default out accept" "block in to port 8001"
	ctl reload >"$tmp/out"
	tell "$word"
	check "$word, in: blocked, and told" talk_is "$word" ECONNRESET
done
stop "$server"

# --- who serves one client has closed his listener by then -----------------------
cat >"$tmp/once.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::", 8002))
s.listen()
print("ready", flush=True)
c, _ = s.accept()
s.close()
while data := c.recv(100):
    c.sendall(data)
PY
for addr in 10.9.0.1 fd09::1; do
	for change in none flush crash; do
		rules "default out accept" "accept in to port 8002"
		ctl reload >"$tmp/out"
		background inc python3 "$tmp/once.py" >"$tmp/once"
		server=$pid
		wait_for has_text ready "$tmp/once"
		partner "$change.$addr" ins talk.py tcp,$addr,8002
		check "to a listener that is closed, $addr" talk_is "$change.$addr" ok
		case $change in
		flush) inc conntrack -F >"$tmp/out" 2>&1 ;;
		crash)
			stop "$daemon" KILL
			start
			;;
		esac
		rules "default out accept" "drop in to port 8002"
		ctl reload >"$tmp/out"
		tell "$change.$addr"
		check "… $change: dropped as what came in, $addr" \
			talk_is "$change.$addr" ETIMEDOUT
		stop "$server"
	done
done

# --- connections that conntrack has and the daemon has not ---------------------
ctl rules delete 1 >/dev/null
hold
ask_all "before the crash" ok
stop "$daemon" KILL
start
# of these: what was dropped before is sent again, and judged anew, by its kernel
no_marks() {
	! { inc conntrack -L; inc conntrack -L -f ipv6; } 2>/dev/null |
	    grep -qE 'dport=7001 .*mark=17[0-9][0-9] '
}
check "what the old one decided is taken back" wait_for no_marks
ask_all "after the crash" ok
# the kernel may have sent something of its own beside them
known() { [ "$(ctl --json flows | grep -c '"dport": *7001')" = 4 ]; }
judged_anew() { # what they say before its review is done is by the old marks
	for name in tcp4 tcp6 udp4 udp6; do ask $name; done
	known
}
check "the new daemon judges them as they speak" wait_for judged_anew
check "a reload answers" ctl reload
ask_all "after it" ok
check "it knows them" known
let_go
closed() { # the far side knows of it
	local left
	left=$(inc ss -Htn state fin-wait-1 dport = :7001) && [ -z "$left" ]
}
check "they end" wait_for closed
rules "default out accept" "accept out to port 7001"
check "a reload answers" try 0 ctl reload
check "what has ended tells what it was decided by" web_is default-out 4

# --- faults ---------------------------------------------------------------------
rules "default out accept" "block out prt 7001" "accept usr root"
ctl reload >"$tmp/out" 2>&1
check "a reload with faults: exit 1" [ $? = 1 ]
check "all faults are named" sh -c "grep -q '10.rules:3:11: ' '$tmp/out' &&
	grep -q '10.rules:4:8: ' '$tmp/out'"
check "status says so" test "$(status "['policy']['error'] is not None")" = True
rules "default out accept"
check "mended" ctl reload
check "status says so" test "$(status "['policy']['error'] is None")" = True

# --- settings are read again, too -------------------------------------------------
printf '[rerouted]\nlog-level = debug\nflows-max = 4096\n[tunl "x"]\n' >"$tmp/conf"
ctl reload >"$tmp/out" 2>"$tmp/err"
check "settings with faults: exit 1" [ $? = 1 ]
check "and the place" grep -q "conf:4:2: unknown section 'tunl'" "$tmp/err"
check_not "nothing of them is in force" grep -q "needs a restart" "$tmp/daemon.log"
printf '[rerouted]\nlog-level = error\nflows-max = 4096\n' >"$tmp/conf"
ctl reload >"$tmp/out"
check "good settings" [ $? = 0 ]
check "what can't change is said" grep -qx \
	"the new value of \[rerouted\] flows-max needs a restart" "$tmp/out"
check "by status, too" test "$(status "['restart']")" = \
	"['[rerouted] flows-max']"
check "what can't change says so" \
	grep -q "\[rerouted\] flows-max needs a restart" "$tmp/daemon.log"
: >"$tmp/daemon.log"
check "a reload in between" ctl reload
check_not "the log level is the new one" grep -q "policy: loaded" "$tmp/daemon.log"
echo "[rerouted]" >"$tmp/conf"
check "and back" ctl reload
check "nothing needs one" test "$(status "['restart']")" = "[]"

# --- whole: 1 GB, 50 reloads; every other one makes each packet come to us ------
size=1024
head -c 16777216 /dev/urandom >"$tmp/piece"
send() {
	_n=0
	while [ $_n -lt $((size / 16)) ]; do
		cat "$tmp/piece"
		_n=$((_n + 1))
	done
}
want=$(send | sha256sum)
rm -f "$tmp/sum"
ins sh -c "socat -u TCP-LISTEN:7002,reuseaddr STDOUT | sha256sum >'$tmp/sum'" &
pids="$pids $!"
receiver=$!
wait_for sh -c "nsenter --net=/run/netns/$S ss -ltn | grep -q :7002"
send | inc socat -u STDIN TCP:10.9.0.2:7002 &
sender=$!
pids="$pids $sender"
wait_for sh -c "nsenter --net=/run/netns/$C ss -tn | grep -q :7002"
n=0 during=0
while [ $n -lt 50 ]; do
	n=$((n + 1))
	if [ $((n % 2)) = 1 ]; then
		rules "default out accept" "accept once out to port 7002"
	else
		rules "default out accept"
	fi
	ctl reload >"$tmp/out" || cat "$tmp/out"
	kill -0 $sender 2>/dev/null && during=$((during + 1))
	grep -q decided "$tmp/out" || echo "# reload $n changed nothing"
done
wait $sender
wait $receiver
check "50 reloads while it lasts (but $((50 - during)))" [ $during -ge 20 ]
if [ "$(cat "$tmp/sum")" = "$want" ]; then
	result ok "1 GB arrives whole"
else
	result not "1 GB arrives whole" "$(cat "$tmp/sum") is not $want"
fi
stop "$daemon"
check "the daemon ends well" test $? = 0

# --- a watched folder -------------------------------------------------------------
printf '[rerouted]\nwatch = yes\n' >"$tmp/conf"
rules "default out accept"
start
n_rules() { [ "$(status "['policy']['rules']")" = "$1" ]; }
loads() { grep -c "policy: loaded" "$tmp/daemon.log"; }
rules "default out accept" "block out to 10.1.1.1"
check "mv is noticed" wait_for n_rules 1
sed -i 's/10.1.1.1/10.1.1.2\nblock out to 10.1.1.3/' "$tmp/rules/10.rules"
check "sed -i is noticed" wait_for n_rules 2
echo "block out to 10.1.1.4" >>"$tmp/rules/10.rules"
check "a write is noticed" wait_for n_rules 3
# as vim writes: the old one aside, a new one, the old one away
mv "$tmp/rules/10.rules" "$tmp/rules/10.rules~"
echo "block out" >"$tmp/rules/10.rules"
rm "$tmp/rules/10.rules~"
check "an editor is noticed" wait_for n_rules 1
rm "$tmp/rules/10.rules"
check "rm is noticed" wait_for n_rules 0
mv "$tmp/rules" "$tmp/rules.old"
mkdir "$tmp/rules"
echo "block out to 10.1.1.4" >"$tmp/rules/1.rules"
check "another folder is noticed" wait_for n_rules 1
before=$(loads)
for i in 1 2 3 4 5 6 7 8 9; do echo "drop in" >>"$tmp/rules/1.rules"; done
check "many writes" wait_for n_rules 10
check "are one load or two" [ $(($(loads) - before)) -le 2 ]
mkdir -p "$tmp/far/v1" "$tmp/far/v2"
printf 'drop in\ndrop in\n' >"$tmp/far/v1/r"
echo "drop in" >"$tmp/far/v2/r"
ln -s v1 "$tmp/far/..data"
ln -s "$tmp/far/..data/r" "$tmp/rules/2.rules"
check "a link is noticed" wait_for n_rules 12
ln -sfn v2 "$tmp/far/..data"
check "and what it leads to, by another link" wait_for n_rules 11
echo "drop in" >>"$tmp/far/v2/r"
check "and a write there" wait_for n_rules 12
mv "$tmp/rules" "$tmp/far/v2/rules"
ln -s far/v2/rules "$tmp/rules"
check "a link to the folder" wait_for n_rules 12
mkdir "$tmp/far/v3"
echo "drop in" >"$tmp/far/v3/1.rules"
before=$(loads)
ln -sfn far/v3 "$tmp/rules"
check "and to another one" wait_for n_rules 1
rm "$tmp/rules"
mkdir "$tmp/rules"
echo "drop in" | tee "$tmp/rules/1.rules" >"$tmp/rules/2.rules"
check "and a folder again" wait_for n_rules 2
check "are no more loads than changes" [ $(($(loads) - before)) -le 4 ]
stop "$daemon"
check "the daemon ends well" test $? = 0

# --- users that come and go, in a passwd of the test's own ------------------------
cat >"$tmp/with" <<'SH'
mount --bind "$1" /etc/passwd || exit 99
shift
exec "$@"
SH
grep -E "^(root|rerouted):" /etc/passwd >"$tmp/passwd"
: >"$tmp/conf"
rm -rf "$tmp/rules"
mkdir "$tmp/rules"
rules "block out user eve to port 7001" "accept out not user eve to port 7002" \
    "block out to port 7002"
: >"$tmp/daemon.log"
background inc unshare -m --propagation private sh "$tmp/with" "$tmp/passwd" \
    "$REROUTED" --config "$tmp/conf" --rules "$tmp/rules" \
    --state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log"
daemon=$pid
check "a rule for nobody: starts" \
    wait_for has_text 'ready version' "$tmp/daemon.log"
check "… and is told of" grep -q "user 'eve', which is not there" "$tmp/daemon.log"
cp "$BUILDDIR/probe" "$tmp/probe"
background ins "$tmp/probe" serve 7002 10.9.0.2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
as() { # UID PORT: what it feels
	inc setpriv --reuid "$1" --clear-groups "$tmp/probe" tcp 10.9.0.2 "$2" |
		cut -d' ' -f1
}
felt_by() { # of user 4711, then of 4712, on both ports
	echo "$(as 4711 7001) $(as 4711 7002) $(as 4712 7001) $(as 4712 7002)"
}
is_felt() { _got=$(felt_by); echo "$_got"; [ "$_got" = "$*" ]; }
no=EHOSTUNREACH
check "… all but nobody are not let through" is_felt ok $no ok $no
echo eve:x:4711:4711::/:/bin/sh >>"$tmp/passwd"
check "reload" daemon_reload
check "… there is one now" is_felt $no $no ok ok
check "a rule of the command line for her" ctl block out user eve to port 7003
cp "$tmp/passwd" "$tmp/passwd.eve"
grep -E "^(root|rerouted):" /etc/passwd >"$tmp/passwd"
check "reload" daemon_reload
check "… who is gone opens nothing" is_felt $no $no ok ok
check "… and is told of" grep -q "user 'eve', which is gone" "$tmp/daemon.log"
check "… at the prompt it is a slip" try 1 ctl block user eve
check "… which is told" told "no user 'eve'"
stop "$daemon"
check "the daemon ends well" test $? = 0

# --- a start at which names can't be looked up, which is no leave to send ---------
start_with_users() {
	: >"$tmp/daemon.log"
	background inc unshare -m --propagation private sh "$tmp/with" \
	    "$tmp/passwd" "$REROUTED" --config "$tmp/conf" --rules "$tmp/rules" \
	    --state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text 'ready version' "$tmp/daemon.log"
}
waits() { # REASON: are both rules in force, and is she waited for?
	ctl --json rules >"$tmp/out"
	ctl status | tee "$tmp/err"
	ctl rules | grep 'user eve.*# waits' &&
	python3 -c 'import json, sys
rules = [json.loads(line) for line in open(sys.argv[1])]
print(rules)
sys.exit([x["waits"] for x in rules if "eve" in x["text"]] != [True] * 3)' \
	    "$tmp/out" && told "BROKEN: rules wait for the user 'eve', which $1"
}
no_wait() { ! waits "" && ctl --json status | grep -q '"problems":\[\]'; }
check "who is gone at the start: starts" start_with_users
check "… opens nothing" is_felt $no $no ok ok
check "… nor what the command line closed" [ "$(as 4711 7003)" = $no ]
check "… and is shown" waits "is gone: what denies it goes by its number 4711"
stop "$daemon"
printf 'long:x:9:9:%0*d:/:/bin/sh\n' 1100000 0 >>"$tmp/passwd" # no look-up
check "no user can be looked up: starts" start_with_users
check "… opens nothing" is_felt $no $no ok ok
check "… nor what the command line closed" [ "$(as 4711 7003)" = $no ]
check "… and is shown" waits "can't be looked up: what denies it goes by its number 4711"
check "… she can't be named anew" try 1 ctl block user eve to port 7004
check "… which is told" told "can't look up user"
check "… but what is there can be changed" ctl block out to port 7005
cat "$tmp/passwd.eve" >"$tmp/passwd"
check "she comes: no reload is needed" wait_for is_felt $no $no ok ok
check "… and none is waited for" wait_for no_wait
sed -i.old "/^eve:/s/:4711:/:4712:/" "$tmp/passwd.eve"
cat "$tmp/passwd.eve" >"$tmp/passwd"
check "… removed and added anew, she has another number" \
    wait_for is_felt ok ok $no $no
grep -v "^eve:" "$tmp/passwd.eve" >"$tmp/passwd"
check "… gone" wait_for waits "is gone: what denies it goes by its number 4712"
check "… she opens nothing" is_felt ok ok $no $no
mv "$tmp/passwd.eve.old" "$tmp/passwd.eve"
cat "$tmp/passwd.eve" >"$tmp/passwd"
check "… and is the first one again" wait_for is_felt $no $no ok ok
echo "block out to port 7009" >"$tmp/try.rules"
check "a trial of rules that don't name her" \
	ctl rules try "$tmp/try.rules" --for 2s
printf 'long:x:9:9:%0*d:/:/bin/sh\n' 1100000 0 >"$tmp/passwd"
is_back() { ctl --json status | grep -q '"trying":null'; }
check "… goes back, though none can be looked up" wait_for is_back
check "… and opens nothing" is_felt $no $no ok ok
check "… nor what the command line closed" [ "$(as 4711 7003)" = $no ]
check "… is known after the next restart" grep -q ' 4711 eve$' \
	"$tmp/state/accounts"
stop "$daemon"
check "the daemon ends well" test $? = 0
rm "$tmp/state/accounts"
echo eve >"$tmp/state/command-line.rules"
grep -E "^(root|rerouted):" /etc/passwd >"$tmp/passwd"
check "what is kept is gone: starts" start_with_users
check "… which is shown" sh -c "'$REROUTECTL' --control '$tmp/control' status |
	grep \"^BROKEN: .*rules from the command line can't be read\""
check "… and that she is nobody" sh -c "'$REROUTECTL' --control '$tmp/control' \
	status | grep \"^BROKEN: rules wait for the user 'eve'.*: nobody is it\""
mkdir -p "$tmp/state/accounts.new/x"
cat "$tmp/passwd.eve" >"$tmp/passwd"
check "she comes" wait_for is_felt $no $no ok ok
unsaved() {
	ctl status | grep '^BROKEN: who the users of the rules are is not saved'
}
check "… and can't be kept: it is shown" wait_for unsaved
rm -r "$tmp/state/accounts.new"
check "a change" ctl block out to port 7005
check "… tries again" grep ' 4711 eve$' "$tmp/state/accounts"
check_not "… and that is shown" unsaved
stop "$daemon"
check "the daemon ends well" test $? = 0
rm -r "$tmp/state"

# --- reloads while the chains are put in: those of the last moment, too -------
exec 9>"$XTABLES_LOCKFILE"
flock 9
: >"$tmp/daemon.log"
background inc "$REROUTED" --config "$tmp/conf" --rules "$tmp/rules" \
    --state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log" 9>&-
daemon=$pid
wait_for test -S "$tmp/control"
for n in $(seq 250); do
	kill -HUP "$daemon"
	pause 0.002
done &
storm=$!
wait_for has_text 'policy: loaded' "$tmp/daemon.log"
flock -u 9
wait $storm
check "reloads amid a start: it starts" \
    wait_for has_text 'ready version' "$tmp/daemon.log"
check "… and the next one comes to its end" \
    try 0 timeout 5 "$REROUTECTL" --control "$tmp/control" reload
kill -TERM "$daemon"
is_gone() { ! kill -0 "$daemon" 2>/dev/null; }
check "… and so does the daemon" wait_for is_gone
exec 9>&-
finish
