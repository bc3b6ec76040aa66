/* Who sends: programs that look and change nothing (but for seal.h). Each runs
 * in the context of the process that it tells about, so that this one can't be
 * gone yet. */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "src/core/mark.h"
#include "src/linux/bpf/kernel.h"
#include "src/linux/bpf/record.h"
#include "src/linux/bpf/task.h"

#define NF_DROP 0
#define NF_ACCEPT 1
#define PF_KTHREAD 0x00200000
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define IPPROTO_TCP 6
#define STATE_ESTABLISHED 1
#define STATE_SYN_SENT 2
#define CGROUP_ROOT_ID 1
#define STATE_TIME_WAIT 6
#define STATE_NEW_SYN_RECV 12
#define IP_CT_NEW 2
#define IP_CT_IS_REPLY 3 /* enum ip_conntrack_info */
#define CT_INFO_MASK 7UL
#define IPS_CONFIRMED 8 /* enum ip_conntrack_status */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} uses SEC(".maps"), events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct draft);
} drafts SEC(".maps");

/* Who a flow was decided for. Conntrack keeps one of datagrams for half a
 * minute or two when its socket is closed, and a connection that was tried and
 * came to nothing for up to two; it would let anybody go on with it who has the
 * port then. */
struct owner {
	/* the very socket and process: where they lie in memory would not do,
	 * that is used again at once, and a cookie is drawn only on demand */
	__u64 socket, start, exec;
	__u64
	    image; /* the same in copies, another one in each that is started */
	__u64 exe_ino, groups, cgroup;
	__u32 exe_dev, uid, gid;
	__u32 tag; /* of the ends: an entry's place is used again */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct owner);
} owners SEC(".maps");

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

/* The daemon has it in its memory too. */
volatile struct bpf_shared shared = {};

static __always_inline __u64
wakeup(void *ring, __u64 many)
{
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= many
		   ? BPF_RB_FORCE_WAKEUP
		   : BPF_RB_NO_WAKEUP;
}

static __always_inline struct nf_conn *
ct_of(struct sk_buff *skb)
{
	return (void *)(skb->_nfct & ~CT_INFO_MASK);
}

static __always_inline int
is_reply(struct sk_buff *skb)
{
	return (skb->_nfct & CT_INFO_MASK) >= IP_CT_IS_REPLY;
}

/* Decided before: the mark says so, and the packet comes to nobody. One of
 * others is asked about with the first packet only. */
static __always_inline int
is_decided(struct sk_buff *skb, struct nf_conn *ct)
{
	__u32 mark = 0;

	if (ct == NULL || !bpf_core_field_exists(ct->mark))
		return 0;
	bpf_core_read(&mark, sizeof(mark), &ct->mark);
	if (mark == 0 || mark == MARK_ACCEPT)
		return 0;
	return (mark >= MARK_FIRST && mark <= MARK_LAST) ||
	       (skb->_nfct & CT_INFO_MASK) != IP_CT_NEW;
}

/* True where the process at work is the one that uses the socket. A datagram
 * leaves within the call that sends it. TCP also speaks from timers and when
 * packets arrive, in the midst of whatever runs then: but only while no process
 * has the socket locked, and a process that sends has. */
static __always_inline int
is_in_use(struct sock *sk, struct task_struct *task)
{
	__u8 state = sk->__sk_common.skc_state;
	__u16 type;

	if (state == STATE_TIME_WAIT || state == STATE_NEW_SYN_RECV)
		return 0; /* a stub, with few of the fields */
	if (task->flags & PF_KTHREAD)
		return 0;
	type = sk->sk_type;
	return type == SOCK_DGRAM || type == SOCK_RAW || sk->sk_lock.owned != 0;
}

/* The file that a program has opened; NULL for sockets of the kernel's own. */
static __always_inline struct file *
file_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_socket, file);
}

/* MPTCP sends through sockets without a file, on behalf of one that has. */
static __always_inline int
is_mptcp(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	if (sk->sk_type != SOCK_STREAM || !bpf_core_field_exists(tp->is_mptcp))
		return 0;
	return BPF_CORE_READ_BITFIELD_PROBED(tp, is_mptcp);
}

static __always_inline __u32
tag_of(struct nf_conn *ct)
{
	__u64 tuple[BPF_TUPLE_WORDS] = {};

	bpf_core_read(&tuple, sizeof(tuple), &ct->tuplehash[0].tuple);
	return bpf_tag(tuple, 0) >> 32;
}

/* Each direction has an owner: on loopback both leave this host, and the one
 * that answers is no thief. */
