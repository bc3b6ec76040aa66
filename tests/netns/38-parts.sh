#!/bin/bash
# A file system of several parts has the same numbers for files of each: a btrfs
# with its subvolumes, an overlay of two file systems. Who is gone is at his path
# there as anywhere, and nobody passes for the file of another part.
#
#     c 10.9.0.1, programs  ---- veth ----  s 10.9.0.2, counts what arrives
. "$(dirname "$0")/lib.sh"
need_root
need python3 unshare $IPT4
net_up
short=$BUILDDIR/short
[ -x "$short" ] || skip "needs short to be built"
bash=$(readlink -f /bin/bash)
tries=${TRIES:-5}
at_end() { umount "$tmp/all" "$tmp/upper" "$tmp/lower" "$tmp/other" \
    "$tmp/third" "$tmp/btrfs"; } 2>/dev/null
mkdir "$tmp/all" "$tmp/upper" "$tmp/lower" "$tmp/other" "$tmp/third" \
    "$tmp/btrfs"

mount -t tmpfs none "$tmp/lower" && mount -t tmpfs none "$tmp/upper" ||
	skip "can't mount"
# same_inode AS FILE: FILE, below, is made anew with the inode of AS
same_inode() {
	local want i
	want=$(stat -c %i "$1")
	for i in $(seq 400); do
		: >"$2.$i"
		[ "$(stat -c %i "$2.$i")" != "$want" ] || break
	done
	mv "$2.$i" "$2"
	cat "$3" >"$2"
	chmod 755 "$2"
	[ "$(stat -c %i "$2")" = "$want" ]
}
mkdir "$tmp/upper/u" "$tmp/upper/w"
for i in $(seq 40); do : >"$tmp/lower/.$i"; done
cp "$short" "$tmp/lower/good"
cp "$bash" "$tmp/lower/good.sh"
parts=
if mount -t overlay none "$tmp/all" -o "lowerdir=$tmp/lower,upperdir=$tmp/upper/u,workdir=$tmp/upper/w"; then
	check "two layers have a file of the same number" \
	    same_inode "$tmp/all/good" "$tmp/all/bad" "$short"
	parts="$tmp/all/good:$tmp/all/bad"
else
	echo "# no overlay here"
fi
truncate -s 128M "$tmp/disk"
if mkfs.btrfs -q "$tmp/disk" && mount -o loop "$tmp/disk" "$tmp/btrfs" &&
    btrfs subvolume create "$tmp/btrfs/a" && btrfs subvolume create "$tmp/btrfs/b"; then
	cp "$short" "$tmp/btrfs/a/good"
	cp "$short" "$tmp/btrfs/b/bad"
	check "two subvolumes have a file of the same number" \
	    [ "$(stat -c %i "$tmp/btrfs/a/good")" = "$(stat -c %i "$tmp/btrfs/b/bad")" ]
	parts="$parts $tmp/btrfs/a/good:$tmp/btrfs/b/bad"
else
	echo "# no btrfs here"
fi >"$tmp/btrfs.out" 2>&1
grep -E '^(not )?ok|^#' "$tmp/btrfs.out"

rules "accept exe $tmp/all/good, $tmp/btrfs/a/good, $tmp/lower/good.sh" \
    "block out to 10.9.0.2 port 7001-7999" "block in to 10.9.0.1 port 8001" \
    "default out accept" "default in accept"
daemon_start
ctl status >"$tmp/status"
grep -q '^attribution *BPF yes' "$tmp/status" || { grep -i bpf "$tmp/daemon.log"; skip "BPF can't be loaded here"; }

