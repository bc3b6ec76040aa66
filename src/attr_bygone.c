#include "src/attr_bygone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/script.h"
#include "src/linux/procread_bygone.h"

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
add_gone(struct procread *read, struct process *proc, const struct kin *kin)
{
	const struct image *image = kin->images[0].image;
	const char *exe = image != NULL ? image->exe : "";
	int here = 0;

	if (image != NULL)
		here = places_had(&read->places,
		    &(struct placed){
			{ image->exe_dev, image->exe_ino }, proc->uid, exe },
		    read->now);
	if (here < 0)
		return here;
	return process_add_parent(proc, kin->pid, exe, here > 0);
}

/* Up from a parent, by /proc as far as that is the same process still. 0, or
 * -errno where one ended the chain: it left no trace, or there was no memory or
 * descriptor for it. */
static int
read_parents(
    const struct bygone_opts *opts, struct process *proc, const struct kin *kin)
{
	uint64_t start = proc->start;
	int r = 0;

	while (kin != NULL && r == 0 && proc->n_parents < PROCESS_PARENTS_MAX) {
		pid_t pid = kin->ppid;
		uint64_t pstart = kin->pstart;

		if (pid <= 0)
			break;
		r = procread_add_parent(
		    opts->read, proc, &pid, &start, pstart / opts->tick_ns);
		if (r == 0) { /* it lives, and so do its own, or are adopted */
			while (r == 0 && pid > 0 &&
			       proc->n_parents < PROCESS_PARENTS_MAX)
				r = procread_add_parent(
				    opts->read, proc, &pid, &start, 0);
			break;
		}
		kin = lineage_find(opts->lineage, pid, pstart);
		r = kin != NULL ? add_gone(opts->read, proc, kin) : -ESRCH;
	}
	return r;
}

/* Who starts one process after the other is read once in a while. 0, or
 * -ETIMEDOUT where a file system does not answer; else the chain is as long as
 * it is. */
static int
add_parents(
    const struct bygone_opts *opts, struct process *proc, const struct kin *kin)
{
	const struct process *sister;
	int r;

	if (kin == NULL)
		return 0;
	sister = ancestors_find(
	    opts->ancestors, kin->ppid, kin->pstart, opts->now, opts->fresh_ns);
	if (sister != NULL) {
		process_join(proc, sister);
		return 0;
	}
	r = read_parents(opts, proc, kin);
	if (r == 0)
		ancestors_put(
		    opts->ancestors, kin->ppid, kin->pstart, proc, opts->now);
	return r == -ETIMEDOUT ? r : 0;
}

static void
set_actor(const struct bygone_opts *opts, const struct actor *actor,
    struct procread_facts *ret)
{
	ret->pid = actor->pid;
	ret->start = actor->start / opts->tick_ns;
	ret->uid = actor->uid;
	ret->gid = actor->gid;
	ret->comm = actor->comm;
	ret->comm_len = strnlen(actor->comm, sizeof(actor->comm));
}

/* One by its name in a folder: that takes the working directory. */
static bool
runs_script_nearby(const struct image *image)
{
	const char *arg;
	size_t len;

	return script_find(
		   image->exe, image->args, image->args_len, &arg, &len) &&
	       len > 0 && arg[0] != '/';
}

int
bygone_process(const struct bygone_opts *opts, const struct actor *actor,
    const struct process **ret, bool *ret_whole)
{
	const struct kin *kin =
	    lineage_find(opts->lineage, actor->pid, actor->start);
	const struct image *image =
	    kin != NULL ? kin_image(kin, actor->exec) : NULL;
	const struct process *peer = groups_find(opts->groups, actor);
	struct procread_facts facts = { .exe = NULL };
	struct process *proc;
	int r;

	/* a file that is another one than was seen at work is no answer */
	if (image == NULL || image->exe_ino != actor->exe_ino ||
	    image->exe_dev != actor->exe_dev || image->exe[0] == '\0')
		return -ENOENT;
	set_actor(opts, actor, &facts);
	facts.exe_dev = image->exe_dev;
	facts.exe_ino = image->exe_ino;
	facts.exe = image->exe;
	facts.exe_ours = image->mounts == opts->mounts;
	facts.args = image->args;
	facts.args_len = image->args_len;
	facts.cgroup = peer != NULL ? peer->cgroup : "";
	facts.unit = peer != NULL ? peer->unit : "";
	r = procread_bygone(opts->read, &facts, &proc);
	if (r < 0)
		return r;
	r = add_parents(opts, proc, kin);
	if (r < 0) {
		process_unref(proc);
		return r;
	}
	/* every program has arguments: here they were not read */
	*ret_whole = proc->exe_here && peer != NULL && image->args_len > 0 &&
		     !runs_script_nearby(image);
	*ret = proc;
	return 0;
}

int
bygone_copy(const struct bygone_opts *opts, const struct actor *actor,
    const struct process *parent, const struct process **ret)
{
	const struct process *peer = groups_find(opts->groups, actor);
	struct procread_facts facts = { .exe_dev = parent->exe_dev,
		.exe_ino = parent->exe_ino,
		.exe = parent->exe,
		.args = parent->cmd, /* joined already */
		.args_len = strlen(parent->cmd) };
	struct process *proc;
	int r;

	if (peer == NULL)
		peer = parent;
	set_actor(opts, actor, &facts);
	facts.cgroup = peer->cgroup;
	facts.unit = peer->unit;
	r = procread_bygone(opts->read, &facts, &proc);
	if (r < 0)
		return r;
	r = process_set(&proc->script, parent->script, strlen(parent->script));
	if (r == 0)
		r = add_parents(opts, proc,
		    lineage_find(opts->lineage, actor->pid, actor->start));
	if (r < 0) {
		process_unref(proc);
		return r;
	}
	*ret = proc;
	return 0;
}
