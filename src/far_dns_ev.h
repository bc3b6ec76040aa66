#ifndef FAR_DNS_EV_H
#define FAR_DNS_EV_H

#include "src/upstreams_ev.h"

struct dialer;

/* Carries the resolver's questions through tunnels: to each server that is
 * asked a connection that is kept open, many questions at once (RFC 7766). The
 * resolver knows nothing of tunnels, nor do they of it. */
struct far_dns;

/* All borrowed; resolve gets the answers. */
struct far_dns_opts {
	struct event_base *base;
	struct dialer *dialer;
	struct resolve *resolve;
};

/* NULL when there is no memory. */
struct far_dns *far_dns_new(const struct far_dns_opts *opts);
/* Nothing is under way: after a reset. Accepts NULL. */
void far_dns_free(struct far_dns *far);

/* See struct upstreams_tunnel; upstreams are of kind UPSTREAM_TUNNEL. */
int far_dns_send(struct far_dns *far, struct attempt *attempt,
    const uint8_t *msg, size_t len);
void far_dns_reset(struct far_dns *far);
const char *far_dns_why(
    const struct far_dns *far, const struct upstream *upstream);

#endif
