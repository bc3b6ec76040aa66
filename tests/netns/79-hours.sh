#!/bin/bash
# What happens to flows after a while, without waiting for it: the daemon's
# clock is put forward, and goes slowly where a second more would be too much. Half of a connection that ends, UDP that says nothing,
# a far end that takes nothing and then does, a proxy that has no UDP.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: danted 1080, microsocks 1081
#       default route to s              192.0.2.7: far ends
. "$(dirname "$0")/lib.sh"
need_root
need python3 microsocks "${CC:-gcc}"
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
danted_up
background ins microsocks -i 10.9.0.2 -p 1081
wait_for listens ins 1081
ends=$top/tests/netns/ends.py
background ins python3 "$ends" far 192.0.2.7 >>"$tmp/ends.out"
wait_for has_text ready "$tmp/ends.out"

cat >"$tmp/clock.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
static int (*next)(clockid_t, struct timespec *);
static volatile struct {
	int64_t which;
	struct {
		int64_t from, to, slower; /* ns: what it showed at a time */
	} v[2];
} *clock_;
__attribute__((constructor)) static void
begin(void)
{
	int fd = open(getenv("FORWARD"), O_RDONLY);

	next = (int (*)(clockid_t, struct timespec *))dlsym(
	    RTLD_NEXT, "clock_gettime");
	clock_ = mmap(NULL, sizeof(*clock_), PROT_READ, MAP_SHARED, fd, 0);
	if (clock_ == MAP_FAILED)
		abort();
}
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = next != NULL ? next(id, ts) : -1;

	if (clock_ != NULL &&
	    (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)) {
		int64_t ns = ts->tv_sec * 1000000000L + ts->tv_nsec;
		int n = clock_->which & 1;

		ns = clock_->v[n].to +
		    (ns - clock_->v[n].from) / clock_->v[n].slower;
		ts->tv_sec = ns / 1000000000L;
		ts->tv_nsec = ns % 1000000000L;
	}
	return r;
}
C
${CC:-gcc} -shared -fPIC -o "$tmp/clock.so" "$tmp/clock.c" -ldl || exit 99
set_clock() { # SECONDS SLOWER: so much later, and so many times slower from here on
	python3 -c 'import struct, sys, time
with open(sys.argv[1], "r+b") as f:
    which, *v = struct.unpack("7q", f.read())
    at, to, slower = v[which * 3:][:3]
    now = time.monotonic_ns()
    to += (now - at) // slower + int(sys.argv[2]) * 1000000000
    f.seek(8 + 24 * (1 - which))
    f.write(struct.pack("3q", now, to, int(sys.argv[3])))
    f.flush()
    f.seek(0)
    f.write(struct.pack("q", 1 - which))' "$tmp/forward" "$@"
}
slower=1
later() { # SECONDS: it is so much later; twice round its loop
	set_clock "$1" $slower
	ctl --json status >/dev/null
	ctl --json status >/dev/null
}

python3 -c 'import struct, sys
open(sys.argv[1], "wb").write(struct.pack("7q", 0, 0, 0, 1, 0, 0, 1))' \
    "$tmp/forward"
settings '[tunnel "socks"]' 'upstream = socks5://10.9.0.2:1080' \
    '[tunnel "none"]' 'upstream = socks5://10.9.0.2:1081' \
    '[tunnel "dev"]' 'upstream = direct' 'device = c0'
rules "reroute via dev out exe $python to port 7025" \
    "reroute via none out proto udp exe $python to port 7011" \
    "reroute via dev out proto udp exe $python to port 123" \
    "reroute via socks out exe $python" "default out block" "default in accept"
background inc env LD_PRELOAD="$tmp/clock.so" FORWARD="$tmp/forward" \
    ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
    "$REROUTED" --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
    --state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log"
daemon=$pid
check "the daemon starts" wait_for has_text 'ready version' "$tmp/daemon.log"

# -- connections --
partner whole inc sock.py connect tcp 192.0.2.7 7001
tell whole send one
tell whole recv
check "a connection" answers whole "got one"
partner half inc sock.py connect tcp 192.0.2.7 7005
tell half recv
check "one whose far end ends its half at once" answers half "got bye"
partner asks inc sock.py connect tcp 192.0.2.7 7026
tell asks end
check "one whose program does" answers asks ended
kept_half() { # PORT: the daemon asks its program sooner than it is forgotten
	later 31
	[ "$(python3 "$ends" option "$daemon" 10.9.0.1 \
	    "$(inc ss -Htn "dport = :$1" | awk '{ sub(/.*:/, "", $4); print $4 }')" \
	    TCP_KEEPIDLE)" -lt \
	    "$(inc sysctl -n net.netfilter.nf_conntrack_tcp_timeout_close_wait)" ]
}
for port in 7005 7026; do
	check "$port: conntrack does not forget it" wait_for kept_half $port
