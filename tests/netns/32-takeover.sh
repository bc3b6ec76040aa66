#!/bin/bash
# Who uses a socket counts, at each use: not who made it, not who had its port
# before, and not what the process became since.
#
#     c 10.9.0.1, two programs  ---- veth ----  s 10.9.0.2, counts what arrives
. "$(dirname "$0")/lib.sh"
need_root
need python3 conntrack unshare setpriv $IPT4 $IPT6
net_up
short=$BUILDDIR/short
[ -x "$short" ] || skip "needs short to be built"
bin=$tmp/bin
mkdir "$bin"
chmod 755 "$bin"
# two shells and two senders; one of each may
for name in good bad; do
	cp "$(readlink -f /bin/bash)" "$bin/$name"
	cp "$short" "$bin/$name-short"
done
ln "$bin/bad-short" "$bin/linked"
cp "$BUILDDIR/pose" "$bin/pose"
cp "$BUILDDIR/probe" "$bin/good-probe"
rules \
    "accept once exe $bin/good to port 7200-7299" \
    "accept exe $bin/good, $bin/good-short, $bin/good-probe" \
    "accept exe $bin/good-asker" \
    "accept exe /usr/bin/mount, /usr/bin/unshare" \
    "block in to 10.9.0.1 port 8001-8003" \
    "block out to 10.9.0.2 port 7001-7999" "block out to fd09::2 port 7001-7999" \
    "default out accept" "default in accept"
daemon_start
ctl status >"$tmp/status"
grep -q '^attribution *BPF yes' "$tmp/status" || skip "BPF can't be loaded here"

count() { # from now on, of a port, or of FIRST:LAST
	for _ipt in $IPT4 $IPT6; do
		ins $_ipt -I INPUT -p udp --dport "$1" -m comment --comment "n$1"
	done
}
arrived() {
	for _ipt in $IPT4 $IPT6; do ins $_ipt -nvxL INPUT; done |
		awk -v n="/* n$1 */" 'index($0, n) { sum += $1 } END { print sum + 0 }'
}
# A datagram may still wait for its verdict when its program has ended.
came() { # came PORT N: so many arrived, when all were judged
	is_come() { [ "$(arrived "$1")" = "$2" ]; }
	wait_for all_judged
	wait_for is_come "$@" || is_come "$@"
}
tries=${TRIES:-10}

# a unit of our own, and a hierarchy, which makes another set of groups of those
# that a process is in
groups_up
slice=$groups/rerouted-test-$unique.slice unit=rerouted-test-$unique.service
set=$tmp/set
set_up() { mount -t cgroup -o none,name=rerouted-$unique none "$set"; }
# the hierarchy goes with its mount, but not while the kernel still takes away what
# was in it
set_is_gone() {
	! grep -q "name=rerouted-$unique:" /proc/self/cgroup ||
		{ set_up && umount "$set" && false; }
}
at_end() {
	rmdir "$slice/$unit" "$slice" "$set/other"
	umount "$set"
	wait_for set_is_gone
} 2>/dev/null
check "there are control groups" mkdir -p "$slice/$unit" "$set"
check "… and a hierarchy of our own" set_up
mkdir "$set/other"

# -- send, then become a program that may --
count 7001
for i in $(seq $tries); do
	inc "$bin/bad" -c "exec 3<>/dev/udp/10.9.0.2/7001; echo x >&3
	    exec $bin/good -c :" 2>/dev/null
done
check "sent, then ran another program: none of $tries" came 7001 0

# -- a socket that a program that may has too --
count 7002
for i in $(seq $tries); do
	inc "$bin/bad" -c "exec 3<>/dev/udp/10.9.0.2/7002
	    $bin/good -c 'read -t 0.2 x <>$tmp/never' & echo x >&3; wait" 2>/dev/null
done
check "its child may, and has the socket: none of $tries" came 7002 0

# -- a flow that was accepted for what the process was. Each has a port of its
# own to go to: two that draw one port at this end would meet --
count 7300:7399
for i in $(seq $tries); do
	inc "$bin/good" -c "exec 3<>/dev/udp/10.9.0.2/$((7300 + i % 100))
	    echo good >&3
	    exec $bin/bad -c 'echo bad >&3; echo bad >&3; echo bad >&3'" 2>/dev/null
