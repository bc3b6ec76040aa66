#!/bin/bash
# Sockets and their processes are found, whatever they do meanwhile.
#
#	T:  lo, attr_d0 10.98.0.1/24 fd98::1/64 -veth- attr_d1
#
# attrtest makes sockets and processes in T and looks them up; behind attr_d1
# there is nobody, so that connections stay at their first packet.

. "$(dirname "$0")/lib.sh"
need_root
attrtest=$(readlink -f "${ATTRTEST:-$BUILDDIR/attrtest}")
[ -x "$attrtest" ] || skip "needs attrtest to be built"
net_add T
inns "$T" ip link add attr_d0 type veth peer name attr_d1 || exit 99
inns "$T" ip link set attr_d1 up
inns "$T" ip address add 10.98.0.1/24 dev attr_d0
inns "$T" ip address add fd98::1/64 dev attr_d0 nodad
inns "$T" ip link set attr_d0 up
inns "$T" ip neighbour add 10.98.0.2 lladdr 02:00:00:00:00:02 dev attr_d0
inns "$T" ip neighbour add fd98::2 lladdr 02:00:00:00:00:02 dev attr_d0
inns "$T" ip route add default dev attr_d0
inns "$T" ip -6 route add default dev attr_d0
inns "$T" sh -c 'echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range'
inns "$T" "$attrtest" || exit
inns "$T" "$attrtest" lost || exit
inns "$T" "$attrtest" lost-unkept || exit
for round in 1 2 3 4 5; do
	inns "$T" unshare --pid --fork --mount-proc "$attrtest" levels || exit
done
