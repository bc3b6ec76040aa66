#!/bin/sh
# Sockets and their processes are found, whatever they do meanwhile.
#
#	namespace attr_t:  lo, attr_d0 10.98.0.1/24 fd98::1/64 -veth- attr_d1
#
# attrtest makes sockets and processes there and looks them up; behind attr_d1
# there is nobody, so that connections stay at their first packet. It is found beside this script in the build tree, or in $ATTRTEST.
set -eu

test "$(id -u)" = 0 || { echo "not root"; exit 77; }
attrtest=${ATTRTEST:-tests/netns/attrtest}
test -x "$attrtest" || { echo "no $attrtest"; exit 77; }
attrtest=$(readlink -f "$attrtest")
ns=attr_t$$

cleanup() {
	ip netns del "$ns" 2>/dev/null || :
}
trap cleanup EXIT
trap 'exit 1' INT TERM

ip netns add "$ns" || { echo "no network namespaces"; exit 77; }
ip -n "$ns" link set lo up
ip -n "$ns" link add attr_d0 type veth peer name attr_d1 ||
	{ echo "no veth"; exit 77; }
ip -n "$ns" link set attr_d1 up
ip -n "$ns" addr add 10.98.0.1/24 dev attr_d0
ip -n "$ns" addr add fd98::1/64 dev attr_d0 nodad
ip -n "$ns" link set attr_d0 up
ip -n "$ns" neigh add 10.98.0.2 lladdr 02:00:00:00:00:02 dev attr_d0
ip -n "$ns" neigh add fd98::2 lladdr 02:00:00:00:00:02 dev attr_d0
ip -n "$ns" route add default dev attr_d0
ip -n "$ns" -6 route add default dev attr_d0
# not `ip netns exec`: that hides the cgroups
nsenter --net="/run/netns/$ns" sh -c '
	echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range'
nsenter --net="/run/netns/$ns" "$attrtest"