done
check "accepted, then ran another program: $tries, and none of the other" \
    came 7300:7399 $tries

# -- once --
count 7200:7299
for i in $(seq $tries); do
	inc "$bin/good" -c "exec 3<>/dev/udp/10.9.0.2/$((7200 + i % 100))
	    echo good >&3
	    exec $bin/bad -c 'echo bad >&3; echo bad >&3'" 2>/dev/null
done
check "once, then ran another program: $tries, and none of the other" \
    came 7200:7299 $tries

# -- the port of one that ended --
for to in 10.9.0.2 fd09::2; do
	port=70$((30 + ${#to}))
	count $port
	inc env SHORT_BIND=5555 "$bin/good-short" udp $to $port 1 1 >/dev/null
	for i in $(seq $tries); do
		inc env SHORT_BIND=5555 "$bin/bad-short" udp $to $port 1 1 \
		    >/dev/null 2>&1
	done
	check "took the port of another, $to: none" came $port 1
	# and back: the flow of who may is its own again
	again() {
		inc env SHORT_BIND=5555 "$bin/good-short" udp $to $port 1 1
		wait_for all_judged
		[ "$(arrived $port)" -ge 2 ]
	}
	check "who may has it again, $to" wait_for again
done

# -- the port of one that ended, a moment later: a flow of its own, whoever has
# it, and not one datagram is lost --
check "it is seen that a socket is closed" \
    grep -qE "closes=(yes|part)" "$tmp/daemon.log"
before=$(counter taken_dropped)
for to in 10.9.0.2 fd09::2 127.0.0.1; do
	forgotten() {
		! inc conntrack -L $1 2>/dev/null | grep -q 'sport=5559 '
	}
	family=
	[ "$to" != fd09::2 ] || family="-f ipv6"
	check "who may sends, to $to" \
	    inc env SHORT_BIND=5559 "$bin/good-short" udp $to 8101 1 1
	wait_for all_judged
	check "what conntrack had of it goes, to $to" \
	    wait_for forgotten "$family"
	check "another one has the port then, to $to" \
	    inc env SHORT_BIND=5559 "$bin/bad-short" udp $to 8101 1 1
	check "… and is judged for itself, to $to" wait_for flows "any(
	    x['dst'] == '$to' and x['dport'] == 8101
	    and x['sport'] == 5559 and x['direction'] == 'out'
	    and x['exe'] == '$bin/bad-short' for x in f)"
done
# a moment is less than 0.3 s
cat >"$tmp/gone.py" <<'PY'
import socket, time
def known():
    with open("/proc/net/nf_conntrack") as table:
        return any(" sport=5562 " in line for line in table)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5562))
s.sendto(b"x", ("10.9.0.2", 8103))
while not known():
    time.sleep(0.001)
s.close()
closed = time.monotonic()
while known():
    time.sleep(0.001)
print(int((time.monotonic() - closed) * 1000))
PY
gone_after() { took=$(inc timeout 20 python3 "$tmp/gone.py"); }
check "it goes in a moment" best_of 300 gone_after
# what it asked is answered when nobody waits for it any more
inc env SHORT_BIND=5559 "$bin/good-short" udp 10.9.0.2 8102 1 1 \
    >/dev/null
wait_for all_judged
wait_for forgotten ""
judged_before=$(counter packets)
ins env SHORT_BIND=8102 "$short" udp 10.9.0.1 5559 1 1 >/dev/null
came_late() { [ "$(counter packets)" -gt "$judged_before" ]; }
check "an answer comes too late" wait_for came_late
check "… and who asked is still to be seen" flows "[
    (x['direction'], x['exe']) for x in f if x['dport'] == 8102
    or x['sport'] == 8102] == [('out', '$bin/good-short')]"
