#!/bin/bash
# What tunnels' keys say: source and fwmark of direct ones; who a proxy is told
# that it is, program by program; a local client that reads PROXY v2 from a
# Unix socket; a proxy that has a name, asked for by ourselves alone; a rule
# that ends by itself; tests of tunnels.
#
#     c 10.9.0.1, .77, daemon --- veth --- s 10.9.0.2
#       default route to s              1080 danted with passwords
#       mark 77: by c1 10.8.0.1         53 dnsmasq: proxy.corp is 10.9.0.2
#     p2.sock: PROXY v2        `--- veth --- r 10.8.0.2, 192.0.2.7, too
. "$(dirname "$0")/lib.sh"
need_root
need python3 dnsmasq openssl curl
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
net_add R
ip link add c1 netns "$C" type veth peer name r0 netns "$R"
inc ip address add 10.8.0.1/24 dev c1
inns "$R" ip address add 10.8.0.2/24 dev r0
inns "$R" ip address add 192.0.2.7/32 dev lo
inc ip link set c1 up
inns "$R" ip link set r0 up
background inns "$R" python3 "$top/tests/netns/tunnel.py" far >"$tmp/r.out"
wait_for has_text ready "$tmp/r.out"
inc ip address add 10.9.0.77/24 dev c0
inc ip rule add fwmark 77 table 77
inc ip route add default via 10.8.0.2 table 77

# a unit of our own
groups_up
unit=rerouted-ways-$unique.service
at_end() { rmdir "$groups/$unit"; } 2>/dev/null
check "there are control groups" mkdir "$groups/$unit"

# danted knows users of the system: these are its own
curl=$(command -v curl)
password=$(openssl passwd -6 pw)
none=$(openssl passwd -6 -- -)
for user in root "$python" "$curl" "$unit"; do
	echo "$user:x:9:9::/:/bin/false" >>"$tmp/passwd"
done
{
	for user in root "$unit"; do echo "$user:$password:1::::::"; done
	for user in "$python" "$curl"; do echo "$user:$none:1::::::"; done
} >"$tmp/shadow"
echo "nobody:x:65534:65534::/:/bin/false" >>"$tmp/passwd"
echo nameserver 10.9.0.2 >"$tmp/resolv.conf"
printf '%s\n' root:pw "$unit:pw" "$python:-" "$curl:-" >"$tmp/users"
cat >"$tmp/under" <<-EOF
	#!/bin/sh
	mount --bind "$tmp/passwd" /etc/passwd
	mount --bind "$tmp/shadow" /etc/shadow
	mount --bind "$tmp/resolv.conf" /etc/resolv.conf
	exec "\$@"
EOF
chmod +x "$tmp/under"
UNDER="unshare --mount --propagation private $tmp/under" danted_up 1080 username
background ins dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv \
    --no-hosts --bind-interfaces --listen-address=10.9.0.2 --user=root \
    --pid-file= --log-queries --log-facility="$tmp/dns.log" \
    --address=/proxy.corp/10.9.0.2 --address=/other.corp/10.9.0.3 \
    --address=/web.corp/192.0.2.8 \
    --address=/many.corp/192.0.2.10 --address=/many.corp/fd09::2 \
    --address=/still.corp/192.0.2.200 --address=/still.corp/fd09::2 \
    $(printf -- '--address=/dead.corp/192.0.2.%s ' {201..208}) 2>/dev/null
wait_for listens ins 53
background inc python3 "$top/tests/netns/tunnel.py" proxy2 "$tmp/p2.sock" \
    >"$tmp/p2.out" 2>"$tmp/p2.err"
wait_for has_text ready "$tmp/p2.out"
chmod 666 "$tmp/p2.sock"

background inc python3 "$top/tests/netns/tunnel.py" socks 127.0.0.1 1090 \
    >"$tmp/local.out" 2>"$tmp/local.err"
