#!/bin/bash
# Bytes of flows and processes, from conntrack's accounting, which is switched
# on where it is off; watching with a backlog, and while lists are written.
#
#     c 10.9.0.1, daemon, curl  ---- veth ----  s 10.9.0.2, fd09::2, web server
. "$(dirname "$0")/lib.sh"
need_root
need python3 curl busybox conntrack dig
net_up
mkdir "$tmp/www"
head -c 1000000 /dev/zero >"$tmp/www/million"
background ins busybox httpd -f -p '[::]:8000' -h "$tmp/www"
background inc busybox httpd -f -p '[::]:8001' -h "$tmp/www"
wait_for ins nc -z 10.9.0.2 8000
wait_for inc nc -z 127.0.0.1 8001
background ins "$BUILDDIR/probe" serve 7001 10.9.0.2 fd09::2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
rules "default out accept" "default in accept" "block out to port 7009"
probe=$BUILDDIR/probe
cp "$probe" "$tmp/other"

acct=/proc/sys/net/netfilter/nf_conntrack_acct
inc sh -c "echo 0 >$acct"
check "the daemon starts" daemon_start
check "accounting was off: it is on" inc grep -q 1 $acct
check "… and that is said" grep -q 'nf_conntrack_acct was off' "$tmp/daemon.log"

get() { inc curl -sS -o "$tmp/got" "$1"; }
about() { # about IN OUT of a flow, in python: 1 MB this way, little that way
	echo "x['$1'] and 1000000 < x['$1'] < 1100000 and 100 < x['$2'] < 100000"
}
get http://10.9.0.2:8000/million
get 'http://[fd09::2]:8000/million'
get http://127.0.0.1:8001/million
check "a million bytes in, IPv4 and IPv6" flows "sum(
	$(about bytes_in bytes_out) for x in f if x['dport'] == 8000) == 2"
check "on loopback, out of one side and into the other" flows "
	[$(about bytes_in bytes_out) for x in f
	    if x['dport'] == 8001 and x['direction'] == 'out'] == [True] and
	[$(about bytes_out bytes_in) for x in f
	    if x['dport'] == 8001 and x['direction'] == 'in'] == [True]"
inc "$tmp/other" udp 10.9.0.2 7001 >"$tmp/probe.out"
check "UDP" wait_for flows "[(x['bytes_in'] or 0) > 28 and (x['bytes_out'] or 0) > 28
	for x in f if x['proto'] == 'udp'] == [True]"

# -- by process; what has ended is not forgotten, nor counted twice --
sums() { # sums EXPRESSION of p, the processes by the name of their program
	ctl --json processes >"$tmp/processes" && python3 -c '
import json, sys
p = {}
for line in open(sys.argv[1]):
    x = json.loads(line)
    exe = (x["process"]["exe"] or x["process"]["kind"]).split("/")[-1]
    p.setdefault(exe, [0, 0])
    p[exe][0] += x["bytes_in"]
    p[exe][1] += x["bytes_out"]
print(p)
sys.exit(not eval("(" + sys.argv[2] + ")"))' "$tmp/processes" "$1"
}
check "the sums of processes" sums "3000000 < p['curl'][0] < 3300000 and
	1000000 < p['busybox'][1] < 1100000"
inc conntrack -F 2>/dev/null
check "they stay when the connections end" sums "3000000 < p['curl'][0] < 3300000"
background inc "$tmp/other" udp 10.9.0.2 7001
wait $pid
inc conntrack -F 2>/dev/null
check "what ended between two looks is counted" wait_for sums \
    "p['other'][0] > 2 * 28"
get http://10.9.0.2:8000/million
inc conntrack -F 2>/dev/null
check "a connection that came and went meanwhile" wait_for sums \
    "4000000 < p['curl'][0] < 4400000"
check "nothing was lost" [ "$(counter bytes_lost)" = 0 ]

