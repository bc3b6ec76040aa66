#!/bin/bash
# Sockets that are on their way between processes are nobody's: to look for who
# has them in vain costs the daemon little, and others none of their time.
#
#     c 10.9.0.1, holds 288 of them  ---- veth ----  s 10.9.0.2, sends to each
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
probe=$BUILDDIR/probe
background ins "$probe" serve 7001 10.9.0.2 >"$tmp/serve"
wait_for grep -q ready "$tmp/serve"
cat >"$tmp/hold.py" <<'PY'
import os, signal, socket
# those of root's that nobody has are the kernel's
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
a, b = socket.socketpair()
for part in range(2):
    made = []
    for port in range(20000 + 144 * part, 20144 + 144 * part):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("10.9.0.1", port))
        made.append(s)
    socket.send_fds(a, [b"x"], [s.fileno() for s in made])
    for s in made:
        s.close()
print("held", flush=True)
signal.pause()
PY
cat >"$tmp/knock.py" <<'PY'
import socket, sys, time
began, n = time.monotonic(), 0
while time.monotonic() < began + float(sys.argv[1]):
    # as many as are due by now, each from a port of its own
    while n < (time.monotonic() - began) * 600:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", ("10.9.0.1", 20000 + n % 288))
        n += 1
    time.sleep(0.005)
print(n)
PY
cat >"$tmp/others.py" <<'PY'
import socket, sys, time
worst, n, end = 0, 0, time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    began = time.monotonic()
    with socket.create_connection(("10.9.0.2", 7001), 5):
        pass
    worst = max(worst, time.monotonic() - began)
    n += 1
    time.sleep(0.01)
print(n, "connections, at worst %.1f ms" % (worst * 1000))
sys.exit(n < 20)
PY
cpu_ms() { awk '{ s += $1 } END { print int(s / 1e6) }' /proc/"$1"/task/*/schedstat; }

rules "drop in exe /none to port 20000-20287" "default out accept" \
    "default in accept" "default unknown drop"
for bpf in auto no; do
	settings "[rerouted]" "bpf = $bpf"
	daemon_start
	background inc python3 "$tmp/hold.py" >"$tmp/hold.out"
	hold=$pid
	wait_for grep -q held "$tmp/hold.out"
	began=$(now_ms) cpu=$(cpu_ms "$daemon")
	background ins python3 "$tmp/knock.py" 3 >"$tmp/knocked"
	check "bpf = $bpf: others connect all the while" \
	    inc python3 "$tmp/others.py" 3
	sed 's/^/# /' "$tmp/check.out"
	wait "$pid"
	cpu=$(($(cpu_ms "$daemon") - cpu)) took=$(($(now_ms) - began))
	check "bpf = $bpf: $(cat "$tmp/knocked") datagrams for sockets in flight: \
$cpu ms of CPU in $took" [ $((cpu * 3)) -lt $took ]
	check "bpf = $bpf: they are nobody's" flows "any(x['direction'] == 'in'
	    for x in f) and all(x['exe'] == 'unknown' for x in f
	    if x['direction'] == 'in' and 20000 <= x['dport'] <= 20287)"
	stop "$hold"
	daemon_stop
	check "bpf = $bpf: the daemon ends well" test $? = 0
done

# -- a program that keeps its own memory locked, by a file system that does not
# answer: whoever reads its command line waits, and can't be woken --
cat >"$tmp/holds.py" <<'PY'
import ctypes, os, socket, struct, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 4
INIT, LOOKUP, GETATTR, OPEN, READ, FORGET, INTERRUPT = 26, 1, 3, 14, 15, 2, 36
folder, user = sys.argv[1], 65534

def attr(node):
    mode, size = (0o40755, 0) if node == 1 else (0o100644, 4096)
    return struct.pack("6Q10I", node, size, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0,
                       0, 0, 4096, 0)

def answer(op, node):
    if op == INIT:
        return struct.pack("4I2H2I2H8I", 7, 31, 65536, 0, 16, 12, 65536, 1,
                           16, 0, *[0] * 8)
    if op == LOOKUP:
        return struct.pack("4Q2I", 2, 0, 1000, 1000, 0, 0) + attr(2)
    if op == GETATTR:
        return struct.pack("Q2I", 1000, 0, 0) + attr(node)
    return struct.pack("Q2I", 1, 0, 0) if op == OPEN else b""

def serve(fd):
    while True:
        op, unique, node = struct.unpack("4xIQQ", os.read(fd, 1 << 20)[:24])
        if op == READ:
            os.write(told, b"r")
        if op in (READ, FORGET, INTERRUPT):
            continue
        body = answer(op, node)
        os.write(fd, struct.pack("IiQ", 16 + len(body), 0, unique) + body)

try:
    fd = os.open("/dev/fuse", os.O_RDWR)
except OSError as e:
    print("none:", e, flush=True)
    sys.exit()
if libc.mount(b"held", folder.encode(), b"fuse", 0, (
        f"fd={fd},rootmode=40000,user_id={user},group_id={user}").encode()):
    print("none:", os.strerror(ctypes.get_errno()), flush=True)
    sys.exit()
asked, told = os.pipe()
if os.fork():
    serve(fd)  # its end lets go of all
os.close(fd)
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: its memory is its own
page = libc.mmap(None, 4096, 1, 2, os.open(folder + "/page", os.O_RDONLY), 0)
memory = os.open("/proc/self/mem", os.O_RDONLY)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.1", 22000))
threading.Thread(target=os.pread, args=(memory, 8, page), daemon=True).start()
os.read(asked, 1)
print("held", os.getpid(), flush=True)
libc.mmap(None, 4096, 1, 0x22, -1, 0)  # behind it, and all others behind this
PY
rules "default out accept" "default in accept"
chmod 755 "$tmp"
mkdir "$tmp/held"
for bpf in auto no; do
	settings "[rerouted]" "bpf = $bpf"
	background inc unshare -m python3 "$tmp/holds.py" "$tmp/held" \
	    >"$tmp/holds" 2>"$tmp/holds.err"
	holds=$pid
	wait_for grep -q . "$tmp/holds"
	! grep none "$tmp/holds" || break
	read -r _ locked <"$tmp/holds"
	is_locked() {
		! timeout -s KILL 0.2 cat "/proc/$locked/cmdline" >"$tmp/cmdline"
	}
	check "bpf = $bpf: a program is locked" wait_for is_locked
	check "… and the daemon starts" daemon_start
	for i in 1 2 3; do
		inc python3 -c 'import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"x", ("10.9.0.1", 22000))'
	done
	check "… and others connect" inc "$probe" tcp 10.9.0.2 7001
	check "… with what is known of them" flows "any(
	    x['exe'].endswith('probe') and x['dport'] == 7001 for x in f)"
	stop "$holds" KILL
	daemon_stop
	check "bpf = $bpf: the daemon ends well" test $? = 0
done
finish