static __always_inline __u64
owner_key(struct sk_buff *skb, struct nf_conn *ct)
{
	return (unsigned long)ct | is_reply(skb);
}

/* A program with one thread has no other, whose fields cost a call each. */
static __always_inline __u64
start_of(struct task_struct *task)
{
	return task->pid == task->tgid
		   ? task->start_boottime
		   : BPF_CORE_READ(task, group_leader, start_boottime);
}

/* Of its threads each may be in another one. */
static __always_inline struct css_set *
groups_of(struct task_struct *task)
{
	return task->pid == task->tgid
		   ? task->cgroups
		   : BPF_CORE_READ(task, group_leader, cgroups);
}

/* The inode of the socket's file, whose numbers are given again when
 * all 32 bits of them were. */
static __always_inline __u64
socket_of(struct file *file)
{
	return file != NULL ? BPF_CORE_READ(file, f_inode, i_ino) : 0;
}

/* All but the tag. Addresses of a program's memory are drawn anew at each exec,
 * and copied with the process. */
static __always_inline void
read_owner(struct owner *owner, struct file *file, struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct css_set *groups = groups_of(task);

	owner->socket = socket_of(file);
	owner->start = start_of(task);
	owner->exec = task->self_exec_id;
	owner->image = BPF_CORE_READ(mm, arg_start);
	read_exe(BPF_CORE_READ(mm, exe_file), &owner->exe_ino, &owner->exe_dev);
	owner->groups = (unsigned long)groups;
	owner->cgroup = BPF_CORE_READ(groups, dfl_cgrp, kn, id);
	owner->uid = BPF_CORE_READ(cred, euid.val);
	owner->gid = BPF_CORE_READ(cred, egid.val);
}

/* What is read of it costs a call each: nothing is read twice. */
static __always_inline void
read_actor(
    struct bpf_use *use, const struct owner *owner, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	use->pid = pid_of(leader, shared.pid_level);
	use->start = owner->start;
	use->exec = owner->exec;
	use->groups = owner->groups;
	use->cgroup = owner->cgroup;
	use->uid = owner->uid;
	use->gid = owner->gid;
	use->exe_ino = owner->exe_ino;
	use->exe_dev = owner->exe_dev;
	/* a thread may have a name of its own */
	bpf_core_read(use->comm, sizeof(use->comm), &leader->comm);
}

static __always_inline int
is_datagram(struct sock *sk)
{
	__u16 type = sk->sk_type;

	return type == SOCK_DGRAM || type == SOCK_RAW;
}

/* The first packet of a connection. */
static __always_inline int
is_opening(struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM &&
	       sk->__sk_common.skc_state == STATE_SYN_SENT;
}

/* A set changes, too, when a controller is switched on above it; the group does
 * not. All are at the root of v2 where units are groups of v1. */
static __always_inline int
is_same_group(const struct owner *a, const struct owner *b)
{
	return a->groups == b->groups ||
	       (a->cgroup == b->cgroup && a->cgroup > CGROUP_ROOT_ID);
}

static __always_inline int
is_same_program(const struct owner *a, const struct owner *b)
{
	return a->exe_ino == b->exe_ino && a->exe_dev == b->exe_dev &&
	       a->uid == b->uid && a->gid == b->gid && is_same_group(a, b);
}

/* One that is in its table would keep the NAT that it began with. */
static __always_inline int
begins(struct sk_buff *skb)
{
	struct nf_conn *ct = ct_of(skb);
	unsigned long status = IPS_CONFIRMED;

	if (ct != NULL)
		bpf_core_read(&status, sizeof(status), &ct->status);
	return (status & IPS_CONFIRMED) == 0;
}

/* What is decided will be for who asks now. Where others ask at the same time
 * it is nobody's: which of them is heard last can't be known here. */
static __always_inline void
asks_for(struct sk_buff *skb, struct owner *owner, struct nf_conn *ct)
{
	__u64 key = owner_key(skb, ct);
	struct owner nobody = {}, *was = NULL;

	owner->tag = nobody.tag = tag_of(ct);
	/* of a new one, in the place of another with these ends, nobody else
	 * can ask */
	if (!begins(skb))
		was = bpf_map_lookup_elem(&owners, &key);
	if (was != NULL && was->tag == owner->tag &&
	    !is_same_program(was, owner))
		bpf_map_update_elem(&owners, &key, &nobody, BPF_ANY);
	else
		bpf_map_update_elem(&owners, &key, owner, BPF_ANY);
}

