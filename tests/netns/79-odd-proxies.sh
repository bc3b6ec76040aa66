#!/bin/bash
# Proxies that answer as few do, or too early, or not at all: what a program is
# told of each, byte for byte; what they are told where a name is none that they
# take; and what is counted and kept of it.
#
#     c 10.9.0.1, daemon --- veth --- s 10.9.0.2: odd.py, a port for each oddity
#       default route to s              far ends as in tunnels.sh
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
. "$(dirname "$0")/tunnels.sh"
far_up
odd=$top/tests/netns/odd.py
modes="s:short s:early s:greeting s:name s:empty s:six s:dribble s:much s:kind s:half
    s:nothing s:broken s:1 s:2 s:3 s:4 s:5 s:6 s:7 s:8 s:99
    h:more h:lf h:bare h:long h:lines h:huge h:ssh h:two h:cut h:escape
    h:403 h:407 h:500 h:502 h:504 s:knowsnone s:noname s:hangs h:hangs s:dies h:mute s:mute"
background ins python3 "$odd" serve 10.9.0.2 3000 $modes >"$tmp/odd.out"
wait_for has_text ready "$tmp/odd.out"
background ins python3 "$odd" serve fd09::2 3000 s:7 >"$tmp/odd6.out"
wait_for has_text ready "$tmp/odd6.out"
background ins python3 "$odd" serve 10.9.0.2 2999 h:tells >"$tmp/tells.out"
wait_for has_text ready "$tmp/tells.out"
background inc python3 "$odd" serve 127.0.0.1 2999 h:goes >"$tmp/goes.out"
wait_for has_text ready "$tmp/goes.out"

set --
i=0
for mode in $modes; do
	kind=socks5
	[ "${mode%:*}" = h ] && kind=http
	set -- "$@" "[tunnel \"${mode/:/-}\"]" \
	    "upstream = $kind://10.9.0.2:$((3000 + i))"
	echo "reroute via ${mode/:/-} out exe $python to 192.0.2.7 port" \
	    "$((8000 + i))"
	i=$((i + 1))
done >"$tmp/all.rules"
mute=$((8000 + i - 1))
printf '%s\n' '192.0.2.8 known.here' '192.0.2.10 noname.here' \
    '192.0.2.11 hangs.here' '192.0.2.16 ends.here' >"$tmp/hosts"
settings '[resolver]' "hosts = $tmp/hosts" "$@" \
    '[tunnel "either"]' 'failover = s-knowsnone, s-name' '[tunnel "fake"]' 'upstream = socks5://10.9.0.2:3003' \
    'dns = fake' '[tunnel "late"]' "upstream = socks5://10.9.0.2:$((3000 + i - 1))" \
    'honest-connect = no' '[tunnel "six"]' 'upstream = socks5://[fd09::2]:3000' \
    '[tunnel "tells"]' 'upstream = http://user:Secret-0f-Us@10.9.0.2:2999' \
    '[tunnel "goes"]' 'upstream = http://127.0.0.1:2999' \
    '[tunnel "hung"]' 'failover = h-mute, s-name' \
    '[tunnel "gone"]' 'failover = s-dies, s-name'
rules "reroute via fake out domain *.far" "$(cat "$tmp/all.rules")" \
    "reroute via late out exe $python to 192.0.2.9" \
    "reroute via either out exe $python domain known.here" \
    "reroute via s-noname out exe $python domain noname.here" \
    "reroute via s-hangs out exe $python domain hangs.here" \
    "reroute via goes out exe $python to 192.0.2.17" \
    "reroute via h-hangs out exe $python domain ends.here" \
    "reroute via hung out exe $python to 192.0.2.12" \
    "reroute via gone out exe $python to 192.0.2.14" \
    "reroute via six out exe $python proto udp to 192.0.2.13" \
    "reroute via tells out exe $python to 192.0.2.15" \
    "default out accept" "default in accept"
check "the daemon starts" daemon_start
run_in tcp 192.0.2.12 7001 first >"$tmp/hung.1" &
hung=$!
run_in tcp 192.0.2.12 7001 first >"$tmp/hung.2" &
hung="$hung $!"

inc python3 "$odd" talk 192.0.2.7 8000 ${modes% s:knowsnone *} >"$tmp/told"
cat >"$tmp/want" <<-END
	s:short ECONNREFUSED
	s:early 11 banner EOF
	s:greeting EHOSTUNREACH
	s:name 11 banner EOF
	s:empty 11 banner EOF
	s:six 11 banner EOF
	s:dribble 11 banner EOF
	s:much 40011 banner EOF
	s:kind EHOSTUNREACH
	s:half EHOSTUNREACH
	s:nothing EHOSTUNREACH
	s:broken EHOSTUNREACH
	s:1 EHOSTUNREACH
	s:2 EHOSTUNREACH
	s:3 ENETUNREACH
	s:4 EHOSTUNREACH
	s:5 ECONNREFUSED
	s:6 EHOSTUNREACH
	s:7 EHOSTUNREACH
	s:8 EHOSTUNREACH
	s:99 EHOSTUNREACH
	h:more 11 banner EOF
	h:lf 11 banner EOF
	h:bare 11 banner EOF
	h:long 11 banner EOF
	h:lines EHOSTUNREACH
	h:huge EHOSTUNREACH
	h:ssh EHOSTUNREACH
	h:two EHOSTUNREACH
	h:cut EHOSTUNREACH
	h:escape EHOSTUNREACH
	h:403 EHOSTUNREACH
	h:407 EHOSTUNREACH
	h:500 EHOSTUNREACH
	h:502 EHOSTUNREACH
	h:504 EHOSTUNREACH
