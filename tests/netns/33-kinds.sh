#!/bin/bash
# However it is sent, it is named: MPTCP, Fast Open, sendmmsg, raw sockets,
# sockets that were passed on, and what the kernel sends again by itself.
#
#     c 10.9.0.1, kinds.py  ---- veth ----  s 10.9.0.2
. "$(dirname "$0")/lib.sh"
need_root
need python3 dig $IPT4
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

# -- processes that share with others what they send with, or become another in
# the midst of a thread; users by set-user-ID, and in a namespace of pids --
bin=$tmp/bin
mkdir "$bin"
chmod 755 "$bin"
for name in one other suid; do cp "$BUILDDIR/short" "$bin/$name"; done
chown 65534:65534 "$bin/suid"
chmod 6755 "$bin/suid"
p=7120
while read -r kind to exe uid what; do
	p=$((p + 1))
	read -r port who <<<"$(inc env $what one $kind $to $p)"
	check "$kind to $to: $what" wait_for flows "[
	    (x['exe'], x['sport'], x['process']['uid'], x['attributed_by'])
		for x in f if x['dport'] == $p and x['direction'] == 'out']
	    == [('$bin/$exe', $port, $uid, 'bpf')]"
	case $what in
	*unshare*) check "… by the number that we see" flows "all(
	    x['process']['pid'] not in (1, $who) for x in f
		if x['dport'] == $p)" ;;
	*) check "… and its own number" flows "all(x['process']['pid'] == $who
	    for x in f if x['dport'] == $p)" ;;
	esac
done <<END
udp 10.9.0.2 one 0 SHORT_BY=vfork $bin/one
udpc 10.9.0.2 one 0 SHORT_BY=vfork $bin/one
tcp 10.9.0.2 one 0 SHORT_BY=vfork $bin/one
udpc fd09::2 one 0 SHORT_BY=files $bin/one
tcp fd09::2 one 0 SHORT_BY=files $bin/one
mapped 10.9.0.2 other 0 SHORT_BY=thread SHORT_EXEC=$bin/other $bin/one
tcp 10.9.0.2 other 0 SHORT_BY=thread SHORT_EXEC=$bin/other $bin/one
udpc 10.9.0.2 suid 65534 $bin/suid
tcp fd09::2 suid 65534 $bin/suid
udpc 10.9.0.2 one 0 unshare --pid --fork $bin/one
END

# -- a thread that sends has a name of its own, which is not the program's --
for i in 1 2 3 4 5; do # each with a port of its own: it is a flow of its own
	inc dig +tries=1 +time=20 -b "127.0.0.1#2000$i" @127.0.0.1 localhost \
	    >"$tmp/dig"
done
check "the name is the program's, not a thread's" flows "
    ['dig'] * 5 == [x['process']['comm'] for x in f if x['direction'] == 'out'
    and x['exe'].endswith('/dig')]"

# -- users of another user namespace are those of the first one --
cat >"$tmp/shifted.py" <<'PY'
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
ready, go = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    if libc.unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    os.setgid(33)
    os.setuid(33)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", ("10.9.0.2", 7096))
    os._exit(0)
os.read(ready[0], 1)
for name in "uid_map", "gid_map":
    with open(f"/proc/{pid}/{name}", "w") as f:
        f.write("0 100000 65536")
os.write(go[1], b"x")
os._exit(os.waitpid(pid, 0)[1] != 0)
PY
check "a user of a user namespace sends" inc python3 "$tmp/shifted.py"
check "and is who it is outside" wait_for flows "any(x['dport'] == 7096 and
	x['process']['uid'] == 100033 and x['process']['gid'] == 100033 and
	x['attributed_by'] == 'bpf' for x in f)"

# -- what a program set for its packets is theirs still --
if inc nft -f - 2>/dev/null <<'NFT'; then
table ip seen {
	chain out {
		type filter hook postrouting priority 300; policy accept;
		udp dport 7095 meta priority 0:6 counter
	}
}
NFT
	inc python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 6)
