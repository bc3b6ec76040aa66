#!/bin/bash
# Questions to upstreams, plain and over TLS: queries a second and CPU of the
# forwarder for each, nothing cached. Beside it unbound as a forwarder of the
# same upstream. The upstream is an unbound that knows all names.
#
#   tests/bench/dot.sh [QUERIES [AT-ONCE]]        20000 queries, 50 at once
. "$(dirname "$0")/../netns/lib.sh"
. "$(dirname "$0")/../netns/dot.sh"
need_root
need unbound openssl dnsperf
n=${1:-20000} window=${2:-50}
net_up
make_certificates || exit 1
unbound_start ins good good 10.9.0.2 853
for ((i = 0; i < n; i++)); do echo "$i.example A"; done >"$tmp/names"

cpu_us() { # PID
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); split($0, f, " ")
	    printf "%d", (f[12] + f[13]) * 1000000 / hz }' "/proc/$1/stat"
}
measure() { # WHAT PID
	local before after
	inc dnsperf -s 127.0.0.1 -d "$tmp/names" -q "$window" -n 1 -T 1 \
	    -c 4 >/dev/null 2>&1 # a first time: all is open
	before=$(cpu_us "$2")
	inc dnsperf -s 127.0.0.1 -d "$tmp/names" -q "$window" -n 1 -T 1 \
	    -c 4 >"$tmp/perf" 2>&1
	after=$(cpu_us "$2")
	awk -v what="$1" -v us=$((after - before)) '
	    /Queries completed/ { done = $3 } /Queries per second/ { qs = $4 }
	    /Average Latency/ { latency = $4 * 1000 }
	    END { printf "%-24s %7d answered %8.0f q/s %7.1f us CPU/query %7.2f ms\n",
	        what, done, qs, us / done, latency }' "$tmp/perf"
}

rules "default out accept"
for upstream in 10.9.0.2:854 tcp://10.9.0.2:854 'tls://10.9.0.2#dns.test'; do
	settings "[resolver]" "upstream = $upstream" "cache-size = 0" \
	    "tls-ca = $tmp/ca.pem"
	daemon_start || exit 1
	measure "rerouted ${upstream%%#*}" "$daemon"
	daemon_stop
done
for tls in no yes; do
	cat >"$tmp/forwarder.conf" <<-EOF
	server:
	  directory: "$tmp"
	  chroot: ""
	  username: ""
	  pidfile: ""
	  use-syslog: no
	  logfile: "$tmp/forwarder.log"
	  interface: 127.0.0.1@53
	  num-threads: 1
	  do-not-query-localhost: no
	  module-config: "iterator"
	  msg-cache-size: 0
	  rrset-cache-size: 0
	  outgoing-range: 4096
	  num-queries-per-thread: 2048
	  tls-cert-bundle: "$tmp/ca.pem"
	forward-zone:
	  name: "."
	  forward-addr: 10.9.0.2@$([ $tls = yes ] && echo 853#dns.test || echo 854)
	  forward-tls-upstream: $tls
	  forward-no-cache: yes
	remote-control:
	  control-enable: no
	EOF
	background inc unbound -d -c "$tmp/forwarder.conf"
	wait_for listens inc 53
	measure "unbound $([ $tls = yes ] && echo tls || echo plain)" "$pid"
	stop "$pid"
done
