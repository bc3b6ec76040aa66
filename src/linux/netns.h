#ifndef LINUX_NETNS_H
#define LINUX_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Sockets in other network namespaces. Whoever makes one has to be there for a
 * moment, which takes CAP_SYS_ADMIN: so a small process of its own does it,
 * that keeps this privilege for nothing else and hands sockets over. */
struct netns {
	int fd; /* to it; -1: it is not there */
	pid_t pid;
};

/* Of a path, with its NUL. */
#define NETNS_PATH_SIZE 256

/* The paths that it is told before anybody else can ask it for others. */
struct netns_told {
	size_t n;
	char (*paths)[NETNS_PATH_SIZE];
};

/* In a process that has one thread, and has all its privileges: starts it; what
 * it is told is copied. 0 or -errno. */
int netns_start(struct netns *ret, const struct netns_told *told);

/* Whether it enters what is at the path: one that it was told; what
 * ip-netns(8) has a name for (/run/netns/NAME, /var/run/netns/NAME), in a
 * folder that is root's alone; or /proc/PID/ns/net of a process of root's. No
 * symbolic link is followed to any of them. */
bool netns_is_entered(const struct netns_told *told, const char *path);

/* Ends it. Accepts one that is not there. */
void netns_stop(struct netns *netns);

/* Asks for a non-blocking socket of AF_INET or AF_INET6 in the namespace that
 * is at the path now; id is the asker's number for it. 0; or -EAGAIN (too many
 * wait), -EPIPE (it has ended), -ENAMETOOLONG. Does not block. */
int netns_ask(const struct netns *netns, uint32_t id, const char *path,
    int family, int type);

/* The next answer: 0, and *ret_fd is a descriptor or -errno. -EAGAIN: there is
 * none yet; -EPIPE: it has ended. */
int netns_answer(const struct netns *netns, uint32_t *ret_id, int *ret_fd);

#endif
