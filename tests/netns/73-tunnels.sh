#!/bin/bash
# Tunnels of every kind against the programs that they are for, what a program
# is told of each failure, and what reroutectl says.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2
#       default route to s       1080 danted, 1081 danted with passwords,
#                                1082 microsocks, 8080 tinyproxy, 8081 ncat,
#                                8443 haproxy with TLS before tinyproxy, 8444
#                                with a name in CN alone,
#                                9000 haproxy, 9001 nginx: PROXY v2 to 7001
. "$(dirname "$0")/lib.sh"
need_root
need python3 microsocks tinyproxy ncat haproxy openssl nginx
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
danted_up
background ins microsocks -i 10.9.0.2 -p 1082
micro=$pid
background ins microsocks -i 10.9.0.2 -p 1081 -u anna -P 'se:cret'
cat >"$tmp/tiny.conf" <<-EOF
	Port 8080
	Listen 10.9.0.2
	Timeout 60
	MaxClients 100
	DisableViaHeader Yes
EOF
background ins tinyproxy -d -c "$tmp/tiny.conf" >"$tmp/tiny.log" 2>&1
background ins ncat -l 10.9.0.2 8081 --proxy-type http --proxy-auth u:p \
    2>"$tmp/ncat.log"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=proxy.example \
    -addext subjectAltName=DNS:proxy.example -keyout "$tmp/key.pem" \
    -out "$tmp/cert.pem" 2>/dev/null
cat "$tmp/cert.pem" "$tmp/key.pem" >"$tmp/both.pem"
openssl req -x509 -key "$tmp/key.pem" -days 2 -subj /CN=proxy.example \
    -out "$tmp/common.pem" 2>/dev/null
cat "$tmp/common.pem" "$tmp/key.pem" >"$tmp/common.both.pem"
pin=$(openssl x509 -in "$tmp/cert.pem" -pubkey -noout |
    openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)
cat >"$tmp/haproxy.cfg" <<-EOF
	defaults
	    mode tcp
	    timeout connect 5s
	    timeout client 60s
	    timeout server 60s
	listen tls
	    bind 10.9.0.2:8443 ssl crt $tmp/both.pem
	    server tiny 10.9.0.2:8080
	listen common
	    bind 10.9.0.2:8444 ssl crt $tmp/common.both.pem
	    server tiny 10.9.0.2:8080
	listen proxy2
	    bind 10.9.0.2:9000 accept-proxy
	    tcp-request content set-var(sess.a) fc_pp_authority
	    log stderr local0
	    log-format "pp src=%ci:%cp dst=%[dst]:%[dst_port] name=%[fc_pp_authority]"
	    server echo 192.0.2.7:7001
EOF
background ins haproxy -f "$tmp/haproxy.cfg" >"$tmp/haproxy.log" 2>&1
module=$(find /usr/lib/nginx -name 'ngx_stream_module.so' 2>/dev/null)
cat >"$tmp/nginx.conf" <<-EOF
	${module:+load_module $module;}
	daemon off; pid $tmp/nginx.pid; error_log $tmp/nginx.err;
	events { }
	stream {
	    log_format pp '\$proxy_protocol_addr \$proxy_protocol_server_addr';
	    access_log $tmp/nginx.log pp;
	    server { listen 10.9.0.2:9001 proxy_protocol; proxy_pass 192.0.2.7:7001; }
	}
EOF
background ins nginx -c "$tmp/nginx.conf" 2>/dev/null
# a SOCKS proxy of those that hang up on what is none
background ins python3 -c '
import socket
s = socket.create_server(("10.9.0.2", 1084))
while True:
    c = s.accept()[0]
    if c.recv(1) == b"\5":
        c.sendall(b"\5\0")
    c.close()'
for port in 1081 1082 1084 8080 8081 8443 8444 9000 9001; do
	check "a server on $port" wait_for listens ins $port
done

