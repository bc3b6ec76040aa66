#include "src/linux/machine.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/base/num.h"
#include "src/linux/procdir.h"

static uint64_t
number_in(const char *path)
{
	char text[32];
	uint64_t number;
	ssize_t n = procdir_file(AT_FDCWD, path, text, sizeof(text));

	if (n <= 0)
		return 0;
	if (text[n - 1] == '\n')
		n--;
	return num_parse(&number, text, (size_t)n, UINT64_MAX) == 0 ? number
								    : 0;
}

void
machine_read(struct attr_machine *ret)
{
	long pages = sysconf(_SC_PHYS_PAGES);

	ret->memory =
	    pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
	ret->pid_max = number_in("/proc/sys/kernel/pid_max");
	ret->flows_max = number_in("/proc/sys/net/netfilter/nf_conntrack_max");
}