for i in range(3): s.sendto(b"x", ("10.9.0.2", 7095))'
	check "SO_PRIORITY is what it was" wait_for sh -c "nsenter --net=/run/netns/$C \
	    nft list table ip seen | grep -q 'counter packets 3 '"
	inc nft delete table ip seen
else
	echo "# no nft here"
fi

# -- a program whose first thread has ended, while others have its sockets --
cat >"$tmp/headless.py" <<'PY'
import ctypes, os, platform, resource, socket, subprocess, threading
exit_nr = 60 if platform.machine() == "x86_64" else 93
def listen(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.1", port))
    return s
def end():
    ctypes.CDLL(None).syscall(exit_nr, 0)
def answer(s):
    s.sendto(b"here", s.recvfrom(16)[1])
def first():
    s = listen(7093)
    while ") Z" not in open(f"/proc/{os.getpid()}/stat").read():
        pass
    print("ready", flush=True)
    answer(s)
    end()  # by which the process was read
def second(thread):
    while os.path.exists(f"/proc/self/task/{thread}/stat"):
        pass
    subprocess.run(["bash", "-c", "echo x >/dev/udp/10.9.0.2/7091"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    many = [os.dup(2) for _ in range(5000)]  # more than are read in one go
    s = listen(7094)
    print("alone", flush=True)
    while True:
        answer(s)
t = threading.Thread(target=first)
t.start()
threading.Thread(target=second, args=(t.native_id,)).start()
end()
PY
background inc python3 "$tmp/headless.py" >"$tmp/headless"
headless=$pid
for row in 7093:ready 7094:alone; do
	port=${row%:*}
	wait_for grep -q "${row#*:}" "$tmp/headless"
	check "a program without its first thread answers, $port" ins python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.sendto(b"x", ("10.9.0.1", int(sys.argv[1])))
s.recv(16)' $port
	check "… and is who it is, $port" flows "any(x['dport'] == $port for x in f)
	    and all(x['process']['pid'] == $headless and
	    'headless' in x['process']['cmd'] for x in f if x['dport'] == $port)"
done
check "… and who started what it runs" flows "any(x['dport'] == 7091 for x in f)
    and all(x['process']['parents'][0]['pid'] == $headless and
    'python' in x['process']['parents'][0]['exe']
    for x in f if x['dport'] == 7091)"
stop $headless

# -- one whose parent has ended by the time that it begins --
mkfifo "$tmp/orphan"
cp "$(readlink -f /bin/bash)" "$tmp/boss"
inc "$tmp/boss" -c "{ read -r x <$tmp/orphan
    exec bash -c 'bash -c \"echo x >/dev/udp/10.9.0.2/7197\"; true'; } &"
echo >"$tmp/orphan"
check "an orphan is seen" wait_for flows "any(x['dport'] == 7197 for x in f)"
check "… and who started it" flows "all('$tmp/boss' in
    [p['exe'] for p in x['process']['parents']] for x in f
    if x['dport'] == 7197)"

# -- a socket that is made by another, and handed over at the first use --
if command -v systemd-socket-activate >/dev/null; then
	cat >"$tmp/served.py" <<'PY'
import os, socket
s = socket.socket(fileno=3)
while True:
    c, _ = s.accept()
    c.sendall(str(os.getpid()).encode())
    c.close()
PY
	background inc systemd-socket-activate -l 10.9.0.1:7094 \
	    python3 "$tmp/served.py" 2>"$tmp/activate.log"
	activated=$pid
	wait_for sh -c "nsenter --net=/run/netns/$C ss -Htln 'sport = :7094' |
	    grep -q ."
	knock() { # its own port, and who answered
		ins python3 -c '
import socket
s = socket.create_connection(("10.9.0.1", 7094), 20)
print(s.getsockname()[1], s.recv(99).decode())' >"$tmp/knock"
	}
	knock
	read -r first who <"$tmp/knock"
	check "socket activation: by the program that was made of it" \
	    [ "$who" = $activated ]
	check "the first one came to who waited" flows "all(
		x['process']['pid'] == $activated and 'activate' in x['exe']
		for x in f if x['direction'] == 'in' and x['sport'] == $first) and
		any(x['sport'] == $first for x in f)"
	knock
	read -r second who <"$tmp/knock"
	check "the next one to the program" flows "all(
		x['process']['pid'] == $activated and 'python' in x['exe']
		for x in f if x['direction'] == 'in' and x['sport'] == $second) and
		any(x['sport'] == $second for x in f)"
	stop $activated
