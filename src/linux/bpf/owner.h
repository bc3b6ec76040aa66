#ifndef LINUX_BPF_OWNER_PROGRAM_H
#define LINUX_BPF_OWNER_PROGRAM_H

/* Who a flow was decided for. Conntrack keeps one of datagrams for half a
 * minute or two when its socket is closed, and a connection that was tried and
 * came to nothing for up to two; it would let anybody go on with it who has the
 * port then. For attr.bpf.c alone. */
struct owner {
	/* the very socket and process: where they lie in memory would not do,
	 * that is used again at once, and a cookie is drawn only on demand */
	__u64 socket, start, exec;
	/* the same in copies, another one in each that is started */
	__u64 image;
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

/* Hierarchies of control groups: the old ones, and the unified one. */
#define HIERARCHIES_MAX 32
#define NAME_SYSTEMD 0x00646d6574737973UL /* "systemd", read as one word */

/* On the way through the groups of a set, from both of its ends: what is looked
 * for was mounted among the first, or last. */
struct link_walk {
	struct list_head *next, *prev;
	__u64 node;
};

/* 1: found, as walk->node. */
static __always_inline long
look_at(struct link_walk *walk, struct list_head *at)
{
	struct cgrp_cset_link *link =
	    (void *)at -
	    bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);
	struct cgroup *cgroup = BPF_CORE_READ(link, cgrp);
	struct cgroup_root *root = BPF_CORE_READ(cgroup, root);
	__u64 name = 0;

	bpf_core_read(&name, sizeof(name), &root->name);
	if (name != NAME_SYSTEMD)
		return 0;
	walk->node = (unsigned long)BPF_CORE_READ(cgroup, kn);
	return 1;
}

static long
link_step(__u32 index, void *arg)
{
	struct link_walk *walk = arg;
	struct list_head *next = walk->next, *prev = walk->prev;

	(void)index;
	if (look_at(walk, prev) || look_at(walk, next))
		return 1;
	if (next == prev || BPF_CORE_READ(next, next) == prev)
		return 1; /* they meet */
	walk->next = BPF_CORE_READ(next, next);
	walk->prev = BPF_CORE_READ(prev, prev);
	return 0;
}

/* The node of the process at work in the hierarchy that has the units where the
 * unified one has none, as a number; 0: that is not there. Not inlined: for its
 * room on the stack. */
static __noinline __u64
old_group(void)
{
	struct css_set *groups = groups_of(bpf_get_current_task_btf());
	struct link_walk walk = {};
	struct cgrp_cset_link *link = NULL;

	if (!bpf_core_field_exists(link->cgrp))
		return 0;
	walk.next = BPF_CORE_READ(groups, cgrp_links.next);
	walk.prev = BPF_CORE_READ(groups, cgrp_links.prev);
	bpf_loop(HIERARCHIES_MAX / 2, link_step, &walk, 0);
	return walk.node;
}

/* The control group that has the unit, as the daemon reads it in /proc: of the
 * unified hierarchy, or one of the old ones where all are at the root of that.
 * *node may be NULL. Each hierarchy has numbers of its own. */
#define OLD_GROUP (1UL << 63)
static __always_inline __u64
group_of(struct css_set *groups, struct kernfs_node **node)
{
	__u64 id;

	*node = BPF_CORE_READ(groups, dfl_cgrp, kn);
	id = BPF_CORE_READ(*node, id);
	if (id > CGROUP_ROOT_ID)
		return id;
	*node = (struct kernfs_node *)old_group();
	id = BPF_CORE_READ(*node, id);
	return id > CGROUP_ROOT_ID ? id | OLD_GROUP : CGROUP_ROOT_ID;
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
	struct kernfs_node *node;

	owner->socket = socket_of(file);
	owner->start = start_of(task);
	owner->exec = task->self_exec_id;
	owner->image = BPF_CORE_READ(mm, arg_start);
	read_exe(BPF_CORE_READ(mm, exe_file), &owner->exe_ino, &owner->exe_dev);
	owner->groups = (unsigned long)groups;
	owner->cgroup = group_of(groups, &node);
	owner->uid = BPF_CORE_READ(cred, euid.val);
	owner->gid = BPF_CORE_READ(cred, egid.val);
}

/* A set changes, too, when a controller is switched on above it, and its place
 * in memory is used again; the group does not. */
static __always_inline int
is_same_group(const struct owner *a, const struct owner *b)
{
	return a->cgroup == b->cgroup &&
	       (a->cgroup > CGROUP_ROOT_ID || a->groups == b->groups);
}

