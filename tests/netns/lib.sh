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
#   groups_up          $groups is where cgroup v2 is, for groups of the script's
#                      own: mounted, where it is nowhere
#   background CMD...  starts it; its pid in $pid; ended with the script
#   stop PID [SIGNAL]  ends one of those; its exit status
#   daemon_start [OPTION...]   rerouted in c with the rules of $tmp/rules and
#                      the settings of $tmp/rerouted.conf, ready; its pid in
#                      $daemon, what it says in $tmp/daemon.log
#   daemon_stop [SIGNAL]       its exit status
#   as_daemon CMD...   runs as the user that the daemon is
#   daemon_reload      the rules as they are now are in force, or refused
#   rules LINE...      writes them to $tmp/rules/10.rules
#   ctl WORD...        reroutectl with that daemon
#   leaks_once CMD...  its leaks are looked for the first time alone
#   holds FILE EXPRESSION      python: true of the objects of FILE, see holds.py
#   value FILE EXPRESSION      python: its value
#   flows EXPRESSION   true of the list of flows, `f`
#   counter NAME       of `status`
#   log_has TEXT       true if the daemon has said that
#   resident           how many kB the daemon has in memory
#   lock_tables        another program, $holder, has the lock of xtables, until
#                      it is stopped
#   partner NAME inc|ins PROGRAM.py WORD...   one that answers each line that
#                      it is told with a line; has said its first one
#   tell NAME LINE...  tells it one, and waits for the answer
#   answers NAME WORD...       true if its last answer is one of the words
#   talk_is NAME EXPECTED...   of talk.py: "ok" for each flow, or an error
#   bound inc|ins udp|tcp PORT ADDR...   waits until somebody there has that
#                      port of each of the addresses
#   save               the tables of namespace c, as iptables-save has them,
#                      without counters
#   marks              how many conntrack entries have marks of ours
#   has_text TEXT FILE         true if the file has it, by no other program
#   wait_for CMD...    until it succeeds; fails after 30 s
#   best_of MS CMD...  true if CMD, of up to five rounds, needs less than MS in one,
#                      by its own word: $took, which is then the best one
#   settings LINE...   settings for the daemon, with the backend that $BACKEND
#                      names (auto), in the file $conf
#   IPT4, IPT6         the backend's iptables and ip6tables: names of programs
#   check NAME CMD...  one result: "ok NAME" or "not ok NAME: ..."
#   check_not NAME CMD...  the same for a command that must fail
#   check_same NAME EXPECTED ACTUAL   two files, with the difference
#   felt WORD CMD...   true if that is the first word that CMD (probe) prints
#   try STATUS CMD...  true if that is its exit status; what it says is in
#                      $tmp/out and $tmp/err
#   told TEXT          true if $tmp/err has it
#   unbound_conf ADDR  settings of an unbound of the test's own on that address,
#                      and what standard input adds, in $tmp/unbound.conf
#   check_judged       no packet was left without a verdict
#   finish             exit status of the whole: the script's last line
#
# $tmp is a directory of the script's own that any user may read, $unique a word for names that all of
# the machine has in common (control groups, devices of userspace). Built programs are found through
# $BUILDDIR (else the top of the sources), $REROUTED and $REROUTECTL.

set -u
LC_ALL=C
export LC_ALL

top=$(cd "$(dirname "$0")/../.." && pwd)
BUILDDIR=${BUILDDIR:-$top}
REROUTED=${REROUTED:-$BUILDDIR/rerouted}
REROUTECTL=${REROUTECTL:-$BUILDDIR/reroutectl}

tmp=${OWN_TMP:-$(mktemp -d "${TMPDIR:-/tmp}/rerouted-test.XXXXXX")} || exit 99
chmod 755 "$tmp"

# The daemon is who it is where it is installed, whatever users this machine has:
# its user is in files of a mount namespace of the script's own.
if [ $EUID = 0 ] && [ -z "${OWN_TMP-}" ] && unshare -m true 2>/dev/null; then
	for _name in passwd group; do
		grep -v ^rerouted: /etc/$_name >"$tmp/.$_name"
	done
	echo rerouted:x:4711:4711::/:/usr/sbin/nologin >>"$tmp/.passwd"
	echo rerouted:x:4711: >>"$tmp/.group"
	OWN_TMP=$tmp exec unshare -m --propagation private sh -c '
		mount --bind "$1/.passwd" /etc/passwd &&
		    mount --bind "$1/.group" /etc/group || exit 99
		shift
		exec bash "$@"' sh "$tmp" "$0" "$@"
