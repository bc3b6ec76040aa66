#ifndef DNS_PLAIN_EV_H
#define DNS_PLAIN_EV_H

#include "dns/resolve.h"

struct event_base;

/* Carries questions to plain upstreams in datagrams. Against forged answers
 * (RFC 5452) each goes from a port that is chosen by chance among many and is
 * soon given up, with a number by chance; and an answer is taken from the
 * server's address alone, for the number and the question that were sent on
 * that very port. */
struct plain_ev;

/* 0 or -ENOMEM. resolve gets the answers; it must outlive this. */
int plain_ev_new(
    struct plain_ev **ret, struct event_base *base, struct resolve *resolve);

/* Gives all attempts back as cancelled. Accepts NULL. */
void plain_ev_free(struct plain_ev *pe);

/* The same, and goes on with other upstreams: their numbers begin anew. */
void plain_ev_reset(struct plain_ev *pe);

/* Whether that is the inode of a socket of its: the judge need not look for it
 * in /proc. */
bool plain_ev_is_own(const struct plain_ev *pe, uint64_t inode);

/* As resolve_ops.send. */
int plain_ev_send(
    struct plain_ev *pe, struct attempt *attempt, uint8_t *msg, size_t len);

#endif
