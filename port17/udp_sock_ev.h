#ifndef PORT17_UDP_SOCK_EV_H
#define PORT17_UDP_SOCK_EV_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "port17/dgram.h"
#include "port17/pacer_ev.h"

struct addr;
struct inodes;
struct sock_addr;
struct tunnel;

/* A socket for datagrams, watched by the loop. Closed: fd is -1. */
struct udp_sock {
	int fd;
	bool single; /* it takes no segments: see port17/dgram.h */
	int error;   /* no way is left from it; 0 */
	uint64_t inode;
	struct inodes *own; /* NULL: not a socket that the judge sees */
	struct event *readable;
	struct paced paced;
};

struct udp_sock_opts {
	struct event_base *base;
	struct inodes *own;
	event_callback_fn cb; /* something waits, or an error does */
	void *arg;
	struct pacer *pacer; /* NULL: none */
};

/* Connected to `to` as the tunnel's settings want it. 0 or -errno (closed). */
int udp_sock_connect(struct udp_sock *sock, const struct tunnel *via,
    const struct sock_addr *to, const struct udp_sock_opts *opts);

/* The same with a descriptor that was made for it, which is taken. */
int udp_sock_connect_made(struct udp_sock *sock, const struct tunnel *via,
    int fd_take, const struct sock_addr *to, const struct udp_sock_opts *opts);

/* Bound to exactly that address. 0 or -errno (closed). */
int udp_sock_bind(struct udp_sock *sock, const struct addr *addr, uint16_t port,
    const struct udp_sock_opts *opts);

/* Who takes what was sent to a socket; none of it closes that. */
struct udp_reader {
	struct dgrams *in;
	void (*take)(void *arg, const struct dgram *dgram, mono_t now);
	void (*taken)(void *arg); /* a batch of them */
	void *arg;
};

/* A wake-up's worth of what waits there. 0 or -errno: an error of the socket's,
 * which an ICMP error may have been. */
int udp_sock_read(struct udp_sock *sock, const struct udp_reader *reader);

void udp_sock_close(struct udp_sock *sock); /* also of a closed one */

#endif