done
later 3000
tell half send some
check "most of an hour later: the other half goes" answers half sent
wait_for flows 'any(x["dport"] == 7005 and x["bytes_up"] == 4 for x in f)'
later 3500
check "it was not idle for an hour yet" flows \
    'any(x["dport"] == 7005 and x["close_reason"] is None for x in f)'
later 200
check "now it was: ended" wait_for flows 'any(x["dport"] == 7005 and
    x["close_reason"] == "nothing was said for too long" for x in f)'
broken() {
	tell half send more
	answers half ECONNRESET EPIPE
}
check "and the program sees it broken" wait_for broken
kept() { # NAME VALUE: that the proxy's connection has
	[ "$(python3 "$ends" option "$daemon" 10.9.0.2 1080 "$1")" = "$2" ]
}
check "a far end whose host is gone is noticed: in a minute" \
    kept TCP_KEEPIDLE 60
check "or two, where it is to answer" kept TCP_USER_TIMEOUT 120000
later 36000
tell whole send two
tell whole recv
check "ten hours of silence end nothing that is whole" answers whole "got two"

# -- a far end that takes nothing, and then does --
mkfifo "$tmp/pour.in"
inc python3 "$ends" pour 192.0.2.7 7025 <"$tmp/pour.in" >"$tmp/pour" &
pour=$!
exec 7>"$tmp/pour.in"
check "a far end that takes nothing" wait_for has_text full "$tmp/pour"
limited() { # MS: what the kernel puts up with, after the next look
	later 31
	[ "$(python3 "$ends" option "$daemon" 192.0.2.7 7025 \
	    TCP_USER_TIMEOUT)" = "$1" ]
}
check "may do so for ever" wait_for limited 0
inc python3 "$ends" read 192.0.2.7 >/dev/null
echo >&7
wait_for has_text quiet "$tmp/pour"
check "when it reads again, it is to answer within two minutes, as before" \
    wait_for limited 120000
echo >&7
exec 7>&-
wait $pour
check "and nothing is lost" wait_for grep -qx \
    "all $(awk '/^sent/ { print $2 }' "$tmp/pour")" "$tmp/ends.out"

# -- datagrams --
said_last() { # PORT PYTHON: of why the last flow to there ended
	flows "(lambda c: $2)([x for x in f if x['proto'] == 'udp' and
	    x['dport'] == $1 and x['verdict'] == 'reroute'][0]['close_reason'])"
}
idle() { said_last $1 "c == 'nothing was said for too long'"; }
goes() { said_last $1 "c is None"; }
partner app inc sock.py connect udp 192.0.2.7 7010
tell app send one
tell app recv
check "a datagram, and its answer" answers app "got one"
later 24
check "may be idle for 24 s" goes 7010
later 2
check "but not for 30, which the kernel forgets it after" idle 7010
tell app send one
tell app recv
later 4
tell app send more
tell app recv
check "one more, a moment later" answers app "got more"
later 105
check "may be idle for 105 s" goes 7010
later 6
check "but not for two minutes, which the kernel forgets it after" idle 7010
tell app send two
tell app recv
check "what comes then goes all the same" answers app "got two"
background ins python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.7", 123))
t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
t.bind(("192.0.2.7", 7012))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(64)
    s.sendto(data, peer)' >"$tmp/ntp"
wait_for has_text ready "$tmp/ntp"
partner deaf inc sock.py connect udp 192.0.2.7 7012
slower=20 # of the seconds that are left none is used up here
set_clock 0 $slower
tell deaf send one
wait_for goes 7012
later 24
check "one without an answer: 24 s" goes 7012
later 2
check "and not for half a minute" idle 7012
partner clock inc sock.py connect udp 192.0.2.7 123
tell clock send one
tell clock recv
check "a question about the time, and its answer" answers clock "got one"
later 9
check "are over in 10 s" goes 123
later 2
check "and no sooner" idle 123
slower=1
set_clock 0 $slower

# -- a proxy without UDP --
dials() {
	ctl --json tunnels | python3 -c 'import json, sys
print(*(t["dials"] for t in map(json.loads, sys.stdin) if t["name"] == "none"))'
}
refused() {
	says_like 'ECONNREFUSED|EPERM|EHOSTUNREACH' udp connected 192.0.2.7,7011
}
check "a proxy that has no UDP" refused
before=$(dials)
later 590
check "is believed for ten minutes" refused
check "and not asked meanwhile" [ "$(dials)" = "$before" ]
later 11
check "then it is asked again" refused
check "once" [ "$(dials)" = $((before + 1)) ]
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
