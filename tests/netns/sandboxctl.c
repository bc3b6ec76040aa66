/* A call that is refused fails with EPERM, in the first thread and in another,
 * is counted, and is named once; the process goes on. */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
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

int
main(void)
{
	struct pollfd pfd = { .events = POLLIN };
	char names[128];
	pthread_t thread;

	must("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
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
