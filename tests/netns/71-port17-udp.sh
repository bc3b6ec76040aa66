#!/bin/bash
# UDP through a SOCKS proxy and out of a device: one socket to many ends, large
# datagrams, a daemon that begins anew in mid-flow, and a tunnel that has none.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: danted 1080, microsocks 1081
#       default route to s              lo: 192.0.2.7 to .9, 2001:db8::7 to ::9
. "$(dirname "$0")/lib.sh"
need_root
need python3 microsocks conntrack
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
danted_up
background ins microsocks -i 10.9.0.2 -p 1081
wait_for listens ins 1081

settings '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080' \
    '[tunnel "none"]' 'upstream = socks5://10.9.0.2:1081' \
    '[tunnel "dev"]' 'upstream = direct' 'device = c0' \
    '[tunnel "plain"]' 'upstream = direct' 'fwmark = 77' \
    '[tunnel "no"]' 'upstream = direct' 'udp = reject' \
    '[tunnel "silent"]' 'upstream = direct' 'udp = drop' \
    '[tunnel "dies"]' 'upstream = socks5://10.9.0.2:1082' \
    '[tunnel "later"]' 'upstream = socks5://10.9.0.2:1083' \
    '[tunnel "web"]' 'upstream = http://10.9.0.2:8080' \
    '[tunnel "dead"]' 'upstream = socks5://10.9.0.2:1999' \
    '[tunnel "nodev"]' 'upstream = direct' 'device = wg9' \
    '[tunnel "vpn"]' 'upstream = direct' 'device = c1' \
    '[tunnel "either"]' 'failover = vpn, dev' \
    '[tunnel "any"]' 'failover = nodev, dead, none, socks' \
    '[tunnel "away"]' 'upstream = socks5://10.9.0.2:1998' \
    '[tunnel "last"]' 'failover = away, dev'
via() { rules "reroute via $1 out exe $python" "default out block" \
    "default in accept"; }
via socks
wire_up 224.0.0.0/4
check "the daemon starts" daemon_start

check "one socket, five ends, three rounds" says_all "ok 15" \
    udp rounds=3 192.0.2.7,7010 192.0.2.8,7010 192.0.2.9,7010 192.0.2.7,7011 \
    192.0.2.8,7011
# danted's outer socket speaks to one IPv6 address
check "IPv6: two ends" says_all "ok 6" \
    udp rounds=3 2001:db8::7,7010 2001:db8::7,7011
for far in 192.0.2.7 2001:db8::7; do
	check "$far: a connected one" says ok udp connected $far,7010
	check "$far: 30,000 bytes" says ok udp size=30000 $far,7010
done
# what the proxy wants in front of it has no room: the program is told
cat >"$tmp/large.py" <<'PY'
import errno, socket, sys
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
                   socket.SOCK_DGRAM) as s:
    s.settimeout(20)
    s.connect((sys.argv[1], 7010))
    for size in 65507, 40000, 65507:
        try:
            s.send(bytes(size))
            print(len(s.recv(65536)), end=" ")
        except OSError as e:
            print(errno.errorcode[e.errno], end=" ")
PY
for far in 192.0.2.7 2001:db8::7; do
	dropped=$(counter port17_udp_dropped)
	check "$far: one that is too large, one that is not, and again" \
	    [ "$(inc "$python" "$tmp/large.py" $far)" = "EMSGSIZE 40000 EMSGSIZE " ]
	check "$far: both are counted" \
	    [ $(($(counter port17_udp_dropped) - dropped)) = 2 ]
done
# a program's segments, with the proxy's head in front of each, are larger than
# what the way to it takes: they can't go as one
inc ip route add 10.9.0.2/32 dev c0 mtu lock 1230
check "segments that the way does not take: each by itself" says_all "ok 48" \
    udp segments=48 192.0.2.7,7010
