#ifndef LINUX_NFQ_H
#define LINUX_NFQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/core/stats.h"
#include "src/linux/nfq_msg.h"

/* The four queues of the specification: 17, direction, family, 0. */
#define NFQ_OUT4 17040
#define NFQ_OUT6 17060
#define NFQ_IN4 17140
#define NFQ_IN6 17160

struct nfq_opts {
	uint32_t queue_length;	 /* packets the kernel holds for us */
	uint32_t receive_buffer; /* bytes of the netlink socket's buffer */
};

struct nfq;

/* Binds all four queues on one netlink socket. Until nfq_start() the kernel
 * drops what rules send there: nothing waits to be judged without what is known
 * of its sender. 0 or -errno; -EBUSY when another program holds a queue
 * (ret_owner is its netlink port id, as a rule its pid; 0 when not known).
 * Stats is borrowed. */
int nfq_open(struct nfq **ret, const struct nfq_opts *opts, struct stats *stats,
    uint32_t *ret_owner);

/* From here on packets come. 0 or -errno. */
int nfq_start(struct nfq *nfq);
void nfq_close(struct nfq *nfq); /* accepts NULL */

/* Readable when packets wait. */
int nfq_fd(const struct nfq *nfq);

/* Reads what waits, 64 packets at most, all received before the first call of
 * fn, which is called for each. fn
 * must call nfq_verdict() for it exactly once, now or later. All verdicts
 * given within fn leave in one message before nfq_receive() returns. 0, or
 * -errno when the socket is of no more use. ENOBUFS and bad messages are
 * counted and survived. */
typedef void nfq_packet_fn(void *arg, const struct nfq_packet *packet);
int nfq_receive(struct nfq *nfq, nfq_packet_fn *fn, void *arg);

/* NF_ACCEPT with this mark: the chains do the rest. */
void nfq_verdict(struct nfq *nfq, uint16_t queue, uint32_t id, uint32_t mark);

/* Sends verdicts given outside nfq_receive(). */
void nfq_flush(struct nfq *nfq);

/* Within fn, whose verdict was given: sends it, if no other packet came with
 * this one. */
void nfq_flush_alone(struct nfq *nfq);

/* What the kernel counts per queue, from /proc/net/netfilter/nfnetlink_queue.
 * 0 or -errno (-ENOENT: not bound). */
struct nfq_counters {
	uint16_t queue;
	uint32_t owner; /* netlink port id, as a rule the pid */
	uint32_t waiting, dropped_full, dropped_user;
};
int nfq_counters(uint16_t queue, struct nfq_counters *ret);

#endif
