#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* Starts a thread that gets no signal: those are the loop's. It is to be joined
 * or detached. 0 or -errno. */
int thread_start(pthread_t *ret, void *(*start)(void *arg), void *arg);

#endif