check "and the next, too" says_all "ok 48" udp segments=48 192.0.2.7,7010
inc ip route delete 10.9.0.2/32 dev c0
# -- the ports of sockets that are closed are others' --
ins ip route add local 192.0.2.128/25 dev lo
many=$(printf '192.0.2.%d,7010 ' {129..228})
gone() { # conntrack's entries of the one before
	[ -z "$(inc conntrack -L -p udp --orig-port-src 700 2>/dev/null)" ]
}
dropped=$(counter port17_udp_dropped)
# where a port below 1024 is taken, the kernel chooses of 600 to 1023
FROM=700 check "one socket, a hundred ends" says_all "ok 100" udp rounds=1 $many
if ctl --json status | grep -q '"closes": *true'; then
	check "it is closed: conntrack forgets them" wait_for gone
	FROM=701 check "another one, with their ports" says_all "ok 100" \
	    udp rounds=1 $many
	check "nothing of it was dropped" \
	    [ "$(counter port17_udp_dropped)" = "$dropped" ]
fi

check_not "nothing of it is on the wire" wire_saw
# who begins anew with its port is judged anew, and what it sent until then may
# come to the entry when its flow was ended: that is no stray
cat >"$tmp/anew.py" <<'PY'
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.bind(("", int(sys.argv[1])))
    s.connect(("192.0.2.7", 7010))
    s.settimeout(20)
    s.send(b"x")
    if sys.argv[2] == "first":
        s.recv(10)
PY
strays=$(counter port17_strays)
for port in {40101..40110}; do
	inc python3 "$tmp/anew.py" $port first
	inc python3 "$tmp/anew.py" $port second
done
check "and it goes on" says ok udp connected 192.0.2.7,7010
check "none of those was taken for one that is nobody's" \
    [ "$(counter port17_strays)" = "$strays" ]

# -- a proxy that ends its associations, refuses them, or is not there --
background ins python3 "$top/tests/netns/ends.py" far 192.0.2.7 >"$tmp/ends.out"
wait_for has_text ready "$tmp/ends.out"
assoc_up() { # PORT
	background ins python3 "$top/tests/netns/tunnel.py" assoc 10.9.0.2 $1 \
	    "$tmp/how" >"$tmp/assoc.$1" 2>"$tmp/assoc.err"
	wait_for has_text ready "$tmp/assoc.$1"
}
storm() { # a program that sends 300, one after the other
	run_in udp storm=300 192.0.2.7,7010 >"$tmp/storm"
	cat "$tmp/storm"
}
# the first and then one after 0.5, 1.5, 3.5, 7.5, ... s of them
few() { # N: not more than that many in the time that it took
	local ms=$(sed 's/.* //' "$tmp/storm") rest=500 most=1
	while [ $((ms -= rest)) -gt 0 ]; do
		rest=$((rest * 2)) most=$((most + 1))
	done
	echo "$1 within $(cat "$tmp/storm"): at most $((most + 1))"
	[ "$1" -gt 0 ] && [ "$1" -le $((most + 1)) ]
}
tunnel_has() { # holds|value TUNNEL EXPRESSION of t
	ctl --json tunnels >"$tmp/tunnels"
	$1 "$tmp/tunnels" "[($3) for t in every if t['name'] == '$2'][0]"
}
dials() { tunnel_has value "$1" 't["dials"]'; }
works() { says ok udp connected 192.0.2.7,7010; }
# what has no way stays in `flows`, with its reason; a rest may end meanwhile,
# and the next one that fails begins a longer one
refused_because() { # REGEX
	run_in udp storm=1 192.0.2.7,7010
	flows "any(x['proto'] == 'udp' and x['dport'] == 7010 and
	    x['verdict'] == 'reroute' and
	    re.fullmatch(r'$1', x.get('close_reason') or '') for x in f)"
}
rests() { # TUNNEL REGEX of what failed
	run_in udp storm=1 192.0.2.7,7010
	tunnel_has holds "$1" "t['udp_resting'] == 1 and
	    re.fullmatch(r'$2', t['udp_error']) and
	    -5 < t['udp_retry_time'] - time.time() < 61"
}
rest_is_read() {
	run_in udp storm=1 192.0.2.7,7010
	ctl tunnels | grep '^dies' | grep 'tunnel (1 rests [0-9]* s).*granted'
}
none_rests() { # TUNNEL
	tunnel_has holds "$1" 't["udp_resting"] == 0 and t["udp_error"] is None'
}
echo die >"$tmp/how"
assoc_up 1082
via dies
daemon_reload
dropped=$(counter port17_udp_dropped)
storm
check "associations that die at once: few" few \
    "$(grep -c assoc "$tmp/assoc.1082")"
