#!/bin/bash
# The chains: what is put in is the specification with the additions of
# design.md section 2, IPv4 and IPv6; it can be put in over anything, taken out
# without a trace, and every kind of damage is noticed.
#
#   c   where the daemon's side of the code (chainsctl) works
#   b   the same rules by the hand of iptables-legacy-restore

. "$(dirname "$0")/lib.sh"
need_root
need iptables-legacy-restore ip6tables-legacy-restore
CTL=$BUILDDIR/chainsctl
make_ns "$C"
net_add B

ipt() { [ "$1" = ip4 ] && echo iptables-legacy || echo ip6tables-legacy; }
# without comments, they hold the time
save() {
	for table in mangle nat filter security; do
		inns "$1" "$(ipt "$2")-save" -t $table | grep -v '^#'
	done
}
ctl() { leaks_once inc "$CTL" "$@"; }

# what the specification says, as one would type it, in its order; the jumps
# and nat rules stand first in their chains
cat >"$tmp/spec.ip4" <<'RULES'
*mangle
:C170 - [0:0]
:C171 - [0:0]
:C172 - [0:0]
-A C170 -m connmark --mark 1710 -m conntrack --ctstate NEW,ESTABLISHED -j RETURN
-A C170 -p icmp -m conntrack --ctstate RELATED -j MARK --set-mark 1700
-A C170 -p icmp -m conntrack --ctstate RELATED -j RETURN
-A C170 -m conntrack --ctstate RELATED -j CONNMARK --set-mark 0
-A C170 -m conntrack --ctstate INVALID,UNTRACKED -j MARK --set-mark 0
-A C170 -m mark ! --mark 0 -m connmark --mark 0 -j NFQUEUE --queue-num 17040
-A C170 -m connmark --mark 1703 -j CONNMARK --set-mark 0
-A C170 -j CONNMARK --restore-mark
-A C170 -m mark --mark 0 -j NFQUEUE --queue-num 17040 --queue-bypass
-A C170 -m mark ! --mark 1710 -m mark ! --mark 1711 -m mark ! --mark 1712 -m mark ! --mark 1717 -m mark ! --mark 1799 -m conntrack --ctstate NEW -j NFQUEUE --queue-num 17040
-A C171 -m connmark --mark 1710 -m conntrack --ctstate NEW,ESTABLISHED -j RETURN
-A C171 -p icmp -m conntrack --ctstate RELATED -j MARK --set-mark 1700
-A C171 -p icmp -m conntrack --ctstate RELATED -j RETURN
-A C171 -m conntrack --ctstate RELATED -j CONNMARK --set-mark 0
-A C171 -m conntrack --ctstate INVALID,UNTRACKED -j MARK --set-mark 0
-A C171 -m mark ! --mark 0 -m mark ! --mark 0x600/0xf00 -m mark ! --mark 0x700/0xf00 -m connmark --mark 0 -j CONNMARK --set-mark 1703
-A C171 -m connmark --mark 1703 -j NFQUEUE --queue-num 17140
-A C171 -j CONNMARK --restore-mark
-A C171 -m mark --mark 0 -j NFQUEUE --queue-num 17140 --queue-bypass
-A C171 -m mark ! --mark 1710 -m mark ! --mark 1711 -m mark ! --mark 1712 -m mark ! --mark 1717 -m mark ! --mark 1799 -m conntrack --ctstate NEW -j NFQUEUE --queue-num 17140
-A OUTPUT -j C170
-A INPUT -j C171
-A POSTROUTING -d 127.0.0.0/8 ! -o lo -j DROP
-A POSTROUTING -m mark ! --mark 1710 -j C172
-A C172 ! -o lo -m mark --mark 1717/0xfff -j DROP
-A C172 ! -o lo -m mark --mark 1799/0xfff -j DROP
-A C172 -m mark --mark 1701/0xfff -j DROP
-A C172 -m mark --mark 1702/0xfff -j DROP
-A C172 -m mark --mark 1711/0xfff -j DROP
-A C172 -m mark --mark 1712/0xfff -j DROP
COMMIT
*filter
:C17 - [0:0]
-A C17 -m mark --mark 0 -m connmark --mark 1710 -m conntrack --ctstate NEW,ESTABLISHED -j CONNMARK --restore-mark
-A C17 -m mark --mark 1710 -m connmark --mark 1710 -j ACCEPT
-A C17 -m mark --mark 0 -j DROP
-A C17 -m mark ! --mark 0 -m mark ! --mark 0x600/0xf00 -m mark ! --mark 0x700/0xf00 -m connmark --mark 1703 -j CONNMARK --set-mark 1710
-A C17 -m connmark --mark 1703 -j CONNMARK --set-mark 0
-A C17 -m mark --mark 1700 -j ACCEPT
-A C17 -m mark --mark 1701 -j REJECT --reject-with icmp-host-prohibited
-A C17 -m mark --mark 1702 -j DROP
-A C17 -m mark ! --mark 0 -m mark ! --mark 0x600/0xf00 -m mark ! --mark 0x700/0xf00 -m connmark --mark 1710 -j ACCEPT
-A C17 -j CONNMARK --save-mark
-A C17 -m mark --mark 1710 -j ACCEPT
-A C17 -m mark --mark 1711 -j REJECT --reject-with icmp-host-prohibited
-A C17 -m mark --mark 1712 -j DROP
-A C17 -m mark --mark 1717 -j ACCEPT
-A C17 -m mark --mark 1710/0xfff -j CONNMARK --set-mark 1710
-A C17 -m mark --mark 1700/0xfff -j CONNMARK --set-mark 0
-A C17 -m mark --mark 1701/0xfff -j REJECT --reject-with icmp-host-prohibited
-A C17 -m mark --mark 1711/0xfff -j REJECT --reject-with icmp-host-prohibited
-A C17 -m mark --mark 1702/0xfff -j DROP
-A C17 -m mark --mark 1712/0xfff -j DROP
-A OUTPUT -j C17
-A INPUT -j C17
COMMIT
*nat
-A OUTPUT -p udp --dport 53 -m mark --mark 1799 -j DNAT --to 127.0.0.1:53
-A OUTPUT -p tcp -m mark --mark 1799 -j DNAT --to-destination 127.0.0.1:53
-A OUTPUT -m mark --mark 1717 -p tcp -j DNAT --to-destination 127.0.0.17:1117
-A OUTPUT -m mark --mark 1717 -p udp -j DNAT --to-destination 127.0.0.17:1117
-A OUTPUT -m mark --mark 1717 -j DNAT --to-destination 127.0.0.17
-A OUTPUT -m mark --mark 0 -j RETURN
COMMIT
*security
:C173 - [0:0]
-A INPUT -m mark ! --mark 1710 -j C173
-A OUTPUT -m mark ! --mark 1710 -j C173
-A C173 -m mark --mark 0 -m connmark --mark 1710 -m conntrack --ctstate NEW,ESTABLISHED -j CONNMARK --restore-mark
-A C173 -m mark --mark 0 -j DROP
-A C173 -m mark --mark 1701 -j DROP
-A C173 -m mark --mark 1702 -j DROP
-A C173 -m mark --mark 1711 -j DROP
-A C173 -m mark --mark 1712 -j DROP
-A C173 -d 127.0.0.0/8 -m mark --mark 1717 -j RETURN
-A C173 -m mark --mark 1717 -m conntrack --ctstate NEW -j DROP
-A C173 -d 127.0.0.0/8 -m mark --mark 1799 -j RETURN
-A C173 -m mark --mark 1799 -m conntrack --ctstate NEW -j DROP
COMMIT
RULES
cat >"$tmp/spec.ip6" <<'RULES'
*mangle
:C170 - [0:0]
:C171 - [0:0]
:C172 - [0:0]
-A C170 -m connmark --mark 1710 -m conntrack --ctstate NEW,ESTABLISHED -j RETURN
-A C170 -p icmpv6 -m conntrack --ctstate RELATED -j MARK --set-mark 1700
-A C170 -p icmpv6 -m conntrack --ctstate RELATED -j RETURN
-A C170 -m conntrack --ctstate RELATED -j CONNMARK --set-mark 0
-A C170 -m conntrack --ctstate INVALID,UNTRACKED -j MARK --set-mark 0
-A C170 -m mark ! --mark 0 -m connmark --mark 0 -j NFQUEUE --queue-num 17060
-A C170 -m connmark --mark 1703 -j CONNMARK --set-mark 0
-A C170 -j CONNMARK --restore-mark
-A C170 -m mark --mark 0 -j NFQUEUE --queue-num 17060 --queue-bypass
-A C170 -m mark ! --mark 1710 -m mark ! --mark 1711 -m mark ! --mark 1712 -m mark ! --mark 1717 -m mark ! --mark 1799 -m conntrack --ctstate NEW -j NFQUEUE --queue-num 17060
-A C171 -m connmark --mark 1710 -m conntrack --ctstate NEW,ESTABLISHED -j RETURN
-A C171 -p icmpv6 -m conntrack --ctstate RELATED -j MARK --set-mark 1700
-A C171 -p icmpv6 -m conntrack --ctstate RELATED -j RETURN
-A C171 -m conntrack --ctstate RELATED -j CONNMARK --set-mark 0
-A C171 -m conntrack --ctstate INVALID,UNTRACKED -j MARK --set-mark 0
-A C171 -m mark ! --mark 0 -m mark ! --mark 0x600/0xf00 -m mark ! --mark 0x700/0xf00 -m connmark --mark 0 -j CONNMARK --set-mark 1703
-A C171 -m connmark --mark 1703 -j NFQUEUE --queue-num 17160
-A C171 -j CONNMARK --restore-mark
-A C171 -m mark --mark 0 -j NFQUEUE --queue-num 17160 --queue-bypass
-A C171 -m mark ! --mark 1710 -m mark ! --mark 1711 -m mark ! --mark 1712 -m mark ! --mark 1717 -m mark ! --mark 1799 -m conntrack --ctstate NEW -j NFQUEUE --queue-num 17160
-A OUTPUT -j C170
-A INPUT -j C171
-A POSTROUTING -d ::1 ! -o lo -j DROP
-A POSTROUTING -m mark ! --mark 1710 -j C172
-A C172 ! -o lo -m mark --mark 1717/0xfff -j DROP
-A C172 ! -o lo -m mark --mark 1799/0xfff -j DROP
-A C172 -m mark --mark 1701/0xfff -j DROP
-A C172 -m mark --mark 1702/0xfff -j DROP
-A C172 -m mark --mark 1711/0xfff -j DROP
-A C172 -m mark --mark 1712/0xfff -j DROP
COMMIT
*filter
:C17 - [0:0]
-A C17 -m mark --mark 0 -m connmark --mark 1710 -m conntrack --ctstate NEW,ESTABLISHED -j CONNMARK --restore-mark
-A C17 -m mark --mark 1710 -m connmark --mark 1710 -j ACCEPT
-A C17 -m mark --mark 0 -j DROP
-A C17 -m mark ! --mark 0 -m mark ! --mark 0x600/0xf00 -m mark ! --mark 0x700/0xf00 -m connmark --mark 1703 -j CONNMARK --set-mark 1710
-A C17 -m connmark --mark 1703 -j CONNMARK --set-mark 0
-A C17 -m mark --mark 1700 -j ACCEPT
-A C17 -m mark --mark 1701 -j REJECT --reject-with icmp6-adm-prohibited
-A C17 -m mark --mark 1702 -j DROP
-A C17 -m mark ! --mark 0 -m mark ! --mark 0x600/0xf00 -m mark ! --mark 0x700/0xf00 -m connmark --mark 1710 -j ACCEPT
-A C17 -j CONNMARK --save-mark
-A C17 -m mark --mark 1710 -j ACCEPT
-A C17 -m mark --mark 1711 -j REJECT --reject-with icmp6-adm-prohibited
-A C17 -m mark --mark 1712 -j DROP
-A C17 -m mark --mark 1717 -j ACCEPT
-A C17 -m mark --mark 1710/0xfff -j CONNMARK --set-mark 1710
-A C17 -m mark --mark 1700/0xfff -j CONNMARK --set-mark 0
-A C17 -m mark --mark 1701/0xfff -j REJECT --reject-with icmp6-adm-prohibited
-A C17 -m mark --mark 1711/0xfff -j REJECT --reject-with icmp6-adm-prohibited
-A C17 -m mark --mark 1702/0xfff -j DROP
-A C17 -m mark --mark 1712/0xfff -j DROP
-A OUTPUT -j C17
-A INPUT -j C17
COMMIT
*nat
-A OUTPUT -p udp --dport 53 -m mark --mark 1799 -j DNAT --to [::1]:53
-A OUTPUT -p tcp -m mark --mark 1799 -j DNAT --to-destination [::1]:53
-A OUTPUT -m mark --mark 1717 -p tcp -j DNAT --to-destination [::1]:1117
-A OUTPUT -m mark --mark 1717 -p udp -j DNAT --to-destination [::1]:1117
-A OUTPUT -m mark --mark 1717 -j DNAT --to-destination ::1
-A OUTPUT -m mark --mark 0 -j RETURN
COMMIT
*security
:C173 - [0:0]
-A INPUT -m mark ! --mark 1710 -j C173
-A OUTPUT -m mark ! --mark 1710 -j C173
-A C173 -m mark --mark 0 -m connmark --mark 1710 -m conntrack --ctstate NEW,ESTABLISHED -j CONNMARK --restore-mark
-A C173 -m mark --mark 0 -j DROP
-A C173 -m mark --mark 1701 -j DROP
-A C173 -m mark --mark 1702 -j DROP
-A C173 -m mark --mark 1711 -j DROP
-A C173 -m mark --mark 1712 -j DROP
-A C173 -d ::1/128 -m mark --mark 1717 -j RETURN
-A C173 -m mark --mark 1717 -m conntrack --ctstate NEW -j DROP
-A C173 -d ::1/128 -m mark --mark 1799 -j RETURN
-A C173 -m mark --mark 1799 -m conntrack --ctstate NEW -j DROP
COMMIT
RULES
# and how iptables-save writes that, one table by hand against surprises of
# the tool itself
cat >"$tmp/saved.c17" <<'RULES'
-A INPUT -j C17
-A OUTPUT -j C17
-A C17 -m mark --mark 0x0 -m connmark --mark 0x6ae -m conntrack --ctstate NEW,ESTABLISHED -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
-A C17 -m mark --mark 0x6ae -m connmark --mark 0x6ae -j ACCEPT
-A C17 -m mark --mark 0x0 -j DROP
-A C17 -m mark ! --mark 0x0 -m mark ! --mark 0x600/0xf00 -m mark ! --mark 0x700/0xf00 -m connmark --mark 0x6a7 -j CONNMARK --set-xmark 0x6ae/0xffffffff
-A C17 -m connmark --mark 0x6a7 -j CONNMARK --set-xmark 0x0/0xffffffff
-A C17 -m mark --mark 0x6a4 -j ACCEPT
-A C17 -m mark --mark 0x6a5 -j REJECT --reject-with icmp-host-prohibited
-A C17 -m mark --mark 0x6a6 -j DROP
-A C17 -m mark ! --mark 0x0 -m mark ! --mark 0x600/0xf00 -m mark ! --mark 0x700/0xf00 -m connmark --mark 0x6ae -j ACCEPT
-A C17 -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
-A C17 -m mark --mark 0x6ae -j ACCEPT
-A C17 -m mark --mark 0x6af -j REJECT --reject-with icmp-host-prohibited
-A C17 -m mark --mark 0x6b0 -j DROP
-A C17 -m mark --mark 0x6b5 -j ACCEPT
-A C17 -m mark --mark 0x6ae/0xfff -j CONNMARK --set-xmark 0x6ae/0xffffffff
-A C17 -m mark --mark 0x6a4/0xfff -j CONNMARK --set-xmark 0x0/0xffffffff
-A C17 -m mark --mark 0x6a5/0xfff -j REJECT --reject-with icmp-host-prohibited
-A C17 -m mark --mark 0x6af/0xfff -j REJECT --reject-with icmp-host-prohibited
-A C17 -m mark --mark 0x6a6/0xfff -j DROP
-A C17 -m mark --mark 0x6b0/0xfff -j DROP
RULES

