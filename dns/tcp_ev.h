#ifndef DNS_TCP_EV_H
#define DNS_TCP_EV_H

#include "dns/server_ev.h"

/* The TCP half of server_ev. */
struct tcp_ev;

/* It listens nowhere yet. 0 or -ENOMEM. */
int tcp_ev_new(struct tcp_ev **ret, const struct server_opts *opts);
void tcp_ev_free(struct tcp_ev *te); /* accepts NULL */

/* 0 or -errno. */
int tcp_ev_listen(
    struct tcp_ev *te, const struct server_listen *at, uint16_t number);

/* Its connections are closed, too. */
void tcp_ev_unlisten(struct tcp_ev *te, uint16_t number);

bool tcp_ev_is_own(const struct tcp_ev *te, uint64_t inode);

/* len 0: one query less is waited for. */
void tcp_ev_reply(struct tcp_ev *te, const struct client *client,
    const uint8_t *msg, size_t len);

void tcp_ev_stats(const struct tcp_ev *te, struct server_stats *ret);

#endif
