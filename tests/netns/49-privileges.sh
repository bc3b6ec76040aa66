#!/bin/bash
# What the daemon gives up once it works, and that all works without it: a user
# of its own, five capabilities, a filter of system calls that no scene of its
# life runs into; rules put back, reload, state, the end; with no such user, too.
#
#     c 10.9.0.1, daemon  ---- veth ----  s 10.9.0.2, echo on 7001, 7002
. "$(dirname "$0")/lib.sh"
need_root
need python3 conntrack unshare flock iptables-nft-restore
net_up
probe=$BUILDDIR/probe
background ins "$probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve.s"
background inc "$probe" serve 8001 10.9.0.1 fd09::1 >"$tmp/serve.c"
wait_for has_text ready "$tmp/serve.s"
wait_for has_text ready "$tmp/serve.c"
# the kernel of a new neighbour takes its time
for addr in 10.9.0.2 fd09::2; do
	wait_for inc "$probe" tcp $addr 7001 100
done

# a user of the name, in a mount namespace of the daemon's
grep -v ^rerouted: /etc/passwd >"$tmp/passwd"
cp "$tmp/passwd" "$tmp/nobody.passwd"
echo "rerouted:x:4711:4711::/nonexistent:/usr/sbin/nologin" >>"$tmp/passwd"
grep -v ^rerouted: /etc/group >"$tmp/group"
cp "$tmp/group" "$tmp/nobody.group"
echo "rerouted:x:4711:" >>"$tmp/group"
cat >"$tmp/with" <<'SH'
#!/bin/sh
# with PASSWD GROUP PROGRAM...: the program, where these are the users
passwd=$1 group=$2
shift 2
mount --bind "$passwd" /etc/passwd && mount --bind "$group" /etc/group &&
	exec "$@"
SH
chmod 755 "$tmp/with"
start() { # start PASSWD OPTION...
	local users=$1
	shift
	: >"$tmp/daemon.log"
	background inc unshare -m --propagation private "$tmp/with" \
	    "$tmp/$users" "$tmp/${users/passwd/group}" \
	    "$REROUTED" --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
	    --state "$tmp/state" --control "${control:-$tmp/control}" "$@" \
	    2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text 'ready version' "$tmp/daemon.log" && return 0
	sed 's/^/#   /' "$tmp/daemon.log"
	return 1
}
# net_admin 12, net_raw 13, net_bind_service 10, sys_ptrace 19, dac_read_search 2
five=$(printf '%016x' $((1 << 12 | 1 << 13 | 1 << 10 | 1 << 19 | 1 << 2)))
all_threads() { # NAME VALUE: in /proc/PID/task/*/status
	local task any=
	for task in /proc/$daemon/task/*/status; do
		# one that looks at the tables is gone soon
		grep -E "^$1:" "$task" >"$tmp/task" 2>/dev/null || continue
		cat "$tmp/task"
		any=yes
		[ "$(sed -n "s/^$1:[[:space:]]*//p" "$tmp/task" | tr '\t' ' ')" = "$2" ] ||
			return 1
	done
	[ -n "$any" ]
}
has_no_more() { # NAME UID GID
	check "$1: user" all_threads Uid "$2 $2 $2 $2"
	check "$1: group" all_threads Gid "$3 $3 $3 $3"
	for set in CapPrm CapEff CapBnd; do
		check "$1: $set, the five" all_threads $set $five
	done
	for set in CapInh CapAmb; do
		check "$1: $set, none" all_threads $set 0000000000000000
	done
	check "$1: no new privileges" all_threads NoNewPrivs 1
	check "$1: a filter of system calls" all_threads Seccomp 2
}
is() { felt "$1" "$2" "$probe" "${@:3}"; }
none_refused() {
	cat "$tmp/daemon.log"
	[ "$(counter syscalls_refused)" = 0 ] &&
		! grep -q "system call" "$tmp/daemon.log"
}
life() { # NAME: what a daemon goes through
	local name=$1 i
	check "$name: out" is ok inc tcp 10.9.0.2 7001
	check "$name: blocked" is EHOSTUNREACH inc tcp 10.9.0.2 7002
	check "$name: UDP over IPv6" is ok inc udp fd09::2 7001
	check "$name: in" is ok ins tcp 10.9.0.1 8001
	check "$name: a program of another user is named" flows \
	    'any(x["exe"].endswith("/probe") for x in f)'
	inc setpriv --reuid 1234 --regid 1234 --clear-groups \
	    "$probe" udp 10.9.0.2 7001 20000 >"$tmp/out"
	check "$name: … and of one that root is not" flows \
	    'any(x["process"]["uid"] == 1234 and x["exe"].endswith("/probe") for x in f)'
	for i in $IPT4 $IPT6; do
		inc $i -t mangle -F
		check "$name: $i: put back" wait_for ctl firewall verify
	done
	rules "block out to port 7001" "default in accept"
	# for root alone: a reload reads what a start reads
	chmod 600 "$tmp/rules/10.rules"
	chmod 700 "$tmp/rules"
	check "$name: reload" ctl reload
	check "$name: the new rules" is EHOSTUNREACH inc tcp 10.9.0.2 7001
	check "$name: a rule from the command line" \
	    ctl accept out to port 7001 --for 1h
	check "$name: … is kept" test -s "$tmp/state/command-line.rules"
	check "$name: it holds" is ok inc tcp 10.9.0.2 7001
	check "$name: … and goes" ctl rules delete 1
	rules "block out to port 7002" "default in accept"
	check "$name: reload" ctl reload
	check "$name: explain" ctl explain --user root --to 10.9.0.2 --port 7002 --out
	for i in status flows processes rules "firewall show"; do
		# shellcheck disable=SC2086
		check "$name: $i" ctl $i
	done
	check "$name: no system call was refused" none_refused
}
end() { # NAME
	daemon_stop
	check "$1: ends well" [ $? -eq 0 ]
	save >"$tmp/now"
	check_same "$1: the tables are as before" "$tmp/without" "$tmp/now"
	check_not "$1: no socket is left" test -e "$tmp/control"
}