# -- watch with a backlog --
watched() { # watched N WORD...: watch has given N lines
	local n=$1
	shift
	background "$REROUTECTL" --control "$tmp/control" --json watch "$@" \
	    >"$tmp/watch"
	wait_for lines_are "$n" || { stop $pid; return 1; }
	stop $pid
	return 0
}
lines_are() { [ "$(wc -l <"$tmp/watch")" -eq "$1" ]; }
for n in 1 2 3; do inc "$probe" tcp 10.9.0.2 7009 >"$tmp/probe.out"; done
inc "$probe" tcp 10.9.0.2 7001 >"$tmp/probe.out"
check "a backlog of two" watched 2 --backlog 2
check "… the last ones, in their order" python3 -c '
import json, sys
x = [json.loads(line) for line in open(sys.argv[1])]
assert [y["dport"] for y in x] == [7009, 7001], x
assert x[0]["time"] <= x[1]["time"] and x[0]["event"] == "flow"' "$tmp/watch"
check "a backlog with a filter" watched 3 --backlog 100 --verdict block
check "a backlog by time" watched 3 --since 1h --verdict block
check "more than was kept" watched 3 --backlog 4000000000 --verdict block
inc dig +tries=1 @127.0.0.1 localhost >"$tmp/dig.out"
check "a backlog has queries, too" watched 1 --backlog 100 --domain localhost
check "… and says so" grep -q '"event":"query"' "$tmp/watch"
inc "$probe" tcp 10.9.0.2 7009 >"$tmp/probe.out"
check "between connections" watched 5 --backlog 5
check "… in their order" python3 -c '
import json, sys
x = [json.loads(line) for line in open(sys.argv[1])]
assert [y["event"] for y in x][-2:] == ["query", "flow"], x
assert all(a["time"] <= b["time"] for a, b in zip(x, x[1:]))' "$tmp/watch"
background "$REROUTECTL" --control "$tmp/control" --json watch --backlog 1 \
    --verdict block >"$tmp/watch"
watch=$pid
wait_for lines_are 1
inc "$probe" tcp 10.9.0.2 7009 >"$tmp/probe.out"
check "after the backlog, what comes" wait_for lines_are 2
stop $watch

# -- a filter that leaves out thousands --
# from ports that no other program here gets
inc "$BUILDDIR/connload" udp 10.9.0.2 7001 6000 50 10000 >"$tmp/load"
filtered() { # N WORD...: so many rows, and soon
	local n=$1
	shift
	timeout 20 "$REROUTECTL" --control "$tmp/control" --json "$@" \
	    >"$tmp/filtered" || return 1
	[ "$(wc -l <"$tmp/filtered")" -eq "$n" ]
}
check "a filter that matches none of thousands" filtered 0 flows --exe nosuch
check "a filter that matches old ones only" filtered 2 flows --exe other

# -- who watches and lists gets whole lines --
inc "$BUILDDIR/connload" udp 10.9.0.2 7001 2000 50 20000 >"$tmp/load"
cat >"$tmp/both.py" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
s.settimeout(20)
s.sendall(b'{"call":"watch"}\n')
lists = events = 0
buffer = b""
s.sendall(b'{"call":"flows.list"}\n')
print("ready", flush=True)
while lists < 8 or events < 8:
    data = s.recv(65536)
    assert data
    buffer += data
    while b"\n" in buffer:
        line, buffer = buffer.split(b"\n", 1)
        got = json.loads(line)["result"]
        if isinstance(got, list):
            assert len(got) > 1000, len(got)
            lists += 1
            s.sendall(b'{"call":"flows.list"}\n')
        elif got["event"] == "flow":
            events += 1
print("whole", lists, events)
PY
background timeout 60 python3 "$tmp/both.py" "$tmp/control" >"$tmp/both" 2>&1
both=$pid
wait_for has_text ready "$tmp/both"
until ! kill -0 $both 2>/dev/null; do
	inc "$probe" tcp 10.9.0.2 7009 >"$tmp/probe.out"
done
wait $both
check "lists and events do not break each other" grep whole "$tmp/both"
check_judged
daemon_stop
check "the daemon ends well" test $? = 0

# -- the history is bounded; accounting that is on is no news --
{
	echo "[rerouted]"
	echo "history = 2"
} >>"$tmp/rerouted.conf"
check "the daemon starts again" daemon_start
check_not "accounting was on: nothing is said" grep acct "$tmp/daemon.log"
for n in 1 2 3; do inc "$probe" tcp 10.9.0.2 7009 >"$tmp/probe.out"; done
check "no more is kept than is set" watched 2 --backlog 100
for n in 1 2 3; do inc dig +tries=1 @127.0.0.1 localhost >"$tmp/dig.out"; done
try 0 ctl queries --since 1h >"$tmp/queries"
check "… and that is said" told ": no more are kept, by history in [rerouted]"
try 0 ctl queries --domain other.example >"$tmp/queries"
check "… where nothing is found, too" told "nothing is known from before"
try 0 ctl queries >"$tmp/queries"
check_not "… and where something is it is seen" told known
daemon_stop
finish
