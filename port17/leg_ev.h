#ifndef PORT17_LEG_EV_H
#define PORT17_LEG_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct event_base;
struct inodes;
struct ssl_st;

/* All stream sockets of flows, of which there are thousands, for a moment each:
 * they have an epoll of their own that the loop watches, since the loop's own
 * book-keeping takes more memory than a leg does and two system calls more. */
struct legs;

/* own: the judge's table of our sockets. told(): once after everything that was
 * reported at once has been passed on; NULL: nobody wants to know. 0 or -errno.
 */
int legs_new(struct legs **ret, struct event_base *base, struct inodes *own,
    void (*told)(void *arg), void *arg);
void legs_free(struct legs *legs); /* no leg is left; NULL too */

/* Whether told() is about to be called. */
bool legs_are_telling(const struct legs *legs);

/* One stream socket of a flow: registered with the loop once, edge by edge,
 * for all of its life, and handed from the dial to the relay with what is
 * known of it. */
struct leg;
typedef void leg_fn(void *arg, struct leg *leg);

struct leg {
	struct legs *legs;
	int fd;
	uint32_t number; /* tells it from others that had its descriptor */
	bool readable, writable; /* as far as is known */
	bool closed;		 /* the peer ended its side: read to the end */
	bool doubt; /* an error may be there: a short read says nothing */
	bool exact; /* a short read means that nothing is left (TCP) */
	/* an urgent byte may be there: a read ends before it, a splice sees
	 * nothing of it nor of what is behind it */
	bool urgent;
	bool hurt; /* the peer is not to think that all went well */
	bool dead; /* the peer has reset it: nothing of ours is heard there */
	bool guarded;	    /* see leg_guard() */
	uint64_t got;	    /* bytes that were read from the socket */
	struct ssl_st *ssl; /* NULL: none */
	uint64_t inode;	    /* 0: not a socket that the judge sees */
	/* called when something changed; may close the leg */
	leg_fn *fn;
	void *arg;
};

/* Takes the descriptor, also where it fails: then the peer sees a reset. own:
 * the judge sees this socket, and is to know it. 0 or -errno. */
int leg_open(struct leg **ret, struct legs *legs, int fd_take, bool own);

/* Bytes, 0 at the end, -EAGAIN, or -errno. */
ssize_t leg_read(struct leg *leg, void *buf, size_t size);
ssize_t leg_write(struct leg *leg, const void *buf, size_t len);

/* Where an urgent byte is read next, which no leg_read() returns: 1, and that
 * is there still. 0 where none is. */
int leg_peek_urgent(const struct leg *leg, uint8_t *ret);
/* As urgent as it came, where the leg has a way to say so. As leg_write(). */
ssize_t leg_write_urgent(struct leg *leg, uint8_t byte);

/* No more is written; what the peer writes still comes. 0, -EAGAIN (it could
 * not be said yet) or -errno. */
int leg_finish(struct leg *leg);

/* What it means that a socket is closed, by whomever: a reset, or an end. What
 * a listener accepts has it from there. */
void leg_break_at_close(int fd, bool reset);

/* Where this process is killed the peer sees a reset: what was cut short is not
 * to look whole. */
void leg_guard(struct leg *leg);

/* A FIN; or a reset, where the leg is hurt. NULL is accepted. */
void leg_close(struct leg *leg);
void leg_reset(struct leg *leg);

/* Bytes that were written and have not arrived; 0 where that is not known. */
size_t leg_unsent(const struct leg *leg);

/* Of one that broke with EPIPE: whether the peer had ended its side before, so
 * that all that it said is there. Else it was a reset, that a splice() which
 * had moved something kept to itself. */
bool leg_had_end(const struct leg *leg);

/* A socket's pending error, 0 for none that was reported. */
int leg_error(const struct leg *leg);

#endif
