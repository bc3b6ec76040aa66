#!/bin/bash
# Stray queries of every kind of socket are answered by us, as if the server that
# was asked had done it, and carry their program; what a rule or a setting says
# is left alone is.
#
#     c 10.9.0.1 fd09::1, rerouted     s .2 fd09::2, .3 fd09::3: nobody answers
#                                        .53: the upstream; .54: another world
#                                        .55: of up.example, scripted
. "$(dirname "$0")/lib.sh"
need_root
need dnsmasq dig python3
net_up
stray=$top/tests/netns/stray.py
for last in 3 53 54 55; do
	ins ip address add 10.9.0.$last/24 dev s0
	ins ip address add fd09::$last/64 dev s0 nodad
done
server() { # LAST ADDRESS-OF-NAME
	background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv \
	    --no-hosts --user=root --pid-file= --bind-interfaces \
	    --listen-address=10.9.0.$1,fd09::$1 --host-record=web.example,$2 \
	    2>/dev/null
}
server 53 203.0.113.10,2001:db8::10
server 54 203.0.113.54,2001:db8::54
background ins python3 "$top/tests/netns/upstreams.py" 10.9.0.55 >/dev/null
bound ins udp 53 10.9.0.53 10.9.0.54 10.9.0.55 fd09::54
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
settings "[resolver]" "upstream = 10.9.0.53" '[forward "up.example"]' \
    "upstream = 10.9.0.55"
rules "accept out exe $(readlink -f "$(command -v dig)") to 10.9.0.54 port 53"
check "the daemon starts" daemon_start

gets() { # EXPECTED HOW SERVER... NAME
	local want=$1 got
	shift
	got=$(inc timeout 60 "$python" "$stray" "$@" 2>&1)
	echo "$got"
	[ "$got" = "$want" ]
}
A=203.0.113.10 all4= all6=
for n in 2 3; do
	A4="$A#10.9.0.$n" A6="$A#fd09::$n"
	all4="$all4$A4 $A4 " all6="$all6$A6 $A6 "
done
check "one socket, two servers" gets "${all4% }" udp 10.9.0.2 10.9.0.3 web.example
check "… IPv6" gets "${all6% }" udp fd09::2 fd09::3 web.example
a=$A#10.9.0.2
check "connected" gets "$a $a $a" connected 10.9.0.2 web.example
check "A and AAAA together" gets "2001:db8::10#10.9.0.2 $a" pair 10.9.0.2 web.example
check "an IPv6 socket that speaks IPv4" gets "$A#::ffff:10.9.0.2" \
    mapped 10.9.0.2 web.example
check "TCP, pipelined" gets "$a $a $a" tcp 10.9.0.2 web.example
a=$A#fd09::2
check "TCP, IPv6" gets "$a $a $a" tcp fd09::2 web.example
a=$A#127.0.0.53
check "on loopback" gets "$a $a $a" connected 127.0.0.53 web.example

queries() { # EXPRESSION of q
	ctl --json queries >"$tmp/queries" && python3 -c '
import json, sys
q = [json.loads(line) for line in open(sys.argv[1])]
for x in q:
    x["exe"] = x["process"]["exe"] or x["process"]["kind"]
if not eval("(" + sys.argv[2] + ")"):
    for x in q[:20]:
        print(*(x[k] for k in ("client", "proto", "qname", "qtype", "verdict",
            "rcode", "answer_from", "captured", "exe")))
    sys.exit(1)' "$tmp/queries" "$1"
}
check "each has its program" queries \
    "len(q) >= 19 and all(x['exe'] == '$python' and x['captured'] for x in q)"
check "the keys of a query" queries 'set(("time client proto qname qtype " +
    "verdict rule reason rcode answer_from upstream elapsed_us addresses " +
    "process").split()) <= set(q[0])'
inc dig +short @127.0.0.1 ok.up.example >"$tmp/digs"
check "whose servers are asked is told" queries "q[0]['forward'] == 'up.example' and
    q[0]['upstream'] == '10.9.0.55:53' and q[-1]['forward'] is None"
ctl queries >"$tmp/table"
check "… in the table, too" has_text "upstream up.example" "$tmp/table"
# its flow goes on, and is to be judged anew: not before there is an answer
from_one_port() {
	local i
	for i in 1 2 3 4 5 6; do
		[ "$(inc dig -b 10.9.0.1#5556 +tries=1 +time=5 +short @10.9.0.3 \
		    web.example A)" = $A ] || return
	done
}
check "one process after the other from one port" from_one_port
a=203.0.113.1#10.9.0.2
check "one socket after the other, while many are closed" \
    gets "$a $a $a $a $a" again 10.9.0.2 up.example
exits() {
	inc "$python" "$stray" exit 10.9.0.2 gone$1.example
	wait_for queries "any(x['qname'] == 'gone$1.example' for x in q)"
}
for i in 1 2 3; do check "a program that has gone ($i)" exits $i; done
check "is named where it can be" queries "all(x['exe'] in ('$python', 'unknown')
    for x in q if x['qname'].startswith('gone'))"

