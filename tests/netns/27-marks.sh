#!/bin/bash
# No connection passes by a mark that was not given to it: what a helper of
# conntrack expects, marks that others set first, marks of a daemon before, of a
# socket that is gone, of a port that nobody held, and with bits that others add;
# and what passes whatever the rules say goes no further than it must.
#
#     c 10.9.0.1, daemon  ---- veth ----  s 10.9.0.2, router of all else, ear
. "$(dirname "$0")/lib.sh"
need_root
need conntrack python3
net_up
inc ip route add default via 10.9.0.2
inc ip -6 route add default via fd09::2
ins sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
# nothing that is sent there comes back
ins ip route add blackhole 10.77.0.0/16
ins ip -6 route add blackhole fd77::/16

# What comes over the wire: "udp 10.9.0.2 7001" a line.
cat >"$tmp/ear.py" <<'PY'
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("s0", 0))
print("ready", flush=True)
names = {1: "icmp", 58: "icmp6", 6: "tcp", 17: "udp"}
while True:
    p = s.recv(2048)
    if p[12:14] == b"\x08\x00":
        at, proto = 14 + (p[14] & 15) * 4, p[23]
        to = socket.inet_ntop(socket.AF_INET, p[30:34])
    elif p[12:14] == b"\x86\xdd":
        at, proto = 54, p[20]
        to = socket.inet_ntop(socket.AF_INET6, p[38:54])
    else:
        continue
    word = struct.unpack("!H", p[at + 2:at + 4])[0] if proto in (6, 17) else p[at]
    print(names.get(proto, proto), to, word, flush=True)
PY
background ins python3 "$tmp/ear.py" >"$tmp/heard"
wait_for has_text ready "$tmp/heard"
heard() { grep -q "^$*\$" "$tmp/heard"; }
# What was sent before is in the file when this is: the wire keeps its order.
flush() {
	n=$((${n:-0} + 1))
	inc python3 -c 'import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("c0", 0))
s.send(b"\xff" * 6 + b"\x02" + b"\0" * 5 + b"\x08\0" + struct.pack(
    "!BBHHHBBH4s4sHHHH", 0x45, 0, 28, 0, 0, 1, 17, 0, b"\1" * 4, b"\2" * 4,
    1, int(sys.argv[1]), 8, 0))' $n
	wait_for heard udp 2.2.2.2 $n
}
reached() { flush; heard "$@"; }
# What waits for its verdict may be behind that.
arrives() { wait_for heard "$@"; }

# udp.py FROM-PORT TO PORT: sends one datagram
cat >"$tmp/udp.py" <<'PY'
import socket, sys
lport, to, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.bind(("", lport))
try:
    s.sendto(b"hello", (to, port))
except OSError as e:
    print(e)
PY
send() { "$1" python3 "$tmp/udp.py" "${@:2}"; }

# -- a knock on a closed port does not open it for who takes it --
rules "drop out proto udp to port 7100-7199" "default in accept"
check "the daemon starts" daemon_start
for row in "10.9.0.1 10.9.0.2" "fd09::1 fd09::2"; do
	read -r here there <<<"$row"
	send ins 7101 $here 4001
	check "$here: the knock was accepted" wait_for flows \
	    'any(x["sport"] == 7101 and x["verdict"] == "accept" and x["src"] == "'$there'" for x in f)'
	send inc 4001 $there 7101
	check_not "$here: what takes the port is judged" reached udp $there 7101
done

# -- the data connection of an FTP session --
cat >"$tmp/ftp.py" <<'PY'
import socket, sys
def listen(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("10.9.0.2", port))
    s.listen()
    return s
if sys.argv[1] == "serve":
    control, data = listen(21), listen(7002)
    print("ready", flush=True)
    while True:
        c, _ = control.accept()
        c.sendall(b"220 a helper reads what stands behind a line\r\n")
        c.recv(100)
        c.sendall(b"227 Entering Passive Mode (10,9,0,2,27,90)\r\n")
        c.recv(100)
        c.close()
