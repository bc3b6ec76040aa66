#include "src/linux/procread_bygone.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/procline.h"
#include "src/core/script.h"

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
	return process_set(&proc->script, path, strlen(path));
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
		return process_set(&proc->exe, facts->exe, len);
	memcpy(path, facts->exe, len);
	memcpy(path + len, deleted, sizeof(deleted));
	return process_set(&proc->exe, path, sizeof(path));
}

static int
bygone_cmd(struct process *proc, const struct procread_facts *facts)
{
	char *cmd = malloc(facts->args_len + 1);

	if (cmd == NULL)
		return -ENOMEM;
	memcpy(cmd, facts->args, facts->args_len);
	cmd[procline_join(cmd, facts->args_len)] = '\0';
	process_take(&proc->cmd, cmd);
	return 0;
}

int
procread_bygone(struct procread *pr, const struct procread_facts *facts,
    struct process **ret)
{
	char number[USERS_NUMLEN];
	const char *user = users_name(&pr->users, facts->uid, pr->now, number);
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
	if (bygone_exe(proc, facts) != 0 ||
	    process_set(&proc->comm, facts->comm, facts->comm_len) != 0 ||
	    process_set(&proc->cgroup, facts->cgroup, strlen(facts->cgroup)) !=
		0 ||
	    process_set(&proc->unit, facts->unit, strlen(facts->unit)) != 0 ||
	    process_set(&proc->user, user, strlen(user)) != 0 ||
	    bygone_cmd(proc, facts) != 0 || bygone_script(proc, facts) != 0) {
		process_unref(proc);
		return -ENOMEM;
	}
	*ret = proc;
	return 0;
}
