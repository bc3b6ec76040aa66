#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/attr_own.h"
#include "src/base/log.h"
#include "src/linux/procread.h"

/* What is read of a process that lives holds for so long, as long as the kernel
 * says that executable, user, groups and name are the same. */
#define FRESH_NS (50 * MONO_MS)

/* … and as its executable is at its path, which is looked at this often. */
#define PATH_NS (2 * MONO_MS)

/* Who has a socket is looked for this often: what is sent by another one is
 * told by the kernel itself, and so is an exec. */
#define OWNER_NS PATH_NS

/* Who can wait has so much looked for in one round: nothing else is done
 * meanwhile. */
#define LOOK_NS (2 * MONO_MS)

/* Times that /proc is asked who has a socket, where it is not what was heard.
 */
#define TRIES 3

/* Copies of copies that are looked through for one that lives. */
#define COPIES_MAX 8

/* A process may name any file as its executable (prctl(2), PR_SET_MM_MAP), and
 * is believed by /proc and by who sees it at work; what it was started as it
 * can't change. */
static bool
is_posing(const struct kin *kin, const struct actor *actor)
{
	const struct image *image = kin_image(kin, actor->exec);

	return image != NULL && (image->exe_ino != actor->exe_ino ||
				    image->exe_dev != actor->exe_dev);
}

/* Nothing is known of its start, although it would be but for those that there
 * was no room for: what it says of itself since proves nothing. */
static bool
is_stranger(const struct attr *attr, const struct image *image)
{
	return image == NULL && bpf_sees_births(attr->bpf) &&
	       bpf_is_seeded(attr->bpf) &&
	       (!bpf_heard_all(attr->bpf) ||
		   lineage_evicted(attr->lineage) > 0);
}

/* Whether the process, as /proc has it, runs what is at work; image: what that
 * was started as, or NULL. */
static bool
is_same_file(const struct attr *attr, const struct actor *actor,
    const struct image *image, const struct process *proc)
{
	return attr_is_run_by(attr, image, proc) ||
	       (proc->exe_ino == actor->exe_ino &&
		   proc->exe_dev == actor->exe_dev);
}

/* True where /proc speaks of the very program that was seen at work. It shows
 * what is there now: a process that has become another one since is told by its
 * number of execs, and by its file: it may name another one meanwhile. */
static bool
is_of(struct attr *attr, const struct actor *actor, const struct process *proc)
{
	const struct image *image = NULL;
	const struct kin *kin;

	if (proc->uid != actor->uid || proc->gid != actor->gid)
		return false;
	bpf_births(attr->bpf); /* an exec until now */
	kin = lineage_find(attr->lineage, actor->pid, actor->start);
	if (kin != NULL &&
	    (kin->images[0].exec != actor->exec || is_posing(kin, actor)))
		return false;
	if (kin != NULL)
		image = kin_image(kin, actor->exec);
	if (is_stranger(attr, image))
		return false;
	return is_same_file(attr, actor, image, proc);
}

/* What it was started with, where that was told: nobody need wait for its
 * memory, and what it has written there since is no news. */
static void
know_args(struct attr *attr, const struct actor *actor, struct procfs_one *ret)
{
	const struct kin *kin =
	    lineage_find(attr->lineage, actor->pid, actor->start);
	const struct image *image =
	    kin != NULL ? kin_image(kin, actor->exec) : NULL;

	if (image == NULL || image->args_len == 0 ||
	    image->exe_ino != actor->exe_ino ||
	    image->exe_dev != actor->exe_dev)
		return;
	ret->args = image->args;
	ret->args_len = image->args_len;
}

/* With the parents of the one as it was heard of, which may be NULL: /proc has
 * lost those that ended. 0, -ENOENT (it is not there, or became another one) or
 * -errno. */
static int
read_live(struct attr *attr, const struct who *who, const struct process *heard,
    const struct process **ret)
{
	const struct actor *actor = &who->actor;
	struct procfs_one one = { .pid = actor->pid,
		.start = actor->start / attr->tick_ns,
		.sister =
		    heard != NULL && heard->n_parents > 0 ? heard : NULL };
	const struct process *proc;
	int r;

	know_args(attr, actor, &one);
	r = procfs_read_once(attr->opts.procfs, &one, who->process, &proc);
	if (r < 0)
		return r == -ESRCH ? -ENOENT : r;
	if (!is_of(attr, actor, proc)) {
		process_unref(proc);
		return -ENOENT;
	}
	groups_put(&attr->groups, actor, proc);
	*ret = proc;
	return 0;
}