else
	echo "# no systemd-socket-activate here"
fi

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

# -- where it can't be loaded: the log says why, and so does status --
cat >"$tmp/refuse.py" <<'PY'
import ctypes, os, struct, sys
# no bpf(2): load the number; is it that? EPERM : allow
number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
code = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, number,
                   0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7fff0000)
text = ctypes.create_string_buffer(code, len(code))
prog = ctypes.create_string_buffer(
    struct.pack("HxxxxxxP", 4, ctypes.addressof(text)), 16)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, prog, 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
PY
without() { # without REASON WRAPPER...: the daemon starts in it, and says REASON
	local reason=$1
	shift
	: >"$tmp/daemon.log"
	background inc "$@" "$REROUTED" --config "$tmp/rerouted.conf" \
	    --rules "$tmp/rules" --state "$tmp/state" --control "$tmp/control" \
	    2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text 'ready version' "$tmp/daemon.log"
	grep "attribution: no BPF.*$reason.*source=sock_diag" \
	    "$tmp/daemon.log" && ctl status | grep "no BPF: .*$reason"
	_status=$?
	daemon_stop
	return $_status
}
check "no BTF" without "no BTF" unshare -m sh -c \
    'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh
check "bpf(2) is forbidden" without "no privilege" python3 "$tmp/refuse.py"

# -- the verifier refuses: of what the kernel says of itself one name is another,
# so that a program asks for what is not there --
cat >"$tmp/rename.py" <<'PY'
import sys
text = open("/sys/kernel/btf/vmlinux", "rb").read()
old = b"\0" + sys.argv[1].encode() + b"\0"
assert old in text, sys.argv[1]
open(sys.argv[2], "wb").write(text.replace(old, old[:-2] + b"X\0"))
PY
named_by() { # named_by SOURCE PORT: a program that lives is, by that source
	background inc python3 -c '
import signal, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"x", ("10.9.0.2", int(sys.argv[1])))
signal.pause()' "$2"
	wait_for flows "any(x['dport'] == $2 and x['exe'] == '$python' and
	    x['attributed_by'] == '$1' for x in f)"
	local found=$?
	stop "$pid"
	return $found
}
started() { # started NAME: where that name is another; the daemon runs
	python3 "$tmp/rename.py" "$1" "$tmp/btf" || return 1
	: >"$tmp/daemon.log"
	background inc unshare -m sh -c 'mount --bind "$0" /sys/kernel/btf/vmlinux &&
	    exec "$@"' "$tmp/btf" "$REROUTED" --config "$tmp/rerouted.conf" \
	    --rules "$tmp/rules" --state "$tmp/state" --control "$tmp/control" \
	    2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text 'ready version' "$tmp/daemon.log"
}
check "the verifier refuses: the daemon starts" started skc_cookie
check "… one line of the log says so" [ "$(grep -c 'attribution: ' \
    "$tmp/daemon.log")" = 1 ]
check "… and what was refused, and who serves" grep \
    'attribution: no BPF.*refuses.*attr_sent.*source=sock_diag' "$tmp/daemon.log"
ctl status >"$tmp/status"
check "… status too" grep 'no BPF: .*refuses' "$tmp/status"
check "… and who lives is named by the next source" named_by sock_diag 7093

# -- what TPROXY gives to a proxy: nobody can be found by its ends --
if inc $IPT4 -t mangle -A PREROUTING -p tcp --dport 7200 -j TPROXY --on-port 3128 2>"$tmp/err"; then
background inc python3 -c '
import socket
s = socket.socket()
s.setsockopt(socket.SOL_IP, 19, 1)  # IP_TRANSPARENT
s.bind(("0.0.0.0", 3128))
s.listen()
print("ready", flush=True)
while True:
    s.accept()[0].close()' >"$tmp/proxy.out"
