#!/bin/bash
# However it is sent, it is named: MPTCP, Fast Open, sendmmsg, raw sockets,
# sockets that were passed on, and what the kernel sends again by itself.
#
#     c 10.9.0.1, kinds.py  ---- veth ----  s 10.9.0.2
. "$(dirname "$0")/lib.sh"
need_root
need python3 $IPT4
net_up
rules "accept once out proto tcp to port 7099" "default out accept" \
    "default in accept"
daemon_start
ctl status >"$tmp/status"
grep -q '^attribution *BPF yes' "$tmp/status" || skip "BPF can't be loaded here"
inc sh -c 'echo 3 >/proc/sys/net/ipv4/tcp_fastopen' 2>/dev/null

inc python3 "$(dirname "$0")/kinds.py" 7000 >"$tmp/said"
while IFS='	' read -r name port pid; do
	[ "$port" != 7011 ] || [ "$name" = "made before exec" ] || continue
	check "$name" wait_for flows "all(x['process']['pid'] == $pid and
	    x['attributed_by'] == 'bpf' for x in f if x['dport'] == $port) and
	    any(x['dport'] == $port for x in f)"
done <"$tmp/said"
check "all were said" [ "$(wc -l <"$tmp/said")" = 14 ]
check "the one after exec" flows "all('bash' in x['exe'] for x in f
	if x['dport'] == 7011)"

# -- what is sent again runs in the midst of whatever is at work then --
ins $IPT4 -I INPUT -p tcp --dport 7099 -j DROP
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
background inc python3 -c '
import signal, socket
s = socket.socket()
s.setblocking(False)
try: s.connect(("10.9.0.2", 7099))
except BlockingIOError: pass
signal.pause()'
kid=$pid
judged() {
	flows "any(x['dport'] == 7099 and x['packets_judged'] >= $1 and
	    x['process']['pid'] == $kid for x in f)"
}
check "the first SYN" wait_for judged 1
rules "accept once out proto tcp to port 7099" "accept exe /none" \
    "default out accept" "default in accept"
daemon_reload # what was decided is asked again
check "and the next ones" wait_for judged 2
check "are of who made the connection" flows "all(x['exe'] == '$python'
	for x in f if x['dport'] == 7099)"
stop $kid
check_judged
daemon_stop
check "the daemon ends well" test $? = 0

# -- without the privilege to load it --
background inc setpriv --bounding-set=-bpf,-sys_admin,-perfmon "$REROUTED" \
    --rules "$tmp/rules" --state "$tmp/state" --control "$tmp/control" \
    2>"$tmp/daemon.log"
daemon=$pid
check "without the privilege it starts" wait_for grep -q 'ready version' \
    "$tmp/daemon.log"
check "and says what is missing" grep -q \
    'attribution: no BPF.*no privilege: it needs CAP_BPF.*source=sock_diag' \
    "$tmp/daemon.log"
ctl status >"$tmp/status"
check "so does status" grep -q 'no BPF: no privilege' "$tmp/status"
background inc python3 -c '
import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"x", ("10.9.0.2", 7098))
signal.pause()' # /proc must find it
kid=$pid
check "the next source serves" wait_for flows "any(x['dport'] == 7098 and
	x['exe'] == '$python' and x['attributed_by'] == 'sock_diag' for x in f)"
stop $kid
daemon_stop
finish