mkfifo "$tmp/pipe.pem"
head -c 5M /dev/zero >"$tmp/large.pem"
cp "$tmp/common.pem" "$tmp/later.pem"
settings '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080' \
    '[tunnel "auth"]' 'upstream = socks5://anna:se%3Acret@10.9.0.2:1081' \
    '[tunnel "wrong"]' 'upstream = socks5://10.9.0.2:1081' \
    'user = anna' 'password = wrong' \
    '[tunnel "micro"]' 'upstream = socks5h://10.9.0.2:1082' \
    '[tunnel "http"]' 'upstream = http://10.9.0.2:8080' \
    '[tunnel "basic"]' 'upstream = http://u:p@10.9.0.2:8081' \
    '[tunnel "tls"]' 'upstream = https://10.9.0.2:8443#proxy.example' \
    "ca = $tmp/cert.pem" \
    '[tunnel "pinned"]' 'upstream = https://10.9.0.2:8443' \
    "pin = sha256//$pin" \
    '[tunnel "stranger"]' 'upstream = https://10.9.0.2:8443#proxy.example' \
    '[tunnel "common"]' 'upstream = https://10.9.0.2:8444#proxy.example' \
    "ca = $tmp/common.pem" \
    '[tunnel "pipe"]' 'upstream = https://10.9.0.2:8443#proxy.example' \
    "ca = $tmp/pipe.pem" \
    '[tunnel "large"]' 'upstream = https://10.9.0.2:8443#proxy.example' \
    "ca = $tmp/large.pem" \
    '[tunnel "later"]' 'upstream = https://10.9.0.2:8443#proxy.example' \
    "ca = $tmp/later.pem" \
    '[tunnel "keyed"]' 'upstream = https://10.9.0.2:8444#proxy.example' \
    "pin = sha256//$pin" \
    '[tunnel "hap"]' 'upstream = proxy2://10.9.0.2:9000' \
    '[tunnel "ngx"]' 'upstream = proxy2://10.9.0.2:9001' \
    '[tunnel "plain"]' 'upstream = direct' \
    '[tunnel "dead"]' 'upstream = socks5://10.9.0.2:1999' \
    '[tunnel "liar"]' 'upstream = socks5://10.9.0.2:8080' \
    '[tunnel "sox"]' 'upstream = http://10.9.0.2:1084' \
    '[tunnel "any"]' 'failover = dead, http, reject' \
    '[tunnel "hole"]' 'upstream = socks5://10.9.0.77:1080' \
    '[tunnel "behind"]' 'failover = hole, http' \
    '[tunnel "late"]' 'upstream = http://10.9.0.2:8080' 'honest-connect = no'
# one rule a tunnel: the port says which
i=0
for t in socks auth wrong micro http basic tls pinned stranger hap ngx plain \
    dead liar any late behind common keyed sox; do
	i=$((i + 1))
	echo "reroute via $t out exe $python to 192.0.2.7 from any port" \
	    "$((20000 + i * 100))-$((20099 + i * 100))"
	eval "from_$t=$((20000 + i * 100))"
done >"$tmp/all.rules"
rules "$(cat "$tmp/all.rules")" "default out block" "default in accept"
wire_up
check "the daemon starts" daemon_start
thru() { # TUNNEL WANT WORD...
	local t=$1 want=$2 n
	shift 2
	eval "n=\$((from_$t++))"
	FROM=$n says_like "$want" tcp 192.0.2.7 "$@"
}

told_once() { [[ $said == E* && $said != *queued* ]]; }

for t in socks auth micro http basic tls pinned keyed plain any late; do
	check "$t: the far end speaks first" thru $t welcome 7002 first
	check "$t: 3 MB down" thru $t ok 7007 down 3000000
done
for t in socks plain; do
	check "$t: half-close" thru $t hello 7001 echo
	check "$t: 3 MB up, the answer down" thru $t ok 7006 up 3000000
	check "$t: refused" thru $t ECONNREFUSED 7099
	check "$t: its program is woken once" told_once
done
check "plain: a reset passes" thru plain ECONNRESET 7003 poke
# nginx passes no half-close on
for t in hap ngx; do
	check "$t: behind PROXY v2" thru $t x 7001 poke
done
check "haproxy saw the flow's ends" wait_for grep -q \
    'src=10.9.0.1:.* dst=192.0.2.7:7001' "$tmp/haproxy.log"
check "nginx too" wait_for grep -q '^10.9.0.1 192.0.2.7$' "$tmp/nginx.log"
check "http: the far end refuses" thru http 'EHOSTUNREACH|ECONNREFUSED' 7099
for t in wrong stranger dead liar common; do
	check "$t: no connection" thru $t EHOSTUNREACH 7001
	[ $t = liar ] || check "$t: at once" soon 3000
