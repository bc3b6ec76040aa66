#!/bin/bash
# As a service: what is installed and that it is sound, what the service
# manager is told and when, reload, faults, and --daemon.
#
#     c 10.9.0.1, daemon  ---- veth ----  s 10.9.0.2, echo on 7001, 7002
. "$(dirname "$0")/lib.sh"
need_root
need python3 make flock
net_up
probe=$BUILDDIR/probe
background ins "$probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"

# -- installed --
inst=$tmp/inst
install() { # install|uninstall
	make -C "$BUILDDIR" -s "$1" DESTDIR="$inst" prefix=/usr sysconfdir=/etc
}
check "make install" install install
for file in usr/sbin/rerouted usr/bin/reroutectl etc/rerouted/rerouted.conf \
    etc/rerouted/rules.d/10-example.rules usr/lib/sysusers.d/rerouted.conf \
    usr/lib/systemd/system/rerouted.service \
    usr/lib/systemd/system/rerouted-recover.service \
    usr/lib/systemd/system/rerouted-stopped.service \
    usr/share/rerouted/lists/doh.txt \
    usr/share/man/man8/rerouted.8 usr/share/man/man1/reroutectl.1 \
    usr/share/man/man5/rerouted.conf.5 usr/share/man/man5/rerouted.rules.5 \
    usr/share/bash-completion/completions/reroutectl \
    usr/share/fish/vendor_completions.d/reroutectl.fish; do
	check "installed: $file" test -s "$inst/$file"
done
check "installed: rerouted.conf.d" test -d "$inst/etc/rerouted/rerouted.conf.d"
check "the installed settings and rules are good" "$inst/usr/sbin/rerouted" \
    --check --config "$inst/etc/rerouted/rerouted.conf" \
    --rules "$inst/etc/rerouted/rules.d"
mkdir "$tmp/doh"
printf '[list "doh"]\nsource = %s\n' "$inst/usr/share/rerouted/lists/doh.txt" \
    >"$tmp/doh.conf"
echo "block out list doh" >"$tmp/doh/10.rules"
for name in dns.google mozilla.cloudflare-dns.com abc123.dns.nextdns.io; do
	"$inst/usr/sbin/rerouted" --config "$tmp/doh.conf" --rules "$tmp/doh" \
	    --explain "query domain=$name" >"$tmp/err" 2>&1
	check "the list that is shipped has $name" told "verdict: block"
done
check "the installed settings change nothing" sh -c "
    $inst/usr/sbin/rerouted --config $inst/etc/rerouted/rerouted.conf \
	--print-config >$tmp/one
    $inst/usr/sbin/rerouted --config /dev/null --print-config >$tmp/two
    cmp $tmp/one $tmp/two"
echo "# mine" >>"$inst/etc/rerouted/rerouted.conf"
check "make install again" install install
check "… leaves settings alone" grep -q mine "$inst/etc/rerouted/rerouted.conf"
if command -v systemd-analyze >/dev/null; then
	mkdir "$tmp/units"
	for unit in rerouted rerouted-recover rerouted-stopped; do
		sed "s|=[^ ]*/sbin/rerouted|=$inst/usr/sbin/rerouted|" \
		    "$inst/usr/lib/systemd/system/$unit.service" \
		    >"$tmp/units/$unit.service"
		SYSTEMD_UNIT_PATH=$tmp/units: systemd-analyze verify --man=no \
		    "$tmp/units/$unit.service" >"$tmp/err" 2>&1
		check "$unit.service is good" [ $? -eq 0 ]
		check_not "… and nothing is said of it" grep "$unit.service" "$tmp/err"
	done
	unit=$tmp/units/rerouted.service
	check "the unit waits for the word" grep -q '^Type=notify' "$unit"
	check "the unit recovers" grep -q '^ExecStopPost=.*--recover' "$unit"
	exposure() {
		SYSTEMD_UNIT_PATH=$tmp/units: systemd-analyze security \
		    --offline=true --threshold=24 "$unit" | tail -n 1
		SYSTEMD_UNIT_PATH=$tmp/units: systemd-analyze security \
		    --offline=true --threshold=24 "$unit" >/dev/null
	}
	check "the unit's exposure is under 2.5" exposure
fi

