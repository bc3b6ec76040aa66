#!/bin/bash
# How flows end, and what comes to the entry that should not: bytes before a
# reset arrive, what a program sends while its tunnel dials is held back, one
# source port leads to two far ends, answers of strangers reach nobody, a far
# end that is there no more is given up and one that takes nothing is not,
# descriptors that run out come back, and none is lost.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: danted 1080, a proxy that
#       default route to s              never answers a request 1081, one that
#                                       never says a word 1082
#                                       192.0.2.7, .8, 2001:db8::7: far ends
. "$(dirname "$0")/lib.sh"
need_root
need python3 conntrack prlimit
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
danted_up
ends=$top/tests/netns/ends.py
background ins python3 "$ends" far 192.0.2.7 192.0.2.8 2001:db8::7 \
    >>"$tmp/ends.out"
wait_for has_text ready "$tmp/ends.out"
background ins python3 "$ends" mute 10.9.0.2 1081 >"$tmp/mute.out"
wait_for has_text ready "$tmp/mute.out"
background ins python3 -c 'import signal, socket
s = socket.create_server(("10.9.0.2", 1082))
print("ready", flush=True)
signal.pause()' >"$tmp/dumb.out"
wait_for has_text ready "$tmp/dumb.out"
# nobody there answers ARP, nor anything else
ins ip route add 203.0.113.98/32 dev s0
ins ip neighbour add 203.0.113.98 lladdr 02:00:00:00:00:77 dev s0

settings '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080' \
    '[tunnel "dev"]' 'upstream = direct' 'device = c0' \
    '[tunnel "again"]' 'upstream = direct' 'device = v1' \
    '[tunnel "moves"]' 'upstream = direct' 'fwmark = 1' \
    '[tunnel "mute"]' 'upstream = socks5://10.9.0.2:1081' \
    '[tunnel "dumb"]' 'upstream = socks5://10.9.0.2:1082' \
    '[tunnel "either"]' 'failover = dumb, socks' \
    '[tunnel "early"]' 'upstream = socks5://10.9.0.2:1081' 'honest-connect = no'
rules "reroute via again out to 10.8.0.2" \
    "reroute via either out exe $python to 192.0.2.8 port 7002" \
    "reroute via dev out exe $python to 192.0.2.8 port 7001" \
    "reroute via early out exe $python to port 7001" \
    "reroute via moves out exe $python to port 7003" \
    "reroute via mute out exe $python to port 7006" \
    "reroute via dev out exe $python to 192.0.2.7, 2001:db8::7 port 7020-7021, 7025-7026" \
    "reroute via socks out exe $python" "default out accept" "default in accept"
check "the daemon starts" daemon_start
run() { inc python3 "$ends" "$@"; }
# others of its own it keeps for a while: pipes, and files below /proc
descriptors() { ls -l "/proc/$daemon/fd" | grep -c socket:; }
said_is() { # WANT WORD...
	local want=$1
	shift
	said=$(run "$@" 2>&1)
	echo "$said"
	[[ $said =~ ^($want)$ ]]
}
check "a first one" says welcome tcp 192.0.2.7 7002 first
# what this one sends nobody takes; the daemon looks for such every 30 s
mkfifo "$tmp/pour.in"
inc python3 "$ends" pour 192.0.2.7 7025 <"$tmp/pour.in" >"$tmp/pour" &
pour=$!
exec 7>"$tmp/pour.in"
check "a far end that takes nothing" wait_for has_text full "$tmp/pour"
partner giver inc ends.py pour 192.0.2.8 7025 # a second one: "full"
tell_only giver reset
limit() { # of the silence that the daemon puts up with: ADDR PORT [NEW]
	python3 "$ends" option "$daemon" "$1" "$2" TCP_USER_TIMEOUT ${3-}
}
base=$(descriptors)
# … and a way that leads nowhere is given up after 15
run_in tcp 203.0.113.98 7002 >"$tmp/hole" 2>&1 &
hole=$!
# one of a list that says nothing is given up before the SYN is
run_in tcp 192.0.2.8 7002 first >"$tmp/either" 2>&1 &
either=$!