# the same program goes on with its port: so does its flow
cat >"$tmp/again.py" <<'PY'
import signal, socket
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
def sent(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", port))
    s.sendto(b"x", ("10.9.0.2", 8101))
    return s
first = sent(5571)
print("one", flush=True)
signal.sigwait([signal.SIGUSR1])
first.close()
second = sent(5571)
sent(5572).close()
print("two", flush=True)
signal.pause()
PY
background inc python3 "$tmp/again.py" >"$tmp/again"
again=$pid
wait_for has_text one "$tmp/again"
wait_for all_judged
forgot=$(counter closed_forgotten)
kill -USR1 $again
wait_for has_text two "$tmp/again"
has() { inc conntrack -L 2>/dev/null | grep -q "sport=$1 "; }
left() { [ "$(counter closed_forgotten)" -gt "$forgot" ] && ! has 5572; }
check "a port that is left is forgotten" wait_for left
check "one that its program opened again is not" has 5571
stop $again
check "none of them was taken for a thief" \
    [ "$(counter taken_dropped)" = "$before" ]

# -- what came in for another one, who has not answered yet; both have the port
# (SO_REUSEADDR) --
cat >"$tmp/hear.py" <<'PY'
import signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
    socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 5560))
if sys.argv[2] == "-":  # speaks unasked
    s.sendto(b"x", (sys.argv[3], int(sys.argv[4])))
    sys.exit()
print("ready", flush=True)
for i in range(int(sys.argv[2])):
    _, peer = s.recvfrom(99)
    print("heard", peer[1], flush=True)
print("heard all", flush=True)
signal.sigwait([signal.SIGUSR1])
s.sendto(b"x", peer)
print("answered", flush=True)
signal.pause()
PY
cp "$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')" \
    "$bin/server"
says() { # says TO PORT: one datagram from there
	ins env SHORT_BIND=$2 "$short" udp $1 5560 1 1 >/dev/null
}
for pair in 10.9.0.1,10.9.0.2,7500 fd09::1,fd09::2,7510; do
	IFS=, read -r here there port <<<"$pair"
	for p in $port $((port + 1)) $((port + 2)); do count $p; done
	background inc "$bin/server" "$tmp/hear.py" $here 3 >"$tmp/hear.out"
	hearer=$pid
	wait_for has_text ready "$tmp/hear.out"
	for p in 1 2 0; do says $here $((port + p)); done
	check "it hears, $here" wait_for has_text "heard all" "$tmp/hear.out"
	dropped=$(counter taken_dropped)
	check_not "another one answers for it, $here" inc env SHORT_BIND=5560 \
	    SHORT_SHARE=1 "$bin/bad-short" udp $there $((port + 1)) 1 1
	check "… none arrives" came $((port + 1)) 0
	check "… and it was seen" \
	    [ "$(counter taken_dropped)" -gt "$dropped" ]
	check "another one of the same program answers, $here" \
	    inc "$bin/server" "$tmp/hear.py" $here - $there $((port + 2))
	check "… and it arrives" came $((port + 2)) 1
	kill -USR1 $hearer
	wait_for has_text answered "$tmp/hear.out"
	check "who heard it answers, $here" came $port 1
	stop $hearer
done

# -- … who is another program by then, and has the socket that it came to --
cat >"$tmp/become.py" <<'PY'
import os, socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
    socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5561))
print("ready", flush=True)
_, peer = s.recvfrom(99)
s.connect(peer)
os.dup2(s.fileno(), 9)
os.execv(sys.argv[2], [sys.argv[2], "-c", "echo bad >&9; echo bad >&9"])
PY
becomes() { # becomes PORT: asked from there
	local here
	for here in 10.9.0.1 fd09::1; do
		count $1
		background inc "$bin/server" "$tmp/become.py" $here "$bin/bad" \
		    >"$tmp/become.out" 2>&1
		became=$pid
		wait_for has_text ready "$tmp/become.out"
		ins env SHORT_BIND=$1 "$short" udp $here 5561 1 1 >/dev/null
		wait $became
		check "who has become another one does not answer, $here: none" \
		    came $1 0
	done
}
becomes 7504
for i in $IPT4 $IPT6; do # nor where conntrack sees none of it
	inc $i -t raw -A PREROUTING -p udp --dport 5561 -j CT --notrack
	inc $i -t raw -A OUTPUT -p udp --sport 5561 -j CT --notrack
