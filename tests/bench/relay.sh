#!/bin/bash
# CPU of what carries a connection: a bare splice relay, rerouted (through a
# direct tunnel, so that both do the same), redsocks and haproxy where they are
# installed. Root; an optimised build (make bench).
#
#     c: client and relay --- veth --- s: sink, danted for redsocks
#
#   relay.sh [MB] [ROUNDS]    MB a stream (1000), as many rounds (3)
set -u
mb=${1:-1000} rounds=${2:-3}
. "$(dirname "$0")/../netns/lib.sh"
need_root
net_up
ins ip address add 192.0.2.7/32 dev lo
inc ip route add default via 10.9.0.2
relay=$BUILDDIR/relay
connload=$BUILDDIR/connload
background ins "$relay" sink 192.0.2.7 7001
background ins "$connload" serve 192.0.2.7 7100
# user and system time in ms
cpu() { awk '{print ($14 + $15) * 1000 / '"$(getconf CLK_TCK)"'}' "/proc/$1/stat"; }
rss() { awk '/VmRSS/ {print $2}' "/proc/$1/status"; }
nat() { inc iptables-legacy -t nat "$@"; }

measure() { # NAME PID
	local name=$1 p=$2 n round before after s
	# ports come again, and entries of what was measured before lead there
	inc conntrack -F >/dev/null 2>&1
	for n in 1 8; do
		for round in $(seq "$rounds"); do
			before=$(cpu "$p")
			s=$(inc "$relay" push 192.0.2.7 7001 $n \
			    $((mb * 1000000 / n)))
			after=$(cpu "$p")
			echo "$name streams=$n seconds=$s cpu_s_per_gb=$(echo \
			    "scale=3; ($after - $before) / $mb" | bc)"
		done
	done
	for n in 1 64; do
		before=$(cpu "$p")
		s=$(inc "$connload" tcp 192.0.2.7 7100 5000 $n 2>&1 |
		    tr '\n' ' ')
		after=$(cpu "$p")
		echo "$name connections parallel=$n cpu_us_each=$(echo \
		    "scale=1; ($after - $before) / 5" | bc) $s"
	done
	before=$(rss "$p")
	background inc "$relay" idle 192.0.2.7 7001 8000 >"$tmp/idle"
	idle=$pid
	wait_for grep -q idle "$tmp/idle" || :
	echo "$name idle=8000 kb_each=$(echo "scale=2; ($(rss "$p") - \
	    $before) / 8000" | bc) descriptors=$(ls "/proc/$p/fd" | wc -l)"
	stop "$idle" KILL
	wait_for sh -c "[ \$(ls /proc/$p/fd | wc -l) -lt 500 ]" ||
	    echo "$name: descriptors are left"
}

# -- bare --
nat -A OUTPUT -p tcp -d 192.0.2.7 -m owner ! --uid-owner 65533 \
    -j DNAT --to 127.0.0.1:1118
background inc setpriv --reuid=65533 --clear-groups "$relay" carry \
    127.0.0.1 1118
bare=$pid
wait_for sh -c "nsenter --net=/run/netns/$C ss -Htln 'sport = :1118' | grep -q ."
measure bare "$bare"
stop "$bare"

# -- redsocks through danted on the same wire --
if command -v redsocks >/dev/null && command -v danted >/dev/null; then
	cat >"$tmp/danted.conf" <<-EOF
	internal: 10.9.0.2 port = 1080
	external: s0
	socksmethod: none
	clientmethod: none
	client pass { from: 0/0 to: 0/0 }
	socks pass { from: 0/0 to: 0/0 }
	EOF
	background ins danted -f "$tmp/danted.conf" -N 2 2>/dev/null
	cat >"$tmp/redsocks.conf" <<-EOF
	base { log_debug = off; log_info = off; log = stderr; daemon = off;
	    redirector = iptables; }
	redsocks { local_ip = 127.0.0.1; local_port = 1118; ip = 10.9.0.2;
	    port = 1080; type = socks5; splice = true; }
	EOF
	background inc redsocks -c "$tmp/redsocks.conf" 2>/dev/null
	red=$pid
	wait_for sh -c "nsenter --net=/run/netns/$C ss -Htln 'sport = :1118' | grep -q ."
	measure redsocks "$red"
	stop "$red"
fi
nat -F OUTPUT

# -- ours --
settings '[tunnel "dev"]' 'upstream = direct' \
    '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080'
rules "reroute via dev to 192.0.2.7" "default out accept" "default in accept"
daemon_start
measure rerouted-direct "$daemon"
rules "reroute via socks to 192.0.2.7" "default out accept" "default in accept"
daemon_reload
measure rerouted-socks "$daemon"
daemon_stop
