#ifndef DNS_SERVER_EV_H
#define DNS_SERVER_EV_H

#include "dns/resolve.h"

struct event_base;

/* The listeners: datagrams in batches, and TCP (RFC 7766: pipelined, answered
 * as answers come). */
struct server_ev;
struct tcp_ev;

struct server_listen {
	struct addr addr;
	uint16_t port;
};

#define SERVER_LISTENS_MAX 16

/* All borrowed. */
struct server_opts {
	struct event_base *base;
	struct resolve *resolve;
	/* Who it is that asks: sets client->asker and client->captured. False
	 * where it is none of our clients. Called once a query. */
	bool (*identify)(void *arg, struct client *client, mono_t now);
	void *arg;
};

/* It listens nowhere yet. 0 or -errno. */
int server_ev_new(struct server_ev **ret, const struct server_opts *opts);
/* One place more, UDP and TCP: its number, which client->listener has, from 0
 * on; or -errno, and it listens where it did before. */
int server_ev_listen(struct server_ev *se, const struct server_listen *at);
/* One place less: who asked there gets no answer, and its number is the next
 * one's. */
void server_ev_unlisten(struct server_ev *se, uint16_t number);
void server_ev_free(struct server_ev *se); /* accepts NULL */

/* Whether the socket with that inode is one of the listeners. */
bool server_ev_is_own(const struct server_ev *se, uint64_t inode);

/* An answer that had to wait, or that there will be none. */
void server_ev_reply(struct server_ev *se, const struct client *client,
    const uint8_t *msg, size_t len);
void server_ev_dropped(struct server_ev *se, const struct client *client);

/* Of TCP. */
struct server_stats {
	size_t connections, behind;    /* now; bytes of answers not read yet */
	uint64_t refused;	       /* connections over a program's limit */
	uint64_t displaced;	       /* closed to make room for another one */
	uint64_t cut_slow, cut_behind; /* queries, answers took too long */
};
void server_ev_stats(const struct server_ev *se, struct server_stats *ret);

/* Gives what the socket sends the mark that its flows have once they are
 * judged: C170 need not put it on, and the kernel not look for the way again
 * for the mark's sake. The first of a flow is judged all the same (A5). */
void server_mark(int fd);

/* Of a socket; 0 where it can't be told. */
uint64_t server_inode(int fd);

#endif
