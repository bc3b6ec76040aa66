#!/bin/bash
# Nobody passes for another by the way he is started, by what he sets on his
# socket, or by who watches him: each is shown as what it is, and no rule for
# something else matches.
#
#     c 10.9.0.1, all kinds of programs  ---- veth ----  s 10.9.0.2, counts
. "$(dirname "$0")/lib.sh"
need_root
need python3 chroot $IPT4
net_up
bin=$tmp/bin
mkdir "$bin"
chmod 755 "$bin"
for name in good bad; do cp "$BUILDDIR/short" "$bin/$name"; done
cp "$(readlink -f /bin/bash)" "$bin/bash"
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
libs() { ldd "$1" | grep -o '/[^ ]*'; } # all of its files
rules "accept exe $bin/good" \
    "accept script $bin/may, $bin/may.sh, $bin/watch.py" \
    "block out to 10.9.0.2 port 7001-7999" "default out accept" \
    "default in accept"
daemon_start
ctl status >"$tmp/status"
grep -q '^attribution *BPF yes' "$tmp/status" || skip "BPF can't be loaded here"

port=7000
arrived() {
	ins $IPT4 -nvxL INPUT |
		awk -v n="/* n$port */" 'index($0, n) { s += $1 } END { print s + 0 }'
}
is_arrived() { [ "$(arrived)" = "$1" ]; }
came() { # came N: so many, when all were judged
	wait_for all_judged
	wait_for is_arrived "$1" || is_arrived "$1"
}
# as EXE SCRIPT: shown so, each and every one. (deleted) may stand behind
shown() {
	wait_for flows "any(x['dport'] == $port for x in f) and all(
	    x['exe'] == '$1' and (x['process']['script'] or '') == '$2'
	    for x in f if x['dport'] == $port)"
}
not_here() { # nor is it shown so
	flows "all(not x['process']['exe_here'] for x in f if x['dport'] == $port)" &&
	    ctl flows --port $port | grep -F "$bin" | tee "$tmp/rows" &&
	    [ -s "$tmp/rows" ] && ! grep -vF '] (elsewhere)' "$tmp/rows"
}
tries=${TRIES:-2}
try() { # try NAME ARRIVE EXE SCRIPT COMMAND...: {} in the command is the port
	local name=$1 arrive=$2 exe=$3 script=$4
	shift 4
	port=$((port + 1))
	ins $IPT4 -I INPUT -p udp --dport $port -m comment --comment "n$port"
	for _ in $(seq $tries); do inc "${@//\{\}/$port}"; done >"$tmp/out" 2>&1
	check "$name: $arrive of $tries" came "$arrive"
	check "… shown as what it is" shown "$exe" "$script"
}

# -- scripts --
cat >"$bin/may" <<'PY'
#! not for python without -x
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"x", ("10.9.0.2", int(sys.argv[-1])))
PY
sed 1d "$bin/may" >"$bin/not"
# its folder is asked for while it lives: what it waits for is judged later
sed '$a\
try:\
    socket.create_connection(("10.9.0.2", 7000), 20)\
except OSError:\
    pass' "$bin/not" >"$bin/stays"
send='import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
    b"x", ("10.9.0.2", int(sys.argv[-1])))'
try "a script behind options" $tries "$python" "$bin/may" \
    "$python" -x -W ignore -Ibb "$bin/may" {}
printf '#!/usr/bin/env -S %s -x\n' "$python" >"$bin/env"
sed 1d "$bin/may" >>"$bin/env"
chmod +x "$bin/env"
try "a script that env(1) starts" 0 "$python" "$bin/env" "$bin/env" {}
try "the script's name behind -c" 0 "$python" "" \
    "$python" -c "$send" "$bin/may" {}
try "… behind others with it" 0 "$python" "" \
    "$python" -sEc "$send" "$bin/may" {}
try "… behind -, and the script is another" 0 "$python" "" \
    "$bin/bash" -c '"$0" - "$1" "$2" <"$3"' "$python" "$bin/may" {} "$bin/not"
try "… as an argument of another script" 0 "$python" "$bin/not" \
    "$python" "$bin/not" "$bin/may" {}
try "… as the value of an option" 0 "$python" "$bin/not" \
    "$python" -W "$bin/may" "$bin/not" {}