fi
unset OWN_TMP
# not the number of this process: one that was killed leaves its namespaces
unique=${tmp##*.}
NSPREFIX=${NSPREFIX:-rr}_$unique
C=${NSPREFIX}_c
S=${NSPREFIX}_s
namespaces=
pids=
checks=0
failures=0
mkfifo "$tmp/never" # nobody ever writes to it

# other programs of this machine, and other tests, have locks of their own. The
# daemon may have it while it looks or repairs: what a test does waits for that
XTABLES_LOCKFILE=$tmp/xtables.lock
export XTABLES_LOCKFILE
mkdir "$tmp/.xtables"
for _name in iptables-legacy ip6tables-legacy; do
	for _name in $_name $_name-restore; do
		hash $_name 2>/dev/null || continue
		printf '#!/bin/sh\nexec %s -w 20 "$@"\n' "${BASH_CMDS[$_name]}" \
		    >"$tmp/.xtables/$_name"
	done
done
chmod -R 755 "$tmp/.xtables"
# Debian's own programs first: what else is called python3 may be a script
PATH=$tmp/.xtables:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# nobody's .digrc or .curlrc; where these are not set, python and bash ask
# /etc/passwd, which in one of the tests does not answer
HOME=$tmp SHELL=/bin/bash
export HOME SHELL
# for patient.py
PYTHONPATH=$top/tests/netns
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE

at_end() { :; } # a script may have something more to take away

# Whether it is still a child of ours: one that has ended has left its number
# to others, on a busy machine within minutes.
is_ours() {
	# one line, read at once: another one is made for what is read later
	read -r _line 2>/dev/null <"/proc/$1/stat" || return 1
	_line=${_line##*) } # STATE PPID ...
	_line=${_line#* }
	[ "${_line%% *}" = $$ ]
}

tell_ours() { # SIGNAL PID...
	_signal=$1
	shift
	for _p; do
		is_ours "$_p" && kill -"$_signal" "$_p"
	done 2>/dev/null
}

cleanup() {
	status=$?
	trap - EXIT
	trap '' INT TERM # timeout(1) tells twice
	tell_ours TERM $pids
	# one that does not end (dnsmasq in the midst of a query over TCP) is
	# not waited for
	(
		read -rt 5 <>"$tmp/never"
		tell_ours KILL $pids
	) 2>/dev/null &
	reaper=$!
	for p in $pids; do
		wait "$p" 2>/dev/null
	done
	kill $reaper 2>/dev/null
	# what those started in turn can live nowhere but in our namespaces
	for ns in $namespaces; do
		for p in $(ip netns pids "$ns" 2>/dev/null); do
			kill -KILL "$p" 2>/dev/null
		done
		ip netns del "$ns" 2>/dev/null
	done
	at_end
	rm -rf --one-file-system "$tmp"
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
	[ $EUID = 0 ] || skip "needs root"
	unshare -n true 2>/dev/null || skip "can't make network namespaces"
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
# has_none COMMAND PATTERN: what it prints in c, and it does, has no such line
has_none() { inc "$1" >"$tmp/has_none" && ! grep -E "$2" "$tmp/has_none"; }

make_ns() {
	ip netns add "$1" || exit 99
	namespaces="$namespaces $1"
	# addresses work at once: nobody else is there to have them; pings
	# without privilege; no limit on the ICMP errors that tell of a block
	inns "$1" sh -c 'for f in all default; do
		echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad; done
		cd /proc/sys/net
		echo "0 2147483647" >ipv4/ping_group_range
		# of no kind: else a burst of 50 is all that there is in 20 ms
		echo 0 >ipv4/icmp_ratemask
		echo >ipv6/icmp/ratemask
		exec ip link set lo up' 2>/dev/null || exit 99
}

net_add() {
	_name=${NSPREFIX}_$1
	make_ns "$_name"
	eval "$1=\$_name"
}

is_up() { [[ $(inc ip link show c0) == *'state UP'* ]]; }

net_up() {
	make_ns "$C"
	make_ns "$S"
	ip link add c0 netns "$C" type veth peer name s0 netns "$S" || exit 99
	inc ip -batch - <<-END || exit 99
		address add 10.9.0.1/24 dev c0
		address add fd09::1/64 dev c0 nodad
		link set c0 up
	END
	ins ip -batch - <<-END || exit 99
		address add 10.9.0.2/24 dev s0
		address add fd09::2/64 dev s0 nodad
		link set s0 up
	END
	wait_for is_up
}

groups_up() {
	for groups in /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[ "$(stat -f -c %T $groups 2>/dev/null)" != cgroup2fs ] || return 0
	done
	mount -t cgroup2 none $groups # in our mount namespace
}

# CMD may be inc, ins or inns: then the program itself is what $pid names.
background() {
	case $1 in
	inc) shift; set -- nsenter --net="/run/netns/$C" -- "$@" ;;
	ins) shift; set -- nsenter --net="/run/netns/$S" -- "$@" ;;
	inns) _ns=$2; shift 2; set -- nsenter --net="/run/netns/$_ns" -- "$@" ;;
	esac
	"$@" <"${background_in:-/dev/null}" &
	pid=$!
	pids="$pids $pid"
}

# Ends one that was started with background, and waits for it.
stop() {
	tell_ours "${2:-TERM}" "$1"
	wait "$1" 2>/dev/null
	_status=$?
	_left=
	for p in $pids; do
		[ "$p" = "$1" ] || _left="$_left $p"
	done
	pids=$_left
	return $_status
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

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
iptables-restore) IPT4=iptables-nft IPT6=ip6tables-nft ;;
*) IPT4=iptables-legacy IPT6=ip6tables-legacy ;;
esac
export IPT4 IPT6