/* Whether it was the program that it was when it had run exec so often. */
static bool
was_so(const struct kin *kin, uint64_t exec)
{
	for (size_t i = 0; i < KIN_IMAGES; i++)
		if (kin->images[i].exec == exec)
			return true;
	return false;
}

/* Up from one that is gone, the first that lives; those between were copies of
 * it as this one is, as far as was seen. 0, -ENOENT or -errno. */
static int
read_living(struct attr *attr, const struct kin *kin, uint64_t exec,
    const struct process **ret)
{
	int r = -ESRCH;

	for (int i = 0;
	     i < COPIES_MAX && r == -ESRCH && kin != NULL && was_so(kin, exec);
	     i++) {
		const struct procfs_one one = { .pid = kin->ppid,
			.start = kin->pstart / attr->tick_ns };

		kin = lineage_find(attr->lineage, kin->ppid, kin->pstart);
		if (kin != NULL && was_so(kin, exec))
			r = procfs_read_once(
			    attr->opts.procfs, &one, NULL, ret);
	}
	return r == -ESRCH ? -ENOENT : r;
}

/* One that is gone, and was a copy of one that lives. 0, -ENOENT or -errno. */
static int
read_parent(struct attr *attr, const struct bygone_opts *opts,
    const struct actor *actor, const struct process **ret)
{
	const struct kin *kin =
	    lineage_find(attr->lineage, actor->pid, actor->start);
	const struct process *parent;
	int r;

	/* born, and not become anything else since */
	if (kin == NULL || kin->images[0].exec != actor->exec ||
	    is_posing(kin, actor))
		return -ENOENT;
	r = read_living(attr, kin, actor->exec, &parent);
	if (r < 0)
		return r;
	r = -ENOENT;
	if (parent->exe_ino == actor->exe_ino &&
	    parent->exe_dev == actor->exe_dev)
		r = bygone_copy(opts, actor, parent, ret);
	process_unref(parent);
	return r;
}

/* What was heard of it is enough where nothing is missing, and costs less than
 * to read it; what a process has changed itself since shows when it is asked
 * for again. Then as it is, and if it is gone as it was. */
static int
read_who(struct attr *attr, struct who *who, const struct process **ret)
{
	const struct bygone_opts opts = { procfs_read(attr->opts.procfs),
		attr->lineage, &attr->groups, attr->cgroups, &attr->ancestors,
		&attr->twins, bpf_heard_all(attr->bpf), attr->tick_ns,
		attr->mounts, attr->now, FRESH_NS };
	const struct process *heard = NULL;
	bool whole = false;
	int r;

	bpf_births(attr->bpf);
	if (who->process == NULL)
		(void)bygone_process(&opts, &who->actor, &heard, &whole);
	if (whole) {
		*ret = heard;
		return 0;
	}
	r = read_live(attr, who, heard, ret);
	/* of those that were there before us the arguments are not known */
	if (r == -ENOENT && heard != NULL && heard->cmd[0] == '\0' &&
	    read_parent(attr, &opts, &who->actor, ret) == 0) {
		process_unref(heard);
		return 0;
	}
	if (r == -ENOENT && (heard != NULL || who->process != NULL)) {
		*ret = heard != NULL ? heard : process_ref(who->process);
		return 0; /* once known it stays so */
	}
	process_unref(heard);
	return r == -ENOENT ? read_parent(attr, &opts, &who->actor, ret) : r;
}

static bool
is_fresh(struct attr *attr, struct who *who)
{
	if (who->process == NULL ||
	    mono_since(attr->now, who->read) >= FRESH_NS)
		return false;
	if (mono_since(attr->now, who->looked) < PATH_NS)
		return true;
	who->looked = attr->now;
	return procread_is_here(procfs_read(attr->opts.procfs), who->process);
}

int
attr_user(struct attr *attr, const struct process **ret)
{
	struct who *who = attr->used.who;
	const struct process *proc;
	int r;

	if (!is_fresh(attr, who)) {
		r = read_who(attr, who, &proc);
		if (r < 0) {
			attr->opts.stats->unknown_gone += r == -ENOENT;
			return r;
		}
		process_unref(who->process);
		who->process = proc;
		who->read = who->looked = attr->now;
	}
	*ret = process_ref(who->process);
	return 0;
}

bool
attr_is_meant(const struct attr *attr, const struct process *proc)
{
	const struct actor *actor = &attr->used.who->actor;
	const struct kin *kin =
	    lineage_find(attr->lineage, actor->pid, actor->start);

	return proc == NULL || proc->kind != PROCESS_PROGRAM ||
	       proc->pid == 1 ||
	       is_same_file(attr, actor,
		   kin != NULL ? kin_image(kin, actor->exec) : NULL, proc);
}

