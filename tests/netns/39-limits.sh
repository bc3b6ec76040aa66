#!/bin/bash
# What the daemon lacks is told, counted and closed, and what was closed stays
# so: descriptors, room in the socket of the queues, the queues themselves. And
# users are the host's, whatever they are called where a program lives.
#
#     c 10.9.0.1 fd09::1, daemon  ---- veth ----  s 10.9.0.2 fd09::2, servers
. "$(dirname "$0")/lib.sh"
need_root
need prlimit python3 conntrack iptables-legacy ip6tables-legacy ping
net_up
probe=$BUILDDIR/probe
background ins "$probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
wait_for inc "$probe" tcp fd09::2 7001
# what is forbidden and arrives all the same, by the kernel's count
for i in iptables-legacy ip6tables-legacy; do
	for proto in tcp udp; do
		ins $i -A INPUT -p $proto --dport 7002
	done
done
arrived() {
	for i in iptables-legacy ip6tables-legacy; do
		ins $i -nvxL INPUT | awk '/dpt:7002/ { print $1 }'
	done | awk '{ n += $1 } END { print n }'
}
told_once() { [ "$(grep -c "$1" "$tmp/daemon.log")" = 1 ]; }
is() { felt "$1" inc "$probe" "${@:2}"; }
rules "block out to port 7002" "block out proto icmp" "default in accept"

# -- conntrack: what it has no room for is dropped before anybody is asked --
room=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
if [ "$room" -le 300000 ]; then
	settings
	check "the daemon starts" daemon_start
	check "conntrack is filled" inc \
	    python3 "$top/tests/netns/fill.py" $((room + 100))
	full() {
		inc "$probe" tcp 10.9.0.2 7001 50
		log_has "conntrack is full" && [ "$(counter conntrack_full)" -gt 0 ]
	}
	check "that it is full is said, and counted" wait_for full
	inc conntrack -F 2>/dev/null
	check "emptied, it takes the next one" wait_for is ok tcp 10.9.0.2 7001
	check "it was said once" told_once "conntrack is full"
	daemon_stop
	check "the daemon ends well" test $? = 0
else
	echo "# too much to fill: $room entries"
fi

# -- descriptors: too few to start with, where one that was killed has left its
# socket --
settings
left_socket() {
	[ -S "$tmp/control" ] || python3 -c '
import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$tmp/control"
}
starts() { # LIMIT: comes up, or says what it lacks and leaves nothing
	left_socket || return 1
	: >"$tmp/daemon.log"
	background inc prlimit --nofile="$1:$1" "$REROUTED" \
	    --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
	    --state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log"
	daemon=$pid
	ended() { ! kill -0 "$daemon" 2>/dev/null; }
	up_or_ended() { grep -q 'ready version' "$tmp/daemon.log" || ended; }
	wait_for up_or_ended
	cat "$tmp/daemon.log"
	if ended; then
		wait "$daemon"
		[ $? -eq 1 ] || return 1
		grep -q "Too many open files" "$tmp/daemon.log" ||
			return 1
	else
		stop "$daemon" || return 1
	fi
	has_none iptables-legacy-save C17
}
for limit in 15 18 21 $(seq 24 42) 46 50 54 58 62; do
	check "$limit descriptors: starts, or says what it lacks" starts $limit
done

