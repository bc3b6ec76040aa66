#!/bin/bash
# CPU of what carries a flow, side by side and in turn within one run: a bare
# splice relay, the same relay under our tables as it would be in use ("judged":
# both its flows are judged, and the judge's CPU is told beside its own),
# rerouted (through a direct tunnel, so that both do the same, and through
# SOCKS), the bare relay through SOCKS ("asks"), and redsocks, haproxy and
# ss-redir where they are installed. Root; an optimised build (make bench).
#
#     c: client and relay --- veth --- s: sink, danted, ss-server
#
#   relay.sh [MB [ROUNDS [WHAT...]]]   MB a measure (1000), rounds (3)
#     stream1 stream8   CPU seconds a GB, one and eight streams
#     conn1 conn64      connections with a byte there and back, one and 64 at a
#                       time: CPU us each, rate, p50 and p99 in us
#     idle              8000 flows that say nothing: kB and descriptors
#     many              100,000 flows one after another: descriptors left, but
#                       for the relay's pool of pipes
#     udp               datagrams of 1200 bytes: CPU us each; as fast as they
#                       go, in segments, and one by one there and back
. "$(dirname "$0")/../netns/lib.sh" # starts this script anew: first
mb=${1:-1000} rounds=${2:-3}
[ $# -le 2 ] && set -- "$mb" "$rounds" stream1 stream8 conn1 conn64 idle many udp
shift 2
whats=$*
need_root
net_up
ins ip address add 192.0.2.7/32 dev lo
inc ip route add default via 10.9.0.2
relay=$BUILDDIR/relay
connload=$BUILDDIR/connload
ulimit -n 20000
# what was measured before leaves no ports taken
inc sysctl -q -w net.ipv4.tcp_max_tw_buckets=16 \
    net.ipv4.ip_local_port_range="10000 65000" 2>/dev/null
background ins "$relay" sink 192.0.2.7 7001
background ins "$connload" echo 192.0.2.7 7100
background ins "$relay" usink 192.0.2.7 7200 >"$tmp/usink"
whos="bare asks judged"
for program in redsocks haproxy ss-redir; do
	command -v $program >/dev/null && whos="$whos $program"
done
whos="$whos direct socks"

if command -v danted >/dev/null; then
	cat >"$tmp/danted.conf" <<-EOF
	internal: 10.9.0.2 port = 1080
	external: s0
	socksmethod: none
	clientmethod: none
	client pass { from: 0/0 to: 0/0 }
	socks pass { from: 0/0 to: 0/0 command: connect udpassociate }
	socks pass { from: 0/0 to: 0/0 command: udpreply }
	EOF
	background ins danted -f "$tmp/danted.conf" -N 4 2>/dev/null
fi
command -v ss-server >/dev/null && background ins ss-server -s 10.9.0.2 \
    -p 8388 -k key -m aes-256-gcm >/dev/null 2>&1

# nanoseconds that all threads of a process have run
cpu() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }'; }
# that of the judge, where who carries is not the same
judge=
judge_cpu() { [ -n "$judge" ] && cpu "$judge" || echo 0; }
rss() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }
descriptors() { ls "/proc/$1/fd" | wc -l; }
# pipes wait for the next flow, and stay
descriptors_of_flows() {
	ls -l "/proc/$1/fd" | grep -vc 'pipe:'
}
per() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }

# -- who --
listening() { inc ss -Htln 'sport = :1118' | grep -q .; }
redirect() { # PORT-OF-CONNECTIONS [later: nobody listens yet]
	inc iptables-legacy -t nat -F OUTPUT
	for port in 7001,1118 7100,"$1"; do
		inc iptables-legacy -t nat -A OUTPUT -p tcp -d 192.0.2.7 \
		    --dport "${port%,*}" -m owner ! --uid-owner 65533 \
		    -j DNAT --to "127.0.0.1:${port#*,}"
	done
	[ $# -eq 2 ] || wait_for listening
}
redsocks_conf() {
	cat >"$tmp/redsocks.conf" <<-EOF
	base { log_debug = off; log_info = off; log = stderr;
	    daemon = off; redirector = iptables; }
	redsocks { local_ip = 127.0.0.1; local_port = 1118;
	    ip = 10.9.0.2; port = 1080; type = socks5; splice = true; }
	EOF
}
haproxy_conf() {
	cat >"$tmp/haproxy.cfg" <<-EOF
	global
	    maxconn 9000
	    nbthread 1
	defaults
	    mode tcp
	    timeout connect 5s
	    timeout client 60s
	    timeout server 60s
	listen stream
	    bind 127.0.0.1:1118
	    server far 192.0.2.7:7001
	listen connections
	    bind 127.0.0.1:1119
	    server far 192.0.2.7:7100
	EOF
	chmod 711 "$tmp"
	chmod 644 "$tmp/haproxy.cfg"
}
begin() {
	judge=
	case $1 in
	bare | asks | judged)
		local by=
		[ "$1" != asks ] || by="10.9.0.2 1080"
		if [ "$1" = judged ]; then
			redirect 1118 later
			rules "default out accept" "default in accept"
			daemon_start
			judge=$daemon
		fi
		background inc setpriv --reuid=65533 --clear-groups \
		    "$relay" carry 127.0.0.1 1118 $by
		;;
	redsocks)
		redsocks_conf
		background inc redsocks -c "$tmp/redsocks.conf" 2>/dev/null
		;;
	haproxy)
		haproxy_conf
		background inc setpriv --reuid=65533 --clear-groups \
		    haproxy -db -f "$tmp/haproxy.cfg" 2>/dev/null
		;;
	ss-redir)
		background inc ss-redir -s 10.9.0.2 -p 8388 -b 127.0.0.1 \
		    -l 1118 -k key -m aes-256-gcm >/dev/null 2>&1
		;;
	direct | socks)
		settings '[tunnel "direct"]' 'upstream = direct' \
		    '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080'
		rules "reroute via $1 to 192.0.2.7" "default out accept" \
		    "default in accept"
		daemon_start
		who=$daemon
		return
		;;
	esac
	who=$pid
	case $1 in
	haproxy) redirect 1119 ;;
	judged) wait_for listening ;;
	*) redirect 1118 ;;
	esac
}
end() {
	stop "$who"
	[ -z "$judge" ] || stop "$judge"
	inc iptables-legacy -t nat -F OUTPUT
	# ports come again, and entries of what was measured before lead there
	inc conntrack -F >/dev/null 2>&1
}

