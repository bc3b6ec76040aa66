#!/bin/bash
# systemd's resolvectl, by way of a systemd-resolved that has us as its server:
# we are a plain one, and keep all that it takes a good server for.
#
#     c 10.9.0.1: rerouted 127.0.0.1:53 <- systemd-resolved <- resolvectl
#     s 10.9.0.2: dnsmasq, our upstream
#
# Debian's package puts a link in the place of /etc/resolv.conf: tests/run unpacks
# it, and installs nothing. Folders of the system are the test's own here.
. "$(dirname "$0")/lib.sh"
need_root
need dbus-daemon dnsmasq
PATH=$BUILDDIR/resolved/usr/bin:$PATH
for dir in "$BUILDDIR/resolved/usr" "$BUILDDIR/resolved" /usr; do
	resolved=$dir/lib/systemd/systemd-resolved
	[ ! -x "$resolved" ] || break
done
need resolvectl "$resolved"
net_up

{
	for i in $(seq 99); do
		echo "host-record=many.example,203.0.113.$i"
	done
	cat <<-END
	host-record=host.example,203.0.113.9,2001:db8::9
	cname=alias.example,host.example
	txt-record=host.example,"some text"
	mx-host=host.example,mail.example,5
	srv-host=_x._tcp.host.example,host.example,99
	ptr-record=9.1.1.11.in-addr.arpa,host.example
	host-record=ads.example,203.0.113.66
	local=/example/
	END
} >"$tmp/upstream.conf"
background ins dnsmasq --no-daemon --conf-file="$tmp/upstream.conf" \
    --no-resolv --no-hosts --user=root --pid-file= --bind-interfaces \
    --listen-address=10.9.0.2 2>"$tmp/dnsmasq"
wait_for has_text started "$tmp/dnsmasq"
settings "[resolver]" "upstream = 10.9.0.2" "block-answer = nxdomain"
rules "block out domain ads.example" "default out accept" "default in accept"
check "the daemon starts" daemon_start

id systemd-resolve >"$tmp/id" 2>&1 || { # the package is not installed
	echo "systemd-resolve:x:4712:4712::/:/usr/sbin/nologin" >>/etc/passwd
	echo "systemd-resolve:x:4712:" >>/etc/group
}
mkdir -p /run/systemd
mount -t tmpfs own /etc/systemd && mount -t tmpfs own /run/systemd || exit 99
mkdir -m 755 /run/systemd/resolve
chown systemd-resolve: /run/systemd/resolve
cat >"$tmp/bus.conf" <<END
<busconfig><type>system</type>
<listen>unix:path=$tmp/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
END
background dbus-daemon --config-file="$tmp/bus.conf" --nofork --nopidfile
wait_for test -S "$tmp/bus"
DBUS_SYSTEM_BUS_ADDRESS=unix:path=$tmp/bus
export DBUS_SYSTEM_BUS_ADDRESS

resolve() { inc resolvectl --cache=no "$@"; }
says() { # WORD RESOLVECTL...
	local _word=$1
	shift
	resolve "$@" >"$tmp/said" 2>&1
	cat "$tmp/said"
	grep -qF -- "$_word" "$tmp/said"
}
of_resolved() {
	ctl --json queries >"$tmp/queries" && python3 -c '
import json, sys
q = [json.loads(line) for line in open(sys.argv[1])]
sys.exit(not any(x["qname"] == "host.example" and
    x["process"]["exe"] == sys.argv[2] for x in q))' \
	    "$tmp/queries" "$(realpath "$resolved")"
}
cat >/etc/systemd/resolved.conf <<END
[Resolve]
DNS=127.0.0.1
Domains=~.
LLMNR=no
MulticastDNS=no
DNSSEC=no
END
SYSTEMD_LOG_LEVEL=debug background inc "$resolved" 2>"$tmp/resolved"
check "it answers" wait_for says 203.0.113.9 query host.example
check "IPv6" says 2001:db8::9 query -6 host.example
check "an alias" says host.example query -4 alias.example
check "an address" says host.example query 11.1.1.9
check "text" says "some text" query --type=TXT host.example
check "mail" says mail.example query --type=MX host.example
check "a service" says host.example:99 service _x._tcp host.example
check "an answer that is too long for UDP" says 203.0.113.99 query many.example
check "no such name" says "not found" query none.example
check "a blocked name" says "not found" query ads.example
# it tells by that what a server can't do: EDNS, answers in time, ...
check_not "it takes us for a good server" grep -iE \
    'degraded|bad packet|grace period|timeout reached' "$tmp/resolved"
check "its queries are its own" of_resolved
daemon_stop
check "the daemon ends well" test $? = 0
finish
