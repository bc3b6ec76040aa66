#ifndef CORE_SUBJECT_H
#define CORE_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/base/name.h"
#include "src/core/process.h"

/* Names of one subject that are looked at; the rest is as if it were not
 * there. */
#define SUBJECT_NAMES_MAX 64

/* The addresses of this host. */
struct subject_here {
	const struct addr *v;
	size_t n; /* 0: they are not known */
};

/* The one question that packet judge, resolver and Port17 all ask of the
 * policy. Borrows the process and the names.
 *
 * Of a DNS query (out, from a program here) protocol and ports are not known,
 * nor is an address but where it is set: dst, that of an answer; src, another
 * host that asks. It has one name, the one that is asked for (or a CNAME target
 * of the answer). */
struct subject {
	bool in;       /* direction of the flow, not of one packet */
	bool loopback; /* from this host to this host; of a query, dst is its */
	uint8_t proto;
	struct addr src, dst;
	/* of a query of a program here: one of them will be the source */
	struct subject_here here;
	uint16_t sport, dport;
	bool has_ports;
	bool query;
	uint16_t qtype;	 /* of a query */
	bool tcp_only;	 /* what lists have for TCP alone is a match, too */
	uint8_t n_names; /* at most SUBJECT_NAMES_MAX */
	/* what the address is called; the name learnt last first */
	const struct name *const *names;
	const struct process *process; /* never NULL */
};

#endif