/* One that opens a connection where conntrack has one with these ends still is
 * another one than was decided: it is dropped unless it is of the same program,
 * and comes again in a second. */
static __always_inline int
opens_again(const struct owner *was, const struct owner *owner)
{
	return was != NULL && was->tag == owner->tag &&
		       is_same_program(was, owner)
		   ? 0
		   : BPF_TAKEN_DROPPED;
}

/* Nobody has answered yet: only who was meant may be the first, by the socket
 * that it came to, or the program (of one that several processes have it may be
 * another socket). What is not known of passes: it began before us, or there
 * were too many since. */
static __always_inline int
answers(struct nf_conn *ct, const struct owner *owner)
{
	__u64 tuple[BPF_TUPLE_WORDS] = {}, tag;
	__u64 who[BPF_HEARD_WORDS] = { owner->socket, owner->exe_ino,
		bpf_heard_exe(owner->exe_dev, owner->uid) };

	bpf_core_read(&tuple, sizeof(tuple), &ct->tuplehash[1].tuple);
	tag = bpf_tag(tuple, shared.seed);
	return bpf_heard_another(&shared.heard[bpf_heard_at(tag)], tag, who)
		   ? BPF_TAKEN_DROPPED
		   : 0;
}

/* 0: it goes on with its own, or with what a copy of itself began; else *owner
 * is filled. */
static __always_inline int
takes_over(struct sk_buff *skb, struct sock *sk, struct file *file,
    struct nf_conn *ct, struct owner *owner)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 key = owner_key(skb, ct);
	struct owner *was = bpf_map_lookup_elem(&owners, &key);
	int taken = 0;

	/* a rule by unit is about who moves to another one, too */
	if (was != NULL && was->socket == socket_of(file) &&
	    was->start == start_of(task) && was->exec == task->self_exec_id &&
	    was->groups == (unsigned long)groups_of(task))
		return 0;
	read_owner(owner, file, task);
	owner->tag = tag_of(ct);
	if (sk->sk_type == SOCK_STREAM)
		taken = opens_again(was, owner);
	else if ((was == NULL || was->tag != owner->tag) && is_reply(skb))
		taken = answers(ct, owner);
	else if (was == NULL || was->tag != owner->tag)
		/* it began before there was anybody to remember it: else there
		 * were too many, and nothing is known of it */
		taken = bpf_ktime_get_ns() > shared.strict_from
			    ? BPF_TAKEN_DROPPED
			    : 0;
	else {
		if (!is_same_program(was, owner))
			return BPF_TAKEN_DROPPED;
		if (was->image != owner->image)
			taken = BPF_TAKEN_OVER;
	}
	if (taken != BPF_TAKEN_DROPPED)
		bpf_map_update_elem(&owners, &key, owner, BPF_ANY);
	return taken;
}

static __always_inline void
read_packet(struct bpf_use *use, struct sk_buff *skb)
{
	__u64 linear = skb->len - skb->data_len;

	use->total = skb->len;
	/* the verifier must find the bound on the very register */
	asm volatile("" : "+r"(linear));
	if (linear > BPF_HEAD_MAX)
		linear = BPF_HEAD_MAX;
	use->head_len = linear;
	bpf_probe_read_kernel(
	    use->head, linear, skb->head + skb->network_header);
}

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

/* Where not all births could be told, each program's is told with the first
 * that it sends; in a piece of the ring of its own, since others may be at work
 * on this CPU before it is done. Not inlined, and not static: the verifier goes
 * through it once, and not once for each way that leads here. */
__noinline int
tell_image(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct told key = {};
	struct draft *draft;
	__u32 yes = 1;

	key.start = start_of(task);
	key.exec = task->self_exec_id;
	key.pid = task->tgid;
	if (bpf_map_lookup_elem(&told, &key) != NULL)
		return 0;
	draft = bpf_ringbuf_reserve(&events, sizeof(*draft), 0);
	if (draft == NULL)
		return -1;
	read_image(draft, task, shared.pid_level);
	read_args(draft, task, false);
	bpf_ringbuf_submit(draft, wakeup(&events, shared.events_many));
	bpf_map_update_elem(&told, &key, &yes, BPF_ANY);
	return 0;
}

static __always_inline int
send_use(struct sk_buff *skb, struct sock *sk, const struct owner *owner,
    struct task_struct *task, int taken)
{
	struct bpf_use use = { .taken = taken };
	__u64 flags = wakeup(&uses, shared.uses_many);

