#!/bin/bash
# The second backend: the same rules through iptables-nft-restore in nf_tables,
# and every kind of damage noticed and put right as with the first one.
. "$(dirname "$0")/lib.sh"
need_root
need iptables-nft-save ip6tables-nft-save iptables-legacy-save
CTL=$BUILDDIR/chainsctl
make_ns "$C"
net_add B
ctl() { leaks_once inc "$CTL" "$@" restore; }

save() { # save NAMESPACE PROGRAM: order of tables and chains is its own matter
	for table in mangle nat filter security; do
		inns "$1" "$2" -t $table | grep '^-A' | sort -s -k 2,2
	done
}

for f in ip4 ip6; do
	i=$([ $f = ip4 ] && echo iptables || echo ip6tables)
	inc "$i-legacy-save" >"$tmp/legacy.before"
	check "$f: available" ctl available $f
	check "$f: remove where nothing ever was" ctl remove $f
	check_not "$f: verify where nothing ever was" ctl verify $f
	for setup in "" continue open; do
		name="$f${setup:+ $setup}"
		# shellcheck disable=SC2086
		check "$name: install" ctl install $f $setup
		# shellcheck disable=SC2086
		check "$name: verify finds it right" ctl verify $f $setup
		# shellcheck disable=SC2086
		inns "$B" "$CTL" install $f $setup
		save "$C" "$i-nft-save" >"$tmp/nft"
		save "$B" "$i-legacy-save" >"$tmp/legacy"
		check_same "$name: the rules of the first backend" \
		    "$tmp/legacy" "$tmp/nft"
		other=continue
		[ "$setup" = continue ] && other=
		# shellcheck disable=SC2086
		check_not "$name: another setup is told from it" \
		    ctl verify $f $other
	done
	check "$f: back to the first setup" ctl install $f
	inc "$i-nft-save" >"$tmp/once"
	check "$f: install again" ctl install $f
	inc "$i-nft-save" >"$tmp/twice"
	check_same "$f: install is idempotent" \
	    "$(grep -v '^#' "$tmp/once" >"$tmp/a"; echo "$tmp/a")" \
	    "$(grep -v '^#' "$tmp/twice" >"$tmp/b"; echo "$tmp/b")"
	inc "$i-legacy-save" >"$tmp/legacy.after"
	check_same "$f: the legacy tables stay unused" \
	    "$tmp/legacy.before" "$tmp/legacy.after"

	damage() { # damage NAME EXPECTED COMMANDS
		inc sh -ec "$3" || result not "$f: $1" "can't break it"
		ctl verify $f >"$tmp/out"
		[ $? -eq 1 ] || result not "$f: $1" "verify did not say 1"
		check "$f: verify finds $1" grep -qF -- "$2" "$tmp/out"
		check_not "$f: repair of $1 says so" sh -c \
		    "! nsenter --net=/run/netns/$C $CTL repair $f restore |
			grep -qF -- '$2'"
		check "$f: $1 is repaired" ctl verify $f
	}
	damage "a displaced jump" \
	    "$f filter OUTPUT: jump to C17 is not first, it is rule 2" \
	    "$i-nft -I OUTPUT -p tcp -j ACCEPT"
	damage "a missing jump" "$f mangle INPUT: jump to C171 is missing" \
	    "$i-nft -t mangle -D INPUT -j C171"
	damage "a second jump" "$f filter INPUT: jump to C17 is there 2 times" \
	    "$i-nft -A INPUT -j C17"
	damage "an extra rule" "$f filter C17: rule 2 is extra: \
-A C17 -m mark --mark 0x2a -j ACCEPT" \
	    "$i-nft -I C17 2 -m mark --mark 42 -j ACCEPT"
	damage "a flushed chain" "$f mangle C171: missing at the end" \
	    "$i-nft -t mangle -F C171"
	damage "a flushed table" "$f filter OUTPUT: jump to C17 is missing" \
	    "$i-nft -F"
	inc "$i-nft" -A OUTPUT -m comment --comment 'a "b" -j C17' -j RETURN
	inc "$i-nft" -A OUTPUT -p tcp -m tcp --dport 9 -j ACCEPT
	check "$f: rules of others are no difference" ctl verify $f
	check_not "$f: but others" ctl others $f
	check "$f: remove" ctl remove $f
	save "$C" "$i-nft-save" >"$tmp/left"
	check "$f: rules of others stay" grep -q 'dport 9' "$tmp/left"
	check_not "$f: nothing of ours is left" sh -c "nsenter \
	    --net=/run/netns/$C $i-nft-save | grep -vF comment |
	    grep -E 'C17|0x6a|0x707'"
	check "$f: remove again" ctl remove $f
done
finish
