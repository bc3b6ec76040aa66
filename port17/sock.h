#ifndef PORT17_SOCK_H
#define PORT17_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "port17/tunnel.h"
#include "src/base/list.h"

/* Sockets of our own, as a tunnel's settings want them. */

struct sock_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_storage space;
	};
	socklen_t len;
};

/* An address and port; zone (a device's name) "" for none. 0 or -ENODEV. */
int sock_addr_ip(struct sock_addr *ret, const struct addr *addr, uint16_t port,
    const char *zone);
void sock_addr_unix(struct sock_addr *ret, const char *path);
/* The address and port of what the kernel told: ADDR_NONE for others. */
struct addr sock_addr_get(const struct sock_addr *from, uint16_t *ret_port);

/* Opens a socket of SOCK_STREAM or SOCK_DGRAM that reaches `to`, with the
 * tunnel's device, source and fwmark, and begins to connect it; one that is to
 * last is to be kept alive then. The descriptor, or -errno (-EMFILE:
 * sock_may_keep(); -ENETDOWN: its device is down); a connection under way is no
 * error. Not for tunnels with a network namespace of their own. */
int sock_connect(
    const struct tunnel *tunnel, const struct sock_addr *to, int type);

/* The same with a socket that a maker has made; takes it in any case. */
int sock_connect_made(const struct tunnel *tunnel, int fd_take,
    const struct sock_addr *to, int type);

/* Whether it failed because the tunnel's device is not there or down, or its
 * address is not there: errno, positive. */
bool sock_lacks_way(const struct tunnel *tunnel, int error);

/* False for one of the last descriptors that there are: the rest of the daemon
 * is to have something left, whatever programs do. */
bool sock_may_keep(int fd);

/* A socket that is being made in another network namespace, which this process
 * can't enter: part of whoever waits for it. */
struct sock_order {
	struct list node; /* the maker's */
	uint32_t id;	  /* the maker's */
	/* once, later: the descriptor, or -errno */
	void (*made)(struct sock_order *order, int fd_take);
};

/* Who makes them. */
struct sock_maker {
	/* 0; or -errno, and made() is not called */
	int (*ask)(void *arg, struct sock_order *order, const char *path,
	    int family, int type);
	/* made() has not been called, and will not be */
	void (*cancel)(void *arg, struct sock_order *order);
	void *arg;
};

/* What people read where there is none. Returns buf. */
#define SOCK_WHY_SIZE 96
const char *sock_not_made(
    const struct tunnel *tunnel, int error, char buf[SOCK_WHY_SIZE]);

/* Asks for one in the tunnel's namespace; maker NULL: -ENOTSUP. */
int sock_ask(const struct sock_maker *maker, struct sock_order *order,
    const struct tunnel *tunnel, const struct sock_addr *to, int type);

/* A device that is made anew, as a VPN does when it starts again, is another
 * one for the kernel, and what was bound to the one before leaves no more: true
 * where it does again now. */
bool sock_rebind(const struct tunnel *tunnel, int fd);

/* What it sends has this mark from the start, as far as that may be set. */
void sock_mark(int fd, uint32_t mark);

/* What is written leaves at once. Failures of these don't matter. */
void sock_no_delay(int fd);

/* A dead peer is noticed: keepalive 60/5/3, counted from what was heard last.
 */
void sock_keep_alive(int fd);

/* A program's connection of which one side has ended is heard of before
 * conntrack forgets it: that is what turns to the program what we say. */
void sock_keep_half(int fd);

/* What was sent is answered within two minutes, or the connection breaks: that
 * holds for a peer that is there and takes no more, too. */
void sock_limit_silence(int fd, bool on);

/* Whether that is the case: it answers, and has no room. */
bool sock_is_stalled(int fd);

/* Whether the peer of a TCP socket has ended its side, and not by a reset: got
 * is how much was read. True of other sockets. */
bool sock_had_end(int fd, uint64_t got);

#endif