# What no fixed wait may be made of: only for a loop that asks for something.
pause() { read -r -t "$1" <>"$tmp/never" || :; }

wait_for() {
	local _begin=${EPOCHREALTIME/./} _now _ms # what it calls may wait itself
	local -x PROBE_MS=1000 # it is asked again
	local ctl_leaks=0
	until "$@" >/dev/null 2>&1; do
		_now=${EPOCHREALTIME/./}
		if [ $((_now - _begin)) -ge 30000000 ]; then
			echo "# waited 30 s in vain for: $*"
			return 1
		fi
		# an eighth of what it took so far: what asks takes the processor
		# from what is waited for
		_ms=$(((_now - _begin) / 8000))
		printf -v _ms 0.%03d $((_ms < 20 ? 20 : _ms > 100 ? 100 : _ms))
		pause $_ms
	done
}

# A program that is started costs more than what is waited for, again and again.
has_text() { # TEXT FILE
	local _piece=
	[ -e "$2" ] || return
	while IFS= read -rd '' _piece || [ -n "$_piece" ]; do # NULs are between
		[[ $_piece != *"$1"* ]] || return 0
	done <"$2"
	return 1
}

has_port() { [ -n "$("$1" ss -Hln "--$2" src "$3")" ]; }

bound() {
	local _who=$1 _proto=$2 _port=$3 _at
	shift 3
	for _at; do
		case $_at in *:*) _at="[$_at]" ;; esac
		wait_for has_port "$_who" "$_proto" "$_at:$_port" || return 1
	done
}

# What can be done in a time is seen in the best of some rounds: in one of them
# others may have the processor. What has to wait for a timer is late in each.
best_of() {
	local _max=$1 _best= _round
	shift
	for _round in 1 2 3 4 5; do
		"$@" || return 1
		[ -n "$_best" ] && [ "$_best" -le "$took" ] || _best=$took
		[ "$_best" -ge "$_max" ] || break
	done
	took=$_best
	echo "$took ms at best, less than $_max are wanted"
	[ "$took" -lt "$_max" ]
}

# What probe says: "ok 0.12" or "ECONNREFUSED 0.12".
felt() {
	local _want=$1 _got
	local -x PROBE_MS=${PROBE_MS:-20000}
	[ "$_want" != ETIMEDOUT ] || PROBE_MS=1000
	shift
	_got=$("$@" 2>&1)
	echo "$_got"
	[ "${_got%% *}" = "$_want" ]
}

try() {
	local _want=$1 _got
	shift
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	_got=$?
	cat "$tmp/out" "$tmp/err"
	[ $_got -eq "$_want" ]
}

told() {
	cat "$tmp/err"
	grep -qF -- "$1" "$tmp/err"
}

unbound_conf() {
	cat - >"$tmp/unbound.more"
	cat - "$tmp/unbound.more" >"$tmp/unbound.conf" <<END
server:
 interface: $1
 do-daemonize: no
 username: ""
 chroot: ""
 pidfile: ""
 directory: "$tmp"
 use-syslog: no
 module-config: "iterator"
END
}

. "$top/tests/netns/daemon.sh"

save() {
	local _t
	for _t in mangle nat filter security; do
		inc $IPT4-save -t $_t
		inc $IPT6-save -t $_t
	done | sed '/^#/d; s/\[[0-9]*:[0-9]*\]$//'
}

marks() { inc conntrack -L 2>/dev/null | grep -cE 'mark=17[0-9][0-9] '; }

result() {
	checks=$((checks + 1))
	if [ "$1" = ok ]; then
		echo "ok $2"
	else
		failures=$((failures + 1))
		echo "not ok $2: $3"
		daemon_complains
	fi
}

daemon_complains() { # what it said last that is no mere news
	[ ! -s "$tmp/daemon.log" ] || grep -aE '^(warning|error) ' \
		"$tmp/daemon.log" | tail -n 3 | cut -c 1-200 | sed 's/^/#   log: /'
}

check() {
	local -x PROBE_MS=20000 # what is to come is waited for, see probe.c
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
	local -x PROBE_MS=1000
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

had_state=$(ls -d /var/lib/rerouted 2>/dev/null)
finish() {
	[ -n "$had_state" ] || check "this machine's own state is left alone" \
	    test ! -e /var/lib/rerouted
	echo "# $checks checks, $failures failed"
	[ "$checks" -gt 0 ] && [ "$failures" -eq 0 ]
	exit $?
}
