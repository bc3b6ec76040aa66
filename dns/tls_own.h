#ifndef DNS_TLS_OWN_H
#define DNS_TLS_OWN_H

#include "dns/stream.h"
#include "dns/tls_ev.h"
#include "src/base/log.h"

struct event;
struct ssl_st;

/* Behind struct tls_ev: queries and time are tls_ev.c's, the connection and its
 * bytes are tls_conn_ev.c's. */

#define TLS_UNANSWERED "the connection is not answered"

enum tls_state {
	TLS_CLOSED,
	TLS_CONNECTING,
	TLS_SHAKING, /* hands */
	TLS_UP,
};

struct tls_ev {
	struct tls_ev_opts opts;
	struct upstream_spec spec;
	struct trust_link link;
	struct stream stream;
	struct tls_ev_stats stats;
	enum tls_state state;
	int fd;
	struct ssl_st *ssl;
	bool resuming;			   /* the handshake offers a session */
	struct event *readable, *writable; /* NULL while closed */
	struct event *flush, *timer;
	uint8_t *out; /* a record that is being sent; NULL while closed */
	size_t out_from, out_to;
	mono_t begun; /* the connection */
	mono_t asked; /* the last query */
	/* the last bytes, or since when something is waited for */
	mono_t heard;
	mono_t armed; /* the timer; 0: it is not */
	mono_t hold_until;
	int hold_error;
	char why[TRUST_WHY_SIZE];
	struct log_limit fails, works; /* what is said of this one */
};

/* 0 or -errno, with nothing open. */
int tls_conn_open(struct tls_ev *t, mono_t now);
void tls_conn_close(struct tls_ev *t);
/* Sends what waits, until the socket is full. */
void tls_conn_pump(struct tls_ev *t, mono_t now);
/* What was open is so no more: what was sent goes out again. */
void tls_conn_lost(struct tls_ev *t, const char *why, mono_t now);
/* What is not answered is begun once more, for all who wait. */
void tls_conn_anew(struct tls_ev *t, mono_t now);
/* It could not be opened: nobody need wait. */
void tls_conn_fail(struct tls_ev *t, int error, mono_t now);

/* Says what is wrong, once for each thing. */
void tls_conn_complain(struct tls_ev *t, const char *why);
void tls_conn_say(struct tls_ev *t, int error);

/* So long no other connection is tried. */
void tls_conn_hold(struct tls_ev *t, int error, mono_t now);
void tls_conn_end_query(struct tls_ev *t, struct stream_query *q, int error);
void tls_conn_drop(struct event **event);

/* Sets the timer for what is due next. */
void tls_ev_arm(struct tls_ev *t, mono_t now);

#endif
