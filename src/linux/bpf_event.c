#include "src/linux/bpf_event.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/linux/bpf/record.h"

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
		.path_len = event->cut ? 0 : event->path_len,
		.args = text + event->path_len,
		.args_len = event->args_len,
	};
	memcpy(ret->comm, event->comm, sizeof(ret->comm));
	return 0;
}