# -- the entry --
inc ss -Htlnup 'sport = :1117' | awk '{ print $1, $5 }' | sort >"$tmp/entry"
printf '%s\n' 'tcp 127.0.0.17:1117' 'tcp [::1]:1117' 'udp 127.0.0.17:1117' \
    'udp [::1]:1117' >"$tmp/entry.want"
check_same "bound to the two addresses alone" "$tmp/entry.want" "$tmp/entry"
for at in 127.0.0.17 ::1; do
	check "$at: a direct connection is reset" \
	    says_like 'ECONNRESET|EOF' tcp $at 1117 poke
	strays=$(counter port17_strays)
	mkfifo "$tmp/stray.$at"
	inc python3 "$ends" stray $at 1117 <"$tmp/stray.$at" >"$tmp/stray" &
	stray=$!
	exec 6>"$tmp/stray.$at"
	check "$at: a direct datagram is counted" wait_for sh -c \
	    "[ \"\$('$REROUTECTL' --control '$tmp/control' --json status |
	    grep -o '\"port17_strays\": *[0-9]*' | grep -o '[0-9]*\$')\" \
	    -gt $strays ]"
	exec 6>&-
	wait $stray
	check "$at: and not answered" grep -q nothing "$tmp/stray"
done
check "one source port, two far ends" said_is "192.0.2.7 192.0.2.8" \
    twice 30001 192.0.2.7 192.0.2.8

# -- ends --
for far in 192.0.2.7 2001:db8::7; do
	: >"$tmp/ends.out"
	check "$far: what was said before a reset arrives" \
	    said_is "100000 ECONNRESET" late "$tmp/ends.out" $far 7020 gone
	: >"$tmp/ends.out"
	check "$far: so does the end, where it was said" \
	    said_is "100000 EOF" late "$tmp/ends.out" $far 7021 gone
done

pushes() { [ "$(ins python3 "$ends" push $1)" = done ]; }
# -- conntrack forgets a flow, and the far end is the next that speaks --
for far in 192.0.2.7 2001:db8::7; do
	partner $far inc sock.py connect tcp $far 7026
	tell_only $far hear 20000
	inc conntrack -F 2>/dev/null
	wait_for pushes $far
	check "$far: its program does not wait for ever" \
	    wait_for answers $far ECONNABORTED
	partner b$far inc sock.py connect tcp $far 7026
	wait_for pushes $far
	tell b$far recv
	tell_only b$far hear 20000
	inc conntrack -F 2>/dev/null
	ins python3 "$ends" break $far >/dev/null
	check "$far: nor where the far end breaks it off" \
	    wait_for answers b$far ECONNABORTED
	# each has said its end: there is nobody left who would be told
	partner l$far inc sock.py connect tcp $far 7026
	wait_for pushes $far
	tell l$far recv
	tell l$far end
	tell_only l$far hear 20000
	inc conntrack -F 2>/dev/null
	ins python3 "$ends" last $far >/dev/null
	check "$far: nor where that was its last word" \
	    wait_for answers l$far ECONNABORTED
	partner m$far inc sock.py connect tcp $far 7003
	tell_only m$far hear 20000
	inc conntrack -F 2>/dev/null
	sed -i 's/^fwmark = /&1/' "$conf"
	daemon_reload
	check "$far: nor where its tunnel is another one by then" \
	    wait_for answers m$far ECONNABORTED
	# conntrack takes no end for a flow's first packet
	partner e$far inc sock.py connect tcp $far 7026
	wait_for pushes $far
	tell e$far recv
	inc conntrack -F 2>/dev/null
	tell e$far end
	tell e$far hear 20000
	check "$far: nor where its own end is the next word" \
	    answers e$far ECONNABORTED
	check "$far: of which the far end is told, too" flows "max(
	    (x for x in f if x['dst'] == '$far' and x['dport'] == 7026 and
	    x['tunnel']),
	    key=lambda x: x['time'])['close_reason'] == 'the program broke it off'"
done

