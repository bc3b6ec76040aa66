#ifndef LINUX_BPF_BIRTHS_PROGRAMS_H
#define LINUX_BPF_BIRTHS_PROGRAMS_H

/* Processes as they are born, become another program and end: each is told by
 * an event. For attr.bpf.c alone. */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct draft);
} drafts SEC(".maps");

/* Processes whose program was told once more. */
struct told {
	__u64 start, exec;
	__u32 pid, zero;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct told);
	__type(value, __u32);
} told SEC(".maps");

/* What those were started as whose start could not be told, and their copies,
 * by the same key: a process may name another file as its executable since. Of
 * those that live alone, and none makes room for another: where there is none
 * (shared.unkept) who is not here may have been. */
struct started {
	__u64 exe_ino, from_start;
	__u32 exe_dev;
	__u32 from; /* that it is a copy of, and of whom all was told; or 0 */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 8192);
	__type(key, struct told);
	__type(value, struct started);
} missed SEC(".maps");

/* Of another task only a program that may sleep can read them. */
static __always_inline void
read_args(struct draft *draft, struct task_struct *task, bool other)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	unsigned long start = BPF_CORE_READ(mm, arg_start);
	unsigned long len = BPF_CORE_READ(mm, arg_end) - start;
	__u32 at = draft->event.path_len;
	long r;

	if (len > BPF_ARGS_MAX - 1)
		len = BPF_ARGS_MAX - 1;
	if (at > BPF_PATH_MAX + BPF_NAME_MAX)
		return;
	if (other)
		r = bpf_copy_from_user_task(draft->text + at,
		    len & (BPF_ARGS_MAX - 1), (void *)start, task, 0);
	else
		r = bpf_probe_read_user(
		    draft->text + at, len & (BPF_ARGS_MAX - 1), (void *)start);
	if (r == 0)
		draft->event.args_len = len;
}

/* In a piece of the ring of its own, since others may be at work on this CPU
 * before it is done. Who fills that ring with births of his own keeps nobody
 * from sending: the ring of what is sent has room too. */
static __always_inline void *
reserve(__u64 size)
{
	void *record = bpf_ringbuf_reserve(&events, size, 0);

	return record != NULL ? record : bpf_ringbuf_reserve(&uses, size, 0);
}

/* What it was started as, where that was lost, and not what it names since.
 * started: NULL where that was kept of none. */
static __always_inline void
set_started(struct draft *draft, const struct started *started)
{
	__u64 ino = started != NULL ? started->exe_ino : 0;
	__u32 dev = started != NULL ? started->exe_dev : 0;

	if (ino == draft->event.exe_ino && dev == draft->event.exe_dev)
		return;
	draft->event.exe_ino = ino;
	draft->event.exe_dev = dev;
	draft->event.cut = 1; /* where that is nobody knows */
}

static __always_inline int
tell_program(struct task_struct *task, struct told *key)
{
	struct draft *draft = reserve(sizeof(*draft));
	struct started *started;

	if (draft == NULL)
		return -1;
	read_image(draft, task, shared.pid_level);
	read_args(draft, task, false);
	started = bpf_map_lookup_elem(&missed, key);
	if (started != NULL || shared.unkept)
		set_started(draft, started);
	bpf_ringbuf_submit(draft, wakeup(&events, shared.events_many));
	return 0;
}

/* It is what the other one was, whatever either says of itself by now. */
static __always_inline void
read_copy(struct bpf_fork *fork, struct task_struct *task,
    const struct started *started)
{
	struct task_struct *parent =
	    BPF_CORE_READ(task, real_parent, group_leader);

	fork->type = BPF_RECORD_FORK;
	fork->pid = pid_of(BPF_CORE_READ(task, group_leader), shared.pid_level);
	fork->start = start_of(task);
	fork->ppid = pid_of(parent, shared.pid_level);
	fork->pstart = BPF_CORE_READ(parent, start_boottime);
	fork->from = started->from;
	fork->from_start = started->from_start;
	fork->exec = task->self_exec_id;
}

static __always_inline int
tell_copy(struct task_struct *task, const struct started *started)
{
	struct bpf_fork *fork = reserve(sizeof(*fork));

	if (fork == NULL)
		return -1;
	read_copy(fork, task, started);
	bpf_ringbuf_submit(fork, wakeup(&events, shared.events_many));
	return 0;
}

/* Where not all births could be told, each program's is told with the first
 * that it sends. Not inlined, and not static: the verifier goes through it
 * once, and not once for each way that leads here. */
__noinline int
tell_image(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct started *started;
	struct told key = {};
	int r;

	key.start = start_of(task);
	key.exec = task->self_exec_id;
	key.pid = task->tgid;
	if (bpf_map_lookup_elem(&told, &key) != NULL)
		return 0;
	started = bpf_map_lookup_elem(&missed, &key);
	if (started != NULL && started->from != 0)
		r = tell_copy(task, started);
	else
		r = tell_program(task, &key);
	if (r == 0)
		bpf_map_update_elem(&told, &key, &key.zero, BPF_ANY);
	return r;
}