c = socket.create_connection(("10.9.0.2", 21), 20)
c.recv(100)
c.sendall(b"PASV\r\n")
assert c.recv(100).startswith(b"227")
try:
    socket.create_connection(("10.9.0.2", 7002), 20)
    print("connected")
except OSError as e:
    print(e)
PY
background ins python3 "$tmp/ftp.py" serve >"$tmp/ftp.s"
wait_for has_text ready "$tmp/ftp.s"
helper() { inc iptables-legacy -t raw "$1" OUTPUT -p tcp --dport 21 -j CT --helper ftp; }
ftp() { inc python3 "$tmp/ftp.py" ask >"$tmp/ftp"; }
if helper -A 2>"$tmp/err"; then
	dropped=$(counter taken_dropped)
	check "FTP: allowed, data connections too" ftp
	check "FTP: connected" grep -q connected "$tmp/ftp"
	check "FTP: and with its first packet" \
	    [ "$(counter taken_dropped)" = "$dropped" ]
	check "FTP: the data connection was judged itself" flows \
	    'any(x["dport"] == 7002 for x in f)'
	rules "block out to port 7002"
	daemon_reload
	check "FTP: a data connection that is not allowed" ftp
	check_not "FTP: is not connected" grep -q connected "$tmp/ftp"
	helper -D
else
	echo "# no helpers here: $(cat "$tmp/err")"
fi

# -- a mark that others gave the connection first --
background inc python3 -c '
import socket
socks = []
import select
for port in (8600, 8750, 8805, 8242):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.1", port))
    socks.append(s)
print("ready", flush=True)
while True:
    for s in select.select(socks, [], [])[0]:
        data, peer = s.recvfrom(100)
        print(s.getsockname()[1], data.decode(), flush=True)
        s.sendto(data, peer)' >"$tmp/serve.c"
wait_for has_text ready "$tmp/serve.c"
rules "drop in proto udp to port 8600, 8750, 8805" "default in accept"
daemon_reload
for row in "8600 1600" "8750 1750" "8805 1805"; do
	read -r port mark <<<"$row"
	inc $IPT4 -t mangle -A PREROUTING -p udp --dport $port \
	    -j CONNMARK --set-mark $mark
	send ins 6000 10.9.0.1 $port
done
inc $IPT4 -t mangle -A PREROUTING -p udp --dport 8242 -m conntrack \
    --ctstate NEW -j CONNMARK --set-mark 4242
partner foreign ins talk.py udp,10.9.0.1,8242
check "a connection with a mark of others is accepted" talk_is foreign ok
for row in "8600 1600" "8750 1750" "8805 1805"; do
	read -r port mark <<<"$row"
	check_not "a connection that others marked $mark is judged" \
	    grep -q "^$port" "$tmp/serve.c"
done
# its flow makes room for others, and its mark stays
daemon_stop
settings
printf '[rerouted]\nflows-max = 1024\n' >>"$conf"
check "start, with few flows" daemon_start
tell foreign
check "it goes on" talk_is foreign ok
inc python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(20000, 21100):
    s.sendto(b"x", ("10.9.0.2", port))'
check "its flow is forgotten" wait_for flows 'not any(x["dport"] == 8242 for x in f)'
rules "drop in proto udp to port 8242"
daemon_reload
dropped() { # conntrack's entries are gone through bit by bit
	tell foreign
	talk_is foreign ETIMEDOUT
}
check "a policy that drops it reaches it all the same" wait_for dropped
inc $IPT4 -t mangle -F PREROUTING