done
inc ip neighbour add 10.9.0.77 lladdr 02:00:00:00:00:77 dev c0
background inc ping -i 0.3 10.9.0.2 >/dev/null # others are judged meanwhile
others=$pid
check "a list whose first does not answer: the next" thru behind welcome \
    7002 first
check "when five seconds are over" soon 12000
check_not "a SYN that waits so long is not said to be lost" log_has "comes nowhere"
stop "$others"
notrack() { inc iptables-legacy -t raw "$1" OUTPUT -p tcp -d 192.0.2.7 -j CT --notrack; }
notrack -A
background inc python3 -c 'import socket, sys
socket.create_connection(("192.0.2.7", 7001), 60, ("10.9.0.1", int(sys.argv[1])))' \
    $((from_http++))
lost=$pid
warned() { inc "$BUILDDIR/probe" udp 10.9.0.2 9 >/dev/null
	log_has 'port 7001 is to be led into a tunnel, and comes nowhere'; }
check "one that nothing turns to us is, when it comes again" wait_for warned
stop "$lost"
notrack -D
check "late: connected, then broken" thru late 'ECONNRESET|EOF' 7099 poke
# -- what reroutectl says --
ctl --json tunnels >"$tmp/tunnels"
said_of() { # TUNNEL EXPRESSION
	holds "$tmp/tunnels" "[($2) for x in every if x['name'] == '$1'][0]"
}
check "tunnels: bytes" said_of socks \
    'x["bytes_down"] > 3000000 and x["bytes_up"] > 3000000 and x["flows"] == 0'
check "tunnels: a wrong password" said_of wrong '"password" in x["error"]'
check "tunnels: a strange certificate" said_of stranger \
    '"certificate" in x["error"]'
check "tunnels: a certificate with the name in CN alone" said_of common \
    '"certificate" in x["error"] and "mismatch" in x["error_why"]'
check "tunnels: down" said_of dead 'x["state"] in ("down", "trial")'
down() { thru dead EHOSTUNREACH 7001
	ctl status | grep '^BROKEN: a tunnel of the rules is down: dead: the '; }
check "status: what is down and a rule leads to" wait_for down
check_not "status: nor what is well" sh -c "'$REROUTECTL' --control \
    '$tmp/control' status | grep -E 'rules is down: (socks|http|any)'"
check "tunnels: a list" said_of any \
    'x["upstream"] == "dead, http, reject"'
check "tunnels: why a list is where it is" said_of behind \
    'x["error"] and x["error_why"].split(":")[0] == "hole"'
check "test wants a host" try 2 ctl tunnels test plain '[fe80::1%c0]:80'
check "… and says so" told 'a host and a port are needed'
check_not "no password anywhere" grep -rE 'se:cret|se%3A|u:p@' \
    "$tmp/tunnels" "$tmp/daemon.log"
check "test says each step" sh -c "'$REROUTECTL' --control '$tmp/control' \
    tunnels test tls 192.0.2.7:7001 >'$tmp/steps' &&
    grep -q 'TLS is up' '$tmp/steps'"
check "and the end" grep -q '^connected after' "$tmp/steps"
# -- certificates that can't be read, or are others by now --
test_says() { # TUNNEL TEXT
	ctl tunnels test "$1" 192.0.2.7:7001 >"$tmp/steps"
	cat "$tmp/steps"
	grep -q "$2" "$tmp/steps"
}
check "http:// that leads to a SOCKS proxy" test_says sox 'socks5://'
check "… no connection" thru sox EHOSTUNREACH 7001
check "… nor another" thru sox EHOSTUNREACH 7001
check "… is no tunnel that is up" tunnel_is sox down 'socks5://'
check "certificates in a pipe: nobody waits for it" \
    test_says pipe 'pipe.pem: not a regular file'
check "too many of them" test_says large 'large.pem: more than 4 MiB'
check "the log has the place" \
    grep -q 'tunnel .*large.*: ca: .*large.pem: more than' "$tmp/daemon.log"
check "others' certificates" test_says later 'self-signed'
cp "$tmp/cert.pem" "$tmp/later.pem"
daemon_reload
check "its own after a reload" test_says later '^connected after'
"$REROUTED" --config "$tmp/rerouted.conf" --rules "$tmp/rules" --check \
    >"$tmp/check" 2>&1
