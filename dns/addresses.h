#ifndef DNS_ADDRESSES_H
#define DNS_ADDRESSES_H

#include "dns/answer.h"
#include "src/base/addr.h"

/* The addresses that a record gives to connect to: that of an A or AAAA record,
 * or the hints of a SVCB or HTTPS record (RFC 9460 section 7.3), by which
 * programs connect just so. Borrows the record's bytes. */
struct addresses {
	struct rd four, six;
};

/* False where a SVCB or HTTPS record is malformed: programs must not use such
 * one, and some do. Other types have no addresses, or an A record of another
 * length: true. */
bool addresses_read(
    struct addresses *ret, uint16_t type, const uint8_t *rdata, size_t len);

/* Those of record i of an answer; none where it is malformed. */
void addresses_of(
    struct addresses *ret, const struct answer *answer, unsigned int i);

/* Where a CNAME or DNAME leads to, or a service is; false where record i names
 * nothing, or the root. */
bool addresses_target(
    struct name *ret, const struct answer *answer, unsigned int i);

/* Whose record i is of an answer about qname; false where that can't be read.
 */
bool addresses_owner(struct name *ret, const struct answer *answer,
    const struct name *qname, unsigned int i);

bool addresses_next(struct addresses *addresses, struct addr *ret);

/* Whose the service is: the name without the labels in front that begin with an
 * underscore, as those that say port and scheme do (RFC 9460 section 2.3). For
 * what denies: other such names may be in anybody's hands. */
void addresses_host(struct name *ret, const struct name *service);

/* The same for what grants: only _https or _dns is left out, with a port in
 * front (_8443._https) or without, and after a port any scheme but those of
 * transports. False where that is not how the name begins: _acme-challenge is
 * often given to others. */
bool addresses_service_host(struct name *ret, const struct name *service);

static inline bool
addresses_is_service(uint16_t type)
{
	return type == TYPE_SVCB || type == TYPE_HTTPS;
}

#endif