# -- while it is dialled --
run flood 192.0.2.7 7001 1 >"$tmp/first" # what is done once is there then
none_held() { # of any of three, whatever else the daemon does meanwhile
	local before n
	for n in 1 2 3; do
		before=$(resident)
		said=$(run flood 192.0.2.7 7001 2)
		echo "$said bytes went, $(($(resident) - before)) kB more resident"
		[ $(($(resident) - before)) -ge 1000 ] || return 0
	done
	return 1
}
check "a flood: none of it is held" none_held
check "and the kernel took its own buffers full alone" [ "$said" -lt 16000000 ]
check "programs that give up" said_is "gave up" impatient 40 192.0.2.7 7006
check "and those whose SYN went on" said_is "gave up" impatient 40 192.0.2.7 7001
wait $hole
said=$(cat "$tmp/hole") again=(tcp 203.0.113.98 7002) again_from=
wait $either
check "the first of a list says nothing: the next one is there in 8 s" \
    grep -E '^welcome .*\b[1-7]?[0-9]{1,3}$' "$tmp/either"
check "a black hole: told within the time" \
    grep -E '^(EHOSTUNREACH|ETIMEDOUT) ' "$tmp/hole"
check "which is 15 s" soon 17000
# the kernel may send it anew when it is told (RFC 6069)
check "its SYN was dialled for once" flows "[x['packets_judged'] for x in f
    if x['dst'] == '203.0.113.98' and x['tunnel']] == [1]"
back() { [ "$(descriptors)" -le "$base" ]; }
check "all descriptors are back" wait_for back

# -- the rules change while a SYN is held: it is judged by the new ones --
held_while() { # RULE that is new: what connect() says; to 192.0.2.7 7006
	cp "$tmp/rules/10.rules" "$tmp/before"
	run_in tcp 192.0.2.7 7006 up 1000 >"$tmp/held" &
	held=$!
	wait_for flows 'any(x["dport"] == 7006 and x["tunnel"] == "mute" and
	    x.get("upstream", "") is None and x["close_reason"] is None
	    for x in f)'
	rules "$1" "$(cat "$tmp/before")"
	daemon_reload
	wait $held
	cp "$tmp/before" "$tmp/rules/10.rules"
	daemon_reload
	cat "$tmp/held"
}
check "a rule lets it through: it is connected, within a second or so" eval \
    'held_while "reroute via socks out exe $python to port 7006" |
    grep -E "^ok [0-9]{1,4}\$"'
check "a rule blocks it: so it is, like any other" eval \
    'held_while "block out exe $python to port 7006" | grep "^EHOSTUNREACH"'
held_while_moved() { # its tunnel goes elsewhere: what connect() says
	run_in tcp 192.0.2.7 7006 up 1000 >"$tmp/held" &
	held=$!
	wait_for flows 'any(x["dport"] == 7006 and x["tunnel"] == "mute" and
	    x.get("upstream", "") is None and x["close_reason"] is None
	    for x in f)'
	sed -i 's/:1081$/:1099/' "$conf"
	daemon_reload
	wait $held
	sed -i 's/:1099$/:1081/' "$conf"
	daemon_reload
	cat "$tmp/held"
}
check "its tunnel is to go where nobody is: it is told so, not connected" eval \
    'held_while_moved | grep "^EHOSTUNREACH"'

# -- far ends that are there no more, or take nothing --
partner gone inc sock.py connect tcp 192.0.2.8 7001
tell gone send one
tell gone recv
check "a flow is up" answers gone "got one"
limited() { [ "$(limit 192.0.2.8 7001)" = 120000 ]; }
check "its far end may be silent for two minutes" wait_for limited
for end in 192.0.2.8 10.9.0.1; do # the far end, and all programs
	check "$end: asked after a minute whether it is there" [ "$(python3 \
	    "$ends" option "$daemon" $end 0 TCP_KEEPIDLE | sort -u)" = 60 ]
done
limit 192.0.2.8 7001 1000 >/dev/null # two minutes are not waited for here
ins ip address del 192.0.2.8/32 dev lo
tell gone send two
tell gone hear 9000
check "it is there no more: the flow is broken" answers gone ECONNRESET
check "and why is known" flows 'any(x["dst"] == "192.0.2.8" and
    x.get("close_reason") == "the far end or the tunnel broke it off" for x in f)'
ins ip address add 192.0.2.8/32 dev lo
unlimited() { [ "$(limit 192.0.2.7 7025)" = 0 ]; }
check "one that is there, and takes nothing, may do so for ever" eval \
    "wait_for unlimited || wait_for unlimited || wait_for unlimited"
