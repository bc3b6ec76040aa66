#ifndef LINUX_BPF_TASK_H
#define LINUX_BPF_TASK_H

#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "src/linux/bpf/device.h"
#include "src/linux/bpf/kernel.h"
#include "src/linux/bpf/record.h"

/* What is read of a process: by those who see it at work, and by those who list
 * all. */

/* Mounts and folders on the way from an executable to the root: as many as the
 * longest path has, and some mounts. */
#define STEPS_MAX (BPF_PATH_MAX / 2 + 64)

/* An event and its text while it is put together. */
struct draft {
	struct bpf_event event;
	char text[BPF_PATH_MAX + BPF_NAME_MAX + BPF_ARGS_MAX];
};

/* The number of a thread, as the daemon sees it; of the first one it is that of
 * the process. level: of the pid namespace whose numbers that are. */
static __always_inline __u32
pid_of(struct task_struct *task, __u32 level)
{
	__u32 at = 0;
	struct pid *pid;
	int nr = 0;

	if (level == 0)
		return BPF_CORE_READ(task, pid);
	pid = BPF_CORE_READ(task, thread_pid);
	bpf_core_read(&at, sizeof(at), &pid->level);
	if (at < level)
		return 0; /* not seen from that namespace */
	bpf_probe_read_kernel(&nr, sizeof(nr),
	    (void *)&pid->numbers[0].nr +
		level * bpf_core_type_size(struct upid));
	return nr;
}

static __always_inline void
read_exe(struct file *exe, __u64 *ino, __u32 *dev)
{
	struct inode *inode = BPF_CORE_READ(exe, f_inode);

	*ino = BPF_CORE_READ(inode, i_ino);
	*dev = device_of(inode);
}

/* On the way up from a file. */
struct climb {
	struct draft *draft;
	struct dentry *dentry;
	struct mount *mount;
	__u32 len;
	__u32 done;
};

static long
climb_step(__u32 index, void *arg)
{
	struct climb *climb = arg;
	struct dentry *dentry = climb->dentry, *parent;
	struct mount *mount = climb->mount, *above;
	__u32 at = climb->len;
	long n;

	(void)index;
	parent = BPF_CORE_READ(dentry, d_parent);
	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount) {
			climb->done = 1;
			return 1;
		}
		climb->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		climb->mount = above;
		return 0;
	}
	if (at >= BPF_PATH_MAX)
		return 1;
	n = bpf_probe_read_kernel_str(climb->draft->text + at, BPF_NAME_MAX,
	    BPF_CORE_READ(dentry, d_name.name));
	if (n <= 0)
		return 1;
	climb->len = at + n;
	climb->dentry = parent;
	climb->done = dentry == parent; /* in memory alone: it has no folder */
	return dentry == parent ? 1 : 0;
}

static __always_inline void
read_path(struct draft *draft, struct file *exe)
{
	struct climb climb = { .draft = draft };
	struct vfsmount *mnt = BPF_CORE_READ(exe, f_path.mnt);
	struct dentry *dentry = BPF_CORE_READ(exe, f_path.dentry);

	climb.dentry = dentry;
	climb.mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	draft->event.deleted = BPF_CORE_READ(dentry, d_hash.pprev) == NULL;
	bpf_loop(STEPS_MAX, climb_step, &climb, 0);
	draft->event.path_len = climb.len;
	draft->event.cut = !climb.done;
}

/* All but the arguments. */
static __always_inline void
read_image(struct draft *draft, struct task_struct *task, __u32 level)
{
	struct bpf_event *event = &draft->event;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct task_struct *parent =
	    BPF_CORE_READ(task, real_parent, group_leader);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct file *exe = BPF_CORE_READ(mm, exe_file);

	__builtin_memset(event, 0, sizeof(*event));
	event->type = BPF_RECORD_EXEC;
	event->pid = pid_of(leader, level);
	event->start = BPF_CORE_READ(leader, start_boottime);
	event->ppid = pid_of(parent, level);
	event->pstart = BPF_CORE_READ(parent, start_boottime);
	event->exec = BPF_CORE_READ(task, self_exec_id);
	read_exe(exe, &event->exe_ino, &event->exe_dev);
	bpf_core_read(event->comm, sizeof(event->comm), &task->comm);
	event->mounts = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	read_path(draft, exe);
}

#endif
