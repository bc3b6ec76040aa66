#ifndef DNS_TLS_EV_H
#define DNS_TLS_EV_H

#include <stddef.h>
#include <stdint.h>

#include "dns/stream.h"
#include "dns/trust.h"
#include "src/base/mono.h"

struct event_base;

/* One upstream over TLS: a connection that is opened when somebody asks, kept
 * open, and opened again at once where it ends under a query. */
struct tls_ev;

struct tls_ev_opts {
	struct event_base *base;
	struct trust *trust;		  /* a reference is taken */
	const struct upstream_spec *spec; /* copied */
	/* A query's end, once: error 0 and the answer, whose id is the
	 * query's, or -errno: -ETIMEDOUT after its deadline, -ECANCELED by
	 * tls_ev_free(), else why the server can't be reached. May ask again;
	 * must not free the tls_ev. */
	void (*done)(
	    void *arg, void *asker, int error, const uint8_t *msg, size_t len);
	void *arg;
};

#define TLS_EV_STATS(X)                                                        \
	X(connections, "connections opened")                                   \
	X(resumed, "of them with a session from before")                       \
	X(failures, "connections that could not be made")                      \
	X(stalls, "connections given up since nothing came")

struct tls_ev_stats {
#define X(field, what) uint64_t field;
	TLS_EV_STATS(X)
#undef X
};

/* 0 or -ENOMEM. */
int tls_ev_new(struct tls_ev **ret, const struct tls_ev_opts *opts);

/* Ends all that is under way with -ECANCELED; accepts NULL. */
void tls_ev_free(struct tls_ev *t);

/* Asks: done() is called later, never from within. 0; or -errno and no done():
 * what stream_add() says, or why the server can't be reached. */
int tls_ev_query(struct tls_ev *t, const uint8_t *msg, size_t len,
    mono_t deadline, void *asker);

/* Ends all that is under way with -ECANCELED; the connection stays open. */
void tls_ev_cancel(struct tls_ev *t);

/* Others are believed from now on (a reference is taken): what is connected
 * shows anew who it is. */
void tls_ev_trust(struct tls_ev *t, struct trust *trust);

/* The network has changed: what is connected may hang, and what failed may
 * work now. */
void tls_ev_forgive(struct tls_ev *t);

const struct upstream_spec *tls_ev_spec(const struct tls_ev *t);

/* What is wrong with it, in words; "" while nothing is. */
const char *tls_ev_why(const struct tls_ev *t);

const struct tls_ev_stats *tls_ev_stats(const struct tls_ev *t);
const struct stream_stats *tls_ev_stream_stats(const struct tls_ev *t);

#endif
