#!/bin/bash
# A query and a tunnelled connection have the same process as the packet that
# they began with, although that has ended when they are looked at.
#
#     c 10.9.0.1, rerouted               s 10.9.0.2: dnsmasq on .53, danted
#       127.0.0.1:53, [::1]:53             lo: 192.0.2.7, 2001:db8::7
. "$(dirname "$0")/lib.sh"
need_root
need python3 dnsmasq
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
danted_up
# who takes as many associations as there are programs
echo live >"$tmp/how"
background ins python3 "$top/tests/netns/tunnel.py" assoc 10.9.0.2 1081 \
    "$tmp/how" >"$tmp/assoc"
wait_for has_text ready "$tmp/assoc"
ins ip address add 10.9.0.53/24 dev s0
background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file= --bind-interfaces --listen-address=10.9.0.53 \
    --host-record=web.example,203.0.113.10 2>"$tmp/dnsmasq.log"
mkdir "$tmp/bin"
chmod 755 "$tmp/bin"
n=40
# each time another program, with ports of its own: one that others had is theirs
# for half a minute
program() { # program NAME: its name in $name
	programs=$((${programs:-0} + 1))
	name=$1$programs
	cp "$BUILDDIR/short" "$tmp/bin/$name"
	inc sh -c "echo $((20000 + programs * 2000)) $((21999 + programs * 2000)) \
	    >/proc/sys/net/ipv4/ip_local_port_range"
}
cp "$BUILDDIR/short" "$tmp/bin/denied"

settings "[resolver]" "upstream = 10.9.0.53" \
    '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080' \
    '[tunnel "datagrams"]' 'upstream = socks5://10.9.0.2:1081'
rules "block out exe $tmp/bin/denied" \
    "reroute via datagrams out proto udp exe $tmp/bin/tunnelled*" \
    "reroute via socks out exe $tmp/bin/tunnelled*" \
    "default out accept" "default in accept"
daemon_start
ctl status >"$tmp/status"
grep -q '^attribution *BPF yes' "$tmp/status" || skip "BPF can't be loaded here"

# ID 1, RD, one question: web.example A
query=00010100000100000000000003776562076578616d706c6500$(printf 00010001)

cat >"$tmp/carried.py" <<'PY'
import json, sys
import sent
kind, sent_file, rows, exe = sys.argv[1:5]
want, total = sent.read(sent_file)
seen, bad = 0, []
for line in open(rows):
    r = json.loads(line)
    port = r["sport"] if kind == "flow" else int(r["client"].rsplit(":", 1)[1])
    if port not in want or (kind == "flow" and
            r["tunnel"] not in ("socks", "datagrams")):
        continue
    p = r["process"]
    seen += 1
    if p["exe"] != exe or p["pid"] not in want[port] or \
            r["attributed_by"] != "bpf":
        bad.append((port, want[port], p, r["attributed_by"]))
least = total if kind == "query" else len(want)
print(total, "sent,", seen, "seen,", len(bad), "wrong", bad[:1])
sys.exit(bool(bad) or seen < least or total == 0)
PY
carried() { # carried KIND PROGRAM
	if [ "$1" = query ]; then
		ctl --json queries --exe "$tmp/bin/$2" >"$tmp/rows"
	else
		ctl --json flows --exe "$tmp/bin/$2" >"$tmp/rows"
	fi
	PYTHONPATH=$top/tests/netns python3 -B "$tmp/carried.py" "$1" \
	    "$tmp/sent" "$tmp/rows" "$tmp/bin/$2"
}

all_carried() { wait_for carried "$@" || carried "$@"; } # and says what is not

# -- queries --
for row in "udp 127.0.0.1" "udp ::1" "udpc 127.0.0.1" "udp 10.9.0.2" \
    "udp fd09::2" "tcpw 127.0.0.1" "tcpw 10.9.0.2"; do
	kind=${row% *} to=${row#* }
	bytes=$query
	[ "$kind" != tcpw ] || bytes=$(printf %04x $((${#query} / 2)))$query
	program asker
	inc env SHORT_SEND=$bytes "$tmp/bin/$name" $kind $to 53 $n 4 >"$tmp/sent"
	check "$kind to $to: each query has its process" \
	    all_carried query $name
done
inc env SHORT_SEND=$query "$tmp/bin/denied" udp 10.9.0.2 53 $n 4 >/dev/null 2>&1
check "of a blocked program none is answered" python3 -c '
import json, sys
sys.exit(any(json.loads(l)["rcode"] == "NOERROR" and
             json.loads(l)["answer_from"] in ("cache", "upstream")
             for l in sys.stdin))' < <(ctl --json queries --exe "$tmp/bin/denied")

# -- connections through a tunnel --
for row in "tcp 192.0.2.7 7001" "tcpw 192.0.2.7 7001" "tcpw 2001:db8::7 7001" \
    "udp 192.0.2.7 7001"; do
	program tunnelled
	inc "$tmp/bin/$name" $row $n 4 >"$tmp/sent"
	check "$row: each connection has its process" \
	    all_carried flow $name
done
ctl --json watch >"$tmp/watched" &
watch=$!
pids="$pids $watch"
ended() { # one more, until the watcher sees them
	inc "$tmp/bin/$name" tcpw 192.0.2.7 7001 1 1 >>"$tmp/sent"
	grep -q '"close_reason": *"' "$tmp/watched"
}
wait_for ended
check "its end is told with the same" python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
ends = [r for r in rows if r.get("close_reason")]
assert ends, rows[:2]
assert all(r["attributed_by"] == "bpf" and
           r["process"]["exe"] == sys.argv[2] for r in ends), ends[:2]
' "$tmp/watched" "$tmp/bin/$name"
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
