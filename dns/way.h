#ifndef DNS_WAY_H
#define DNS_WAY_H

#include "src/base/addr.h"

/* How a name of what a rule sends through a tunnel is resolved. */
enum resolve_way {
	RESOLVE_WAY_USUAL,
	RESOLVE_WAY_STAND_IN,
	RESOLVE_WAY_TUNNEL, /* by way of the tunnel: its own servers */
	RESOLVE_WAY_NONE,   /* it may not be asked, and nothing stands for it */
	RESOLVE_WAY_FULL,   /* the same, because all that could is in use */
	RESOLVE_WAY_LIMITED, /* the same, because who asks had too many new ones
			      */
};

struct away {
	enum resolve_way way;
	struct addr stand_in; /* ADDR_NONE: there is none of that type */
};

#endif
