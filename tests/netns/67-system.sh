#!/bin/bash
# upstream = system: the servers that the network gave, out of the files of those
# who know, and followed as they change. The daemon has /etc and /run of its own
# here, so that nothing of the machine is touched.
#
#     c 10.9.0.1, rerouted      s 10.9.0.2, .3, .4 ...: servers that each
#       127.0.0.1:53              answer with an address of their own
. "$(dirname "$0")/lib.sh"
need_root
need dig dnsmasq unshare python3
net_up
servers="2 3 4 5 6 7 8"
for n in $servers; do
	[ $n = 2 ] || ins ip address add 10.9.0.$n/24 dev s0
	background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv \
	    --no-hosts --user=root --pid-file= --bind-interfaces \
	    --listen-address=10.9.0.$n --address=/example/203.0.113.$n \
	    2>"$tmp/dnsmasq.$n"
done
for n in $servers; do
	wait_for has_text started "$tmp/dnsmasq.$n"
done

mkdir -p "$tmp/etc" "$tmp/run"
etc=$tmp/etc run=$tmp/run
for file in passwd group nsswitch.conf hosts protocols services; do
	[ ! -e /etc/$file ] || cp /etc/$file "$etc"
done
cat >"$tmp/in-its-own" <<EOF
mount --bind "$etc" /etc && mount --bind "$run" /run && exec "\$@"
EOF
put() { # FILE LINE...: as careful programs do
	local _file=$1
	shift
	mkdir -p "$(dirname "$_file")"
	printf '%s\n' "$@" >"$_file.new"
	mv "$_file.new" "$_file"
}
start() { # [WRAPPER...]
	: >"$tmp/daemon.log"
	background inc unshare -m sh "$tmp/in-its-own" "$@" "$REROUTED" \
	    --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
	    --state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text 'ready version' "$tmp/daemon.log" ||
		sed 's/^/#   /' "$tmp/daemon.log"
}
n=0
asks_who() { # the last octet of whom the daemon asks now
	n=$((n + 1))
	inc dig +short +time=15 +tries=1 @127.0.0.1 $n.example A |
	    sed 's/203.0.113.//'
}
asks() { [ "$(asks_who)" = "$1" ]; }
follows() { # WHAT OCTET
	check "$1" wait_for asks "$2"
}

settings "[resolver]" "upstream = system" "cache-size = 0"
rules "default out accept"
put $etc/resolv.conf "# by a test" "search lan" "nameserver 10.9.0.2"
start
follows "resolv.conf" 2
check "the log says who is asked" \
	log_has 'server of the system=10.9.0.2 file=/etc/resolv.conf'

put $etc/resolv.conf "nameserver 10.9.0.3" "nameserver 10.9.0.2"
follows "a new file in its place" 3
echo "nameserver 10.9.0.4" >$etc/resolv.conf
follows "the same file, written anew" 4

# it names us: then somebody else knows
put $run/NetworkManager/resolv.conf "nameserver 127.0.0.1" "nameserver 10.9.0.5"
put $etc/resolv.conf "nameserver 127.0.0.1" "nameserver ::1"
follows "ourselves: NetworkManager's" 5
put $run/NetworkManager/no-stub-resolv.conf "nameserver 10.9.0.6"
follows "and rather without its stub" 6
put $run/resolvconf/interface/eth0.dhcp "nameserver 10.9.0.7"
put $run/resolvconf/interface/lo.rerouted "nameserver 127.0.0.1"
follows "an interface of resolvconf's" 7
put $run/resolvconf/interface/tun.wg0 "nameserver 10.9.0.4"
follows "… and a VPN's before it" 4
rm -r $run/resolvconf
put $run/resolvconf/interfaces/eth0.dhcp "nameserver 10.9.0.7"
follows "an interface of openresolv's" 7
mkdir $run/resolvconf/metrics $run/resolvconf/exclusive
: >"$run/resolvconf/metrics/000050 wg0"
: >"$run/resolvconf/metrics/000100 eth0.dhcp"
put $run/resolvconf/interfaces/wg0 "nameserver 10.9.0.4"
follows "… and a nearer one" 4
put $run/resolvconf/interfaces/tun0 "nameserver 10.9.0.5"
follows "… and before both one of no metric" 5
: >"$run/resolvconf/exclusive/9999999 wg0"
: >"$run/resolvconf/exclusive/9999998 wlan0"
put $run/resolvconf/interfaces/wlan0 "nameserver 10.9.0.3"
follows "… and one that is to be the only one" 3
only_that() { ! ctl status | grep -q 'upstream 10.9.0.[47]'; }
check "… so that no other is asked" only_that
rm -r $run/resolvconf $run/NetworkManager
put $run/systemd/netif/state "# private" "DNS=10.9.0.8 10.9.0.2" "DOMAINS=lan"
follows "systemd-networkd's" 8
rm -r $run/systemd/netif
put $run/systemd/netif/leases/3 "ADDRESS=10.9.0.1" "DNS=10.9.0.3"
follows "a lease of its" 3