/* Where the kernel does not tell a part's device (device.h), the file is known
 * by its path: what is there is compared with what the process runs by whoever
 * asks for it there. Of another namespace a path says nothing. */
bool
attr_is_run_by(const struct attr *attr, const struct image *image,
    const struct process *proc)
{
	if (image == NULL || image->exe_ino != proc->exe_ino)
		return false;
	return image->exe_dev == proc->exe_dev ||
	       (major(image->exe_dev) == 0 && major(proc->exe_dev) == 0 &&
		   image->mounts == attr->mounts &&
		   strcmp(image->exe, proc->exe) == 0);
}

const struct image *
attr_image_of(const struct attr *attr, const struct process *proc)
{
	const struct kin *kin = lineage_find_about(
	    attr->lineage, proc->pid, proc->start, attr->tick_ns);

	return kin != NULL ? kin->images[0].image : NULL;
}

/* What /proc says against what was seen of its start; where that was lost the
 * kernel is asked for it. 1, 0 or -EAGAIN. */
static int
is_posing_in_proc(struct attr *attr, const struct process *proc)
{
	const struct image *image;

	if (attr->bpf == NULL)
		return 0;
	bpf_births(attr->bpf);
	image = attr_image_of(attr, proc);
	if (image == NULL && is_stranger(attr, NULL)) {
		int r = bpf_ask_missed(attr->bpf, attr->now);

		if (r == -EAGAIN)
			return r;
		if (r < 0)
			log_limited(LOG_LEVEL_WARNING, "attribution",
			    "the kernel does not say what those run whose "
			    "start was lost, they are unknown: %s",
			    strerror(-r));
		image = attr_image_of(attr, proc);
	}
	if (image == NULL)
		return is_stranger(attr, NULL);
	return !attr_is_run_by(attr, image, proc);
}

/* What was read before it became another one, or is told a moment later, is
 * asked for again: what it was may be what it poses for. */
static int
owner_as_it_is(struct attr *attr, const struct socket_facts *sock,
    const struct process **ret)
{
	for (int i = 0; i < TRIES; i++) {
		const struct process *proc;
		int r = procfs_owner(
		    attr->opts.procfs, sock->inode, sock->uid, &proc);

		if (r < 0)
			return r;
		r = is_posing_in_proc(attr, proc);
		if (r == 0) {
			*ret = proc;
			return 0;
		}
		process_unref(proc);
		if (r < 0)
			return r;
		procfs_round(attr->opts.procfs);
	}
	return -ENOENT;
}

/* … or was so a moment ago, as far as its execs would have been told. It may
 * have given the socket away since, or changed its user: what came for it comes
 * to what it was when the packet was sent. NULL where it is to be looked for.
 */
static const struct process *
owner_lately(struct attr *attr, const struct socket_facts *sock)
{
	if (attr->bpf == NULL || !bpf_sees_births(attr->bpf) ||
	    !bpf_heard_all(attr->bpf))
		return NULL;
	bpf_births(attr->bpf);
	return process_ref(owners_find(
	    &attr->owners, sock->inode, sock->uid, attr->now, OWNER_NS));
}

static int
process_by_socket(struct attr *attr, const struct socket_facts *sock,
    bool waits, const struct process **ret)
{
	int r;

	*ret = owner_lately(attr, sock);
	if (*ret != NULL)
		return 0;
	/* all packets of a wake-up were sent before this */
	if (!attr->asked) {
		procfs_round(attr->opts.procfs);
		attr->end = mono_add(mono_work(), LOOK_NS);
	}
	attr->asked = true;
	procfs_until(attr->opts.procfs, waits ? attr->end : (mono_t){ 0 });
	r = owner_as_it_is(attr, sock, ret);
	if (r == 0)
		owners_put(
		    &attr->owners, sock->inode, sock->uid, *ret, attr->now);
	return r;
}

int
attr_process(struct attr *attr, const struct socket_facts *sock,
    const struct process **ret)
{
	if (sock->by == BY_BPF)
		return attr_user(attr, ret);
	return process_by_socket(attr, sock, false, ret);
}

int
attr_look(struct attr *attr, const struct socket_facts *sock,
    const struct process **ret)
{
	if (sock->by == BY_BPF)
		return attr_user(attr, ret);
	return process_by_socket(attr, sock, true, ret);
}