done
becomes 7506
for i in $IPT4 $IPT6; do
	inc $i -t raw -F
done

# -- conntrack has forgotten what a program began, and the far end speaks first.
# It is no answer of what has the socket by then --
count 7505
mkfifo "$tmp/lull"
background inc "$bin/good" -c "exec 3<>/dev/udp/10.9.0.2/7505
    echo good >&3; read -r x <$tmp/lull
    until dd bs=99 count=1 <&3 2>$tmp/dd.err; do :; done
    exec $bin/bad -c 'echo bad >&3; echo bad >&3; echo over >$tmp/lull.out'"
began=$pid
check "who may sends, and is forgotten" came 7505 1
ctl --json flows >"$tmp/flows"
sport=$(sed -n 's/.*"sport":\([0-9]*\),.*"dport":7505,.*/\1/p' "$tmp/flows")
inc conntrack -D -p udp --orig-port-dst 7505 >/dev/null 2>&1
ins python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.2", 7505))
s.sendto(b"late\n", ("10.9.0.1", int(sys.argv[1])))' "$sport"
echo >"$tmp/lull"
wait $began
check "the far end is heard" test -s "$tmp/lull.out"
check "… by a program that is another one by then: none of that" came 7505 1

# -- the same with connections that came to nothing: refused, or unanswered --
for port in 7061 7062; do
	[ $port = 7061 ] || ins $IPT4 -I INPUT -p tcp --dport $port -j DROP
	ins $IPT4 -I INPUT -p tcp --dport $port --syn -m comment --comment "n$port"
	inc env SHORT_BIND=5557 "$bin/good-short" tcp 10.9.0.2 $port 1 1 >/dev/null
	wait_for flows "any(x['dport'] == $port for x in f)"
	check "a connection of who may, to $port" came $port 1
	for i in 1 2 3; do
		inc env SHORT_BIND=5557 "$bin/bad-short" tcp 10.9.0.2 $port 1 1 \
		    >/dev/null 2>&1
	done
	check "another one from its port, to $port: none" came $port 1
	again() {
		inc env SHORT_BIND=5557 "$bin/good-short" tcp 10.9.0.2 $port 1 1 \
		    >/dev/null && [ "$(arrived $port)" -ge 2 ]
	}
	check "who may connects again, to $port" wait_for again
done

# -- the port of one that ended, the same program: nothing is lost --
count 7051
for i in $(seq $tries); do
	inc env SHORT_BIND=5556 "$bin/good-short" udp 10.9.0.2 7051 1 1 >/dev/null
done
check "the same program anew: all of $tries" came 7051 $tries

# -- … and what the far end says then is its answer: it begins nothing --
count 7052
over=$(counter taken_over)
mkfifo "$tmp/answer"
background ins python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.2", 7052))
print("ready", flush=True)
_, peer = s.recvfrom(99)
open(sys.argv[1]).read()
s.sendto(b"late\n", peer)' "$tmp/answer" >"$tmp/answerer.out"
answerer=$pid
wait_for has_text ready "$tmp/answerer.out"
cat >"$tmp/asker.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.1", 5563))
s.sendto(b"x", ("10.9.0.2", 7052))
if sys.argv[1] == "stay":
    print(s.recv(99).decode(), flush=True)
PY
cp "$bin/server" "$bin/good-asker"
inc "$bin/good-asker" "$tmp/asker.py" go
background inc "$bin/good-asker" "$tmp/asker.py" stay >"$tmp/answer.out"
asker=$pid
went_over() { [ "$(counter taken_over)" -gt "$over" ]; }
check "started anew it goes on" came 7052 2
check "… which is seen" wait_for went_over
: >"$tmp/answer"
wait $answerer $asker
check "… and is answered" has_text late "$tmp/answer.out"
check "… by nobody who has begun anything" flows "any(x['dport'] == 7052
	for x in f) and not any(x['sport'] == 7052 for x in f)"

# -- with the ends of one that lives, by a raw socket --
count 7600
mkfifo "$tmp/end"
background inc "$bin/good" -c "exec 3<>/dev/udp/10.9.0.2/7600
    echo good >&3; read x <$tmp/end"
