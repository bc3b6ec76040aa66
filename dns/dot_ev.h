#ifndef DNS_DOT_EV_H
#define DNS_DOT_EV_H

#include "dns/resolve.h"
#include "dns/trust.h"

struct event_base;

/* Carries questions to upstreams over TLS: a kept-open connection to each that
 * is asked. */
struct dot_ev;

/* 0 or -errno. resolve gets the answers; it must outlive this. */
int dot_ev_new(
    struct dot_ev **ret, struct event_base *base, struct resolve *resolve);

/* Gives all attempts back as cancelled. Accepts NULL. */
void dot_ev_free(struct dot_ev *de);

/* The same, and goes on with other upstreams: their numbers begin anew.
 * Connections are kept for those that are the same; dot_ev_follow(), once
 * resolve knows of them all, ends the others. */
void dot_ev_reset(struct dot_ev *de);
void dot_ev_follow(struct dot_ev *de);

/* Whose certificates are believed from now on: what is under way is asked
 * again of who shows one. Takes the reference. Before the first, nobody can be
 * asked. */
void dot_ev_trust(struct dot_ev *de, struct trust *trust_take);

/* As resolve_ops.send. */
int dot_ev_send(
    struct dot_ev *de, struct attempt *attempt, const uint8_t *msg, size_t len);

/* The network has changed. */
void dot_ev_forgive(struct dot_ev *de);

/* What is wrong with an upstream, in words; "": nothing that is known. */
const char *dot_ev_why(const struct dot_ev *de, unsigned int number);

#endif
