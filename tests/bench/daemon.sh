#!/bin/bash
# How long the daemon takes from exec to the first verdict, and from SIGTERM to
# the clean tables; and how much memory it has with 10,000 flows. Medians. Fails
# where that is more than 10 MB, of a build without sanitizers.
#
#   tests/bench/daemon.sh [ROUNDS]        9 rounds
. "$(dirname "$0")/judges.sh"
rounds=${1:-9}
programs rerouted connload
net_up
echo 'default out accept' >"$tmp/rules/10.rules"
serve

us() { date +%s%6N; }

for round in $(seq "$rounds"); do
	mkfifo "$tmp/log.$round"
	exec 9<>"$tmp/log.$round" # both ends: opening waits for nobody
	begin=$(us)
	background inc "$REROUTED" --rules "$tmp/rules" \
		--control "$tmp/control" 2>&9
	while read -r line; do
		case $line in *ready*) break ;; esac
	done <&9
	inc "$connload" tcp 10.9.0.2 7000 1 1 >"$tmp/one"
	echo $(($(us) - begin)) >>"$tmp/start"
	begin=$(us)
	stop "$pid"
	echo $(($(us) - begin)) >>"$tmp/stop"
done

judge_start rerouted
none=$(resident "$daemon")
inc "$connload" udp 10.9.0.2 7000 5000 64 >"$tmp/one"
inc "$connload" tcp 10.9.0.2 7000 6500 64 >"$tmp/one"
flows=$(ctl --json status | sed 's/.*"flows":{"live":\([0-9]*\).*/\1/')
rss=$(resident "$daemon")

ms() { awk -v us="$(median "$1" 1)" 'BEGIN { printf "%.1f", us / 1000 }'; }
echo "exec to the first connection of a program: $(ms "$tmp/start") ms"
echo "SIGTERM to the end, tables clean: $(ms "$tmp/stop") ms"
echo "resident with no flow: $none kB, with $flows: $rss kB"
[ "$rss" -le 10240 ]
