# For lib.sh alone, which has the words of each: the daemon and what it says, and
# partners that a script talks with.

# -- the daemon --

rules() {
	mkdir -p "$tmp/rules"
	printf '%s\n' "$@" >"$tmp/rules/10.rules"
}

daemon_start() {
	[ -e "$tmp/rerouted.conf" ] || settings
	: >"$tmp/daemon.log"
	background inc "$REROUTED" --config "$tmp/rerouted.conf" \
	    --rules "$tmp/rules" --state "$tmp/state" \
	    --control "$tmp/control" "$@" 2>"$tmp/daemon.log"
	daemon=$pid
	wait_for has_text 'ready version' "$tmp/daemon.log" && return 0
	sed 's/^/#   /' "$tmp/daemon.log"
	return 1
}

daemon_stop() {
	stop "$daemon" "${1:-TERM}" && return 0
	_status=$?
	[ "${1:-TERM}" = KILL ] || sed 's/^/#   /' "$tmp/daemon.log"
	return $_status
}

as_daemon() {
	_ids=$(awk '/^[UG]id:/ { print $2 }' "/proc/$daemon/status")
	setpriv --reuid "${_ids%%[[:space:]]*}" --regid "${_ids##*[[:space:]]}" \
	    --clear-groups -- "$@"
}

policies() { # how many the daemon has said it took or refused, in $policies
	local _line
	policies=0
	while read -r _line; do
		case $_line in
		*'policy: loaded'* | *'policy: the old rules'*)
			policies=$((policies + 1))
			;;
		esac
	done <"$tmp/daemon.log"
}
has_policies() {
	local policies
	policies
	[ $policies -gt "$1" ]
}

daemon_reload() {
	local policies
	policies
	kill -HUP "$daemon"
	wait_for has_policies $policies
}

# The search for leaks takes 80 ms whenever a program ends: it is made once for
# the same words, with and without a daemon.
shopt -s extglob
leaks_once() {
	local _words=" $*" _once _leaks=1
	_words=${daemon:+daemon}${_words//\/*([^ ])\//}
	_once=$tmp/.leaks.${_words//[^a-zA-Z0-9-]/_}
	_once=${_once:0:200}
	[ ! -e "$_once" ] || _leaks=0
	: >"$_once"
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=$_leaks "$@"
}

# The scripts that try reroutectl itself have ctl_leaks=1, and no others.
ctl_leaks=0
ctl() {
	set -- "$REROUTECTL" --control "$tmp/control" "$@"
	case $ctl_leaks in
	0) ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 "$@" ;;
	*) leaks_once "$@" ;;
	esac
}

# Not from two at once: the answers have no names.
asked_of() { # FILE EXPRESSION: what holds.py says, in $said
	local _pid=${pid-}
	if [ ! -p "$tmp/holds.out" ]; then
		# a subshell's would not end with the script
		[ $BASHPID = $$ ] || {
			said=$(python3 "$top/tests/netns/holds.py" once "$@")
			return
		}
		mkfifo "$tmp/holds.in" "$tmp/holds.out" || return
		background python3 "$top/tests/netns/holds.py" \
		    "$tmp/holds.in" "$tmp/holds.out"
		pid=$_pid
	fi
	printf '%s\0' "$1" "$2" >"$tmp/holds.in"
	read -rt 60 said <"$tmp/holds.out" && return
	rm "$tmp/holds.in" "$tmp/holds.out" # an answer that comes late is no other's
	return 1
}

holds() {
	local said
	asked_of "$@" || return
	[ "${said%%$'\t'*}" = yes ] || {
		tr '\t' '\n' <<<"$said"
		return 1
	}
}

value() {
	local said
	asked_of "$@" && cut -f 2 <<<"$said"
}

flows() {
	ctl --json flows >"$tmp/flows" && holds "$tmp/flows" "$1"
}

counter() {
	[[ $(ctl --json status) =~ '"counters":{'[^{}]*'"'$1'":'([0-9]+) ]] &&
	    echo "${BASH_REMATCH[1]}"
}

log_has() { has_text "$1" "$tmp/daemon.log"; }

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status"; }

# Who opens FILE waits from now on, until $slow is stopped; no where that can't
# be had.
slow_file() {
	: >"$tmp/slow.out"
	background python3 "$top/tests/netns/slow_file.py" "$1" \
	    >"$tmp/slow.out" 2>&1
	slow=$pid
	wait_for grep -qE 'ready|not permitted|nvalid' "$tmp/slow.out"
	grep -q ready "$tmp/slow.out"
}

lock_tables() {
	background flock --no-fork "$XTABLES_LOCKFILE" tail -f /dev/null
	holder=$pid
	wait_for sh -c "! flock -n $XTABLES_LOCKFILE true"
}

all_judged() {
	ctl --json status >"$tmp/status" && holds "$tmp/status" '
	    x["counters"]["packets"] == x["counters"]["verdicts"] > 0 and
	    not any(x["counters"][y] for y in ("verdict_errors", "overflows",
	        "queue_errors", "failures", "sockets_failed", "processes_failed"))
	    and all(q["bound"] and q["waiting"] == 0 and q["dropped_full"] == 0 and
	        q["dropped_user"] == 0 for q in x["queues"])'
}

# the kernel may just be saying something to its neighbours
check_judged() {
	if wait_for all_judged; then
		result ok "every packet has its verdict"
	else
		check "every packet has its verdict" all_judged
	fi
}

# -- partners --

declare -A partner_fds

partner_lines() { # NAME: how many it has said, in $lines
	lines=0
	while read -r; do lines=$((lines + 1)); done <"$tmp/partner.$1.out"
}
partner_said() { # NAME N: has it said more than N lines?
	local lines
	partner_lines "$1"
	[ $lines -gt "$2" ]
}

partner() {
	local _name=$1 _who=$2 _program=$3 _fd
	shift 3
	mkfifo "$tmp/partner.$_name.in"
	exec {_fd}<>"$tmp/partner.$_name.in"
	: >"$tmp/partner.$_name.out"
	background_in=$tmp/partner.$_name.in
	background "$_who" python3 "$top/tests/netns/$_program" "$@" \
	    >"$tmp/partner.$_name.out"
	unset background_in
	partner_fds[$_name]=$_fd
	wait_for partner_said "$_name" 0
}

# without waiting for the answer
tell_only() {
	local _name=$1
	shift
	echo "$*" >&"${partner_fds[$_name]}"
}

tell() {
	local lines
	partner_lines "$1"
	tell_only "$@"
	wait_for partner_said "$1" $lines
}

answer() { tail -n 1 "$tmp/partner.$1.out"; }

answers() { # NAME WORD...: is the last answer one of the words?
	local _got _word
	_got=$(answer "$1")
	shift
	echo "$_got"
	for _word; do
		[ "$_got" = "$_word" ] && return 0
	done
	return 1
}

talk_is() {
	local _word _got
	_got=$(answer "$1")
	shift
	echo "$_got"
	for _word in $_got; do
		[ "${_word#*=}" = "$1" ] || return 1
		[ $# -eq 1 ] || shift
	done
}
