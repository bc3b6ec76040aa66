#ifndef UPSTREAMS_EV_H
#define UPSTREAMS_EV_H

#include "dns/resolve.h"
#include "dns/server_ev.h"
#include "dns/sysconf.h"
#include "src/core/conf.h"

struct event_base;

/* How the resolver's questions leave: plain or over TLS, and which servers
 * `upstream = system` means. */
struct upstreams_ev;

/* How questions leave that go by way of a tunnel. */
struct upstreams_tunnel {
	/* as resolve_ops.send; NULL: never */
	int (*send)(
	    void *arg, struct attempt *attempt, const uint8_t *msg, size_t len);
	/* as upstreams_ev_reset() */
	void (*reset)(void *arg);
	/* as upstreams_ev_why() */
	const char *(*why)(void *arg, const struct upstream *upstream);
	void *arg;
};

/* All borrowed. */
struct upstreams_opts {
	struct event_base *base;
	struct resolve *resolve;
	/* the system has other servers; after upstreams_ev_configure() */
	void (*changed)(void *arg);
	void *arg;
	struct upstreams_tunnel by_tunnel;
};

/* Where this daemon answers: not to be asked by itself. */
struct upstreams_own {
	const struct server_listen *listens;
	size_t n_listens;
	const struct addr *addrs; /* of this host */
	size_t n_addrs;
};

/* 0 or -errno. */
int upstreams_ev_new(
    struct upstreams_ev **ret, const struct upstreams_opts *opts);

/* Gives what is under way back as cancelled. Accepts NULL. */
void upstreams_ev_free(struct upstreams_ev *ue);

/* Whether a thread is at work: before the loop ends for good. NULL: no. */
bool upstreams_ev_is_busy(const struct upstreams_ev *ue);

/* Goes by these settings from now on. Reads files the first time, later in a
 * thread. */
void upstreams_ev_configure(struct upstreams_ev *ue, const struct conf *conf,
    const struct upstreams_own *own);

/* The system's servers: none where they are not asked for. */
const struct sysconf *upstreams_ev_system(const struct upstreams_ev *ue);
/* Whether the system has none any more, and these are those from before. */
bool upstreams_ev_is_kept(const struct upstreams_ev *ue);

/* As plain_ev_is_own(). */
bool upstreams_ev_is_own(const struct upstreams_ev *ue, uint64_t inode);

/* As resolve_ops.send. */
int upstreams_ev_send(
    struct upstreams_ev *ue, struct attempt *attempt, uint8_t *msg, size_t len);

/* Gives what is under way back as cancelled; upstreams' numbers begin anew.
 * upstreams_ev_follow(), once the resolver knows them, ends what was open to
 * others. */
void upstreams_ev_reset(struct upstreams_ev *ue);
void upstreams_ev_follow(struct upstreams_ev *ue);

/* The network has changed: what is connected may hang. */
void upstreams_ev_forgive(struct upstreams_ev *ue);

/* What is known to be wrong with an upstream, in words; "". */
const char *upstreams_ev_why(
    const struct upstreams_ev *ue, const struct upstream *upstream);

/* Why no certificate is believed: what is wrong with tls-ca; "". */
const char *upstreams_ev_trust_why(const struct upstreams_ev *ue);

#endif
