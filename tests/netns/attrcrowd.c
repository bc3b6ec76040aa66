#include "tests/netns/attrtest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/base/mono.h"
#include "src/linux/procfs.h"
#include "src/linux/procscan.h"

/* Many descriptors, and many processes: nobody waits for all of them. */

#define TABLE_LEAST 4000
#define TABLE_MAX 50000

struct table {
	struct rlimit before;
	int fds[TABLE_MAX];
	int n;
};

/* As many descriptors as this process may have, nearly. */
static bool
table_fill(struct table *table)
{
	struct rlimit high;
	int null;

	(void)getrlimit(RLIMIT_NOFILE, &table->before);
	high = table->before;
	high.rlim_cur = high.rlim_max;
	if (high.rlim_max < TABLE_LEAST + 100)
		return false;
	(void)setrlimit(RLIMIT_NOFILE, &high); /* never more than it may */
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (table->n = 0;
	     table->n < TABLE_MAX && (rlim_t)table->n + 100 < high.rlim_max;
	     table->n++)
		table->fds[table->n] = dup(null);
	(void)close(null);
	return true;
}

static void
table_empty(struct table *table)
{
	while (table->n > 0)
		(void)close(table->fds[--table->n]);
	(void)setrlimit(RLIMIT_NOFILE, &table->before);
}

/* Looks for the last one in turns of a millisecond. */
static void
look_in_turns(int fd)
{
	const struct process *proc = NULL;
	struct procfs *procfs;
	int turns = 0, r = -EINPROGRESS;

	if (procfs_open(&procfs, 64) != 0)
		die("procfs_open");
	while (r == -EINPROGRESS && turns++ < 100000) {
		procfs_round(procfs);
		procfs_until(procfs, mono_add(mono_work(), MONO_MS));
		r = procfs_owner(procfs, inode_of(fd), 0, &proc);
	}
	check("the last of very many descriptors is found",
	    r == 0 && proc->pid == getpid());
	if (r == 0)
		process_unref(proc);
	procfs_close(procfs);
}

static struct procscan *
open_scan(void)
{
	struct procscan *ps = calloc(1, sizeof(*ps));

	if (ps == NULL || procscan_init(ps, 64) != 0 ||
	    procscan_news(ps, mono_now()) != 0)
		die("procscan");
	return ps;
}

static void
close_scan(struct procscan *ps)
{
	procscan_done(ps);
	free(ps);
}

/* Whether it is known that the process has it. */
static bool
is_met(struct procscan *ps, uint64_t inode, pid_t pid)
{
	const struct held *held = held_find(&ps->holders, inode);

	return held != NULL && held->holder != NULL && held->holder->pid == pid;
}

static void
test_huge_table(void)
{
	static struct table table;
	struct procscan *ps;
	int fd, left = 0;

	if (!table_fill(&table)) {
		(void)printf("# few descriptors are allowed here\n");
		return;
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	look_in_turns(fd);
	ps = open_scan();
	do {
		if (procscan_refresh(ps, mono_now(), 0) != 0)
			die("procscan_refresh");
		left += ps->sweep.part.going && ps->sweep.pid == getpid();
	} while (ps->sweep.going);
	check("a refresh meets it, too", is_met(ps, inode_of(fd), getpid()));
	check("… in pieces", left >= table.n / 64);
	close_scan(ps);
	(void)close(fd);
	table_empty(&table);
}

static int
count_processes(void)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	int n = 0;

	while (proc != NULL && (e = readdir(proc)) != NULL)
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9';
	(void)closedir(proc);
	return n;
}

static pid_t
newcomer(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		(void)pause();
}

/* One is born for each that is read. True unless pids began anew meanwhile. */
static bool
refresh_in_flood(struct procscan *ps, int max, int *ret_pieces)
{
	pid_t *born = calloc((size_t)max, sizeof(*born));
	bool rising = true;
	int n = 0;

	if (born == NULL)
		die("calloc");
	do {
		if (procscan_news(ps, mono_now()) != 0 ||
		    procscan_refresh(ps, mono_now(), 0) != 0)
			die("procscan_refresh");
		born[n++] = newcomer();
		rising &= n < 2 || born[n - 1] > born[n - 2];
	} while (ps->sweep.going && n < max);
	for (int i = 0; i < n; i++) {
		(void)kill(born[i], SIGKILL);
		(void)waitpid(born[i], NULL, 0);
	}
	free(born);
	*ret_pieces = n;
	return rising;
}

static void
test_newcomers(void)
{
	struct kid kid = kid_fork();
	uint64_t inode = (uint64_t)kid_tell(&kid, KID_SOCKET, NULL, 0, -1);
	int max = 3 * count_processes() + 1000, pieces = max;
	bool met = false;

	for (int i = 0; i < 3; i++) {
		struct procscan *ps = open_scan();
		bool rising = refresh_in_flood(ps, max, &pieces);

		met = is_met(ps, inode, kid.pid);
		close_scan(ps);
		if (rising)
			break;
	}
	check("a refresh has an end, however many are born", pieces < max);
	check("… and has met what was there before", met);
	kid_kill(&kid);
}

/* Calls of the clock of this thread, in each of which it seems to have worked
 * for a quarter of an hour: a guest that its host has stopped may see that. */
static int jumps;

int
clock_gettime(clockid_t clock, struct timespec *ret)
{
	static time_t jumped;
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (r != 0 || clock != CLOCK_THREAD_CPUTIME_ID)
		return r;
	if (jumps > 0) {
		jumps--;
		jumped += 1000;
	}
	ret->tv_sec += jumped;
	return 0;
}

static int
look(struct procfs *procfs, uint64_t inode)
{
	const struct process *proc;
	int r;

	procfs_round(procfs);
	procfs_until(procfs, mono_add(mono_work(), MONO_MS));
	r = procfs_owner(procfs, inode, 0, &proc);
	if (r == 0)
		process_unref(proc);
	return r;
}

/* To the end, for some time. */
static int
look_on(struct procfs *procfs, uint64_t inode)
{
	int r = -EINPROGRESS;

	for (int i = 0; i < 20000 && (r == -EINPROGRESS || r == -EAGAIN); i++) {
		if (r == -EAGAIN)
			(void)poll(NULL, 0, 1);
		r = look(procfs, inode);
	}
	return r;
}

static void
test_standstill(void)
{
	const uint64_t nobodys = UINT64_MAX / 2; /* none is that large */
	struct procfs *procfs;
	int fd, far, r;

	if (procfs_open(&procfs, 64) != 0)
		die("procfs_open");
	r = look_on(procfs, nobodys); /* with the first one time begins */
	check("a socket that is nobody's", r == -ENOENT);
	/* more than once: first of all it is heard who was born */
	for (uint64_t i = 1; i <= 50; i++) {
		(void)look(procfs, nobodys + i);
		jumps = 10;
		(void)look(procfs, nobodys + i);
		jumps = 0;
	}
	(void)look_on(procfs, nobodys); /* what was begun has an end */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	far = fcntl(fd, F_DUPFD_CLOEXEC, 300); /* where it is not guessed */
	(void)close(fd);
	check("the machine stands still: that is not taken for work",
	    look_on(procfs, inode_of(far)) == 0);
	(void)close(far);
	procfs_close(procfs);
}

void
attr_crowd_tests(void)
{
	test_standstill();
	test_huge_table();
	test_newcomers();
}
