#ifndef DNS_RECORD_H
#define DNS_RECORD_H

#include "src/base/addr.h"
#include "src/base/mono.h"
#include "src/base/name.h"
#include "src/core/decision.h"
#include "src/core/policy.h"
#include "src/core/process.h"
#include "src/core/socket.h"

/* Where an answer came from. */
enum record_from {
	FROM_CACHE,
	FROM_UPSTREAM,
	FROM_HOSTS,
	FROM_LIST, /* of names: blocked */
	FROM_LOCAL,
	FROM_STALE,
	FROM_NONE, /* nobody answered: the error is ours */
};

#define RECORD_ADDRS_MAX 4

/* A query and what became of it. */
struct record {
	mono_t time; /* when it came */
	struct addr client;
	uint16_t port;
	bool tcp, captured, answered;
	bool elsewhere; /* of another host: no process of this one */
	uint8_t rcode;
	uint8_t n_addrs;
	enum record_from from;
	uint16_t qtype;
	/* the Extended DNS Error that says why it is no answer, or none of a
	 * server's: borrowed, never NULL; of what was denied the rule says it,
	 * and this is EDE_NONE */
	int16_t ede;
	const char *ede_text;
	uint32_t elapsed_us;
	struct decision decision;
	const struct policy *policy; /* what rule counts in */
	const struct process *process;
	enum attributed_by by; /* who said so */
	uint32_t ttl;	       /* of the answer, s */
	uint8_t group;	       /* of upstreams: whose answer it is */
	/* whose servers are asked: octets at the end of qname that are the zone
	 * of a [forward] section; 0 for none, and where nobody is */
	uint8_t forward;
	bool learnt; /* names are to be learnt from it: not yet for this one */
	bool led;    /* a list led on to another name, and that one passed */
	/* the answer is what the list has for the name: records that lead
	 * somewhere, or another name */
	bool own;
	/* who answered it upstream; of family ADDR_NONE where nobody did */
	struct addr upstream;
	uint16_t upstream_port;
	bool upstream_tls;
	struct addr addrs[RECORD_ADDRS_MAX];
	/* what was denied in place of the name that was asked for: what an
	 * alias leads to (borrowed while it is told of; NULL), or an address of
	 * the answer (or ADDR_NONE) */
	const struct name *target;
	struct addr denied;
	struct name qname;
};

const char *record_from_name(enum record_from from);

#endif
