#ifndef ATTRTEST_H
#define ATTRTEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Parts of one test program: run by 30-attribution.sh in a network namespace
 * with lo up and a device attr_d0 (10.98.0.1/24, fd98::1/64) that the
 * default routes lead to. */

void attr_crowd_tests(void);
void attr_diag_tests(void);
void attr_level_tests(void);
/* One of them in a process: libbpf frees twice what is loaded twice. */
void attr_lost_tests(bool kept);
void attr_proc_tests(void);
void attr_who_tests(void);

/* Prints "ok NAME" or "not ok NAME". */
void check(const char *name, bool ok);
int failures(void);

/* The test can't go on: says why and exits. */
void die(const char *what) __attribute__((noreturn));

uint64_t inode_of(int fd);

/* Takes no notice of anything that BPF tells. */
struct bpf_ops;
extern const struct bpf_ops attr_deaf;

/* A uid and a name that every system has. */
#define NOBODY 65534

/* Look-ups in /proc, for processes of this one's. */
struct procfs;
struct procfs *attr_procfs(void);
/* The holder of that socket: a reference. There is one. Where looking took
 * long, on a busy machine, it looks again after a while (-EAGAIN). */
const struct process *attr_owner(struct procfs *procfs, uint64_t inode);
/* The same by its number, or -errno. */
pid_t attr_owner_pid(struct procfs *procfs, uint64_t inode);

/* A process that does as it is told. */
struct kid {
	pid_t pid;
	int ctl;
};

enum kid_op {
	KID_SOCKET, /* make a UDP socket; gives its inode */
	KID_CLOSE,  /* the socket */
	KID_TAKE,   /* the socket that comes with the command */
	KID_SETUID, /* number */
	KID_NAME,   /* text */
	KID_EXEC,   /* text: program, to be a kid again, with `number` as an
		       argument */
	KID_MOUNT,  /* text: path to lay this program over, in a mount
		       namespace of its own */
	KID_MOVE,   /* to another descriptor number */
	KID_THREAD, /* socket made by a thread */
	KID_SEND,   /* a datagram to nobody, by a socket of its own */
	KID_ALONE,  /* the same; that alone has it, and waits */
};

struct kid kid_fork(void);
struct kid kid_fork_pid(pid_t pid); /* with that pid */
int64_t kid_tell(const struct kid *kid, enum kid_op op, const char *text,
    int64_t number, int fd);
void kid_kill(struct kid *kid);

/* Main of a kid after exec. */
int kid_main(int ctl);

#endif
