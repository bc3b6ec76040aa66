#!/bin/bash
# A6: what is for this host alone does not leave it, whatever device a socket
# is bound to. A7: the rules are put back, first in their chains, whoever took
# them away or stood before them, and no denied packet leaves meanwhile.
#
#   c   the daemon, its rules, and those who disturb them
#   s   sees what comes over the wire

. "$(dirname "$0")/lib.sh"
need_root
need iptables-legacy-restore ip6tables-legacy-restore flock
net_up
CTL=$BUILDDIR/chainsctl
case $IPT4 in *nft) restore=restore ;; *) restore= ;; esac
other() { XTABLES_LOCKFILE=$tmp/other.lock "$@"; } # with no word of it

# Counts what s0 sees of UDP to the port, whatever its address: prints the sum
# at a frame of a kind that nobody else sends (0x88b5: for experiments), which
# came after all that was sent before; each one before that is a line too. On one
# processor frames stay in order.
cat >"$tmp/count.py" <<'PYTHON'
import socket, struct, sys
port, n = int(sys.argv[1]), 0
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("s0", 0))
print("ready", flush=True)
while True:
    p = s.recv(2048)
    kind = struct.unpack("!H", p[12:14])[0]
    if kind == 0x800 and p[23] == 17:
        at = 14 + (p[14] & 15) * 4
    elif kind == 0x86dd and p[20] == 17:
        at = 54
    elif kind == 0x88b5:
        break
    else:
        continue
    if struct.unpack("!H", p[at + 2:at + 4])[0] == port:
        n += 1
        print("one", flush=True)
print(n)
PYTHON
count_begin() {
	background ins python3 "$tmp/count.py" "$1" >"$tmp/count"
	counter=$pid
	wait_for has_text ready "$tmp/count"
}
counted() { [ "$(grep -c one "$tmp/count")" -ge "$1" ]; }
count_end() { # [TO PORT DEVICE TIMES]: after those, too
	inc python3 "$tmp/send.py" "$@" over
	wait "$counter"
	stop "$counter" # nobody: it is no more of ours
	counted=$(tail -n 1 "$tmp/count")
}
# send.py [TO PORT DEVICE TIMES] [over]   datagrams; the frame that count.py ends at
cat >"$tmp/send.py" <<'PYTHON'
import os, socket, sys
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
if len(sys.argv) > 4:
    to, port, device, times = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    if device != "-":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    for i in range(times):
        try:
            s.sendto(b"leak", (to, port))
        except OSError:
            pass
if sys.argv[-1] == "over":
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("c0", 0))
    s.send(b"\xff" * 6 + bytes(6) + b"\x88\xb5" + bytes(46))
PYTHON

# -- A6 --
inc ip route add default via 10.9.0.2
inc ip route add default via fd09::2
# a mark 1717 that nobody judged, on a socket that is bound to c0: DNAT gives
# it an address of lo, and the route stays
for f in ip4 ip6; do
	case $f in
	ip4) i=$IPT4 to=10.9.0.2 ;;
	ip6) i=$IPT6 to=fd09::2 ;;
	esac
	# a neighbour that is known, and need not be asked about in between
	inc ip neighbour replace $to dev c0 nud permanent lladdr \
	    "$(ins ip -o link show s0 | sed 's/.*ether \([^ ]*\).*/\1/')"
	inc "$CTL" install $f $restore
	inc $i -t filter -F C17
	inc $i -t mangle -F C170
	inc $i -t mangle -A OUTPUT -p udp --dport 5300 -j MARK --set-mark 1717
	count_begin 1117
	count_end $to 5300 c0 5
	check "$f: no packet to loopback leaves" [ "$counted" = 0 ]
	check "$f: the guard stopped them" sh -c "nsenter \
	    --net=/run/netns/$C $i -t mangle -nvxL POSTROUTING |
	    awk '/DROP/ { n += \$1 } END { exit n != 5 }'"
	inc $i -t mangle -F POSTROUTING
	count_begin 1117
	count_end $to 5300 c0 5
	check "$f: without the guard they do" [ "$counted" = 5 ]
	inc $i -t mangle -F OUTPUT
	inc "$CTL" install $f $restore
	inc $i -t mangle -F C170
	inc $i -t mangle -A OUTPUT -p udp --dport 5300 -j MARK --set-mark 1717
	inc $i -t nat -F OUTPUT
	count_begin 5300
	count_end $to 5300 - 5
	check "$f: what no DNAT took does not leave either" [ "$counted" = 0 ]
	inc $i -t mangle -F POSTROUTING
	count_begin 5300
	count_end $to 5300 - 5
	check "$f: nor without the guard" [ "$counted" = 0 ]
	inc $i -t security -F
	count_begin 5300
	count_end $to 5300 - 5
	check "$f: which is A8's doing" [ "$counted" = 5 ]
	inc $i -t mangle -F OUTPUT
	inc "$CTL" remove $f $restore
done

# -- A7 --
mkdir "$tmp/rules"
cat >"$tmp/rules/10.rules" <<'RULES'
default out accept
default in accept
drop out proto udp to port 7003
RULES
settings
background inc "$REROUTED" --config "$conf" --rules "$tmp/rules" \
    --control "$tmp/control" --state "$tmp/state" 2>"$tmp/daemon.log"
