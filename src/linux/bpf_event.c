#include "src/linux/bpf_event.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/linux/bpf/record.h"

/* As a path can be, with its NUL. */
static bool
is_short(const struct bpf_event *event)
{
	return event->cut == 0 && event->path_len < PATH_MAX;
}

int
bpf_event_exec(struct exec *ret, const struct bpf_event *event,
    const char *text, size_t size)
{
	if (size < sizeof(*event) + event->path_len + event->args_len)
		return -EBADMSG;
	*ret = (struct exec){
		.pid = (pid_t)event->pid,
		.ppid = (pid_t)event->ppid,
		.start = event->start,
		.pstart = event->pstart,
		.exec = event->exec,
		.exe_dev =
		    makedev(event->exe_dev >> 20, event->exe_dev & 0xfffff),
		.exe_ino = event->exe_ino,
		.deleted = event->deleted != 0,
		.mounts = event->mounts,
		.path = text,
		.path_len = is_short(event) ? event->path_len : 0,
		.args = text + event->path_len,
		.args_len = event->args_len,
	};
	memcpy(ret->comm, event->comm, sizeof(ret->comm));
	return 0;
}

bool
bpf_event_fork(struct fork *ret, const struct bpf_fork *record, size_t size)
{
	if (size < sizeof(*record) || record->pid == 0)
		return false;
	*ret = (struct fork){
		.pid = (pid_t)record->pid,
		.ppid = (pid_t)record->ppid,
		.from = (pid_t)record->from,
		.start = record->start,
		.pstart = record->pstart,
		.from_start = record->from_start,
		.exec = record->exec,
	};
	return true;
}
