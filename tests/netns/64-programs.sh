#!/bin/bash
# Real clients of a machine whose resolv.conf names us: glibc, musl, curl, python,
# node, dig and kdig, with rules by program for the same name.
#
#     c: rerouted, /etc/resolv.conf: 127.0.0.1    s .53: dnsmasq, .80: httpd
. "$(dirname "$0")/lib.sh"
need_root
need dig dnsmasq curl busybox
net_up
ins ip address add 10.9.0.53/24 dev s0
ins ip address add 10.9.0.80/24 dev s0
mkdir "$tmp/www" "$tmp/etc"
echo hello >"$tmp/www/index.html"
background ins busybox httpd -f -p 10.9.0.80:80 -h "$tmp/www"
background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file= --bind-interfaces --listen-address=10.9.0.53 \
    --host-record=web.corp.example,10.9.0.80 --local-ttl=60 \
    --host-record=two.example,203.0.113.2,2001:db8::2 \
    --host-record=big.example,203.0.113.9 --local=/example/ 2>/dev/null
echo "nameserver 127.0.0.1" >"$tmp/etc/resolv.conf"
printf '127.0.0.1 localhost\n192.0.2.9 nas.example nas\n' >"$tmp/etc/hosts"

bound ins udp 53 10.9.0.53
bound ins tcp 80 10.9.0.80

# as on a machine: the files are those of ours
onc() {
	inc unshare -m sh -c 'mount --bind "$1/resolv.conf" /etc/resolv.conf &&
	    mount --bind "$1/hosts" /etc/hosts && shift && exec "$@"' sh \
	    "$tmp/etc" "$@"
}
settings "[resolver]" "upstream = 203.0.113.253" "hosts = $tmp/etc/hosts" \
    "allow-private = corp.example" "block-answer = nxdomain" \
    '[forward "example"]' "upstream = 10.9.0.53"
curl=$(readlink -f "$(command -v curl)")
rules "block out exe $curl domain blocked.example, .two.example"
check "the daemon starts" daemon_start

cat >"$tmp/gai.c" <<'END'
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all, *a;
	char text[64];
	int r = getaddrinfo(argc > 1 ? argv[1] : "", "80", &hints, &all);

	if (r != 0) {
		printf("%s\n", gai_strerror(r));
		return 1;
	}
	for (a = all; a != NULL; a = a->ai_next) {
		const void *p = a->ai_family == AF_INET
		    ? (const void *)&((struct sockaddr_in *)a->ai_addr)->sin_addr
		    : (const void *)&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr;
		printf("%s ", inet_ntop(a->ai_family, p, text, sizeof(text)));
	}
	putchar('\n');
	return 0;
}
END
check "a glibc program is made" gcc -o "$tmp/gai" "$tmp/gai.c"
finds() { # WORDS PROGRAM...
	local want=$1 got
	shift
	got=$(onc "$@" 2>&1 | tr ' ' '\n' | sort | tr '\n' ' ')
	echo "$got"
	[ "$got" = " $want " ] || [ "$got" = "$want " ]
}
check "glibc: A and AAAA" finds "2001:db8::2 203.0.113.2" "$tmp/gai" two.example
check "glibc: one family" finds "203.0.113.9" "$tmp/gai" big.example
if command -v musl-gcc >/dev/null; then
	check "a musl program is made" musl-gcc -static -o "$tmp/musl" "$tmp/gai.c"
	check "musl: A and AAAA" finds "2001:db8::2 203.0.113.2" "$tmp/musl" two.example
	check "musl: one family" finds "203.0.113.9" "$tmp/musl" big.example
	none_such() {
		begin=$(now_ms)
		! onc "$tmp/musl" no.such.invalid || return 1
		took=$(($(now_ms) - begin))
	}
	check "musl: no such name, told at once" best_of 1000 none_such
else
	echo "# no musl-gcc here: not asked"
