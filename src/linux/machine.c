#include "src/linux/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/num.h"
#include "src/linux/procdir.h"

#define FLOWS_MAX "/proc/sys/net/netfilter/nf_conntrack_max"
#define FLOWS_NOW "/proc/sys/net/netfilter/nf_conntrack_count"

/* PROC_PID_INIT_INO in the kernel. */
#define PID_FIRST 0xeffffffcu

/* A line for each processor, in hex; "drop" is the eleventh. */
#define FLOWS_STAT "/proc/net/stat/nf_conntrack"
#define DROP "%*x %*x %*x %*x %*x %*x %*x %*x %*x %*x %" SCNx64

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
	ret->flows_max = number_in(FLOWS_MAX);
}

bool
machine_is_confined(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != PID_FIRST;
}

int
machine_flows_dropped(uint64_t *ret)
{
	FILE *f = fopen(FLOWS_STAT, "re");
	uint64_t sum = 0, n;
	char line[256];

	if (f == NULL)
		return -errno;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, DROP, &n) == 1)
			sum += n;
	(void)fclose(f); /* it was only read */
	*ret = sum;
	return 0;
}

bool
machine_flows_full(void)
{
	uint64_t max = number_in(FLOWS_MAX);

	/* some may just have ended */
	return max > 0 && number_in(FLOWS_NOW) >= max - max / 16;
}