# -- descriptors: none left while it runs. By rules that ask for the program,
# which without the kernel's records is a matter of /proc --
for bpf in no auto; do
	{
		cat "$tmp/rerouted.conf"
		printf '[rerouted]\nbpf = %s\n' $bpf
	} >"$tmp/with.conf"
	rules "block out to port 7002" "block out exe $tmp/late*" \
	    "default in accept"
	check "bpf = $bpf: the daemon starts" daemon_start --config "$tmp/with.conf"
	check "a program that is known" is ok tcp 10.9.0.2 7001
	hard=$(ulimit -Hn)
	limit() { as_daemon prlimit --pid "$daemon" --nofile="$1:$hard"; }
	limit "$(ls "/proc/$daemon/fd" | wc -l)"
	tight() { # as many programs as it takes, each one a file of its own
		local n
		for n in 1 2 3 4 5 6 7 8; do
			cp "$probe" "$tmp/tight$n"
			cp "$probe" "$tmp/late$n"
			felt ok inc "$tmp/tight$n" tcp 10.9.0.2 7001 &&
			    felt EHOSTUNREACH inc "$tmp/late$n" \
				tcp 10.9.0.2 7001 || return 1
		done
	}
	check "no more descriptors than it had: all are judged" tight
	limit "$hard" # a client is a descriptor, and there may be none for it
	failed=$(counter processes_failed)
	limit 3
	leaked=0
	for n in 1 2 3 4 5; do
		cp "$probe" "$tmp/late-$n"
		for to in "tcp 10.9.0.2" "udp fd09::2"; do
			! inc "$tmp/late-$n" $to 7001 200 >/dev/null ||
				leaked=$((leaked + 1))
		done
		inc "$probe" tcp 10.9.0.2 7001 200 >/dev/null
	done
	check "none at all: nobody passes who may not" [ $leaked = 0 ]
	background ctl status >"$tmp/status.late" 2>&1
	check "… a client waits" wait_for has_text "a client could not be accepted" "$tmp/daemon.log"
	# one that is killed before it is accepted wants nothing any more
	inc timeout -s KILL 1 "$REROUTECTL" --control "$tmp/control" \
	    block out to any port 7004 >/dev/null 2>&1
	limit "$hard"
	answered() { grep -q '^rerouted ' "$tmp/status.late"; }
	check "as many as before: the client gets its answer" wait_for answered
	check_not "… but none that is gone" sh -c "'$REROUTECTL' --control \
	    '$tmp/control' rules | grep 7004"
	check "… all are judged again" tight
	failed=$(($(counter processes_failed) - failed))
	refused=$(counter control_refused)
	if [ $bpf = no ]; then
		check "… $failed failures were counted" [ $failed -gt 0 ]
		lines=$(grep -c "the process can't be looked for" \
		    "$tmp/daemon.log")
		check "… and told, in no more than a line a second ($lines)" \
		    [ "$lines" -ge 1 -a "$lines" -lt $failed ]
	fi
	check "… the loop did not spin on who waited ($refused)" \
	    [ "$refused" -ge 1 -a "$refused" -lt 200 ]
	daemon_stop
done
check "the daemon starts" daemon_start

# -- a ping that a reload blocks: nothing is wrong with conntrack --
rules "block out to port 7002" "default in accept"
check "reload" daemon_reload
background inc ping -i 0.2 10.9.0.2 >"$tmp/ping" 2>&1
ping=$pid
pinged() { flows "any(x['proto'] == 'icmp' and x['verdict'] == '$1' for x in f)"; }
check "a ping is accepted" wait_for pinged accept
rules "block out to port 7002" "block out proto icmp" "default in accept"
check "reload" daemon_reload
check "a reload blocks it" wait_for pinged block
check_not "… and alarms nobody" grep -E "conntrack|^(error|warning) judge" \
    <(sed -n '/policy: loaded/,$p' "$tmp/daemon.log")
stop "$ping"

# -- users of a namespace of their own: the host's number counts --
cat >"$tmp/shifted.py" <<'PY'
"""shifted.py CMD...: as user 33 of a namespace whose user 0 is the host's
100000."""
import ctypes, os, sys
into, outof = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    if ctypes.CDLL(None).unshare(0x10000000) != 0:  # CLONE_NEWUSER
        os._exit(99)
    os.write(outof[1], b"x")
    os.read(into[0], 1)
    os.setgroups([])
    os.setresgid(33, 33, 33)
    os.setresuid(33, 33, 33)
    os.execv(sys.argv[1], sys.argv[1:])
os.read(outof[0], 1)
for name in ("uid_map", "gid_map"):
    with open(f"/proc/{child}/{name}", "w") as f:
        f.write("0 100000 65536")
