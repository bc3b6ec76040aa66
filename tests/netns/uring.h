#ifndef TESTS_URING_H
#define TESTS_URING_H

#include <stdbool.h>
#include <sys/socket.h>

/* Sends a message through io_uring; poll: a thread of the kernel's takes it.
 * Waits until it was sent. What sendmsg(2) gives, with -errno. */
int uring_send(int fd, const struct msghdr *msg, bool poll);

/* Begins to connect that way, and does not wait for more than that: 0 or
 * -errno. */
int uring_connect(int fd, const struct sockaddr *to, socklen_t len, bool poll);

#endif