wait_for has_text ready "$tmp/local.out"
for side in left right; do # other programs
	cp "$python" "$tmp/$side"
	port_of=$((${port_of:-1090} + 1))
	background inc "$tmp/$side" "$top/tests/netns/tunnel.py" socks \
	    127.0.0.1 $port_of >"$tmp/$side.out" 2>"$tmp/$side.err"
	wait_for has_text ready "$tmp/$side.out"
done
ins ip address add 192.0.2.10/32 dev lo # nobody listens there
background ins python3 "$top/tests/netns/tunnel.py" socks fd09::2 1080 \
    >"$tmp/many.out" 2>"$tmp/many.err"
wait_for has_text ready "$tmp/many.out"

settings '[resolver]' 'upstream = 10.9.0.2' \
    '[tunnel "src"]' 'upstream = direct' 'source = 10.9.0.77' \
    '[tunnel "alien"]' 'upstream = direct' 'source = 10.9.0.78' \
    '[tunnel "nodev"]' 'upstream = direct' 'device = wg9' \
    '[tunnel "second"]' 'failover = nodev, src' \
    '[tunnel "mark"]' 'upstream = direct' 'fwmark = 77' \
    '[tunnel "inner"]' 'upstream = direct' 'device = lo' 'dns = tunnel' \
    '[tunnel "byuser"]' 'upstream = socks5://10.9.0.2:1080' 'user = %user' \
    'password = pw' \
    '[tunnel "byunit"]' 'upstream = socks5://10.9.0.2:1080' 'user = %unit' \
    'password = pw' \
    '[tunnel "byexe"]' 'upstream = socks5://10.9.0.2:1080' 'user = %exe' \
    '[tunnel "p2"]' "upstream = proxy2+unix:$tmp/p2.sock" \
    'proxy-header = full' \
    '[tunnel "p2short"]' "upstream = proxy2+unix:$tmp/p2.sock" \
    '[tunnel "p2none"]' "upstream = proxy2+unix:$tmp/none.sock" \
    '[tunnel "named"]' 'upstream = socks5://proxy.corp:1080' 'dns = fake' \
    'user = root' 'password = pw' \
    '[tunnel "local"]' 'upstream = socks5://127.0.0.1:1090' \
    '[tunnel "left"]' 'upstream = socks5://127.0.0.1:1091' \
    '[tunnel "hasty"]' 'upstream = socks5://127.0.0.1:1091' \
    'honest-connect = no' \
    '[tunnel "right"]' 'upstream = socks5://127.0.0.1:1092' \
    '[tunnel "plain"]' 'upstream = direct' \
    '[tunnel "mixed"]' 'failover = nodev, named' \
    '[tunnel "tardy"]' 'failover = mute, named' \
    '[tunnel "mute"]' 'upstream = socks5://10.9.0.2:1089' \
    '[tunnel "nameless"]' 'upstream = socks5://none.corp:1080' \
    '[tunnel "many"]' 'upstream = socks5://many.corp:1080' \
    '[tunnel "still"]' 'upstream = socks5://still.corp:1080' \
    '[tunnel "dead"]' 'upstream = socks5://dead.corp:1080' \
    '[tunnel "notdead"]' 'failover = dead, still'
i=0
for t in src alien nodev second mark byuser byexe p2 p2short p2none nameless \
    byunit local; do
	i=$((i + 1))
	echo "reroute via $t out exe $python to 192.0.2.7, 2001:db8::7 from any" \
	    "port $((20000 + i * 100))-$((20099 + i * 100))"
	eval "from_$t=$((20000 + i * 100))"
done >"$tmp/all.rules"
rules "reroute via named out domain *.corp" "$(cat "$tmp/all.rules")" \
    "reroute via byexe out comm ${curl##*/} to 192.0.2.7" \
    "reroute via local out exe $python to 192.0.2.9 port 7002" \
    "reroute via right out exe $tmp/left to 192.0.2.9 port 7001, 7004, 7008" \
    "reroute via left out exe $tmp/right to 192.0.2.9 port 7001" \
    "reroute via hasty out exe $tmp/right to 192.0.2.9 port 7004" \
    "reroute via hasty out exe $python to 192.0.2.9 port 7004" \
    "reroute via left out exe $python to 192.0.2.9 port 7001, 7008" \
    "default out accept" "default in accept"