fi
check "python" finds "203.0.113.9" python3 -c \
    'import socket; print(socket.gethostbyname("big.example"))'
check "our hosts file, from dig" sh -c "[ \"\$(nsenter --net=/run/netns/$C \
    dig +short @127.0.0.1 nas.example)\" = 192.0.2.9 ]"
check "… and back" sh -c "[ \"\$(nsenter --net=/run/netns/$C \
    dig +short @127.0.0.1 -x 192.0.2.9 | head -n 1)\" = nas.example. ]"
echo "192.0.2.10 later.example" >>"$tmp/etc/hosts"
check "the file is followed" wait_for sh -c "[ \"\$(nsenter --net=/run/netns/$C \
    dig +short @127.0.0.1 later.example)\" = 192.0.2.10 ]"
{ seq -f '192.0.2.11 long%.0f.example' 60000; echo "192.0.2.12 end.example"; } \
    >"$tmp/etc/long"
mv "$tmp/etc/long" "$tmp/etc/hosts"
has() { # ADDRESS NAME
	[ "$(inc dig +short @127.0.0.1 "$2" | head -n 1)" = "$1" ]
}
check "a long one in its place, too" wait_for has 192.0.2.12 end.example
check "all of it" has 192.0.2.11 long1.example
check "what it had before is gone" test -z "$(inc dig +short @127.0.0.1 nas.example)"
truncate -s 9M "$tmp/etc/hosts"
check "one that is too long is none" wait_for grep -q 'hosts file=.*too large' \
    "$tmp/daemon.log"
check "… and its names are gone" test -z \
    "$(inc dig +short @127.0.0.1 end.example)"
printf '127.0.0.1 localhost\n192.0.2.10 later.example\n' >"$tmp/etc/hosts"
check "a short one again" wait_for has 192.0.2.10 later.example
check "curl, split DNS, a private address" onc curl -sS --max-time 5 \
    -o /dev/null http://web.corp.example/
check "the flow has its name" flows 'any(x["host"] == "web.corp.example" and
    x["exe"].endswith("/curl") for x in f)'
check "python may have a name" finds "203.0.113.2" python3 -c \
    'import socket; print(socket.gethostbyname("two.example"))'
check_not "that curl may not" onc curl -sS --max-time 5 -o /dev/null \
    http://two.example/
if command -v node >/dev/null; then
	check "node: the system's resolver" finds "203.0.113.9" node -e \
	    'require("dns").lookup("big.example", (e, a) => console.log(e || a))'
	check "node: its own" finds "203.0.113.9" node -e \
	    'require("dns").resolve4("big.example", (e, a) => console.log(e || a[0]))'
	check "node: its own, AAAA" finds "2001:db8::2" node -e \
	    'require("dns").resolve6("two.example", (e, a) => console.log(e || a[0]))'
	check "node: no such name" finds "ENOTFOUND" node -e \
	    'require("dns").resolve4("no.such.invalid", (e) => console.log(e.code))'
else
	echo "# no node here: not asked"
fi
if command -v kdig >/dev/null; then
	check "kdig, TCP kept open" sh -c "nsenter --net=/run/netns/$C kdig +tcp \
	    +keepopen @127.0.0.1 big.example two.example | grep -q 203.0.113.2"
fi
check "without EDNS" sh -c "nsenter --net=/run/netns/$C dig +noedns +short \
    @127.0.0.1 big.example | grep -q 203.0.113.9"
check "resolve" sh -c "'$REROUTECTL' --control '$tmp/control' resolve big.example |
    grep -q 'IN.*A.*203.0.113.9'"
check "cache flush" sh -c "'$REROUTECTL' --control '$tmp/control' cache flush \
    big.example | grep -q '^[1-9]'"
check "queries by program" sh -c "'$REROUTECTL' --control '$tmp/control' --json \
    queries --exe curl --verdict block | grep -q '\"qname\":\"two.example\"'"
daemon_stop
check "the daemon ends well" test $? = 0
finish
