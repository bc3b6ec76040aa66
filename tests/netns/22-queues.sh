#!/bin/bash
# The queues: all four on one socket, each packet gets its verdict, what the
# kernel drops is counted, and a queue of another program is told from the lack
# of privilege.
#
#     c 10.9.0.1, rules and queues  ---- veth ----  s 10.9.0.2, echo servers

. "$(dirname "$0")/lib.sh"
need_root
need socat setpriv python3
[ -e /proc/net/netfilter/nfnetlink_queue ] || skip "no nfnetlink_queue"
CTL=$BUILDDIR/queuectl
net_up

background ins socat TCP4-LISTEN:7000,fork,reuseaddr PIPE
background ins socat TCP6-LISTEN:7000,fork,reuseaddr,ipv6only PIPE
background ins socat UDP4-LISTEN:7000,fork,reuseaddr PIPE
background inc socat TCP4-LISTEN:7001,fork,reuseaddr PIPE
background inc socat TCP6-LISTEN:7001,fork,reuseaddr,ipv6only PIPE
wait_for sh -c "[ \$(nsenter --net=/run/netns/$S ss -Hnltu | grep -c :7000) = 3 ]"
wait_for sh -c "[ \$(nsenter --net=/run/netns/$C ss -Hnlt | grep -c :7001) = 2 ]"

serve() { # MARK [LENGTH]
	: >"$tmp/queue.out"
	background inc "$CTL" serve "$@" >"$tmp/queue.out" 2>"$tmp/queue.err"
	queue=$pid
	wait_for has_text ready "$tmp/queue.out"
}
echo_by() { # NAMESPACE tcp|udp ADDRESS PORT
	inns "$1" "$BUILDDIR/probe" "${@:2}"
}
seen() { grep -c "^packet queue=$1 in=$2 .*version=$3" "$tmp/queue.out"; }
counter() { sed -n "s/^$1=//p" "$tmp/queue.out"; }

# -- queues, then rules: every direction and family --
serve 1710
for queue_nr in 17040 17060 17140 17160; do
	check "queue $queue_nr is bound" inc "$CTL" counters $queue_nr
done
inc "$BUILDDIR/chainsctl" install ip4
inc "$BUILDDIR/chainsctl" install ip6
check "TCP out, IPv6" echo_by "$C" tcp fd09::2 7000
check "TCP in, IPv6" echo_by "$S" tcp fd09::1 7001
# a SYN is sent again where the machine stands still for a second: not each time
one_packet() { # QUEUE IN WHO PROTO ADDRESS PORT
	local try before had
	for try in 1 2 3; do
		before=$(seen "$1" "$2" 4)
		echo_by "${@:3}" || return 1
		had=$(($(seen "$1" "$2" 4) - before))
		[ $had -ne 1 ] || return 0
	done
	echo "try $try: $had packets"
	return 1
}
check "TCP out, IPv4: one packet in queue 17040" \
    one_packet 17040 0 "$C" tcp 10.9.0.2 7000
check "UDP out, IPv4: one packet in queue 17040" \
    one_packet 17040 0 "$C" udp 10.9.0.2 7000
check "TCP in, IPv4: one packet in queue 17140" \
    one_packet 17140 1 "$S" tcp 10.9.0.1 7001
check "queue 17060 had IPv6 alone" [ "$(seen 17060 0 6)" -ge 1 ]
check "queue 17160 had IPv6 alone" [ "$(seen 17160 1 6)" -ge 1 ]
c0=$(inc ip -o link show c0 | cut -d: -f1)
check "the device out is known" grep -q \
    "^packet queue=17040 in=0 ifindex=$c0 uid=0 " "$tmp/queue.out"
check "the device in is known" grep -q \
    "^packet queue=17140 in=1 ifindex=$c0 uid=-1 " "$tmp/queue.out"
echo x | inc setpriv --reuid=4242 --clear-groups socat -u - UDP4:10.9.0.2:7000
check "the sender's uid is known" wait_for \
    grep -q "^packet .* uid=4242 " "$tmp/queue.out"

# -- a second program, and none with the privilege --
inc "$CTL" serve 1710 >/dev/null 2>"$tmp/err"
check "bound by another: EBUSY" grep -q EBUSY "$tmp/err"
check "bound by another: its port is named" grep -qE "^owner [1-9]" "$tmp/err"
stop "$queue"
check "it ended well" [ $? -eq 0 ]
check "as many verdicts as packets" [ "$(counter verdicts)" = \
    "$(counter packets)" ]
