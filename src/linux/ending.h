#ifndef LINUX_ENDING_H
#define LINUX_ENDING_H

#include <sys/types.h>

/* A process that was killed is there for some milliseconds more, and has what
 * it had: sockets, queues. */
enum ending {
	ENDING_NOT,  /* it lives, as far as can be seen */
	ENDING_SOON, /* it was killed, or ends */
	ENDING_DONE, /* it is gone, or nothing but its exit status is left */
};

enum ending ending_of(pid_t pid);

#endif
