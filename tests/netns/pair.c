/* Makes pairs of processes with the same number, one after the other.
 *
 *	pair FD
 *
 * Each has a UDP socket and nothing to do; their names are first and second.
 * Over the socket FD: tells a struct made of the first one, waits for a byte,
 * ends it, makes the second one and tells it, waits for a byte, ends it, and
 * so on until the other end is closed. */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/netns/pair.h"

static void
die(const char *what)
{
	fprintf(stderr, "pair: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* With that number; 0: any. It alone has the socket. */
static struct made
make(const char *name, pid_t pid)
{
	struct clone_args args = { .exit_signal = SIGCHLD,
		.set_tid = pid != 0 ? (uint64_t)(uintptr_t)&pid : 0,
		.set_tid_size = pid != 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct made made;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("socket");
	made.inode = st.st_ino;
	(void)prctl(PR_SET_NAME, name); /* it is inherited */
	made.pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (made.pid < 0)
		die("clone3");
	if (made.pid == 0)
		for (;;)
			(void)pause(); /* until it is killed */
	(void)close(fd);
	return made;
}

/* False when the other end is closed. */
static bool
show(int ctl, const struct made *made)
{
	char byte;
	bool more =
	    send(ctl, made, sizeof(*made), MSG_NOSIGNAL) == sizeof(*made) &&
	    recv(ctl, &byte, 1, 0) == 1;

	(void)kill(made->pid, SIGKILL);
	if (waitpid(made->pid, NULL, 0) != made->pid)
		die("waitpid");
	return more;
}

int
main(int argc, char **argv)
{
	int ctl = argc > 1 ? atoi(argv[1]) : -1;
	struct made made;

	do {
		made = make("first", 0);
		if (!show(ctl, &made))
			break;
		made = make("second", made.pid);
	} while (show(ctl, &made));
	return 0;
}