check "flows have those that had no way, and why" wait_for refused_because \
    'the proxy soon ended what it had granted \(not tried again for [0-9.]+ s\)'
check "tunnels say that they wait, and why" wait_for rests dies \
    'the proxy soon ended what it had granted'
check "people read it, too" wait_for rest_is_read
check "what has no way meanwhile is counted" [ $(($(counter port17_udp_dropped) -
    dropped)) -gt 100 ]
echo live >"$tmp/how"
check "it works again: so it does at the next try" eval \
    "wait_for works || wait_for works || wait_for works" # it may rest for long
partner one inc ends.py hold 192.0.2.7
tell one other
check "who was not asked is not heard, though the proxy hands it on" \
    answers one "mine 192.0.2.7 7023"
check "as it did" wait_for grep -q '192.0.2.7 7024' "$tmp/assoc.1082"
via later
daemon_reload
storm
check "a proxy that is not there: few dials" few "$(dials later)"
check "flows say so" wait_for refused_because \
    'the tunnel can.t be reached \((Connection refused|not tried again .*)\)'
check "and so do tunnels" wait_for rests later 'the tunnel can.t be reached'
assoc_up 1083
later=$pid
check "TCP goes through it again" says welcome tcp 192.0.2.7 7002 first
check "and so does UDP, at once" works
check "nothing waits any more" none_rests later
for at in 0.0.0.0 127.0.0.1; do
	echo $at >"$tmp/how"
	check "a proxy that says it is at $at: it is where it was" works
done
for at in 192.0.2.7 224.0.0.251; do
	echo $at >"$tmp/how"
	check "one that says it is at $at: refused" says_like \
	    'ECONNREFUSED|ETIMEDOUT' udp connected 192.0.2.7,7010
	check "and it is asked no more for a moment" says ECONNREFUSED \
	    udp connected 192.0.2.7,7010
	echo live >"$tmp/how"
	check "nor for long" wait_for works
done
check_not "nothing of it is on the wire" wire_saw
echo refuse >"$tmp/how"
check "one that refuses: so it does" says_like 'ECONNREFUSED|EPERM' \
    udp connected 192.0.2.7,7010
echo live >"$tmp/how"
check "it is tried again" wait_for works
cat >"$tmp/five.py" <<'PY'
import errno, socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(20)
    s.connect(("192.0.2.7", 7010))
    for i in range(5):
        s.send(b"x")
    try:
        s.recv(10)
    except OSError as e:
        print(errno.errorcode[e.errno])
PY
more() { [ $(($(counter "$1") - $2)) = "$3" ]; }
came=$(counter port17_udp_received) dropped=$(counter port17_udp_dropped)
echo refuse >"$tmp/how"
kill -STOP $later
background inc "$python" "$tmp/five.py" >"$tmp/five.out"
check "what comes while it is asked waits" wait_for more port17_udp_received \
    $came 5
kill -CONT $later
check "it refuses: that is counted" wait_for more port17_udp_dropped $dropped 5
check "and the program told" wait_for has_text ECONNREFUSED "$tmp/five.out"
echo live >"$tmp/how"
check "it is tried again" wait_for works
partner goes inc sock.py connect udp 192.0.2.7 7010
tell goes send one
tell goes recv
check "a flow is up" answers goes "got one"
before=$(grep -c assoc "$tmp/assoc.1083")
again() {
	tell goes send two
	tell goes hear 500
	answers goes "got two"
}
tell goes send end
check "its association is ended: it goes on by another" wait_for again
check "and by that alone" [ "$(grep -c assoc "$tmp/assoc.1083")" = \
    $((before + 1)) ]
