#include "src/attr_bygone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/cgroups.h"
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

static void
twin_forget(struct twin *twin)
{
	image_unref(twin->image);
	process_unref(twin->of);
	process_unref(twin->peer);
	process_unref(twin->sister);
	memset(twin, 0, sizeof(*twin));
}

void
twins_done(struct twins *twins)
{
	for (size_t i = 0; i < TWINS_MAX; i++)
		twin_forget(&twins->all[i]);
}

static bool
is_twin_of(const struct actor *a, const struct actor *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->groups == b->groups &&
	       a->cgroup == b->cgroup &&
	       memcmp(a->comm, b->comm, sizeof(a->comm)) == 0;
}

static void
twin_put(const struct bygone_opts *opts, const struct twin *is)
{
	struct twins *twins = opts->twins;
	struct twin *twin = NULL;

	for (size_t i = 0; i < TWINS_MAX && twin == NULL; i++)
		if (twins->all[i].image == is->image)
			twin = &twins->all[i];
	if (twin == NULL)
		twin = &twins->all[twins->next++ % TWINS_MAX];
	/* first: some may be those that are forgotten */
	(void)image_ref(is->image);
	(void)process_ref(is->of);
	(void)process_ref(is->peer);
	(void)process_ref(is->sister);
	twin_forget(twin);
	*twin = *is;
	twin->made = opts->now;
}

/* Its file is looked at as for any other. NULL where there is none, or no
 * memory. */
static struct process *
twin_make(const struct bygone_opts *opts, const struct twin *is)
{
	const struct placed placed = { { is->image->exe_dev,
					   is->image->exe_ino },
		is->actor.uid, is->image->exe };
	const struct twins *twins = opts->twins;
	const struct twin *twin = NULL;
	struct process *proc;

	for (size_t i = 0; i < TWINS_MAX && twin == NULL; i++)
		if (twins->all[i].image == is->image)
			twin = &twins->all[i];
	if (twin == NULL || twin->peer != is->peer ||
	    twin->sister != is->sister ||
	    mono_since(opts->now, twin->made) >= opts->fresh_ns ||
	    !is_twin_of(&twin->actor, &is->actor) ||
	    places_had(&opts->read->places, &placed, opts->now) != 1)
		return NULL;
	proc = process_twin(
	    twin->of, is->actor.pid, is->actor.start / opts->tick_ns);
	if (proc != NULL)
		proc->self = proc->pid == opts->read->self;
	return proc;
}

/* An ancestor as it was heard of. 1; 0: its file was at its path and is no
 * more, and it lives, so that it is to be asked; or -errno. */
static int
add_heard(const struct bygone_opts *opts, struct process *proc,
    const struct kin *kin, bool gone)
{
	const struct image *image = kin->images[0].image;
	const char *exe = image != NULL ? image->exe : "";
	int here = 0, r;

	if (image != NULL)
		here = places_had_within(&opts->read->places,
		    &(struct placed){
			{ image->exe_dev, image->exe_ino }, proc->uid, exe },
		    opts->read->now, opts->fresh_ns);
	if (here < 0)
		return here;
	if (here == 0 && !gone && process_exe_was(exe, false) == 0)
		return 0;
	r = process_add_parent(proc, kin->pid, exe, here > 0);
	return r < 0 ? r : 1;
}

/* An ancestor of whom it may be heard. */
struct link {
	pid_t pid;
	uint64_t start; /* nanoseconds since boot; 0: not known */
};

/* The next one up from one that was heard of: who started it, and where nothing
 * is left of that one whose it is now. 0, -ESRCH or -errno. */
static int
go_up(const struct bygone_opts *opts, const struct kin *kin, struct link *ret)
{
	const struct kin *parent =
	    lineage_find(opts->lineage, kin->ppid, kin->pstart);
	int r;

	*ret = (struct link){ kin->ppid, kin->pstart };
	if (kin->gone || kin->ppid <= 0 || parent != NULL)
		return 0;
	r = procread_ppid(kin->pid, kin->start / opts->tick_ns, &ret->pid);
	parent = r == 0 ? lineage_find_living(opts->lineage, ret->pid) : NULL;
	ret->start = parent != NULL ? parent->start : 0;
	return r;
}

