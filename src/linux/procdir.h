#ifndef LINUX_PROCDIR_H
#define LINUX_PROCDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process;

/* The open directory of a process, and those of its files that are read for
 * each answer: kept open, a read of them costs a third. Descriptors, or -1. */
struct procdir {
	int fd;	   /* O_PATH */
	int links; /* O_PATH of its folder fd */
	int comm, cmdline, cgroup;
	/* its arguments, each with its NUL, where they are known; borrowed.
	 * NULL: they are read, as the process has them now */
	const char *args;
	size_t args_len;
	const struct process *sister; /* see struct procfs_one */
	uint64_t start;		      /* of the process, in ticks */
};

/* Opens /proc/PID below proc_fd, for the process that started then: 0, -ESRCH
 * (it is gone, or it is another one) or -errno. */
int procdir_open(struct procdir *ret, int proc_fd, pid_t pid, uint64_t start);
void procdir_close(struct procdir *dir);

/* Reads a small file whole, or as much of it as fits; the length or -errno. */
ssize_t procdir_file(int dirfd, const char *name, char *buf, size_t size);

/* The same for a file that is kept open: *fd is -1 before the first time. */
ssize_t procdir_kept(
    int *fd, int dirfd, const char *name, char *buf, size_t size);

struct procdir_stat {
	pid_t ppid;
	uint64_t start;
	char state; /* R, S, D, T, Z ... */
	/* headless: its first thread has ended, and others run */
	bool kthread, zombie, headless;
};

/* PID/stat below dirfd (name: "stat" or "123/stat"): 0, -ESRCH or -errno. Of a
 * thread, too. */
int procdir_status(int dirfd, const char *name, struct procdir_stat *ret);

/* A descriptor (O_PATH) of the folder of a process below dirfd, and its status;
 * of one that is headless it is the folder of a thread that runs: that has its
 * memory and files still. -ESRCH or -errno. */
int procdir_base(int dirfd, const char *name, struct procdir_stat *ret);

#endif
