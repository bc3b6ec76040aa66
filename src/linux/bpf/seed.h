#ifndef LINUX_BPF_SEED_PROGRAMS_H
#define LINUX_BPF_SEED_PROGRAMS_H

/* What was there before: processes and their sockets, read once at start; and
 * then processes whose start was lost, as often as somebody asks for one. For
 * attr.bpf.c alone: each object costs the start some milliseconds. The sections
 * have names of our own, since libbpf reads all types of the kernel's for those
 * that it knows (bpf_load.c). */

#define AF_INET 2
#define AF_INET6 10

/* Not `drafts`: one that may sleep can be interrupted by another. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct draft);
} seeds SEC(".maps");

/* Those that are no copy are told like any other. */
static __always_inline int
seed_copy(struct bpf_iter__task *ctx, struct task_struct *task,
    const struct started *started)
{
	struct bpf_fork fork = {};
	__u32 size = sizeof(fork);

	if (started->from == 0)
		return 0;
	read_copy(&fork, task, started);
	bpf_seq_write(ctx->meta->seq, &size, sizeof(size));
	bpf_seq_write(ctx->meta->seq, &fork, sizeof(fork));
	return 1;
}

SEC("?seed/task")
int
seed_processes(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct started *started = NULL;
	struct told key = {};
	struct draft *draft;
	__u32 zero = 0, size;

	if (task == NULL || task->pid != task->tgid ||
	    (task->flags & PF_KTHREAD) || task->mm == NULL)
		return 0;
	if (shared.seeded) {
		key.start = task->start_boottime;
		key.exec = task->self_exec_id;
		key.pid = task->tgid;
		started = bpf_map_lookup_elem(&missed, &key);
		if (started == NULL || seed_copy(ctx, task, started))
			return 0;
	}
	draft = bpf_map_lookup_elem(&seeds, &zero);
	if (draft == NULL)
		return 0;
	read_image(draft, task, shared.pid_level);
	/* that of others may never come (cmdline.h), and once the loop runs
	 * none is waited for: it is read when it is asked for */
	if (!shared.seeded && BPF_CORE_READ(task, cred, euid.val) == 0)
		read_args(draft, task, true);
	if (started != NULL)
		set_started(draft, started);
	size = sizeof(draft->event) + draft->event.path_len +
	       draft->event.args_len;
	if (size > sizeof(*draft))
		return 0;
	bpf_seq_write(ctx->meta->seq, &size, sizeof(size));
	bpf_seq_write(ctx->meta->seq, draft, size);
	return 0;
}

SEC("?seed/task_file")
int
seed_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task, *leader;
	struct file *file = ctx->file; /* what was checked is this copy */
	struct bpf_holding holding = {};
	struct socket *socket;
	struct sock *sk;
	__u16 family;

	if (task == NULL || file == NULL)
		return 0;
	socket = bpf_sock_from_file(file);
	if (socket == NULL)
		return 0;
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if ((family != AF_INET && family != AF_INET6) ||
	    BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != shared.netns)
		return 0;
	leader = BPF_CORE_READ(task, group_leader);
	holding.pid = pid_of(leader, shared.pid_level);
	/* each that has descriptors of its own is gone through by itself */
	if (task != leader)
		holding.thread = pid_of(task, shared.pid_level);
	holding.start = BPF_CORE_READ(leader, start_boottime);
	holding.fd = ctx->fd;
	holding.inode = BPF_CORE_READ(file, f_inode, i_ino);
	bpf_seq_write(ctx->meta->seq, &holding, sizeof(holding));
	return 0;
}

#endif