/* By /proc: one that lives, and its own or who has adopted it, up to the first;
 * one that is gone as it was heard of. */
static int
add_read(const struct bygone_opts *opts, struct process *proc,
    const struct kin *kin, uint64_t *start, struct link *up)
{
	int r = procread_add_parent(
	    opts->read, proc, &up->pid, start, up->start / opts->tick_ns);

	if (r == 0) {
		while (r == 0 && up->pid > 0 &&
		       proc->n_parents < PROCESS_PARENTS_MAX)
			r = procread_add_parent(
			    opts->read, proc, &up->pid, start, 0);
		up->pid = 0;
		return r;
	}
	if (kin == NULL)
		return -ESRCH;
	*up = (struct link){ kin->ppid, kin->pstart };
	r = add_heard(opts, proc, kin, true);
	return r < 0 ? r : 0;
}

struct climb {
	struct link up;	    /* the next one */
	uint64_t start;	    /* of the one below, in ticks */
	struct link second; /* of the parents; pid 0: not read here */
	mono_t read;	    /* since when all of it holds */
};

/* One more: by what was heard as far as that is all that there is to be known,
 * else by /proc as far as that is the same process still. 0 or -errno. */
static int
climb_one(const struct bygone_opts *opts, struct process *proc, struct climb *c)
{
	const struct kin *kin =
	    lineage_find(opts->lineage, c->up.pid, c->up.start);
	int r = kin != NULL && opts->all_heard
		    ? add_heard(opts, proc, kin, kin->gone)
		    : 0;

	if (r < 0)
		return r;
	return r > 0 ? go_up(opts, kin, &c->up)
		     : add_read(opts, proc, kin, &c->start, &c->up);
}

/* The rest, where it was read a moment ago for another one. 1, 0 or -errno. */
static int
climb_known(
    const struct bygone_opts *opts, struct process *proc, struct climb *c)
{
	const struct ancestry *above =
	    c->up.start == 0 ? NULL
			     : ancestors_above(opts->ancestors, c->up.pid,
				   c->up.start, opts->now, opts->fresh_ns);
	const struct process *of;

	if (above == NULL)
		return 0;
	of = above->of;
	for (size_t i = above->from;
	     i < of->n_parents && proc->n_parents < PROCESS_PARENTS_MAX; i++) {
		const struct process_parent *parent = &of->parents[i];
		int r = process_add_parent(
		    proc, parent->pid, parent->exe, parent->exe_here);

		if (r < 0)
			return r;
	}
	c->read = above->read;
	return 1;
}

/* Up from a parent. 0, or -errno where one ended the chain: it left no trace,
 * or there was no memory or descriptor for it. */
static int
climb(const struct bygone_opts *opts, struct process *proc, struct climb *c)
{
	int r = 0;

	while (
	    r == 0 && c->up.pid > 0 && proc->n_parents < PROCESS_PARENTS_MAX) {
		r = climb_known(opts, proc, c);
		if (r != 0)
			break;
		if (proc->n_parents == 1)
			c->second = c->up;
		r = climb_one(opts, proc, c);
	}
	return r < 0 ? r : 0;
}

/* Who starts one process after the other is read once in a while. 0, or
 * -ETIMEDOUT where a file system does not answer; else the chain is as long as
 * it is. */
static int
add_parents(
    const struct bygone_opts *opts, struct process *proc, const struct kin *kin)
{
	struct climb c = { .up = { kin->ppid, kin->pstart },
		.start = proc->start,
		.read = opts->now };
	int r = climb(opts, proc, &c);

	if (r < 0)
		return r == -ETIMEDOUT ? r : 0;
	ancestors_put(opts->ancestors, kin->ppid, kin->pstart, proc, c.read);
	/* of a chain that was cut something may be missing above */
	if (c.second.start != 0 && proc->n_parents < PROCESS_PARENTS_MAX)
		ancestors_put_above(opts->ancestors, c.second.pid,
		    c.second.start, proc, c.read);
	return 0;
}