proxy=$pid
check "a transparent proxy" wait_for has_text ready "$tmp/proxy.out"
rules "default out accept" "accept in exe $python" "default in block"
daemon_reload
calls() { ins python3 -c 'import socket
socket.create_connection(("10.9.0.1", 7200), 5)'; }
check_not "no rule by its program lets it in" calls
check "… which is said" log_has \
    'for 10.9.0.1 port 7200 is denied, which a rule of others (TPROXY) gives'
rules "default out accept" "accept in user root to any port 7200" "default in block"
daemon_reload
check "one by user and port does" calls
stop $proxy
else
	echo "# no TPROXY here: $(cat "$tmp/err")"
fi
daemon_stop
check "… the daemon ends well" test $? = 0
check "it refuses who sees births: the daemon starts" started live
check "… the log says so" grep 'attribution: source=bpf births=no' \
    "$tmp/daemon.log"
check "… and who sends is named all the same" named_by bpf 7092
daemon_stop
check "… the daemon ends well" test $? = 0

# -- all places behind the tables are others' --
if command -v nft >/dev/null 2>&1; then
	{
		echo "table ip full {"
		for i in $(seq 52 60); do
			echo "chain c$i { type filter hook output priority $i; }"
		done
		echo "}"
	} >"$tmp/full.nft"
	inc nft -f "$tmp/full.nft"
	daemon_start
	check "no seal: one line of the log says so, and why" [ "$(grep -c \
	    'warning attribution: nothing is behind the tables.*IPv4, out' \
	    "$tmp/daemon.log")" = 1 ]
	ctl status >"$tmp/status"
	check "… and status" grep -q 'nothing is behind the tables.*52 to 60' \
	    "$tmp/status"
	check "… and who sends is named all the same" named_by bpf 7094
	daemon_stop
	inc nft delete table ip full
	daemon_start
	check_not "there is one where there is room" \
	    grep -q 'nothing is behind the tables' "$tmp/daemon.log"
	daemon_stop
fi

# -- the hook needs no control groups --
: >"$tmp/daemon.log"
background inc unshare -m sh -c 'umount -l /sys/fs/cgroup; exec "$@"' sh \
    "$REROUTED" --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
    --state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log"
daemon=$pid
check "without cgroup v2 it serves all the same" wait_for has_text 'source=bpf births=yes closes=no' "$tmp/daemon.log"
wait_for has_text 'ready version' "$tmp/daemon.log"
daemon_stop

# -- of all control groups, or of those of a namespace --
groups_up
group=$groups/rerouted-test-$unique
at_end() { rmdir "$group"; } 2>/dev/null
check "there are control groups" mkdir "$group"
: >"$tmp/daemon.log"
background inc unshare -m sh -c 'echo $$ >"$0/cgroup.procs"
    umount -l /sys/fs/cgroup
    exec unshare -C sh -c "mount -t cgroup2 none /sys/fs/cgroup &&
        exec \"\$@\"" sh "$@"' "$group" "$REROUTED" \
    --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
    --state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log"
daemon=$pid
check "of a part of the control groups: the log says so" wait_for \
    grep -q 'source=bpf births=yes closes=part' "$tmp/daemon.log"
wait_for has_text 'ready version' "$tmp/daemon.log"
ctl --json status >"$tmp/status"
check "… and so does status" python3 -c 'import json, sys
a = json.load(sys.stdin)["attribution"]
assert not a["closes"] and a["closes_part"], a' <"$tmp/status"
daemon_stop
check "… the daemon ends well" test $? = 0

# -- without the privilege to load it --
background inc setpriv --bounding-set=-bpf,-sys_admin,-perfmon "$REROUTED" \
    --rules "$tmp/rules" --state "$tmp/state" --control "$tmp/control" \
    2>"$tmp/daemon.log"
daemon=$pid
check "without the privilege it starts" wait_for has_text 'ready version' "$tmp/daemon.log"
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
