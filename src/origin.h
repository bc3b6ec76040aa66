#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>

#include "src/core/flow.h"
#include "src/core/socket.h"

struct attr;
struct ct;
struct diag;
struct judge;

/* Who is behind a socket that speaks to a listener of ours, also where DNAT
 * brought it here: the process that the judge found for its flow; looked up
 * where there is no such flow. Remembered by the peer's address and port, and
 * made sure of again and again while it speaks. */
struct origins;

struct origin_opts {
	struct judge *judge;
	struct attr *attr;
	struct diag *diag;
	struct ct *ct; /* NULL: nothing is brought here by DNAT */
	/* whether an address is this host's: a socket bound to no address
	 * would be found for any other host's, too */
	bool (*is_here)(void *arg, const struct addr *addr);
	void *arg;
};

/* NULL when there is no memory. All borrowed. */
struct origins *origins_new(const struct origin_opts *opts);
void origins_free(struct origins *origins); /* accepts NULL */

struct origin {
	const struct process *process; /* borrowed until the next call */
	enum attributed_by by;	       /* who said so */
	struct flow_key flow;	       /* as the program sees it */
	bool moved;		       /* it asked another address than ours */
};

/* seen: as the listener sees it, its own end as local. */
void origins_find(struct origins *origins, const struct flow_key *seen,
    mono_t now, struct origin *ret);

#endif
