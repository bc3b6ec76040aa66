#ifndef PORT17_BEGUN_H
#define PORT17_BEGUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/mono.h"
#include "src/core/flow.h"

/* UDP flows that conntrack has begun, and of which no datagram was read yet.
 * Made to forget one (`conntrack -F`), it gives the port that datagrams of that
 * one wait under to another, whose they would be. */

/* So many may wait to be read; each is compared with all. */
#define BEGUN_MAX 512
/* So long a datagram may take to the socket of the entry, after its verdict: as
 * long as the kernel's own thread for that has to wait for a processor. */
#define BEGUN_LATE_NS MONO_S

struct begun_flow {
	struct flow_key key; /* as the program sees it */
	uint64_t who;	     /* the program, as udp_who() has it */
	/* where its datagrams come from; family ADDR_NONE: conntrack does not
	 * know it any more, or never did */
	struct addr peer;
	uint16_t port;
	mono_t at;
};

struct begun {
	struct begun_flow flows[BEGUN_MAX];
	size_t n_asked, n; /* conntrack was asked of the first ones */
};

/* Even: no program's number. */
#define BEGUN_NOBODYS 2

/* False: too many are there, or a datagram of another program with these ends
 * is on its way: what comes then is nobody's. One that is there, and that
 * conntrack was not asked of, is not there twice. */
bool begun_add(
    struct begun *begun, const struct flow_key *key, uint64_t who, mono_t now);

/* Of which conntrack is to be asked next; NULL: none. And what it says: as
 * ct_reply() has it, or NULL. */
const struct flow_key *begun_ask(const struct begun *begun);
void begun_answer(struct begun *begun, const struct flow_key *reply);

/* Whether those from this one on, by what was answered, may have a port that
 * was another's among all of them. */
bool begun_share(const struct begun *begun, size_t from);

/* A datagram of it was read that came from there. Who sent it: 0 if that is not
 * known here, or BEGUN_NOBODYS. */
uint64_t begun_came(struct begun *begun, const struct flow_key *key,
    const struct addr *peer, uint16_t port);

/* No datagram waits: those that conntrack was asked of have none, unless it is
 * late. */
void begun_clear(struct begun *begun, mono_t now);

#endif