# systemd-resolved
put $run/systemd/resolve/stub-resolv.conf "nameserver 127.0.0.53"
put $run/systemd/resolve/resolv.conf "nameserver 10.9.0.4"
ln -sf ../run/systemd/resolve/stub-resolv.conf $etc/new
mv $etc/new $etc/resolv.conf
follows "a stub: those that it asks" 4
put $run/systemd/resolve/resolv.conf "nameserver 10.9.0.5"
follows "and others of its" 5
rm -r $run/systemd/netif

# nobody knows any more
put $run/systemd/resolve/resolv.conf "nameserver 127.0.0.1"
check "it asks us: then its stub is nobody" wait_for log_has \
	"any more: those from before are kept until the daemon ends; \`upstream'"
check "the last ones are kept" asks 5
broken() { ctl status | grep -q "^BROKEN: the system has no name servers any more"; }
check "which status says" broken
rm -r $run/systemd
put $etc/resolv.conf "nameserver 10.9.0.6" "nameserver nonsense"
follows "they come back, as a file and no link" 6
check_not "which it says no more" broken
check "and nonsense is counted" log_has 'no_address=1'

# a link to a link
for v in 2 3; do
	put $run/some/v$v/conf "nameserver 10.9.0.$v"
done
ln -s v2 $run/some/now
ln -s ../run/some/now/conf $etc/new
mv $etc/new $etc/resolv.conf
follows "by way of a link" 2
ln -sfn v3 $run/some/now
follows "that becomes another one" 3
rm $run/some/now
put $run/some/now/conf "nameserver 10.9.0.4"
follows "and a folder" 4

# a server of this host, where there is no other
inc ip address add 127.0.0.53/8 dev lo
background inc dnsmasq --no-daemon --conf-file=/dev/null --no-resolv \
    --no-hosts --user=root --pid-file= --bind-interfaces \
    --listen-address=127.0.0.53 --address=/example/203.0.113.53 \
    2>"$tmp/dnsmasq.53"
stub=$pid
wait_for has_text started "$tmp/dnsmasq.53"
put $etc/resolv.conf "nameserver 127.0.0.53"
follows "127.0.0.53 alone" 53
settings "[resolver]" "upstream = system" "cache-size = 0" \
    "listen = 127.0.0.1:53, 127.0.0.53:53"
ctl reload
follows "who has what we would listen on, too" 53
settings "[resolver]" "upstream = system" "cache-size = 0"
ctl reload
put $etc/resolv.conf "nameserver 127.0.0.53" "nameserver 10.9.0.7"
follows "and not beside another" 7

# other settings, and back
settings "[resolver]" "upstream = 10.9.0.2" "cache-size = 0"
ctl reload
check "servers of the settings" asks 2
put $etc/resolv.conf "nameserver 10.9.0.3"
settings "[resolver]" "upstream = system, 10.9.0.2" "cache-size = 0"
ctl reload
check "and the system's again" asks 3
check "each change was seen once" [ "$(grep -c 'file=/etc/resolv.conf$' \
    "$tmp/daemon.log")" -le 13 ]

# a path of before, and other ways to write a file
if [ "$(readlink /var/run)" = /run ]; then
	put $run/some/v2/conf "nameserver 10.9.0.2"
	ln -s /var/run/some/v2/conf $etc/new
	mv $etc/new $etc/resolv.conf
	follows "a link into /var/run" 2
	put $run/some/v2/conf "nameserver 10.9.0.5"
	follows "and another file there" 5
