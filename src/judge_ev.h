#ifndef JUDGE_EV_H
#define JUDGE_EV_H

#include <stdint.h>

#include "src/core/judge.h"
#include "src/core/stats.h"
#include "src/port17_ev.h"

struct attr;
struct diag;
struct event_base;
struct nfq;
struct procfs;

/* What the packet judge works with; all borrowed. */
struct judge_ev_opts {
	struct event_base *base;
	struct judge *judge;
	struct nfq *nfq;
	struct diag *diag;
	struct procfs *procfs;
	struct attr *attr;
	struct stats *stats;
	/* called after a flow was judged, not for repeats */
	void (*judged)(void *arg, const struct flow *flow, mono_t now);
	/* called for each packet that is to be rerouted */
	enum port17_route (*route)(void *arg, const struct packet *pkt,
	    const struct nfq_packet *raw, const struct socket_facts *sock,
	    struct verdict *verdict);
	/* called for a datagram to the entry itself, which no rule sent there,
	 * before its verdict */
	void (*straight)(void *arg, const struct flow_key *key);
	/* called when a flow's socket was closed, or another program has sent
	 * by it (taken; that was dropped), and its entry in conntrack goes */
	void (*closed)(void *arg, const struct flow_key *key, bool taken);
	/* called where a block is to be told to the program at the local end of
	 * the key, or to the caller on another host whose end that is, and the
	 * kernel does not; 0 or -errno */
	int (*tell)(void *arg, const struct flow_key *key, uint32_t tcp_seq,
	    bool caller);
	/* whether a socket is one that Port17 opened; NULL: none is */
	bool (*is_own)(void *arg, uint64_t inode);
	/* called when the queues are of no more use; the loop should end */
	void (*broken)(void *arg, int error);
	void *arg;
};

struct judge_ev;

/* Reads the queues from now on. 0 or -errno. */
int judge_ev_new(struct judge_ev **ret, const struct judge_ev_opts *opts);
void judge_ev_free(struct judge_ev *je); /* accepts NULL */
/* The daemon is another user than when this was made; 0 or -errno. */
int judge_ev_became(struct judge_ev *je);

/* To be called once a second: sockets may have been closed since the last
 * packet came. */
void judge_ev_second(struct judge_ev *je);

#endif
