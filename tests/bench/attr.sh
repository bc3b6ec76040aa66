#!/bin/bash
# What attribution costs, and what it is good for: the daemon with and without
# BPF, with rules that ask for the program and with none, and a bare loop that
# accepts everything, in turn within one run; daemon and programs have a CPU
# each. Medians of the rounds, and ratios round by round.
#
#   tests/bench/attr.sh [ROUNDS [N [LOAD...]]]   5 rounds of 2000 connections
#   tests/bench/attr.sh short [...]     short.sh: 10,000 processes of each kind
#                                       that send once and exit: who is named
#   tests/bench/attr.sh spoof [N]       each way to pass for another, 100 times
#   tests/bench/attr.sh cost [ROUNDS]   bench_who: what attribution alone costs a
#                                       connection, by each source, without the
#                                       daemon around it
if [ "${1:-}" = short ]; then
	shift
	exec "$(dirname "$0")/short.sh" "$@"
fi
if [ "${1:-}" = spoof ]; then
	TRIES=${2:-100} exec "$(dirname "$0")/../netns/32-takeover.sh"
fi
if [ "${1:-}" = cost ]; then
	. "$(dirname "$0")/../netns/lib.sh"
	need_root
	net_up
	inc "$BUILDDIR/bench_who" "${2:-400}"
	exit
fi
. "$(dirname "$0")/judges.sh"
rounds=${1:-5}
n=${2:-2000}
shift $(($# < 2 ? $# : 2))
loads=${*:-tcp:1 udp:1 tcp-churn:1 udp-churn:1}
programs rerouted nfqloop connload chainsctl
need taskset
net_up
serve

# the rest has the last one
taskset -pc "$(($(nproc) - 1))" $$ >"$tmp/taskset.out"
start_with() { # start_with BPF RULE...
	settings "[rerouted]" "bpf = $1"
	shift
	rules "$@" "default out accept" "default in accept"
	daemon_start
	pin
}
pin() { taskset -apc 0 "$daemon" >"$tmp/taskset.out"; }
needs="block out exe /opt/none/*"
start_bpf() { start_with auto; }
start_bpf-exe() { start_with auto "$needs"; }
start_proc() { start_with no; }
start_proc-exe() { start_with no "$needs"; }
eval "$(declare -f start_bare | sed '1s/start_bare/start_loop/')"
start_bare() { start_loop && pin; }
for who in bpf bpf-exe proc proc-exe; do
	eval "stop_$who() { daemon_stop; }"
done

judges="bare bpf bpf-exe proc proc-exe"
for round in $(seq "$rounds"); do
	order=$judges
	[ $((round % 2)) = 1 ] || order=$(echo $judges | tr ' ' '\n' | tac)
	for who in $order; do
		judge_start "$who"
		for load in $loads; do
			# each from a new process: fewer do
			many=$n
			case $load in *churn*) many=$((n / 4)) ;; esac
			measure "$tmp/$who.$load" "${load%:*}" "${load#*:}" $many
		done
		judge_stop "$who"
	done
done

echo "$n connections a run (a quarter with churn), $rounds rounds; medians"
printf '%-12s %-9s %10s %12s %12s %12s\n' load judge conn/s "cpu-ns/conn" \
	"rate/bare" "cpu-bare"
for load in $loads; do
	bare=$tmp/bare.$load
	for who in $judges; do
		f=$tmp/$who.$load
		printf '%-12s %-9s %10s %12s %12s %12s\n' "$load" "$who" \
			"$(median "$f" 1)" "$(median "$f" 5)" \
			"$(ratio "$f" "$bare" 1)" \
			"$(($(median "$f" 5) - $(median "$bare" 5)))"
	done
	printf '%-12s cpu: bpf/proc %s, a rule by program: %s with bpf, %s without\n' \
		"$load" "$(ratio "$tmp/bpf.$load" "$tmp/proc.$load" 5)" \
		"$(ratio "$tmp/bpf-exe.$load" "$tmp/bpf.$load" 5)" \
		"$(ratio "$tmp/proc-exe.$load" "$tmp/proc.$load" 5)"
done