# -- restarts given up, or not yet: what OnFailure= starts asks the service
# manager, whose words are these, one at each question --
cat >"$tmp/systemctl" <<'SH'
#!/bin/sh
read -r word job <"$0.words" && sed -i 1d "$0.words"
printf '%s\n' "Job=$job" "ActiveState=$word"
SH
cat >"$tmp/settled" <<'SH'
#!/bin/sh
echo "$@" >>"$0.asked"
SH
chmod 755 "$tmp/systemctl" "$tmp/settled"
sed -n '/^ExecStart=/,$ { s/^ExecStart=//; p }' \
    "$inst/usr/lib/systemd/system/rerouted-recover.service" |
	sed "s|[^ ]*/sbin/rerouted |$tmp/settled |; s/[$][$]/$/g" >"$tmp/line"
becomes() { # "WORD [JOB]"...: its states until it is one of those that stay
	printf '%s\n' "$@" >"$tmp/systemctl.words"
	: >"$tmp/settled.asked"
	PATH="$tmp:$PATH" sh "$tmp/line"
	cat "$tmp/settled.asked"
	grep -q -- --recover "$tmp/settled.asked"
}
check "a service that failed for good is recovered" becomes failed
check "… also where it is tried once more first" becomes activating activating failed
check "… and one that is stopped meanwhile" becomes activating inactive
check "a service that is stopped is" becomes deactivating inactive
check_not "a service that is restarted is not" becomes activating activating active
check_not "… also by hand" becomes "deactivating 7" "inactive 7" "activating 7" active
check_not "… nor one that runs already" becomes active
check "make uninstall" install uninstall
find "$inst" -type f >"$tmp/left"
echo "$inst/etc/rerouted/rerouted.conf" >"$tmp/want"
check_same "… leaves what the user changed, and nothing else" \
    "$tmp/want" "$tmp/left"

# -- what the service manager hears --
cat >"$tmp/notify.py" <<'PY'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)  # as the service manager's
print("listening", flush=True)
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)
PY
background python3 "$tmp/notify.py" "$tmp/notify" >"$tmp/heard"
wait_for has_text listening "$tmp/heard"
since=1 # the line of what was heard that counts first
heard() { times "$1" 1; }
times() { [ "$(tail -n "+$since" "$tmp/heard" | grep -cE "$1")" -ge "$2" ]; }
start() { # as daemon_start, but does not wait
	: >"$tmp/daemon.log"
	background inc "$REROUTED" --config "$tmp/rerouted.conf" \
	    --rules "$tmp/rules" --control "$tmp/control" \
	    --state "$tmp/state" "$@" \
	    2>"$tmp/daemon.log"
	daemon=$pid
}
: >"$tmp/rerouted.conf"
rules "block out to port 7002"
save >"$tmp/without"
export NOTIFY_SOCKET=$tmp/notify
ended() { ! kill -0 "$daemon" 2>/dev/null; }
up_or_ended() { ctl status || ended; }
ready_or_ended() { heard READY=1 || ended; }
# the rules can't be put in until the lock is gone, for which it waits two seconds;
# where those were too short for the other checks, once more
for try in 1 2 3; do
	since=$(($(wc -l <"$tmp/heard") + 1))
	lock_tables
	start
	wait_for up_or_ended
	save >"$tmp/now"
	ctl status >"$tmp/status"
	up=$?
	heard READY=1
	early=$?
	stop "$holder"
	wait_for ready_or_ended
	! heard READY=1 || break
done
check "it is up, the rules are not in place" [ $up = 0 ]
check_same "… indeed" "$tmp/without" "$tmp/now"
check_not "… so it is not ready" [ $early = 0 ]
check "the rules are in place, it is ready" heard READY=1
check "… indeed" ctl firewall verify
check_not "it does not stop" heard STOPPING=1
check "the rule is in force" felt EHOSTUNREACH inc "$probe" tcp 10.9.0.2 7002
check "no other is" felt ok inc "$probe" tcp 10.9.0.2 7001