# -- a mark that others gave what comes in, by which they let it in, and which no
# answer is to have --
background inc "$BUILDDIR/probe" serve 8301,8302 10.9.0.1 fd09::1 >"$tmp/serve.in"
wait_for has_text ready "$tmp/serve.in"
rules "block in to port 8302" "default in accept"
daemon_reload
let_in() { # -A or -D
	local i
	for i in $IPT4 $IPT6; do
		inc $i -t mangle $1 PREROUTING -i c0 -p tcp -j MARK --set-mark 5
		inc $i -t mangle $1 PREROUTING -i c0 -p udp -j MARK --set-mark 0x8000
		inc $i -t mangle $1 POSTROUTING -m mark --mark 5 -j DROP
		inc $i -t mangle $1 POSTROUTING -m mark --mark 0x8000/0x8000 -j DROP
		inc $i $1 INPUT -m mark --mark 5 -j ACCEPT
		inc $i $1 INPUT -m mark --mark 0x8000/0x8000 -j ACCEPT
		inc $i $1 INPUT -i c0 -p tcp -j DROP
		inc $i $1 INPUT -i c0 -p udp -j DROP
	done
}
let_in -A
continues() { [[ $(ctl --json status) == *'"accept_ip6":"continue"'* ]]; }
check "others have their say about what comes in" wait_for continues
enter() { ins "$BUILDDIR/probe" "$@"; }
for row in "10.9.0.1 EHOSTUNREACH" "fd09::1 EACCES"; do
	read -r here refused <<<"$row"
	for proto in tcp udp; do
		PROBE_TIMES=3 check "$here: they let marked $proto in, all of it" \
		    felt ok enter $proto $here 8301
		check "$here: … and not what is blocked" \
		    felt $refused enter $proto $here 8302
	done
done
let_in -D

# -- what a daemon before this one decided --
rules "default in accept"
settings
daemon_reload
background ins "$BUILDDIR/probe" serve 7001,7003 10.9.0.2 fd09::2 >"$tmp/serve.s"
wait_for has_text ready "$tmp/serve.s"
partner old inc talk.py tcp,10.9.0.2,7001 udp,10.9.0.2,7001 tcp,fd09::2,7001 \
    udp,fd09::2,7001 tcp,10.9.0.2,7003
check "flows of before" talk_is old ok
# one that did not connect its socket, and waits
cat >"$tmp/wait.py" <<'PY'
import socket, sys
here, there = sys.argv[1], sys.argv[2]
s = socket.socket(socket.AF_INET6 if ":" in here else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((here, 7500))
s.sendto(b"hello", (there, 7600))
print("ready", flush=True)
print(s.recv(100).decode(), flush=True)
PY
for row in "10.9.0.1 10.9.0.2" "fd09::1 fd09::2"; do
	read -r here there <<<"$row"
	background inc python3 "$tmp/wait.py" $here $there >"$tmp/wait.$here"
	wait_for has_text ready "$tmp/wait.$here"
	check "$here: a question" arrives udp $there 7600
done
daemon_stop KILL
rules "block out to port 7001" "default in drop"
check "killed, and started with other rules" daemon_start
ended() { # the flows to 7001 and no other
	tell old
	case $(answer old) in
	*7001=ok*) false ;;
	*7003=ok*) ;;
	*) false ;;
	esac
}
check "what the rules of before allowed is judged anew" wait_for ended
for row in "10.9.0.1 10.9.0.2" "fd09::1 fd09::2"; do
	read -r here there <<<"$row"
	send ins 7600 $here 7500
	check "$here: the answer to a question of before is one" \
	    wait_for has_text hello "$tmp/wait.$here"
	check "$here: … and the flow is outbound" flows \
	    'each(x["direction"] == "out" for x in f if x["sport"] == 7500 or x["dport"] == 7500)'
done

# -- what passes whatever the rules say --
cat >"$tmp/raw.py" <<'PY'
import socket, struct, sys
def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
what, to = sys.argv[1], sys.argv[2]
if what == "error":  # quotes what came from 10.9.0.2:7001 to 10.9.0.1:6001
    inner = struct.pack("!BBHHHBBH4s4sHHHH", 0x45, 0, 28, 0, 0, 64, 17, 0,
        socket.inet_aton("10.9.0.2"), socket.inet_aton("10.9.0.1"), 7001, 6001, 8, 0)
    body = struct.pack("!BBHI", 3, 3, 0, 0) + inner
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.sendto(body, (to, 0))
else:  # a neighbour solicitation
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
    s.sendto(struct.pack("!BBHI", 135, 0, 0, 0)
             + socket.inet_pton(socket.AF_INET6, to), (to, 0))
