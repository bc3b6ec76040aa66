# For every namespace test: sourced first. Two hosts of the test's own; the
# machine's own network is never touched.
#
#     client namespace c                      server namespace s
#     +-----------------------+               +-----------------------+
#     | lo                    |               |                    lo |
#     | c0 10.9.0.1/24        |---- veth -----|        10.9.0.2/24 s0 |
#     |    fd09::1/64         |               |         fd09::2/64    |
#     +-----------------------+               +-----------------------+
#
#   need_root          exit 77 when namespaces can't be made here
#   net_up             makes the two; they go when the script ends
#   net_add VAR        one more, empty, its name in $VAR
#   inc CMD..., ins CMD..., inns NAME CMD...   runs in c, s, a namespace
#   background CMD...  starts it; its pid in $pid; ended with the script
#   wait_for CMD...    until it succeeds; fails after 10 s
#   settings LINE...   settings for the daemon, with the backend that $BACKEND
#                      names (auto), in the file $conf
#   ipt, ipt6          the backend's iptables and ip6tables: names of programs
#   check NAME CMD...  one result: "ok NAME" or "not ok NAME: ..."
#   check_not NAME CMD...  the same for a command that must fail
#   check_same NAME EXPECTED ACTUAL   two files, with the difference
#   finish             exit status of the whole: the script's last line
#
# $tmp is a directory of the script's own. Built programs are found through
# $BUILDDIR (else the top of the sources), $REROUTED and $REROUTECTL.

set -u
LC_ALL=C
export LC_ALL

top=$(cd "$(dirname "$0")/../.." && pwd)
BUILDDIR=${BUILDDIR:-$top}
REROUTED=${REROUTED:-$BUILDDIR/rerouted}
REROUTECTL=${REROUTECTL:-$BUILDDIR/reroutectl}

NSPREFIX=${NSPREFIX:-rr}_$$
C=${NSPREFIX}_c
S=${NSPREFIX}_s
namespaces=
pids=
checks=0
failures=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/rerouted-test.XXXXXX") || exit 99

# other programs of this machine, and other tests, have locks of their own
XTABLES_LOCKFILE=$tmp/xtables.lock
export XTABLES_LOCKFILE

cleanup() {
	status=$?
	trap - EXIT INT TERM
	for p in $pids; do
		kill "$p" 2>/dev/null
	done
	for p in $pids; do
		wait "$p" 2>/dev/null
	done
	# what those started in turn can live nowhere but in our namespaces
	for ns in $namespaces; do
		for p in $(ip netns pids "$ns" 2>/dev/null); do
			kill -KILL "$p" 2>/dev/null
		done
		ip netns del "$ns" 2>/dev/null
	done
	rm -rf "$tmp"
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip() {
	echo "skip: $*"
	exit 77
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	ip netns add "${NSPREFIX}_try" 2>/dev/null ||
		skip "can't make network namespaces"
	ip netns del "${NSPREFIX}_try"
}

need() {
	for program; do
		command -v "$program" >/dev/null || skip "needs $program"
	done
}

inns() {
	_ns=$1
	shift
	# not `ip netns exec`: that mounts /sys anew and hides the cgroups
	nsenter --net="/run/netns/$_ns" -- "$@"
}
inc() { inns "$C" "$@"; }
ins() { inns "$S" "$@"; }

make_ns() {
	ip netns add "$1" || exit 99
	namespaces="$namespaces $1"
	# addresses work at once: nobody else is there to have them
	inns "$1" sh -c 'for f in all default; do
		echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad; done' 2>/dev/null
	inns "$1" ip link set lo up
}

net_add() {
	_name=${NSPREFIX}_$1
	make_ns "$_name"
	eval "$1=\$_name"
}

net_up() {
	make_ns "$C"
	make_ns "$S"
	ip link add c0 netns "$C" type veth peer name s0 netns "$S" || exit 99
	inc ip address add 10.9.0.1/24 dev c0
	ins ip address add 10.9.0.2/24 dev s0
	inc ip address add fd09::1/64 dev c0 nodad
	ins ip address add fd09::2/64 dev s0 nodad
	inc ip link set c0 up
	ins ip link set s0 up
	wait_for sh -c "nsenter --net=/run/netns/$C ip link show c0 |
	    grep -q 'state UP'"
}

# CMD may be inc, ins or inns: then the program itself is what $pid names.
background() {
	case $1 in
	inc) shift; set -- nsenter --net="/run/netns/$C" -- "$@" ;;
	ins) shift; set -- nsenter --net="/run/netns/$S" -- "$@" ;;
	inns) _ns=$2; shift 2; set -- nsenter --net="/run/netns/$_ns" -- "$@" ;;
	esac
	"$@" &
	pid=$!
	pids="$pids $pid"
}

# Ends one that was started with background, and waits for it.
stop() {
	kill -"${2:-TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	_status=$?
	_left=
	for p in $pids; do
		[ "$p" = "$1" ] || _left="$_left $p"
	done
	pids=$_left
	return $_status
}

now_ms() { date +%s%3N; }

# To be called by the tests that run on both backends.
settings() {
	conf=$tmp/rerouted.conf
	{
		echo "[firewall]"
		echo "backend = ${BACKEND:-auto}"
		for _line; do echo "$_line"; done
	} >"$conf"
}
case ${BACKEND:-auto} in
iptables-restore) ipt=iptables-nft ipt6=ip6tables-nft ;;
*) ipt=iptables-legacy ipt6=ip6tables-legacy ;;
esac
export ipt ipt6

wait_for() {
	_end=$(($(now_ms) + 10000))
	until "$@" >/dev/null 2>&1; do
		if [ "$(now_ms)" -ge "$_end" ]; then
			echo "# waited 10 s in vain for: $*"
			return 1
		fi
		sleep 0.02
	done
}

result() {
	checks=$((checks + 1))
	if [ "$1" = ok ]; then
		echo "ok $2"
	else
		failures=$((failures + 1))
		echo "not ok $2: $3"
	fi
}

check() {
	_name=$1
	shift
	if "$@" >"$tmp/check.out" 2>&1; then
		result ok "$_name"
	else
		result not "$_name" "exit $? of: $*"
		sed 's/^/#   /' "$tmp/check.out"
	fi
}

check_not() {
	_name=$1
	shift
	if "$@" >"$tmp/check.out" 2>&1; then
		result not "$_name" "should fail: $*"
		sed 's/^/#   /' "$tmp/check.out"
	else
		result ok "$_name"
	fi
}

check_same() {
	check "$1" diff -u "$2" "$3"
}

finish() {
	echo "# $checks checks, $failures failed"
	[ "$checks" -gt 0 ] && [ "$failures" -eq 0 ]
	exit $?
}
