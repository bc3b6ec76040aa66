#include "src/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "src/base/num.h"

/* The protocol is a datagram to the socket that the environment names, and is
 * promised to stay (sd_notify(3), "Notes"). libsystemd has it too, and with it
 * a megabyte of libraries for compression and ciphers that only its other parts
 * use. */

/* A manager that does not read is not waited for longer. */
static const struct timeval patience = { 0, 500000 };

/* False where there is no manager, or it is no socket of this machine. */
static bool
manager(struct sockaddr_un *ret, socklen_t *ret_len)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(ret->sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, path, len);
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (path[0] == '@')
		ret->sun_path[0] = '\0'; /* has no file; ends where it ends */
	else
		*ret_len += 1;
	return true;
}

/* No manager is no error, and one that can't be told is told again at the next
 * turn, or ends us by its own rules. */
static void
tell(const char *state, int flags)
{
	struct sockaddr_un to;
	socklen_t len;
	int fd;

	if (!manager(&to, &len))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience)); /* else as long as it takes */
	(void)sendto(fd, state, strlen(state), flags | MSG_NOSIGNAL,
	    (const struct sockaddr *)&to, len);
	(void)close(fd); /* what was sent is with the manager */
}

void
notify_ready(void)
{
	tell("READY=1", 0);
}

void
notify_stopping(void)
{
	tell("STOPPING=1", 0);
}

void
notify_reloading(void)
{
	char state[64];
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* Linux has it */
	(void)snprintf(state, sizeof(state),	   /* fits */
	    "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)ts.tv_sec * 1000000 +
		(unsigned long long)ts.tv_nsec / 1000);
	tell(state, 0);
}

void
notify_alive(void)
{
	tell("WATCHDOG=1", MSG_DONTWAIT); /* it comes again */
}

/* WATCHDOG_PID: another process is meant, of which this one inherited the
 * environment. */
uint64_t
notify_interval_us(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	const char *whom = getenv("WATCHDOG_PID");
	uint64_t us, pid;

	if (text == NULL || num_parse(&us, text, strlen(text), UINT64_MAX) < 0)
		return 0;
	if (whom != NULL &&
	    (num_parse(&pid, whom, strlen(whom), INT32_MAX) < 0 ||
		pid != (uint64_t)getpid()))
		return 0;
	return us / 2;
}