PY
raw() { inc python3 "$tmp/raw.py" "$@" 2>&1; }
rules "accept out proto udp to port 7001" "default out block" "default in block"
daemon_reload
send inc 6001 10.9.0.2 7001
check "a flow that is allowed" arrives udp 10.9.0.2 7001
raw error 10.77.0.9
check_not "an ICMP error that quotes it goes to nobody else" reached icmp 10.77.0.9 3
raw nd fd77::9
check_not "neighbour discovery asks no stranger" reached icmp6 fd77::9 135
raw nd fd09::2
check "neighbour discovery asks a neighbour by its address" \
    arrives icmp6 fd09::2 135
send inc 68 10.77.0.9 67
check_not "DHCP does not leave the link" reached udp 10.77.0.9 67
send inc 68 10.9.0.2 67
check "DHCP renews with a server on the link" arrives udp 10.9.0.2 67
send inc 68 255.255.255.255 67
check "DHCP asks everybody" arrives udp 255.255.255.255 67
inc setpriv --reuid 1234 --regid 1234 --clear-groups --ambient-caps \
    +net_bind_service --inh-caps +net_bind_service \
    python3 "$tmp/udp.py" 68 255.255.255.255 67 2>/dev/null >&2 || :
check "but only for programs of the system" [ \
    "$(flush; grep -c '^udp 255.255.255.255 67$' "$tmp/heard")" = 1 ]

# -- services of others: NAT leads there, and adds a bit to the mark --
service() { # as kube-proxy, netavark and CNI do, with the programs $1
	for row in "iptables 10.96.0.10 10.9.0.2" "ip6tables fd96::10 fd09::2"; do
		read -r program service to <<<"$row"
		inc $program-$1-restore --noflush <<-END
			*nat
			:SERVICE -
			-A SERVICE -j MARK --or-mark 0x4000
			-A SERVICE -j DNAT --to-destination $to
			-A OUTPUT -d $service -j SERVICE
			COMMIT
		END
	done
}
rules "define SERVICE = 10.96.0.10, fd96::10" \
    "drop out proto udp to \$SERVICE port 7001" \
    "block out proto udp to \$SERVICE port 7003" \
    "block once out proto tcp to \$SERVICE port 7003"
daemon_reload
no_service() {
	inc iptables-$1 -t nat -D OUTPUT -d 10.96.0.10 -j SERVICE
	inc ip6tables-$1 -t nat -D OUTPUT -d fd96::10 -j SERVICE
}
to() { inc "$BUILDDIR/probe" "$@"; }
has_mark() {
	inc conntrack -L -d $service -p tcp 2>/dev/null >"$tmp/entries"
	cat "$tmp/entries"
	grep -q ' mark=1710 ' "$tmp/entries" &&
	    ! grep -q ' mark=1[0-9]\{4\} ' "$tmp/entries"
}
for programs in legacy nft; do
	service $programs
	for row in "10.96.0.10 EHOSTUNREACH" "fd96::10 EACCES"; do
		read -r service refused <<<"$row"
		case="$programs, $service"
		check "$case: a service is reached" felt ok to tcp $service 7001
		check "$case: … and its connection has a mark of ours" has_mark
		check "$case: one that is blocked is not" \
		    felt $refused to udp $service 7003
		check "$case: nor one that is for once" \
		    felt $refused to tcp $service 7003
		check "$case: nor one that is dropped" \
		    felt ETIMEDOUT to udp $service 7001
	done
	if [ $IPT4 = iptables-$programs ]; then
		daemon_stop KILL
		for service in 10.96.0.10 fd96::10; do
			check "$service: nor any while the daemon is dead" \
			    felt EPERM to udp $service 7003
		done
		check "and started again" daemon_start
	fi
	no_service $programs
done
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
