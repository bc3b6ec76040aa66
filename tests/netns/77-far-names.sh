#!/bin/bash
# Names that are resolved through a tunnel: by servers that only its far side
# reaches, over one connection; answers that don't mix with those that others
# get; and nobody is asked where the tunnel is down.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: 1080 danted, 1082 microsocks,
#       default route to s              1083 a proxy that prints what it is asked
#                                       53 dnsmasq: where all others ask
#                                     192.0.2.9: 53 dnsmasq: behind the proxy
. "$(dirname "$0")/lib.sh"
need_root
need python3 microsocks dnsmasq dig
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
# its own resolver is the one behind it
echo nameserver 192.0.2.9 >"$tmp/resolv.conf"
cat >"$tmp/under" <<-EOF
	#!/bin/sh
	mount --bind "$tmp/resolv.conf" /etc/resolv.conf
	exec "\$@"
EOF
chmod +x "$tmp/under"
start_danted() {
	UNDER="unshare --mount --propagation private $tmp/under" danted_up
}
start_danted
background ins microsocks -i 10.9.0.2 -p 1082
wait_for listens ins 1082
background ins python3 "$top/tests/netns/tunnel.py" socks 10.9.0.2 1083 \
    >"$tmp/socks.out" 2>"$tmp/socks.err"
wait_for has_text ready "$tmp/socks.out"
serves_dns() { ins ss -Htln "src $1:53" | grep -q .; }
serve_dns() { # ADDR RECORD...
	local at=$1 r
	shift
	for r; do set -- "$@" "--address=$r"; shift; done
	background ins dnsmasq --keep-in-foreground --conf-file=/dev/null \
	    --no-resolv --no-hosts --bind-interfaces --listen-address="$at" \
	    --user=root --pid-file= \
	    --log-queries --log-facility="$tmp/dns.$at" --local-ttl=60 "$@"
	wait_for serves_dns $at
}
serve_dns 10.9.0.2 /both.corp/192.0.2.8 /open.corp/192.0.2.8 \
    /rebind.example/198.18.1.0 /here.unknown/192.0.2.9
serve_dns 192.0.2.9 /both.corp/192.0.2.7 /web.far.corp/192.0.2.8 \
    /many.corp/192.0.2.7 /lan.far.corp/10.1.2.3 /rebind.far.corp/127.0.0.1 \
    /there.unknown/192.0.2.7 /web.split.example/192.0.2.7
# hangs up on one name, and answers others
cat >"$tmp/hangs.py" <<'PY'
import socket, threading
def serve(c):
    f = c.makefile("rb")
    while len(head := f.read(2)) == 2:
        q = f.read(int.from_bytes(head, "big"))
        if q[13:18].lower() == b"hangs":
            break
        end = q.index(b"\0", 12) + 5
        a = (q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:end] +
             b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 7]))
        c.sendall(len(a).to_bytes(2, "big") + a)
    c.shutdown(socket.SHUT_RDWR)
s = socket.create_server(("192.0.2.9", 5300))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
PY
background ins python3 "$tmp/hangs.py"
wait_for listens ins 5300
asked() { grep -c "query\[.*\] $2 " "$tmp/dns.$1"; }

settings '[resolver]' 'upstream = 10.9.0.2' \
    '[forward "split.example"]' 'upstream = 192.0.2.9' 'via = far' \
    '[forward "hung.example"]' 'upstream = 192.0.2.9:5300' 'via = far' \
    '[forward "gone.example"]' 'upstream = 10.9.0.2' 'via = lost' \
    '[tunnel "far"]' 'upstream = socks5://10.9.0.2:1080' 'dns = tunnel' \
    'dns-server = 192.0.2.9' \
    '[tunnel "usual"]' 'upstream = socks5://10.9.0.2:1082' 'dns = tunnel' \
    '[tunnel "plain"]' 'upstream = direct' 'device = c0' 'dns = tunnel' \
    'dns-server = 10.9.0.2' \
    '[tunnel "lost"]' 'upstream = socks5://10.9.0.2:1999' 'dns = tunnel' \
    'dns-server = 192.0.2.9' \
    '[tunnel "blind"]' 'upstream = socks5://10.9.0.2:1083' \
    '[tunnel "seeing"]' 'upstream = socks5://10.9.0.2:1083' 'dns = tunnel' \
    'dns-server = 192.0.2.9'
rules "accept out exe $python domain direct.corp" \
    "reroute via lost out domain lost.corp" \
    "reroute via usual out domain open.corp" \
    "reroute via blind out domain here.unknown" \
    "reroute via seeing out domain there.unknown" \
    "reroute via plain out domain *.plain.corp" \
    "reroute via far out domain *.far.corp" \
    "reroute via far out exe $python domain *.corp" \
    "default out accept" "default in accept"
wire_up
check "the daemon starts" daemon_start
gets() { # NAME ADDRESS
	ask "$1" A
	[ "$addr" = "$2" ]
}
check "a name that the far side knows" gets both.corp 192.0.2.7
check "the server behind the proxy was asked" \
    [ "$(asked 192.0.2.9 both.corp)" = 1 ]
check_not "the usual one was not" grep -q both.corp "$tmp/dns.10.9.0.2"
check "again: from the cache" gets both.corp 192.0.2.7
check "without a question" [ "$(asked 192.0.2.9 both.corp)" = 1 ]
check "others get the usual answer" sh -c "'$REROUTECTL' \
    --control '$tmp/control' resolve both.corp | grep -q '192\.0\.2\.8'"
