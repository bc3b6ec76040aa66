#include "src/linux/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/standard.h"
#include "src/linux/caps.h"
#include "src/linux/sandbox.h"

struct question {
	uint32_t id;
	int32_t family, type;
	char path[NETNS_PATH_SIZE]; /* with its NUL */
};

struct reply {
	uint32_t id;
	int32_t error; /* -errno; 0: the descriptor goes along */
};

/* Room for one descriptor. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* The process ---------------------------------------------------------------
 */

/* Its end of the socket. */
#define ASKER 3

/* All that it ever calls. */
static const char *const calls[] = {
	"close",
	"exit_group",
	"fstat",
	"fstat64",
	"fstatat64",
	"newfstatat",
	"open",
	"openat",
	"openat2",
	"recv",
	"recvfrom",
	"restart_syscall",
	"rt_sigreturn",
	"sendmsg",
	"socket",
	"socketcall",
	"statx",
#if defined(__SANITIZE_ADDRESS__)
	"futex",
	"gettid",
	"madvise",
	"mmap",
	"munmap",
	"sigaltstack",
	"write",
#endif
};

/* And this: a descriptor that is one of another kind of namespace is no way
 * into it. */
static const struct sandbox_arg enter = { "setns", 1, CLONE_NEWNET };

/* Where -------------------------------------------------------------------- */

#define NAMED "/run/netns"
#define OLD_RUN "/var/run/"
#define PROCESS "/proc/"
#define PROCESS_END "/ns/net"
/* a path that is no namespace, but a pipe, must not hold us up */
#define ENTER (O_RDONLY | O_CLOEXEC | O_NONBLOCK)

/* What is asked for, however it is written. */
static const char *
plain(const char *path)
{
	return strncmp(path, OLD_RUN, strlen(OLD_RUN)) == 0
		   ? path + strlen("/var")
		   : path;
}

/* "NAME" of /run/netns/NAME; NULL for others. */
static const char *
name_in_folder(const char *path)
{
	const char *name = plain(path);
	size_t len = strlen(NAMED);

	if (strncmp(name, NAMED "/", len + 1) != 0)
		return NULL;
	name += len + 1;
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL
		   ? name
		   : NULL;
}

/* "/proc/PID/ns/net". */
static bool
is_process(const char *path)
{
	size_t n;

	if (strncmp(path, PROCESS, strlen(PROCESS)) != 0)
		return false;
	path += strlen(PROCESS);
	n = strspn(path, "0123456789");
	return n > 0 && strcmp(path + n, PROCESS_END) == 0;
}

static bool
is_told(const struct netns_told *told, const char *path)
{
	for (size_t i = 0; i < told->n; i++)
		if (strcmp(told->paths[i], path) == 0)
			return true;
	return false;
}

bool
netns_is_entered(const struct netns_told *told, const char *path)
{
	return is_told(told, path) || name_in_folder(path) != NULL ||
	       is_process(path);
}

/* The same by hand, where openat2(2) is missing, or refused, as it is under
 * RestrictSUIDSGID= of systemd. */
static int
walk_plainly(const char *path, int flags)
{
	int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	char part[NETNS_PATH_SIZE];

	while (dir >= 0) {
		size_t len;
		bool last;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		last = path[len + strspn(path + len, "/")] == '\0';
		(void)snprintf(
		    part, sizeof(part), "%.*s", (int)len, path); /* fits */
		fd = openat(dir, part,
		    (last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC) |
			O_NOFOLLOW);
		if (fd < 0)
			fd = -errno;
		(void)close(dir); /* it was only a step */
		if (last || fd < 0)
			return fd;
		dir = fd;
		path += len;
	}
	return -errno;
}

static int
open_plainly(const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS && path[0] == '/')
		return walk_plainly(path, flags);
	return fd < 0 ? -errno : fd;
}