os.write(into[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PY
cp "$probe" "$tmp/shifted"
as_shifted() { felt "$1" inc python3 "$tmp/shifted.py" "$tmp/shifted" "${@:2}"; }
if inc python3 "$tmp/shifted.py" "$tmp/shifted" tcp 10.9.0.2 7001 >"$tmp/out" 2>&1; then
	rules "block out user 33 to port 7001" "block out user 100033 to port 7002" \
	    "default out accept" "default in accept"
	check "reload" daemon_reload
	for proto in tcp udp; do
		check "a user by the host's number: $proto blocked" \
		    as_shifted EHOSTUNREACH $proto 10.9.0.2 7002
		check "… not by the namespace's: $proto" \
		    as_shifted ok $proto 10.9.0.2 7001
	done
	check "… and is shown by it" flows "any(x['exe'] == '$tmp/shifted' and
	    x['process']['uid'] == 100033 for x in f)"
else
	echo "# no user namespaces here: $(cat "$tmp/out")"
fi
check_judged

# -- whose a source is can't be asked: a failure, not somebody's fraud --
inc ip address add fd09::5/64 dev c0 nodad
cat >"$tmp/own.py" <<'PY'
import socket
here, there = (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in "ab")
here.bind(("fd09::1", 0))
here.settimeout(float(__import__("sys").argv[1]))
there.bind(("fd09::5", 0))
there.sendto(b"hello", here.getsockname())
here.recv(16)
PY
spoofed=$(counter malformed)
check "from another address of this host's" inc python3 "$tmp/own.py" 20
limit 3
check_not "… not while it can't be looked up" inc python3 "$tmp/own.py" 0.5
check "… which is told" told_once "whose a packet's source is can't be looked up"
limit "$hard"
check "… and counted as what it is" \
    [ "$(counter failures) $(counter malformed)" = "1 $spoofed" ]
check "… until then" inc python3 "$tmp/own.py" 20
daemon_stop

# -- the socket of the queues overflows: what was closed stays closed --
cat >"$tmp/flood.py" <<'PY'
import socket, sys
for addr in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    for i in range(3000):
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            try:
                s.sendto(b"flood", (addr, 7002))
            except OSError:
                pass
PY
settings "receive-buffer = 64K"
rules "block out to port 7002" "default in accept"
check "the daemon starts" daemon_start
before=$(arrived)
kill -STOP "$daemon"
inc python3 "$tmp/flood.py" 10.9.0.2 fd09::2
kill -CONT "$daemon"
overflowed() { [ "$(counter overflows)" -gt 0 ]; }
check "overflows are counted" wait_for overflowed
check "… nothing forbidden got out" [ "$(arrived)" = "$before" ]
check "… it goes on: allowed" is ok tcp 10.9.0.2 7001
check "… it goes on: forbidden" is EHOSTUNREACH tcp 10.9.0.2 7002
check "… it goes on: forbidden, IPv6" is EACCES tcp fd09::2 7002
daemon_stop

# -- the queues break: closed stays closed, open opens --
cat >"$tmp/broken.c" <<'C'
/* Once the file of that name is there, a netlink socket fails for good. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
static int
is_over(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	return getsockname(fd, (void *)&sa, &len) == 0 &&
	    sa.ss_family == AF_NETLINK && access(getenv("BROKEN"), F_OK) == 0;
}
int
recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags, struct timespec *t)
{
	int (*next)(int, struct mmsghdr *, unsigned, int, struct timespec *) =
	    dlsym(RTLD_NEXT, "recvmmsg");

	if (!is_over(fd))
		return next(fd, v, n, flags, t);
	errno = EIO;
	return -1;
}
ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
	ssize_t (*next)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");

	if (!is_over(fd))
		return next(fd, buf, len, flags);
	errno = EIO;
	return -1;
}
C
if ${CC:-gcc} -shared -fPIC -o "$tmp/broken.so" "$tmp/broken.c" -ldl \
    2>"$tmp/out"; then
	for fail in closed open; do
		settings "fail = $fail"
		: >"$tmp/daemon.log"
		background inc env LD_PRELOAD="$tmp/broken.so" BROKEN="$tmp/break" \
		    ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
		    "$REROUTED" --config "$tmp/rerouted.conf" \
		    --rules "$tmp/rules" --state "$tmp/state" \
		    --control "$tmp/control" 2>"$tmp/daemon.log"
		daemon=$pid
		check "fail = $fail: the daemon starts" \
		    wait_for has_text 'ready version' "$tmp/daemon.log"
		before=$(arrived)
		: >"$tmp/break"
		speaks() { # until it is over
			inc "$probe" tcp 10.9.0.2 7002 100
			inc "$probe" udp fd09::2 7002 100
			! kill -0 "$daemon" 2>/dev/null
		}
		wait_for speaks
		rm "$tmp/break"
		left=$(arrived)
		wait "$daemon"
		check "fail = $fail: the queues break: exit 1" [ $? -eq 1 ]
		check "fail = $fail: it is told once" \
		    told_once "the queues are of no more use"
		case $fail in
		closed)
			check "closed: nothing forbidden got out" \
			    [ "$left" = "$before" ]
			check_not "closed: nothing new passes" \
			    inc "$probe" tcp 10.9.0.2 7001 300
			check "closed: told what to do" \
			    told_once "rerouted --recover takes them out"
			check "closed: the next one starts" daemon_start
			check "closed: … and all is well" \
			    is ok tcp 10.9.0.2 7001
			daemon_stop
			;;
		open)
			check "open: the network works" is ok tcp 10.9.0.2 7001
			check_not "open: no rule is left" sh -c \
			    "nsenter --net=/run/netns/$C iptables-legacy-save |
			    grep C17"
			;;
		esac
	done
else
	echo "# no compiler here: $(cat "$tmp/out")"
fi
finish
