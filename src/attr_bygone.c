#include "src/attr_bygone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/linux/procread.h"

void
groups_done(struct groups *groups)
{
	for (size_t i = 0; i < GROUPS_MAX; i++)
		process_unref(groups->all[i].of);
	memset(groups, 0, sizeof(*groups));
}

static struct group *
group_at(const struct groups *groups, const struct actor *actor)
{
	for (size_t i = 0; i < GROUPS_MAX; i++) {
		const struct group *group = &groups->all[i];

		if (group->of != NULL && group->set == actor->groups &&
		    group->id == actor->cgroup)
			return (struct group *)group; /* the caller's own */
	}
	return NULL;
}

void
groups_put(struct groups *groups, const struct actor *actor,
    const struct process *proc)
{
	struct group *group = group_at(groups, actor);

	if (group == NULL)
		group = &groups->all[groups->next++ % GROUPS_MAX];
	if (group->of == proc)
		return;
	process_unref(group->of);
	*group =
	    (struct group){ actor->groups, actor->cgroup, process_ref(proc) };
}

const struct process *
groups_find(const struct groups *groups, const struct actor *actor)
{
	const struct group *group = group_at(groups, actor);

	return group != NULL ? group->of : NULL;
}

/* An ancestor that is gone too. */
static int
add_gone(struct process *proc, const struct kin *kin)
{
	struct process_parent *parent = &proc->parents[proc->n_parents];
	const struct image *image = kin->images[0].image;
	const char *exe = image != NULL ? image->exe : "";
	struct stat st;

	parent->pid = kin->pid;
	parent->exe_here = image != NULL && stat(exe, &st) == 0 &&
			   st.st_dev == image->exe_dev &&
			   st.st_ino == image->exe_ino;
	parent->exe = strdup(exe);
	if (parent->exe == NULL)
		return -ENOMEM;
	proc->n_parents++;
	return 0;
}

/* Up from a parent, by /proc as far as that is the same process still. One
 * without memory or a trace ends the chain. */
static void
add_parents(
    const struct bygone_opts *opts, struct process *proc, const struct kin *kin)
{
	uint64_t start = proc->start;
	int r = 0;

	while (kin != NULL && r == 0 && proc->n_parents < PROCESS_PARENTS_MAX) {
		pid_t pid = kin->ppid;
		uint64_t pstart = kin->pstart;

		if (pid <= 0)
			return;
		r = procread_add_parent(
		    proc, &pid, &start, pstart / opts->tick_ns);
		if (r == 0) { /* it lives, and so do its own, or are adopted */
			while (r == 0 && pid > 0 &&
			       proc->n_parents < PROCESS_PARENTS_MAX)
				r = procread_add_parent(proc, &pid, &start, 0);
			return;
		}
		kin = lineage_find(opts->lineage, pid, pstart);
		r = kin != NULL ? add_gone(proc, kin) : -ESRCH;
	}
}

int
bygone_process(const struct bygone_opts *opts, const struct actor *actor,
    const struct process **ret)
{
	const struct kin *kin =
	    lineage_find(opts->lineage, actor->pid, actor->start);
	const struct image *image =
	    kin != NULL ? kin_image(kin, actor->exec) : NULL;
	const struct process *peer = groups_find(opts->groups, actor);
	struct procread_facts facts;
	struct process *proc;
	int r;

	/* a file that is another one than was seen at work is no answer */
	if (image == NULL || image->exe_ino != actor->exe_ino ||
	    image->exe_dev != actor->exe_dev || image->exe[0] == '\0')
		return -ENOENT;
	facts = (struct procread_facts){
		.pid = actor->pid,
		.start = actor->start / opts->tick_ns,
		.uid = actor->uid,
		.gid = actor->gid,
		.exe_dev = image->exe_dev,
		.exe_ino = image->exe_ino,
		.exe = image->exe,
		.exe_ours = image->mounts == opts->mounts,
		.args = image->args,
		.args_len = image->args_len,
		.comm = actor->comm,
		.comm_len = strnlen(actor->comm, sizeof(actor->comm)),
		.cgroup = peer != NULL ? peer->cgroup : "",
		.unit = peer != NULL ? peer->unit : "",
	};
	r = procread_bygone(opts->read, &facts, &proc);
	if (r < 0)
		return r;
	add_parents(opts, proc, kin);
	*ret = proc;
	return 0;
}
