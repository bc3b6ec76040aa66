#ifndef CORE_MARK_H
#define CORE_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "src/core/decision.h"

/* The marks of the specification. 1700 to 1702 are for one packet, 1710 to
 * 1712 are saved in conntrack by C17 and hold for the flow. */
enum mark {
	MARK_NONE = 0,
	MARK_ACCEPT = 1700,
	MARK_BLOCK = 1701,
	MARK_DROP = 1702,
	/* of a connection, until a packet of it is judged that came in with a
	 * mark of others */
	MARK_WAITS = 1703,
	MARK_ACCEPT_FLOW = 1710,
	MARK_BLOCK_FLOW = 1711,
	MARK_DROP_FLOW = 1712,
	MARK_PORT17 = 1717,
	MARK_NAMESERVER = 1799,
	MARK_FIRST = 1700, /* all of ours lie in 1700..1799 */
	MARK_LAST = 1799,
};

/* Where NAT leads what has MARK_PORT17. */
#define PORT17_IP4 "127.0.0.17"
#define PORT17_IP6 "::1"
#define PORT17_PORT 1117

/* Whether a mark is one of others: of ours are 1700 to 1799. */
static inline bool
mark_is_foreign(uint32_t mark)
{
	return mark != MARK_NONE && (mark < MARK_FIRST || mark > MARK_LAST);
}

static inline enum mark
mark_encode(const struct decision *d)
{
	switch (d->action) {
	case ACTION_ACCEPT:
		if (d->reason == REASON_CAPTURE)
			return MARK_NAMESERVER;
		return d->once ? MARK_ACCEPT : MARK_ACCEPT_FLOW;
	case ACTION_BLOCK:
		return d->once ? MARK_BLOCK : MARK_BLOCK_FLOW;
	case ACTION_DROP:
		return d->once ? MARK_DROP : MARK_DROP_FLOW;
	case ACTION_REROUTE:
		return MARK_PORT17;
	}
	__builtin_trap();
}

#endif
