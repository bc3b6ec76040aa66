#ifndef CORE_SOCKET_H
#define CORE_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What the kernel says of the socket at this host's end of a flow. */
enum socket_status {
	SOCKET_FOUND,
	SOCKET_NONE,   /* the kernel has no such socket (any more) */
	SOCKET_FAILED, /* the kernel could not be asked */
};

/* Which source says who is behind a flow, in the order of trust. */
enum attributed_by {
	BY_NONE, /* none: the kernel itself, or nobody knows */
	BY_BPF,
	BY_SOCK_DIAG,
	BY_PROC_NET,
	BY_UID,		   /* the user alone is known */
} __attribute__((packed)); /* a byte: each flow has one */

const char *attributed_name(enum attributed_by by);

struct socket_facts {
	enum socket_status status;
	enum attributed_by by;
	/* who used it, as a number of its own for each process, and for what
	 * it was before an exec; 0: not known */
	uint64_t user;
	uint64_t inode; /* 0: an orphan, or a socket of the kernel's own */
	uint32_t uid;
	pid_t pid; /* of who used it, by bpf; 0: not seen from here */
	/* the other side began: of TCP, for packets that open nothing; of all
	 * else, for what goes out. Conntrack says so; of TCP that it did not
	 * see begin it is taken for granted where a listener has this local
	 * port */
	bool accepted;
	/* connected to the remote end, or of a kind that only gets answers
	 * (ping): the program began the flow */
	bool connected;
	/* of what a program may have said last, over TCP: conntrack has no
	 * entry with its ends */
	bool forgotten;
	/* a datagram that goes the other way than a flow that was denied, and
	 * answers none of it: conntrack has no entry that the flow began */
	bool anew;
	/* of TCP, without an inode: its program has closed it, or is gone, and
	 * the kernel still sends what that has said */
	bool closed;
	/* as it was sent, by bpf alone: a connection's first packet, with the
	 * device that it is bound to (as struct used has it); and conntrack had
	 * just made an entry for it */
	bool opened, begins;
	uint32_t device;
};

/* Whether the process of that user can have used it: a socket's number alone
 * doesn't say so, since there are no more than 32 bits of them and each is
 * given again. */
bool socket_may_be_of(const struct socket_facts *sock, pid_t pid, uint32_t uid);

#endif