END
check_same "what a program is told" "$tmp/want" "$tmp/told"
why() { # TUNNEL REASON
	flows "any(x['tunnel'] == '$1' and x['close_reason'] == '''$2''' for x in f)"
}
check "one that answers before it is asked is asked all the same" \
    grep -qx "early 192.0.2.7 8001" "$tmp/odd.out"
check "one that hangs up after the greeting" why s-greeting \
    "the proxy does not speak its protocol (it hung up)"
check "bytes are counted, those that came with the answer, too" flows "sorted(
    (x['tunnel'], x['bytes_up'], x['bytes_down']) for x in f
    if x['tunnel'] in ('s-name', 's-much', 'h-more') and x['upstream']) == [
    ('h-more', 4, 11), ('s-much', 4, 40011), ('s-name', 4, 11)]"
check "what a proxy says does no harm to a terminal" sh -c "'$REROUTECTL' \
    --control '$tmp/control' tunnels | grep '^h-escape' |
    grep -v \"\$(printf '[\\033\\007]')\""

# -- one that says back what it was told, in its way or in clear --
secret=Secret-0f-Us
for port in 7001 7002; do
	check "user and password are not taken" says EHOSTUNREACH \
	    tcp 192.0.2.15 $port
	ctl tunnels test tells 192.0.2.15:$port
done >"$tmp/tells" 2>&1
ctl --json tunnels >>"$tmp/tells"
ctl --json flows >>"$tmp/tells"
check "which is told" grep -q '407 (its words are not shown' "$tmp/tells"
basic=$(printf 'user:%s' $secret | base64)
check_not "… and nowhere the password, nor a part of it" grep -aF \
    -e "${secret:0:8}" -e "${basic:0:8}" -e "${basic:8:8}" \
    "$tmp/tells" "$tmp/daemon.log"

# -- names that no proxy takes --
ask "plain.far" A >/dev/null
check "a name" says banner tcp "$addr" 7001 first
check "as the proxy was told" wait_for grep -qx "name plain.far 7001" \
    "$tmp/odd.out"
ask "odd name.far" A >/dev/null
check "one with a space has an address of ours, too" \
    [ "${addr%%.*}" = 198 ]
check "but no proxy is told that in its place" says EHOSTUNREACH \
    tcp "$addr" 7001
check "and why is known" flows "any(x['tunnel'] == 'fake' and
    (x['close_reason'] or '').endswith('(it can' + chr(39) + 't be told such a name)')
    for x in f)"
check_not "it was told nothing but the first" sh -c \
    "grep '^name ' '$tmp/odd.out' | grep -v 192.0.2.7 | grep -v plain.far"

# -- a list whose first is asked again, for the address --
ask known.here A >/dev/null
check "the next of it" says banner tcp "$addr" 7001 first
printf '%s\n' "knowsnone known.here 7001" "knowsnone 192.0.2.8 7001" \
    "name known.here 7001" >"$tmp/want"
grep -E '(known.here|192.0.2.8) 7001$' "$tmp/odd.out" >"$tmp/asked"
check_same "is asked for the name, too" "$tmp/want" "$tmp/asked"

# -- datagrams: where the proxy may expect them from --
run_in udp connected 192.0.2.13,7010 >/dev/null
check "one that is there by IPv6 alone is asked for that" grep -qx "7 :: 0" \
    "$tmp/odd6.out"

# -- proxies that take no names, or hang up when they don't know one --
for mode in noname hangs; do
	ask $mode.here A >/dev/null
	check "$mode: it goes by the address" says banner tcp "$addr" 7001 first
	check "$mode: when it was asked for the name" [ "$(grep "^$mode " \
	    "$tmp/odd.out" | xargs)" = \
	    "$mode $mode.here 7001 $mode $addr 7001" ]
done
ask ends.here A >/dev/null
check "one of HTTP that never answered anybody, too" says banner tcp "$addr" 7001 first
check "one that is rerouted into itself hangs up" says EHOSTUNREACH tcp 192.0.2.17 7001
check "which is told as what it is" flows "sum(
    'own proxy would go through it' in (x.get('close_reason') or '')
    for x in f if x['dst'] == '192.0.2.17') == 2"

# -- one of HTTP that is hung, in a list: it may be the far end, or it may not --
wait $hung
check "a proxy that says nothing to anybody: the next of the list" \
    grep -q '^banner ' "$tmp/hung.1"
check "that is its own fault" tunnel_is h-mute down ""
check "and it is left alone" says banner tcp 192.0.2.12 7001 first
check "at once" soon 5000

# -- and one that is gone before it has answered --
check "the next of the list: it is looked whether it is there" says banner \
    tcp 192.0.2.14 7001 first
check "and that it is not is known" tunnel_is s-dies up "refused"

# -- more than one program may have under way --
mkfifo "$tmp/crowd.in"
inc python3 "$odd" crowd 192.0.2.9 $mute 1100 <"$tmp/crowd.in" >"$tmp/crowd" &
crowd=$!
exec 6>"$tmp/crowd.in"
check "1100 of one program" wait_for has_text made "$tmp/crowd"
check "some are broken off at once" grep -q 'made [1-9]' "$tmp/crowd"
check "with the reason" why late \
    "its program or user has too many that wait for the far end"
echo >&6
exec 6>&-
wait $crowd
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
