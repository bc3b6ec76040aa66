#!/bin/bash
# Beside firewalld itself, with a message bus of its own: started before us and
# after, reloaded, stopped; with its nftables backend and its iptables backend
# (which speaks to iptables-legacy here, so that both share tables with us once).
#
#     g 172.17.0.2  ----  c 10.9.0.1, daemon, firewalld  ----  s 10.9.0.2
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/neighbour.sh"
need_root
need firewalld firewall-cmd firewall-offline-cmd dbus-daemon python3 \
    iptables-legacy
neighbours_up
guest_up
out_denied=no # zones are for what comes in

mkdir "$tmp/run" "$tmp/log"
# what firewalld runs has no environment: the lock that we share lies where it
# looks, or each of us undoes what the other has just written
: >"$XTABLES_LOCKFILE"
ln "$XTABLES_LOCKFILE" "$tmp/run/xtables.lock"
cat >"$tmp/bus.conf" <<END
<busconfig><type>system</type>
<listen>unix:path=$tmp/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/>
<allow send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/>
<allow receive_type="error"/><allow receive_type="signal"/>
<allow send_destination="*" eavesdrop="true"/></policy></busconfig>
END
background dbus-daemon --config-file="$tmp/bus.conf" --nofork --nopidfile
wait_for test -S "$tmp/bus"
DBUS_SYSTEM_BUS_ADDRESS=unix:path=$tmp/bus
export DBUS_SYSTEM_BUS_ADDRESS

files() { echo "$tmp/etc /etc/firewalld $tmp/run /run $tmp/log /var/log$more"; }
offline() { privately "$(files)" firewall-offline-cmd "$@" >/dev/null 2>&1; }
cmd() { privately "$(files)" firewall-cmd "$@"; }

configure() { # BACKEND
	rm -rf "$tmp/etc"
	cp -r /etc/firewalld "$tmp/etc"
	sed -i "s/^FirewallBackend=.*/FirewallBackend=$1/
	    s/^IPv6_rpfilter=.*/IPv6_rpfilter=no/" "$tmp/etc/firewalld.conf"
	for port in 7001 7003; do
		for proto in tcp udp; do
			offline --add-port=$port/$proto || return 1
		done
	done
	# g is a guest of this host: it goes out as we, and has a port of ours
	offline --zone=trusted --add-interface=g0 &&
	    offline --add-masquerade || return 1
	for proto in tcp udp; do
		offline --add-forward-port=port=7010:proto=$proto:toport=7003:toaddr=172.17.0.2 ||
			return 1
	done
}

# What is forwarded is firewalld's alone: our `block in to port 7003` and `block
# out to port 7009` are for programs of this host.
forwards() { # NAME
	check "$1: masqueraded" reaches ing 10.9.0.2 7009
	check "$1: a port that is forwarded" reaches ins 10.9.0.1 7010
	check "$1: forwarded, IPv6" reaches ing fd09::2 7009
	check "$1: forwarded in, which is denied, IPv6" reaches_not ins fd17::2 7003
}

firewalld_start() {
	: >"$tmp/firewalld.log"
	background inc unshare -m sh "$tmp/privately" "$(files)" /usr/bin/python3 /usr/sbin/firewalld \
	    --nofork --nopid >"$tmp/firewalld.log" 2>&1
	firewalld=$pid
	wait_for cmd --state && return 0
	cat "$tmp/firewalld.log"
	return 1
}
firewalld_stop() { stop "$firewalld"; }

for backend in nftables iptables; do
	more=
	[ $backend = nftables ] || more=" $legacy"
	check "$backend: its settings" configure $backend
	check "$backend: firewalld starts" firewalld_start
	only_they_are_heard "$backend, firewalld alone"
	forwards "$backend, firewalld alone"
	check "$backend: the daemon starts" daemon_start
	both_are_heard "$backend, firewalld first"
	check "$backend: firewall-cmd --reload" cmd --reload
	check "$backend: all in place after it" wait_for ctl firewall verify
	both_are_heard "$backend, firewalld reloaded"
	forwards "$backend, firewalld reloaded"
	check "$backend: nothing of it is ours" not_ours
	check "$backend: --complete-reload" cmd --complete-reload
	check "$backend: all in place after it" wait_for ctl firewall verify
	check "$backend: a port more" cmd --add-port=7002/tcp --add-port=7002/udp
	check "$backend: it is open" reaches ins 10.9.0.1 7002
	check "$backend: a port less" cmd --remove-port=7002/tcp \
	    --remove-port=7002/udp
	check "$backend: it is shut" reaches_not ins 10.9.0.1 7002
	check "$backend: firewalld stops" firewalld_stop
	check "$backend: all in place after it" wait_for ctl firewall verify
	check "$backend: we alone say yes" reaches ins fd09::1 7002
	check "$backend: we alone say no" reaches_not ins 10.9.0.1 7003
	check "$backend: firewalld starts again" firewalld_start
	check "$backend: all in place after it" wait_for ctl firewall verify
	both_are_heard "$backend, firewalld behind us"
	forwards "$backend, firewalld behind us"
	check_judged
	daemon_stop
	check "$backend: the daemon ends well" test $? = 0
	only_they_are_heard "$backend, we are gone"
	firewalld_stop
done
finish
