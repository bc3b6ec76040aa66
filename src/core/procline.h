#ifndef CORE_PROCLINE_H
#define CORE_PROCLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The texts of /proc/PID, parsed. Results that are strings borrow the text.
 * All return 0 or -EBADMSG, and leave ret alone on failure. */

/* Bytes of a text, not ended by NUL. */
struct procline_str {
	const char *p;
	size_t len;
};

struct procline_stat {
	struct procline_str comm; /* may hold blanks, brackets, newlines */
	char state;		  /* Z: a zombie */
	pid_t pid, ppid;
	bool kthread; /* a thread of the kernel's own */
	uint64_t threads;
	uint64_t start; /* clock ticks since boot */
};

/* /proc/PID/stat */
int procline_stat(struct procline_stat *ret, const char *s, size_t len);

struct procline_cgroup {
	struct procline_str path;
	struct procline_str unit; /* procline_unit() of it */
};

/* The unit of a cgroup path: the innermost slice, or the service or scope in
 * it, as systemctl names it, or the first 12 digits of a bare container id;
 * else empty. What stands below a service, scope or container is named by
 * that one and not by the system (user@1000.service is the user's own
 * manager), and such a name comes with it: "user@1000.service/app.slice/
 * app-x.scope". */
struct procline_str procline_unit(struct procline_str path);

/* True if a part of a cgroup path is one that names what is below it. */
bool procline_owns(struct procline_str part);

/* The number of the container that a part of a cgroup path is of: the part
 * itself, or what stands in the scope that systemd made for it
 * ("docker-ID.scope", "cri-containerd-ID.scope", but not that of who watches
 * over one, "libpod-conmon-ID.scope"). False where it is of none. */
bool procline_container(struct procline_str part, struct procline_str *ret);

/* So much of it is what `docker ps` prints. */
#define PROCLINE_CONTAINER_SHORT 12

/* /proc/PID/cgroup: the v2 path, or on a hybrid host, where that is "/", the
 * one of name=systemd. -EBADMSG when there is neither. */
int procline_cgroup(struct procline_cgroup *ret, const char *s, size_t len);

/* Target of a link in /proc/PID/fd: "socket:[N]" and nothing else. */
int procline_socket(uint64_t *ret_inode, const char *s, size_t len);

/* The pid that was given out last: end of /proc/loadavg. */
int procline_last_pid(pid_t *ret, const char *s, size_t len);

/* The process that a thread belongs to: /proc/TID/status. */
int procline_tgid(pid_t *ret, const char *s, size_t len);

/* /proc/PID/cmdline in place: arguments joined by blanks, the final NULs
 * gone; returns the new length. */
size_t procline_join(char *s, size_t len);

#endif
