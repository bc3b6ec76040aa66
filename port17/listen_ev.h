#ifndef PORT17_LISTEN_EV_H
#define PORT17_LISTEN_EV_H

#include <stdbool.h>
#include <stdint.h>

#include "src/core/flow.h"
#include "src/core/mark.h"

struct event_base;
struct ct;
struct leg;
struct legs;

/* The entry for TCP: 127.0.0.17:1117 and [::1]:1117. Each connection comes with
 * the flow that its program sees. */

struct listener;

struct listener_opts {
	struct event_base *base;
	struct legs *legs;
	struct ct *ct; /* borrowed */
	/* whether this flow is waited for, by its ends as they seem to be and
	 * the number of its SYN; then it is this one, and accepted() follows */
	bool (*awaited)(
	    void *arg, const struct flow_key *key, uint32_t tcp_seq);
	/* takes the leg; other: the number of its SYN says that it is not the
	 * one that is waited for, though it has its ends */
	void (*accepted)(void *arg, const struct flow_key *key,
	    struct leg *leg_take, bool other);
	/* somebody connected to the endpoint itself, or a tunnel led back to
	 * it: the connection was reset. Counted by the caller */
	void (*stray)(void *arg, const struct flow_key *seen);
	/* there was no room for this one: it was reset */
	void (*refused)(void *arg, const struct flow_key *key);
	/* descriptors or memory ran out: accepting pauses */
	void (*full)(void *arg, int error);
	void *arg;
};

/* Both closed yet. 0 or -ENOMEM. */
int listener_new(struct listener **ret, const struct listener_opts *opts);
/* Opens what is not open: an address may be another program's, or of a family
 * that this host lacks, now. */
void listener_open(struct listener *listener);
/* 0, or why that of the family is not open: -errno. */
int listener_error(const struct listener *listener, enum addr_family family);
void listener_free(struct listener *listener); /* accepts NULL */

#endif
