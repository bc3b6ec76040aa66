#ifndef CTL_SOCK_H
#define CTL_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* No group: root alone is trusted. */
#define CTL_SOCK_NO_GROUP ((gid_t)UINT32_MAX)

/* The group of that name, or none. May ask NSS, so only at start. */
gid_t ctl_sock_group(const char *name);

/* What is to be said of that group where it is not there; NULL: nothing. May
 * ask NSS. */
const char *ctl_sock_group_missing(const char *name);

/* A listening Unix socket at path: mode 0660, and that group. The folder is
 * made (0755) if only it is missing. A socket that nobody answers on is
 * replaced. The descriptor, -EADDRINUSE (somebody answers), -ENAMETOOLONG or
 * -errno. */
int ctl_sock_listen(const char *path, gid_t group);

/* Who is at the other end of a connection that has just been accepted. */
struct ctl_peer {
	pid_t pid;	/* 0: not seen from here */
	uint64_t since; /* now, in clock ticks since boot */
};
void ctl_sock_peer(struct ctl_peer *ret, int fd);

/* True if the peer has closed it, so that it reads no answer; one that only
 * says no more has not. */
bool ctl_sock_is_gone(int fd);

/* True if the peer is root or in the group (SO_PEERCRED, SO_PEERGROUPS). */
bool ctl_sock_is_trusted(int fd, gid_t group);

#endif
