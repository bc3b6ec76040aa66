#!/bin/bash
# The resolver beside others, one thread each, in one namespace: CPU a query and
# queries a second, for answers out of the cache (1,000 and 100,000 names) and
# for questions that have to be forwarded. `echo` is the limit: recvmmsg,
# sendmmsg, and nothing between.
#
#     make bench; BUILDDIR=. REROUTED=./rerouted tests/bench/dns.sh [SECONDS]
#
# Every query of ours is judged by 100 rules and carries its process. All of
# them run while our chains are in the tables of the namespace, which costs each
# datagram of each server the same; `bare` is the echo without. Needs dnsperf;
# unbound, dnsmasq, dnsdist and pdns-recursor where they are installed.
. "$(dirname "$0")/../netns/lib.sh"
need_root
need dnsperf
seconds=${1:-3}
net_up
cd "$tmp" || exit 1

python3 - <<'END'
for n, path in ((1000, "names.1k"), (100000, "names.100k")):
    with open(path, "w") as f:
        for i in range(n):
            f.write("host%d.bench%d.example.com A\n" % (i, i % 97))
with open("misses", "w") as f:
    for i in range(400000):
        f.write("m%d.x%d.example.net A\n" % (i, i % 89))
END

ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
hz=$(getconf CLK_TCK)

# run WHO PID ADDRESS FILE OPTION...: one line
run() {
	local who=$1 p=$2 address=$3 file=$4 begin end
	shift 4
	begin=$(ticks "$p")
	inc timeout 60 dnsperf -s "$address" -p "$port" -d "$file" -c 20 -T 1 \
	    -q 100 "$@" \
	    >dnsperf.out 2>/dev/null
	end=$(ticks "$p")
	awk -v who="$who" -v file="$(basename "$file")" \
	    -v cpu=$(((end - begin) * 1000000 / hz)) '
	/Queries completed/ { done = $3 } /Queries lost/ { lost = $3 }
	/Queries per second/ { qps = $4 }
	/Average Latency/ { latency = $4 * 1e6 }
	END { if (done == 0) done = 1
	      printf "%-14s %-11s %8d q/s  %6.2f us CPU a query  %7.0f us latency  lost %d\n",
	          who, file, qps, cpu / done, latency, lost }' dnsperf.out
}

# cached WHO PID ADDRESS: warms up, then measures
cached() {
	for file in names.1k names.100k; do
		inc timeout 60 dnsperf -s "$3" -p "$port" -d $file -c 20 -T 1 \
		    -q 100 -n 1 >/dev/null 2>&1
		run "$1" "$2" "$3" $file -l "$seconds"
	done
	[ "$1" = echo ] || [ "$1" = bare ] || run "$1" "$2" "$3" misses -l 2
}

background inc "$BUILDDIR/dnsecho" 127.0.0.5 5300
background inc "$BUILDDIR/dnsecho" 127.0.0.2 5300
echo=$pid port=5300 # not 53: that would be brought to us
cached bare "$echo" 127.0.0.2

{
	for i in $(seq 98); do
		case $((i % 3)) in
		0) echo "block out domain .blocked$i.example" ;;
		1) echo "block out exe /usr/bin/none$i to 192.0.2.$i" ;;
		2) echo "block out domain *.x$i.example to port 443" ;;
		esac
	done
	echo "block out user nobody domain .example.org"
	echo "accept out exe $(readlink -f "$(command -v dnsperf)")"
} >all.rules
settings "[resolver]" "upstream = 127.0.0.5:5300" "cache-size = 128M"
rules "$(cat all.rules)"
daemon_start || exit 1
cached echo "$echo" 127.0.0.2
port=53
cached rerouted "$daemon" 127.0.0.1
ctl --json queries | head -n 1 | cut -c 1-300
port=5300

peer() { # NAME PROGRAM ARGUMENT...: on 127.0.0.3
	command -v "$2" >/dev/null || return
	local name=$1
	shift
	background inc "$@" >"$name.log" 2>&1
	wait_for inc dig +time=1 +tries=1 -p 5300 @127.0.0.3 a.example.com || return
	cached "$name" "$pid" 127.0.0.3
	stop "$pid"
}
cat >unbound.conf <<END
server:
 interface: 127.0.0.3@5300
 num-threads: 1
 do-daemonize: no
 username: ""
 chroot: ""
 pidfile: ""
 directory: "$tmp"
 use-syslog: no
 verbosity: 0
 do-not-query-localhost: no
 module-config: "iterator"
 msg-cache-size: 128m
 rrset-cache-size: 128m
 so-rcvbuf: 4m
forward-zone:
 name: "."
 forward-addr: 127.0.0.5@5300
END
peer unbound unbound -d -c "$tmp/unbound.conf"
peer dnsmasq dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file= --bind-interfaces --listen-address=127.0.0.3 \
    --port=5300 --server=127.0.0.5#5300 --cache-size=150000 --dns-forward-max=5000
cat >dnsdist.conf <<END
setLocal("127.0.0.3:5300")
newServer{address="127.0.0.5:5300", sockets=4}
pc = newPacketCache(200000)
getPool(""):setCache(pc)
setSecurityPollSuffix("")
END
peer dnsdist dnsdist --supervised -C "$tmp/dnsdist.conf" --disable-syslog
peer recursor pdns_recursor --config-dir="$tmp" --socket-dir="$tmp" --daemon=no \
    --local-address=127.0.0.3 --local-port=5300 --forward-zones-recurse=.=127.0.0.5:5300 --threads=1 \
    --dnssec=off --max-packetcache-entries=500000 --disable-syslog --quiet \
    --dont-query= --security-poll-suffix= --hint-file=no