lives=$pid
check "who may sends" came 7600 1
ctl --json flows >"$tmp/flows"
sport=$(sed -n 's/.*"sport":\([0-9]*\),.*"dport":7600,.*/\1/p' "$tmp/flows")
cat >"$tmp/forge.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
udp = b"".join(n.to_bytes(2, "big") for n in (int(sys.argv[1]), 7600, 12, 0))
ip = bytes([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2])
for i in range(3):
    try:
        s.sendto(ip + udp + b"evil", ("10.9.0.2", 0))
    except PermissionError:
        pass
PY
inc python3 "$tmp/forge.py" "$sport"
check "who forges its ends does not: none of 3" came 7600 1
echo >"$tmp/end"
wait "$lives"

# -- as what it is --
spoof() { # spoof NAME PORT COMMAND...: none of it arrives
	_name=$1 _port=$2
	shift 2
	count $_port
	for i in $(seq $tries); do inc "$@" >/dev/null 2>&1; done
	check "$_name: none of $tries" came $_port 0
}
spoof "a hard link" 7101 "$bin/linked" one udp 10.9.0.2 7101
spoof "laid over the path of one that may" 7102 unshare -rm sh -c "
    mount --bind $bin/bad-short $bin/good-short &&
    exec $bin/good-short one udp 10.9.0.2 7102"
loader=$(ls /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-*.so.* 2>/dev/null | head -1)
[ -z "$loader" ] ||
	spoof "run by the loader" 7103 "$loader" "$bin/good-short" \
	    one udp 10.9.0.2 7103
cat >"$tmp/memfd.py" <<'PY'
import os, sys
fd = os.memfd_create("good-short", 0)
os.write(fd, open(sys.argv[1], "rb").read())
os.execv(f"/proc/self/fd/{fd}", [sys.argv[1]] + sys.argv[2:])
PY
spoof "from memory" 7104 python3 "$tmp/memfd.py" "$bin/good-short" \
    one udp 10.9.0.2 7104
printf '#!%s\necho x >/dev/udp/10.9.0.2/7105\n' "$bin/bad" >"$bin/script"
chmod +x "$bin/script"
spoof "a script of one that may not" 7105 "$bin/good" -c "exec $bin/script"

# -- as who may, since a process may name its executable as it likes --
ins $IPT4 -I INPUT -p tcp --dport 7106 --syn -m comment --comment "n7106"
posed=0
for i in 1 2 3; do
	inc setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
	    "$bin/pose" "$bin/good-short" 10.9.0.2 7106 >/dev/null 2>&1 ||
		posed=$?
done
if [ $posed = 77 ]; then
	echo "# the kernel lets nobody name his executable"
else
	check "named another executable as its own" [ $posed = 0 ]
	check "… and does not pass for that: none" came 7106 0
	check "… nor is shown as that" flows "any(x['dport'] == 7106 for x in f) \
	    and not any(x['exe'] == '$bin/good-short'
		for x in f if x['dport'] == 7106)"
	as_nobody() { # as_nobody CMD...: in the background
		background inc setpriv --reuid 65534 --regid 65534 \
		    --clear-groups --inh-caps=-all "$@" >"$tmp/pose.out"
	}
	poses() { as_nobody "$bin/pose" "$@"; } # poses EXE ADDRESS PORT...
	unlike() { # unlike PORT EXE: shown, and never as that
		flows "any(x['dport'] == $1 for x in f) and not any(
		    x['exe'] == '$2' for x in f if x['dport'] == $1)"
	}
	listener() { # listener PORT EXE: nobody is let in for that
		check "it listens as that, $1" \
		    wait_for has_text listens "$tmp/pose.out"
		kill -CONT $daemon
		ins "$BUILDDIR/probe" tcp 10.9.0.1 $1 20000 \
		    >"$tmp/probe.out" 2>&1
		check "… and nobody is let in for that, $1" \
		    grep -q EHOSTUNREACH "$tmp/probe.out"
		check "… nor is it shown as that, $1" unlike $1 "$2"
		check "… but as one unknown, $1" flows "each(
		    x['exe'] == 'unknown' for x in f if x['dport'] == $1)"
		stop "$pid"
	}
	poses "$bin/good-short" 10.9.0.1 8001 listen
	listener 8001 "$bin/good-short"
	# … which is what it was before
	as_nobody "$bin/good" -c "exec $bin/pose $bin/good 10.9.0.1 8002 listen"
	listener 8002 "$bin/good"
	# where there was no room to tell what it was started as
	cat >"$tmp/births.py" <<'PY'