static const struct process *
sister_of(const struct bygone_opts *opts, const struct kin *kin)
{
	return kin != NULL ? ancestors_find(opts->ancestors, kin->ppid,
				 kin->pstart, opts->now, opts->fresh_ns)
			   : NULL;
}

/* The process with its parents. 0, -ETIMEDOUT or -ENOMEM. */
static int
read_bygone(const struct bygone_opts *opts, struct procread_facts *facts,
    const struct kin *kin, struct process **ret)
{
	struct process *proc;
	int r;

	facts->sister = sister_of(opts, kin);
	r = procread_bygone(opts->read, facts, &proc);
	if (r < 0)
		return r;
	if (kin != NULL && facts->sister == NULL)
		r = add_parents(opts, proc, kin);
	if (r < 0) {
		process_unref(proc);
		return r;
	}
	*ret = proc;
	return 0;
}

/* Its control group, by its number where that has a name, else as it is with
 * `peer`, which may be NULL. False where nobody knows. */
static bool
set_group(const struct bygone_opts *opts, const struct actor *actor,
    const struct process *peer, struct procread_facts *ret)
{
	const struct cgroup_name *name =
	    opts->cgroups != NULL ? cgroups_find(opts->cgroups, actor->cgroup)
				  : NULL;

	ret->cgroup = ret->unit = "";
	if (name != NULL) {
		ret->cgroup = name->path;
		ret->unit = name->unit;
	} else if (peer != NULL) {
		ret->cgroup = peer->cgroup;
		ret->unit = peer->unit;
	}
	return name != NULL || peer != NULL;
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

static int
read_image(const struct bygone_opts *opts, const struct twin *is,
    const struct kin *kin, struct process **ret, bool *ret_grouped)
{
	const struct image *image = is->image;
	struct procread_facts facts = { .exe_dev = image->exe_dev,
		.exe_ino = image->exe_ino,
		.exe = image->exe,
		.exe_ours = image->mounts == opts->mounts,
		.args = image->args,
		.args_len = image->args_len };

	set_actor(opts, &is->actor, &facts);
	*ret_grouped = set_group(opts, &is->actor, is->peer, &facts);
	return read_bygone(opts, &facts, kin, ret);
}

int
bygone_process(const struct bygone_opts *opts, const struct actor *actor,
    const struct process **ret, bool *ret_whole)
{
	const struct kin *kin =
	    lineage_find(opts->lineage, actor->pid, actor->start);
	struct twin is = { .image =
			       kin != NULL ? kin_image(kin, actor->exec) : NULL,
		.actor = *actor };
	struct process *proc;
	bool grouped;
	int r;

	/* a file that is another one than was seen at work is no answer */
	if (is.image == NULL || is.image->exe_ino != actor->exe_ino ||
	    is.image->exe_dev != actor->exe_dev || is.image->exe[0] == '\0')
		return -ENOENT;
	is.peer = groups_find(opts->groups, actor);
	is.sister = sister_of(opts, kin);
	proc = twin_make(opts, &is);
	if (proc != NULL) {
		*ret_whole = true;
		*ret = proc;
		return 0;
	}
	r = read_image(opts, &is, kin, &proc, &grouped);
	if (r < 0)
		return r;
	/* every program has arguments: here they were not read */
	*ret_whole = proc->exe_here && grouped && is.image->args_len > 0 &&
		     !runs_script_nearby(is.image);
	is.of = proc;
	if (is.sister == NULL) /* it has read them */
		is.sister = sister_of(opts, kin);
	if (*ret_whole && is.sister != NULL)
		twin_put(opts, &is);
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

	set_actor(opts, actor, &facts);
	(void)set_group(opts, actor, peer != NULL ? peer : parent,
	    &facts); /* the parent's */
	r = read_bygone(opts, &facts,
	    lineage_find(opts->lineage, actor->pid, actor->start), &proc);
	if (r < 0)
		return r;
	r = process_set_lent(
	    proc, &proc->script, parent->script, strlen(parent->script));
	if (r < 0) {
		process_unref(proc);
		return r;
	}
	*ret = proc;
	return 0;
}
