#!/bin/bash
# Who has a socket is looked for in pieces, however many processes there are:
# the packet waits, others don't, and in the end he is named.
#
#     c 10.9.0.1, daemon, listener, 600 processes  ---- veth ----  s 10.9.0.2
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
rules "block in exe /none/*" "default out accept" "default in accept" \
    "default unknown drop"
cat >"$tmp/crowd.py" <<'PY'
import os, signal, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
crowd = []
signal.signal(signal.SIGTERM, lambda *a: sys.exit())
try:
    for _ in range(int(sys.argv[1])):
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            s.close()
            while True:
                signal.pause()
        crowd.append(pid)
    s.bind(("10.9.0.1", 7001))  # it never sends
    print("born", flush=True)
    if len(sys.argv) > 2:  # and yet, once it is looked for
        for port in range(5000, 5400):
            s.sendto(b"from here", ("10.9.0.2", port))
            try:
                print(s.recv(16, socket.MSG_DONTWAIT).decode(),
                    flush=True)
            except BlockingIOError:
                pass
    while True:
        print(s.recv(16).decode(), flush=True)
finally:
    for pid in crowd:
        os.kill(pid, signal.SIGKILL)
PY
# another one's questions, one after the other, until the datagram has arrived: how
# much of a CPU the daemon has for all of it, and for what is between two of them.
# The next one comes at once: while it waited for a CPU the daemon would go on
cat >"$tmp/race.py" <<'PY'
import contextlib, os, socket, sys, time
with contextlib.suppress(PermissionError):
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
def cpu():  # of its loop alone
    daemon = sys.argv[3]
    with open(f"/proc/{daemon}/task/{daemon}/schedstat") as stat:
        return int(stat.read().split()[0]) / 1e6
c = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
c.connect(sys.argv[1])
def ask():
    c.sendall(b'{"call":"status"}\n')
    while not c.recv(1 << 16).endswith(b"\n"):
        pass
ask()
began, cpus = time.monotonic(), [cpu()]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"arrived", ("10.9.0.1", 7001))
while "arrived" not in open(sys.argv[2]).read():
    ask()
    cpus.append(cpu())
    assert time.monotonic() < began + 30, "it does not arrive"
cpus.append(cpu())
worst = max(b - a for a, b in zip(cpus, cpus[1:]))
print("%.1f ms of CPU, and others %d times meanwhile, at worst after %.1f" %
      (cpus[-1] - cpus[0], len(cpus) - 2, worst))
assert worst < max(10, (cpus[-1] - cpus[0]) / 3)
PY
for bpf in auto no; do
	settings "[rerouted]" "bpf = $bpf"
	daemon_start
	# so that who is born later is known to be new
	ins bash -c 'echo x >/dev/udp/10.9.0.1/7009'
	background inc python3 "$tmp/crowd.py" 600 >"$tmp/crowd"
	crowd=$pid
	wait_for has_text born "$tmp/crowd"
	check "bpf = $bpf: the first that comes in arrives, others wait for nobody" \
	    ins python3 "$tmp/race.py" "$tmp/control" "$tmp/crowd" $daemon
	sed 's/^/# /' "$tmp/check.out"
	check "… and is for who has the socket" flows "any(x['dport'] == 7001 and
	    x['verdict'] == 'accept' and 'crowd' in x['process']['cmd'] and
	    x['process']['pid'] == $crowd for x in f)"
	check "… and no look-up failed" [ "$(counter processes_failed)" = 0 ]
	stop "$crowd"
	check_judged
	daemon_stop
	check "… the daemon ends well" test $? = 0
done

# it speaks while it is looked for, and so do others: each for itself
settings
daemon_start
ins bash -c 'echo x >/dev/udp/10.9.0.1/7009'
mkfifo "$tmp/go"
background inc sh -c "read go <$tmp/go; exec perl -MIO::Socket::INET -e '
    for (1..400) { IO::Socket::INET->new(Proto => \"udp\",
	PeerAddr => \"10.9.0.2:\" . (6000 + \$_))->send(\"x\") }'"
others=$pid
background inc sh -c "exec python3 $tmp/crowd.py 600 talks" >"$tmp/crowd"
crowd=$pid
wait_for has_text born "$tmp/crowd"
ins bash -c "echo arrived >/dev/udp/10.9.0.1/7001"
echo go >"$tmp/go"
check "it arrives while many speak" wait_for has_text arrived "$tmp/crowd"
wait "$others"
many() { flows "len([1 for x in f if 5000 <= x['dport'] < 5400]) == 400"; }
check "all of it is judged" wait_for many
check "what it sent is its own, what others did is theirs" flows "all(
    x['process']['pid'] == ($crowd if x['dport'] < 5400 else $others)
    for x in f if 5000 <= x['dport'] <= 6400)"
stop "$crowd"

# whoever was born meanwhile, the daemon knows its own sockets: none of so many
# questions waits for that, or is lost
cat >"$tmp/questions.py" <<'PY'
import select, socket
query = b"\0\7\1\0\0\1\0\0\0\0\0\0\tlocalhost\0\0\1\0\1"
all = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(60)]
for s in all:
    s.connect(("127.0.0.1", 53))
for s in all:
    s.send(query)
waiting, answers = set(all), 0
while waiting:
    ready = select.select(waiting, [], [], 20)[0]
    if not ready:
        break
    for s in ready:
        answers += s.recv(512).endswith(b"\x7f\0\0\1")
        waiting.remove(s)
print(answers)
PY
background inc python3 "$tmp/crowd.py" 600 >"$tmp/crowd"
crowd=$pid
wait_for has_text born "$tmp/crowd"
check "sixty questions at once are answered" \
    [ "$(inc python3 "$tmp/questions.py")" = 60 ]
check "… and no look-up failed" [ "$(counter processes_failed)" = 0 ]
stop "$crowd"
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
