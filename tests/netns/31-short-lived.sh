#!/bin/bash
# Nobody is gone too soon: processes that send one packet and end at once are
# named, and where a rule blocks their program nothing of theirs arrives.
#
#     c 10.9.0.1, short  ---- veth ----  s 10.9.0.2, counts what arrives
. "$(dirname "$0")/lib.sh"
need_root
need python3 $IPT4 $IPT6
net_up
short=$BUILDDIR/short
[ -x "$short" ] || skip "needs short to be built"
mkdir "$tmp/bin"
chmod 755 "$tmp/bin"
for name in allowed denied; do cp "$short" "$tmp/bin/$name"; done
n=40

rules "block exe $tmp/bin/denied" "default out accept" "default in accept"
daemon_start
ctl status >"$tmp/status"
grep -q '^attribution *BPF yes' "$tmp/status" || {
	grep 'no BPF' "$tmp/status"
	skip "BPF can't be loaded here"
}
check "the log says which source serves" \
    grep -q 'attribution: source=bpf births=yes' "$tmp/daemon.log"

compare=$top/tests/netns/short.py
named() { # what the program sent last may still wait for its verdict
	wait_for all_judged
	ctl --json flows --exe "$tmp/bin/allowed" >"$tmp/flows"
}

arrived() { # arrived FAMILY PROTO PORT
	_ipt=$IPT4
	[ "$1" = 4 ] || _ipt=$IPT6
	ins $_ipt -nvxL INPUT | awk -v n="n$3" '$0 ~ n"$" { print $1 }
	    $0 ~ n" \\*/$" { print $1 }' | head -1
}
count() { # count FAMILY PROTO PORT: from now on
	_ipt=$IPT4
	[ "$1" = 4 ] || _ipt=$IPT6
	case $2 in
	icmp) ins $_ipt -I INPUT -p icmp -m comment --comment "n$3" ;;
	icmp6) ins $_ipt -I INPUT -p icmpv6 --icmpv6-type 128 -m comment --comment "n$3" ;;
	*) ins $_ipt -I INPUT -p "$2" --dport "$3" -m comment --comment "n$3" ;;
	esac
}

port=7000
if inc "$short" uring 10.9.0.2 6999 1 1 >/dev/null 2>&1; then
	uring="uring:4 uringp:4 tcpu:4 tcpup:4"
else
	uring=
	echo "# no io_uring here"
fi
kinds="$uring udp:4 udpc:4 mapped:4 tcp:4 ping:4 udp:6 udpc:6 tcp:6 ping:6"
for parallel in 1 8; do
	for row in $kinds; do
		kind=${row%:*} family=${row#*:}
		port=$((port + 1))
		to=10.9.0.2
		[ "$family" = 4 ] || to=fd09::2
		proto=udp
		[ "${kind#tcp}" = "$kind" ] || proto=tcp
		dport=$port
		if [ "$kind" = ping ]; then
			dport=0 proto=icmp
			[ "$family" = 4 ] || proto=icmp6
		fi
		name="$kind, IPv$family, $parallel at a time"
		inc "$tmp/bin/allowed" $kind $to $port $n $parallel >"$tmp/sent"
		named
		check "$name: all named" python3 "$compare" "$tmp/sent" \
		    "$tmp/flows" $dport "$tmp/bin/allowed" $to
		count $family $proto $port
		inc "$tmp/bin/denied" $kind $to $port $n $parallel >/dev/null
		wait_for all_judged
		check "$name: none of the blocked arrived" \
		    [ "$(arrived $family $proto $port)" = 0 ]
	done
done
# both programs take the same few numbers for their processes, over and over
SHORT_PID=$(($(cat /proc/sys/kernel/pid_max) - 64))
export SHORT_PID
port=$((port + 2))
count 4 udp $port
background inc "$tmp/bin/denied" udp 10.9.0.2 $port $n 8 >"$tmp/sent.denied"
inc "$tmp/bin/allowed" udp 10.9.0.2 $((port - 1)) $n 8 >"$tmp/sent"
wait "$pid"
unset SHORT_PID
check "processes with the numbers of others: $(cut -d' ' -f2 "$tmp/sent" \
    "$tmp/sent.denied" | sort -u | wc -l) for $((2 * n))" \
    [ "$(cut -d' ' -f2 "$tmp/sent" "$tmp/sent.denied" | sort -u | wc -l)" -le 16 ]
named
check "… all named" python3 "$compare" "$tmp/sent" "$tmp/flows" $((port - 1)) \
    "$tmp/bin/allowed" 10.9.0.2
check "… none of the blocked arrived" [ "$(arrived 4 udp $port)" = 0 ]
port=$((port + 1))
count 4 udp $port
inc "$short" udp 10.9.0.2 $port $n 4 exec "$tmp/bin/denied" >/dev/null
wait_for all_judged
check "run by exec: none of the blocked arrived" [ "$(arrived 4 udp $port)" = 0 ]
port=$((port + 1))
inc "$short" udp 10.9.0.2 $port $n 4 exec "$tmp/bin/allowed" >"$tmp/sent"
named
check "run by exec: all named" python3 "$compare" "$tmp/sent" \
    "$tmp/flows" $port "$tmp/bin/allowed" 10.9.0.2
check "their command line is known" flows "each(x['process']['cmd'] ==
    '$tmp/bin/allowed one udp 10.9.0.2 $port' for x in f if x['dport'] == $port)"
check "and who started them" flows "each(x['process']['parents'][0]['exe'] ==
    '$short' for x in f if x['dport'] == $port)"
