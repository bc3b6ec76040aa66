#!/bin/bash
# What attribution in the kernel costs, and what it is good for: the daemon with
# and without BPF in turn within one run.
#
#   tests/bench/attr.sh [ROUNDS [N]]    3 rounds of 3000 connections: CPU of the
#                                       daemon per new connection, medians
#   tests/bench/attr.sh short [...]     short.sh: 10,000 processes of each kind
#                                       that send once and exit: who is named
#   tests/bench/attr.sh spoof [N]       each way to pass for another, 100 times
if [ "${1:-}" = short ]; then
	shift
	exec "$(dirname "$0")/short.sh" "$@"
fi
if [ "${1:-}" = spoof ]; then
	TRIES=${2:-100} exec "$(dirname "$0")/../netns/32-takeover.sh"
fi
. "$(dirname "$0")/../netns/lib.sh"
need_root
rounds=${1:-3}
n=${2:-3000}
connload=$BUILDDIR/connload
for program in "$REROUTED" "$connload"; do
	[ -x "$program" ] || {
		echo "$program is missing: make bench" >&2
		exit 1
	}
done
net_up
rules "default out accept" "default in accept"
background ins "$connload" serve 10.9.0.2 7000 >"$tmp/serve.out"
wait_for grep -q ready "$tmp/serve.out"

cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{ s += $1 } END { print s }'; }

measure() { # measure BPF LOAD PARALLEL: appends "cpu-us rate"
	settings "[rerouted]" "bpf = $1"
	daemon_start
	case $2 in
	*-churn) set -- "$1" "$2" "$3" "$connload" "$2" 10.9.0.2 7000 $((n / 4)) ;;
	*) set -- "$1" "$2" "$3" "$connload" "$2" 10.9.0.2 7000 "$n" "$3" ;;
	esac
	_name=$1.$2.$3
	shift 3
	inc "$@" >/dev/null # warm
	_begin=$(cpu_ns "$daemon")
	_line=$(inc "$@")
	_end=$(cpu_ns "$daemon")
	_many=$n
	case $_name in *churn*) _many=$((n / 4)) ;; esac
	echo "$(((_end - _begin) / _many)) ${_line%% *}" >>"$tmp/m.$_name"
	daemon_stop
}

median() { # median FIELD FILE
	cut -d' ' -f"$1" "$2" | sort -n | awk '{ v[NR] = $1 }
	    END { print v[int((NR + 1) / 2)] }'
}

for round in $(seq "$rounds"); do
	for load in tcp:1 tcp:64 udp:1 udp:64 tcp-churn:1 udp-churn:1; do
		for bpf in auto no; do
			measure $bpf "${load%:*}" "${load#*:}"
		done
	done
done
echo "$n connections a run, $rounds rounds; medians"
printf '%-14s %12s %12s %10s %10s\n' load "cpu-ns, bpf" "without" "rate, bpf" without
for load in tcp:1 tcp:64 udp:1 udp:64 tcp-churn:1 udp-churn:1; do
	a=$tmp/m.auto.${load%:*}.${load#*:} b=$tmp/m.no.${load%:*}.${load#*:}
	printf '%-14s %12s %12s %10s %10s\n' "$load" "$(median 1 "$a")" \
	    "$(median 1 "$b")" "$(median 2 "$a")" "$(median 2 "$b")"
done