rules "block out to port 7002" "default in accept"
for BACKEND in auto iptables-restore; do
	case $BACKEND in
	auto) IPT4=iptables-legacy IPT6=ip6tables-legacy ;;
	*) IPT4=iptables-nft IPT6=ip6tables-nft ;;
	esac
	settings "[resolver]" "upstream = 10.9.0.2"
	save >"$tmp/without"
	check "$BACKEND: starts" start passwd
	has_no_more "$BACKEND" 4711 4711
	check "$BACKEND: the state is the user's" \
	    [ "$(stat -c %u "$tmp/state")" = 4711 ]
	check "$BACKEND: the socket is for the group" \
	    [ "$(stat -c '%U %g %a' "$tmp/control")" = "root 4711 660" ]
	check_not "$BACKEND: others may not" setpriv --reuid 1234 --regid 1234 \
	    --clear-groups "$REROUTECTL" --control "$tmp/control" reload
	life "$BACKEND"
	ctl resolve a.example >"$tmp/out" # nobody is there to answer
	check "$BACKEND: its own are of who it became" flows \
	    '{x["process"]["uid"] for x in f if x["reason"] == "self" and
	    x["dport"] == 53} == {4711}'
	end "$BACKEND"
done
BACKEND=auto IPT4=iptables-legacy IPT6=ip6tables-legacy
settings
save >"$tmp/without"

# -- as the unit starts it: another user from the first moment, in a /proc
# that shows what may be traced --
cat >"$tmp/unit" <<'SH'
#!/bin/sh
caps=+net_admin,+net_raw,+net_bind_service,+sys_ptrace,+dac_read_search
bpf=,+bpf,+perfmon
mount -t proc -o hidepid=ptraceable proc /proc || exit 99
exec setpriv --reuid 4711 --regid 4711 --clear-groups --no-new-privs \
    --inh-caps "$caps$bpf" --ambient-caps "$caps$bpf" --bounding-set "-all,$caps$bpf" "$@"