static __always_inline int
is_same_program(const struct owner *a, const struct owner *b)
{
	return a->exe_ino == b->exe_ino && a->exe_dev == b->exe_dev &&
	       a->uid == b->uid && a->gid == b->gid && is_same_group(a, b);
}

#define IPSEC_PORT 4500 /* ESP in UDP (RFC 3948) */

/* Hop-by-hop, routing, fragment, destination options, mobility. */
static __always_inline int
is_extension(__u8 proto)
{
	return proto == 0 || proto == 43 || proto == 44 || proto == 60 ||
	       proto == 135;
}

/* ESP and AH: what a tunnel of the kernel's makes of a ping, too. */
static __always_inline int
is_ipsec(__u16 proto)
{
	return proto == 50 || proto == 51;
}

/* What is decided will be for who asks now. Where others ask at the same time
 * it is nobody's: which of them is heard last can't be known here. A function
 * of its own: the stack of who calls has no room for it. */
static __noinline void
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

/* A copy of it at most, with the same arguments. */
static __always_inline int
is_same_image(const struct owner *a, const struct owner *b)
{
	return a->image == b->image && a->exec == b->exec;
}

/* Another start of it, and a rule tells these apart: of an interpreter it may
 * be another script. */
static __always_inline int
is_told_apart(const struct owner *a, const struct owner *b)
{
	return (shared.armed & BPF_ARMED_APART) != 0 && !is_same_image(a, b);
}

/* One that opens a connection where conntrack has one with these ends still is
 * another one than was decided: it is dropped unless it is of the same program,
 * and comes again in a second. */
static __always_inline int
opens_again(const struct owner *was, const struct owner *owner)
{
	return was != NULL && was->tag == owner->tag &&
		       is_same_program(was, owner) && !is_told_apart(was, owner)
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

/* What goes through a tunnel of the kernel's comes by once more, within a
 * packet of that (VXLAN, GRE, IPsec), and has its socket still. The packets of
 * all programs are one flow there, which nobody takes over. Of an IPv6 packet
 * with extension headers that is not known; nor of a raw socket, whose program
 * may write any header. */
static __noinline int
is_wrapped(struct bpf_nf_ctx *ctx, struct sock *sk)
{
	struct sk_buff *skb = ctx->skb;
	int is6 = ctx->state->pf == PF_IP6;
	const unsigned char *header = skb->head + skb->network_header;
	__u8 byte = 0;
	__u16 port = 0;

	if (ctx->state->sk != sk)
		return 1;
	bpf_probe_read_kernel(&byte, 1, header + (is6 ? 6 : 9));
	if (sk->sk_type == SOCK_RAW)
		return is_ipsec(byte) && !is_ipsec(sk->sk_protocol) &&
		       sk->sk_protocol != IPPROTO_RAW;
	if (byte != sk->sk_protocol)
		return !(is6 && is_extension(byte));
	if (byte != IPPROTO_UDP)
		return 0;
	bpf_probe_read_kernel(&byte, 1, header);
	bpf_probe_read_kernel(
	    &port, sizeof(port), header + (is6 ? 40 : (byte & 15) * 4));
	/* of programs each has the port of its socket, but may change it at
	 * that moment */
	return port == __builtin_bswap16(IPSEC_PORT) &&
	       sk->__sk_common.skc_num != IPSEC_PORT;
}

/* 0: it goes on with its own, or with what a copy of itself began; else *owner
 * is filled. */
static __always_inline int
takes_over(struct bpf_nf_ctx *ctx, struct sock *sk, struct file *file,
    struct nf_conn *ct, struct owner *owner)
{
	struct sk_buff *skb = ctx->skb;
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 key = owner_key(skb, ct);
	struct owner *was = bpf_map_lookup_elem(&owners, &key);
	int taken = 0;

	/* a rule by unit is about who moves to another one, too */
	if (was != NULL && was->socket == socket_of(file) &&
	    was->start == start_of(task) && was->exec == task->self_exec_id &&
	    was->groups == (unsigned long)groups_of(task))
		return 0;
	if (is_wrapped(ctx, sk))
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
		if (!is_same_program(was, owner) || is_told_apart(was, owner))
			return BPF_TAKEN_DROPPED;
		if (!is_same_image(was, owner))
			taken = BPF_TAKEN_OVER;
	}
	if (taken != BPF_TAKEN_DROPPED)
		bpf_map_update_elem(&owners, &key, owner, BPF_ANY);
	return taken;
}

#endif