/* Below a folder, or a process, of root's: nobody else has put it there. */
static int
open_below(const char *folder, const char *rest, int flags)
{
	int dir = open_plainly(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	struct stat st;

	if (dir < 0)
		return dir;
	if (fstat(dir, &st) < 0)
		fd = -errno;
	else if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		fd = -EACCES;
	else if ((fd = openat(dir, rest, flags)) < 0)
		fd = -errno;
	(void)close(dir); /* it was only looked at */
	return fd;
}

static int
open_process(const char *path)
{
	char folder[NETNS_PATH_SIZE];

	(void)snprintf(folder, sizeof(folder), "%.*s",
	    (int)(strlen(path) - strlen(PROCESS_END)), path); /* fits */
	/* the last part is a link of the kernel's own */
	return open_below(folder, PROCESS_END + 1, ENTER);
}

static int
open_way(const struct netns_told *told, const char *path)
{
	const char *name = name_in_folder(path);

	if (name != NULL)
		return open_below(NAMED, name, ENTER | O_NOFOLLOW);
	if (is_process(path) && is_told(told, path)) {
		int fd = open(path, ENTER);

		return fd < 0 ? -errno : fd;
	}
	if (is_process(path))
		return open_process(path);
	return is_told(told, path) ? open_plainly(plain(path), ENTER) : -EACCES;
}

/* A socket stays in the namespace that it was made in; we don't, or one that
 * others take down would live on. The descriptor or -errno. */
static int
make_socket(int home, const struct netns_told *told, const struct question *q)
{
	int there = open_way(told, q->path), fd;

	if (there < 0)
		return there;
	if (setns(there, CLONE_NEWNET) < 0) {
		fd = -errno;
		(void)close(there); /* it was only entered by */
		return fd;
	}
	(void)close(there); /* it was only entered by */
	fd = socket(q->family, q->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	if (setns(home, CLONE_NEWNET) < 0)
		_exit(1); /* what asks learns that by the end */
	return fd;
}

static bool
is_question(const struct question *q, ssize_t n)
{
	return n == (ssize_t)sizeof(*q) &&
	       memchr(q->path, '\0', sizeof(q->path)) != NULL &&
	       q->path[0] == '/' &&
	       (q->family == AF_INET || q->family == AF_INET6) &&
	       (q->type == SOCK_STREAM || q->type == SOCK_DGRAM);
}

static bool
send_reply(int to, const struct reply *reply, int fd)
{
	struct iovec iov = { (void *)reply, sizeof(*reply) }; /* only read */
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL) >= 0;
}

static void __attribute__((noreturn))
answer_all(int home, const struct netns_told *told)
{
	for (;;) {
		struct question q = { 0 };
		ssize_t n = recv(ASKER, &q, sizeof(q), 0);
		struct reply reply = { .id = q.id };
		int fd = -EINVAL;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		if (is_question(&q, n))
			fd = make_socket(home, told, &q);
		reply.error = fd < 0 ? fd : 0;
		if (!send_reply(ASKER, &reply, fd)) {
			reply.error = -errno; /* too many are on their way */
			if (fd < 0 || !send_reply(ASKER, &reply, -1))
				_exit(0);
		}
		if (fd >= 0)
			(void)close(fd); /* the daemon has its own by now */
	}
}

static void __attribute__((noreturn))
be_maker(int asker, const struct netns_told *told)
{
	int home, r;

	/* the daemon's end is the end */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)prctl(PR_SET_NAME, "rerouted-netns");
	/* what others tell an end by must not be held open here */
	if (dup2(asker, ASKER) < 0 || close_range(ASKER + 1, ~0U, 0) < 0)
		_exit(1);
	standard_leave();
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	r = caps_drop_to_netns();
	if (home < 0 || r < 0 ||
	    sandbox_enter_only(
		calls, sizeof(calls) / sizeof(calls[0]), &enter) < 0)
		_exit(1);
	answer_all(home, told);
}

/* Room for all that may be asked at once, of 1.3 kB each as the kernel counts;
 * by itself it is 166. Without the privilege there is less of it. */
#define QUESTIONS_SIZE (8 << 20)

int
netns_start(struct netns *ret, const struct netns_told *told)
{
	static const int size = QUESTIONS_SIZE;
	int fds[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	(void)setsockopt(
	    fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]); /* the daemon's */
		be_maker(fds[1], told);
	}
	r = -errno;
	(void)close(fds[1]); /* the maker's */
	if (pid < 0) {
		(void)close(fds[0]); /* nothing was sent */
		return r;
	}
	*ret = (struct netns){ fds[0], pid };
	return 0;
}

void
netns_stop(struct netns *netns)
{
	if (netns->fd < 0)
		return;
	(void)close(netns->fd); /* who waits was told */
	netns->fd = -1;
	while (waitpid(netns->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Who asks ------------------------------------------------------------------
 */

int
netns_ask(const struct netns *netns, uint32_t id, const char *path, int family,
    int type)
{
	struct question q = { .id = id, .family = family, .type = type };
	size_t len = strlen(path);

	if (netns->fd < 0)
		return -EPIPE;
	if (len >= sizeof(q.path))
		return -ENAMETOOLONG;
	memcpy(q.path, path, len);
	if (send(netns->fd, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? -EAGAIN
								     : -EPIPE;
}

int
netns_answer(const struct netns *netns, uint32_t *ret_id, int *ret_fd)
{
	struct reply reply;
	struct iovec iov = { &reply, sizeof(reply) };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *cmsg;
	ssize_t n;

	do
		n = recvmsg(netns->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : -EPIPE;
	if (n != (ssize_t)sizeof(reply))
		return -EPIPE;
	*ret_id = reply.id;
	*ret_fd = reply.error;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg != NULL && cmsg->cmsg_level == SOL_SOCKET &&
	    cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(cmsg), sizeof(*ret_fd));
	else if (reply.error == 0) /* there was no descriptor left for it */
		*ret_fd = -EMFILE;
	return 0;
}
