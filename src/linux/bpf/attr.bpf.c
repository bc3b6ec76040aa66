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
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58
#define IPPROTO_RAW 255
#define PF_IP4 2
#define PF_IP6 10
#define STATE_ESTABLISHED 1
#define STATE_SYN_SENT 2
#define CGROUP_ROOT_ID 1
#define STATE_TIME_WAIT 6
#define STATE_CLOSE 7
#define STATE_NEW_SYN_RECV 12
#define IP_CT_RELATED 1 /* enum ip_conntrack_info */
#define IP_CT_NEW 2
#define IP_CT_IS_REPLY 3
#define CT_INFO_MASK 7UL
#define IPS_CONFIRMED 8 /* enum ip_conntrack_status */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} uses SEC(".maps"), events SEC(".maps");

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

/* Decided before: the mark says so, and the packet comes to nobody. One of
 * others is asked about with the first packet only. What a helper expected
 * (FTP's data connection) begins with the mark of the connection that it
 * belongs to: C170 takes that away. An ICMP error is related, too, but to a
 * connection that is there. */
static __always_inline int
is_decided(struct sk_buff *skb, struct nf_conn *ct)
{
	__u32 mark = 0;

	if (ct == NULL || !bpf_core_field_exists(ct->mark) ||
	    ((skb->_nfct & CT_INFO_MASK) == IP_CT_RELATED && begins(skb)))
		return 0;
	bpf_core_read(&mark, sizeof(mark), &ct->mark);
	if (mark == 0 || mark == MARK_ACCEPT)
		return 0;
	return (mark >= MARK_FIRST && mark <= MARK_LAST) ||
	       (skb->_nfct & CT_INFO_MASK) != IP_CT_NEW;
}

/* Of a packet that waited for the verdict of others (NFQUEUE, before conntrack)
 * the kernel has kept where it was: else that is on the stack, a few calls
 * away, and the process at work is not who gives the verdict. */
#define STACK_NEAR 4096
static __always_inline int
has_waited(struct bpf_nf_ctx *ctx)
{
	return (unsigned long)ctx->state - (unsigned long)ctx >= STACK_NEAR;
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
		return 0; /* it has few of the fields */
	if (task->flags & PF_KTHREAD)
		return 0;
	type = sk->sk_type;
	return type == SOCK_DGRAM || type == SOCK_RAW || sk->sk_lock.owned != 0;
}

/* An ICMP error is related to a flow that is there, and no packet of it: who
 * refuses the flow sends it, as the daemon does, and C170 lets it pass. */
static __always_inline int
is_error(struct bpf_nf_ctx *ctx)
{
	struct sk_buff *skb = ctx->skb;
	__u64 info = skb->_nfct & CT_INFO_MASK;
	int is6 = ctx->state->pf == PF_IP6;
	__u8 proto = 0;

	if (info != IP_CT_RELATED && info != IP_CT_RELATED + IP_CT_IS_REPLY)
		return 0;
	bpf_probe_read_kernel(
	    &proto, 1, skb->head + skb->network_header + (is6 ? 6 : 9));
	return proto == (is6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
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

/* owner.h first: births.h takes from it when a process started */
#include "src/linux/bpf/owner.h"

#include "src/linux/bpf/births.h"
#include "src/linux/bpf/groups.h"

/* What is read of it costs a call each: nothing is read twice. */
static __always_inline void
read_actor(
    struct bpf_use *use, const struct owner *owner, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u32 level = shared.pid_level;

	use->level = level;
	if (owner->start == 0)
		return; /* nobody knows */
	use->pid = pid_of(leader, level);
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

/* Of a program that has closed its socket meanwhile: those of the kernel's own
 * are closed by nobody. */
static __always_inline int
is_orphan(struct sock *sk)
{
	__u8 state = sk->__sk_common.skc_state;

	if (state == STATE_TIME_WAIT || state == STATE_NEW_SYN_RECV)
		return 0; /* it has few of the fields */
	return (is_datagram(sk) || state == STATE_CLOSE) &&
	       sk->sk_socket == NULL;
}

/* The first packet of a connection. */
static __always_inline int
is_opening(struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM &&
	       sk->__sk_common.skc_state == STATE_SYN_SENT;
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

static __always_inline int
send_use(struct sk_buff *skb, struct sock *sk, const struct owner *owner,
    struct task_struct *task, int taken)
{
	struct bpf_use use = { .type = BPF_RECORD_USE, .taken = taken };
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
	if (begins(skb))
		use.socket_is |= BPF_SOCKET_BEGINS;
	read_actor(&use, owner, task);
	read_packet(&use, skb);
	if (taken != 0)
		flags = BPF_RB_FORCE_WAKEUP;
	if ((shared.events_lost != 0 && tell_image() < 0) ||
	    (!is_group_told(owner) && tell_group() < 0) ||
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
	int decided, owned, waited, taken = 0;

	if (sk == NULL || is_error(ctx))
		return NF_ACCEPT;
	decided = is_decided(skb, ct);
	if (decided && sk->sk_type == SOCK_STREAM && !is_opening(sk))
		return NF_ACCEPT; /* its first packet was looked at */
	task = bpf_get_current_task_btf();
	waited = has_waited(ctx);
	if (waited ? !is_orphan(sk) : !is_in_use(sk, task))
		return NF_ACCEPT;
	file = file_of(sk);
	if (file == NULL && !waited && !is_mptcp(sk))
		return NF_ACCEPT;
	/* what decides for what follows */
	owned = ct != NULL && !waited && (is_datagram(sk) || is_opening(sk));
	if (decided) {
		taken = owned ? takes_over(ctx, sk, file, ct, &owner) : 0;
		if (taken == 0)
			return NF_ACCEPT;
	} else if (!waited) {
		read_owner(&owner, file, task);
		if (owned && !is_wrapped(ctx, sk))
			asks_for(skb, &owner, ct);
	}
	/* here once: the verifier goes through it for each place that it
	 * stands in */
	if (send_use(skb, sk, &owner, task, taken) == NF_DROP)
		return NF_DROP;
	return taken == BPF_TAKEN_DROPPED ? NF_DROP : NF_ACCEPT;
}

#include "src/linux/bpf/closed.h"
#include "src/linux/bpf/seal.h"
#include "src/linux/bpf/seed.h"

/* Helpers of the kernel's are for programs under its licence; this text alone
 * says so, and is what it is compared with. */
char licence[] SEC("license") = "GPL";