daemon=$pid
wait_for has_text ready "$tmp/daemon.log" || cat "$tmp/daemon.log"
in_place() { ctl firewall verify; }
status() { # status EXPRESSION: of the object `firewall`
	ctl --json status >"$tmp/status" &&
		holds "$tmp/status" "[$1 for f in [x['firewall']]][0]"
}
check "all is in place" in_place

# repaired NAME MAX_MS COMMANDS
repaired() {
	commands=$3
	damaged() {
		inc sh -ec "$commands" || return 1
		start=$(now_ms)
		wait_for in_place || return 1
		took=$(($(now_ms) - start))
	}
	check "$1: put back" best_of "$2" damaged
	sed 's/^/# /' "$tmp/check.out"
}
cat >"$tmp/foreign" <<'RULES'
*mangle
-A OUTPUT -p tcp -j RETURN
COMMIT
*nat
-A OUTPUT -p tcp -j RETURN
COMMIT
*filter
-A OUTPUT -p tcp -j ACCEPT
-A INPUT -p tcp -j ACCEPT
COMMIT
RULES
for i in $IPT4 $IPT6; do
	repaired "$i: filter flushed" 500 "$i -F"
	repaired "$i: mangle flushed" 500 "$i -t mangle -F"
	repaired "$i: nat flushed" 500 "$i -t nat -F"
	repaired "$i: security flushed" 500 "$i -t security -F"
	repaired "$i: displaced" 500 "$i -I OUTPUT -p tcp -j ACCEPT"
	repaired "$i: all replaced by others" 500 "$i-restore <$tmp/foreign"
	repaired "$i: emptied" 500 "$i-restore <<X
