#ifndef LINUX_SPAWN_H
#define LINUX_SPAWN_H

#include <stdint.h>

/* A program of the system, run to its end. */
struct spawn {
	const char *path;
	char **argv;
	char **env;
	int in, out, err; /* its descriptors 0 to 2; -1: as ours */
	uint64_t max;	  /* ns it may take */
};

/* 0 when it ended well; -EIO when it failed; -ETIMEDOUT when it had to be
 * killed; -errno when it could not be started. Blocks. */
int spawn_run(const struct spawn *spawn);

#endif
