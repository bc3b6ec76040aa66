#!/bin/bash
# What comes after the start is judged like what was there: an address family,
# its tables, devices. And a lock that is never given back leaves closed what is
# closed.
#
#     c 10.9.0.1 fd09::1, daemon  ---- veth c0 s0 ----  s 10.9.0.2 fd09::2
#                                 ---- veth c1 s1 ----    10.8.0.2 fd08::2
. "$(dirname "$0")/lib.sh"
need_root
need dig python3 unshare iptables-nft ip6tables-nft flock
net_up
probe=$BUILDDIR/probe
rules "block out to port 7002" "block in to port 8002" "default in accept"
cat >"$tmp/serve.py" <<'PY'
"""serve.py PORT...: answers on addresses that are still to come, too."""
import selectors, socket, sys
s = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    for family, any in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            one = socket.socket(family, kind)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.bind((any, port))
            if kind == socket.SOCK_STREAM:
                one.listen(64)
            s.register(one, selectors.EVENT_READ, kind)
print("ready", flush=True)
while True:
    for key, _ in s.select():
        if key.data == socket.SOCK_STREAM:
            with key.fileobj.accept()[0] as one:
                one.settimeout(10)
                try:
                    one.sendall(one.recv(2048))
                except OSError:
                    pass
        else:
            key.fileobj.sendto(*key.fileobj.recvfrom(2048))
PY
background ins python3 "$tmp/serve.py" 7001 7002 >"$tmp/serve.s"
background inc python3 "$tmp/serve.py" 8001 8002 >"$tmp/serve.c"
wait_for has_text ready "$tmp/serve.s"
wait_for has_text ready "$tmp/serve.c"

judged() { # NAME C-ADDRESS S-ADDRESS
	check "$1: what may goes out" wait_for inc "$probe" tcp "$3" 7001
	for proto in tcp udp; do
		check_not "$1: what may not does not: $proto" \
		    inc "$probe" $proto "$3" 7002 300
		check_not "$1: … nor in: $proto" \
		    ins "$probe" $proto "$2" 8002 300
	done
	check "$1: what may comes in" ins "$probe" tcp "$2" 8001
	check "$1: the flows are known" flows "any(x['dst'] == '$3' and
	    x['dport'] == 7002 and x['verdict'] == 'block' for x in f)"
}
six() { inc sh -c "echo $1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"; }

# -- IPv6 is off at the start, and switched on --
six 1
check "the daemon starts without IPv6" daemon_start
check "the daemon judges IPv4" felt EHOSTUNREACH inc "$probe" tcp 10.9.0.2 7002
resolves() { # ADDRESS: does the resolver answer there?
	inc dig +time=20 +tries=1 @"$1" localhost | tee "$tmp/dug"
	grep -q 'status: NOERROR' "$tmp/dug"
}
check "the resolver listens on IPv4" wait_for resolves 127.0.0.1
broken() { ctl status | grep BROKEN; }
check_not "… which is no problem" broken
background inc python3 -c 'import signal, socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.bind(("::", 53))
print("ready", flush=True)
signal.pause()' >"$tmp/six.out"
other=$pid
wait_for has_text ready "$tmp/six.out"
six 0
inc ip address add fd09::1/64 dev c0 nodad
check "… nor on IPv6 where another one is" wait_for grep -q \
	"::1 port 53 is taken by .*: there is no resolver there" \
	"$tmp/daemon.log"
check "… still on IPv4" resolves 127.0.0.1
check "… which is a problem" broken
stop $other
check "… and on IPv6, when that is on" wait_for resolves ::1
check_not "… and none any more" broken
check "… still on IPv4" wait_for resolves 127.0.0.1
judged "IPv6 switched on" fd09::1 fd09::2
six 1
six 0
inc ip address add fd09::1/64 dev c0 nodad
judged "IPv6 off and on" fd09::1 fd09::2

# -- a device that comes --
ip link add c1 netns "$C" type veth peer name s1 netns "$S"
for i in "inc c1 1" "ins s1 2"; do
	set -- $i
	$1 ip address add 10.8.0.$3/24 dev $2
	$1 ip address add fd08::$3/64 dev $2 nodad
	$1 ip link set $2 up
done
judged "a device that comes" 10.8.0.1 10.8.0.2
judged "a device that comes, IPv6" fd08::1 fd08::2
inc ip link del c1
ip link add c1 netns "$C" type veth peer name s1 netns "$S"
inc ip address add 10.8.0.1/24 dev c1
inc ip link set c1 up
ins ip address add 10.8.0.2/24 dev s1
ins ip link set s1 up
judged "it goes, and another one comes by its name" 10.8.0.1 10.8.0.2
daemon_stop

# -- the programs that make IPv6's tables come later --
mkdir "$tmp/sbin"
cp -a /usr/sbin/xtables-nft-multi /usr/sbin/iptables-nft* "$tmp/sbin"
settings "backend = iptables-restore"
sed -i '0,/^backend = auto/{/^backend = auto/d}' "$tmp/rerouted.conf"
: >"$tmp/daemon.log"
background inc unshare -m sh -ec "mount --bind $tmp/sbin /usr/sbin
	exec $REROUTED --config $tmp/rerouted.conf --rules $tmp/rules \
	    --state $tmp/state --control $tmp/control" 2>"$tmp/daemon.log"
daemon=$pid
check "it starts with IPv4 alone" wait_for grep -q "ready .*ip4=yes ip6=no" \
    "$tmp/daemon.log"
cp -a /usr/sbin/ip6tables-nft* "$tmp/sbin"
check "IPv6's tables can be had: they are made" \
    wait_for has_text "ip6 appeared: its rules were put in" "$tmp/daemon.log"
judged "IPv6's tables came later" fd09::1 fd09::2
daemon_stop
check "nothing of it is left" has_none ip6tables-nft-save C17

# -- the lock of the tables is held for ever, and they are damaged --
for fail in closed open; do
	settings "backend = libiptc" "fail = $fail"
	sed -i '0,/^backend = auto/{/^backend = auto/d}' "$tmp/rerouted.conf"
	check "fail = $fail: the daemon starts" daemon_start
	lock_tables
	for i in iptables-legacy ip6tables-legacy; do
		XTABLES_LOCKFILE=$tmp/other.lock inc $i -D OUTPUT -j C17
		XTABLES_LOCKFILE=$tmp/other.lock inc $i -D INPUT -j C17
	done
	check "fail = $fail, lock held: status says BROKEN" \
	    wait_for sh -c "$REROUTECTL --control $tmp/control status |
	    grep -q 'BROKEN: the rules are not in place: .*pid $holder holds'"
	check "fail = $fail, lock held: one loud line" sh -c "[ \$(grep -c \
	    '^error firewall: the rules are not in place' $tmp/daemon.log) = 1 ]"
	for addr in 10.9.0.2 fd09::2; do
		check "fail = $fail, lock held: what may goes out" \
		    inc "$probe" tcp $addr 7001
		check_not "fail = $fail, lock held: what may not does not" \
		    inc "$probe" tcp $addr 7002 300
	done
	stop "$holder"
	check "fail = $fail, lock given back: put right" \
	    wait_for ctl firewall verify
	check "fail = $fail: the daemon ends well" daemon_stop
done
finish
