#!/bin/bash
# A file system that does not answer (the server of NFS or sshfs is gone, or it
# is a program that means harm) holds up nobody but those who run from it: whose
# executable can't be compared with its path is not let out, and others wait for
# nothing. When it answers again, all is as before.
#
#     c 10.9.0.1, daemon, prog  ---- veth ----  s 10.9.0.2, ear
#
# Mounts are in a namespace of the test's own.
[ -n "${REROUTED_TEST_MOUNTS:-}" ] ||
	REROUTED_TEST_MOUNTS=1 exec unshare --mount "$0"
. "$(dirname "$0")/lib.sh"
need_root
need python3 setpriv unshare
[ -c /dev/fuse ] || skip "needs /dev/fuse"
at_end() {
	umount -l /etc/passwd 2>/dev/null # in this namespace alone
	umount -l "$tmp/fs" "$tmp/names" 2>/dev/null
}
net_up
mkdir "$tmp/fs"
cat >"$tmp/ear.py" <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.9.0.2", 7001))
print("ready", flush=True)
while True:
    print(s.recv(64).decode(), flush=True)
PY
# sends each word that it is told, by a socket that it has until the next one
cat >"$tmp/prog.sh" <<'SH'
echo $$ >&2
while read -r word; do
	exec 5<>/dev/udp/10.9.0.2/7001
	echo -n "$word" >&5
	echo "$word" >&2
done
SH
background ins python3 "$tmp/ear.py" >>"$tmp/ear"
wait_for has_text ready "$tmp/ear"
background python3 "$top/tests/netns/fuse.py" "$tmp/fs" /bin/bash >>"$tmp/fuse"
fuse=$pid
wait_for has_text ready "$tmp/fuse"

# NAME CMD...: starts it as nobody; its words go to $tmp/NAME
program() {
	local name=$1 fd
	shift
	mkfifo "$tmp/$name"
	exec {fd}<>"$tmp/$name"
	background_in=$tmp/$name
	background inc setpriv --reuid 65534 --regid 65534 --clear-groups \
	    "$@" "$tmp/prog.sh" 2>"$tmp/$name.said"
	unset background_in
	wait_for grep -q . "$tmp/$name.said"
}
says() { # NAME WORD
	echo "$2" >"$tmp/$1"
	wait_for grep -qx "$2" "$tmp/$1.said"
}
heard() { grep -qx "$1" "$tmp/ear"; }
# NAME: a file system that is a program may take too long on a busy machine; a
# socket is there long enough to be found
sent=0
gets_out() {
	local i
	sent=$((sent + 1))
	says "$1" "word-$sent"
	for i in 1 2 3 4 5 6 7 8 9 10; do
		heard "word-$sent" && return
		pause 0.03
	done
	return 1
}
others() {
	check "others, $1: judged" wait_for felt ECONNREFUSED \
	    inc "$BUILDDIR/probe" tcp 10.9.0.2 7009 300
	check "others, $1: reroutectl" ctl status
}
refused() { # so many packets were not judged for want of a process
	[ "$(counter processes_failed)" -gt "$1" ]
}
for bpf in auto no; do
	settings
	printf '[rerouted]\nbpf = %s\n' $bpf >>"$conf"
	rules "accept out exe $tmp/fs/prog" "default out accept" \
	    "default in accept" "default unknown drop"
	check "bpf = $bpf: the daemon starts" daemon_start
	program "there-$bpf" "$tmp/fs/prog"
	check "it answers: the program is heard" wait_for gets_out "there-$bpf"
	check "it answers: it is who it is" flows "any(x['exe'] ==
	    '$tmp/fs/prog' and x['process']['exe_here'] and
	    x['rule'] is not None for x in f)"
	# a path of ours, in whose place a program has its own
	cat >"$tmp/own.sh" <<SH
umount -l $tmp/fs && mount -t tmpfs own $tmp/fs && cp /bin/bash $tmp/fs/prog &&
    exec setpriv --reuid 65534 --regid 65534 --clear-groups $tmp/fs/prog \
    $tmp/prog.sh
SH
	mkfifo "$tmp/own-$bpf"
	exec {fd}<>"$tmp/own-$bpf"
	background_in=$tmp/own-$bpf
	background inc unshare --mount sh "$tmp/own.sh" 2>"$tmp/own-$bpf.said"
	unset background_in
	wait_for grep -q . "$tmp/own-$bpf.said"

	kill -USR1 "$fuse"
	wait_for has_text silent "$tmp/fuse"
	failed=$(counter processes_failed)
	for who in there own; do
		says "$who-$bpf" "$who-silent-$bpf"
		check "silent: $who is not let out" wait_for refused "$failed"
		failed=$(counter processes_failed)
		others "$who-$bpf"
		check_not "silent: $who is not heard" heard "$who-silent-$bpf"
	done
	asked() {
		says "there-$bpf" "asked-$bpf"
		grep -q unanswered "$tmp/fuse"
	}
	check "it was asked" wait_for asked
	for n in 1 2 3 4 5; do
		says "there-$bpf" "again-$n-$bpf"
		says "own-$bpf" "again-$n-$bpf"
	done
	others "again-$bpf"
	check_not "silent: nothing of them is heard" \
	    grep -E 'again|asked' "$tmp/ear"

	kill -USR2 "$fuse"
	wait_for has_text answers "$tmp/fuse"
	for who in there own; do
		check "it answers again: $who is heard" wait_for gets_out "$who-$bpf"
	done
	check "it answers again: what is elsewhere is not it" flows "any(x['exe']
	    == '$tmp/fs/prog' and not x['process']['exe_here'] and
	    x['rule'] is None for x in f)"
	daemon_stop
	check "the daemon ends well" test $? = 0
	: >"$tmp/fuse"
	: >"$tmp/ear"
done

# -- the names of users, on such a file system: nobody waits for those --
mkdir "$tmp/names"
background python3 "$top/tests/netns/fuse.py" "$tmp/names" /etc/passwd \
    >>"$tmp/names.fuse"
names=$pid
wait_for has_text ready "$tmp/names.fuse"
settings "[rerouted]" "watch = yes"
rules "default out accept" "default in accept"
check "names: the daemon starts" daemon_start
mount --bind "$tmp/names/prog" /etc/passwd
kill -USR1 "$names"
wait_for has_text silent "$tmp/names.fuse"
looked() {
	inc "$BUILDDIR/probe" tcp 10.9.0.2 7009 300 >"$tmp/looked"
	grep -q unanswered "$tmp/names.fuse"
}
check "names: they are looked for" wait_for looked
others "names are looked for"
check "names: what was known is told" flows "f[0]['process']['user'] == 'root'"
kill -USR2 "$names"
wait_for has_text answers "$tmp/names.fuse"
umount -l /etc/passwd
others "names are there again"

# -- a file of rules that is made just now, and is on such a file system --
: >"$tmp/names.fuse"
kill -STOP "$daemon"
: >"$tmp/rules/20.rules"
mount --bind "$tmp/names/prog" "$tmp/rules/20.rules"
kill -USR1 "$names"
wait_for has_text silent "$tmp/names.fuse"
kill -CONT "$daemon"
check "rules: it is looked at" wait_for has_text unanswered "$tmp/names.fuse"
others "a file of rules does not answer"
umount -l "$tmp/rules/20.rules"
rm "$tmp/rules/20.rules"
kill -USR2 "$names"
wait_for has_text answers "$tmp/names.fuse"
others "it is gone"
daemon_stop
check "names: the daemon ends well" test $? = 0
finish
