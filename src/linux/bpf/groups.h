#ifndef LINUX_BPF_GROUPS_PROGRAM_H
#define LINUX_BPF_GROUPS_PROGRAM_H

/* Each control group is told by its name with the first that is sent from it:
 * it may be gone with the only process that it had before anybody looks. For
 * attr.bpf.c alone. */

/* Groups below each other. */
#define GROUPS_DEEP 64

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64); /* id: it is never used again */
	__type(value, __u32);
} groups_told SEC(".maps");

struct group_draft {
	struct bpf_group group;
	char text[BPF_GROUP_MAX + BPF_NAME_MAX];
};

struct group_climb {
	struct group_draft *draft;
	struct kernfs_node *node;
	__u32 len;
	__u32 done;
};

static __always_inline struct kernfs_node *
above(struct kernfs_node *node)
{
	struct kernfs_node___old *old = (void *)node;

	return bpf_core_field_exists(node->__parent)
		   ? BPF_CORE_READ(node, __parent)
		   : BPF_CORE_READ(old, parent);
}

static long
group_step(__u32 index, void *arg)
{
	struct group_climb *climb = arg;
	struct kernfs_node *node = climb->node, *parent = above(node);
	__u32 at = climb->len;
	long n;

	(void)index;
	if (parent == NULL) {
		climb->done = 1;
		return 1;
	}
	if (at >= BPF_GROUP_MAX)
		return 1;
	n = bpf_probe_read_kernel_str(
	    climb->draft->text + at, BPF_NAME_MAX, BPF_CORE_READ(node, name));
	if (n <= 0)
		return 1;
	climb->len = at + n;
	climb->node = parent;
	return 0;
}

/* 0, or -1 where there is no room to tell it. Not inlined, and not static: as
 * tell_image(). */
__noinline int
tell_group(void)
{
	struct css_set *groups = groups_of(bpf_get_current_task_btf());
	struct group_climb climb = {};
	struct group_draft *draft;
	struct kernfs_node *node;
	__u32 yes = 1;
	__u64 id;

	id = group_of(groups, &node);
	draft = bpf_ringbuf_reserve(&events, sizeof(*draft), 0);
	if (draft == NULL)
		draft = bpf_ringbuf_reserve(&uses, sizeof(*draft), 0);
	if (draft == NULL)
		return -1;
	climb.draft = draft;
	climb.node = node;
	bpf_loop(GROUPS_DEEP, group_step, &climb, 0);
	draft->group.type = BPF_RECORD_GROUP;
	draft->group.path_len = climb.len;
	draft->group.cut = !climb.done;
	draft->group.id = id;
	bpf_ringbuf_submit(draft, wakeup(&events, shared.events_many));
	bpf_map_update_elem(&groups_told, &id, &yes, BPF_ANY);
	return 0;
}

static __always_inline int
is_group_told(const struct owner *owner)
{
	return owner->cgroup <= CGROUP_ROOT_ID ||
	       bpf_map_lookup_elem(&groups_told, &owner->cgroup) != NULL;
}

#endif
