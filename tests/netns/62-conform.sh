#!/bin/bash
# What a forwarding resolver has to do, check by check (conform.py): 126 of them,
# of which the best of ten others passes 113.
#
#     c: rerouted on 127.0.0.1, two scripted upstreams on 127.0.9.1 and .2
. "$(dirname "$0")/lib.sh"
need_root
net_up
settings "[resolver]" "upstream = 127.0.9.1, 127.0.9.2"
# what the servers are asked about themselves is no question of the daemon's
rules "accept out to 127.0.9.1 port 53" "default out accept"
background inc python3 -B "$top/tests/netns/upstreams.py" 127.0.9.1 127.0.9.2 \
    >"$tmp/serve"
check "the servers are up" wait_for has_text ready "$tmp/serve"
check "the daemon starts" daemon_start
inc python3 -B "$top/tests/netns/conform.py" 127.0.0.1 127.0.9.1 >"$tmp/out"
while read -r line; do
	case $line in
	"ok "*) result ok "${line#ok }" ;;
	"not ok "*) line=${line#not ok }; result not "${line%%: *}" "${line#*: }" ;;
	*) echo "# $line" ;;
	esac
done <"$tmp/out"
check "all of them ran" [ "$(grep -c '^ok \|^not ok ' "$tmp/out")" = 126 ]
daemon_stop
check "the daemon ends well" test $? = 0
finish