import os
for _ in range(400):  # more than there is room for
    os.waitpid(os.posix_spawn("/bin/true", ["true", "x" * 4000], {}), 0)
PY
	asks() { inc ss -Htn state syn-sent | grep -q ":$1"; }
	asker() { # asker PORT: it does not pass for who may
		check "… and it asks, $1" wait_for asks $1
		kill -CONT $daemon
		check "… and does not pass for who may, $1: none" came $1 0
		check "… nor is shown as that, $1" unlike $1 "$bin/good-short"
		stop "$pid"
	}
	for port in 7107 7108; do
		ins $IPT4 -I INPUT -p tcp --dport $port --syn \
		    -m comment --comment "n$port"
	done
	mkfifo "$tmp/line"
	background_in=$tmp/line poses "$bin/good-short" 10.9.0.2 7108 copy
	copier=$pid
	exec 9<>"$tmp/line"
	check "one that will have a child" \
	    wait_for has_text waits "$tmp/pose.out"
	kill -STOP $daemon
	python3 "$tmp/births.py"
	echo >&9
	check "the child poses, of whose birth nothing is known" \
	    wait_for has_text forked "$tmp/pose.out"
	pid=$copier
	asker 7108
	exec 9>&-
	kill -STOP $daemon
	python3 "$tmp/births.py"
	poses "$bin/good-short" 10.9.0.2 7107
	check "one poses of whose start nothing is known" test -n "$pid"
	asker 7107
	kill -STOP $daemon
	python3 "$tmp/births.py"
	poses "$bin/good-short" 10.9.0.1 8003 listen
	listener 8003 "$bin/good-short"
	kill -STOP $daemon
	python3 "$tmp/births.py"
	as_nobody "$bin/good-probe" serve 8003 10.9.0.1
	check "one that poses for nobody, whose start was lost, too" \
	    wait_for has_text ready "$tmp/pose.out"
	kill -CONT $daemon
	check "… is who it is: it may be spoken to" \
	    felt ok ins "$BUILDDIR/probe" tcp 10.9.0.1 8003 20000
	check "… and shown as that" flows "any(x['dport'] == 8003 and
	    x['exe'] == '$bin/good-probe' for x in f)"
	stop "$pid"
fi

# -- who is shown --
check "nobody passed for another" flows "each(x['exe'] == '$bin/linked'
	for x in f if x['dport'] == 7101) and each(x['exe'].endswith('(deleted)')
	for x in f if x['dport'] == 7104) and each(x['exe'] == '$bin/bad'
	for x in f if x['dport'] == 7105)"

# -- what was there before an upgrade --
rules "block exe $bin/bad to port 7201" "accept exe $bin/good to port 7202" \
    "block to port 7202" "default out accept" "default in accept"
daemon_reload
for name in good bad; do
	mkfifo "$tmp/go.$name"
	port=7201
	[ $name = bad ] || port=7202
	count $port
	background inc "$bin/$name" -c "read x <$tmp/go.$name
	    for i in 1 2 3; do echo x >/dev/udp/10.9.0.2/$port; done"
	eval "$name=\$pid"
	wait_for sh -c "[ \$(readlink /proc/$pid/exe) = $bin/$name ]"
	cp "$bin/$name" "$bin/new" && mv "$bin/new" "$bin/$name"
done 2>/dev/null
for name in good bad; do
	eval "p=\$$name"
	echo >"$tmp/go.$name"
	wait "$p"
done
check "replaced while it ran: blocked as before" came 7201 0
check "replaced while it ran: accepted no more" came 7202 0

# -- a flow, and its process, that moves to another unit --
rules "block unit $unit to 10.9.0.2 port 7700-7701" \
    "default out accept" "default in accept"
