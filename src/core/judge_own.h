#ifndef CORE_JUDGE_OWN_H
#define CORE_JUDGE_OWN_H

#include <netinet/in.h>

#include "src/core/judge.h"
#include "src/core/subject.h"

/* Users whose processes are not known at the same time: more cost a little. */
#define JUDGE_USERS 16

/* Behind struct judge: shared by judge.c and judge_*.c. */
struct judge {
	struct flow_table *flows;
	const struct policy *policy;
	struct hits *hits; /* of its rules; NULL: not counted */
	struct stats *stats;
	struct names *names; /* NULL: none are known */
	struct fakeip *fakeip;
	const struct process *kernel, *unknown;
	/* of whom the user alone is known, made when they are met first */
	const struct process *users[JUDGE_USERS];
	size_t next_user;
	struct judge_capture capture;
};

static inline bool
judge_is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* Rung 2: whether a packet belongs to a flow that the table has.
 * Whether what was decided then may still speak now, … */
bool judge_is_current(
    const struct judge *judge, const struct flow *flow, mono_t now);
/* … for this packet, with no look-up; … */
bool judge_is_certain(const struct packet *pkt, const struct flow *flow);
/* … which we have given a mark already; … */
bool judge_is_second_time(const struct packet *pkt, const struct flow *flow);
/* … since its socket is the flow's. */
bool judge_is_same_socket(const struct packet *pkt, const struct flow *flow,
    const struct socket_facts *sock);
/* The one reset that ends what came in and is blocked: true once. */
bool judge_takes_reset(const struct packet *pkt, struct flow *flow);
/* An answer for which nobody waits any more. */
bool judge_is_late(const struct judge *judge, const struct packet *pkt,
    const struct flow *flow, const struct socket_facts *sock, mono_t now);
bool judge_is_bequest(
    const struct judge *judge, const struct socket_facts *sock);
/* The connection's program has closed it, and it was that one's. */
bool judge_is_left(const struct judge *judge, const struct packet *pkt,
    const struct flow *flow, const struct socket_facts *sock);
/* Which side began the flow: the packet at hand may not be its first. */
bool judge_begun_outside(const struct judge *judge, const struct packet *pkt,
    const struct socket_facts *sock);

/* What decides whether a flow can go the way that a rule wants. */
struct judge_way {
	bool in, loopback;
	bool first; /* or of a flow that goes through its tunnel already */
	uint8_t proto;
	const struct addr *dst;
};

/* A reroute that can't be is a block, and what never leaves this host needs no
 * tunnel; everything else is as it was. */
struct decision judge_route(struct decision d, const struct judge_way *way);

/* Whether a flow from here goes to an address that stands for a name; then what
 * it is called, to be given back (NULL: nothing), and what becomes of it: none
 * of these leaves this host as it is. */
bool judge_to_fake(const struct judge *judge, const struct judge_way *way);
const struct host_names *judge_fake_hosts(
    const struct judge *judge, const struct judge_way *way, mono_t now);
struct decision judge_fake(struct decision d, bool named);

/* Rung 3: whether it is what a host needs to be on the network at all; then
 * *ret says what. */
bool judge_host(
    const struct judge *judge, const struct packet *pkt, enum reason *ret);

/* Who is behind a packet of which no process was found. Borrowed, by the next
 * packet at most. */
const struct process *judge_nobody(struct judge *judge,
    const struct packet *pkt, const struct socket_facts *sock);

/* Who says so. */
enum attributed_by judge_by(
    const struct socket_facts *sock, const struct process *proc);

/* One more that was found, or was not, by such a source. */
void judge_count_process(
    struct stats *stats, const struct process *proc, enum attributed_by by);

/* Rungs 4 and 5. */
struct decision judge_ask(
    const struct judge *judge, const struct subject *subject);

/* Rung 6: what the rules let through, and is a query to somebody else's server,
 * goes to ours. */
struct decision judge_capture(const struct judge *judge,
    const struct subject *subject, const struct decision *d);

#endif
