#ifndef CORE_JUDGE_OWN_H
#define CORE_JUDGE_OWN_H

#include <netinet/in.h>

#include "src/core/judge.h"
#include "src/core/subject.h"

/* Behind struct judge: shared by judge.c and judge_review.c. */
struct judge {
	struct flow_table *flows;
	const struct policy *policy;
	struct hits *hits; /* of its rules; NULL: not counted */
	struct stats *stats;
	struct names *names; /* NULL: none are known */
	const struct process *kernel, *unknown;
};

static inline bool
judge_is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* Rung 3: whether it is what a host needs to be on the network at all; then
 * *ret says what. */
bool judge_host(
    const struct judge *judge, const struct packet *pkt, enum reason *ret);

/* Rungs 4 and 5. */
struct decision judge_ask(
    const struct judge *judge, const struct subject *subject);

#endif
