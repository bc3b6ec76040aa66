#ifndef CORE_ACTOR_H
#define CORE_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the kernel says of the process in whose midst it is. Small, and right
 * even if the process is gone when it is read. Where all of it is equal
 * nothing that names the process has changed. */
struct actor {
	uint64_t start; /* nanoseconds since boot */
	uint64_t exec;	/* another number after each exec */
	/* as stat(2) has them on nearly every file system: to tell one from
	 * another */
	uint64_t exe_dev, exe_ino;
	uint64_t groups; /* all its control groups as one number */
	uint64_t cgroup; /* id in the unified hierarchy */
	pid_t pid;
	uint32_t uid, gid; /* effective */
	char comm[16];	   /* NUL padded */
};

/* A packet that a program sent, as the kernel saw it leave. */
struct use {
	struct actor actor;
	uint64_t socket; /* its inode, or another number where it has none */
	uint32_t device; /* that the socket is bound to; 0: none */
	bool connected;
	bool begins;  /* conntrack has no entry for the packet yet */
	bool answers; /* conntrack says that the far end began */
	/* decided for another process before: what conntrack has of it holds no
	 * more. refused: the packet was dropped, else it has passed */
	bool taken, refused;
	const uint8_t *head; /* the first bytes of the packet, borrowed */
	size_t head_len, total;
};

/* A process that began as a copy of another one. */
struct fork {
	pid_t pid, ppid, from; /* from: whose memory it has */
	uint64_t start, pstart, from_start;
	uint64_t exec;
};

/* A socket that a process has. */
struct holding {
	uint64_t inode;
	uint64_t start; /* of the process, ns since boot */
	pid_t pid;
	pid_t thread; /* that alone has it by that number; 0: all have */
	int fd;
};

/* A process that became another program. Text is borrowed and foreign. */
struct exec {
	pid_t pid, ppid;
	uint64_t start, pstart;
	uint64_t exec;
	uint64_t exe_dev, exe_ino;
	bool deleted;
	uint32_t mounts; /* number of the mount namespace */
	/* names from the file up to the root, each with a NUL behind it */
	const char *path;
	size_t path_len;  /* 0: longer than there was room */
	const char *args; /* each with a NUL behind it */
	size_t args_len;
	char comm[16];
};

#endif