check "the daemon starts" daemon_start
thru() { # TUNNEL WANT PORT WORD...
	local t=$1 want=$2 n
	shift 2
	eval "n=\$((from_$t++))"
	FROM=$n says_like "$want" tcp "${TO:-192.0.2.7}" "$@"
}

p2_first() { # its number, of the first flow since the start
	thru p2 x 7001 poke >/dev/null && tail -n 1 "$tmp/p2.out" |
		grep -oE ' id=[0-9a-f]{32}( |$)'
}
first=$(p2_first)
check "proxy2: a flow has a number" test -n "$first"

# -- our own sockets --
check "source" thru src 10.9.0.77 7008 hear
TO=2001:db8::7 check "source of the other family" thru src EHOSTUNREACH \
    7008 hear
check "a source that is not here" thru alien EHOSTUNREACH 7008 hear
check "again" thru alien EHOSTUNREACH 7008 hear
check "is the tunnel's fault" tunnel_is alien down "Cannot assign"
check "a device that is not there" thru nodev EHOSTUNREACH 7008 hear
check "is the tunnel's fault, too" tunnel_is nodev up "No such device"
check "and the next of a list is tried" thru second 10.9.0.77 7008 hear
check "fwmark: by another route" thru mark 10.8.0.1 7008 hear
check "without: the usual one" says 10.9.0.1 tcp 192.0.2.7 7008 hear

# -- who the proxy is told --
logged() { # it writes when it likes
	wait_for grep -qF "$1" "$tmp/danted.1080.log" && return
	cat "$tmp/danted.1080.log"
	return 1
}
check "%user and a password" thru byuser "$proxy_sees" 7008 hear
check "as the proxy was told" logged '%root@'
check "%exe, and no password" thru byexe "$proxy_sees" 7008 hear
check "as the proxy was told: python" logged "%$python@"
check "another program" sh -c "nsenter --net=/run/netns/$C '$curl' -s -m 10 \
    telnet://192.0.2.7:7008 </dev/null | grep -qE '$proxy_sees'"
check "is another user" logged "%$curl@"
cp "$curl" "$tmp/mimic"
check_not "another file with its path in a namespace of its own" timeout 20 \
    nsenter --net="/run/netns/$C" unshare -m sh -c 'mount --bind "$0" "$1" &&
    exec "$1" -s -m 10 telnet://192.0.2.7:7008' "$tmp/mimic" "$curl" </dev/null
check "is one that the proxy does not know" flows "any(
    x['process'] and x['process']['exe'] == '$curl' and
    'user and password' in (x['close_reason'] or '') for x in f)"

in_unit() {
	FROM=$((from_byunit++)) inc sh -c \
	    'echo $$ >"$0/cgroup.procs" && exec "$@"' "$groups/$unit" \
	    python3 "$top/tests/netns/tunnel.py" tcp 192.0.2.7 7008 hear
}
check "%unit: of this one" eval "in_unit | grep -E '^($proxy_sees) '"
check "as the proxy was told" logged "%$unit@"
check "%unit: of another, or none" thru byunit EHOSTUNREACH 7008 hear
check "is another user" tunnel_is byunit up "password"

# -- a proxy on this host --
check "of the same program as what goes through it" thru local 10.9.0.1 \
    7008 hear
check "one that is rerouted into itself: refused" says EHOSTUNREACH \
    tcp 192.0.2.9 7002
check "before it asks itself" [ "$(grep -c '^192.0.2.9 7002$' \
    "$tmp/local.out")" = 1 ]
check "and it is said" grep -q "own proxy is rerouted into it.* exe=$python" \
    "$tmp/daemon.log"
check "which is no fault of the tunnel's" tunnel_is local up "let it out"
check "also where it was asked for another, who hears of it" flows "sum(
    'own proxy would go through it' in (x.get('close_reason') or '')
    for x in f if x['dst'] == '192.0.2.9') == 2"
