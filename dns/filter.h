#ifndef DNS_FILTER_H
#define DNS_FILTER_H

#include "dns/asker.h"
#include "dns/key.h"
#include "dns/writer.h"
#include "src/base/addr.h"
#include "src/core/policy.h"

/* The rules, asked about a query and about what was answered. */

enum filter_block {
	FILTER_NULL, /* 0.0.0.0 and :: */
	FILTER_NXDOMAIN,
	FILTER_REFUSED,
	FILTER_NODATA,
	FILTER_ADDRESSES,
};

#define FILTER_ADDRS_MAX 8

struct filter_answer {
	enum filter_block block;
	struct addr addrs[FILTER_ADDRS_MAX];
	size_t n_addrs;
};

/* Whether the rule that would deny it goes by a list which has the name for TCP
 * alone (RPZ). */
bool filter_wants_tcp(const struct policy *policy, const struct asker *asker,
    const struct key *key);

/* Of the name that is asked for; of a service (HTTPS, SVCB) also of its host.
 */
struct decision filter_query(const struct policy *policy,
    const struct asker *asker, const struct key *key);

/* An answer to a question, and what of it is looked at. */
struct filter_answered {
	const struct key *key;
	const struct answer *answer;
	/* whether an address is this host's; NULL: none is */
	bool (*is_here)(void *arg, const struct addr *addr);
	void *arg;
	unsigned int record; /* from this one on; afterwards: which it is */
	struct decision decision; /* about it */
	/* where it is denied: what for; else its own name */
	bool target;
	struct addr addr; /* ADDR_NONE: for none */
};

/* Of CNAME targets, which are judged like the name, and of addresses, those
 * among a service's hints too. Only a
 * rule that speaks of them says no: the default has spoken with the name. */
enum filter_found filter_answer(const struct policy *policy,
    struct asker *asker, struct filter_answered *answered);

/* Whether the name has addresses all the same that are not denied: the question
 * was for its type. */
bool filter_is_for_type(const struct policy *policy, const struct asker *asker,
    const struct key *key);

/* What a blocked query is answered with. text: of the EDE, borrowed. */
void filter_blocked(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct filter_answer *how, const char *text);

/* Programs shall learn soon that a rule has gone. */
#define FILTER_TTL 10

#endif