# rules of others, with counters, around ours
cat >"$tmp/foreign.ip4" <<'RULES'
*mangle
:PREROUTING ACCEPT [11:1100]
:INPUT ACCEPT [12:1200]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [13:1300]
:POSTROUTING ACCEPT [14:1400]
[5:500] -A OUTPUT -p tcp -m tcp --dport 8080 -j MARK --set-xmark 0x99/0xff
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [3:300]
:POSTROUTING ACCEPT [4:400]
:DOCKER - [0:0]
[1:60] -A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER
[2:120] -A OUTPUT -m mark --mark 0x6b5 -j DNAT --to-destination 127.0.0.18
[6:360] -A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1
COMMIT
*filter
:INPUT DROP [7:700]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [8:800]
:C18 - [0:0]
:ufw-before - [0:0]
[21:2100] -A INPUT -i lo -j ACCEPT
[22:2200] -A INPUT -j ufw-before
[23:2300] -A OUTPUT -j C18
[24:2400] -A OUTPUT -m mark --mark 0x6a4 -j ACCEPT
[25:2500] -A C18 -m comment --comment "not C17" -j RETURN
[26:2600] -A ufw-before -p tcp -m multiport --dports 22,80 -j ACCEPT
COMMIT
RULES
sed 's/127\.0\.0\.18/::2/; s/10\.0\.0\.1/fd00::1/' \
    "$tmp/foreign.ip4" >"$tmp/foreign.ip6"

