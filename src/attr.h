#ifndef ATTR_H
#define ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/core/attr_sizes.h"
#include "src/core/flow.h"
#include "src/core/packet.h"
#include "src/core/process.h"
#include "src/core/socket.h"
#include "src/core/stats.h"

/* Who is behind a packet. The sources, in the order of trust:
 *
 *  1. bpf: a program in the kernel saw the process at work in the very call
 *     that sent the packet. Who used the socket counts, not who made it, and
 *     the process need not live any more.
 *  2. sock_diag: the kernel names the socket that has these ends now, and /proc
 *     the process that holds it now (the one that started last, where several
 *     do). For what arrives, what the kernel itself sends for a connection, and
 *     where there is no BPF. Not taken where the packet was sent by another
 *     user than the socket's.
 *  3. proc_net: the same with the tables of /proc/net, for kinds of sockets
 *     that sock_diag does not know (ping, raw, SCTP).
 *  4. uid: the user who opened the socket, which comes with the packet. The
 *     process is `unknown`, and rules by user hold for it.
 *  5. none: no socket of a program: `kernel`.
 *
 * A later source is asked only where the one before has nothing to say; one
 * that contradicts itself ends the search with `unknown`. */

struct bpf;
struct diag;
struct procfs;

struct attr_opts {
	struct diag *diag; /* all borrowed */
	struct procfs *procfs;
	struct stats *stats;
	bool bpf;	/* to be loaded where it can be */
	uint64_t queue; /* packets that may wait in each queue */
};

struct attr;

/* Loads the programs that see who sends, where that can be; says in the log
 * which source serves. Before privileges are given up. 0 or -ENOMEM. */
int attr_new(struct attr **ret, const struct attr_opts *opts);
void attr_free(struct attr *attr); /* accepts NULL */

/* Whether a rule tells starts of one program apart: see bpf_arm(). */
void attr_tell_apart(struct attr *attr, bool apart);

/* Before the packets of a wake-up, after the last of them was received. */
void attr_round(struct attr *attr, mono_t now);

/* Takes what was said of packets until now, where that waits for nobody: for
 * who has something to wait for meanwhile. */
void attr_hear(struct attr *attr);

/* The queue gives the sender's user and group as the first user namespace has
 * them, and all else comes as ours has: sets those of the packet to ours. */
void attr_sender(const struct attr *attr, struct packet *pkt);

/* The socket at this host's end of a packet and, by bpf, who used it. bytes is
 * the packet as it came. ret->status says how it went. */
void attr_socket(struct attr *attr, const struct packet *pkt, const void *bytes,
    size_t len, struct socket_facts *ret);

/* Whether somebody listens at this host's end of a packet of TCP's. */
bool attr_is_listening(const struct attr *attr, const struct packet *pkt);

/* The process behind the socket that attr_socket() has just found: 0 with a
 * reference; -ENOENT when there is none or it can't be told; -EAGAIN when
 * looking would take too long now; -ETIMEDOUT when its command line does not
 * come; or -errno. */
int attr_process(struct attr *attr, const struct socket_facts *sock,
    const struct process **ret);

/* The same for who can wait: -EINPROGRESS where it is to be called again in
 * another round, as often as that takes, since so much of this one's time has
 * been used up. */
int attr_look(struct attr *attr, const struct socket_facts *sock,
    const struct process **ret);

/* For other askers: the process at this host's end of a flow that has been
 * judged long ago, or never. As attr_process(), and *ret_by is the source. */
int attr_flow(struct attr *attr, const struct flow_key *key,
    const struct process **ret, enum attributed_by *ret_by);

/* Calls fn when another process goes on with a flow of datagrams that was
 * decided: what conntrack has of it is to be forgotten, so that the next packet
 * is judged. passed: this one goes its way, since it is of the same program. */
typedef void attr_taken_fn(void *arg, const struct flow_key *key, bool passed);
void attr_watch(struct attr *attr, attr_taken_fn *taken, void *arg);

/* Calls fn for each UDP socket that nobody has any more, within attr_process()
 * or attr_drain(). */
typedef void attr_closed_fn(void *arg, uint64_t inode);
void attr_watch_closes(struct attr *attr, attr_closed_fn *closed, void *arg);

/* A datagram that began the flow from outside is let in: who has the socket may
 * answer it, and nobody else may before him. inode 0: only a process of that
 * program may, by whichever socket. proc: who was found, or NULL. */
void attr_heard(struct attr *attr, const struct flow_key *key, uint64_t inode,
    const struct process *proc);

/* Whether who sent the packet that attr_socket() was asked about last, as BPF
 * saw it, runs what that process did, for whom one was let in by the same
 * socket. True also where nobody knows what that was, and of a service that the
 * first process starts now. */
bool attr_is_meant(const struct attr *attr, const struct process *proc);

/* To be watched by the loop: then attr_drain() is due. -1: none. */
#define ATTR_FDS 2
void attr_fds(const struct attr *attr, int ret[ATTR_FDS]);
void attr_drain(struct attr *attr);

/* See bpf_seal(). */
void attr_seal(const struct attr *attr, bool ip4, bool ip6);

/* For `status`. */
struct attr_status {
	bool bpf, births, sock_diag;
	bool closes, closes_part; /* of all, or of some control groups */
	const char *bpf_why;	  /* why there is no BPF; borrowed */
	/* what is missing of the seal, where there is BPF; NULL, or borrowed */
	const char *seal_why;
	uint64_t lost;		  /* records that the kernel had no room for */
	uint64_t evicted;	  /* processes forgotten while they lived */
	uint64_t uses, processes; /* that are remembered */
	struct attr_sizes sizes;  /* at most */
};
void attr_status(const struct attr *attr, struct attr_status *ret);

#endif
