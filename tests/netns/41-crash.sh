#!/bin/bash
# Nothing that happens to the daemon opens the firewall or breaks what was
# allowed: it is killed, started over what it left, started twice, without
# privilege, while the tables are locked; and when it ends for good, nothing of
# it is left.
#
#     c 10.9.0.1, rules, rules of others  ---- veth ----  s 10.9.0.2, servers
. "$(dirname "$0")/lib.sh"
need_root
need iptables-legacy ip6tables-legacy conntrack python3 flock setpriv
net_up
probe=$BUILDDIR/probe

background ins "$probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve.s"
background inc "$probe" serve 8001 10.9.0.1 fd09::1 >"$tmp/serve.c"
wait_for has_text ready "$tmp/serve.s"
wait_for has_text ready "$tmp/serve.c"
rules "block out to port 7002" "default in accept"

# what others have in the tables stays as it is
for ipt in iptables-legacy ip6tables-legacy; do
	inc $ipt -N OTHERS
	inc $ipt -A OTHERS -p tcp --dport 9 -j DROP
	inc $ipt -A INPUT -j OTHERS
	inc $ipt -t nat -A OUTPUT -p udp --dport 9 -j RETURN
	inc $ipt -t mangle -A POSTROUTING -p udp --dport 9 -j RETURN
done
save >"$tmp/without"

is() { # is EXPECTED WHO PROBE-ARGUMENTS...: the error's name, or ok
	# before a SYN is sent again
	local patience=900
	[ "$1" != ETIMEDOUT ] || patience=300
	felt "$1" "$2" "$probe" "${@:3}" $patience
}
network() { # network TCP-ERROR UDP-ERROR SUFFIX: each kind of new flow
	local addr
	for addr in 10.9.0.2 fd09::2; do
		check "new TCP to $addr: $1, $3" is "$1" inc tcp $addr 7001
		check "new UDP to $addr: $2, $3" is "$2" inc udp $addr 7001
	done
}
all_flows="tcp,10.9.0.2,7001 udp,10.9.0.2,7001 tcp,fd09::2,7001 udp,fd09::2,7001"

# -- killed --
check "the daemon starts" daemon_start
save >"$tmp/with"
check_not "its rules are in the tables" cmp -s "$tmp/with" "$tmp/without"
partner old inc talk.py $all_flows
check "flows of before" talk_is old ok
partner guests ins talk.py tcp,10.9.0.1,8001 udp,10.9.0.1,8001 tcp,fd09::1,8001
check "flows from outside" talk_is guests ok
daemon_stop KILL
tell old
check "killed: flows of before go on" talk_is old ok
tell guests
check "killed: flows from outside go on" talk_is guests ok
network ETIMEDOUT EPERM "killed"
for addr in 10.9.0.1 fd09::1; do
	check "killed: nothing new from outside to $addr" \
	    is ETIMEDOUT ins tcp $addr 8001
done
save >"$tmp/now"
check_same "killed: the rules are in the tables" "$tmp/with" "$tmp/now"

# Each of what a daemon before decided, as it speaks: that one's marks are there
# for a moment.
judged_anew() {
	tell old && flows "len([x for x in f if x['dport'] == 7001 and
	    x['process']['kind'] == 'program']) == 4"
}

# -- started over what was left --
check "started again" daemon_start
save >"$tmp/now"
check_same "started again: the same rules, once" "$tmp/with" "$tmp/now"
tell old
check "started again: flows of before go on" talk_is old ok
check "started again: they are judged anew" wait_for judged_anew
network ok ok "started again"
check "started again: what is forbidden" is EHOSTUNREACH inc tcp 10.9.0.2 7002
check "started again: from outside" is ok ins tcp 10.9.0.1 8001

# -- a second one --
second() { # runs one that must not start; its words in $tmp/err
	inc "$@" "$tmp/rerouted" --rules "$tmp/rules" --config "$tmp/rerouted.conf" \
	    --control "$tmp/control2" --state "$tmp/state2" >"$tmp/out" \
	    2>"$tmp/err"
	status=$?
}
cp "$REROUTED" "$tmp/rerouted" # where any user gets at it
second env
check "a second daemon: exit 1" [ $status -eq 1 ]
check "a second daemon: told who is first" told "pid=$daemon"
save >"$tmp/now"
check_same "a second daemon: the rules stay" "$tmp/with" "$tmp/now"
check_not "a second daemon: leaves no socket" test -e "$tmp/control2"
check "a second daemon: the first one works" ctl status
network ok ok "beside a second daemon"
check_judged

# -- without privilege --
daemon_stop KILL
second setpriv --reuid 65534 --regid 65534 --clear-groups
check "no privilege: exit 1" [ $status -eq 1 ]
check "no privilege: told what it needs" told "CAP_NET_ADMIN"
second setpriv --bounding-set=-net_admin --inh-caps=-net_admin
check "root without CAP_NET_ADMIN: exit 1" [ $status -eq 1 ]
check "root without CAP_NET_ADMIN: told" told "CAP_NET_ADMIN"
save >"$tmp/now"
check_same "no privilege: the rules stay" "$tmp/with" "$tmp/now"

# -- while the tables are locked --
lock_tables
second env
check "tables locked: exit 1" [ $status -eq 1 ]
check "tables locked: told who has them" told "pid $holder holds the lock"
save >"$tmp/now"
check_same "tables locked: the rules stay" "$tmp/with" "$tmp/now"
stop "$holder"
tell old
check "after all that: flows of before go on" talk_is old ok
check "the lock is given back: starts" daemon_start
check "flows of before are judged anew" wait_for judged_anew
check "… and marked" [ "$(marks)" -gt 0 ]

