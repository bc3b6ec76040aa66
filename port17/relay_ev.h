#ifndef PORT17_RELAY_EV_H
#define PORT17_RELAY_EV_H

#include <stddef.h>
#include <stdint.h>

#include "port17/closed.h"

struct event_base;
struct leg;

/* What all relays of a daemon share: pipes, a buffer, and the turn of those
 * that have more to move than one wake-up allows. */
struct relay_set;

/* The relay is gone, and its legs are closed, when it is called; never within
 * relay_new(). */
struct relay_bytes {
	uint64_t up, down; /* from the program, to the program */
};
typedef void relay_ended_fn(
    void *arg, enum closed closed, const struct relay_bytes *bytes);

/* 0 or -ENOMEM. */
int relay_set_new(
    struct relay_set **ret, struct event_base *base, relay_ended_fn *ended);
void relay_set_free(struct relay_set *set); /* no relay is left; NULL too */

/* Moves bytes between two legs until both sides have ended, or one breaks:
 * copies what is little, splices what is much. A direction's end is passed on
 * (half-close), a break is passed on as a reset. Where the reader does not keep
 * up, no more than 64 KiB a direction are held of what was copied. */
struct relay;

struct relay_opts {
	struct leg *program, *far; /* taken, also on failure */
	/* bytes of the far end that were read with the handshake */
	const void *ahead;
	size_t ahead_len;
	void *arg; /* of ended() */
};

/* 0 or -ENOMEM. */
int relay_new(
    struct relay **ret, struct relay_set *set, const struct relay_opts *opts);

/* Resets both sides; ended() is not called. */
void relay_abort(struct relay *relay_take, struct relay_bytes *ret_bytes);

struct relay_bytes relay_moved(const struct relay *relay);

/* Borrowed. */
struct leg *relay_far(const struct relay *relay);

#endif