restore() { inns "$1" "$(ipt "$2")-restore" -c <"$3"; }
ours() { grep -E -- ' C17[0-3]?( |$)|^:C17|0x707|0x0 -j RETURN'; }

for f in ip4 ip6; do
	i=$(ipt $f)

	# -- what is put in --
	check "$f: remove where nothing ever was" ctl remove $f
	ctl verify $f >"$tmp/out"
	check "$f: verify says that nothing is there" \
	    grep -q "$f filter table: is not in use" "$tmp/out"
	inc cat "/proc/net/${i%tables-legacy}_tables_names" >"$tmp/out"
	check_not "$f: remove and verify leave tables out of use" \
	    test -s "$tmp/out"
	check "$f: available" ctl available $f
	check "$f: install" ctl install $f
	check "$f: verify finds it right" ctl verify $f
	inns "$B" "$i-restore" <"$tmp/spec.$f"
	save "$C" $f >"$tmp/a"
	save "$B" $f >"$tmp/b"
	check_same "$f: $i-save prints the specification's rules" \
	    "$tmp/b" "$tmp/a"
	ctl dump $f >"$tmp/a"
	inns "$B" "$CTL" dump $f >"$tmp/b"
	check_same "$f: the kernel's bytes are those of $i" "$tmp/b" "$tmp/a"
	inc "$i-save" -t filter | grep '^-A' |
	    sed 's/icmp6-adm-prohibited/icmp-host-prohibited/' >"$tmp/a"
	check_same "$f: filter, line by line" "$tmp/saved.c17" "$tmp/a"
	for t in mangle nat filter security; do
		inc "$i-save" -c -t $t | sed -n "s/^\[/$t [/p"
	done >"$tmp/a"
	ctl show $f >"$tmp/b"
	check_same "$f: show prints what $i-save prints" "$tmp/a" "$tmp/b"

	# -- again and over leftovers --
	save "$C" $f >"$tmp/once"
	check "$f: install again" ctl install $f
	save "$C" $f >"$tmp/twice"
	check_same "$f: install is idempotent" "$tmp/once" "$tmp/twice"
	inc "$i" -t filter -A OUTPUT -j C17
	inc "$i" -t filter -A OUTPUT -p tcp -j C17
	inc "$i" -t filter -A FORWARD -j C17
	inc "$i" -t filter -I C17 1 -j ACCEPT
	inc "$i" -t mangle -F C171
	inc "$i" -t mangle -D INPUT -j C171
	inc "$i" -t mangle -X C171
	inc "$i-save" -t nat | grep '^-A OUTPUT' | while read -r rule; do
		# shellcheck disable=SC2086
		inc "$i" -t nat $rule
	done
	check "$f: install over the leftovers of a crash" ctl install $f
	save "$C" $f >"$tmp/twice"
	check_same "$f: leftovers are gone" "$tmp/once" "$tmp/twice"

	# -- remove --
	check "$f: remove" ctl remove $f
	save "$C" $f >"$tmp/a"
	check_not "$f: nothing of ours is left" ours <"$tmp/a"
	check "$f: remove again" ctl remove $f
	check_not "$f: verify says so" ctl verify $f

	# -- others' rules --
	restore "$C" $f "$tmp/foreign.$f"
	inc "$i-save" -c | grep -v '^#' >"$tmp/before"
	check "$f: install beside others" ctl install $f
	check "$f: verify beside others" ctl verify $f
	for t in mangle nat filter; do
		inc "$i-save" -t $t | grep -m1 '^-A OUTPUT'
	done >"$tmp/first"
	check "$f: mangle jump first" grep -q '^-A OUTPUT -j C170$' "$tmp/first"
	check "$f: filter jump first" grep -q '^-A OUTPUT -j C17$' "$tmp/first"
	check "$f: nat rule first" grep -q '^-A OUTPUT.*0x707' "$tmp/first"
	inc "$i-save" -c | grep -v '^#' >"$tmp/with"
	# what is new is ours: taken away, others' lines and counters remain
	grep -vE -- '-j C17[0-3]?$|-A C17[0-3]? |^:C17[0-3]? |0x707|0x6b5|0x0 -j RETURN|-A (POSTROUTING|INPUT|OUTPUT) .*--mark 0x[0-9a-f]* -j DROP$|-A POSTROUTING .*DROP$' \
	    "$tmp/with" >"$tmp/a"
	grep -v '0x6b5' "$tmp/before" >"$tmp/b"
	check_same "$f: others' rules and counters stay at install" \
	    "$tmp/b" "$tmp/a"
	check "$f: remove beside others" ctl remove $f
	inc "$i-save" -c | grep -v '^#' >"$tmp/after"
	check_same "$f: others' rules and counters stay at remove" \
	    "$tmp/before" "$tmp/after"

	# -- damage --
	# damage NAME EXPECTED COMMANDS: puts all right, breaks it, wants to
	# be told exactly that
	damage() {
		ctl install $f || result not "$f: install before $1" "failed"
		inc sh -ec "$3" || result not "$f: $1" "can't break it"
		ctl verify $f >"$tmp/out"
		[ $? -eq 1 ] || result not "$f: $1" "verify did not say 1"
		printf '%s\n' "$2" >"$tmp/want"
		check_same "$f: verify finds $1" "$tmp/want" "$tmp/out"
	}
	case $f in
	ip4) queue=17040 ;;
	ip6) queue=17060 ;;
	esac
	damage "a displaced jump" \
	    "$f filter OUTPUT: jump to C17 is not first, it is rule 2" \
	    "$i -I OUTPUT -p tcp -j ACCEPT"
	inc "$i" -D OUTPUT 1
	damage "a missing jump" "$f mangle INPUT: jump to C171 is missing" \
	    "$i -t mangle -D INPUT -j C171"
	damage "a second jump" "$f filter INPUT: jump to C17 is there 2 times" \
	    "$i -A INPUT -j C17"
	damage "a jump from elsewhere" \
	    "$f filter FORWARD: rule 1 is extra: -A FORWARD -j C17" \
	    "$i -I FORWARD -j C17"
	damage "an extra rule" "$f filter C17: rule 2 is extra: \
-A C17 -m mark --mark 0x2a -j ACCEPT" \
	    "$i -I C17 2 -m mark --mark 42 -j ACCEPT"
	damage "an extra rule that we don't know" \
	    "$f filter C17: rule 1 is extra: -A C17 -p 6 -m tcp -j LOG ..." \
	    "$i -I C17 1 -p tcp --dport 80 -j LOG"
	damage "a missing rule" "$f mangle C170: missing before rule 9: \
-A C170 -m mark --mark 0x0 -j NFQUEUE --queue-num $queue --queue-bypass" \
	    "$i -t mangle -D C170 9"
	damage "a changed rule" "$f mangle C170: rule 9 differs: \
-A C170 -m mark --mark 0x0 -j NFQUEUE --queue-num 17 instead of \
-A C170 -m mark --mark 0x0 -j NFQUEUE --queue-num $queue --queue-bypass" \
	    "$i -t mangle -R C170 9 -m mark --mark 0 -j NFQUEUE --queue-num 17"
	damage "a flushed chain" "$(ctl show $f |
	    sed -n "s/^mangle \[0:0\] \(-A C171.*\)/\
$f mangle C171: missing at the end: \1/p")" "$i -t mangle -F C171"
	damage "a missing chain" "$f filter C17: the chain is missing