daemon_reload
count 7700
count 7701
mkfifo "$tmp/in"
# a read whose time is over as the line comes would lose it: a file says it
background inc "$bin/good" -c "exec 3<>/dev/udp/10.9.0.2/7700
    exec 5<>$tmp/in 6<>$tmp/never
    echo x >&3; read x <&5
    echo \$\$ >$slice/$unit/cgroup.procs
    exec 4<>/dev/udp/10.9.0.2/7701; echo x >&4
    while echo x >&3; [ ! -e $tmp/moves ]; do read -t 0.02 x <&6; done
    echo \$\$ >$groups/cgroup.procs; exec 3>&- 4>&-
    exec 4<>/dev/udp/10.9.0.2/7701; echo x >&4" 2>/dev/null
mover=$pid
check "it sends before it moves" came 7700 1
echo 1<>"$tmp/in"
check "the flow of who has moved is judged by its unit" wait_for flows "
    any(x['dport'] == 7700 and x['process']['unit'] == '$unit'
    and x['verdict'] == 'block' for x in f)"
check "… so is a new one" wait_for flows "any(x['dport'] == 7701
    and x['process']['unit'] == '$unit' for x in f)"
: >"$tmp/moves"
wait "$mover"
check "… none of them arrives" came 7700 1
check "… and what it sends from without does" came 7701 1

# a set of groups of its own does not make another unit of it
ins $IPT4 -A INPUT -p udp --dport 7702 -j DROP # silently
count 7702
background inc "$bin/good" -c "
    echo \$\$ >$slice/$unit/cgroup.procs
    exec 3<>/dev/udp/10.9.0.2/7702 5<>$tmp/in; echo x >&3
    read x <&5; echo \$\$ >$set/other/cgroup.procs
    echo x >&3; echo x >&3" 2>/dev/null
mover=$pid
check "a flow of a unit" came 7702 1
echo 1<>"$tmp/in"
wait "$mover"
check "who is in another set of groups loses nothing" came 7702 3

# -- the port of one that ended, when conntrack has forgotten it, by one that
# waits there for the other side to speak --
forgotten() { ! grep -q "dport=$1 " "$tmp/ct"; }
entries() { inc cat /proc/net/nf_conntrack >"$tmp/ct" && forgotten "$1"; }
rules "accept out exe $bin/good-short" "block out to 10.9.0.2 port 7301" \
    "block in to 10.9.0.1 port 8001" "default out accept" "default in accept"
daemon_reload
count 7301
timeout=/proc/sys/net/netfilter/nf_conntrack_udp_timeout
inc sh -c "cat $timeout >'$tmp/timeout'; echo 1 >$timeout"
inc env SHORT_BIND=8001 "$bin/good-short" udp 10.9.0.2 7301 1 1 >/dev/null
check "who may speaks from a port" came 7301 1
wait_for entries 7301
cat >"$tmp/waits.py" <<'PY'
import socket
def at(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.1", port))
    s.settimeout(0 if port == 8001 else 10)
    return s
mine, last = at(8001), at(8003)
print("ready", flush=True)
last.recv(16)
try:
    print("came", mine.recv(16), flush=True)
except OSError:
    print("nothing came", flush=True)
try:
    mine.sendto(b"it leaks", ("10.9.0.2", 7301))
except OSError:
    pass
PY
background inc python3 "$tmp/waits.py" >"$tmp/waits"
waits=$pid
wait_for has_text ready "$tmp/waits"
ins python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.2", 7301))
for port in 8001, 8003:
    s.sendto(b"now", ("10.9.0.1", port))'
wait "$waits"
check "who has the port next hears nothing" \
    grep -qx "nothing came" "$tmp/waits"
check "and does not get an answer out" came 7301 1
inc sh -c "cat '$tmp/timeout' >$timeout"

# -- through a tunnel of the kernel's: its flow is everybody's, and nobody's --
if inc ip link add vx0 type vxlan id 7 remote 10.9.0.2 local 10.9.0.1 \
    dstport 4789 srcport 5000 5001 2>/dev/null; then
	inc ip -batch - <<-END
		link set vx0 addrgenmode none
		address add 10.70.0.1/24 dev vx0
		link set vx0 up
		neigh replace 10.70.0.2 lladdr 02:00:00:00:00:07 dev vx0
	END
	count 4789
	for name in good bad; do
		mkfifo "$tmp/$name.in"
		background_in=$tmp/$name.in
		background inc "$bin/$name" -c 'exec 3<>/dev/udp/10.70.0.2/8200
			while read -r line; do echo "$line" >&3; done'
	done
	unset background_in
	exec {good}>"$tmp/good.in" {bad}>"$tmp/bad.in"
	echo first >&$good
	echo first >&$bad
	check "two programs, the first of both" came 4789 2
	check "… and the daemon sent none of it" flows \
	    "[x for x in f if x['dport'] == 4789] and not any(
	    x['dport'] == 4789 and x['reason'] == 'self' for x in f)"
	for i in $(seq $tries); do
		echo $i >&$good
		echo $i >&$bad
	done
	check "… and all that follow, in turn" came 4789 $((2 * tries + 2))
	inc ip link del vx0