# -- while the daemon stands still --
# unseen N COMMAND...: sends N times to the next port, and is gone before anybody
# looks; $then is done before that, too
unseen() {
	local n=$1
	shift
	port=$((port + 1))
	count 4 udp $port
	kill -STOP $daemon
	inc "$@" udp 10.9.0.2 $port $n 1 >"$tmp/sent"
	${then:-true}
	kill -CONT $daemon
	named
}
shown() { # shown EXPRESSION: of each flow to the last port, x
	flows "each($1 for x in f if x['dport'] == $port)"
}
deep=$tmp/bin$(printf '/%.0sd' $(seq 100))/$(printf '%0200d' 1 2 3 4 5 6 |
    sed 's/.\{200\}/&\//g; s/.$//')
mkdir -p "$deep"
cp "$short" "$deep/denied"
rules "block exe $tmp/bin/denied, $tmp/bin/d/**" "default out accept" \
    "default in accept"
daemon_reload
unseen 3 "$deep/denied"
check "far below other folders, and gone: none of the blocked arrived" \
    [ "$(arrived 4 udp $port)" = 0 ]
check "… shown as what it is" shown "x['exe'] == '$deep/denied'"
groups_up
unit=rerouted-test-$unique.service
at_end() { rmdir "$groups/$unit"; } 2>/dev/null
rules "block unit $unit" "default out accept" "default in accept"
daemon_reload
with_group() { # with_group WHAT: of a group below $groups, and that is gone, too
	check "there are control groups, $1" mkdir "$groups/$unit"
	then="rmdir $groups/$unit"
	unseen 3 sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' \
	    "$groups/$unit" "$tmp/bin/allowed"
	then=
	check "gone with its control group, $1: none of the blocked arrived" \
	    [ "$(arrived 4 udp $port)" = 0 ]
	check "… shown with its unit, $1" shown "x['process']['unit'] == '$unit'"
}
with_group v2
# where units are in a hierarchy of their own, and all are at the root of v2
if grep -q :name=systemd: /proc/self/cgroup; then
	groups=$tmp/groups
	mkdir "$groups"
	mount -t cgroup -o none,name=systemd none "$groups" || exit 99
	with_group v1
fi
rules "block exe $tmp/bin/denied" "default out accept" "default in accept"
daemon_reload
cat >"$tmp/births.py" <<'PY'
import os
for _ in range(400):  # more than there is room for
    os.waitpid(os.posix_spawn("/bin/true", ["true", "x" * 4000], {}), 0)
PY
kill -STOP $daemon
python3 "$tmp/births.py"
unseen 20 "$tmp/bin/allowed"
lost() { ctl --json status | grep -q '"bpf_lost":[1-9]'; }
check "more are born than there is room for" lost
check "… who sends then is named as ever" python3 "$compare" "$tmp/sent" \
    "$tmp/flows" $port "$tmp/bin/allowed" 10.9.0.2
check "none is unknown" [ "$(counter processes_unknown)" = 0 ]
check_judged
daemon_stop
check "the daemon ends well" test $? = 0

# -- the same without it: what it is for --
settings "[rerouted]" "bpf = no"
daemon_start
# a port that another program has at once: its queries are its own. This comes
# first, since what is gone is looked for within a share of the time
cat >"$tmp/next.py" <<'PY'
import socket, subprocess, sys
query = bytes.fromhex("000101000001000000000000096c6f63616c686f73740000010001")
ports = range(30000, 30010)
perl = """$| = 1; print "ready\\n"; <STDIN>;
my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$ARGV[0]",
    PeerAddr => "127.0.0.1:53", Proto => "udp") or die;
$s->send(pack "H*", $ARGV[1]); $s->recv(my $b, 512); print "ok\\n";"""
others = [subprocess.Popen(
    ["perl", "-MIO::Socket::INET", "-e", perl, str(port), query.hex()],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE) for port in ports]
for other in others:
    assert other.stdout.readline() == b"ready\n"
for port, other in zip(ports, others):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", port))
    s.connect(("127.0.0.1", 53))
    s.send(query)
    s.recv(512)
    s.close()
    other.stdin.write(b"\n")
    other.stdin.flush()
    assert other.stdout.readline() == b"ok\n"
    other.communicate()
PY
check "two programs, one behind the other, have the same ports" \
    inc python3 "$tmp/next.py"
ctl --json queries >"$tmp/queries"
check "each query is its program's" python3 -c '
import collections, json, sys
seen = collections.defaultdict(list)
for line in open(sys.argv[1]):
    q = json.loads(line)
    port = int(q["client"].rsplit(":", 1)[1])
    if 30000 <= port < 30010:
        seen[port].append((q["process"]["exe"] or "nobody").rsplit("/", 1)[-1][:4])
print(dict(seen))
sys.exit(len(seen) != 10 or any(sorted(v) != ["perl", "pyth"]
    for v in seen.values()))' "$tmp/queries"
# who is gone is not known, but his user is
inc "$tmp/bin/allowed" udp 10.9.0.2 7999 $n 1 >/dev/null
unknown=$(counter processes_unknown)
echo "# without BPF $unknown of $n are unknown"
check "without BPF: the user is known" flows "all(x['attributed_by'] == 'uid' and
    x['process']['uid'] == 0 for x in f if x['dport'] == 7999 and
    x['exe'] == 'unknown')"
daemon_reload
rules "block user root to port 7998" "default out accept" "default in accept"
daemon_reload
count 4 udp 7998
inc "$tmp/bin/allowed" udp 10.9.0.2 7998 $n 1 >/dev/null
check "without BPF: a rule by user holds" [ "$(arrived 4 udp 7998)" = 0 ]

ctl status >"$tmp/status"
check "status says why" grep -q 'no BPF: not wanted by the settings' "$tmp/status"
daemon_stop
finish
