#include "src/base/thread.h"

#include <signal.h>

int
thread_start(pthread_t *ret, void *(*start)(void *arg), void *arg)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	sigdelset(&all, SIGSYS); /* is for who made the call: sandbox.h */
	r = pthread_sigmask(SIG_SETMASK, &all, &old);
	if (r != 0)
		return -r;
	r = pthread_create(ret, NULL, start, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL); /* was valid before */
	return -r;
}