SH
chmod 755 "$tmp/unit"
mkdir -p "$tmp/urun" "$tmp/ustate"
chown 4711:4711 "$tmp/urun" "$tmp/ustate"
cp "$REROUTED" "$tmp/rerouted" # where any user gets at it
for BACKEND in auto iptables-restore; do
	settings
	: >"$tmp/daemon.log"
	background inc unshare -m --propagation private "$tmp/unit" \
	    "$tmp/rerouted" --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
	    --state "$tmp/ustate" --control "$tmp/urun/control" 2>"$tmp/daemon.log"
	daemon=$pid
	check "unit, $BACKEND: starts" wait_for \
	    grep -q 'ready version' "$tmp/daemon.log"
	check "unit, $BACKEND: user" all_threads Uid "4711 4711 4711 4711"
	for set in CapPrm CapEff; do
		check "unit, $BACKEND: $set, the five" all_threads $set $five
	done
	check "unit, $BACKEND: CapAmb, none" all_threads CapAmb 0000000000000000
	check "unit, $BACKEND: blocked" is EHOSTUNREACH inc tcp 10.9.0.2 7002
	inc setpriv --reuid 1234 --regid 1234 --clear-groups \
	    "$probe" udp 10.9.0.2 7001 20000 >"$tmp/out"
	check "unit, $BACKEND: programs of others are named" sh -c \
	    "$REROUTECTL --control $tmp/urun/control flows | grep -q 1234"
	case $BACKEND in
	auto) inc iptables-legacy -t mangle -F ;;
	*) inc iptables-nft -t mangle -F ;;
	esac
	check "unit, $BACKEND: put back" wait_for \
	    "$REROUTECTL" --control "$tmp/urun/control" firewall verify
	check_not "unit, $BACKEND: no system call was refused" \
	    grep "system call" "$tmp/daemon.log"
	daemon_stop
	check "unit, $BACKEND: ends well" [ $? -eq 0 ]
	check_not "unit, $BACKEND: no socket is left" test -e "$tmp/urun/control"
	check "unit, $BACKEND: --recover, too" inc unshare -m --propagation \
	    private "$tmp/unit" env SERVICE_RESULT=success \
	    "$tmp/rerouted" --config "$tmp/rerouted.conf" --recover
done
BACKEND=auto
settings
save >"$tmp/now"
check_same "unit: the tables are as before" "$tmp/without" "$tmp/now"

# -- killed, and recovered --
check "killed: starts" start passwd
daemon_stop KILL
check "killed: starts over what was left" start passwd
daemon_stop KILL
inc env -u SERVICE_RESULT "$REROUTED" --config "$tmp/rerouted.conf" \
    --recover 2>"$tmp/err"
check "killed: --recover" [ $? -eq 0 ]
save >"$tmp/now"
check_same "killed: the tables are as before" "$tmp/without" "$tmp/now"

# -- a folder of its own --
control=$tmp/run/control
check "its own folder: starts" start passwd
check "its own folder: is the user's" [ "$(stat -c %u "$tmp/run")" = 4711 ]
daemon_stop
check "its own folder: ends well" [ $? -eq 0 ]
check_not "its own folder: no socket is left" test -e "$control"
unset control

# -- what it keeps of lists --
whose() { [ "$(stat -c '%u %g' "$@" | sort -u)" = "4711 4711" ]; }
compiled() { # NAME: in the kept form
	ctl --json lists >"$tmp/lists" && grep -q '"names":'"$1"',' "$tmp/lists"
}
newer() { [ "$tmp/state/lists/ads" -nt "$tmp/mark" ]; }
rm -rf "$tmp/state"
mkdir -p "$tmp/l"
echo one.example >"$tmp/l/ads.txt"
settings "[list \"ads\"]" "source = $tmp/l/ads.txt"
check "lists: starts" start passwd
check "lists: the folder is the user's, and what is in it" \
	whose "$tmp/state/lists" "$tmp/state/lists/ads"
touch "$tmp/mark"
echo two.example >>"$tmp/l/ads.txt"
check "lists: one that changes" wait_for compiled 2
check "lists: is kept" newer
daemon_stop
# as an older version left it
chown -R 0:0 "$tmp/state/lists"
check "lists: starts with a folder of root's" start passwd
check "lists: which becomes the user's" \
	whose "$tmp/state/lists" "$tmp/state/lists/ads"
