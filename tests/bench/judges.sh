# For the benchmarks of the judge: sourced first. Who judges, in namespace c,
# what connload does there with its server in s:
#     none        no firewall
#     bare        nfqloop accepts everything, with the same chains
#     polling     the same, waiting with epoll before it reads
#     rerouted    with the rules in $tmp/rules
#     opensnitch  Debian's, its daemon alone, default allow, /proc
#
#   programs NAME...           of this build; says so where one is missing
#   serve                      starts the server, and one in c
#   rules_thousand             writes so many rules to $tmp/rules
#   judge_start WHO            its pid in $daemon
#   judge_stop WHO
#   measure FILE LOAD PARALLEL N     appends "rate p50 p99 errors cpu_ns" to it;
#                              in-LOAD: from s to c
#   median FILE COLUMN
#   ratio FILE FILE COLUMN     the median of the ratios, round by round
#   resident PID               in kB
. "$(dirname "$0")/../netns/lib.sh"
need_root

connload=$BUILDDIR/connload
mkdir "$tmp/rules"

programs() {
	local name
	for name; do
		[ -x "$BUILDDIR/$name" ] || {
			echo "$name is missing: make bench" >&2
			exit 1
		}
	done
}

serve() {
	background ins "$connload" serve 10.9.0.2 7000 >"$tmp/serve.out"
	wait_for grep -q ready "$tmp/serve.out"
	background inc "$connload" serve 10.9.0.1 7000 >"$tmp/serve-in.out"
	wait_for grep -q ready "$tmp/serve-in.out"
}

rules_thousand() {
	local i
	{
		echo "default out accept"
		echo "default in accept"
		for i in $(seq 998); do
			case $((i % 4)) in
			0) echo "block out exe /opt/app$i/bin/* to any port $i" ;;
			1) echo "accept out user daemon to 198.51.$((i % 200)).0/24" ;;
			2) echo "block out unit app$i.service to internet port 25" ;;
			3) echo "drop out proto udp to 203.0.113.$((i % 250)) port $i" ;;
			esac
		done
	} >"$tmp/rules/10.rules"
}

start_none() { daemon=$$; }
stop_none() { :; }

start_bare() {
	background inc "$BUILDDIR/nfqloop" "$@" >"$tmp/bare.out"
	daemon=$pid
	wait_for grep -q ready "$tmp/bare.out"
	inc "$BUILDDIR/chainsctl" install ip4
	inc "$BUILDDIR/chainsctl" install ip6
}
stop_bare() {
	inc "$BUILDDIR/chainsctl" remove ip4
	inc "$BUILDDIR/chainsctl" remove ip6
	stop "$daemon"
}

start_polling() { start_bare epoll; }
stop_polling() { stop_bare; }

start_rerouted() {
	background inc "$REROUTED" --rules "$tmp/rules" --state "$tmp/state" \
		--control "$tmp/control" 2>"$tmp/rerouted.err"
	daemon=$pid
	wait_for grep -q ready "$tmp/rerouted.err"
}
stop_rerouted() { stop "$daemon"; }

start_opensnitch() {
	[ -d "$tmp/osconf" ] || {
		mkdir "$tmp/os" "$tmp/log"
		cp -r /etc/opensnitchd "$tmp/osconf"
		sed -i 's/"ProcMonitorMethod".*/"ProcMonitorMethod":"proc",/
		    s|unix:///tmp/osui.sock|unix://'"$tmp"'/osui.sock|' \
		    "$tmp/osconf/default-config.json"
	}
	background inc unshare -m sh -c "mount --make-rprivate /
		mount --bind $tmp/osconf /etc/opensnitchd
		mount --bind $tmp/log /var/log
		exec opensnitchd -rules-path $tmp/os >$tmp/os.out 2>&1"
	daemon=$pid
	# its rule is there, and it answers
	wait_for sh -c "nsenter --net=/run/netns/$C iptables-save -t mangle 2>&1 |
	    grep -q NFQUEUE"
	wait_for inc "$connload" tcp 10.9.0.2 7000 1 1
}
stop_opensnitch() {
	local table
	stop "$daemon"
	for table in mangle filter; do inc iptables -t $table -F; done
}

judge_start() { start_"$1"; }
judge_stop() { stop_"$1"; }

# nanoseconds that all threads of a process have run (mawk rounds what it prints)
cpu_ns() {
	cat /proc/"$1"/task/*/schedstat |
		awk '{ s += $1 } END { printf "%.0f\n", s }'
}

# until the daemon has not run for a quarter of a second; 5 s at most
wait_quiet() {
	local was now i
	[ "$daemon" != $$ ] || return 0
	for i in $(seq 20); do
		now=$(cpu_ns "$daemon")
		[ "$now" != "${was:-}" ] || return 0
		was=$now
		read -rt 0.25 <>"$tmp/never" || :
	done
}

measure() {
	local before after line
	# ports come again: what conntrack remembers of them is not judged. What
	# there is to do for connections that end is no part of this (see
	# judge.sh)
	inc conntrack -F >/dev/null 2>&1
	wait_quiet
	before=$(cpu_ns "$daemon")
	case $2 in
	in-*) line=$(ins "$connload" "${2#in-}" 10.9.0.1 7000 "$4" "$3") ;;
	*churn) line=$(inc "$connload" "$2" 10.9.0.2 7000 "$4") ;;
	*) line=$(inc "$connload" "$2" 10.9.0.2 7000 "$4" "$3") ;;
	esac
	after=$(cpu_ns "$daemon")
	echo "$line $(((after - before) / $4))" >>"$1"
}

median() {
	sort -n -k"$2,$2" "$1" | awk -v c="$2" '{ v[NR] = $c }
		END { print v[int((NR + 1) / 2)] }'
}

ratio() {
	paste "$1" "$2" | awk -v c="$3" '{ print $c / ($(c + 5) + 1e-9) }' |
		sort -n | awk '{ v[NR] = $1 }
			END { printf "%.2f", v[int((NR + 1) / 2)] }'
}

resident() { awk '/VmRSS/ { print $2 }' /proc/"$1"/status; }