# left alone
ask() { inc dig "+time=${patience:-15}" +tries=1 +short "$@"; }
says() { local want=$1; shift; got=$(ask "$@"); echo "$got"; [ "$got" = "$want" ]; }
check "a rule that names port 53" says 203.0.113.54 @10.9.0.54 web.example
check "… TCP" says 203.0.113.54 @10.9.0.54 +tcp web.example
check "another server of that program" says $A @10.9.0.2 web.example
settings "[resolver]" "upstream = 10.9.0.53" "capture = no"
check "capture = no" daemon_reload
check "is left alone then" says 203.0.113.54 @fd09::54 web.example
patience=2 check_not "nobody answers there" ask @10.9.0.2 web.example
check "and asked directly we do" says $A @127.0.0.1 web.example

# a socket that is bound to a device can't be answered from here: it learns at
# once that it will get nothing
bound_says() { # HOW: what a query's socket says
	inc timeout 30 "$python" - "$1" <<-'END'
		import errno, socket, sys
		tcp = sys.argv[1] == "tcp"
		s = socket.socket(socket.AF_INET,
		    socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"c0")
		s.settimeout(15)
		q = b"\0\7\1\0\0\1\0\0\0\0\0\0\3web\7example\0\0\1\0\1"
		try:
		    if sys.argv[1] != "sendto":
		        s.connect(("10.9.0.2", 53))
		        s.send(b"\0\x1d" + q if tcp else q)
		    else:
		        s.sendto(q, ("10.9.0.2", 53))
		    print("got", s.recv(512)[:2])
		except socket.timeout:
		    print("nothing")
		except OSError as e:
		    print(errno.errorcode[e.errno])
	END
}
ends() { # HOW
	got=$(bound_says "$1")
	echo "$got"
	case $got in ECONN* | EHOST*) ;; *) false ;; esac
}
settings "[resolver]" "upstream = 10.9.0.53"
check "capture again" daemon_reload
check_not "a link-local server is not answered for" \
    ask @fe80::1%c0 web.example
check "and the log says why" log_has "a query to fe80::1 is refused: its \
socket is bound to a device, as for any link-local server"
for how in connect sendto tcp; do
	check "bound to a device, $how: an error at once" ends $how
done
check "flows says why" flows 'any(x["reason"] == "bound-device" and
    x["verdict"] == "block" and x["dport"] == 53 for x in f)'
check "the same program is answered without" gets "$A#10.9.0.2 $A#10.9.0.2" \
    udp 10.9.0.2 web.example

# rules of others that keep queries from conntrack, which would bring them here
check_not "what is brought here is not warned of" log_has "comes nowhere"
notrack() { inc iptables-legacy -t raw "$1" OUTPUT -p udp --dport 53 -j CT --notrack; }
notrack -A
check_not "a query that can't be brought here gets no answer" \
    inc dig +short +time=1 +tries=2 @10.9.0.2 web.example
background inc dig +time=5 +tries=1 @10.9.0.2 web.example >/dev/null
held=$pid
warned() { inc dig +short @127.0.0.1 web.example >/dev/null
	log_has 'goes to 10.9.0.2 port 53 is to be led to the resolver, and comes nowhere'; }
check "… and it is told why" wait_for warned
stop "$held"
notrack -D
check "without those it is" says 203.0.113.10 @10.9.0.2 web.example

# an upstream on this host asks others in turn: that is not brought back to it
masq() { # USER PORT SERVER
	background inc dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv \
	    --no-hosts --user=$1 --pid-file= --bind-interfaces --port=$2 \
	    --listen-address=127.0.0.1 --server=$3 2>/dev/null
	wait_for sh -c "ip netns exec $C ss -Hlun 'sport = :$2' | grep -q ."
}
masq root 5335 10.9.0.54
first=$pid
settings "[resolver]" "upstream = 127.0.0.1:5335"
check "an upstream of this host" daemon_reload
check "its own queries pass" wait_for says 203.0.113.54 @127.0.0.1 web.example
check "those of others do not" says 203.0.113.54 @10.9.0.2 web.example
# nor those of another user, by the same executable: nobody answers at .2
masq nobody 5336 10.9.0.2
check "nor those of its executable for another user" wait_for says \
    203.0.113.54 -p 5336 @127.0.0.1 web.example
check "which are captured" flows 'any(x["mark"] == 1799 and
    x["exe"].endswith("/dnsmasq") and x["process"]["uid"] != 0 for x in f)'
# it is started anew, as somebody else: it is found within a second
stop "$first"
masq nobody 5335 10.9.0.54
passes() {
	ctl cache flush && says 203.0.113.54 @127.0.0.1 web.example
}
check "started anew, it is known again" wait_for passes
daemon_stop
check "the daemon ends well" test $? = 0
finish