# -- reload --
rules "block out to port 7001"
kill -HUP "$daemon"
check "SIGHUP: it reloads" wait_for heard "RELOADING=1 MONOTONIC_USEC=[0-9]+"
check "SIGHUP: it is ready again" wait_for times READY=1 2
check "the new rule is in force" felt EHOSTUNREACH inc "$probe" tcp 10.9.0.2 7001
check "the old one is not" felt ok inc "$probe" tcp 10.9.0.2 7002
status() { # EXPRESSION
	ctl --json status >"$tmp/out" && python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))
assert eval("(" + sys.argv[2] + ")"), s["policy"]' "$tmp/out" "$1"
}
check "no fault is known" status 's["policy"]["error"] is None'
generation=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["policy"]["generation"])' "$tmp/out")
rules "block out to prot 7002" "accept" "blokc in"
kill -HUP "$daemon"
check "a faulty rule: ready again, with what was" wait_for times READY=1 3
check "a faulty rule: status says so" status \
    's["policy"]["error"].startswith("'"$tmp"'/rules/10.rules:1:14: ") and
    s["policy"]["generation"] == '"$generation"
check "a faulty rule: reroutectl status says so" sh -c \
    "$REROUTECTL --control $tmp/control status | grep -q 'last reload failed'"
check "a faulty rule: the log has every fault" sh -c \
    "grep -q '10.rules:1:14: ' $tmp/daemon.log &&
     grep -q '10.rules:3:1: ' $tmp/daemon.log"
check "the old rule stays in force" felt EHOSTUNREACH inc "$probe" tcp 10.9.0.2 7001
check "nothing else is" felt ok inc "$probe" tcp 10.9.0.2 7002
rules "block out to port 7002"
kill -HUP "$daemon"
check "mended: ready again" wait_for times READY=1 4
check "mended: the rule is in force" wait_for \
    felt EHOSTUNREACH inc "$probe" tcp 10.9.0.2 7002
check "mended: no fault is known" status 's["policy"]["error"] is None'
mv "$tmp/rules" "$tmp/elsewhere"
kill -HUP "$daemon"
check "no rules folder: ready again, with what was" wait_for times READY=1 5
check "no rules folder: the rule stays" \
    felt EHOSTUNREACH inc "$probe" tcp 10.9.0.2 7002
mv "$tmp/elsewhere" "$tmp/rules"
for n in 1 2 3 4 5; do kill -HUP "$daemon"; done
last() { tail -n 1 "$tmp/heard" | grep -q READY=1; }
check "many at a time: it reloads" wait_for times RELOADING=1 5
check "many at a time: it is ready in the end" wait_for last
check "the rule is in force" wait_for \
    felt EHOSTUNREACH inc "$probe" tcp 10.9.0.2 7002
daemon_stop
check "SIGTERM: exit 0" [ $? -eq 0 ]
check "SIGTERM: it said that it stops" heard STOPPING=1
check_not "nobody asked for a watchdog" heard WATCHDOG=1

# -- the watchdog --
export WATCHDOG_USEC=200000
start
check "the watchdog is fed" wait_for times WATCHDOG=1 3
daemon_stop INT
check "SIGINT: exit 0" [ $? -eq 0 ]
unset WATCHDOG_USEC NOTIFY_SOCKET

# -- how the log looks --
JOURNAL_STREAM=$(stat -c %d:%i "$tmp/daemon.log") start
wait_for has_text ready "$tmp/daemon.log"
check "for the journal: with its level" grep -q '^<6>' "$tmp/daemon.log"
daemon_stop
start --log-format json --log-level debug
wait_for has_text ready "$tmp/daemon.log"
inc "$probe" tcp 10.9.0.2 7002 >"$tmp/out"
daemon_stop
check "as JSON: every line" python3 -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) >= 2 and all(isinstance(x, dict) for x in lines)
assert [x for x in lines if x.get("fields", {}).get("verdict") == "block" and
        x["fields"]["rport"] == "7002"]' "$tmp/daemon.log"

# -- faults at the start: all of them are told, nothing is applied --
run() { # what must not start; its words in $tmp/err, its status in $status
	inc timeout 20 "$REROUTED" --config "$tmp/rerouted.conf" \
	    --rules "$tmp/rules" --control "$tmp/control" \
	    --state "$tmp/state" "$@" \
	    >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}