fi
printf 'search lan\r\nnameserver 10.9.0.3\r\nnameserver 10.9.0.2\r\n' >$etc/new
mv $etc/new $etc/resolv.conf
follows "lines that end with CR, too" 3
said=$(grep -c 'any more: those from before' "$tmp/daemon.log")
: >$etc/resolv.conf
rm -rf $run/some
said_again() {
	[ "$(grep -c 'any more: those from before' "$tmp/daemon.log")" -gt "$said" ]
}
check "an empty file is said to have none" wait_for said_again
check "the last ones are kept" asks 3
put $etc/resolv.conf "nameserver 10.9.0.1" "nameserver 10.9.0.6"
follows "an address of this host where nobody answers: the next one" 6

# ourselves, by an address that is not loopback's
stop $stub
settings "[resolver]" "upstream = system" "cache-size = 0" \
    "listen = 127.0.0.1:53, 10.9.0.1:53"
put $etc/resolv.conf "nameserver 10.9.0.1" "nameserver 10.9.0.2"
ctl reload
follows "an address that we answer at is no server" 2
settings "[resolver]" "upstream = system" "cache-size = 0" \
    "listen = 0.0.0.0:53, [::]:53"
put $etc/resolv.conf "nameserver 10.9.0.1" "nameserver fd09::1" \
    "nameserver 10.9.0.3"
ctl reload
follows "nor one of all of this host's" 3
inc ip address add 10.9.0.9/24 dev c0
put $etc/resolv.conf "nameserver 10.9.0.9" "nameserver 10.9.0.4"
follows "nor one that came later" 4
is_no_server() { ! ctl status | grep -q 'upstream 10.9.0.9'; }
check "we are not asked by ourselves" wait_for is_no_server
settings "[resolver]" "upstream = 10.9.0.9, 10.9.0.5" "cache-size = 0" \
    "listen = 0.0.0.0:53, [::]:53"
