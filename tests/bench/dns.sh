#!/bin/bash
# The resolver beside others, one thread each, in one namespace and in one run:
# CPU a query and queries a second for answers out of the cache (1,000 and
# 100,000 names), for questions that have to be forwarded, and for names that a
# list of a million blocks (ours alone); and how long the slowest hundredth of
# forwarded questions takes (5,000 a second). All that is measured is measured
# ROUNDS times, one server after the other; medians are told, and ours against
# each.
#
#     make bench; BUILDDIR=. REROUTED=./rerouted tests/bench/dns.sh [SECONDS [ROUNDS]]
#
# A round takes about 9 SECONDS + 9 s for all. Where a machine can be had for
# short times only:
#
#     RESULTS=FILE    what is measured is added to the file, and all that is in
#                     it is told: one round at a time, as often as one likes
#     SERVERS="rerouted unbound"    no others
#     WHAT="hit miss p99 blocked"   nothing else
#
# Every query of ours is judged by 100 rules and a list, and carries its
# process. All run while our chains are in the tables of the namespace, which
# costs each datagram of each server the same; `echo` is the limit under them:
# recvmmsg, sendmmsg, and nothing between. `bare` is the same without tables.
# Needs dnsperf; unbound, dnsmasq, dnsdist, pdns-recursor, knot-resolver and
# smartdns where they are installed: which are not is told.
. "$(dirname "$0")/../netns/lib.sh"
need_root
need dnsperf conntrack
seconds=${1:-2} rounds=${2:-3}
only=${SERVERS:-} whats=${WHAT:-hit miss p99 blocked}
results=$(realpath -m "${RESULTS:-/nonexistent}")
net_up
cd "$tmp" || exit 1

python3 - "$rounds" <<'END'
import sys
for n, path in ((1000, "1k"), (100000, "100k")):
    with open(path, "w") as f:
        for i in range(n):
            f.write("host%d.bench%d.example.com A\n" % (i, i % 97))
for r in range(int(sys.argv[1])):
    for path, n in (("misses.%d", 400000), ("slow.%d", 50000)):
        with open(path % r, "w") as f:
            for i in range(n):
                f.write("%s%d.x%d.r%d.example.net A\n" %
                        (path[0], i, i % 89, r))
with (open("million", "w") as f, open("blocked-1k", "w") as few,
      open("blocked-100k", "w") as many):  # as many as of those in the cache
    for i in range(1000000):
        f.write("b%d.ads%d.example.org\n" % (i, i % 997))
        for every, q in ((10, many), (1000, few)):
            if i % every == 3:
                q.write("b%d.ads%d.example.org A\n" % (i, i % 997))
END

# All of its threads, in ns.
cpu() { cat /proc/"$1"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f", n }'; }
is_wanted() { [ -z "$only" ] || [[ " $only " == *" $1 "* ]]; }
measures() { [[ " $whats " == *" $1 "* ]]; }

# ask ADDRESS PORT FILE OPTION...
ask() {
	local address=$1 at=$2 file=$3
	shift 3
	inc timeout 60 dnsperf -s "$address" -p "$at" -d "$file" -c 20 -T 1 \
	    -q 100 "$@" 2>/dev/null
}

# measure WHO WHAT FILE: a line in the file `lines`
measure() {
	local who=$1 what=$2 file=$3 begin end
	begin=$(cpu "${pid_of[$who]}")
	ask "${address_of[$who]}" "${port_of[$who]}" "$file" -l "$seconds" \
	    >dnsperf.out
	end=$(cpu "${pid_of[$who]}")
	awk -v who="$who" -v what="$what" -v cpu=$(((end - begin) / 1000)) '
	/Queries completed/ { done = $3 } /Queries lost/ { lost = $3 }
	/Queries per second/ { qps = $4 }
	END { if (done == 0) done = 1
	      print who, what, cpu / done, qps, lost }' dnsperf.out >>lines
}

# p99 WHO FILE
p99() {
	ask "${address_of[$1]}" "${port_of[$1]}" "$2" -l 1 -Q 5000 -v |
	    awk '$1 == ">" { print $NF * 1000000 }' | sort -n >latencies
	awk -v who="$1" '{ v[NR] = $1 } END {
	    if (NR > 0) print who, "p99", v[int(NR * 0.99)], v[int(NR / 2)], 0
	}' latencies >>lines
}

declare -A pid_of address_of port_of
servers=
server() { # NAME PID ADDRESS PORT
	pid_of[$1]=$2 address_of[$1]=$3 port_of[$1]=$4
	servers="$servers $1"
}
# peer NAME ADDRESS PROGRAM ARGUMENT...
peer() {
	local name=$1 address=$2
	shift 2
	is_wanted "$name" || return
	command -v "$1" >/dev/null || {
		echo "not installed: $name"
		return
	}
	background inc "$@" >"$name.log" 2>&1
	if wait_for inc dig +time=1 +tries=1 -p 5300 "@$address" a.example.com
	then
		server "$name" "$pid" "$address" 5300
	else
		tail -n 3 "$name.log"
	fi
}

background inc "$BUILDDIR/dnsecho" 127.0.0.5 5300
upstream=$pid
background inc "$BUILDDIR/dnsecho" 127.0.0.2 5300 # not 53: that is brought to us
server bare "$pid" 127.0.0.2 5300
wait_for inc dig +time=1 +tries=1 -p 5300 @127.0.0.5 a.example.com
for file in 1k 100k; do
	! is_wanted bare || ! measures hit || measure bare hit-$file $file