	use.inode = owner->socket;
	/* where it has none of its own: what does for as long as it lives */
	if (use.inode == 0)
		use.inode = (unsigned long)sk;
	use.cookie = sk->__sk_common.skc_cookie.counter;
	use.device = sk->__sk_common.skc_bound_dev_if;
	if (sk->__sk_common.skc_state == STATE_ESTABLISHED)
		use.socket_is = BPF_SOCKET_CONNECTED;
	if (ct_of(skb) != NULL && is_reply(skb))
		use.socket_is |= BPF_SOCKET_ANSWERS;
	use.begins = begins(skb);
	read_actor(&use, owner, task);
	read_packet(&use, skb);
	if (taken != 0)
		flags = BPF_RB_FORCE_WAKEUP;
	if ((shared.events_lost != 0 && tell_image() < 0) ||
	    bpf_ringbuf_output(&uses, &use, sizeof(use), flags) < 0) {
		__sync_fetch_and_add(&shared.uses_lost, 1);
		return shared.armed ? NF_DROP : NF_ACCEPT;
	}
	return use.cookie != 0 && use.cookie == shared.probe ? NF_DROP
							     : NF_ACCEPT;
}

/* At LOCAL_OUT, after conntrack and before the queue. */
SEC("?netfilter")
int
attr_sent(struct bpf_nf_ctx *ctx)
{
	struct sk_buff *skb = ctx->skb;
	struct sock *sk = skb->sk;
	struct nf_conn *ct = ct_of(skb);
	struct owner owner = {};
	struct task_struct *task;
	struct file *file;
	int decided, owned, taken = 0;

	if (sk == NULL)
		return NF_ACCEPT;
	decided = is_decided(skb, ct);
	if (decided && sk->sk_type == SOCK_STREAM && !is_opening(sk))
		return NF_ACCEPT; /* its first packet was looked at */
	task = bpf_get_current_task_btf();
	if (!is_in_use(sk, task))
		return NF_ACCEPT;
	file = file_of(sk);
	if (file == NULL && !is_mptcp(sk))
		return NF_ACCEPT;
	/* what decides for what follows */
	owned = ct != NULL && (is_datagram(sk) || is_opening(sk));
	if (decided) {
		taken = owned ? takes_over(skb, sk, file, ct, &owner) : 0;
		if (taken == 0)
			return NF_ACCEPT;
	} else {
		read_owner(&owner, file, task);
		if (owned)
			asks_for(skb, &owner, ct);
	}
	/* here once: the verifier goes through it for each place that it
	 * stands in */
	if (send_use(skb, sk, &owner, task, taken) == NF_DROP)
		return NF_DROP;
	return taken == BPF_TAKEN_DROPPED ? NF_DROP : NF_ACCEPT;
}

static __always_inline void
send_event(void *bytes, __u64 size)
{
	if (bpf_ringbuf_output(
		&events, bytes, size, wakeup(&events, shared.events_many)) < 0)
		__sync_fetch_and_add(&shared.events_lost, 1);
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
	struct bpf_fork event = { .type = BPF_EVENT_FORK };

	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return 0; /* a thread */
	event.pid = pid_of(child, shared.pid_level);
	event.start = BPF_CORE_READ(child, start_boottime);
	event.ppid = pid_of(parent, shared.pid_level);
	event.pstart = BPF_CORE_READ(parent, start_boottime);
	event.from = pid_of(from, shared.pid_level);
	event.from_start = BPF_CORE_READ(from, start_boottime);
	event.exec = BPF_CORE_READ(child, self_exec_id);
	send_event(&event, sizeof(event));
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
	size = sizeof(draft->event) + draft->event.path_len +
	       draft->event.args_len;
	if (size <= sizeof(*draft))
		send_event(draft, size);
	return 0;
}

/* The last of its threads: what is remembered of it may make room. */
SEC("?raw_tp/sched_process_exit")
int
BPF_PROG(attr_exit, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct bpf_exit event = { .type = BPF_EVENT_EXIT };

	if (BPF_CORE_READ(task, signal, live.counter) != 0 ||
	    (BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return 0;
	event.pid = pid_of(leader, shared.pid_level);
	event.start = BPF_CORE_READ(leader, start_boottime);
	send_event(&event, sizeof(event));
	return 0;
}

#include "src/linux/bpf/closed.h"
#include "src/linux/bpf/seal.h"
#include "src/linux/bpf/seed.h"

/* Helpers of the kernel's are for programs under its licence; this text alone
 * says so, and is what it is compared with. */
char licence[] SEC("license") = "GPL";