$f filter INPUT: jump to C17 is missing
$f filter OUTPUT: jump to C17 is missing" \
	    "$i -D OUTPUT -j C17; $i -D INPUT -j C17; $i -F C17; $i -X C17"
	damage "nat rules behind another" \
	    "$(inc "$i-save" -t nat | grep -E '0x707|0x6b5|0x0 -j RETURN' | grep -v '\.18\|::2' |
		awk -v f=$f '{ place = NR == 1 ? "first" : "rule " NR
		printf "%s nat OUTPUT: %s is not %s, it is rule %d\n", f, $0,
		    place, NR + 1 }')" \
	    "$i -t nat -I OUTPUT -p tcp -j RETURN"
	inc "$i" -t nat -D OUTPUT 1
	ctl remove $f
done

# -- both families are apart --
ctl install ip4
save "$C" ip6 >"$tmp/a"
check_not "ip4 leaves ip6 alone" ours <"$tmp/a"

# -- many leftovers, in bounded time --
{
	echo '*filter'
	n=0
	while [ $n -lt 500 ]; do
		echo "-A OUTPUT -j C17"
		echo "-A OUTPUT -p tcp -m tcp --dport $n -j ACCEPT"
		n=$((n + 1))
	done
	echo COMMIT
} >"$tmp/many"
over_many() {
	inc iptables-legacy-restore --noflush <"$tmp/many"
	start=$(now_ms)
	ctl install ip4 || return 1
	took=$(($(now_ms) - start))
}
check "install over 500 leftover jumps, in less than 2 s" best_of 2000 over_many
check "500 rules of others are left" sh -c \
    "[ \$(nsenter --net=/run/netns/$C iptables-legacy-save |
	grep -c -- '--dport') -ge 500 ]"
check "and all is in place" ctl verify ip4

finish