ctl reload
check "nor where the settings say so" asks 5
check "… which is told" log_has "upstream 10.9.0.9 is the daemon itself"
check "… and it is not among those that are asked" is_no_server
# a neighbour may have the address that we have on another link
inc ip link add d0 type veth peer name d1
inc ip link set d1 up
inc ip link set d0 up
inc ip address add fe80::77/64 dev d0 nodad
ins ip address add fe80::77/64 dev s0 nodad
rules "default out accept" "default in accept"
ctl reload
link=$(inc ip -6 -o address show dev c0 scope link)
link=${link#* inet6 } link=${link%%/*}
cat >"$tmp/neighbour.py" <<'END'
import socket, sys
at, to, link = sys.argv[1:]
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(20)
link = socket.if_nametoindex(link)
s.bind((at, 0, 0, link))
s.sendto(b"\0\7\1\0\0\1" + bytes(6) + b"\x09localhost\0\0\1\0\1",
    (to, 53, 0, link))
print(s.recv(999)[3] & 15)
END
is_told() { # RCODE WHERE ADDRESS...
	local want=$1 got
	got=$($2 python3 "$tmp/neighbour.py" "${@:3}")
	echo "$got"
	[ "$got" = "$want" ]
}
check "who is here with it is no stranger" \
    wait_for is_told 0 inc fe80::77 fe80::77 d0
check "a neighbour is" is_told 5 ins fe80::77 $link s0
# … or a router
for line in "upstream = fe80::77%c0, 10.9.0.2" "upstream = system"; do
	put $etc/resolv.conf "nameserver fe80::77%c0" "nameserver 10.9.0.2"
	settings "[resolver]" "$line" "cache-size = 0" "listen = [::]:53"
	ctl reload
	is_server() { ctl status | grep -qF 'upstream [fe80::77%c0]'; }
	check "$line: on another link our address is a server's" \
	    wait_for is_server
done
daemon_stop
check "it ends well" [ $? = 0 ]

# --- no inotify is left: others have all that the user may have ---------------------
cat >"$tmp/without.py" <<'END'
import ctypes, os, platform, struct, sys
call, error = { # inotify_init1: EMFILE; inotify_add_watch: ENOSPC
    "inotify": ({"x86_64": 294, "aarch64": 26}[platform.machine()], 24),
    "watches": ({"x86_64": 254, "aarch64": 27}[platform.machine()], 28),
}[sys.argv.pop(1)]
code = b"".join(struct.pack("=HBBI", *line) for line in (
    (0x20, 0, 0, 0), (0x15, 0, 1, call), # of the number: this one
    (0x06, 0, 0, 0x50000 | error), (0x06, 0, 0, 0x7fff0000))) # or let it
held = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(
    struct.pack("@HP", len(code) // 8, ctypes.addressof(held)))
if ctypes.CDLL(None).prctl(22, 2, program, 0, 0): # PR_SET_SECCOMP, a filter
    sys.exit("no filter")
os.execv(sys.argv[1], sys.argv[1:])
END
mkdir "$tmp/lists"
echo ads.example >"$tmp/lists/ads.txt"
settings "[resolver]" "upstream = system" "cache-size = 0" \
	"[rerouted]" "watch = yes" "[list \"ads\"]" "source = $tmp/lists/ads.txt"
put $etc/resolv.conf "nameserver 10.9.0.4"
start python3 "$tmp/without.py" inotify
follows "no inotify: the system's servers are asked" 4
check "the rules are in place" ctl firewall verify
[ "$IPT4" != iptables-legacy ] || check "what is not watched is said: the tables" \
	log_has "the tables can't be watched"
check "… the servers" log_has "the system's servers can't be followed"
check "… the rules" log_has "$tmp/rules can't be watched"
check "… the lists" log_has "$tmp/lists can't be watched"
put $etc/resolv.conf "nameserver 10.9.0.5"
follows "other servers" 5
inc $IPT4 -F C17
check "rules that are taken out are put back" wait_for ctl firewall verify
check_not "rules that have not changed are not read again" \
	log_has "the files have changed"
daemon_stop
check "it ends well" [ $? = 0 ]
start python3 "$tmp/without.py" watches
follows "no watches: the system's servers are asked" 5
check "what is not watched is said" log_has "the system's servers can't be followed"
put $etc/resolv.conf "nameserver 10.9.0.6"
follows "other servers" 6
daemon_stop
check "it ends well" [ $? = 0 ]

rm $etc/resolv.conf
settings "[resolver]" "upstream = system" "cache-size = 0"
start
check "none at start: said" log_has "has no servers, or only this one; \`upstream'"
check "… by status, too" sh -c "'$REROUTECTL' --control '$tmp/control' status |
    grep -q 'BROKEN: no upstream is known: name one'"
check "and answered so" sh -c "nsenter --net=/run/netns/$C dig +time=15 \
    +tries=1 @127.0.0.1 a.example | grep -q 'SERVFAIL'"
put $etc/resolv.conf "nameserver 10.9.0.2"
follows "until there are some" 2

# names of the network at hand alone
settings "[resolver]" "upstream = 10.9.0.8" "cache-size = 0" \
    '[forward "portal.example"]' "upstream = system"
ctl reload
asks_portal() {
	n=$((n + 1))
	[ "$(inc dig +short +time=15 +tries=1 @127.0.0.1 $n.portal.example A)" = \
	    "203.0.113.$1" ]
}
check "those below a forward are asked of the system's server" wait_for asks_portal 2
check "all others are not" asks 8
put $etc/resolv.conf "nameserver 10.9.0.6"
check "which is followed for it" wait_for asks_portal 6
check "and for no others" asks 8
settings "[resolver]" "upstream = system" "cache-size = 0"
ctl reload

# a server of a link, and another link of that name later
cat >"$tmp/link.py" <<'END'
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.bind(("::", 53))
while True:
    q, peer = s.recvfrom(2000)
    end = 12
    while q[end]:
        end += q[end] + 1
    s.sendto(q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:end + 5] +
             b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\xcb\0\x71\x09", peer)
END
background ins python3 "$tmp/link.py"
bound ins udp 53 ::
ins ip address add fe80::53/64 dev s0 nodad
put $etc/resolv.conf "search lan" "nameserver fe80::53%c0"
follows "a link-local one, of its device" 9
passed_by() { ctl status | grep -q 'BROKEN: no program knows a name: /etc/res'; }
check "no program's query there is answered, which status says" passed_by
put $run/NetworkManager/resolv.conf "nameserver fe80::53%c0"
put $etc/resolv.conf "nameserver 127.0.0.1"
check "unless they ask us" wait_for eval "! passed_by"
inc ip link del c0
ip link add c0 netns "$C" type veth peer name s0 netns "$S"
inc ip link set c0 up
ins ip link set s0 up
ins ip address add fe80::53/64 dev s0 nodad
follows "and of another device by that name" 9
check_judged
daemon_stop
check "it ends well" [ $? = 0 ]
finish
