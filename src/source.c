#include "src/source.h"

#include <errno.h>

#include "src/core/flow.h"
#include "src/core/packet.h"
#include "src/linux/diag.h"
#include "src/linux/route.h"

int
source_check(struct diag *diag, const struct packet *pkt)
{
	const struct addr *src = &pkt->tuple.src;
	struct flow_key key;
	int r;

	if (pkt->in || !pkt->loopback || src->family != ADDR_IP6 ||
	    addr_is_loopback(src) || addr_is_any(src) ||
	    addr_equal(src, &pkt->tuple.dst))
		return 0;
	r = route_is_here(src);
	if (r == 0 && pkt->has_uid) {
		key = flow_key_of(&pkt->tuple, false);
		r = diag_is_transparent(diag, &key, pkt->ifindex, pkt->uid);
	}
	if (r == 0)
		return -EADDRNOTAVAIL;
	return r < 0 ? r : 0;
}
