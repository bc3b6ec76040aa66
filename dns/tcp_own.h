#ifndef DNS_TCP_OWN_H
#define DNS_TCP_OWN_H

#include "dns/tcp_ev.h"

struct bufferevent;
struct event;

/* Behind struct tcp_ev: who connects is tcp_ev.c's, what a connection says and
 * is told is tcp_conn_ev.c's. */

struct conn {
	struct map_node node;
	struct list order; /* the one used last first */
	struct tcp_ev *te;
	uint64_t id;
	struct bufferevent *bev;
	struct client client;
	struct list waits;   /* its queries that wait: resolve's */
	struct event *later; /* goes on with what was read */
	unsigned int outstanding;
	size_t skip;   /* bytes of a query that is too long */
	size_t behind; /* as it is counted in the sums */
	bool eof;
	bool reading; /* in conn_read(): it is not to be freed */
	bool broken;  /* it is, afterwards */
	mono_t began; /* when the message began that is not whole yet; 0 */
};

struct acceptor {
	struct tcp_ev *te;
	uint16_t number;
	struct addr addr;
	int fd;
	uint64_t inode;
	struct event *acceptable, *resume;
};

struct tcp_ev {
	const struct server_opts *opts;
	struct acceptor v[SERVER_LISTENS_MAX];
	size_t n;
	struct map conns;
	struct list order;
	uint64_t last_id;
	size_t behind; /* of all */
	struct server_stats stats;
	struct asking asking;
	uint8_t answer[WIRE_MESSAGE_MAX];
};

/* Begins to listen to what a new one says: it is in no table yet, and in both
 * afterwards. The fd is taken where it is 0; else -ENOMEM. */
int tcp_conn_open(struct conn *conn, int fd);
void tcp_conn_free(struct conn *conn);

/* An answer that had to wait; len 0: there is none. May free it. */
void tcp_conn_reply(struct conn *conn, const uint8_t *msg, size_t len);

#endif
