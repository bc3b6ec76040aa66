#ifndef DNS_STREAM_H
#define DNS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/due.h"
#include "src/base/list.h"
#include "src/base/mono.h"

/* Queries under way over a byte stream to a server (RFC 7766 and 7858): each
 * with an id of its own, many at once, answers in any order. What has not been
 * answered when the stream ends goes out over the next one. No sockets here.
 */

/* More at once are refused: a server that answers nothing must not take all
 * memory. */
#define STREAM_QUERIES_MAX 2048

/* A query that is larger is not one of ours. */
#define STREAM_QUERY_MAX 1232

/* Streams that may end under a query without any answer: then it fails. */
#define STREAM_TRIES_MAX 2

struct stream_query {
	struct list node;
	struct due_node due;
	void *asker;
	mono_t sent;
	uint16_t asked_id;     /* as its asker wrote it */
	uint16_t id;	       /* on the stream */
	uint16_t question_end; /* offset in wire */
	uint16_t len;
	uint8_t tries;
	bool flying; /* sent: has an id */
	uint8_t wire[];
};

struct stream_stats {
	uint64_t answers;
	uint64_t unasked;  /* messages that answer nothing that was asked */
	uint64_t repeated; /* queries that had to be sent once more */
};

struct stream {
	struct list waiting, flying; /* flying: in order of sending */
	struct due due;		     /* deadlines of both */
	struct stream_query **slots; /* by the low bits of the id */
	uint16_t *free_slots;
	size_t n_free, n_slots;
	size_t n;
	uint16_t turn; /* high bits of the next id */
	/* what was read and is not a whole message yet */
	uint8_t *in;
	size_t in_size, in_from, in_to;
	bool bare;	       /* for clear text: nothing is padded */
	unsigned int answered; /* since the last restart */
	unsigned int junk;     /* messages without sense since an answer */
	struct stream_stats stats;
};

void stream_init(struct stream *s);
/* Frees it; queries are the caller's to take out first. */
void stream_done(struct stream *s);

/* Takes a query of msg (copied, padded where it has an OPT at its end as RFC
 * 8467 has it). 0, -EINVAL: no query of one question, -EMSGSIZE, -ENOBUFS: too
 * many, -ENOMEM. */
int stream_add(struct stream *s, const uint8_t *msg, size_t len,
    mono_t deadline, void *asker);

/* Takes a query out and frees it: its asker. */
void *stream_take(struct stream *s, struct stream_query *q);

/* Any one of those that are left, NULL for none. */
struct stream_query *stream_any(struct stream *s);

/* The first whose deadline is over by then, NULL for none; and when that is for
 * the next of all, false without one. */
struct stream_query *stream_overdue(struct stream *s, mono_t now);
bool stream_next_due(const struct stream *s, mono_t *ret);

/* Writes frames of what waits, as many as fit whole: number of bytes. */
size_t stream_fill(struct stream *s, uint8_t *buf, size_t size, mono_t now);

/* Room for what is to be read, at least one byte; NULL when there is no
 * memory. stream_got() says how much there was. */
uint8_t *stream_room(struct stream *s, size_t *ret_size);
void stream_got(struct stream *s, size_t len);

/* The next whole message: valid until stream_room(). False: there is none yet.
 */
bool stream_next(struct stream *s, uint8_t **ret_msg, size_t *ret_len);

/* Whom a message answers, with its asker's id written into it; NULL: nobody,
 * counted. A message without a question, as servers send that can make nothing
 * of a query, is taken where it says that it is an error. */
struct stream_query *stream_match(struct stream *s, uint8_t *msg, size_t len);

/* Nothing but what nobody asked for comes from there. */
bool stream_is_junk(const struct stream *s);

/* The stream has ended. What was sent waits again, first, but for what was to
 * be answered next: the server may have hung up on that, and it comes last. A
 * query that has seen too many streams end in silence is moved to `failed`. */
void stream_restart(struct stream *s, struct list *failed);

#endif