*filter
COMMIT
*mangle
COMMIT
*nat
COMMIT
X"
	# the same size, so that only the content tells
	repaired "$i: order changed without the lock" 1400 "
	    XTABLES_LOCKFILE=$tmp/other.lock
	    export XTABLES_LOCKFILE
	    $i-save -t filter | awk '/^-A C17 /{ print > \"$tmp/c17\"; next }
		/^COMMIT/ { while ((getline l < \"$tmp/c17\") > 0)
			a[++n] = l
		    print a[2]; print a[1]
		    for (k = 3; k <= n; k++) print a[k] } { print }' |
		$i-restore"
	rm -f "$tmp/c17"
	repaired "$i: flushed without the lock" 1400 "
	    XTABLES_LOCKFILE=$tmp/other.lock $i -F"
done
check "repairs are counted" status "f['repairs'] >= 16 and f['error'] is None"
check "and told" grep -q "repaired: ip4 filter OUTPUT: jump to C17 is missing" \
    "$tmp/daemon.log"
check "security, too" grep -q \
    "repaired: ip4 security OUTPUT: jump to C173 is missing" \
    "$tmp/daemon.log"
shown() { # the rules of the table security, both families
	ctl firewall show | awk '/^#/ { in_it = $3 == "security"; next }
	    in_it && / -j DROP$/ { n++ } END { print n + 0 }'
}
check "and all of it is shown" [ "$(shown)" = 14 ]
inc $IPT4 -A OUTPUT -p tcp --dport 9 -j ACCEPT
wait_for in_place
check "rules of others stay" inc $IPT4 -C OUTPUT -p tcp --dport 9 \
    -j ACCEPT
inc $IPT4 -F

# -- beside 10,000 rules of others --
seq 10000 | awk 'BEGIN { print "*filter" } END { print "COMMIT" } {
    printf "-A OUTPUT -d 172.16.%d.%d/32 -p tcp -m tcp --dport 9 -j DROP\n",
	$1 / 250, $1 % 250 }' >"$tmp/many"
check "10,000 rules of others" inc sh -c "$IPT4-restore --noflush <$tmp/many"
wait_for status "f['accept_ip4'] == 'continue'"
repaired_times() {
	ctl --json status >"$tmp/status" &&
		value "$tmp/status" "x['firewall']['repairs']"
}
# ms from the end of a command until that was repaired
cat >"$tmp/taken.py" <<'PYTHON'
import json, socket, subprocess, sys, time
daemon = socket.socket(socket.AF_UNIX)
daemon.connect(sys.argv[1])
lines = daemon.makefile("rw")
def repairs():
    lines.write('{"call": "status"}\n')
    lines.flush()
    return json.loads(lines.readline())["result"]["firewall"]["repairs"]
before = repairs()
subprocess.run(sys.argv[2:], check=True)
start = time.monotonic()
while repairs() == before:
    time.sleep(0.005)
print(int((time.monotonic() - start) * 1000))
PYTHON
count_begin 7003
background inc sh -c "while :; do
	python3 $tmp/send.py 10.9.0.2 7003 - 2000; done"
sender=$pid
taken_out() {
	took=$(inc timeout 30 python3 "$tmp/taken.py" "$tmp/control" \
	    $IPT4 -D OUTPUT -j C17) || return 1
	wait_for in_place
}
# within a second; where the machine has that little time for us, in what two
# changes of that table by hand take then
start=$(now_ms)
inc $IPT4 -A OUTPUT -p tcp --dport 9 -j DROP
inc $IPT4 -D OUTPUT -p tcp --dport 9 -j DROP
limit=$(($(now_ms) - start))
[ $limit -ge 1000 ] || limit=1000
wait_for in_place
check "among them: put back within $limit ms" best_of $limit taken_out
sed 's/^/# /' "$tmp/check.out"
stop "$sender"
count_end
check "meanwhile $counted packets left" [ "$counted" = 0 ]
n=$(inc $IPT4-save -t filter | grep -c -- '-A OUTPUT -d 172.16')
check "all of them are still there" [ "$n" = 10000 ]
inc $IPT4 -F

# -- no denied packet leaves while tables are flushed --
wait_for in_place
inc python3 "$tmp/send.py" 10.9.0.2 7003 - 1
told_times() { grep -c "repaired: ip4 $table OUTPUT: jump" "$tmp/daemon.log"; }
for table in filter nat mangle; do
	told=$(told_times)
	count_begin 7003
	background inc sh -c "while :; do
		python3 $tmp/send.py 10.9.0.2 7003 - 2000
		python3 $tmp/send.py fd09::2 7003 - 2000
	done"
	sender=$pid
	n=0
	while [ $n -lt 10 ]; do
		inc $IPT4 -t $table -F
		inc $IPT6 -t $table -F
		wait_for in_place
		n=$((n + 1))
	done
	stop "$sender"
	wait_for in_place
	count_end
	check "$table flushed 20 times under load: $counted packets left" \
	    [ "$counted" = 0 ]
	told=$(($(told_times) - told))
	check "$table: told $told times of 10" [ $told -lt 5 ]
done
check "the others are summed up" wait_for log_has "repaired again"
count_begin 7004
inc python3 "$tmp/send.py" 10.9.0.2 7004 - 3
wait_for counted 3
count_end
check "the counter does count" [ "$counted" = 3 ]

# -- a repair that fails (nf_tables has no lock that could be held) --
if [ -z "$restore" ]; then
repairs=$(repaired_times)
lock_tables
other inc $IPT4 -F
check "lock held: status tells" wait_for status "f['error'] is not None"
check "lock held: for people too" sh -c "'$REROUTECTL' --control $tmp/control \
    status | grep -q 'BROKEN: the rules are not in place: .*pid $holder holds the lock'"
check "lock held: one loud line" sh -c \
    "[ \$(grep -c 'not in place and can.t be put back' $tmp/daemon.log) = 1 ]"
check "lock held: judging goes on" inc ping -c 1 -W 20 10.9.0.2
stop "$holder"
check "lock given back: put right" wait_for in_place
check "lock given back: status is good" wait_for status \
    "f['error'] is None and f['repairs'] > $repairs"

fi

# -- marks of others behind ours --
inc $IPT4 -t mangle -N others
inc $IPT4 -t mangle -A others -p tcp -j MARK --set-mark 153
inc $IPT4 -t mangle -A OUTPUT -p tcp -j others
check "a MARK behind ours: warned" wait_for grep -q "ip4 mangle: \
-A others -p \(6\|tcp\).* -j MARK .*changes marks behind ours" "$tmp/daemon.log"
wait_for in_place
check "a MARK behind ours: verify tells" sh -c \
    "'$REROUTECTL' --control $tmp/control firewall verify |
    grep -q 'warning: ip4 mangle: -A others .*changes marks behind ours'"
inc $IPT4 -t mangle -A FORWARD -p udp -j RETURN
inc $IPT6 -t mangle -A FORWARD -p udp -j RETURN
check "a rule that is none of ours: nothing to put right" wait_for in_place
check "warned of it once" sh -c \
    "[ \$(grep -c 'changes marks behind' $tmp/daemon.log) = 1 ]"

inc ip rule add uidrange 65534-65534 lookup main
check "a routing rule for users: verify tells" sh -c \
    "'$REROUTECTL' --control $tmp/control firewall verify |
    grep -q 'warning: ip4: a routing rule is for users'"
inc ip rule del uidrange 65534-65534

# -- a device that comes later is judged, too --
inc ip link add d1 type veth peer name d2
inc ip link set d1 up
inc ip link set d2 up
inc ip address add 10.88.0.1/24 dev d1
inc ip neighbour add 10.88.0.2 lladdr 02:00:00:00:00:02 dev d1
inc python3 "$tmp/send.py" 10.88.0.2 7003 d1 1
check "a device that comes later" wait_for sh -c "'$REROUTECTL' --control $tmp/control \
    --json flows | grep 10.88.0.2 | grep -q drop"

# -- by hand --
check "clear" ctl firewall clear
check_not "cleared rules are not put back" in_place
inc $IPT4 -A INPUT -j RETURN # word of a change
check_not "not with a change either" in_place
check "cleared: the network works" inc ping -c 1 -W 20 10.9.0.2
stop "$daemon"
check "the daemon ends well" [ $? = 0 ]
check "nothing of ours is left" has_none $IPT4-save 'C17|0x6a|0x707'
finish
