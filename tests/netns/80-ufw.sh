#!/bin/bash
# Beside ufw itself: enabled before us and after, reloaded, disabled; with
# iptables-nft, as Debian has it, and with iptables-legacy.
#
#     g 172.17.0.2  ----  c 10.9.0.1, daemon, ufw  ----  s 10.9.0.2
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/neighbour.sh"
need_root
need ufw python3 iptables-legacy
neighbours_up
guest_up
ins ip route add 172.17.0.0/24 via 10.9.0.1

# its files are ours, and it sets no sysctl
mkdir "$tmp/run"
cp -r /etc/ufw "$tmp/ufw"
sed 's/^IPT_SYSCTL=.*/IPT_SYSCTL=/; s/^IPT_MODULES=.*/IPT_MODULES=/' \
    /etc/default/ufw >"$tmp/default"
files="$tmp/ufw /etc/ufw $tmp/default /etc/default/ufw $tmp/run /run"

ufw() {
	local force=
	case $1 in enable | reset) force=--force ;; esac
	privately "$files$more" /usr/bin/python3 /usr/sbin/ufw $force \
	    "$@" >"$tmp/ufw.out" 2>&1 || { cat "$tmp/ufw.out"; return 1; }
}
saved() { inc $1-save 2>/dev/null | grep -v '^#' | sed 's/\[[0-9]*:[0-9]*\]//' |
    grep -vE 'C17|^:(PRE|POST)' ; }

# What is forwarded is ufw's alone: our `block in to port 7003` and `block out to
# port 7009` are for programs of this host.
forwards() { # NAME
	local g s
	for g in 172.17.0.2 fd17::2; do
		s=10.9.0.2
		[ $g = 172.17.0.2 ] || s=fd09::2
		check "$1: forwarded out, $g" reaches ing $s 7009
		check "$1: forwarded in, as routed, $g" reaches ins $g 7003
		check "$1: forwarded in, as denied, $g" reaches_not ins $g 7002
	done
}

for backend in nft legacy; do
	more=
	[ $backend = nft ] || more=" $legacy"
	ufw reset
	for rule in "default deny incoming" "default allow outgoing" \
	    "allow 7001" "allow 7003" "reject out 7002" "default deny routed" \
	    "route allow in on g0 out on c0" \
	    "route allow in on c0 out on g0 to any port 7003"; do
		check "$backend: ufw $rule" ufw $rule
	done
	check "$backend: ufw enable" ufw enable
	only_they_are_heard "$backend, ufw alone"
	forwards "$backend, ufw alone"
	saved iptables-$backend 2>/dev/null >"$tmp/before"
	check "$backend: the daemon starts" daemon_start
	both_are_heard "$backend, ufw first"
	check "$backend: ufw reload" ufw reload
	check "$backend: all in place after it" wait_for ctl firewall verify
	both_are_heard "$backend, ufw reloaded"
	forwards "$backend, ufw reloaded"
	check "$backend: nothing of it is ours" not_ours
	check "$backend: ufw allow 7004, live" ufw allow 7004
	check "$backend: ufw delete" ufw delete allow 7004
	check "$backend: ufw disable" ufw disable
	check "$backend: all in place after it" wait_for ctl firewall verify
	check "$backend: we alone say yes" reaches ins 10.9.0.1 7002
	check "$backend: we alone say no" reaches_not ins fd09::1 7003
	check "$backend: ufw enable, behind us" ufw enable
	check "$backend: all in place after it" wait_for ctl firewall verify
	both_are_heard "$backend, ufw behind us"
	forwards "$backend, ufw behind us"
	check_judged
	daemon_stop
	check "$backend: the daemon ends well" test $? = 0
	saved iptables-$backend 2>/dev/null >"$tmp/after"
	check_same "$backend: ufw's rules are as they were" "$tmp/before" "$tmp/after"
	only_they_are_heard "$backend, we are gone"
	ufw disable
done
finish
