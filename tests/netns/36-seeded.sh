#!/bin/bash
# What was there before the daemon: a process that made its socket long ago, and
# sends and ends while the daemon looks elsewhere, is named like any other.
#
#     c 10.9.0.1, two older programs  ---- veth ----  s 10.9.0.2, counts
. "$(dirname "$0")/lib.sh"
need_root
need $IPT4
net_up
mkdir "$tmp/bin"
chmod 755 "$tmp/bin"
for name in allowed denied; do cp "$(readlink -f /bin/bash)" "$tmp/bin/$name"; done

older() { # older NAME PORT: its socket is made now, and used when it is told
	mkfifo "$tmp/go.$1"
	background inc "$tmp/bin/$1" -c "exec 3<>/dev/udp/10.9.0.2/$2
	    read x <$tmp/go.$1; echo x >&3" older $1
	eval "$1=\$pid"
	wait_for sh -c "ls -l /proc/$pid/fd | grep -q socket:"
}
older allowed 7001
older denied 7002
# whose arguments are read when they are asked for
cat >"$tmp/waits.py" <<'PY'
import os, socket, sys
os.setgroups([])
os.setresuid(65534, 65534, 65534)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("ready", flush=True)
with open(sys.argv[1]) as go:
    go.readline()
    try:
        s.sendto(b"x", ("10.9.0.2", 7004))
    except OSError:
        pass
    # a copy of a copy, and both end
    go.readline()
    if os.fork() == 0:
        if os.fork() == 0:
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
                b"x", ("10.9.0.2", 7005))
            os._exit(0)
        os.wait()
        os._exit(0)
    os.wait()
    print("sent", flush=True)
    go.readline()
PY
mkfifo "$tmp/go.waits"
exec {go}<>"$tmp/go.waits"
background inc python3 "$tmp/waits.py" "$tmp/go.waits" >"$tmp/waits"
waits=$pid
wait_for has_text ready "$tmp/waits"
rules "block exe $tmp/bin/denied" "block script $tmp/waits.py" \
    "default out accept" "default in accept"
daemon_start
ctl status >"$tmp/status"
grep -q '^attribution *BPF yes' "$tmp/status" || skip "BPF can't be loaded here"
check "what was there before is known" grep -q 'seeded=bpf' "$tmp/daemon.log"
check "and how much fits is shown" grep -Eq \
    '^  remembers +[0-9]+ of [0-9]+ packets, [1-9][0-9]* of [0-9]+ processes' \
    "$tmp/status"
for port in 7001 7002; do
	ins $IPT4 -I INPUT -p udp --dport $port -m comment --comment "n$port"
done
arrived() { ins $IPT4 -nvxL INPUT | awk "/n$1 /"'{ print $1 }'; }
is_arrived() { [ "$(arrived "$1")" = 1 ]; }

echo >&$go
check "another user's is known by its script, too" wait_for flows "any(
	x['dport'] == 7004 and x['verdict'] == 'block' and
	x['process']['script'] == '$tmp/waits.py' for x in f)"
kill -STOP "$daemon"
echo >&$go
wait_for has_text sent "$tmp/waits"
kill -CONT "$daemon"
check "… and so is a copy of its copy, when both are gone" wait_for flows "any(
	x['dport'] == 7005 and
	x['process']['cmd'].endswith('waits.py $tmp/go.waits') for x in f)"
stop "$waits"
kill -STOP "$daemon"
for name in allowed denied; do
	eval "p=\$$name"
	echo >"$tmp/go.$name"
	wait "$p"
done
kill -CONT "$daemon"
check "who is gone is named, with all of it" wait_for flows "any(
	x['dport'] == 7001 and x['process']['pid'] == $allowed and
	x['attributed_by'] == 'bpf' and x['exe'] == '$tmp/bin/allowed' and
	x['process']['cmd'].endswith('older allowed') and
	x['process']['exe_here'] for x in f)"
check "what may arrives" wait_for is_arrived 7001
check "a blocked one is named" wait_for flows "any(x['dport'] == 7002 and
	x['exe'] == '$tmp/bin/denied' and x['verdict'] == 'block' for x in f)"
check "and nothing of it arrives" [ "$(arrived 7002)" = 0 ]
# -- more is born than can be told while the daemon looks elsewhere --
cp "$tmp/bin/denied" "$tmp/bin/lost"
rules "block exe $tmp/bin/denied, $tmp/bin/lost" "default out accept" \
    "default in accept"
daemon_reload
ins $IPT4 -I INPUT -p udp --dport 7003 -m comment --comment "n7003"
kill -STOP "$daemon"
long=$(printf %03900d 0) # with that they are three times what there is room for
for i in $(seq 800); do /bin/true "$long"; done
older lost 7003
kill -CONT "$daemon"
check "births were lost" wait_for sh -c "$REROUTECTL --control $tmp/control \
    status | grep -Eq ' [1-9][0-9]* records lost'"
kill -STOP "$daemon"
echo >"$tmp/go.lost"
wait "$lost"
kill -CONT "$daemon"
check "it is told with what it sends" wait_for flows "any(x['dport'] == 7003 and
	x['exe'] == '$tmp/bin/lost' and x['verdict'] == 'block' and
	x['process']['cmd'].endswith('older lost') for x in f)"
check "and nothing of it arrives either" [ "$(arrived 7003)" = 0 ]
check "none is unknown" [ "$(counter processes_unknown)" = 0 ]
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
