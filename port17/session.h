#ifndef PORT17_SESSION_H
#define PORT17_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "port17/claim.h"
#include "port17/share.h"
#include "src/base/list.h"
#include "src/base/map.h"
#include "src/base/mono.h"
#include "src/core/flow.h"

struct dial;
struct leg;
struct relay;
struct sessions;

/* A TCP flow that goes through a tunnel, from its SYN to its last byte: what it
 * waits for, and what follows from what happens to it.
 *
 *   held ----- dialled ----> ready --- accepted --> relayed --> gone
 *     \------- failed -----> gone                      ^
 *   accepted without that -> dialling --- dialled -----'
 */
enum session_phase {
	SESSION_HELD,	  /* its SYN waits in the queue for the dial */
	SESSION_READY,	  /* the far end is there, the program's side not yet */
	SESSION_DIALLING, /* the other way round */
	SESSION_RELAYED,
} __attribute__((packed));

enum session_event {
	SESSION_DIALLED, /* the far end is there */
	SESSION_FAILED,	 /* … is not */
	SESSION_JOINED,	 /* the program's side came */
	SESSION_BROKE,	 /* a side that waits did, or memory ran out */
	SESSION_LATE,	 /* the program's side never came */
	SESSION_ENDED,	 /* the relay did */
	SESSION_ABORTED, /* policy, or the end of the daemon */
};

/* What is to be done now, in this order. */
struct session_move {
	enum {
		SYN_STAYS,
		SYN_GOES,
		SYN_DENIED
	} syn;
	bool relay; /* both sides are there */
	bool end;
};

/* There are thousands that are relayed and say nothing: in an order that leaves
 * no holes. */
struct session {
	struct map_node node;
	struct list all;
	struct sessions *sessions;
	uint64_t id;
	struct flow_key key; /* as the program sees it */
	struct claim claim;
	mono_t began;
	const struct tunnel *via;
	struct leg *program, *far; /* until they are relayed */
	uint8_t *ahead;
	union {
		struct dial *dial; /* HELD, DIALLING */
		struct {	   /* READY */
			struct list ready;
			mono_t ready_at;
		};
		struct relay *relay; /* RELAYED: see session_relay() */
	};
	pid_t proxy;	  /* dial_proxy(), once it has been dialled */
	uint32_t tcp_seq; /* of its SYN */
	uint32_t hold_id; /* of the packet that is held */
	uint16_t hold_queue;
	uint16_t ahead_len;
	uint16_t dial_ms; /* a dial gives up before that is too little */
	enum session_phase phase;
	bool counted; /* HELD: among those of its process */
};

/* NULL where it is not relayed. */
static inline struct relay *
session_relay(const struct session *session)
{
	return session->phase == SESSION_RELAYED ? session->relay : NULL;
}

/* How many SYNs wait at once, and how many of one process. */
#define SESSIONS_HELD_MAX 4096
#define SESSIONS_HELD_BY_ONE (SESSIONS_HELD_MAX / SHARE_OF_ONE)
/* From the verdict to accept() it is some 100 us; a program that gave up in
 * between never comes. */
#define SESSION_READY_NS (10 * MONO_S)

struct session_table {
	struct map map;
	struct list all;    /* the youngest first */
	struct list ready;  /* those that wait longest first */
	struct shares held; /* by process */
	size_t max, max_held, n_held;
	uint64_t last_id;
};

/* At most so many, and so many of them held. 0 or -ENOMEM. */
int session_table_init(struct session_table *table, size_t max, size_t held);
void session_table_done(struct session_table *table); /* it is empty */

/* NULL where there is none. */
struct session *session_find(
    const struct session_table *table, const struct flow_key *key);
/* From the youngest on: first NULL. */
struct session *session_older(
    const struct session_table *table, const struct session *after);

/* Whether one more has room: 0 or -ENOSPC; one whose SYN is to wait, of this
 * process: -EBUSY, too. */
int session_may_begin(const struct session_table *table);
int session_may_hold(
    const struct session_table *table, const struct process *process);

/* One that is not there yet, with its key, in phase HELD or DIALLING. */
void session_put(
    struct session_table *table, struct session *session, mono_t now);
void session_remove(struct session_table *table, struct session *session);

/* Something happened to it: its phase is the next one, unless it is to end. */
struct session_move session_take(struct session_table *table,
    struct session *session, enum session_event event, mono_t now);

/* One to which SESSION_LATE happened; NULL: none. */
struct session *session_late(const struct session_table *table, mono_t now);

#endif
