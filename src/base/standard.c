#include "src/base/standard.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "src/base/log.h"

void
standard_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd); /* all three are there */
}

bool
standard_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

static void
empty(int first, int last)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = first; null >= 0 && fd <= last; fd++)
		(void)dup2(null, fd);
	if (null >= 0)
		(void)close(null);
}

void
standard_detach(void)
{
	empty(STDIN_FILENO, STDOUT_FILENO);
	log_for_now();
}

void
standard_leave(void)
{
	struct stat st;

	if (!log_is_for_now())
		return;
	/* where there is no syslog (a container) whoever reads is all there is
	 */
	if (fstat(STDERR_FILENO, &st) == 0 &&
	    (S_ISREG(st.st_mode) ||
		(!S_ISCHR(st.st_mode) && access(_PATH_LOG, F_OK) < 0))) {
		log_set_sink(NULL);
		return;
	}
	log_to_syslog(
	    "rerouted"); /* first: a thread may have something to say */
	empty(STDERR_FILENO, STDERR_FILENO);
}
