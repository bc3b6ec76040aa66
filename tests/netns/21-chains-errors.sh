#!/bin/bash
# What goes wrong with the chains, and what the user is told: within bounded
# time, with what is missing and what to do; and then nothing is left behind.
#
#   c   a host of its own; nothing is sent

. "$(dirname "$0")/lib.sh"
need_root
need flock setpriv unshare iptables-legacy
CTL=$BUILDDIR/chainsctl
make_ns "$C"

# runs chainsctl, its stderr in $tmp/err, its time in $took
run() {
	_start=$(now_ms)
	leaks_once inc "$@" >"$tmp/out" 2>"$tmp/err"
	_status=$?
	took=$(($(now_ms) - _start))
	return $_status
}
nothing_left() {
	has_none iptables-legacy-save 'C17|17040|1117'
}

# -- the lock is held by another --
lock_tables
refused() { ! run "$CTL" install ip4 && [ "$took" -ge 1900 ]; }
check "lock held: install fails after about 2 s" best_of 4000 refused
check "lock held: -EBUSY" told "EBUSY: "
check "lock held: the holder is named" told "pid $holder holds the lock"
check "lock held: nothing is left" nothing_left
check "lock held: reading works all the same" run "$CTL" show ip4
stop "$holder"
check "lock given back" wait_for flock -n "$XTABLES_LOCKFILE" true
check "lock given back: install, without a wait" best_of 1000 run "$CTL" install ip4
check "the lock is given back" flock -n "$XTABLES_LOCKFILE" true

# -- the lock is given back while we wait --
wants_it() { ls -l "/proc/$removes/fd" | grep -qF "$XTABLES_LOCKFILE"; }
given_back() { # $took: from then on
	run "$CTL" install ip4 || return 1
	lock_tables
	background inc "$CTL" remove ip4
	removes=$pid
	wait_for wants_it && is_ours "$removes" || return 1
	stop "$holder"
	_start=$(now_ms)
	wait "$removes" || return 1
	took=$(($(now_ms) - _start))
}
check "lock given back meanwhile: remove" best_of 1900 given_back

# -- the lock can't be opened --
(
	XTABLES_LOCKFILE=$tmp/no/such/dir/lock
	export XTABLES_LOCKFILE
	run "$CTL" install ip4
)
check "no lock: the file is named" \
    told "can't open the lock $tmp/no/such/dir/lock: No such file"
check "no lock: nothing is left" nothing_left

# -- no privilege --
run "$CTL" install ip4
inc iptables-legacy-save >"$tmp/before.all"
grep -v '^#' "$tmp/before.all" >"$tmp/before"
for call in install remove verify show; do
	for f in ip4 ip6; do
		run setpriv --reuid=65534 --regid=65534 --clear-groups \
		    "$CTL" $call $f
		check "no privilege: $call $f" told \
		    "EPERM: changing iptables needs CAP_NET_ADMIN"
	done
done
run setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$CTL" install ip4
check "root without CAP_NET_ADMIN" told "EPERM: changing iptables needs"
run setpriv --bounding-set=-net_raw --inh-caps=-net_raw "$CTL" install ip4
check "root without CAP_NET_RAW" told "CAP_NET_RAW"
inc iptables-legacy-save | grep -v '^#' >"$tmp/after"
check_same "no privilege: nothing was changed" "$tmp/before" "$tmp/after"
run "$CTL" remove ip4

# -- a match or target that the kernel does not have --
check "what the kernel has" run "$CTL" probe ip4 target NFQUEUE 3
check_not "a missing target" run "$CTL" probe ip4 target NOSUCH 0
check "it is named, and what to do" told "ip4: the kernel has no target NOSUCH"
check "with the module" told "modprobe xt_of_it"
check_not "a missing match" run "$CTL" probe ip6 match nosuch 0
check "it is named" told "ip6: the kernel has no match nosuch"
check_not "a revision to come" run "$CTL" probe ip4 target NFQUEUE 99
check "it is said" told "the kernel is too old: its target NFQUEUE lacks"

# -- modules are asked for by the kernel's own program --
cat >"$tmp/modprobe" <<SCRIPT
#!/bin/sh
echo "\$*" >>$tmp/asked
case \$3 in good) exit 0 ;; slow) exec tail -f /dev/null ;; esac
exit 1
SCRIPT
chmod 755 "$tmp/modprobe"
with_modprobe() { # PATH MODULE
	unshare -m sh -ec "mount -t tmpfs none /proc/sys/kernel
		echo '$1' >/proc/sys/kernel/modprobe
		exec $CTL modprobe $2" 2>"$tmp/err"
}
check "modprobe: loads" with_modprobe "$tmp/modprobe" good
echo "-q -- good" >"$tmp/want"
check_same "modprobe: gets the module's name" "$tmp/want" "$tmp/asked"
check_not "modprobe: fails" with_modprobe "$tmp/modprobe" bad
check "modprobe: its failure is told" told EIO
check_not "modprobe: none" with_modprobe "" good
check "modprobe: its lack is told" told ENOENT
hangs() {
	_start=$(now_ms)
	! with_modprobe "$tmp/modprobe" slow || return 1
	took=$(($(now_ms) - _start))
	[ "$took" -ge 4900 ]
}
check "modprobe: one that hangs is ended after about 5 s" best_of 8000 hangs
check "modprobe: that is told" told ETIMEDOUT

# -- others that change the table without the lock --
cat >"$tmp/busy" <<'SCRIPT'
# a rule in, a rule out: the number of rules is never the same twice
while :; do
	XTABLES_LOCKFILE=$1 iptables-legacy -A FORWARD -j ACCEPT
	XTABLES_LOCKFILE=$1 iptables-legacy -D FORWARD -j ACCEPT
done
SCRIPT
background inc sh "$tmp/busy" "$tmp/other.lock"
busy=$pid
n=0
while [ $n -lt 30 ]; do
	# leaks are looked for in the first round: that takes as long as the rest
	[ $n -eq 0 ] || export ASAN_OPTIONS=detect_leaks=0
	run "$CTL" install ip4 && inc "$CTL" verify ip4 >/dev/null &&
	    run "$CTL" remove ip4 || break
	n=$((n + 1))
done
check "30 times in and out while another writes" [ $n -eq 30 ]
stop "$busy"
inc iptables-legacy -F FORWARD
check "nothing is left" nothing_left

finish