# -- what --
stream() { # NAME STREAMS
	local before judged s
	before=$(cpu "$who") judged=$(judge_cpu)
	s=$(inc timeout 60 "$relay" push 192.0.2.7 7001 "$2" $((mb * 1000000 / $2)))
	echo "cpu_s_per_gb $(per $(($(cpu "$who") - before)) "${mb}000000")" \
	    "seconds $s judge $(per $(($(judge_cpu) - judged)) "${mb}000000")"
}
measure_stream1() { stream "$1" 1; }
measure_stream8() { stream "$1" 8; }
conn() { # PARALLEL
	local before judged line
	before=$(cpu "$who") judged=$(judge_cpu)
	line=$(inc timeout 60 "$connload" byte 192.0.2.7 7100 5000 "$1" 2>&1 |
	    tr '\n' ' ')
	echo "cpu_us $(per $(($(cpu "$who") - before)) 5000000)" \
	    "$(echo "$line" | awk '{ print "rate", $1, "p50", $2, "p99", $3,
		"errors", $4 }')" \
	    "judge $(per $(($(judge_cpu) - judged)) 5000000)"
}
measure_conn1() { conn 1; }
measure_conn64() { conn 64; }
measure_idle() {
	local before idle
	before=$(rss "$who") fds=$(descriptors "$who")
	: >"$tmp/idle"
	background inc "$relay" idle 192.0.2.7 7001 8000 >"$tmp/idle"
	idle=$pid
	wait_for grep -q idle "$tmp/idle"
	echo "kb_each $(per $(($(rss "$who") - before)) 8000)" \
	    "descriptors_each $(per $(($(descriptors "$who") - fds)) 8000)"
	stop "$idle" KILL
	wait_for sh -c "[ \$(ls /proc/$who/fd | wc -l) -lt $((fds + 100)) ]" ||
	    echo "descriptors are left"
}
measure_many() {
	local fds
	inc "$connload" tcp 192.0.2.7 7100 2000 64 >/dev/null 2>&1
	fds=$(descriptors_of_flows "$who")
	inc timeout 100 "$connload" tcp 192.0.2.7 7100 100000 64 2>&1 | tr '\n' ' '
	all_are_back() { [ "$(descriptors_of_flows "$who")" -le "$fds" ]; }
	# for a program that gave up before it was accepted we wait for 10 s
	wait_for all_are_back || wait_for all_are_back ||
	    ls -l "/proc/$who/fd" >&2
	echo "descriptors_lost $(($(descriptors_of_flows "$who") - fds))"
}
datagrams() { # SEGMENTS
	local before was sent
	inc "$relay" uping 192.0.2.7 7200 10 >/dev/null
	ins "$relay" uping 192.0.2.7 7200 0
	was=$(tail -n 1 "$tmp/usink")
	before=$(cpu "$who")
	sent=$(inc "$relay" usend 192.0.2.7 7200 2 "$1")
	ins "$relay" uping 192.0.2.7 7200 0
	echo "cpu_us_$1 $(per $(($(cpu "$who") - before)) \
	    $((($(tail -n 1 "$tmp/usink") - was) * 1000)))" \
	    "sent $sent arrived $(($(tail -n 1 "$tmp/usink") - was))"
}
measure_udp() {
	local before
	[ "$1" = direct ] || return 0 # danted loses what it can't follow
	echo "$(datagrams 1)"
	echo "$(datagrams 30)"
	before=$(cpu "$who")
	inc "$relay" uping 192.0.2.7 7200 20000 >/dev/null
	echo "cpu_us_by_one $(per $(($(cpu "$who") - before)) 40000000)"
}

for round in $(seq "$rounds"); do
	for name in $whos; do
		begin "$name"
		for what in $whats; do
			[ "$what $round" = "many 1" ] || [ "$what" != many ] ||
				continue
			[ "$what $name" = "idle redsocks" ] && continue # too many
			measure_$what "$name" | sed "s/^/$what $name /" |
				tee -a "$tmp/all"
		done
		end
	done
done
echo "-- medians"
sort -k1,2 -s "$tmp/all" | awk '
function flush_one(  i, j, t) {
	for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
		if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
	if (n) print key, v[int((n + 1) / 2)]
	n = 0
}
$3 ~ /^(cpu|kb)/ { k = $1 " " $2 " " $3; all[k] = all[k] " " $4; if (!(k in seen)) { seen[k]; order[++m] = k } }
END { for (o = 1; o <= m; o++) { key = order[o]; n = split(all[key], w, " ");
	for (i = 1; i <= n; i++) v[i] = w[i] + 0; flush_one() } }'
