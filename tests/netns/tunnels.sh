# For the tests of Port17: sourced after lib.sh and net_up.
#   far_up             far ends in s, behind 192.0.2.7, .8, .9 and 2001:db8::7..
#   danted_up [PORT]   a SOCKS proxy in s, on 10.9.0.2:1080, started by $UNDER;
#                      PORT username: it asks who it is, and $tmp/users knows
#   wire_up            listens on s0 for what should not be there
#   wire_saw           true if it saw anything (and says what)
#   run_in WORD...     tunnel.py in c
#   says WANT WORD...  true if that is the first word that it says
#   says_like REGEX WORD...    the same
#   says_from TUNNEL REGEX WORD...   the same for all of what it says, from a
#                      source port that the rules send there: $from_TUNNEL
#   thru TUNNEL REGEX WORD...   says_like, over TCP, from such a source port
#   tunnel_is NAME STATE TEXT   of `tunnels`; TEXT is a part of why, or empty
#   soon MS            whether the last one of those had its connect() within that
#                      time, or if it is tried again (others use the machine, too)
#   late_is FAR BYTES  what is sent after the far end ended arrives
top=$(cd "$(dirname "$0")/../.." && pwd)
python=$(python3 -c 'import os; print(os.path.realpath("/proc/self/exe"))')
proxy_sees='10.9.0.2|192.0.2.7|2001:db8::7|fd09::2'

far_up() {
	local a
	for a in 7 8 9; do
		ins ip address add 192.0.2.$a/32 dev lo
		ins ip address add 2001:db8::$a/128 dev lo nodad
	done
	ins ip route add unreachable 192.0.2.99/32
	inc ip route add default via 10.9.0.2
	inc ip -6 route add default via fd09::2
	GOT=$tmp/got
	export GOT
	: >"$GOT"
	background ins python3 "$top/tests/netns/tunnel.py" far \
	    >"$tmp/far.out" 2>"$tmp/far.err"
	far=$pid
	wait_for has_text ready "$tmp/far.out"
}

listens() { # WHO PORT
	$1 ss -Htln "sport = :$2" | grep -q .
}

# not every Debian has it: one of ours stands in for it
danted_up() {
	local port=${1:-1080} method=${2:-none}
	cat >"$tmp/danted.$port.conf" <<-EOF
	logoutput: $tmp/danted.$port.log
	internal: 10.9.0.2 port = $port
	external: s0
	socksmethod: $method
	clientmethod: none
	user.privileged: root
	user.unprivileged: nobody
	client pass { from: 0/0 to: 0/0 }
	socks pass { from: 0/0 to: 0/0 command: connect udpassociate
	log: connect }
	socks pass { from: 0/0 to: 0/0 command: udpreply }
	EOF
	set -- danted -f "$tmp/danted.$port.conf" -N 2 -p "$tmp/danted.$port.pid"
	command -v danted >/dev/null ||
		set -- python3 "$top/tests/netns/socksd.py" 10.9.0.2 "$port" \
		    "$method" "$tmp/users" "$tmp/danted.$port.log"
	background ins ${UNDER:-} "$@" >"$tmp/danted.$port.out" 2>&1
	danted=$pid
	wait_for listens ins "$port"
}

wire_up() {
	background ins python3 "$top/tests/netns/tunnel.py" wire s0 \
	    192.0.2.0/24 2001:db8::/32 127.0.0.0/8 198.18.0.0/15 "$@" \
	    >"$tmp/wire.out"
	wire=$pid
	wait_for has_text ready "$tmp/wire.out"
}

wire_saw() {
	grep -v ready "$tmp/wire.out" | head -n 5
	[ "$(wc -l <"$tmp/wire.out")" -gt 1 ]
}

run_in() { inc python3 "$top/tests/netns/tunnel.py" "$@"; }

ask() { # NAME TYPE: the address in $addr
	addr=$(run_in ask "$1" "$2")
	echo "$addr"
}

says() {
	local want=$1
	shift
	again=("$@") again_from=${FROM:-}
	said=$(run_in "$@" 2>&1)
	echo "$said"
	[ "${said%% *}" = "$want" ]
}

says_like() {
	local want=$1
	shift
	again=("$@") again_from=${FROM:-}
	said=$(run_in "$@" 2>&1)
	echo "$said"
	echo "$said" | grep -qE "^($want)( |\$)"
}

thru() {
	local t=$1 want=$2 n
	shift 2
	eval "n=\$((from_$t++))"
	FROM=$n says_like "$want" tcp "$@"
}

tunnel_is() {
	ctl --json tunnels | python3 -c 'import json, sys
t = [json.loads(l) for l in sys.stdin]
x = [r for r in t if r["name"] == sys.argv[1]][0]
print(x)
sys.exit(x["state"] != sys.argv[2] or sys.argv[3] not in
    (x.get("error_why") or ""))' "$@"
}

soon() {
	local first=${said%% *}
	once_more() {
		[ -n "$said" ] || said=$(
			[ -z "$again_from" ] || export FROM="$again_from"
			run_in "${again[@]}" 2>&1
		)
		echo "$said"
		took=${said##* }
		[ "${said%% *}" = "$first" ] || return 1
		said=
	}
	best_of $(($1 + 1)) once_more
}

late_is() {
	said=$(run_in tcp "$1" 7005 late "$2")
	echo "$said"
	wait_for grep -q "^$2 ${said%% *}\$" "$GOT"
}

says_all() {
	local want=$1
	shift
	said=$(run_in "$@" 2>&1)
	echo "$said"
	[ "$said" = "$want" ]
}

says_from() {
	local n want=$2
	eval "n=\$((from_$1++))"
	shift 2
	said=$(FROM=$n run_in "$@" 2>&1)
	echo "$said"
	[[ $said =~ ^($want)$ ]]
}

answers_like() {
	answer "$1"
	answer "$1" | grep -qE "^($2)"
}