echo junk >"$tmp/how"
partner more inc sock.py connect udp 192.0.2.7 7010
tell more send one
tell more recv
check "a flow of a proxy that says more than it was asked" answers more "got one"
once_more() {
	tell more send two
	tell more hear 500
	answers more "got two"
}
tell more send end
check "its association is ended: it goes on by another, too" wait_for once_more
echo last >"$tmp/how"
ended_at_once() {
	run_in udp storm=1 192.0.2.7,7019
	flows "any(x['dport'] == 7019 and (x.get('close_reason') or '').startswith(
	    'the proxy soon ended what it had granted') for x in f)"
}
check "an association that ends with the answer is none" wait_for ended_at_once
echo live >"$tmp/how"
check "and the next is" wait_for works
# some proxies do that where one far end says that nobody listens there
cat >"$tmp/blame.py" <<'PY'
"""A far end for which the proxy ends the association, until it is refused; then
another one, by another socket, at once."""
import socket


def to(addr, port, patience):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(patience)
    s.connect((addr, port))
    return s


bad = to("192.0.2.7", 7011, .05)
for _ in range(200):
    try:
        bad.send(b"end")
        bad.recv(100)
    except ConnectionRefusedError:
        break
    except TimeoutError:
        pass
else:
    raise SystemExit("the first is not refused")
for port in 7010, 7011:
    good = to("192.0.2.8", port, 10)
    good.send(b"one")
    print(good.recv(100))
PY
check "a proxy that ends it for one far end: others are not to blame" \
    inc python3 "$tmp/blame.py"
check_not "nothing of it is on the wire" wire_saw

# -- the daemon begins anew --
via socks
daemon_reload
partner app inc sock.py connect udp 192.0.2.7 7010
tell app send one
tell app recv
check "a flow is up" answers app "got one"
daemon_stop KILL
tell app send two
tell app hear 3000
check "the daemon is gone: refused" answers app ECONNREFUSED
check "it starts again" daemon_start
tell app send three
tell app hear 3000
check "the flow goes on" answers app "got three"
check_not "nothing of it is on the wire" wire_saw

# -- a proxy that carries none --
via none
daemon_reload
check "no UDP: refused" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' \
    udp connected 192.0.2.7,7010
check "and the next at once" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' \
    udp connected 192.0.2.7,7010
via web
daemon_reload
check "HTTP has none" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' \
    udp connected 192.0.2.7,7010
via any
daemon_reload
check "a list: by the first that carries it, the first datagram, too" \
    says ok udp connected 192.0.2.7,7010
check "its device is missing, as for TCP" sh -c "'$REROUTECTL' \
    --control '$tmp/control' --json tunnels | grep '\"nodev\"' |
    grep -q 'No such device'"
via no
daemon_reload
check "udp = reject" says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' \
    udp connected 192.0.2.7,7010
via silent
daemon_reload
PATIENCE=1
export PATIENCE
check "udp = drop" says ETIMEDOUT udp connected 192.0.2.7,7010
unset PATIENCE
check_not "nothing of it is on the wire" wire_saw

# -- direct: the far end sees the device's address, and large ones pass --
via last
daemon_reload
check "a list: what waited for a proxy goes by a device" \
    says ok udp connected 192.0.2.7,7010
via dev
daemon_reload
check "direct: five ends" says_all "ok 15" udp rounds=3 192.0.2.7,7010 \
    192.0.2.8,7010 192.0.2.9,7010 192.0.2.7,7011 192.0.2.8,7011
check "direct, IPv6: five ends" says_all "ok 15" udp rounds=3 \
    2001:db8::7,7010 2001:db8::8,7010 2001:db8::9,7010 2001:db8::7,7011 \
    2001:db8::8,7011