check "a proxy that is rerouted through another" says 10.9.0.1 \
    tcp 192.0.2.9 7008 hear
check "which was asked by it" grep -qx '192.0.2.9 7008' "$tmp/right.out"
hops() { grep -cx "192.0.2.9 $2" "$tmp/$1.out"; }
check "two, each through the other: refused" says EHOSTUNREACH \
    tcp 192.0.2.9 7001
check "before one asks itself" [ "$(hops left 7001) $(hops right 7001)" = "1 1" ]
check "and it is said of whom" grep -q "into each other.* exe=$tmp/right" \
    "$tmp/daemon.log"
background inc python3 "$top/tests/netns/tunnel.py" tcp 192.0.2.9 7004 poke
refused=$pid
check "also where the first is connected already" wait_for flows "any(
    'own proxy would go through it' in (x.get('close_reason') or '')
    for x in f if x['dport'] == 7004)"
stop $refused KILL
check "as soon" [ "$(hops left 7004) $(hops right 7004)" = "1 1" ]

# -- PROXY v2 --
p2_said() { # PATTERN: the last one
	tail -n 1 "$tmp/p2.out"
	tail -n 1 "$tmp/p2.out" | grep -qE "$1"
}
check "proxy2+unix: half-close" thru p2 hello 7001 echo
check "both ends" p2_said \
    '^src=10\.9\.0\.1 sport=20800 dst=192\.0\.2\.7 dport=7001 '
check "who it is" p2_said " pid=[1-9][0-9]* uid=0 start=[1-9].* exe=$python "
check "and by which rule" p2_said ' rule=[^ ]*10\.rules:9$'
TO=2001:db8::7 check "IPv6" thru p2 x 7001 poke
check "its ends" p2_said '^src=fd09::1 .* dst=2001:db8::7 '
check "3 MB down" thru p2 ok 7007 down 3000000
TO=2001:db8::7 check "a short header" thru p2short x 7001 poke
check "is within what nginx takes" p2_said ' bytes=([0-9]|[0-9][0-9]|10[0-7]) '
check "nobody is there: broken" thru p2none \
    'EHOSTUNREACH|ECONNRESET|ECONNREFUSED|EOF' 7001 poke

# -- a proxy that has a name --
test_says() { # TUNNEL TARGET PATTERN
	ctl tunnels test "$1" "$2" >"$tmp/steps" 2>&1
	cat "$tmp/steps"
	grep -qE "$3" "$tmp/steps"
}
check "it is found, though a rule reroutes all of *.corp" \
    wait_for test_says named 192.0.2.7:7001 '^connected after'
check "other names of it go through it" says hello \
    tcp "$(run_in ask web.corp A)" 7001 echo
check "it was asked by ourselves" grep -qi 'proxy.corp from 10.9.0.1' \
    "$tmp/dns.log"
check_not "and those others of nobody here" grep -qi 'web.corp from 10.9.0.1' \
    "$tmp/dns.log"
check "one with two addresses, the first dead: by the second" \
    wait_for test_says many 192.0.2.7:7001 '^connected after'
check "which was tried behind it" grep -q 'connects to 192.0.2.10' "$tmp/steps"
check "and is the first from then on" test_says many 192.0.2.7:7001 \
    'connects to fd09::2'
check_not "that alone" grep 'connects to 192.0.2.10' "$tmp/steps"
check "one whose first is silent: by the second, before it is given up" \
    wait_for test_says still 192.0.2.7:7001 \
    '^connected after (1[89]|[2-4][0-9])[0-9]{2} ms' # a tick may be missing
check "which is the first from then on" test_says still 192.0.2.7:7001 \
    'connects to fd09::2'
check_not "and that alone" grep 'connects to 192.0.2.200' "$tmp/steps"
by_the_next() { # once the name of the first is known
	test_says notdead 192.0.2.7:7001 '^connected after' &&
		[ "$(grep -c 'connects to 192.0.2.20[1-8]' "$tmp/steps")" -gt 3 ]
}
check "a list whose first has eight, all silent: the next is asked, too" \
    wait_for by_the_next
