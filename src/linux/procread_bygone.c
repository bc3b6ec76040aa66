#include "src/linux/procread_bygone.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "src/core/procline.h"
#include "src/core/script.h"
#include "src/linux/cmdline.h"

/* Without the working directory only an absolute path names a script. */
static int
bygone_script(struct process *proc, const struct procread_facts *facts)
{
	char path[PATH_MAX];
	const char *arg;
	size_t len;

	if (!proc->exe_here ||
	    !script_find(
		facts->exe, facts->args, facts->args_len, &arg, &len) ||
	    !script_path("", arg, len, path, sizeof(path)))
		return 0;
	return process_set_lent(proc, &proc->script, path, strlen(path));
}

/* Where another file is at its path now, or none, it is shown as readlink(2)
 * would have. */
static int
bygone_exe(struct process *proc, const struct procread_facts *facts)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX + sizeof(deleted)];
	size_t len = strlen(facts->exe);

	if (proc->exe_here || !facts->exe_ours || len >= PATH_MAX ||
	    process_exe_was(facts->exe, false) > 0)
		return process_set_lent(proc, &proc->exe, facts->exe, len);
	memcpy(path, facts->exe, len);
	memcpy(path + len, deleted, sizeof(deleted));
	return process_set_lent(proc, &proc->exe, path, sizeof(path));
}

static int
bygone_cmd(struct process *proc, const struct procread_facts *facts)
{
	char cmd[CMDLINE_MAX];
	size_t len =
	    facts->args_len < sizeof(cmd) ? facts->args_len : sizeof(cmd);

	memcpy(cmd, facts->args, len);
	return process_set_lent(proc, &proc->cmd, cmd, procline_join(cmd, len));
}

static int
bygone_strings(struct procread *pr, struct process *proc,
    const struct procread_facts *facts)
{
	char number[USERS_NUMLEN];
	const char *user = users_name(&pr->users, facts->uid, pr->now, number);
	const struct {
		char **field;
		const char *s;
		size_t len;
	} strings[] = {
		{ &proc->comm, facts->comm, facts->comm_len },
		{ &proc->cgroup, facts->cgroup, strlen(facts->cgroup) },
		{ &proc->unit, facts->unit, strlen(facts->unit) },
		{ &proc->user, user, strlen(user) },
	};
	int r = bygone_exe(proc, facts);

	for (size_t i = 0; r == 0 && i < sizeof(strings) / sizeof(strings[0]);
	     i++)
		r = process_set_lent(
		    proc, strings[i].field, strings[i].s, strings[i].len);
	if (r == 0)
		r = bygone_cmd(proc, facts);
	return r == 0 ? bygone_script(proc, facts) : r;
}

int
procread_bygone(struct procread *pr, const struct procread_facts *facts,
    struct process **ret)
{
	const struct placed placed = { { facts->exe_dev, facts->exe_ino },
		facts->uid, facts->exe };
	int here = places_had(&pr->places, &placed, pr->now);
	struct process *proc;

	if (here < 0)
		return here;
	proc = process_new(PROCESS_PROGRAM);
	if (proc == NULL)
		return -ENOMEM;
	proc->self = facts->pid == pr->self;
	proc->pid = facts->pid;
	proc->start = facts->start;
	proc->exe_dev = facts->exe_dev;
	proc->exe_ino = facts->exe_ino;
	proc->exe_here = here > 0;
	proc->uid = facts->uid;
	proc->gid = facts->gid;
	if (facts->sister != NULL)
		process_join(proc, facts->sister);
	if (bygone_strings(pr, proc, facts) != 0) {
		process_unref(proc);
		return -ENOMEM;
	}
	*ret = proc;
	return 0;
}
