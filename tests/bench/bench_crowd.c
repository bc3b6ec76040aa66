/* What attribution by /proc costs the loop beside many processes that are
 * asleep, as the judge asks: so much in a turn, again when it takes longer.
 *
 *	bench_crowd [PROCESSES [NEWCOMERS_PER_SECOND]]
 *
 * 1. A socket that is known, of which somebody else may have got a copy: how
 *    much of a CPU a question takes at most and all in all, twenty a second,
 *and how long it takes until the other one is named.
 * 2. Sockets that nobody was ever seen with, of processes that were there
 *    before: how long until each one is named, and how much of a CPU a turn
 *    takes at most. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/procfs.h"

#define TURN_NS (2 * MONO_MS)
#define ASK_MS 50
#define ROUNDS 20
#define TAKERS 4

struct kid {
	pid_t pid;
	int ctl;
};

struct turns {
	uint64_t worst, sum;
	unsigned int n, refused, unknown;
};

static pid_t *crowd;
static int n_crowd;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static pid_t
fork_bound(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
	}
	return pid;
}

static void
end_crowd(void)
{
	for (int i = 0; i < n_crowd; i++)
		(void)kill(crowd[i], SIGKILL);
	for (int i = 0; i < n_crowd; i++)
		(void)waitpid(crowd[i], NULL, 0);
	n_crowd = 0;
}

static void
grow_crowd(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork_bound();

		if (pid == 0) {
			(void)close_range(3, ~0U, 0);
			for (;;)
				(void)pause();
		}
		crowd[n_crowd++] = pid;
	}
}

/* Takes a socket (a message with one), or makes one (without): says which. */
static void
kid_main(int ctl)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };

	for (;;) {
		struct msghdr msg = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = room,
			.msg_controllen = sizeof(room) };
		struct stat st;
		int fd;

		if (recvmsg(ctl, &msg, 0) <= 0)
			_exit(0);
		if (CMSG_FIRSTHDR(&msg) != NULL)
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		else
			fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (fd < 0 || fstat(fd, &st) != 0 ||
		    send(ctl, &st.st_ino, sizeof(st.st_ino), 0) < 0)
			_exit(1);
	}
}

static struct kid
kid_new(void)
{
	struct kid kid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		die("socketpair");
	kid.pid = fork_bound();
	if (kid.pid == 0) {
		(void)close_range(3, (unsigned int)pair[1] - 1, 0);
		kid_main(pair[1]);
	}
	(void)close(pair[1]);
	kid.ctl = pair[0];
	return kid;
}

static void
kid_end(struct kid *kid)
{
	(void)close(kid->ctl);
	(void)kill(kid->pid, SIGKILL);
	(void)waitpid(kid->pid, NULL, 0);
}

static uint64_t
kid_tell(const struct kid *kid, int fd)
{
	char byte = 0, room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint64_t inode;

	if (fd >= 0) {
		msg.msg_control = room;
		msg.msg_controllen = sizeof(room);
		*CMSG_FIRSTHDR(&msg) =
		    (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fd)),
			    .cmsg_level = SOL_SOCKET,
			    .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &fd, sizeof(fd));
	}
	if (sendmsg(kid->ctl, &msg, 0) < 0 ||
	    recv(kid->ctl, &inode, sizeof(inode), 0) != sizeof(inode))
		die("kid");
	return inode;
}

/* One turn of the loop: the pid, or 0 where it is to be asked again. */
static pid_t
ask(struct procfs *procfs, uint64_t inode, struct turns *turns)
{
	const struct process *proc;
	mono_t begin = mono_work();
	uint64_t took;
	pid_t pid = 0;
	int r;

	procfs_round(procfs);
	procfs_until(procfs, mono_add(begin, TURN_NS));
	r = procfs_owner(procfs, inode, 0, &proc);
	took = mono_since(mono_work(), begin);
	turns->n++;
	turns->sum += took;
	if (took > turns->worst)
		turns->worst = took;
	turns->refused += r == -EAGAIN;
	turns->unknown += r < 0 && r != -EAGAIN && r != -EINPROGRESS;
	if (r == 0) {
		pid = proc->pid;
		process_unref(proc);
	}
	return pid;
}

static void
report(const char *name, const struct turns *turns, double seconds)
{
	(void)printf("%-28s %7.2f s  %6u turns, %.3f ms at worst, %.1f ms of a "
		     "CPU in all, refused %u, unknown %u\n",
	    name, seconds, turns->n, (double)turns->worst / 1e6,
	    (double)turns->sum / 1e6, turns->refused, turns->unknown);
}

static double
since(mono_t begin)
{
	return (double)mono_since(mono_now(), begin) / 1e9;
}

static void
newcomers(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork_bound();

		if (pid == 0)
			_exit(0);
		(void)waitpid(pid, NULL, 0);
	}
}

static void
handed_on(struct procfs *procfs, struct kid *from, struct kid *to, int births)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint64_t inode = kid_tell(from, fd);
	struct turns turns = { 0 };
	mono_t begin;
	pid_t pid = 0;

	(void)close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	inode = kid_tell(from, fd);
	while (pid != from->pid && pid != getpid()) {
		pid = ask(procfs, inode, &turns);
		(void)poll(NULL, 0, 1);
	}
	turns = (struct turns){ 0 };
	(void)kid_tell(to, fd);
	begin = mono_now();
	while (pid != to->pid && since(begin) < 60) {
		newcomers(births / (1000 / ASK_MS));
		(void)poll(NULL, 0, ASK_MS);
		pid = ask(procfs, inode, &turns);
	}
	report(pid == to->pid ? "handed on, seen" : "handed on, NOT SEEN",
	    &turns, since(begin));
	(void)close(fd);
}

static void
never_seen(struct procfs *procfs, struct kid *kids, int n, int births)
{
	struct turns turns = { 0 };
	mono_t begin = mono_now();
	int wrong = 0;
	double worst = 0;

	for (int i = 0; i < n; i++) {
		uint64_t inode = kid_tell(&kids[i], -1);
		mono_t asked = mono_now();
		pid_t pid = 0;

		newcomers(births / 100);
		while (pid == 0 && since(asked) < 5) {
			pid = ask(procfs, inode, &turns);
			if (pid == 0)
				(void)poll(NULL, 0, 0);
		}
		wrong += pid != kids[i].pid;
		worst = since(asked) > worst ? since(asked) : worst;
	}
	report("never seen before", &turns, since(begin));
	(void)printf("  %d of %d not named within 5 s, %.2f s at worst\n",
	    wrong, n, worst);
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 12000;
	int births = argc > 2 ? atoi(argv[2]) : 0;
	struct kid kids[TAKERS + ROUNDS];
	struct procfs *procfs;
	mono_t begin;

	crowd = calloc((size_t)n + 1, sizeof(*crowd));
	if (crowd == NULL)
		die("calloc");
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 0; i < TAKERS + ROUNDS; i++) {
		grow_crowd(n / (TAKERS + ROUNDS));
		kids[i] = kid_new();
	}
	if (procfs_open(&procfs, 512) != 0)
		die("procfs_open");
	begin = mono_now();
	procfs_seed(procfs);
	(void)printf("%d processes, seeded in %.3f s\n", n_crowd, since(begin));
	for (int i = 0; i + 1 < TAKERS; i++)
		handed_on(procfs, &kids[0], &kids[i + 1], births);
	never_seen(procfs, kids + TAKERS, ROUNDS, births);
	procfs_close(procfs);
	for (int i = 0; i < TAKERS + ROUNDS; i++)
		kid_end(&kids[i]);
	end_crowd();
	free(crowd);
	return 0;
}
