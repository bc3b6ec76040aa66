#!/bin/bash
# The wall clock is set, forward and back: what ends by it ends by it, and
# nothing else notices. The daemon sees a clock of its own; the machine's is not
# touched.
#
#     c 10.9.0.1, daemon and resolver  ---- veth ----  s 10.9.0.2, servers, DNS
. "$(dirname "$0")/lib.sh"
need_root
need python3 dig "${CC:-gcc}"
net_up
probe=$BUILDDIR/probe

# A timer by that clock is told to the kernel by its own, and goes off when it is
# set: TFD_TIMER_CANCEL_ON_SET.
cat >"$tmp/wall.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
static volatile int64_t *ahead;
static int64_t seen;
static int timer = -1;
__attribute__((constructor)) static void
begin(void)
{
	int fd = open(getenv("AHEAD"), O_RDONLY);

	ahead = mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);
	if (ahead == MAP_FAILED)
		abort();
}
static int
set(int fd, int flags, const struct itimerspec *spec, struct itimerspec *old)
{
	int (*next)(int, int, const struct itimerspec *, struct itimerspec *) =
	    dlsym(RTLD_NEXT, "timerfd_settime");

	return next(fd, flags, spec, old);
}
int
timerfd_settime(
    int fd, int flags, const struct itimerspec *spec, struct itimerspec *old)
{
	struct itimerspec mine = *spec;

	if ((flags & TFD_TIMER_CANCEL_ON_SET) != 0) {
		timer = fd;
		if (mine.it_value.tv_sec > *ahead)
			mine.it_value.tv_sec -= *ahead;
		else if (mine.it_value.tv_sec > 0)
			mine.it_value.tv_sec = 1;
	}
	return set(fd, flags, &mine, old);
}
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*next)(clockid_t, struct timespec *);
	struct itimerspec now = { .it_value = { 0, 1 } };
	int r;

	if (next == NULL)
		next = (int (*)(clockid_t, struct timespec *))dlsym(
		    RTLD_NEXT, "clock_gettime");
	r = next(id, ts);
	if (ahead == NULL)
		return r;
	if (id == CLOCK_REALTIME)
		ts->tv_sec += *ahead;
	if (id == CLOCK_BOOTTIME)
		ts->tv_sec += ahead[1];
	if (seen != *ahead && timer >= 0) {
		seen = *ahead;
		(void)set(timer, 0, &now, NULL);
	}
	return r;
}
C
${CC:-gcc} -shared -fPIC -o "$tmp/wall.so" "$tmp/wall.c" -ldl || exit 99
head -c 16 /dev/zero >"$tmp/ahead"
wall() { # SECONDS: so much ahead of the machine's
	python3 -c 'import struct, sys
open(sys.argv[1], "r+b").write(struct.pack("q", int(sys.argv[2])))' \
	    "$tmp/ahead" "$1"
	ctl --json status >/dev/null # it looks at its clock
	ctl --json status >/dev/null
}

cat >"$tmp/dns.py" <<'PY'
"""Says 203.0.113.9 for 300 s, whatever is asked, and how often it was asked."""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.2", 53))
print("ready", flush=True)
while True:
    q, peer = s.recvfrom(4096)
    end = q.index(b"\0", 12) + 5
    print("asked", flush=True)
    s.sendto(q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + q[12:end]
             + b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xcb\0\x71\x09", peer)
PY
background ins python3 "$tmp/dns.py" >"$tmp/dns"
background ins "$probe" serve 7001,7002 10.9.0.2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
wait_for has_text ready "$tmp/dns"

settings "[resolver]" "upstream = 10.9.0.2"
rules "default out accept" "default in accept"
background inc env LD_PRELOAD="$tmp/wall.so" AHEAD="$tmp/ahead" \
    ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
    "$REROUTED" --config "$tmp/rerouted.conf" --rules "$tmp/rules" \
    --state "$tmp/state" --control "$tmp/control" 2>"$tmp/daemon.log"
daemon=$pid
check "the daemon starts" wait_for has_text 'ready version' "$tmp/daemon.log"
is() { felt "$1" inc "$probe" tcp 10.9.0.2 "$2" 1000; }
asked() { grep -c asked "$tmp/dns"; }
ttl() { inc dig +noall +answer "$1" A @127.0.0.1 | awk '{ print $2 }'; }

# -- forward --
check "a rule for ten minutes" ctl block out to port 7001 --for 10m
check "a name that is cached" [ "$(ttl web.example)" = 300 ]
partner live inc sock.py connect tcp 10.9.0.2 7002
tell live send one
tell live recv
wall 300
check "five minutes before its end" is EHOSTUNREACH 7001
wall 900
check "five minutes behind" wait_for is ok 7001
check "… it is gone" ctl rules
check_not "… from the table, too" grep -q 'port 7001' "$tmp/check.out"
wall 864000
left=$(ttl web.example)
check "ten days on, the name has lived for seconds ($left)" \
    [ "$left" -gt 200 ]
check "… and was asked once" [ "$(asked)" = 1 ]
tell live send two
tell live recv
check "… a connection goes on" answers live "got two"
check "… and is not older than the daemon" flows '
any(x["dport"] == 7002 and
    abs(__import__("time").time() + 864000 - x["time"]) < 300 for x in f)'
check "… what began a minute ago is shown" sh -c "'$REROUTECTL' --control \
    '$tmp/control' flows --since 5m | grep -q ':7002'"

# -- back --
check "a rule for ten minutes, then" ctl block out to port 7001 --for 10m
wall 0
check "ten days back: it holds" is EHOSTUNREACH 7001
left=$(ttl web.example)
check "… the name lives as before ($left)" [ "$left" -gt 200 -a "$left" -le 300 ]
check "… and was asked once" [ "$(asked)" = 1 ]
tell live send three
tell live recv
check "… the connection goes on" answers live "got three"
wall 865200
check "… and ends by that clock when it comes there" wait_for is ok 7001

# -- a set that is tried --
echo "default out block" >"$tmp/try.rules"
check "tried for ten minutes" ctl rules try "$tmp/try.rules" --for 10m
check "… it is in force" is EHOSTUNREACH 7001
wall 866400
check "… the clock is put forward: it goes back" wait_for is ok 7001
check "tried for a second" ctl rules try "$tmp/try.rules" --for 1s
wall 0
check "… the clock is put back: it goes back all the same" wait_for is ok 7001
check_not "… and nothing is being tried" sh -c "'$REROUTECTL' --control \
    '$tmp/control' status | grep 'being tried'"
# -- asleep --
slept() { # SECONDS in all
	python3 -c 'import struct, sys
f = open(sys.argv[1], "r+b")
f.seek(8)
f.write(struct.pack("q", int(sys.argv[2])))' "$tmp/ahead" "$1"
}
check "a name that is cached" [ "$(ttl night.example)" = 300 ]
had=$(asked)
slept 100
is_older() { [ "$(ttl night.example)" -le 200 ]; }
check "the machine sleeps: the name is as much older" wait_for is_older
check "… and is not asked again" [ "$(asked)" = $had ]
slept 30000
is_anew() { ttl night.example >"$tmp/ttl" && [ "$(asked)" -gt $had ]; }
check "it sleeps for longer: it is asked anew" wait_for is_anew
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
