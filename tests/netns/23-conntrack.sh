#!/bin/bash
# Connection marks of ours go to 0, IPv4 and IPv6 and in every zone; others'
# stay. What a rerouted flow was before is found by how its answers go.
#
#   c   a conntrack table of its own, filled by hand

. "$(dirname "$0")/lib.sh"
need_root
need conntrack
CTL=$BUILDDIR/queuectl
make_ns "$C"
# conntrack is there once a rule wants it
inc iptables-legacy -A OUTPUT -m conntrack --ctstate NEW -j ACCEPT
inc ip6tables-legacy -A OUTPUT -m conntrack --ctstate NEW -j ACCEPT

entry() { # MARK PORT [OPTION...]
	_mark=$1
	_port=$2
	shift 2
	inc conntrack -I -p udp -t 600 -m "$_mark" -s 10.9.0.1 -d 10.9.0.2 \
	    --sport "$_port" --dport 53 "$@" >/dev/null 2>&1
	inc conntrack -I -p tcp --state ESTABLISHED -t 600 -m "$_mark" \
	    -s fd09::1 -d fd09::2 --sport "$_port" --dport 443 "$@" \
	    >/dev/null 2>&1
}
marks() {
	{ inc conntrack -L -f ipv4; inc conntrack -L -f ipv6; } 2>/dev/null |
	    sed -n 's/^[^=]* src=[^ ]* dst=[^ ]* sport=\([0-9]*\) .*mark=\([0-9]*\).*/\1 \2/p' |
	    sort
}

check "nothing to do: 0" [ "$(inc "$CTL" clear 1700 1799)" = 0 ]
entry 1699 2001
entry 1700 2002
entry 1710 2003
entry 1799 2004
entry 1800 2005
entry 51820 2006
entry 1710 2007 --zone 7
check "the table is filled" [ "$(marks | wc -l)" -eq 14 ]
check "eight entries are changed" [ "$(inc "$CTL" clear 1700 1799)" = 8 ]
marks >"$tmp/out"
cat >"$tmp/want" <<'WANT'
2001 1699
2001 1699
2002 0
2002 0
2003 0
2003 0
2004 0
2004 0
2005 1800
2005 1800
2006 51820
2006 51820
2007 0
2007 0
WANT
check_same "ours are 0, others are what they were" "$tmp/want" "$tmp/out"
check "then nothing is to do" [ "$(inc "$CTL" clear 1700 1799)" = 0 ]
inc setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
    "$CTL" clear 1700 1799 2>"$tmp/err"
check "no privilege: EPERM" grep -q EPERM "$tmp/err"

# -- by the tuple of the answers --
# two flows of one port: the kernel gave the second another one
inc conntrack -I -p udp -t 600 -m 1717 -s 10.9.0.1 -d 192.0.2.1 --sport 4000 \
    --dport 443 -r 127.0.0.17 -q 10.9.0.1 --reply-port-src 1117 \
    --reply-port-dst 4000 >/dev/null 2>&1
inc conntrack -I -p udp -t 600 -m 1717 -s 10.9.0.1 -d 192.0.2.2 --sport 4000 \
    --dport 53 -r 127.0.0.17 -q 10.9.0.1 --reply-port-src 1117 \
    --reply-port-dst 57014 >/dev/null 2>&1
inc conntrack -I -p tcp --state ESTABLISHED -t 600 -m 1717 -s fd09::1 \
    -d 2001:db8::7 --sport 5000 --dport 80 -r ::1 -q fd09::1 \
    --reply-port-src 1117 --reply-port-dst 5001 >/dev/null 2>&1
original() { # WANT WORD...
	want=$1
	shift
	got=$(inc "$CTL" original "$@" 2>&1)
	echo "$got"
	[ "$got" = "$want" ]
}
check "the first one" original "10.9.0.1 4000 192.0.2.1 443 mark=1717" \
    udp 127.0.0.17 1117 10.9.0.1 4000
check "the second, with its real port" \
    original "10.9.0.1 4000 192.0.2.2 53 mark=1717" \
    udp 127.0.0.17 1117 10.9.0.1 57014
check "IPv6, TCP" original "fd09::1 5000 2001:db8::7 80 mark=1717" \
    tcp ::1 1117 fd09::1 5001
check "another protocol: there is none" original ENOENT \
    tcp 127.0.0.17 1117 10.9.0.1 4000
check "another port: there is none" original ENOENT \
    udp 127.0.0.17 1117 10.9.0.1 4001

check "three entries more are cleared" [ "$(inc "$CTL" clear 1717 1717)" = 3 ]

# more than one datagram, more than one batch, and entries that come and go
n=0
while [ $n -lt 3000 ]; do
	echo "-I -p udp -t 600 -m 1710 -s 10.9.$((n / 250)).$((n % 250)) \
-d 10.9.200.1 --sport 1000 --dport 53"
	n=$((n + 1))
done >"$tmp/load"
inc conntrack --load-file "$tmp/load" >/dev/null 2>&1
check "3000 entries" [ "$(inc conntrack -C)" -ge 3000 ]
background inc sh -c "while :; do
	conntrack -D -s 10.9.3.7; conntrack -D -s 10.9.9.9
	conntrack -I -p udp -t 60 -s 10.9.3.7 -d 10.9.200.1 --sport 1 --dport 2
done >/dev/null 2>&1"
count=$(inc "$CTL" clear 1700 1799)
check "some 3000 are changed" [ "${count:-0}" -ge 2990 -a "${count:-0}" -le 3000 ]
stop "$pid"
check_not "no mark of ours is left" sh -c \
    "nsenter --net=/run/netns/$C conntrack -L 2>/dev/null | grep mark=17"

finish
