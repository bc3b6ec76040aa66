#ifndef PAIR_H
#define PAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What pair.c tells of a process. */
struct made {
	uint64_t inode; /* of its socket */
	pid_t pid;
};

#endif
