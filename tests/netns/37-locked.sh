#!/bin/bash
# A program may keep its own memory locked, by a page that a file system of its
# own brings in when it likes: whoever reads its command line waits, and can't be
# woken. That costs its own user's connections, and nobody else's.
#
#     c 10.9.0.1, daemon, programs  ---- veth ----  s 10.9.0.2, answers
. "$(dirname "$0")/lib.sh"
need_root
need python3
net_up
probe=$BUILDDIR/probe
background ins "$probe" serve 7001 10.9.0.2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
rules "default out accept" "default in accept"
mkdir "$tmp/held"
hold() { # hold never|slow [WORD...]: ends all where there is no FUSE
	background inc unshare -m python3 "$top/tests/netns/pages.py" \
	    "$tmp/held" "$@" >"$tmp/holds" 2>"$tmp/holds.err"
	holds=$pid
	wait_for grep -q . "$tmp/holds"
	! grep none "$tmp/holds" || finish
	read -r _ locked <"$tmp/holds"
}

# -- for ever --
is_locked() {
	! timeout -s KILL 0.2 cat "/proc/$locked/cmdline" >"$tmp/cmdline"
}
for bpf in auto no; do
	settings "[rerouted]" "bpf = $bpf"
	hold never
	check "bpf = $bpf: a program is locked" wait_for is_locked
	check "… and the daemon starts" daemon_start
	for i in 1 2 3; do
		inc python3 -c 'import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"x", ("10.9.0.1", 22000))'
	done
	check "… and others connect" inc "$probe" tcp 10.9.0.2 7001
	check "… with what is known of them" flows "any(
	    x['exe'].endswith('probe') and x['dport'] == 7001 for x in f)"
	stop "$holds" KILL
	daemon_stop
	check "bpf = $bpf: the daemon ends well" test $? = 0
done

# -- for a millisecond at a time, a dozen of them: the loop waits for one user's no
# longer than a fiftieth of the time --
cat >"$tmp/others.py" <<'PY'
import encodings.idna, os, socket, sys, time
os.setgroups([])
os.setresgid(65533, 65533, 65533)
os.setresuid(65533, 65533, 65533)
took, end = [], time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    began = time.monotonic()
    with socket.create_connection(("10.9.0.2", 7001), 30):
        pass
    took.append((time.monotonic() - began) * 1000)
    time.sleep(0.01)
took.sort()
print(len(took), "connections of another user: %.1f ms, at worst %.1f" %
      (took[len(took) // 2], took[-1]))
PY
# the share of the time, in thousandths, that the loop waits for another thread
cat >"$tmp/waits.py" <<'PY'
import sys, time
n = waits = 0
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    with open(f"/proc/{sys.argv[1]}/wchan") as wchan:
        waits += "futex" in wchan.read()
    n += 1
    time.sleep(0.001)
print(waits * 1000 // n)
PY
# named, or dropped
met() {
	flows "any(8000 <= x['dport'] < 9000 for x in f)" ||
		[ "$(counter processes_failed)" -gt 0 ]
}
for bpf in auto no; do
	settings "[rerouted]" "bpf = $bpf"
	check "bpf = $bpf: the daemon starts" daemon_start
	hold slow 1 12 10.9.0.2 8000
	check "… a dozen programs are locked time and again" wait_for met
	background python3 "$tmp/waits.py" "$daemon" 3 >"$tmp/waits"
	check "… others connect all the while" inc python3 "$tmp/others.py" 3
	sed 's/^/# /' "$tmp/check.out"
	wait "$pid"
	check "… the loop waits $(cat "$tmp/waits") thousandths of the time" \
	    [ "$(cat "$tmp/waits")" -lt 100 ]
	stop "$holds" KILL
	daemon_stop
	check "… the daemon ends well" test $? = 0
done
finish