# -- the end of the service: a crash leaves the rules, an end takes them --
recover() { # recover [NAME=VALUE]
	inc env "$@" "$REROUTED" --recover >"$tmp/out" 2>"$tmp/err"
}
daemon_stop KILL
check "recover after a crash: done" recover SERVICE_RESULT=signal
check "recover after a crash: says that the rules stay" told "stay in place"
save >"$tmp/now"
check_same "recover after a crash: they do" "$tmp/with" "$tmp/now"
check "there are marks" [ "$(marks)" -gt 0 ]
check "recover after an end: done" recover SERVICE_RESULT=success
save >"$tmp/now"
check_same "recover after an end: as before all this" "$tmp/without" "$tmp/now"
check "recover: no mark is left" [ "$(marks)" -eq 0 ]
network ok ok "recovered"
check "recovered: what was forbidden" is ok inc tcp 10.9.0.2 7002
tell old
check "recovered: flows of before go on" talk_is old ok
check "recover with nothing to do" recover -u SERVICE_RESULT
check "start after that" daemon_start
daemon_stop KILL
check "recover by hand" recover -u SERVICE_RESULT
save >"$tmp/now"
check_same "recover by hand: as before all this" "$tmp/without" "$tmp/now"

# -- an orderly end --
limit=100
grep -q __asan_init "$REROUTED" && limit=1000
check "start" daemon_start
network ok ok "once more"
tell old
ends() {
	is_ours "$daemon" || daemon_start || return 1
	begin=$(now_ms)
	daemon_stop || return 1
	took=$(($(now_ms) - begin))
}
check "SIGTERM: exit 0, after at most $limit ms" best_of $limit ends
sed 's/^/# /' "$tmp/check.out"
save >"$tmp/now"
check_same "SIGTERM: as before all this" "$tmp/without" "$tmp/now"
check "SIGTERM: no mark is left" [ "$(marks)" -eq 0 ]
check_not "SIGTERM: no socket is left" test -e "$tmp/control"
tell old
check "SIGTERM: flows of before go on" talk_is old ok
network ok ok "after the end"

# -- an end while the tables are locked: for 2 s, and for ever --
check "start" daemon_start
background flock --no-fork "$XTABLES_LOCKFILE" sleep 2.5
wait_for sh -c "! flock -n $XTABLES_LOCKFILE true"
daemon_stop
check "stopped while the tables are locked for a while: exit 0" [ $? -eq 0 ]
save >"$tmp/now"
check_same "… as before all this" "$tmp/without" "$tmp/now"
check "start" daemon_start
lock_tables
daemon_stop >/dev/null
check "stopped while the tables are locked for ever: exit 1" [ $? -eq 1 ]
check "… told, once" sh -c \
    "[ \$(grep -c 'error firewall: .*pid $holder holds the lock' \
	$tmp/daemon.log) = 1 ]"
save >"$tmp/now"
check_same "… as before all this" "$tmp/without" "$tmp/now"
check "… no mark is left" [ "$(marks)" -eq 0 ]
network ok ok "after that"
stop "$holder"

# -- with nothing left to take them out with --
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 # that opens files, too
check "start" daemon_start
as_daemon prlimit --pid "$daemon" --nofile=3:
daemon_stop >/dev/null
check "stopped where no file can be opened: exit 1" [ $? -eq 1 ]
check "… told" log_has "error firewall: ip6: can't read table mangle"
ASAN_OPTIONS=${ASAN_OPTIONS%:detect_leaks=0}
recover -u SERVICE_RESULT
save >"$tmp/now"
check_same "… and taken out by --recover" "$tmp/without" "$tmp/now"

# -- killed and started at once: what the dead one still has is waited for --
at_once() {
	local i
	for i in $(seq 30); do
		kill -KILL "$daemon"
		daemon_start || return 1
	done
}
check "start" daemon_start
check "killed and started at once, 30 times" at_once
daemon_stop

# -- a start that fails keeps closed what was, and leaves nothing where
# nothing was --
starts_not() {
	inc timeout 20 "$REROUTED" --config "$tmp/rerouted.conf" --rules \
	    "$tmp/rules" --control "$tmp/control2" --state "$tmp/state2" \
	    >"$tmp/out" 2>"$tmp/err" &&
		return 1
	[ $? -eq 1 ]
}
for fail in closed open; do
	settings "fail = $fail"
	daemon_start
	daemon_stop KILL
	save >"$tmp/with"
	lock_tables
	check "fail = $fail, a start that fails: exit 1" starts_not
	save >"$tmp/now"
	check_same "fail = $fail: what was in is in" "$tmp/with" "$tmp/now"
	stop "$holder"
	recover -u SERVICE_RESULT
done

# -- where the control socket is to be somebody listens who accepts nobody --
cat >"$tmp/deaf.py" <<'PY'
import signal, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(0)
first = socket.socket(socket.AF_UNIX)
first.connect(sys.argv[1])  # and there is no room for another one
print("ready", flush=True)
signal.pause()
PY
background python3 "$tmp/deaf.py" "$tmp/control2" >"$tmp/deaf"
wait_for has_text ready "$tmp/deaf"
check "a control socket that accepts nobody: exit 1" starts_not
check "… and it is said why" told "another daemon answers"
finish