check "no verdict was refused" [ "$(counter verdict_errors)" = 0 ]
check "no message was unreadable" [ "$(counter queue_errors)" = 0 ]
check_not "nobody has the queue any more" inc "$CTL" counters 17040
inc setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
    "$CTL" serve 1710 >/dev/null 2>"$tmp/err"
check "no privilege: EPERM" grep -q EPERM "$tmp/err"
check_not "no privilege: no owner" grep -q owner "$tmp/err"

# -- big packets: whole messages in small buffers, GSO, lengths --
serve 1700
inc python3 - <<'PY'
import socket
s = socket.create_connection(("10.9.0.2", 7000))
s.settimeout(60)
sent = got = 0
data = b"x" * 65536
for i in range(16):
    s.sendall(data)
    n = 0
    while n < len(data):
        n += len(s.recv(65536))
PY
check "1 MiB there and back, each packet judged" [ $? -eq 0 ]
stop "$queue"
check "big packets came with 512 bytes" \
    grep -qE 'len=512 total=[0-9]{4,5} ' "$tmp/queue.out"
check "no packet has more than 512" sh -c \
    "! grep -E 'len=(51[3-9]|5[2-9].|[6-9]..|[0-9]{4,}) ' $tmp/queue.out"
check "all of them had verdicts" [ "$(counter verdicts)" = \
    "$(counter packets)" ]
check "no verdict was refused" [ "$(counter verdict_errors)" = 0 ]
check "no message was cut" [ "$(counter queue_errors)" = 0 ]
check "several packets went with one wake-up" \
    [ "$(counter wakeups)" -lt "$(counter packets)" ]

# -- a flood: what overflows is counted, and the socket lives --
# every datagram is a flow of its own: another port of the server's each
flood() { # NUMBER FIRST-PORT
	inc python3 - "$@" <<'PY'
import socket, sys
n, first = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 32, 64 << 20)  # SO_SNDBUFFORCE
for i in range(n):
    s.sendto(b"x", ("10.9.0.2", first + i))
PY
}
serve 1710 65536
flood 5000 10000
wait_for sh -c "[ \$(grep -c '^packet' $tmp/queue.out) -ge 5000 ]"
stop "$queue"
check "5000 packets, 5000 verdicts" [ "$(counter verdicts)" -ge 5000 ]
check "as many as packets" [ "$(counter verdicts)" = "$(counter packets)" ]
check "none refused" [ "$(counter verdict_errors)" = 0 ]

background inc "$CTL" hold 10 >"$tmp/hold.out"
hold=$pid
wait_for has_text ready "$tmp/hold.out"
flood 30 9000
inc "$CTL" counters 17040 >"$tmp/out"
check "a full queue is counted" grep -q "waiting=10 dropped_full=2[0-9]" "$tmp/out"
stop "$hold"

# -- the socket's buffer overflows: ENOBUFS is survived --
serve 1710 65536
kill -STOP "$queue"
flood 30000 20000
check "the kernel dropped for want of buffer" sh -c \
    "nsenter --net=/run/netns/$C $CTL counters 17040 |
	grep -E 'dropped_user=[1-9]'"
kill -CONT "$queue"
check "the queue works on" wait_for echo_by "$C" tcp 10.9.0.2 7000
stop "$queue"
check "it ended well" [ $? -eq 0 ]
check "the overflow is counted" [ "$(counter overflows)" -ge 1 ]
check "as many verdicts as packets" [ "$(counter verdicts)" = \
    "$(counter packets)" ]

# -- rules are in already, packets flow: none is lost to the start --
background inc python3 -c '
import socket
n = 0
while True:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    n = n % 50000 + 1
    try:
        s.sendto(b"x", ("10.9.0.2", 10000 + n))
    except PermissionError:
        pass
    s.close()'
sender=$pid
n=0
bad=0
while [ $n -lt 20 ]; do
	serve 1710 || bad=1
	stop "$queue"
	[ "$(counter verdicts)" = "$(counter packets)" ] || bad=1
	[ "$(counter verdict_errors)" = 0 ] || bad=1
	[ "$(counter queue_errors)" = 0 ] || bad=1
	n=$((n + 1))
done
stop "$sender"
check "20 starts amid traffic, every packet with its verdict" [ $bad -eq 0 ]

finish