check "unless its program has broken it off: the far end is told" wait_for \
    flows 'any(x["dst"] == "192.0.2.8" and x["dport"] == 7025 and
    x.get("close_reason") == "the program broke it off" for x in f)'
printf '\n\n' >&7
exec 7>&-
check "when it reads" said_is done read 192.0.2.7
wait $pour
check "it gets all" wait_for grep -qx \
    "all $(awk '/^sent/ { print $2 }' "$tmp/pour")" "$tmp/ends.out"

# -- datagrams of others --
partner one inc ends.py hold 192.0.2.7
tell one other
check "who was not asked is not heard" answers one "mine 192.0.2.7 7023"
wait_for has_text held "$tmp/ends.out"
inc conntrack -D -p udp >/dev/null 2>&1
tell one release
check "an answer after its entry is gone" answers one done
tell one look
check "comes from whom it is, or not at all" answers one nothing \
    "released 192.0.2.7 7023"

# -- a device that is made anew, as a VPN does when it starts again --
device() {
	inc ip link add v1 type veth peer name v2
	inc ip link set v2 netns "$S"
	inc ip address add 10.8.0.1/24 dev v1
	ins ip address add 10.8.0.2/24 dev v2
	ins ip link set v2 up
	inc ip link set v1 up
}
device
background ins python3 -c '
import socket
with socket.create_server(("10.8.0.2", 7044)) as s:
    print("ready", flush=True)
    c = s.accept()[0]
    while True:
        c.send(c.recv(100))' >"$tmp/echo.out"
wait_for has_text ready "$tmp/echo.out"
partner again inc talk.py tcp,10.8.0.2,7044
check "through a device of a tunnel" talk_is again ok
inc ip link del v1
device
check "made anew it carries the connection on, and that is said" wait_for \
    has_text "a device was made anew, connections go on by it count=1" \
    "$tmp/daemon.log"
tell again
check "it does" talk_is again ok

# -- no descriptors --
later() { wait_for "$@" || wait_for "$@"; }
base=$(descriptors) # the association of these is up for a while
check "the daemon has few descriptors left" as_daemon prlimit --pid "$daemon" \
    --nofile=$(($(ls "/proc/$daemon/fd" | wc -l) + 104)):
mkfifo "$tmp/crowd.in"
for way in "192.0.2.7 7020" "192.0.2.8 7005"; do
	said=$tmp/crowd.${way#* } # what is in the background empties its own late
	inc python3 "$ends" crowd 200 $way <"$tmp/crowd.in" >"$said" &
	crowd=$!
	exec 6>"$tmp/crowd.in"
	check "$way: more than there are descriptors" \
	    wait_for has_text made "$said"
	check "$way: each is told something" grep -q 'left 0$' "$said"
	check "$way: who asks the daemon is answered" ctl --json status
	check "$way: and some were made" grep -q 'made [1-9]' "$said"
	exec 6>&-
	wait $crowd
	# a reset waits 10 s for what the other side has not taken yet
	check "$way: all descriptors are back" later back
done
check "it goes on" wait_for says welcome tcp 192.0.2.7 7002 first

# -- what was dialled for a program that is gone meanwhile is not for who has its
# port then --
cat >"$tmp/far.py" <<'PY'
import socket, sys, threading
def through(c):  # a proxy that takes its time
    c.recv(3)
    c.send(b"\5\0")
    c.recv(100)
    print("asked", flush=True)
    sys.stdin.readline()
    c.send(b"\5\0\0\1\0\0\0\0\0\0" + b"of the other")
    print("there", flush=True)
    try:
        print("heard", c.recv(100).decode() or "nothing", flush=True)
    except OSError:
        print("heard nothing", flush=True)
def direct(c):
    c.send(b"its own")
def serve(at, fn):
    with socket.create_server(at) as s:
        while True:
            threading.Thread(target=fn, args=(s.accept()[0],)).start()
threading.Thread(target=serve, args=(("10.9.0.2", 1085), through)).start()
threading.Thread(target=serve, args=(("192.0.2.7", 7030), direct)).start()
print("ready", flush=True)
PY
cat >"$tmp/from.py" <<'PY'
import os, socket, sys
uid = int(sys.argv[1])
os.setresuid(uid, uid, uid)
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("10.9.0.1", 7711))
if sys.argv[2] == "go":
    s.setblocking(False)
    s.connect_ex(("192.0.2.7", 7030))
    print("sent", flush=True)
    sys.stdin.readline()
    os._exit(0)
