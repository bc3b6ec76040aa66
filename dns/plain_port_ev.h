#ifndef DNS_PLAIN_PORT_EV_H
#define DNS_PLAIN_PORT_EV_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>

#include "dns/outbox_ev.h"
#include "dns/plain_ev.h"
#include "src/base/budget.h"
#include "src/base/inodes.h"

/* Behind struct plain_ev: shared by plain_ev.c (questions and answers) and
 * plain_port_ev.c (the ports that they go by). */

/* Those that come faster share the ports of their upstream, one by chance for
 * what is asked at one moment: among so many, and no more than so many. */
#define CHOICE_MIN 32
#define CHOICE_MAX 64
/* Questions of one port. A new port costs a socket, and is judged as any
 * program's flow is: many times what a question costs. */
#define USES_MAX 128

/* What servers send that do not look at the size they were told. */
#define PLAIN_RECEIVE_MAX 4096
/* Datagrams of a system call. */
#define PLAIN_BATCH 16

/* A socket that is connected to an upstream. */
struct port {
	struct list node; /* of all, the oldest first */
	struct server *server;
	struct event event;
	int fd;
	uint64_t inode;
	int error;   /* that send() was told of; it is of those before */
	bool chosen; /* among those that may be used again, at this place */
	bool held;   /* is at work: not to be freed */
	bool known;  /* an answer came: its packets have their verdict */
	mono_t opened;
	unsigned int place, n_uses, n_flying;
	uint16_t ids[USES_MAX];
	struct attempt *attempts[USES_MAX]; /* NULL: has come, or was ended */
};

/* An upstream's. */
struct server {
	struct plain_ev *pe;
	struct upstream *upstream;
	struct port *choice[CHOICE_MAX];
	unsigned int n_choice;
	size_t n_flying; /* of all its ports */
};

struct plain_ev {
	struct event_base *base;
	event_callback_fn readable; /* of ports: the argument is the port */
	struct resolve *resolve;
	struct event *tick;
	struct server **servers; /* by upstream's number */
	size_t n_servers;
	struct list ports;
	size_t n_ports;
	struct inodes *own;
	struct budget fresh;
	bool closing;
	/* what is asked in this turn of the loop leaves together, from here */
	struct port *sending; /* NULL: nothing waits */
	struct outbox out;
	struct event *flush;
	struct mmsghdr in[PLAIN_BATCH];
	struct iovec iov[PLAIN_BATCH];
	uint8_t received[PLAIN_BATCH][PLAIN_RECEIVE_MAX];
};

/* For pe->ports: 0 or -ENOMEM; done accepts what is half made, and has no port
 * any more. */
int ports_init(struct plain_ev *pe);
void ports_done(struct plain_ev *pe);

/* A port for one more question, new or not: 0 or -errno. */
int port_pick(struct server *server, mono_t now, struct port **ret);

/* What was asked at that place is under way no more. */
struct attempt *port_land(struct port *port, unsigned int place);

/* It is not used again. */
void port_unchoose(struct port *port);

/* All that fly there have this error; it is not used again, and is gone where
 * it is not held. */
void port_fail_all(
    struct plain_ev *pe, struct port *port, int error, mono_t now);

/* Frees it where nothing is waited for, and nothing more will be asked. */
void port_free_if_done(struct plain_ev *pe, struct port *port);

#endif
