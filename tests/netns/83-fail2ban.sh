#!/bin/bash
# Beside fail2ban itself, which puts its jumps in front of ours: who is banned
# is banned whatever we say, who is pardoned is judged as before.
#
#     c 10.9.0.1, daemon, fail2ban  ---- veth ----  s 10.9.0.2
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/neighbour.sh"
need_root
need fail2ban-server fail2ban-client python3 iptables-legacy
neighbours_up
mkdir "$tmp/f2b"
cp -r /etc/fail2ban/action.d "$tmp/f2b/action.d"
mkdir "$tmp/f2b/filter.d"
: >"$tmp/log"
cat >"$tmp/f2b/fail2ban.conf" <<END
[Definition]
loglevel = INFO
logtarget = $tmp/f2b.log
syslogsocket = auto
socket = $tmp/f2b.sock
pidfile = $tmp/f2b.pid
dbfile = None
END
cat >"$tmp/f2b/filter.d/bad.conf" <<'END'
[Definition]
failregex = ^\s*bad <HOST>\s*$
END
jail() { # ACTION: of fail2ban's own action.d
	cat >"$tmp/f2b/jail.conf" <<END
[bad]
enabled = true
filter = bad
backend = polling
logpath = $tmp/log
maxretry = 2
bantime = 600
port = 7001,7003
protocol = tcp
action = $1[name=bad, port="7001,7003", protocol=tcp]
END
}
more=
client() {
	privately "$more" fail2ban-client -c "$tmp/f2b" -s "$tmp/f2b.sock" \
	    -p "$tmp/f2b.pid" "$@"
}
start() {
	rm -f "$tmp/f2b.sock" "$tmp/log"
	: >"$tmp/log" # nobody has a past
	background inc unshare -m sh "$tmp/privately" "$more" fail2ban-server -f \
	    -c "$tmp/f2b" -s "$tmp/f2b.sock" -p "$tmp/f2b.pid" start \
	    >"$tmp/f2b.out" 2>&1
	f2b=$pid
	wait_for client status bad && return 0
	cat "$tmp/f2b.out" "$tmp/f2b.log" 2>/dev/null
	return 1
}
tcp() { ins "$BUILDDIR/probe" tcp "$1" 7001 900; }
tcp_not() { ! ins "$BUILDDIR/probe" tcp "$1" 7001 300; }

for action in iptables-multiport iptables-multiport-legacy nftables-multiport; do
	more=
	case $action in *-legacy) more=$legacy ;; esac
	jail "${action%-legacy}"
	check "the daemon starts" daemon_start
	check "$action: fail2ban starts" start
	for to in 10.9.0.1 fd09::1; do
		from=10.9.0.2
		[ $to = 10.9.0.1 ] || from=fd09::2
		check "$action: $from is welcome" tcp $to
		for n in 1 2 3; do
			echo "$(date '+%Y-%m-%d %H:%M:%S') bad $from" >>"$tmp/log"
		done
		check "$action: $from is banned" wait_for tcp_not $to
		check "$action: all in place" wait_for ctl firewall verify
		check "$action: $from stays banned" tcp_not $to
		check "$action: other ports are open to it" ins "$BUILDDIR/probe" \
		    tcp $to 7002 2000
		check "$action: pardon for $from" client set bad unbanip $from
		check "$action: $from is welcome again" wait_for tcp $to
		check_not "$action: where we say no it is no" ins \
		    "$BUILDDIR/probe" tcp $to 7003 200
	done
	check "$action: fail2ban stops" stop "$f2b"
	check "$action: all in place" wait_for ctl firewall verify
	check "$action: welcome" tcp 10.9.0.1
	check_judged
	daemon_stop
done
finish
