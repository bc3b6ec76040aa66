#ifndef DNS_SPECIAL_H
#define DNS_SPECIAL_H

#include "src/base/addr.h"
#include "src/base/name.h"

/* Names that are not asked of anybody: special-use domains (RFC 6761, 6762,
 * 7686, 8375, 9462, 9476) and reverse zones of private space (RFC 6303). */

enum special {
	SPECIAL_NONE,
	SPECIAL_LOCALHOST, /* 127.0.0.1 and ::1 */
	SPECIAL_LOOPBACK,  /* their PTR */
	SPECIAL_NXDOMAIN,
	SPECIAL_NODATA,
	SPECIAL_ZONE, /* a reverse zone itself, of which all else is NXDOMAIN */
};

enum special special_find(const struct name *name);

/* The address that a name of in-addr.arpa or ip6.arpa stands for, whole; false
 * for every other name. */
bool special_reverse(const struct name *name, struct addr *ret);

#endif
