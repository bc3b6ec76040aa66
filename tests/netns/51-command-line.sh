#!/bin/bash
# Rules from the command line stand in front, end in time, survive a restart;
# a set that is tried goes back by itself; rules show what they decided.
# Tries reroutectl itself.
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up

mkdir "$tmp/rules"
cat >"$tmp/rules/10.rules" <<'RULES'
default out accept
default in accept
block out proto udp to port 7002
accept out to port 7001
RULES
start() {
	: >"$tmp/daemon.log"
	background inc "${by[@]}" "$REROUTED" --rules "$tmp/rules" --state "$tmp/state" \
		--control "$tmp/control" "$@" 2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text ready "$tmp/daemon.log" || cat "$tmp/daemon.log"
}
get() { # PORT: the word
	inc "$BUILDDIR/probe" tcp 10.9.0.2 "$1" 900 | sed 's/ .*//'
}
gets() { [ "$(get "$1")" = "$2" ]; }
rule() { # FIELD TEXT: of the rule with that text
	ctl --json rules | python3 -c 'import json, sys
for line in sys.stdin:
    rule = json.loads(line)
    if rule["text"] == sys.argv[2]:
        print(rule[sys.argv[1]])' "$@"
}
background ins "$BUILDDIR/probe" serve 7001 10.9.0.2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
from() { # TEXT: what status says of the rules
	ctl status | grep '^rules ' | tee "$tmp/from"
	grep -qE "^rules +$1\$" "$tmp/from"
}
# by who has blocked all signals, and would have nobody read what it writes
by=(python3 -c 'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
os.umask(0o777)
os.execv(sys.argv[1], sys.argv[1:])')
start
by=()

check "allowed" gets 7001 ok
check "status says where the rules are from" from "2 from $tmp/rules"
check "counted" [ "$(rule hits 'accept out to port 7001')" = 1 ]
check "the defaults stand behind the rules" sh -c "'$REROUTECTL' --control \
	'$tmp/control' rules | tail -n 2 >'$tmp/out'; cat '$tmp/out'
	grep -q '10.rules:1 .*default out accept' '$tmp/out' &&
	grep -q '10.rules:2 .*default in accept' '$tmp/out'"
check "… in JSON, too" [ "$(rule default 'default in accept')" = in ]
check "for 1 hour" ctl block out to port 7001 --for 1h
check "blocked" gets 7001 EHOSTUNREACH
check "status says where the rules are from" \
    from "2 from $tmp/rules; 1 from the command line"
check "counted" [ "$(rule hits 'block out to port 7001')" = 1 ]
check "it says where from" [ "$(rule file 'block out to port 7001')" = "command line" ]
check "the youngest is the first" ctl accept out to 10.9.0.2 exe "$BUILDDIR/probe"
check "allowed" gets 7001 ok
check "the file's rule was not asked" [ "$(rule hits 'accept out to port 7001')" = 1 ]
check "out with it, by its place" ctl rules delete "command line:2"
check "blocked" gets 7001 EHOSTUNREACH
check_not "it is out" ctl rules delete 2
check_not "rules of files are not to be deleted" ctl rules delete 3
check "one that is not there is told" try 1 ctl rules delete 77
check "… by its number" told "there is no rule 77 from the command line"
check_not "all or none: what is no number" ctl rules delete 1 2x
check "blocked" gets 7001 EHOSTUNREACH
check "two more" sh -c "'$REROUTECTL' --control '$tmp/control' accept out to 10.9.0.2 &&
	'$REROUTECTL' --control '$tmp/control' accept out to 10.9.0.0/24"
check_not "one that is not there does not keep the others" ctl rules delete 3 2 4
check "they are out" gets 7001 EHOSTUNREACH

# words as the shell gives them
check "blanks" ctl drop out exe "/opt/a b/c" , "/x#y" label "two words"
check "are quoted again" [ "$(rule label 'drop out exe "/opt/a b/c" , "/x#y" label "two words"')" = "two words" ]
ctl block out prt 22 >"$tmp/out" 2>&1
check "a fault: exit 1" [ $? = 1 ]
check "with a caret" grep -q '\^~~' "$tmp/out"
check "in its place" grep -q '^command line:.*:11: ' "$tmp/out"
ctl block out --for 1x >"$tmp/out" 2>&1
check "no time: exit 2" [ $? = 2 ]
check "no time: where help is" grep -q "^Try 'reroutectl block --help'" "$tmp/out"
ctl block out exe /usr/bin/curl for 10m >"$tmp/out" 2>&1
check "a time without its dashes: what is meant" grep -q "did you mean '--for'" "$tmp/out"
# words that others have, in their letters
for word in QueryLog:queries ps:processes netstat:flows flush:cache \
    delete:rules history:flows monitor:watch apps:processes; do
	check "${word%:*}: exit 2" try 2 ctl "${word%:*}"
	check "… which is told" told "did you mean '${word#*:}'"
done
for word in flows rules explain; do
	check "help behind $word: exit 2" try 2 ctl $word help
	check "… where it is" told "did you mean '--help'?"
done
for word in check:--check test:--check start:--daemon reload:reroutectl; do
	check "rerouted ${word%:*}: exit 2" try 2 "$REROUTED" "${word%:*}"
	check "… what is meant" told "'${word#*:}'"
done
check "a question in words: exit 2" try 2 ctl explain exe /a to 192.0.2.1
check "… what the first one lacks" told "did you mean '--exe'?"
# a variable that is not set is not a rule about everything
for nothing in '' '  ' '# all of it'; do
	check "no match: exit 2" try 2 ctl block "$nothing"
	check "no match: told" told "what is missing is a match"
done
check "no rule of the command line has the number 0" try 2 ctl rules delete 0
check "… told" told "each the N of 'command line:N'"
ctl block 'out
default out block' >"$tmp/out" 2>&1
check "one line only" [ $? = 1 ]

# a script is told from another one of the same interpreter
cat >"$tmp/get.py" <<'PY'
import errno, socket
try:
    socket.create_connection(("10.9.0.2", 7001), 1)
    print("ok")
except OSError as e:
    print(errno.errorcode[e.errno])
PY
cp "$tmp/get.py" "$tmp/other.py"
ctl rules delete 1 >"$tmp/out"
check "by script" ctl block out script "$tmp/get.py" --for 1h
check "with a path" [ "$(inc python3 -u "$tmp/get.py")" = EHOSTUNREACH ]
check "from its folder" [ "$(cd "$tmp" && inc python3 ./get.py)" = EHOSTUNREACH ]
check "another one" [ "$(inc python3 "$tmp/other.py")" = ok ]
check "the same text as code" [ "$(inc python3 -c "$(cat "$tmp/get.py")")" = ok ]
ctl rules delete 6 >"$tmp/out"
check "it says which one it took out" grep -qF \
    "rule 6 is out (block out script $tmp/get.py); " "$tmp/out"
check "what it decided still names it" flows 'any(x["verdict"] == "block" and
    x["rule"] == "command line:6" for x in f)'
check "blocked again" ctl block out to port 7001 --for 1h

# a restart
check "it hears the signal" stop "$daemon"
start
check "still blocked" gets 7001 EHOSTUNREACH
check "until its end" test "$(rule ends 'block out to port 7001')" != None
ctl rules delete 7 >"$tmp/out"
check "allowed" gets 7001 ok
# its time may be over before it is looked at
in_force() { # CMD...: and then 7001 is blocked, in one of some tries
	local _try
	for _try in 1 2 3 4 5; do
		"$@" && gets 7001 EHOSTUNREACH && return 0
	done
	return 1
}
check "for 1 second: blocked" in_force ctl block out to port 7001 --for 1s
check "then it has ended" wait_for gets 7001 ok
check "and is gone" test -z "$(rule number 'block out to port 7001')"

# a rule that has a fault at the next start takes no other with it
check "two rules" sh -c "'$REROUTECTL' --control '$tmp/control' block out to port 7001 --for 1h &&
	'$REROUTECTL' --control '$tmp/control' block out user root to port 7777 --for 1h"
stop "$daemon"
sed -i 's/user root/list nosuchlist/' "$tmp/state/command-line.rules"
start
check "the faulty one is told" grep -q \
    'rule [0-9]* from the command line has a fault now: no list .nosuchlist' "$tmp/daemon.log"
check "the other one is in force" gets 7001 EHOSTUNREACH
check "… and shown" test -n "$(rule number 'block out to port 7001')"
ctl rules delete "$(rule line 'block out to port 7001')" >"$tmp/out"
check "allowed" gets 7001 ok
check "the faulty one is shown, and why" [ "$(rule fault \
    'block out list nosuchlist to port 7777')" = "no list 'nosuchlist'" ]
check "… in a table, too" sh -c "'$REROUTECTL' --control '$tmp/control' rules |
	grep -q \"# has a fault: no list 'nosuchlist'\""
ctl rules delete "$(rule line 'block out list nosuchlist to port 7777')" >"$tmp/out"

# a list that is gone from the settings at a start: what denies denies all that
# it may mean, from the first packet on, what accepts accepts nothing, and both
# are what they were when it is back
echo 192.0.2.1 >"$tmp/held.txt"
listed() { # [yes]: whether the settings have the list
	printf '%s\n' "[rerouted]" "control-group = nosuch" \
		"[resolver]" "listen = none" \
		${1:+'[list "held"]' "source = $tmp/held.txt"} >"$tmp/held.conf"
}
broken() { ctl status | grep -q "^BROKEN: $1"; }
stop "$daemon"
listed yes
start --config "$tmp/held.conf"
check "a group that is not there is told" grep -q \
	"control-group nosuch: there is no such group" "$tmp/daemon.log"
check "a rule by it" ctl block out list held to port 7001
check "another one" ctl accept out list held
check "of other addresses: allowed" gets 7001 ok
listed
check_not "without it nothing is loaded" ctl reload
stop "$daemon"
start --config "$tmp/held.conf"
check "gone: denied" gets 7001 EHOSTUNREACH
check "… but no more than it may mean" felt ECONNREFUSED \
    inc "$BUILDDIR/probe" tcp 10.9.0.2 7004 900
check "… which is broken" broken "rule [0-9]* from the command line has a fault, .*: no list 'held'"
check "a reload goes on without it" ctl reload
check "denied" gets 7001 EHOSTUNREACH
check "another rule" ctl block out to port 7004
check "takes none of them out of the file" [ "$(grep -c 'list held' \
    "$tmp/state/command-line.rules")" = 2 ]
stop "$daemon"
start --config "$tmp/held.conf"
check "denied after another start" gets 7001 EHOSTUNREACH
listed yes
check "back" ctl reload
check "… as it was" gets 7001 ok
check_not "… nothing is broken" broken rule
check "… and that is said" grep -q \
    "from the command line has no fault any more" "$tmp/daemon.log"
listed
check_not "again without it nothing is loaded" ctl reload
for text in "block out list held to port 7001" "accept out list held" \
	"block out to port 7004"; do
	ctl rules delete "$(rule line "$text")" >"$tmp/out"
done
check "out with them: it is" ctl reload

# a file that can't be read at a start is not written over, and read as soon as
# it can be
state=$tmp/state/command-line.rules
check "a rule" ctl block out to port 7001 label saved
stop "$daemon"
mv "$state" "$tmp/saved"
mkdir "$state"
start
check "it can't be read: that is said" broken \
    "the rules from the command line can't be read.*: Is a directory"
check_not "a rule is not saved" sh -c "'$REROUTECTL' --control '$tmp/control' \
    --json block out to port 7004 | grep -q '\"saved\": *true'"
check "nor by a reload" ctl reload
rmdir "$state"
mv "$tmp/saved" "$state"
check "it is in force again" wait_for gets 7001 EHOSTUNREACH
check "beside the younger one" from "2 from $tmp/rules; 3 from the command line"
check_not "nothing is broken" broken rule
check "both are saved" [ "$(grep -c ' block out to port 700[14]' "$state")" = 2 ]

# a line that can't be read stays there, and a reload reads it
stop "$daemon"
sed -i 's/^\([0-9]* \)\(.*7001\)/\1x\2/' "$state"
start
check "a line can't be read" broken "rules from the command line can't be read, lines .*: 1"
check "another rule is saved" ctl block out to port 7005
check "… beside it" [ "$(grep -c . "$state")" = 4 ]
sed -i 's/x\(0 .*7001\)/\1/' "$state"
check "it is mended" ctl reload
check "… in force" gets 7001 EHOSTUNREACH
check_not "… and nothing is broken" broken rule
for port in '7001 label saved' 7004 7005; do
	ctl rules delete "$(rule line "block out to port $port")" >"$tmp/out"
done
check "allowed" gets 7001 ok

# where they can't be saved, a rule that is taken out is there after a restart
check "a rule that is saved" ctl block out to port 7001
mv "$tmp/state" "$tmp/state.away"
: >"$tmp/state"
check "it is taken out" ctl rules delete \
    "$(rule line 'block out to port 7001')"
ctl block out to port 7778 2>"$tmp/err" >"$tmp/out"
check "and that it may come back is said" grep -q \
    'could not be saved: after a restart they are as they were saved last' "$tmp/err"
check "… by status" sh -c "'$REROUTECTL' --control '$tmp/control' status |
	grep -q '^BROKEN: rules from the command line are not saved.*: Not a dir'"
check "… in the log, too" grep -q \
    "can't be saved, after a restart they are as they were saved last" "$tmp/daemon.log"
check "allowed" gets 7001 ok
stop "$daemon"
rm "$tmp/state"
mv "$tmp/state.away" "$tmp/state"
start
check "it is back" gets 7001 EHOSTUNREACH
check_not "what was not saved is not" test -n "$(rule number 'block out to port 7778')"
# a reload tries again
mv "$tmp/state" "$tmp/state.away"
: >"$tmp/state"
ctl block out to port 7778 2>"$tmp/err" >"$tmp/out"
check "another one is not saved" grep -q 'could not be saved' "$tmp/err"
rm "$tmp/state"
mv "$tmp/state.away" "$tmp/state"
check "a reload tries again" ctl reload
check "… and it is" grep -q ' block out to port 7778' "$state"
check_not "nothing is broken" broken "rules from the command line"
ctl rules delete "$(rule line 'block out to port 7778')" >"$tmp/out"
# and so does the daemon by itself, and its end
mv "$tmp/state" "$tmp/state.away"
: >"$tmp/state"
ctl block out to port 7779 2>"$tmp/err" >"$tmp/out"
rm "$tmp/state"
mv "$tmp/state.away" "$tmp/state"
check "one is saved later" wait_for grep -q ' block out to port 7779' "$state"
saved() { ! broken "rules from the command line"; }
check "nothing is broken" wait_for saved
check "another change" ctl reload
check_not "… finds nothing that had a fault" grep -q 'has no fault any more' "$tmp/daemon.log"
mv "$tmp/state" "$tmp/state.away"
: >"$tmp/state"
ctl rules delete "$(rule line 'block out to port 7779')" >"$tmp/out" 2>&1
rm "$tmp/state"
mv "$tmp/state.away" "$tmp/state"
stop "$daemon"
check_not "one that was taken out is gone with the daemon's end" \
	grep -q ' block out to port 7779' "$state"
start
ctl rules delete "$(rule line 'block out to port 7001')" >"$tmp/out"
check "allowed" gets 7001 ok

# trying
echo "default out block" >"$tmp/try.rules"
check "a set is tried" ctl rules try "$tmp/try.rules" --for 1m
check "it is in force" gets 7001 EHOSTUNREACH
check "status says so" sh -c "'$REROUTECTL' --control '$tmp/control' status |
	grep -qE 'being tried: .*try.rules, [1-6][0-9ms ]* left, until ....-..-.. ..:..:..;'"
check "… and where the rules are from" from "0 from $tmp/try.rules, on trial; 1 from the command line"
ctl reload >"$tmp/out" 2>&1
check "a reload has to wait" [ $? = 1 ]
check "and says why" grep -q "being tried" "$tmp/out"
check "tried again, for less" in_force ctl rules try "$tmp/try.rules" --for 1s
check "it goes back by itself" wait_for gets 7001 ok
check_not "nothing is to be kept" ctl rules keep
ctl block out to port 7001 --for 1s >"$tmp/out"
check_not "… nor to go" ctl rules revert
began=$SECONDS
wait_for gets 7001 ok
check "… which keeps no rule whose time is over" [ $((SECONDS - began)) -lt 8 ]
check "a set is tried" ctl rules try "$tmp/try.rules" --for 1h
check "it is in force" gets 7001 EHOSTUNREACH
check "it goes when that is asked for" ctl rules revert
check "… and has gone" gets 7001 ok
kept() { ctl rules try "$tmp/try.rules" --for 1s && ctl rules keep; }
check "again, and kept" eval "kept || kept || kept"
pause 1.2 # what must not happen can't be waited for
check "it stays" gets 7001 EHOSTUNREACH
check "status says so" from "0 from $tmp/try.rules, kept until the next reload; 1 from the command line"
check "until a reload" ctl reload
check "status says so" from "2 from $tmp/rules; 1 from the command line"
check "allowed" gets 7001 ok
echo "default out blck" >"$tmp/try.rules"
check_not "faults are not tried" ctl rules try "$tmp/try.rules" --for 1h
check "allowed" gets 7001 ok

echo "define NAS = 10.9.0.77" >"$tmp/rules/90.rules"
check "a define" ctl reload
check "… for a rule of the command line" ctl block out to '$NAS'
echo "default out block" >"$tmp/try.rules"
check "a set without it is not tried" try 1 ctl rules try "$tmp/try.rules" --for 1h
id=$(rule line "block out to \$NAS")
check "… and what may be done is told" told "'reroutectl rules delete $id' takes out"
ctl rules delete "$id" >"$tmp/out"
rm "$tmp/rules/90.rules"
check "without them" ctl reload

# what is said
says() { # TEXT COMMAND...
	local text=$1
	shift
	"$@" >"$tmp/out" 2>&1
	cat "$tmp/out"
	grep -qF -- "$text" "$tmp/out"
}
says_not() { ! says "$@"; }
for all in "out|all that goes out, look-ups of names" \
	"once in|all that comes in, a login by SSH" \
	"in to any label x|all that comes in" "to any|goes out or comes in"; do
	check "a rule about everything: '${all%|*}'" says "${all#*|}" \
		ctl block ${all%|*} --for 1h
	ctl rules delete "$(rule line "block ${all%|*}")" >"$tmp/out"
done
for exe in "" exe; do
	check "a program by its name alone: $exe" \
	    says "named by its path: 'exe /" ctl block out $exe sh
done
check "one with a match" says_not "it denies all" ctl block out to port 7777
ctl rules delete "$(rule line 'block out to port 7777')" >"$tmp/out"
check "one that accepts" says "it accepts all that comes in" ctl accept in
check "one that accepts, with a match" says_not "no match" \
	ctl accept in to port 7777
ctl rules delete "$(rule line 'accept in to port 7777')" >"$tmp/out"
ctl rules delete "$(rule line 'accept in')" >"$tmp/out"
echo "default in accept" >"$tmp/rules/10.rules"
check "one rule, of the command line, is one" says "1 rule is in force" ctl reload
check "that it is judged is not said" says_not "nothing is judged" ctl reload
echo "block out domain ads.example" >>"$tmp/rules/10.rules"
open="this rule lets each query through, whatever the name: $tmp/rules/10.rules:2"
check "rules of names" says_not warning ctl reload
chmod 666 "$tmp/rules/10.rules"
check "rules that all may write to" says "may be written to by all" ctl reload
check "… which status has" says "may be written to by all" ctl status
chmod 644 "$tmp/rules/10.rules"
check "one in front of them that leaves them nothing is warned of" says \
	"warning: $open" ctl accept out to loopback
check "only once" says_not warning ctl accept out to 192.0.2.77 port 7777
check "'once' is no time" says "'once' is no time" ctl accept once out to port 7778
check "… where there is one" says_not warning ctl accept once out to 192.0.2.77 port 7779 \
    --for 1h label "at once"
ctl rules delete "$(rule line 'accept once out to port 7778')" >"$tmp/out"
ctl rules delete "$(rule line 'accept out to 192.0.2.77 port 7779 label "at once"')" >"$tmp/out"
check "a reload warns of it" says "warning: $open" ctl reload
ctl rules delete "$(rule line 'accept out to 192.0.2.77 port 7777')" >"$tmp/out"
ctl rules delete "$(rule line 'accept out to loopback')" >"$tmp/out"
echo "default in accept" >"$tmp/rules/10.rules"
check "and no more" says_not warning ctl reload
mv "$tmp/rules" "$tmp/rules.kept"
ctl reload >"$tmp/out" 2>&1
check "a folder that is not there has no line" says \
	"the last reload failed, the rules before are in force: $tmp/rules: can't" \
	ctl status
mv "$tmp/rules.kept" "$tmp/rules"
check "all is taken out" ctl firewall clear
check "status says where, and what to do" says "BROKEN: nothing is judged on \
IPv4 and IPv6: 'firewall clear' took the rules out, a restart of the daemon \
puts them back" ctl status
check "a reload tells that nothing is judged" says "nothing is judged" ctl reload
check "so does a rule" says "nothing is judged" ctl block out to port 7002
stop "$daemon"
check "the daemon ends well" test $? = 0

# the default folder: where it was never there nothing is missed, but rules that
# are in force don't end because it is gone
cp -a /etc "$tmp/etc"
rm -rf "$tmp/etc/rerouted"
folder=$tmp/etc/rerouted/rules.d
start_with_defaults() {
	: >"$tmp/daemon.log"
	background inc unshare -m --propagation private sh -c "
	    mount --bind $tmp/etc /etc && exec '$REROUTED' \
	    --state '$tmp/state2' --control '$tmp/control'" 2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text ready "$tmp/daemon.log" || cat "$tmp/daemon.log"
}
start_with_defaults
check "no folder of rules at all: none are in force" \
	says "the defaults alone are in force" ctl reload
check "… and all is accepted" gets 7001 ok
mkdir -p "$folder"
echo "block out to port 7001" >"$folder/10.rules"
check "a folder that comes" says "1 rule is in force" ctl reload
check "is heeded" gets 7001 EHOSTUNREACH
mv "$tmp/etc/rerouted" "$tmp/etc/away"
check_not "one that goes is a fault" ctl reload
check "that is said" says \
	"/etc/rerouted/rules.d: can't be read: No such file" ctl reload
check "… by status, too" says "the last reload failed" ctl status
check "the rules before are in force" gets 7001 EHOSTUNREACH
mv "$tmp/etc/away" "$tmp/etc/rerouted"
rm "$folder/10.rules"
check "one that was emptied is no fault" says "the defaults alone are in force" ctl reload
check "its rule is gone" gets 7001 ok
stop "$daemon"

# --check: files that the settings name
checked() { # SETTING...
	printf '%s\n' "$@" >"$tmp/check.conf"
	"$REROUTED" --config "$tmp/check.conf" --rules "$tmp/rules" --check
}
echo "no certificate" >"$tmp/no.pem"
echo one.example >"$tmp/one.txt"
check "no certificates" says "[resolver]: warning: tls-ca: $tmp/no.pem: " \
	checked "[resolver]" "tls-ca = $tmp/no.pem"
check "is no fault" checked "[resolver]" "tls-ca = $tmp/no.pem"
check "a section that the file has twice" says \
	"check.conf:3:2: warning: the section is in this file twice: line 1" \
	checked '[list "l"]' "source = $tmp/one.txt" \
	'[list "l"]' "source = $tmp/one.txt"
check "a control group that is not there" says \
	"[rerouted]: warning: control-group: there is no such group: root" \
	checked "[rerouted]" "control-group = nosuch"
check "no hosts" says "[resolver]: warning: hosts: $tmp/hosts: No such file" \
	checked "[resolver]" "hosts = $tmp/hosts"
check "nor a folder of them" says "[resolver]: warning: hosts: $tmp: Is a dir" \
	checked "[resolver]" "hosts = $tmp"
echo 1795900000 02:00:00:00:00:01 192.0.2.70 tablet >"$tmp/leases"
check "nor a file of something else" says \
	"[resolver]: warning: hosts: $tmp/leases: no ADDRESS NAME ... stands in 1 " \
	checked "[resolver]" "hosts = $tmp/leases"
check "a port that is part of the address" says \
	"[resolver]: warning: listen is an address, no port: " \
	checked "[resolver]" "listen = 127.0.0.1, ::1:53"
check_not "and not one behind it" says "no port" \
	checked "[resolver]" "listen = 127.0.0.1:53, [::1]:53"
printf 'www.corp A 192.0.2.7\n' >"$tmp/own.rpz"
check "a zone that begins with a record" says "a zone begins with \$TTL" \
	checked '[list "own"]' "source = $tmp/own.rpz"
check "the default is not missed, nor is none" says_not warning \
	checked "[resolver]" "hosts = none"
check "certificates of a tunnel" says "[tunnel \"t\"]: warning: ca: $tmp/gone.pem: " \
	checked '[tunnel "t"]' "upstream = https://192.0.2.1:443" \
	"ca = $tmp/gone.pem"
check "a source that finds nothing" says \
	"[list \"l\"]: warning: no file is found by source: $tmp/*.none" \
	checked '[list "l"]' "source = $tmp/one.txt, $tmp/*.none"
check "a resolver that other hosts reach, and may not ask" says \
	"[resolver]: warning: listen is for other hosts, too: but allow names" \
	checked "[resolver]" "listen = 0.0.0.0:53"
check "one that other hosts may ask, and do not reach" says \
	"[resolver]: warning: allow: listen is for this host alone" \
	checked "[resolver]" "allow = 192.168.1.0/24"
check "queries of IPv6 that are not captured" says \
	"warning: capture: queries over IPv6 to other servers are not taken" \
	checked "[resolver]" "listen = 0.0.0.0:53"
check "a least time that is longer than the most" says \
	"[resolver]: warning: min-ttl: it is longer than max-ttl, which counts" \
	checked "[resolver]" "min-ttl = 10m" "max-ttl = 1m"
check "stand-ins of names that nobody resolves" says \
	"[tunnel \"t\"]: warning: dns = fake: with upstream = direct nobody" \
	checked '[tunnel "t"]' "upstream = direct" "dns = fake"
check "names that others may be asked for" says \
	"[tunnel \"t\"]: warning: dns: without capture in [resolver], who has" \
	checked "[resolver]" "capture = no" '[tunnel "t"]' \
	"upstream = socks5://192.0.2.1:1080" "dns = fake"
check "a cache of hardly a byte" says \
	"[resolver]: warning: cache-size: it holds hardly an answer" \
	checked "[resolver]" "cache-size = 32"
check "a user with a word that there is not" says \
	"[tunnel \"t\"]: warning: user: a % is taken as it is" \
	checked '[tunnel "t"]' "upstream = socks5://192.0.2.1:1080" \
	'user = %foo'
check "and with those that there are" says_not warning \
	checked '[tunnel "t"]' "upstream = socks5://192.0.2.1:1080" \
	'user = %user-%%-%exe'
check "a user that nobody is told" says \
	"[tunnel \"t\"]: warning: user: nobody is told" \
	checked '[tunnel "t"]' "upstream = direct" "user = anna"
check "one in the address" says \
	"[tunnel \"t\"]: warning: user: nobody is told" \
	checked '[tunnel "t"]' "upstream = proxy2://anna@127.0.0.1:80"
check "a header that there is not" says \
	"[tunnel \"t\"]: warning: proxy-header: there is none" \
	checked '[tunnel "t"]' "upstream = socks5://192.0.2.1:1080" \
	"proxy-header = full"
check "and one that there is" says_not warning \
	checked '[tunnel "t"]' "upstream = proxy2://127.0.0.1:80" \
	"proxy-header = full"
check "a password in quotes" says \
	"[tunnel \"t\"]: warning: password: its quotes are a part of it" \
	checked '[tunnel "t"]' "upstream = socks5://192.0.2.1:1080" \
	"user = anna" 'password = "secret"'
check "the PROXY protocol to another host" says \
	"[tunnel \"t\"]: warning: proxy2: it tells another host, in the clear" \
	checked '[tunnel "t"]' "upstream = proxy2://192.0.2.1:80"
check "and to this one" says_not warning \
	checked '[tunnel "t"]' "upstream = proxy2://127.0.0.1:80"
check "a tunnel that is none" says \
	"[tunnel \"t\"]: warning: upstream = direct: without device, source," \
	checked '[tunnel "t"]' "upstream = direct"
check "names of one of several" says \
	"[tunnel \"g\"]: warning: failover: the names of what goes through it" \
	checked '[tunnel "t"]' "upstream = socks5://192.0.2.1:1080" \
	'dns = fake' '[tunnel "g"]' 'failover = t, reject'
check "which all have" says_not "failover" \
	checked '[tunnel "t"]' "upstream = socks5://192.0.2.1:1080" \
	'dns = fake' '[tunnel "g"]' 'failover = t, reject' 'dns = fake'
check "a mark whose routes may be gone" says \
	"[tunnel \"t\"]: warning: fwmark without device: while its table has no" \
	checked '[tunnel "t"]' "upstream = direct" "fwmark = 5"
check "an address whose device may be down" says \
	"[tunnel \"t\"]: warning: source without device: while the device" \
	checked '[tunnel "t"]' "upstream = direct" "source = 10.66.0.1"
check "a device keeps it from going elsewhere" says_not warning \
	checked '[tunnel "t"]' "upstream = direct" "fwmark = 5" "device = wg0"
check "with both, and somebody who may ask" says_not warning checked \
	"[resolver]" "listen = 0.0.0.0:53, [::]:53" "allow = 10.0.0.0/8"
check "none that listens misses nothing" says_not warning checked \
	"[resolver]" "listen = none"
mv "$tmp/rules/10.rules" "$tmp/rules/10.rule"
check "files of rules by another name" says \
	"$tmp/rules: warning: '10.rule' is not read: the names of files of" checked
rm "$tmp/rules/10.rule"
mkdir "$tmp/check.conf.d"
check "no files of settings" says_not "check.conf.d" checked
: >"$tmp/check.conf.d/mine.cnf"
check "a file of settings by another name" says \
	"$tmp/check.conf.d: warning: 'mine.cnf' is not read: the names of files of settings end in .conf" \
	checked
rm -r "$tmp/check.conf.d"
check "none at all" says "$tmp/rules: warning: it holds no file of rules" checked
check "… which --explain says, too" says "$tmp/rules: warning: it holds no file of rules" \
	"$REROUTED" --config /dev/null --rules "$tmp/rules" --explain "exe=/bin/true"
: >"$tmp/rules/10.rules"
printf '%s\n' "block out list a" "block out list b" >"$tmp/rules/10.rules"
check "of rules that name what settings with a fault have" says_not \
	"can never match" checked '[list "a"]' "source = $tmp/one.txt" \
	'[list "b"]' "source = $tmp/one.txt" "frmat = hosts"
echo "reroute via t exe /bin/true" >"$tmp/rules/10.rules"
tor="upstream = socks5://127.0.0.1:9050"
check "a proxy that is told of no names" says \
	"10.rules:1:1: warning: the names are asked for here, outside the tunnel" \
	checked '[tunnel "t"]' "$tor"
check "… in a list" says "outside the tunnel: with 'dns = fake' in [tunnel \"t\"]" \
	checked '[tunnel "p"]' "$tor" "dns = local" '[tunnel "t"]' "failover = p"
check "… where that is said" says_not warning \
	checked '[tunnel "t"]' "$tor" "dns = local"
check "… where there is no resolver" says_not "outside the tunnel" \
	checked '[resolver]' "listen = none" '[tunnel "t"]' "$tor"
check "… and where nobody would resolve them" says_not "outside the tunnel" \
	checked '[tunnel "t"]' "upstream = direct" "device = wg0"
: >"$tmp/rules/10.rules"
check "a file of rules that is empty" says "$tmp/rules/10.rules: warning: it is empty" checked
echo "# none" >"$tmp/rules/10.rules"
chmod 666 "$tmp/check.conf"
check "settings that all may write to" says \
	"$tmp/check.conf: warning: it may be written to by all, who can change" checked
chmod 644 "$tmp/check.conf"
check "with all of them there" says_not warning checked \
	'[list "l"]' "source = $tmp/*.txt"
finish
