#ifndef LINUX_BPF_HOOK_H
#define LINUX_BPF_HOOK_H

#include <stdint.h>

/* Where a program is called in netfilter. Two of one priority don't go
 * together: another program may have the first. */
struct bpf_hook {
	uint32_t pf;	     /* PF_INET or PF_INET6 */
	uint32_t hook;	     /* NF_INET_* */
	int32_t first, last; /* priorities that will do */
};

/* The descriptor that keeps the program there, or -errno: -EAFNOSUPPORT where
 * the kernel has no such family. */
int bpf_hook_attach(int prog_fd, const struct bpf_hook *hook);

#endif