check "and the far one stays" gets both.corp 192.0.2.7
check "no name there: NXDOMAIN or none" sh -c \
    "! nsenter --net=/run/netns/$C python3 '$top/tests/netns/tunnel.py' ask \
    nothing.corp A | grep -q 192"
inc dig +tries=1 @127.0.0.1 hangs.hung.example >"$tmp/dig.out"
check "a server hangs up: that is said" \
    grep -q 'EDE: 23.*hangs up on this question' "$tmp/dig.out"
check "and it is asked on" [ "$(inc dig +short +tries=1 @127.0.0.1 \
    next.hung.example)" = 192.0.2.7 ]

# -- a domain whose servers are behind a tunnel, whoever asks --
check "a forward by a tunnel" gets web.split.example 192.0.2.7
check "its server was asked" [ "$(asked 192.0.2.9 web.split.example)" = 1 ]
check "where the tunnel is down there is no answer" gets web.gone.example "none 2"
check "which status says" sh -c "'$REROUTECTL' --control '$tmp/control' status |
    grep 'BROKEN: no upstream answers for names below.*gone\.example'"
check_not "and nobody is asked" grep -q 'split\.example\|gone\.example' \
    "$tmp/dns.10.9.0.2"

asks_all() {
	local i list=
	for i in $(seq 40); do
		run_in ask "n$i.many.corp" A >"$tmp/many.$i" &
		list="$list $!"
	done
	wait $list
	cat "$tmp"/many.*
	[ "$(cat "$tmp"/many.* | grep -c '^192.0.2.7$')" = 40 ]
}
check "forty at once" asks_all
check "over one connection" [ "$(ins ss -Htn state established \
    dst 192.0.2.9:53 | wc -l)" = 1 ]

# -- what is here is not for a far side to say --
check "private addresses are the far side's" gets lan.far.corp 10.1.2.3
check "this host's own are not" gets rebind.far.corp "none 0"
check "nor those that stand for names" gets rebind.example "none 0"

# -- the connection goes where its name did --
check "a name below *.far.corp" gets web.far.corp 192.0.2.8
check "is connected through the tunnel" says_like "$proxy_sees" \
    tcp 192.0.2.8 7008 hear
check "flows have it" flows '
any(x["host"] == "web.far.corp" and x["tunnel"] == "far" and
    x["dst"] == "192.0.2.8" for x in f)'
check "queries have who was asked" sh -c "'$REROUTECTL' --json \
    --control '$tmp/control' queries --domain web.far.corp |
    grep -q '\"192.0.2.9'"
check "without a server of its own: the usual ones, through it" \
    gets open.corp 192.0.2.8
check "by TCP" grep -q 'query\[A\] open.corp from 10.9.0.2$' "$tmp/dns.10.9.0.2"
check "a direct way is one, too" sh -c \
    "nsenter --net=/run/netns/$C python3 '$top/tests/netns/tunnel.py' ask \
    x.plain.corp A | grep -q 'none'"
check "asked from here" grep -q 'x.plain.corp from 10.9.0.1' \
    "$tmp/dns.10.9.0.2"

# -- a proxy that does not know the name --
check "a name that was resolved here" gets here.unknown 192.0.2.9
check "the proxy does not know it: it goes by the address" says hello \
    tcp 192.0.2.9 7001 echo
check "as it was asked: for the name first" [ "$(tail -n 2 "$tmp/socks.out" |
    xargs)" = "here.unknown 7001 192.0.2.9 7001" ]
check "one that was resolved through the tunnel" gets there.unknown 192.0.2.7
check "goes by the name, or not at all" says EHOSTUNREACH \
    tcp 192.0.2.7 7001 echo
check "as it was asked" [ "$(tail -n 1 "$tmp/socks.out")" = \
    "there.unknown 7001" ]

# -- down --
said_so() { # NAME
	EDE=1 ask "$1" A
	case $addr in "none 2 23 the tunnel leads to no name server") ;;
	*) return 1 ;;
	esac
}
check "the proxy is not there: SERVFAIL, and why" said_so lost.corp
check "status says so" sh -c "'$REROUTECTL' --json --control '$tmp/control' \
    status | grep -q '192.0.2.9 via lost'"
check "as what is broken" sh -c "'$REROUTECTL' --control '$tmp/control' status |
    grep -q '^BROKEN: no name server of a tunnel answers: 192.0.2.9 via lost'"
stop_danted() { # and those that it has started
	local p
	stop "$danted"
	for p in $(ip netns pids "$S"); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" != danted ] || kill -KILL "$p"
	done
}
stop_danted
check "it goes: SERVFAIL, and why" said_so late.corp
check "what is known stays known" gets both.corp 192.0.2.7
start_danted
check "it comes back" wait_for gets new.many.corp 192.0.2.7
check_not "the usual server was never asked" \
    grep -qE '(lost|late|new.many)\.corp' "$tmp/dns.10.9.0.2"
check_judged
stop "$wire"
check "not one packet to the far server is on the wire" sh -c \
    "[ \$(grep -vc -e ready -e seen '$tmp/wire.out') = 0 ]"
daemon_stop
check "the daemon ends well" test $? = 0
finish