done
! is_wanted echo || server echo "$pid" 127.0.0.2 5300

{
	for i in $(seq 97); do
		case $((i % 3)) in
		0) echo "block out domain .blocked$i.example" ;;
		1) echo "block out exe /usr/bin/none$i to 192.0.2.$i" ;;
		2) echo "block out domain *.x$i.example to port 443" ;;
		esac
	done
	echo "block out list million"
	echo "block out user nobody domain .example.edu"
	echo "accept out exe $(readlink -f "$(command -v dnsperf)")"
} >all.rules
settings "[resolver]" "upstream = 127.0.0.5:5300" "cache-size = 128M" \
    "[list \"million\"]" "source = $tmp/million"
rules "$(cat all.rules)"
daemon_start || exit 1
! is_wanted rerouted || server rerouted "$daemon" 127.0.0.1 53

unbound_conf 127.0.0.3@5300 <<END
 num-threads: 1
 verbosity: 0
 do-not-query-localhost: no
 msg-cache-size: 128m
 rrset-cache-size: 128m
 so-rcvbuf: 4m
forward-zone:
 name: "."
 forward-addr: 127.0.0.5@5300
END
peer unbound 127.0.0.3 unbound -d -c "$tmp/unbound.conf"
peer dnsmasq 127.0.0.4 dnsmasq --no-daemon --conf-file=/dev/null --no-resolv \
    --no-hosts --user=root --pid-file= --bind-interfaces \
    --listen-address=127.0.0.4 --port=5300 --server=127.0.0.5#5300 \
    --cache-size=150000 --dns-forward-max=5000
cat >dnsdist.conf <<END
setLocal("127.0.0.6:5300")
newServer{address="127.0.0.5:5300", sockets=4}
pc = newPacketCache(1000000)
getPool(""):setCache(pc)
setSecurityPollSuffix("")
END
peer dnsdist 127.0.0.6 dnsdist --supervised -C "$tmp/dnsdist.conf" \
    --disable-syslog
peer recursor 127.0.0.7 pdns_recursor --config-dir="$tmp" --socket-dir="$tmp" \
    --daemon=no --local-address=127.0.0.7 --local-port=5300 --threads=1 \
    --forward-zones-recurse=.=127.0.0.5:5300 --dnssec=off \
    --max-packetcache-entries=500000 --disable-syslog --quiet --dont-query= \
    --security-poll-suffix= --hint-file=no
cat >kresd.conf <<END
net.listen('127.0.0.8', 5300, { kind = 'dns' })
trust_anchors.remove('.')
for _, m in ipairs({'ta_update', 'ta_signal_query', 'ta_sentinel', 'priming',
    'detect_time_skew', 'detect_time_jump'}) do
	pcall(modules.unload, m)
end
cache.size = 256 * MB
policy.add(policy.all(policy.STUB('127.0.0.5@5300')))
END
mkdir kresd
peer knot-resolver 127.0.0.8 kresd -n -c "$tmp/kresd.conf" "$tmp/kresd"
cat >smartdns.conf <<END
bind 127.0.0.10:5300
server 127.0.0.5:5300
cache-size 1000000
speed-check-mode none
dualstack-ip-selection no
cache-persist no
log-level error
log-file $tmp/smartdns.out
END
peer smartdns 127.0.0.10 smartdns -f -p - -c "$tmp/smartdns.conf"

for who in $servers; do
	for file in 1k 100k; do
		[ "$who" = bare ] || ! measures hit ||
		    ask "${address_of[$who]}" "${port_of[$who]}" $file -n 1 \
			>/dev/null
	done
done
for round in $(seq 0 $((rounds - 1))); do
	for who in $servers; do
		[ "$who" != bare ] || continue
		# a port that another had is another's flow
		inc conntrack -F 2>/dev/null
		for file in 1k 100k; do
			! measures hit || measure "$who" hit-$file $file
		done
		[ "$who" != echo ] || continue
		! measures miss || measure "$who" miss "misses.$round"
		! measures p99 || p99 "$who" "slow.$round"
	done
	for file in blocked-1k blocked-100k; do
		! is_wanted rerouted || ! measures blocked ||
		    measure rerouted $file $file
	done
done
stop "$upstream"
[ -z "${RESULTS:-}" ] || {
	cat lines >>"$results"
	cp "$results" lines
}

python3 - <<'END'
import collections, statistics
got = collections.defaultdict(list)
for line in open("lines"):
    who, what, *values = line.split()
    got[what, who].append([float(v) for v in values])
for what in ("hit-1k", "blocked-1k", "hit-100k", "blocked-100k", "miss", "p99"):
    rows = {w: [statistics.median(c) for c in zip(*v)]
            for (k, w), v in got.items() if k == what}
    for who, (value, other, lost) in sorted(rows.items(), key=lambda r: r[1]):
        ours = rows["rerouted"][0] / value if "rerouted" in rows and value else 0
        n = len(got[what, who])
        if what == "p99":
            print("%-12s %-14s %8.0f us, half within %.0f us; ours against it "
                  "%.2f (%d)" % (what, who, value, other, ours, n))
        else:
            print("%-12s %-14s %6.2f us of CPU a query, %7.0f q/s, lost %d; "
                  "ours against it %.2f (%d)" % (what, who, value, other, lost,
                  ours, n))
END
ctl --json queries | head -n 1 | cut -c 1-300