s.settimeout(10)
s.connect(("192.0.2.7", 7030))
s.send(b"a word")
print(s.recv(100).decode(), flush=True)
PY
settings '[tunnel "late"]' 'upstream = socks5://10.9.0.2:1085' \
    '[tunnel "dev"]' 'upstream = direct' 'honest-connect = no' \
    '[tunnel "held"]' 'upstream = direct'
rules "reroute via late out user 65531" "reroute via dev out user 65532" \
    "default out accept" "default in accept"
daemon_reload
mkfifo "$tmp/far.in" "$tmp/from.in"
exec {far_in}<>"$tmp/far.in" {from_in}<>"$tmp/from.in"
background_in=$tmp/far.in
background ins python3 "$tmp/far.py" >"$tmp/far.out"
background_in=$tmp/from.in
wait_for listens ins 7030
background inc python3 "$tmp/from.py" 65531 go >"$tmp/from.out"
unset background_in
wait_for has_text asked "$tmp/far.out"
echo >&$from_in
wait "$pid"
echo >&$far_in
wait_for has_text there "$tmp/far.out"
check "who has its port next gets what is its own" eval \
    '[ "$(inc python3 "$tmp/from.py" 65532 now)" = "its own" ]'
check "and the other tunnel gets nothing of it" \
    wait_for grep -qx "heard nothing" "$tmp/far.out"
check_judged

# -- the same, where it is seen to have ended only when its program has begun
# anew from the same port --
cat >"$tmp/anew.py" <<'PY'
import errno, os, select, signal, socket, struct, subprocess, sys
def begin():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("10.9.0.1", 7712))
    return s
daemon, far = int(sys.argv[1]), ("192.0.2.7", 7001)
s = begin()
s.connect(far)
s.send(b"x")
s.recv(1)
os.kill(daemon, signal.SIGSTOP)
if sys.argv[2] == "flush":
    subprocess.run(["conntrack", "-F"], stderr=subprocess.DEVNULL)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
s = begin()
s.setblocking(False)
s.connect_ex(far)
os.kill(daemon, signal.SIGCONT)
select.select([], [s], [], 20)
print(errno.errorcode.get(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)))
PY
for t in dev held; do
	rules "reroute via $t out to 192.0.2.7" "default out accept" \
	    "default in accept"
	daemon_reload
	for how in keep flush; do
		check "$t: who begins anew at once is connected ($how)" eval \
		    '[ "$(inc python3 "$tmp/anew.py" $daemon $how)" = None ]'
	done
done

# -- a far end that forgot the connection: it resets what comes in bulk, of
# which a part has gone when the kernel hears of it --
rules "reroute via dev out exe $python to 192.0.2.7 port 7031, 7033" \
    "default out accept" "default in accept"
daemon_reload
partner taker ins sock.py listen tcp 192.0.2.7 7033
partner giver inc sock.py connect tcp 192.0.2.7 7033
wait_for answers taker up
tell_only giver bulk 6000000
tell taker take 6000000
check "bulk arrives" answers taker took
ins $IPT4 -A OUTPUT -p tcp --tcp-flags RST RST -j DROP
ins ss -K 'sport = :7033' >/dev/null 2>&1
ins $IPT4 -D OUTPUT -p tcp --tcp-flags RST RST -j DROP
kill -STOP "$daemon"
tell giver bits 60
kill -CONT "$daemon"
tell giver hear 9000
check "its program does not take that for an end" answers giver ECONNRESET

# -- it is killed: what it carried was cut short, and does not look whole --
partner last ins sock.py listen tcp 192.0.2.7 7031
partner first inc sock.py connect tcp 192.0.2.7 7031
wait_for answers last up
tell first send one
tell last recv
daemon_stop KILL
for end in first last; do
	tell $end hear 9000
	check "$end: it is broken" answers $end ECONNRESET
done
check "it starts again" daemon_start
daemon_stop
check "the daemon ends well" test $? = 0
finish
