#!/bin/bash
# A socket that a thread alone has, since it shares its descriptors with none of
# the others, is its process's, like any other.
#
#     c 10.9.0.1, may.py and not.py serve  ---- veth ----  s 10.9.0.2, asks
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
cat >"$tmp/may.py" <<'PY'
import ctypes, os, platform, socket, sys, threading
# PORT USER [headless]: serves, and has sent something
port, user = int(sys.argv[1]), int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)

def alone(serve):
    if libc.unshare(0x400) != 0:  # CLONE_FILES
        os._exit(1)
    serve()

def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.1", port))
    try:
        s.sendto(b"x", ("10.9.0.2", port + 100))
    except OSError:
        pass
    print("ready\n", end="", flush=True)
    while True:
        word, whom = s.recvfrom(64)
        try:
            s.sendto(word, whom)
        except OSError:
            pass

def tcp():
    s = socket.create_server(("10.9.0.1", port))
    print("ready\n", end="", flush=True)
    while True:
        one = s.accept()[0]
        one.send(one.recv(64))

for serve in udp, tcp:
    threading.Thread(target=alone, args=[serve]).start()
if "headless" in sys.argv:
    libc.syscall({"x86_64": 60}.get(platform.machine(), 93), 0)  # exit
PY
cp "$tmp/may.py" "$tmp/not.py"
serve() { # serve NAME PORT USER [headless]
	background inc python3 "$tmp/$1.py" "${@:2}" >"$tmp/serve.$2"
	served="$served$2: $pid, "
}
are_ready() { [ "$(cat "$tmp"/serve.* | grep -c ready)" = "$1" ]; }
ask() { # NAME PORT...: all at once
	partner "$bpf.$1" ins talk.py $(printf 'udp,10.9.0.1,%s ' "${@:2}") \
	    $(printf 'tcp,10.9.0.1,%s ' "${@:2}")
}
for bpf in auto no; do
	served=
	serve may 7001 0
	serve not 7002 0
	wait_for are_ready 4
	rules "block script $tmp/not.py" "default out accept" "default in accept" \
	    "default unknown accept" "default kernel accept"
	settings "[rerouted]" "bpf = $bpf"
	daemon_start
	serve may 7003 0
	serve not 7004 0
	serve may 7005 65534
	serve not 7006 65534
	serve may 7007 0 headless
	serve not 7008 0 headless
	wait_for are_ready 16
	ask may 7001 7003 7005 7007
	check "bpf = $bpf: who may is answered" talk_is $bpf.may ok
	ask not 7002 7004 7006 7008
	check "bpf = $bpf: who may not is not" talk_is $bpf.not EHOSTUNREACH
	check "bpf = $bpf: what comes in, and what they sent, is theirs" flows "
	    (lambda by: all(len([x for x in f if x['process'].get('pid') == by[p] and
		(x['direction'], x['dport']) == to]) >= n for p in by for to, n in [
		(('in', p), 2)] + [(('out', p + 100), 1)] * (p > 7002)) and
	    not [x for x in f if (x['dport'] or 0) // 1000 == 7 and
		x['process'].get('pid') not in by.values()])({$served})"
	for one in $served; do
		[ "$one" = "${one%,}" ] || stop "${one%,}"
	done
	rm "$tmp"/serve.*
	check_judged
	daemon_stop
	check "bpf = $bpf: the daemon ends well" test $? = 0
done
finish