else
	echo "# no VXLAN here"
fi

# -- a rule by script: another script has its port --
cat >"$tmp/may.py" <<'PY'
"""may.py KIND PORT: from port 5590."""
import socket, sys
kind = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}[sys.argv[1]]
with socket.socket(socket.AF_INET, kind) as s:
    s.bind(("10.9.0.1", 5590))
    s.settimeout(0.1)
    try:
        s.connect(("10.9.0.2", int(sys.argv[2])))
        s.send(b"x")
    except OSError:  # refused or unanswered, both do
        pass
PY
cp "$tmp/may.py" "$tmp/not.py"
rules "accept script $tmp/may.py" "block out to 10.9.0.2 port 7400-7499" \
    "default out accept" "default in accept"
daemon_reload
for kind in udp tcp; do
	[ $kind = udp ] && port=7401 || port=7402
	ins $IPT4 -I INPUT -p $kind --dport $port -j DROP
	ins $IPT4 -I INPUT -p $kind --dport $port -m comment --comment "n$port"
	inc python3 "$tmp/may.py" $kind $port
	check "a script that may, $kind" came $port 1
	for i in 1 2 3; do inc python3 "$tmp/not.py" $kind $port; done
	check "another one from its port, $kind: none" came $port 1
done
# -- a supervisor that is not the first process hands its socket, for a datagram
# each, to a program that answers it (dgram udp wait): the first answer tells who
# that is --
cat >"$tmp/inetd.py" <<'PY'
"""inetd.py PORT CMD...: as inetd does it."""
import select, socket, subprocess, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    select.select([s], [], [])
    subprocess.run(sys.argv[2:], stdin=s, stderr=subprocess.DEVNULL)
PY
cat >"$tmp/answer.py" <<'PY'
import socket
s = socket.socket(fileno=0)
s.sendto(b"got", s.recvfrom(100)[1])
PY
cat >"$tmp/ask.py" <<'PY'
"""ask.py PORT TIMES: 0 if it is answered."""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.9.0.1", int(sys.argv[1])))
s.settimeout(2)
for n in range(int(sys.argv[2])):
    s.send(b"x")
    try:
        sys.exit(s.recv(100) != b"got")
    except TimeoutError:
        pass
sys.exit(1)
PY
for name in answers denied; do cp "$(readlink -f /usr/bin/python3)" "$bin/$name"; done
rules "block out exe $bin/denied" "default out accept" "default in accept"
daemon_reload
for name in answers denied; do
	[ $name = answers ] && port=5591 || port=5592
	background inc python3 "$tmp/inetd.py" $port "$bin/$name" "$tmp/answer.py" \
	    >"$tmp/inetd.out"
	inetd=$pid
	wait_for has_text ready "$tmp/inetd.out"
	if [ $name = answers ]; then
		check "a service of inetd's: answers" ins python3 "$tmp/ask.py" $port 3
		check "… and from then on at once" ins python3 "$tmp/ask.py" $port 1
		daemon_reload
		check "… after a reload, too" ins python3 "$tmp/ask.py" $port 1
	else
		check_not "one that may send nothing does not" \
		    ins python3 "$tmp/ask.py" $port 2
	fi
	stop $inetd
done
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