check "--check warns of them" grep -q 'ca: .*pipe.pem: not a regular' \
    "$tmp/check"
# -- a file system that does not answer --
slow_tunnel() { # LINE
	{
		cat "$tmp/quick.conf"
		echo '[tunnel "slow"]'
		echo 'upstream = https://10.9.0.2:8443#proxy.example'
		echo "$1"
	} >"$conf"
}
has_ended() { # a zombie has
	! grep -q '^State:[[:space:]]*[^Z]' "/proc/$1/status"
}
cp "$tmp/cert.pem" "$tmp/slow.pem"
cp "$conf" "$tmp/quick.conf"
if slow_file "$tmp/slow.pem"; then
	slow_tunnel "ca = $tmp/slow.pem"
	daemon_reload
	check "certificates don't come" wait_for has_text opened "$tmp/slow.out"
	background inc "$REROUTECTL" --control "$tmp/control" tunnels test \
	    slow 192.0.2.7:7001 >"$tmp/waits"
	waits=$pid
	check "a dial waits for them" wait_for has_text 'the proxy is reached' "$tmp/waits"
	slow_tunnel "pin = sha256//$pin"
	daemon_reload
	check "a pin in their place: who comes now goes by that" \
	    test_says slow '^connected after'
	check_not "and who waits does not" grep -q TLS "$tmp/waits"
	stop "$slow"
	wait "$waits"
	check "but by what it began with" grep -q '^connected after' \
	    "$tmp/waits"
fi
cp "$tmp/quick.conf" "$conf"
daemon_reload
kill -STOP "$micro"
background "$REROUTECTL" --control "$tmp/control" tunnels test micro \
    192.0.2.7:7001 >"$tmp/steps"
steps=$pid
check "a step that is slow: what was before it is there" \
    wait_for has_text 'the proxy is reached' "$tmp/steps"
check_not "and the end is not" grep -q 'after' "$tmp/steps"
kill -CONT "$micro"
check "it goes on" wait "$steps"
check "to the end" grep -q '^connected after' "$tmp/steps"
ctl tunnels test dead 192.0.2.7:7001 >"$tmp/steps"
check "a dead one: exit status 1" test $? = 1
check "why" grep -q "can't be reached" "$tmp/steps"
check "flows have it" flows '
any(x.get("upstream") == "http" and x["tunnel"] == "any" and
    x["bytes_down"] >= 3000000 and x["close_reason"] for x in f)'
check "and why one failed" flows '
any(x["tunnel"] == "wrong" and "password" in x["close_reason"] for x in f)'
check "reroutectl reroute" ctl reroute out exe "$python" to 192.0.2.8 \
    via socks --for 10m
check "is in force" says hello tcp 192.0.2.8 7001 echo
stop "$wire"
check "only plain was on the wire" sh -c "! grep -v ready '$tmp/wire.out' |
    grep -v seen | grep -vE '^(10.9.0.1 192.0.2.7|192.0.2.7 10.9.0.1) '"
check_judged
kill -STOP "$micro"
background "$REROUTECTL" --control "$tmp/control" tunnels test micro \
    192.0.2.7:7001 >"$tmp/steps" 2>&1
steps=$pid
check "a test that would go on for seconds" \
    wait_for has_text 'the proxy is reached' "$tmp/steps"
daemon_stop
check "the daemon ends well" test $? = 0
wait "$steps"
check "at once: the test is told" grep -q 'the daemon ends' "$tmp/steps"
kill -CONT "$micro"
if slow_file "$tmp/slow.pem"; then
	slow_tunnel "ca = $tmp/slow.pem"
	# its look for leaks would wait for that thread
	ASAN_OPTIONS=detect_leaks=0 daemon_start
	check "certificates don't come" wait_for has_text opened "$tmp/slow.out"
	kill "$daemon"
	check "the daemon ends all the same" wait_for has_ended "$daemon"
	wait "$daemon"
	check "… and well" test $? = 0
	check "and says for what it does not wait" grep -q \
	    'tunnel .*slow.*: ca: it is not read yet' "$tmp/daemon.log"
	stop "$slow"
fi
finish
