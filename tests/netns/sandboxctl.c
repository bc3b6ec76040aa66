/* A call that is refused fails with EPERM, in the first thread and in another,
 * is counted, and is named once; the process goes on. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sched.h>

#include "src/linux/sandbox.h"

static void
must(const char *what, int ok)
{
	if (ok)
		return;
	fprintf(stderr, "sandboxctl: %s\n", what);
	exit(1);
}

static void *
in_thread(void *arg)
{
	errno = 0;
	must("mount() is refused in a thread",
	    mount("none", "/nonexistent", "tmpfs", 0, NULL) < 0 &&
		errno == EPERM);
	return arg;
}

/* In a process of its own, since it is for good. */
static void
an_argument_is_all_that_is_allowed(void)
{
	static const char *const calls[] = { "close", "exit_group", "openat",
		"wait4", "write", "futex", "mmap", "munmap", "madvise",
		"gettid", "sigaltstack", "getpid" };
	static const struct sandbox_arg enter = { "setns", 1, CLONE_NEWNET };
	int status, fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_enter_only(
			calls, sizeof(calls) / sizeof(calls[0]), &enter) < 0)
			_exit(2);
		if (setns(fd, CLONE_NEWNET) < 0)
			_exit(3);
		errno = 0;
		if (setns(fd, 0) == 0 || errno != EPERM)
			_exit(4);
		_exit(0);
	}
	must("a child", pid > 0 && waitpid(pid, &status, 0) == pid);
	must("a namespace is entered as one of the network alone",
	    WIFEXITED(status) && WEXITSTATUS(status) == 0);
	(void)close(fd);
}

int
main(void)
{
	struct pollfd pfd = { .events = POLLIN };
	char names[128];
	pthread_t thread;

	must("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	an_argument_is_all_that_is_allowed();
	must("the filter is loaded", sandbox_enter(&pfd.fd) == 0);
	must("nothing was refused yet", poll(&pfd, 1, 0) == 0);
	errno = 0;
	must("unshare() is refused",
	    unshare(CLONE_NEWUTS) < 0 && errno == EPERM);
	must("a thread starts",
	    pthread_create(&thread, NULL, in_thread, NULL) == 0);
	must("it ends", pthread_join(thread, NULL) == 0);
	must("there is word of it", poll(&pfd, 1, 1000) == 1);
	must("both are counted", sandbox_refused(names, sizeof(names)) == 2);
	must("both are named",
	    strstr(names, "unshare") != NULL && strstr(names, "mount") != NULL);
	must("the word was heard", poll(&pfd, 1, 0) == 0);
	must("they are named once",
	    sandbox_refused(names, sizeof(names)) == 2 && names[0] == '\0');
	puts("refused, counted and named");
	return 0;
}