port=7000
next() { # the next port, counted from now on
	port=$((port + 1))
	ins $IPT4 -I INPUT -p udp --dport $port -m comment --comment "n$port"
}
arrived() {
	ins $IPT4 -nvxL INPUT |
		awk -v n="/* n$port */" 'index($0, n) { s += $1 } END { print s + 0 }'
}
is_arrived() { [ "$(arrived)" = "$1" ]; }
came() { # came N: so many, when all were judged
	wait_for all_judged
	wait_for is_arrived "$1" || is_arrived "$1"
}
shown() { # shown EXE: each, and at its path
	flows "any(x['dport'] == $port for x in f) and all(x['exe'] == '$1'
	    and x['process']['exe_here'] for x in f if x['dport'] == $port)"
}
unseen() { # while the daemon stands still
	kill -STOP $daemon
	inc "$@"
	kill -CONT $daemon
}
for part in $parts; do
	good=${part%:*} bad=${part#*:}
	fs=$(stat -f -c %T "$good")
	next
	unseen "$good" udp 10.9.0.2 $port 3 1 >"$tmp/sent"
	check "$fs: gone before it is looked for, all arrived" came 3
	check "$fs: … and is at its path" shown "$good"
	next
	inc "$good" udp 10.9.0.2 $port 3 1 >"$tmp/sent"
	check "$fs: one that may, all arrived" came 3
	next
	inc "$bad" udp 10.9.0.2 $port $tries 1 >"$tmp/sent" 2>&1
	check "$fs: one of its number in another part, none of $tries" came 0
	next
	unseen "$bad" udp 10.9.0.2 $port $tries 1 >"$tmp/sent" 2>&1
	check "$fs: … and gone, none of $tries" came 0
	check "$fs: … and shown as what it is" shown "$bad"
	next
	for i in $(seq $tries); do
		inc unshare --mount --propagation private bash -c "
			mount --bind $bad $good && exec 5<$good &&
			    exec nsenter --mount=/proc/$daemon/ns/mnt \
			    /proc/self/fd/5 one udp 10.9.0.2 $port" \
		    >"$tmp/sent" 2>&1
	done
	check "$fs: from where it is laid over that path, none of $tries" came 0
	next
	inc env SHORT_BIND=5555 "$good" udp 10.9.0.2 $port 1 1 >"$tmp/sent"
	check "$fs: who may sends from a port" came 1
	for i in $(seq $tries); do
		inc env SHORT_BIND=5555 "$bad" udp 10.9.0.2 $port 1 1
	done >"$tmp/sent" 2>&1
	check "$fs: … and another one has it then, none of $tries" came 1
	# an overlay copies it: to an upper layer
	chmod 700 "$good"
	next
	unseen "$good" udp 10.9.0.2 $port 3 1 >"$tmp/sent"
	check "$fs: one that was changed where it is, all arrived" came 3
	check "$fs: … and is at its path" shown "$good"
done

# -- of two file systems without a device: a copy whose parent has become the one
# that may, and has the same number there --
mount -t tmpfs none "$tmp/other"
mkfifo "$tmp/sent.all"
cat >"$tmp/copy.sh" <<END
rm "\$COPY"
(
	while [ "\$(readlink /proc/\$\$/exe)" != $tmp/lower/good.sh ]; do :; done
	for i in 1 2 3; do echo x >/dev/udp/10.9.0.2/\$PORT; done
	echo >$tmp/sent.all
) 2>/dev/null &
exec $tmp/lower/good.sh -c "read x <>$tmp/never"
END
next
check "two file systems have a file of the same number" \
    same_inode "$tmp/lower/good.sh" "$tmp/other/bad" "$bash"
kill -STOP $daemon
background_in=$tmp/copy.sh background inc env COPY="$tmp/other/bad" PORT=$port \
    bash -c "exec -a '' $tmp/other/bad"
read -r x <"$tmp/sent.all"
kill -CONT $daemon
check "a copy of what its parent was is not what that became: none" came 0
check "… and it was seen" flows "any(x['dport'] == $port for x in f)"
stop $pid

# -- one that names that file as its own, which has its number --
poser() { # poser PORT|8001 HOW: a third one, made anew; it has said so
	same_inode "$tmp/lower/good.sh" "$tmp/third/$2" "$BUILDDIR/pose" || return
	background inc "$tmp/third/$2" "$tmp/lower/good.sh" \
	    10.9.0.$((1 + ($1 < 8000))) $1 $2 >"$tmp/pose.out" 2>&1
	wait_for grep -qE 'posed|listens|pose:' "$tmp/pose.out"
	grep -qE 'posed|listens' "$tmp/pose.out"
}
nowhere() { # nowhere PORT: it is shown, and never as that
	flows "any(x['dport'] == $1 for x in f) and not any(
	    x['exe'] == '$tmp/lower/good.sh' for x in f if x['dport'] == $1)"
}
mount -t tmpfs none "$tmp/third"
next
ins $IPT4 -I INPUT -p tcp --dport $port --syn -m comment --comment "n$port"
kill -STOP $daemon
if poser $port late; then
	kill -CONT $daemon
	check "one that poses when it has sent: none" came 0
	check "… nor is it shown as that" wait_for nowhere $port
	stop $pid
	umount "$tmp/third" && mount -t tmpfs none "$tmp/third"
	check "it listens, and poses" poser 8001 listen
	ins "$BUILDDIR/probe" tcp 10.9.0.1 8001 20000 >"$tmp/probe.out" 2>&1
	check "… and nobody is let in for that" \
	    grep -q EHOSTUNREACH "$tmp/probe.out"
	check "… nor is it shown as that" wait_for nowhere 8001
	stop $pid
else
	kill -CONT $daemon
	echo "# the kernel lets nobody name his executable"
	cat "$tmp/pose.out"
fi
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