echo 'echo x >/dev/udp/10.9.0.2/$2' >"$bin/not.sh"
echo : >"$bin/may.sh"
try "… as the value of a long one" 0 "$bin/bash" "$bin/not.sh" \
    "$bin/bash" --rcfile "$bin/may.sh" "$bin/not.sh" x {}
try "… by a link to another" 0 "$python" "$bin/linked" \
    sh -c "ln -sf may $bin/linked && exec $python -x $bin/linked {}"
try "… in another folder" 0 "$python" "$tmp/may" \
    sh -c "cp $bin/stays $tmp/may && cd $tmp && exec $python may {}"

# -- ways to start a program --
try "a program that may" $tries "$bin/good" "" "$bin/good" one udp 10.9.0.2 {}
exec_fd='import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.execve(fd, [sys.argv[2], "one", "udp", "10.9.0.2", sys.argv[3]], os.environ)'
try "by a descriptor, as another" 0 "$bin/bad" "" \
    "$python" -c "$exec_fd" "$bin/bad" "$bin/good" {}
cp "$bin/bash" "$bin/bad-bash"
try "by /proc/self/exe, as another" 0 "$bin/bad-bash" "" \
    "$bin/bad-bash" -c 'exec -a "$0" /proc/self/exe -c \
	"echo x >/dev/udp/10.9.0.2/$1"' "$bin/good" {}
printf '#!%s\necho x >/dev/udp/10.9.0.2/$2\n' "$bin/bash" >"$bin/inner"
printf '#!%s\n' "$bin/inner" >"$bin/outer"
chmod +x "$bin/inner" "$bin/outer"
try "a script whose interpreter is a script" 0 "$bin/bash" "$bin/inner" \
    "$bin/outer" {}
# the same path below another root
jail=$tmp/jail
mkdir -p "$jail$bin"
libs "$bin/bad" | while read -r lib; do
	mkdir -p "$jail$(dirname "$lib")"
	cp "$lib" "$jail$lib"
done
cp "$bin/bad" "$jail$bin/good"
try "the same path below another root" 0 "$jail$bin/good" "" \
    chroot "$jail" "$bin/good" one udp 10.9.0.2 {}
try "… in a mount namespace of its own" 0 "$bin/good" "" \
    unshare -m sh -c "mount --make-rprivate / && mount --bind $bin/bad $bin/good &&
	exec $bin/good one udp 10.9.0.2 {}"
check "… which is another file on the host" not_here
# whoever traces it: a child that is stopped at its exec and goes on
cat >"$bin/trace.py" <<'PY'
import ctypes, os, sys
ptrace = ctypes.CDLL(None).ptrace
ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
pid = os.fork()
if pid == 0:
    ptrace(0, 0, None, None)  # PTRACE_TRACEME
    os.execv(sys.argv[1], sys.argv[1:])
assert os.WIFSTOPPED(os.waitpid(pid, 0)[1])
ptrace(7, pid, None, None)  # PTRACE_CONT
while not os.WIFEXITED(os.waitpid(pid, 0)[1]):
    ptrace(7, pid, None, None)
PY
try "traced by another" 0 "$bin/bad" "" \
    "$python" "$bin/trace.py" "$bin/bad" one udp 10.9.0.2 {}
cp "$bin/bad" "$bin/gone"
try "from a file that is no more" 0 "$bin/gone (deleted)" "" \
    "$bin/bash" -c "cp $bin/bad $bin/gone; exec 3<$bin/gone; rm $bin/gone
	exec /proc/self/fd/3 one udp 10.9.0.2 {}"

# -- whoever gives a verdict before us: it goes on in the midst of that one, and
# its socket may be closed by then --
cat >"$bin/watch.py" <<'PY'
"""watch.py QUEUE: takes what waits there and lets it pass."""
import socket, struct, sys
queue = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # netfilter
def tell(kind, attribute, value):
    value = struct.pack("HH", 4 + len(value), attribute) + value
    value += bytes(-len(value) % 4)
    queue.send(struct.pack("IHHIIBBH", 20 + len(value), 3 << 8 | kind, 1, 0, 0,
                           0, 0, socket.htons(int(sys.argv[1]))) + value)