/* 0, or -1 where there was no room. */
static __always_inline int
send_event(void *bytes, __u64 size)
{
	if (bpf_ringbuf_output(
		&events, bytes, size, wakeup(&events, shared.events_many)) == 0)
		return 0;
	return -1;
}

/* After it was kept: the daemon asks for those that were when the number is
 * another one. */
static __always_inline void
count_lost(void)
{
	__sync_fetch_and_add(&shared.events_lost, 1);
}

static __always_inline void
keep(const struct told *key, const struct started *started)
{
	if (bpf_map_update_elem(&missed, key, started, BPF_ANY) < 0)
		shared.unkept = 1;
}

/* A copy of one whose start could not be told, or one that could not itself. */
static __always_inline void
miss_copy(const struct bpf_fork *event, struct task_struct *task,
    struct task_struct *child, int lost)
{
	struct started copy = { .from = event->from,
		.from_start = event->from_start };
	struct started *started;
	struct told key = {};

	key.start = event->from_start;
	key.exec = event->exec;
	key.pid = BPF_CORE_READ(task, tgid);
	started = bpf_map_lookup_elem(&missed, &key);
	if (started == NULL && !lost)
		return;
	if (started != NULL)
		copy = *started;
	key.start = event->start;
	key.pid = BPF_CORE_READ(child, tgid);
	keep(&key, &copy);
}

static __always_inline void
miss_start(const struct bpf_event *event, struct task_struct *task)
{
	struct started started = {};
	struct told key = {};

	key.start = event->start;
	key.exec = event->exec;
	key.pid = BPF_CORE_READ(task, tgid);
	started.exe_ino = event->exe_ino;
	started.exe_dev = event->exe_dev;
	keep(&key, &started);
}

/* Room for others: it has ended, or become another one. */
static __always_inline void
miss_none(struct task_struct *leader, __u64 start, __u64 exec)
{
	struct told key = {};

	key.start = start;
	key.exec = exec;
	key.pid = BPF_CORE_READ(leader, tgid);
	bpf_map_delete_elem(&missed, &key);
}

/* Raw: where the verifier knows the types of what a program reads, it looks
 * through all of the kernel's for each pointer, for half a millisecond. */
SEC("?raw_tp/sched_process_fork")
int
BPF_PROG(attr_fork, struct task_struct *task, struct task_struct *child)
{
	struct task_struct *from = BPF_CORE_READ(task, group_leader);
	struct task_struct *parent =
	    BPF_CORE_READ(child, real_parent, group_leader);
	struct bpf_fork event = { .type = BPF_RECORD_FORK };
	int lost;

	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return 0; /* a thread */
	event.pid = pid_of(child, shared.pid_level);
	event.start = BPF_CORE_READ(child, start_boottime);
	event.ppid = pid_of(parent, shared.pid_level);
	event.pstart = BPF_CORE_READ(parent, start_boottime);
	event.from = pid_of(from, shared.pid_level);
	event.from_start = BPF_CORE_READ(from, start_boottime);
	event.exec = BPF_CORE_READ(child, self_exec_id);
	lost = send_event(&event, sizeof(event)) < 0;
	if (lost || shared.events_lost != 0)
		miss_copy(&event, task, child, lost);
	if (lost)
		count_lost();
	return 0;
}

SEC("?raw_tp/sched_process_exec")
int
BPF_PROG(
    attr_exec, struct task_struct *task, int old, struct linux_binprm *program)
{
	__u32 zero = 0;
	struct draft *draft = bpf_map_lookup_elem(&drafts, &zero);
	__u32 size;

	(void)old;
	(void)program;
	if (draft == NULL)
		return 0;
	read_image(draft, task, shared.pid_level);
	read_args(draft, task, false);
	if (shared.events_lost != 0) /* each exec adds one to it */
		miss_none(task, draft->event.start, draft->event.exec - 1);
	size = sizeof(draft->event) + draft->event.path_len +
	       draft->event.args_len;
	if (size <= sizeof(*draft) && send_event(draft, size) < 0) {
		miss_start(&draft->event, task);
		count_lost();
	}
	return 0;
}

/* The last of its threads: what is remembered of it may make room. */
SEC("?raw_tp/sched_process_exit")
int
BPF_PROG(attr_exit, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct bpf_exit event = { .type = BPF_RECORD_EXIT };

	if (BPF_CORE_READ(task, signal, live.counter) != 0 ||
	    (BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return 0;
	event.pid = pid_of(leader, shared.pid_level);
	event.start = BPF_CORE_READ(leader, start_boottime);
	if (send_event(&event, sizeof(event)) < 0)
		count_lost();
	if (shared.events_lost != 0)
		miss_none(
		    leader, event.start, BPF_CORE_READ(leader, self_exec_id));
	return 0;
}

#endif