check "direct: 65,507 bytes" says ok udp size=65507 192.0.2.7,7010
check "direct, IPv6: 65,000 bytes" says ok udp size=65000 2001:db8::7,7010
# one that can't take them in time: the kernel drops, and that is counted
partner full inc sock.py connect udp 192.0.2.7 7011
tell full send one
tell full recv
check "a flow is up" answers full "got one"
check "nothing overflowed yet" [ "$(counter port17_udp_overflows)" = 0 ]
before=$(counter port17_udp_received)
kill -STOP "$daemon"
tell full flood 20000
kill -CONT "$daemon"
overflowed() {
	tell full send more
	[ "$(counter port17_udp_overflows)" -gt 100 ]
}
check "what the kernel had no room for is counted" wait_for overflowed
counted() {
	local all
	all=$(($(counter port17_udp_received) +
	    $(counter port17_udp_overflows) - before))
	echo $all
	[ $all -ge 20001 ] # "one" was before, and "more" comes once at least
}
check "and with what it took that is all of them" wait_for counted
check "direct: nobody there" says_like 'ECONNREFUSED' \
    udp connected 192.0.2.7,7099
cat >"$tmp/refused.py" <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.connect(("192.0.2.7", 7099))
told = 0
for _ in range(40):
    try:
        s.send(b"x")
        s.recv(9)
    except ConnectionRefusedError:
        told += 1
print(told)
PY
judged=$(counter packets)
check "direct: who goes on is told each time" \
    [ "$(inc "$python" "$tmp/refused.py")" = 40 ]
check "and not judged anew for that" [ $(($(counter packets) - judged)) -lt 20 ]
check "direct, TCP" says hello tcp 192.0.2.7 7001 echo
# -- conntrack is flushed while datagrams wait at the entry: the port that they
# came from is the next flow's, and they are not --
background ins python3 "$top/tests/netns/storm.py" far 192.0.2.7 >"$tmp/storm.far"
wait_for has_text ready "$tmp/storm.far"
via dev
daemon_reload
partner storm inc storm.py send 192.0.2.7
came() { # PORT: is a flow to there that was answered?
	tell storm "$1" >/dev/null
	flows "any(x['dport'] == $1 and x['verdict'] == 'reroute' and
	    x['bytes_down'] > 0 for x in f)"
}
check "a flow is up" wait_for came 20000
for i in 1 2 3 4 5 6 7 8; do
	kill -STOP "$daemon"
	tell storm $((20000 + i - 1)) $((20000 + i - 1)) $((20000 + i - 1))
	inc conntrack -F >/dev/null 2>&1
	tell storm $((20000 + i)) $((20000 + i))
	kill -CONT "$daemon"
	wait_for came $((20000 + i))
done
# what conntrack is asked about one flow, it is not asked about all
tell storm $(seq 20020 20059)
tell storm "hear 1000" # and what was left
before=$(counter port17_udp_lookups)
tell storm 20099
tell storm "hear 60"
check "forty flows are answered when another one begins" \
    answers_like storm "heard (4[1-9]|5[0-9]|60)\$"
asked() {
	echo $(($(counter port17_udp_lookups) - before))
	[ $(($(counter port17_udp_lookups) - before)) -le 8 ]
}
check "and conntrack was asked about that one" asked
check "none goes to another end than it was for" [ "$(cat \
    "$tmp/storm.far")" = ready ]

# -- a flow that conntrack was made to forget is the same one: the far end sees
# it come from where it came before --
background ins python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.7", 7310))
print("ready", flush=True)
while True:
    word, peer = s.recvfrom(64)
    s.sendto(b"%s:%d" % (word, peer[1]), peer)' >"$tmp/ports"
wait_for has_text ready "$tmp/ports"
partner same inc sock.py connect udp 192.0.2.7 7310
comes_from() { # WORD
	tell same "send $1"
	tell same "hear 5000"
	answer same | grep -o "^got $1:[0-9]*\$" | sed 's/.*://'
}
port=$(comes_from one)
check "the far end says where a flow comes from" [ -n "$port" ]
goes_on() {
	inc conntrack -F >/dev/null 2>&1
	[ "$(comes_from two)" = "$port" ]
}
for i in 1 2 3; do
	check "conntrack is flushed: a flow goes on ($i)" goes_on
done

# what others' rules drop on its way to the entry is not waited for by all
inc iptables-legacy -t mangle -A INPUT -d 127.0.0.17 -p udp -j DROP
inc python3 -c '
import socket
kept = []
for i in range(700):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", ("192.0.2.7", 7010))
    kept.append(s)'
