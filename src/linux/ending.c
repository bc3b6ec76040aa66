#include "src/linux/ending.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/linux/procdir.h"

/* In the flags of a task, which the kernel shows in stat (sched.h). */
#define PF_EXITING 0x4

/* The text of /proc/PID/NAME; empty where there is none. */
static void
read_text(pid_t pid, const char *name, char *ret, size_t size)
{
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = procdir_file(AT_FDCWD, path, ret, size - 1);
	ret[n > 0 ? n : 0] = '\0';
}

/* SIGKILL for the whole of it, or for the task that would see to it. */
static bool
is_killed(pid_t pid)
{
	static const char *const masks[] = { "\nSigPnd:", "\nShdPnd:" };
	char text[4096];

	read_text(pid, "status", text, sizeof(text));
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		const char *mask = strstr(text, masks[i]);

		if (mask != NULL &&
		    (strtoull(mask + strlen(masks[i]), NULL, 16) &
			UINT64_C(1) << (SIGKILL - 1)) != 0)
			return true;
	}
	return false;
}

/* Behind the name: state, five numbers, flags, ten more, and how many threads
 * there are. What is a zombie while others run has its files still. */
enum ending
ending_of(pid_t pid)
{
	unsigned long flags = 0, threads = 0;
	char text[1024], state = '\0';
	const char *name_end;

	read_text(pid, "stat", text, sizeof(text));
	name_end = strrchr(text, ')');
	if (name_end == NULL)
		return ENDING_DONE;
	if (sscanf(name_end + 1,
		" %c %*s %*s %*s %*s %*s %lu %*s %*s %*s %*s %*s %*s %*s %*s "
		"%*s %*s %lu",
		&state, &flags, &threads) != 3)
		return ENDING_NOT;
	if ((state == 'Z' || state == 'X') && threads <= 1)
		return ENDING_DONE;
	return (flags & PF_EXITING) != 0 || is_killed(pid) ? ENDING_SOON
							   : ENDING_NOT;
}