tell(2, 1, struct.pack(">BxH", 1, 0))  # NFQNL_CFG_CMD_BIND
tell(2, 2, struct.pack(">IB", 0, 1))  # NFQNL_COPY_META
print("waits", flush=True)
while True:
    packet = queue.recv(65536)
    if struct.unpack_from("H", packet, 4)[0] == 3 << 8:
        tell(1, 2, struct.pack(">I", 1) + packet[24:28])  # NF_ACCEPT
PY
background inc "$python" "$bin/watch.py" 5 >"$tmp/watch" 2>&1
watch=$pid
wait_for has_text waits "$tmp/watch"
inc $IPT4 -t raw -A OUTPUT -d 10.9.0.2 -j NFQUEUE --queue-num 5
port=$((port + 1))
ins $IPT4 -I INPUT -p udp --dport $port -m comment --comment "n$port"
tell_ours STOP "$watch"
for kind in udp udpc tcp; do inc "$bin/bad" one $kind 10.9.0.2 $port; done >"$tmp/out"
tell_ours CONT "$watch"
check "while another gives a verdict: none of 3" came 0
check "… and is unknown, not his and not the kernel's" wait_for flows "
    [x['process']['kind'] for x in f if x['dport'] == $port] == ['unknown'] * 3"
inc $IPT4 -t raw -F OUTPUT
stop "$watch"

# -- what it writes over its own arguments, and is asked about again later --
cat >"$bin/title.py" <<'PY'
import socket, sys, time
stat = open("/proc/self/stat").read().rsplit(")", 1)[1].split()
begin, end = int(stat[45]), int(stat[46])  # arg_start, arg_end
other = b"python3\0" + sys.argv[0].replace("title.py", "may").encode()
with open("/proc/self/mem", "r+b", buffering=0) as memory:
    memory.seek(begin)
    memory.write(other.ljust(end - begin, b"\0"))
assert open("/proc/self/cmdline", "rb").read().startswith(other)
for _ in range(3):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", ("10.9.0.2", int(sys.argv[-1])))
    time.sleep(0.06)  # what was read holds for less
PY
try "writes over its arguments" 0 "$python" "$bin/title.py" \
    "$python" "$bin/title.py" --a-long-one-so-that-there-is-room {}
check "… with those it was started with" flows "all('--a-long' in
    x['process']['cmd'] for x in f if x['dport'] == $port)"

# -- what it sets on its socket --
cat >"$bin/set.py" <<'PY'
"""set.py USER OPTION VALUE PORT: what the kernel says, and what was sent."""
import ctypes, os, socket, sys
user, option, value, port = sys.argv[1:]
if user != "0":
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
if user == "unshare":
    assert ctypes.CDLL(None).unshare(0x10000000) == 0  # a user namespace
level, number = {"mark": (1, 36), "priority": (1, 12), "device": (1, 25),
                 "transparent": (0, 19)}[option]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    s.setsockopt(level, number, value.encode() if option == "device"
                 else int(value))
    if option == "transparent":
        s.bind(("10.9.0.99", 0))
except PermissionError:
    print("EPERM")
s.sendto(b"x", ("10.9.0.2", int(port)))
PY
sets() { # sets USER OPTION VALUE [SAYS]
	try "user $1 sets $2 $3" 0 "$python" "$bin/set.py" \
	    "$python" "$bin/set.py" "$1" "$2" "$3" {}
	check "… and hears ${4:-nothing}" \
	    [ "$(sort -u "$tmp/out")" = "${4:-}" ]
}
tries=1
for mark in 1700 1701 1710 1717 1799 51820; do
	sets 0 mark $mark
done
sets 0 priority 1710
sets 0 device c0
sets 0 transparent 1
for user in 65534 unshare; do
	sets $user mark 1710 EPERM
	sets $user priority 1710 EPERM
	sets $user transparent 1 EPERM
	sets $user device c0
done
check_judged

# -- a path that the kernel does not tell: longer than a page --
port=$((port + 1))
ins $IPT4 -I INPUT -p udp --dport $port -m comment --comment "n$port"
(
	cd "$tmp" || exit
	folder=$(printf '%0200d' 0)
	for _ in $(seq 25); do
		mkdir "$folder" && cd "$folder" || exit
	done
	cp "$BUILDDIR/probe" prog && inc ./prog udp 10.9.0.2 $port 50
)
check "a path too long to be told: it is told why" \
    wait_for log_has "longer than 4095 bytes"
check "… none of it arrives" is_arrived 0
daemon_stop
check "the daemon ends well" test $? = 0
finish