check "a name that nobody knows" thru nameless EHOSTUNREACH 7001 echo
check "why" tunnel_is nameless up "none.corp"

# -- people --
check "tests: a named proxy" test_says named 192.0.2.7:7001 '^connected after'
check "tests: a Unix socket" test_says p2 192.0.2.7:7001 '^connected after'
check "tests: a name, directly" test_says plain web.corp:7001 \
    '^connected after'
check "it was resolved here" grep -q 'web.corp, resolved here: 192.0.2.8' \
    "$tmp/steps"
check "tests: a name that nobody knows" test_says plain none.corp:7001 \
    'nobody here knows the name'
check "tests: a list: the proxy is told the name" test_says mixed \
    web.corp:7001 '^connected after'
check "which counts nowhere: nobody knows of it yet" tunnel_is plain untried ""
check "tests: refused there" test_says named 192.0.2.7:7099 'far end refused'
check "tests: no such device" test_says nodev 192.0.2.7:7001 'No such device'
check "tests: no route of IPv6 there" test_says inner '[2001:db8::7]:7001' \
    'no route of IPv6 by lo'
check "tests: a name that is for the far side" test_says inner web.corp:7001 \
    'give it ADDRESS:PORT'
check "tests: a wrong password" test_says byexe 192.0.2.7:7001 \
    'does not take the user'
check "which counts nowhere" tunnel_is byexe up ""
# what began before a reload comes to the second of its list behind it
cat >"$tmp/mute.py" <<'PY'
import socket, sys
mute = socket.create_server(("10.9.0.2", 1089))
print("ready", flush=True)
for i in range(2):
    client, _ = mute.accept()
    print("mute", flush=True)
    sys.stdin.readline()
    client.close()
PY
cat >"$tmp/other.py" <<'PY'
import socket
other = socket.create_server(("10.9.0.3", 1080))
print("ready", flush=True)
while True:
    client, _ = other.accept()
    print("asked", flush=True)
    client.close()
PY
ins ip address add 10.9.0.3/24 dev s0
mkfifo "$tmp/mute.in"
exec {mute_in}<>"$tmp/mute.in"
background_in=$tmp/mute.in
background ins python3 "$tmp/mute.py" >"$tmp/mute.out"
background_in=
background ins python3 "$tmp/other.py" >"$tmp/other.out"
wait_for has_text ready "$tmp/mute.out"
wait_for has_text ready "$tmp/other.out"
ctl tunnels test tardy 192.0.2.7:7001 >"$tmp/tardy" 2>&1 &
tardy=$!
wait_for has_text mute "$tmp/mute.out"
sed -i 's/proxy\.corp:1080/other.corp:1080/' "$conf"
daemon_reload
asked() {
	test_says named 192.0.2.7:7001 .
	grep -q asked "$tmp/other.out"
}
check "a reload, the proxy has another name: it is asked" wait_for asked
asked=$(grep -c asked "$tmp/other.out")
echo >&"$mute_in"
wait "$tardy"
check "not by what began before, with what is for the first one" \
    [ "$(grep -c asked "$tmp/other.out")" = "$asked" ]
check "which says so" grep -q 'nobody knows proxy.corp' "$tmp/tardy"
sed -i 's/other\.corp:1080/none.corp:1080/' "$conf"
daemon_reload
check "a reload, the proxy has another name: nobody knows where it is" \
    test_says named 192.0.2.7:7001 'nobody knows none.corp'
for_a_moment() { # it may be over before it is looked at
	ctl reroute out exe "$python" to 192.0.2.9 via src --for 2s &&
		says 10.9.0.77 tcp 192.0.2.9 7008 hear
}
check "reroute for two seconds: is in force" eval \
    "for_a_moment || for_a_moment || for_a_moment"
check "and ends by itself" wait_for says 10.9.0.1 tcp 192.0.2.9 7008 hear
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
check "it starts again" daemon_start
second=$(p2_first)
check "proxy2: numbers of the start before do not come again" \
    test -n "$second" -a "$second" != "$first"
daemon_stop
finish