daemon_stop
echo three.example >>"$tmp/l/ads.txt"
check "lists: starts with a file that changed" start passwd
check "lists: what root compiled is the user's" whose "$tmp/state/lists/ads"
chown 0:0 "$tmp/state/lists"
for i in 4 5; do
	echo n$i.example >>"$tmp/l/ads.txt"
	check "lists: where it can't be kept, it is loaded: $i" wait_for compiled $i
done
check "lists: and that is said once" \
	[ "$(grep -c "compiled form can't be kept.*lists/ads" "$tmp/daemon.log")" = 1 ]
daemon_stop
# a link that the user left is no way to what is root's
mkdir "$tmp/roots"
echo "root's" >"$tmp/roots/file"
chmod 600 "$tmp/roots/file"
chown 4711:4711 "$tmp/state/lists"
rm -f "$tmp/state/lists/"*
ln -s "$tmp/roots/file" "$tmp/state/lists/ads.new"
check "lists: starts with a link in its place" start passwd
check "lists: which is not followed" [ "$(stat -c %u "$tmp/roots/file")" = 0 ]
check "lists: nor written through" grep -qx "root's" "$tmp/roots/file"
check_not "a folder of its own is no matter" grep -q 'written to by all' "$tmp/daemon.log"
daemon_stop
# as a tmpfs is, where nobody says how it is to be
rm -rf "$tmp/state"
mkdir -m 1777 "$tmp/state"
check "a folder that all may write to: starts" start passwd
check "… and says so" grep -q "state may be written to by all" "$tmp/daemon.log"
daemon_stop
rm -rf "$tmp/state"
mkdir -m 000 "$tmp/state"
check "one that its owner may not either: starts" start passwd
check "… and says so" grep -q "state has mode 000, .* 'chmod 700 $tmp/state'" \
	"$tmp/daemon.log"
daemon_stop
chmod 700 "$tmp/state"
chown 65534 "$tmp/state"
check "another's: starts" start passwd
check "… and says whose" grep -q "state is another user's (65534), .* 'chown -R" \
	"$tmp/daemon.log"
daemon_stop
settings
rm -rf "$tmp/state"

# -- with no such user --
rm -rf "$tmp/state"
check "no user: starts" start nobody.passwd
check "no user: told" grep -q 'there is no user rerouted' "$tmp/daemon.log"
has_no_more "no user" 0 0
life "no user"
end "no user"

# -- what is refused is counted and told --
check "a refused call fails, is counted and named" "$BUILDDIR/sandboxctl"

# -- stopped, with fail = open --
settings "fail = open"
for users in passwd nobody.passwd; do
	check "fail = open, $users: starts" start $users
	check "fail = open, $users: blocked" is EHOSTUNREACH inc tcp 10.9.0.2 7002
	stopped() { # once, and again
		kill -CONT "$daemon"
		wait_for is EHOSTUNREACH inc tcp 10.9.0.2 7002
		kill -STOP "$daemon"
		begin=$(now_ms)
		wait_for felt ok inc "$probe" udp 10.9.0.2 7002 100
		took=$(($(now_ms) - begin))
	}
	check "fail = open, $users: stopped, all passes within a second" \
	    best_of 1000 stopped
	sed 's/^/# /' "$tmp/check.out"
	check "fail = open, $users: TCP, too" is ok inc tcp fd09::2 7002
	kill -CONT "$daemon"
	check "fail = open, $users: goes on, closes" wait_for \
	    is EHOSTUNREACH inc tcp 10.9.0.2 7002
	check "fail = open, $users: in place" wait_for ctl firewall verify
	end "fail = open, $users"
done
check "fail = open: starts" start passwd
pkill -KILL -P "$daemon" -x rerouted-keeper
check "fail = open: that nobody sees to it is told" wait_for has_text \
    "is gone, until a restart: fail = open does not" "$tmp/daemon.log"
stop "$daemon"
rm "$tmp/control" # as it said
settings
check "fail = closed: starts" start passwd
kill -STOP "$daemon"
background "$REROUTECTL" --control "$tmp/control" status 2>"$tmp/hears"
hears=$pid
background "$REROUTECTL" --control "$tmp/control" reload 2>"$tmp/reload"
reloads=$pid
check "fail = closed: stopped, nothing new passes" is ETIMEDOUT inc tcp 10.9.0.2 7001
wait $hears
check "who asks how it is does not wait" [ $? = 1 ]
check "… and hears why" grep -q "the daemon (pid $daemon) does not answer; it is stopped, 'kill -CONT $daemon'" "$tmp/hears"
wait $reloads
check "nor who wants something of it" [ $? = 1 ]
check "… who hears it, too" grep -q "does not answer; it is stopped" "$tmp/reload"
kill -CONT "$daemon"
check "fail = closed: goes on" is ok inc tcp 10.9.0.2 7001
end "fail = closed"

# -- in a user namespace of somebody's, whose root may not read all of /proc/net --
theirs="setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urnm"
if $theirs true; then
	mkdir "$tmp/theirs"
	# what was built may lie where nobody else gets
	cp -r "$tmp/rules" "$REROUTED" "$tmp/theirs"
	chown -R 65534:65534 "$tmp/theirs"
	: >"$tmp/daemon.log"
	background env XTABLES_LOCKFILE="$tmp/theirs/lock" $theirs "$tmp/with" \
	    "$tmp/nobody.passwd" "$tmp/nobody.group" sh -c 'ip link set lo up
	    exec "$@"' sh "$tmp/theirs/rerouted" --rules "$tmp/theirs/rules" \
	    --state "$tmp/theirs/state" \
	    --control "$tmp/theirs/control" 2>"$tmp/daemon.log"
	daemon=$pid
	there() { nsenter --net=/proc/$daemon/ns/net -- "$@"; }
	ctl_there() { "$REROUTECTL" --control "$tmp/theirs/control" "$@"; }
	check "user namespace: starts" \
	    wait_for has_text 'ready version' "$tmp/daemon.log"
	check "user namespace: blocked" is EHOSTUNREACH there tcp 127.0.0.1 7002
	check "user namespace: status" try 0 ctl_there status
	check_not "user namespace: nothing is said to be broken" \
	    grep BROKEN "$tmp/out"
	check "user namespace: status of queues" try 0 ctl_there --json status
	check "user namespace: what can't be known is not said" grep -q \
	    '"bound":null,"waiting":null,"dropped_full":null' "$tmp/out"
	daemon_stop
	check "user namespace: ends well" [ $? -eq 0 ]
else
	echo "# no user namespaces here"
fi

# -- in a PID namespace of its own, as in a container without --pid=host --
: >"$tmp/daemon.log"
background inc unshare --pid --fork --kill-child --mount-proc "$REROUTED" \
    --rules "$tmp/rules" --state "$tmp/state" --control "$tmp/control" \
    2>"$tmp/daemon.log"
check "PID namespace: starts" wait_for has_text 'ready version' "$tmp/daemon.log"
check "PID namespace: it says so" grep -q \
    "info attribution: this is a PID namespace of its own" "$tmp/daemon.log"
check "PID namespace: blocked" is EHOSTUNREACH inc tcp 10.9.0.2 7002
check "PID namespace: status" try 0 ctl status
check "PID namespace: what is not seen is told of" grep -q \
    "^BROKEN: flows of programs that are out of sight, [1-9].*--pid=host" \
    "$tmp/out"
there=$pid
# whose far end speaks first, where conntrack has forgotten: it answers that
mkfifo "$tmp/lull"
background ins python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.2", 7003))
print("ready", flush=True)
_, peer = s.recvfrom(99)
print("asked", flush=True)
open(sys.argv[1]).read()
s.settimeout(5)
s.sendto(b"x", peer)
print(s.recv(99).decode(), flush=True)' "$tmp/lull" >"$tmp/far.out" 2>&1
far=$pid
wait_for has_text ready "$tmp/far.out"
background inc python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.9.0.2", 7003))
s.send(b"x")
s.recv(99)
s.send(b"answered")' >"$tmp/near.out" 2>&1
near=$pid
wait_for has_text asked "$tmp/far.out"
inc conntrack -D -p udp --orig-port-dst 7003 >/dev/null 2>&1
: >"$tmp/lull"
wait $far
stop $near
check "PID namespace: who is not seen answers" has_text answered "$tmp/far.out"
kill "$(cat "/proc/$there/task/$there/children")" # unshare itself waits for it
wait "$there"
check "PID namespace: ends well" [ $? -eq 0 ]
finish
