#ifndef DNS_LOCAL_H
#define DNS_LOCAL_H

#include "dns/key.h"
#include "dns/writer.h"
#include "src/base/addr.h"

/* Answers that are made here and not asked for. All borrow space. */

/* The addresses of the type asked; NODATA where there are none of it. */
void local_addresses(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct addr *addrs, size_t n, uint32_t ttl);

/* PTR records; names lie one after the other. */
void local_names(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct name *names, size_t n, uint32_t ttl);

/* NXDOMAIN or, with RCODE_NOERROR, NODATA: with the SOA that lets clients keep
 * it (RFC 2308). */
void local_negative(struct answer *ret, struct writer_space *space,
    const struct key *key, unsigned int rcode, uint32_t ttl);

/* Of an empty zone itself: its SOA, or NS, and NODATA of every other type. */
void local_zone(struct answer *ret, struct writer_space *space,
    const struct key *key, uint32_t ttl);

/* NXDOMAIN of a name, for one below it: the same SOA, so much older. */
void local_below(struct answer *ret, struct writer_space *space,
    const struct key *key, const struct answer *above, uint32_t age);

/* No records, nothing to keep: an error. */
void local_error(struct answer *ret, struct writer_space *space,
    const struct key *key, unsigned int rcode);

#endif