nothing() { # WHAT
	check "$1: exit 1" [ $status -eq 1 ]
	save >"$tmp/now"
	check_same "$1: nothing was applied" "$tmp/without" "$tmp/now"
	check_not "$1: no socket" test -e "$tmp/control"
}
rules "block out to port 7002" "acept out" "block user 4294967295" \
    "block out to 10.9.0.0.0"
echo "block out exe relative" >"$tmp/rules/20.rules"
for how in "" --daemon; do
	run $how
	nothing "faulty rules $how"
	for place in 10.rules:2:1 10.rules:3:12 10.rules:4:14 20.rules:1:15; do
		check "faulty rules $how: told of $place" told "$place: "
	done
	check "faulty rules $how: with the line and a caret" \
	    grep -qE '^ *\|? *\^' "$tmp/err"
done
rm "$tmp/rules/20.rules"
rules "block out to port 7002"
printf '[rerouted]\nlog-levle = info\nflows-max = none\n' >"$tmp/rerouted.conf"
run
nothing "faulty settings"
check "faulty settings: told of both" \
    sh -c "grep -q 'rerouted.conf:2:' $tmp/err && grep -q 'rerouted.conf:3:' $tmp/err"
check "faulty settings: with the nearest key" told "log-level"
: >"$tmp/rerouted.conf"

# -- detached --
run --daemon
check "--daemon: exit 0" [ $status -eq 0 ]
check "--daemon: the rules are in place" ctl firewall verify
check "--daemon: and in force" felt EHOSTUNREACH inc "$probe" tcp 10.9.0.2 7002
pid_of='import json, sys; print(json.load(sys.stdin)["pid"])'
daemon=$(ctl --json status | python3 -c "$pid_of")
check "--daemon: its terminal is let go" \
    sh -c "[ \$(readlink /proc/$daemon/fd/1) = /dev/null ]"
check "--daemon: a file that takes its log keeps it" \
    sh -c "[ \$(readlink /proc/$daemon/fd/2) = $tmp/err ]"
check "--daemon: in a session of its own" \
    [ "$(ps -o sid= -p "$daemon" | tr -d ' ')" = "$daemon" ]
inc timeout 20 "$REROUTED" --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
    --control "$tmp/control2" --state "$tmp/state2" --daemon >"$tmp/out" 2>"$tmp/err"
check "--daemon, a second one: exit 1" [ $? -eq 1 ]
check "--daemon, a second one: told why" told "pid=$daemon"
check "--daemon: the first one works" ctl firewall verify
kill "$daemon"
check "--daemon: ends" wait_for sh -c "! kill -0 $daemon"
save >"$tmp/now"
check_same "--daemon: nothing is left" "$tmp/without" "$tmp/now"
# with a process beside it
printf '[firewall]\nfail = open\n' >"$tmp/rerouted.conf"
inc timeout 20 "$REROUTED" --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
    --control "$tmp/control" --state "$tmp/state" --daemon 2>"$tmp/err" | timeout 20 cat >"$tmp/out"
check "--daemon: who waits for the end of its output gets it" \
    [ "${PIPESTATUS[*]}" = "0 0" ]
check "--daemon: and it works" ctl firewall verify
daemon=$(ctl --json status | python3 -c "$pid_of")
kill "$daemon"
check "--daemon: ends" wait_for sh -c "! kill -0 $daemon"
: >"$tmp/rerouted.conf"
inc sh -c 'exec "$@" <&- >&- 2>&-' sh timeout 20 "$REROUTED" \
    --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
    --control "$tmp/control" --state "$tmp/state" --daemon
check "--daemon, nothing is open: exit 0" [ $? -eq 0 ]
check "--daemon, nothing is open: the rules are in place" ctl firewall verify
daemon=$(ctl --json status | python3 -c "$pid_of")
check "--daemon, nothing is open: nothing of its own is in that place" \
    sh -c "[ \$(readlink /proc/$daemon/fd/[012] | uniq) = /dev/null ]"
kill "$daemon"
check "--daemon, nothing is open: ends" wait_for sh -c "! kill -0 $daemon"
save >"$tmp/now"
check_same "--daemon, nothing is open: nothing is left" "$tmp/without" "$tmp/now"
lock_tables
run --daemon
nothing "--daemon, tables locked"
check "--daemon, tables locked: told why" told "pid $holder holds the lock"
stop "$holder"
finish
