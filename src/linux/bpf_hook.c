#include "src/linux/bpf_hook.h"

#ifdef HAVE_BPF

#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of headers that are older than the kernel. */
#define ATTACH_NETFILTER 45

/* BPF_LINK_CREATE for a hook, which libbpf knows since 1.3 only. */
int
bpf_hook_attach(int prog_fd, const struct bpf_hook *hook)
{
	struct {
		uint32_t prog_fd, target_fd, attach_type, flags;
		uint32_t pf, hook;
		int32_t priority;
		uint32_t hook_flags, rest[8];
	} attr = { .prog_fd = (uint32_t)prog_fd,
		.attach_type = ATTACH_NETFILTER,
		.pf = hook->pf,
		.hook = hook->hook };
	long r = -1;

	for (attr.priority = hook->first; attr.priority <= hook->last;
	     attr.priority++) {
		r = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
		if (r >= 0 || errno != EBUSY)
			break;
	}
	return r < 0 ? -errno : (int)r;
}

#endif
