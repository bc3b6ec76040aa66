#include "tests/netns/attrtest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct command {
	enum kid_op op;
	int64_t number;
	char text[256];
};

static int n_failures;

void
check(const char *name, bool ok)
{
	(void)printf("%s %s\n", ok ? "ok" : "not ok", name);
	(void)fflush(stdout);
	n_failures += ok ? 0 : 1;
}

int
failures(void)
{
	return n_failures;
}

void
die(const char *what)
{
	(void)fprintf(stderr, "attrtest: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t
inode_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		die("fstat");
	return st.st_ino;
}

static ssize_t
receive(int ctl, struct command *cmd, int *ret_fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { cmd, sizeof(*cmd) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(ctl, &msg, 0);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	return n;
}

static void
lay_over(const char *path)
{
	char exe[PATH_MAX] = "";

	/* as a path: the link leads to the namespace we leave */
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		die("readlink");
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount(exe, path, NULL, MS_BIND, NULL) != 0)
		die("mount");
}

static void
become(int ctl, const struct command *cmd)
{
	char fd[16], tag[16];

	(void)snprintf(fd, sizeof(fd), "%d", ctl);
	(void)snprintf(tag, sizeof(tag), "%d", (int)cmd->number);
	(void)execl(cmd->text, "attrkid", "kid", fd, tag, (char *)NULL);
	die("exec");
}

static void *
thread_main(void *arg)
{
	int *fd = arg;

	*fd = socket(AF_INET, SOCK_DGRAM, 0);
	return NULL;
}

/* Tells the inode through the pipe. */
static void *
alone_main(void *arg)
{
	const int *told = arg;
	uint64_t inode;

	if (unshare(CLONE_FILES) != 0)
		die("unshare");
	inode = inode_of(socket(AF_INET, SOCK_DGRAM, 0));
	if (write(told[1], &inode, sizeof(inode)) != sizeof(inode))
		die("write");
	for (;;)
		(void)pause(); /* until all are killed */
	return NULL;
}

static int64_t
send_one(void)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t n =
	    sendto(fd, "", 1, 0, (const struct sockaddr *)&to, sizeof(to));

	(void)close(fd);
	return n;
}

static int64_t
make_alone(void)
{
	pthread_t thread;
	int told[2];
	uint64_t inode;

	if (pipe(told) != 0 ||
	    pthread_create(&thread, NULL, alone_main, told) != 0 ||
	    read(told[0], &inode, sizeof(inode)) != sizeof(inode))
		die("thread");
	(void)close(told[0]);
	(void)close(told[1]);
	return (int64_t)inode;
}

static int64_t
obey(int ctl, const struct command *cmd, int *held, int passed)
{
	pthread_t thread;

	switch (cmd->op) {
	case KID_SOCKET:
		*held = socket(AF_INET, SOCK_DGRAM, 0);
		return (int64_t)inode_of(*held);
	case KID_CLOSE:
		return close(*held);
	case KID_TAKE:
		*held = passed;
		return (int64_t)inode_of(*held);
	case KID_SETUID:
		return setresuid(
		    (uid_t)cmd->number, (uid_t)cmd->number, (uid_t)cmd->number);
	case KID_NAME:
		return prctl(PR_SET_NAME, cmd->text);
	case KID_EXEC:
		become(ctl, cmd);
		return -1;
	case KID_MOUNT:
		lay_over(cmd->text);
		return 0;
	case KID_MOVE:
		passed = fcntl(*held, F_DUPFD, *held + 7);
		(void)close(*held);
		*held = passed;
		return passed;
	case KID_THREAD:
		if (pthread_create(&thread, NULL, thread_main, held) != 0 ||
		    pthread_join(thread, NULL) != 0)
			die("thread");
		return (int64_t)inode_of(*held);
	case KID_SEND:
		return send_one();
	case KID_ALONE:
		return make_alone();
	}
	return -1;
}

/* Ends when the other side does. */
int
kid_main(int ctl)
{
	struct command cmd = { 0 };
	int held = -1, passed = -1;
	int64_t reply = 0;

	do {
		if (send(ctl, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			break;
		if (receive(ctl, &cmd, &passed) <= 0)
			break;
		reply = obey(ctl, &cmd, &held, passed);
	} while (true);
	return 0;
}

static int64_t
reply_of(const struct kid *kid)
{
	int64_t reply = -1;

	if (recv(kid->ctl, &reply, sizeof(reply), 0) != sizeof(reply))
		die("kid is gone");
	return reply;
}

struct kid
kid_fork_pid(pid_t pid)
{
	struct clone_args args = { .exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&pid,
		.set_tid_size = 1 };
	struct kid kid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
		die("socketpair");
	(void)fflush(stdout);
	/* what threads hold is taken care of by fork(3) alone */
	kid.pid =
	    pid == 0 ? fork() : (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (kid.pid < 0)
		die("fork");
	if (kid.pid == 0) {
		(void)close(pair[0]);
		_exit(kid_main(pair[1]));
	}
	(void)close(pair[1]);
	/* kids that are born later don't get it */
	(void)fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	kid.ctl = pair[0];
	(void)reply_of(&kid);
	return kid;
}

struct kid
kid_fork(void)
{
	return kid_fork_pid(0);
}

int64_t
kid_tell(const struct kid *kid, enum kid_op op, const char *text,
    int64_t number, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct command cmd = { .op = op, .number = number };
	struct iovec iov = { &cmd, sizeof(cmd) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (text != NULL)
		(void)snprintf(cmd.text, sizeof(cmd.text), "%s", text);
	if (fd >= 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(kid->ctl, &msg, MSG_NOSIGNAL) < 0)
		die("kid does not listen");
	return reply_of(kid);
}

void
kid_kill(struct kid *kid)
{
	(void)kill(kid->pid, SIGKILL);
	if (waitpid(kid->pid, NULL, 0) != kid->pid)
		die("waitpid");
	(void)close(kid->ctl);
}
