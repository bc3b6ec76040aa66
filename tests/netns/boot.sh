#!/bin/bash
# A systemd as process 1 of namespaces of its own, over the files of this
# machine, which it can't write to: its /etc is a copy, /run, /tmp, /var and
# /usr/local are empty but for what was installed there. In namespaces of its
# own are processes, mounts, the network (the caller's), cgroups (one below the
# machine's root), System V IPC and the name of the host.
#
#   boot.sh FOLDER CGROUP   until it is told to end: SIGTERM, or the caller's
#                       end. FOLDER/inst is what was installed there; etc and
#                       local are copied over it; root is where it all goes.
#                       FOLDER/pid1 is its process. CGROUP is made, and removed.
#   boot.sh inside FOLDER   what this starts in the namespaces
set -eu

inside() {
	cd "$1"
	mount --bind / root
	mount -o remount,bind,ro root
	for dir in etc run tmp var usr/local dev; do
		mount -t tmpfs -o mode=755 "$dir" "root/$dir"
	done
	chmod 1777 root/tmp
	mkdir -p root/var/lib root/var/log root/var/tmp
	cp -a /etc/. root/etc/
	rm -rf root/etc/systemd root/etc/rerouted
	cp -a inst/etc/. etc/. root/etc/
	cp -a inst/usr/local/. local/. root/usr/local/
	: >root/etc/fstab
	echo 0123456789abcdef0123456789abcdef >root/etc/machine-id
	# of what belongs to the machine it may change the network, which is
	# its own
	mount -t proc proc root/proc
	mount --bind root/proc/sys root/proc/sys
	mount -o remount,bind,ro root/proc/sys
	mount --bind root/proc/sys/net root/proc/sys/net
	mount -o remount,bind,rw root/proc/sys/net
	mount -t sysfs -o ro sysfs root/sys
	mount -t cgroup2 cgroup2 root/sys/fs/cgroup
	for node in null zero full random urandom tty; do
		: >"root/dev/$node"
		mount --bind "/dev/$node" "root/dev/$node"
	done
	mkdir root/dev/pts root/dev/shm
	mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts root/dev/pts
	ln -s pts/ptmx root/dev/ptmx
	mount -t tmpfs shm root/dev/shm
	# nothing of these has a meaning here
	for unit in sysctl tmpfiles-setup random-seed update-utmp binfmt; do
		ln -s /dev/null "root/etc/systemd/system/systemd-$unit.service"
	done
	cd root
	mkdir run/old
	pivot_root . run/old
	umount -l run/old
	mount --make-rshared / # as a systemd of a machine does
	exec chroot . /usr/bin/env -i container=test PATH="$path" sh -c '
	    systemctl enable -q rerouted
	    exec /lib/systemd/systemd --unit=basic.target' \
	    </dev/null >/run/boot.log 2>&1
}

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
if [ "$1" = inside ]; then
	inside "$2"
fi
folder=$1 group=$1/cgroup/$2
shell=
child=
end() {
	trap '' TERM
	# with process 1 goes all that it started; it dies with unshare(1)
	if [ -n "$shell" ]; then
		kill -KILL ${child:-$shell} || :
		wait "$shell" || :
	fi
	find "$group" -depth -type d -exec rmdir {} ';'
} 2>/dev/null
mkdir -p "$folder/cgroup" "$folder/root"
mount -t cgroup2 cgroup2 "$folder/cgroup"
trap end EXIT
trap 'exit 143' TERM
mkdir "$group"
sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$group/cgroup.procs" \
    setpriv --bounding-set -sys_module,-sys_time,-sys_boot,-sys_rawio \
    unshare --cgroup --mount --propagation private --uts --ipc --pid --fork \
    --kill-child "$0" inside "$folder" &
shell=$!
# the only child of unshare(1)
until [ -n "$child" ]; do
	kill -0 "$shell" || exit 1
	child=$(cat "/proc/$shell/task/$shell/children") || :
done
echo $child >"$folder/pid1"
wait "$shell" || :
shell=