inc iptables-legacy -t mangle -D INPUT -d 127.0.0.17 -p udp -j DROP
PATIENCE=1
export PATIENCE
check "700 flows that never arrive hold up no other" wait_for says ok \
    udp connected 192.0.2.7,7010
unset PATIENCE

# -- no way for a while, without a device: the flow goes on from the port that it
# has --
background ins python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.9", 7027))
print("ready", flush=True)
while True:
    peer = s.recvfrom(64)[1]
    s.sendto(str(peer[1]).encode(), peer)' >"$tmp/ports"
wait_for has_text ready "$tmp/ports"
via plain
daemon_reload
partner asks inc sock.py connect udp 192.0.2.9 7027
tell asks send one
tell asks recv
port=$(answer asks)
check "a flow without a device ($port)" [ "${port%% *}" = got ]
same_port() {
	tell asks send three
	tell asks hear 500
	answers asks "$port"
}
lost() { # what comes may be the answer to what was before
	answers_not || answers_not || answers_not
}
answers_not() {
	tell asks send two
	tell asks hear 200
	answers asks ETIMEDOUT
}
for no in "lookup 77" unreachable; do # EHOSTUNREACH, ENETUNREACH
	inc ip route replace unreachable default table 77
	inc ip rule add fwmark 77 $no
	# twice: what the first one met is known with the next
	check "$no: what is sent is lost" lost
	check "$no: and the next" lost
	inc ip rule del fwmark 77 $no
	check "$no: no more: from the same port" wait_for same_port
done

# -- a device that goes, and comes back: another one with its name --
device_up() {
	ip link add c1 netns "$C" type veth peer name s1 netns "$S"
	inc ip address add 10.8.0.1/24 dev c1
	ins ip address add 10.8.0.2/24 dev s1
	inc ip link set c1 up
	ins ip link set s1 up
	inc ip route add default via 10.8.0.2 dev c1 metric 500
}
device_up
via vpn
daemon_reload
partner road inc sock.py connect udp 192.0.2.9 7010
road() { # WHAT becomes of another one
	tell road send one
	tell road hear 200
	answers road "$1"
}
check "a flow by a device" wait_for road "got one"
inc ip link delete c1
check "it is gone: refused, and not in vain for ever" wait_for road ECONNREFUSED
why_road() {
	flows "any(x['dst'] == '192.0.2.9' and x['verdict'] == 'reroute' and
	    x['close_reason'].endswith('be reached ($1)') for x in f)"
}
check "flows say why" why_road "No such device"
device_up
check "it comes back: the same flow goes on" wait_for road "got one"
inc ip link set c1 down
check "it is down: refused" wait_for road ECONNREFUSED
check "flows say why" why_road "Network is down"
via either
daemon_reload
check "a list: the next carries it" wait_for road "got one"
check "and TCP, too" says 10.9.0.1 tcp 192.0.2.9 7008 hear

# -- a port is the next flow's when conntrack has forgotten the last one: one
# socket that speaks to another end, another program's with another tunnel, and
# one that may not go out and asks the entry itself --
inc ip address add 10.9.0.9/24 dev c0
cat >"$tmp/ends.py" <<'PY'
import select, socket
ends = []
for port in 7701, 7702:
    ends.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    ends[-1].bind(("10.9.0.2", port))
print("ready", flush=True)
while True:
    for s in select.select(ends, [], [])[0]:
        word, peer = s.recvfrom(64)
        text = f"{s.getsockname()[1]} {word.decode()} {peer[0]}"
        print(text, flush=True)
        s.sendto(text.encode(), peer)
PY
background ins python3 "$tmp/ends.py" >"$tmp/ends.got"
wait_for has_text ready "$tmp/ends.got"
settings '[tunnel "dev"]' 'upstream = direct' \
    '[tunnel "other"]' 'upstream = direct' 'source = 10.9.0.9'
