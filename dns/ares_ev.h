#ifndef DNS_ARES_EV_H
#define DNS_ARES_EV_H

#include "dns/resolve.h"

struct event_base;

/* Carries questions to plain upstreams over TCP, by c-ares. */
struct ares_ev;

/* 0 or -errno. resolve gets the answers; it must outlive this. */
int ares_ev_new(
    struct ares_ev **ret, struct event_base *base, struct resolve *resolve);

/* Gives all attempts back as cancelled. Accepts NULL. */
void ares_ev_free(struct ares_ev *ae);

/* The same, and goes on with other upstreams: their numbers begin anew. */
void ares_ev_reset(struct ares_ev *ae);

/* As resolve_ops.send. */
int ares_ev_send(
    struct ares_ev *ae, struct attempt *attempt, uint8_t *msg, size_t len);

#endif