rules "reroute via dev out user 65531" "reroute via other out user 65532" \
    "block out user 65533 to 10.9.0.2" "default out accept" "default in block"
daemon_reload
inc sh -c 'echo 1 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout'
talk_as() { # NAME UID: from 10.9.0.1:7700
	partner $1 inc sock.py at $2 10.9.0.1 7700
}
to() { # NAME ADDR PORT WORD ANSWER
	tell $1 to $2 $3 $4
	answer $1
	[ "$(answer $1)" = "$5" ]
}
forgotten() {
	inc cat /proc/net/nf_conntrack >"$tmp/ct"
	! grep -q "src=10.9.0.1 dst=[0-9.]* sport=7700 " "$tmp/ct"
}
talk_as ends1 65531
check "one end" to ends1 10.9.0.2 7701 a "got 7701 a 10.9.0.1 from 10.9.0.2 7701"
wait_for forgotten
check "another one, from the same port" \
    to ends1 10.9.0.2 7702 b "got 7702 b 10.9.0.1 from 10.9.0.2 7702"
wait_for forgotten
check "and the first again" \
    to ends1 10.9.0.2 7701 c "got 7701 c 10.9.0.1 from 10.9.0.2 7701"
tell_only ends1
wait_for forgotten
talk_as ends2 65532
check "another program with the same ends: by its own tunnel" \
    to ends2 10.9.0.2 7701 d "got 7701 d 10.9.0.9 from 10.9.0.2 7701"
tell_only ends2
wait_for forgotten
talk_as ends3 65533
tell ends3 to 127.0.0.17 1117 e
check_not "one that may not, straight to the entry: nothing arrives" \
    grep -q " e " "$tmp/ends.got"
cat >"$tmp/straight.py" <<'PY'
"""A flow of user 65531 from 10.9.0.1:7703; conntrack forgets it; at once a
datagram from there, straight to the entry."""
import os
import socket
import subprocess


def at_port():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(10)
    s.bind(("10.9.0.1", 7703))
    return s


said, says = os.pipe()
if os.fork() == 0:
    os.setuid(65531)
    s = at_port()
    s.connect(("10.9.0.2", 7701))
    s.send(b"f")
    os.write(says, s.recv(100))
    os._exit(0)
os.close(says)
os.read(said, 100)
subprocess.run(["conntrack", "-D", "-p", "udp", "--orig-port-src", "7703"],
               check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
at_port().sendto(b"straight", ("127.0.0.17", 1117))
PY
strays=$(counter port17_strays)
check "a flow, and straight to the entry from its port" \
    inc python3 "$tmp/straight.py"
more_strays() { [ "$(counter port17_strays)" -gt "$strays" ]; }
check "is of nobody's" wait_for more_strays
check_not "nothing of it arrives" grep -q straight "$tmp/ends.got"

# -- a socket that is handed on: each program is itself to the proxy --
cat >"$tmp/handed.py" <<'PY'
"""handed.py NEXT: an answer on a socket of its own; then as NEXT, on that."""
import os
import socket
import sys

following = len(sys.argv) < 2
s = socket.socket(fileno=int(os.environ["FD"])) if following else socket.socket(
    socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.2)
for _ in range(50):
    try:
        s.sendto(b"x", ("192.0.2.7", 7010))
        s.recv(10)
        break
    except OSError:  # what is on its way is nobody's
        pass
else:
    sys.exit("no answer")
if not following:
    s.settimeout(None)
    os.set_inheritable(s.fileno(), True)
    os.environ["FD"] = str(s.fileno())
    os.execv(sys.argv[1], [sys.argv[1], __file__])
PY
cp "$python" "$tmp/another"
echo live >"$tmp/how"
assoc_up 1084
settings '[tunnel "own"]' 'upstream = socks5://10.9.0.2:1084'
rules "reroute via own out to 192.0.2.7" "default out accept" "default in block"
daemon_reload
check "a socket is handed on: both are answered" \
    inc python3 "$tmp/handed.py" "$tmp/another"
check "each by an association of its own" \
    [ "$(grep -c assoc "$tmp/assoc.1084")" = 2 ]

check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
