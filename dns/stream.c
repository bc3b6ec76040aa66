#include "dns/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"

/* An id is a slot and, above, a number that goes on with each use, so that a
 * late answer does not meet the next query in the same slot. */
#define SLOT_BITS 11
#define SLOT_MASK ((1U << SLOT_BITS) - 1)
_Static_assert(STREAM_QUERIES_MAX == 1 << SLOT_BITS, "a slot each");

/* A TLS record; most answers are smaller than that, and it grows. */
#define IN_SIZE_FIRST ((size_t)4096)
#define IN_SIZE_MAX (WIRE_MESSAGE_MAX + 2)

/* That many messages in a row without sense are no accident. */
#define JUNK_MAX 256

/* RFC 8467 section 4.1 */
#define PADDING_BLOCK 128
#define PADDING_OPTION 12
#define PADDING_HEADER 4

enum {
	QDCOUNT = 4,
	ANCOUNT = 6,
	NSCOUNT = 8,
	ARCOUNT = 10
};

void
stream_init(struct stream *s)
{
	memset(s, 0, sizeof(*s));
	list_init(&s->waiting);
	list_init(&s->flying);
}

void
stream_done(struct stream *s)
{
	due_done(&s->due);
	free(s->slots);
	free(s->free_slots);
	free(s->in);
}

/* The end of the one question, 0 where there is none. */
static size_t
question_end(const uint8_t *msg, size_t len)
{
	size_t off = WIRE_HEADER;
	struct name name;

	if (len < WIRE_HEADER || wire_u16(msg + QDCOUNT) != 1 ||
	    wire_name_read(&name, msg, len, &off, false) < 0 || off + 4 > len ||
	    name.len != off - WIRE_HEADER)
		return 0;
	return off + 4;
}

/* An OPT without options that ends the message, and nothing else. */
static bool
ends_in_opt(const uint8_t *msg, size_t len, size_t question)
{
	return wire_u32(msg + ANCOUNT) == 0 && wire_u16(msg + ARCOUNT) == 1 &&
	       len - question == WIRE_OPT_SIZE && msg[question] == 0 &&
	       wire_u16(msg + question + 1) == TYPE_OPT &&
	       wire_u16(msg + len - 2) == 0;
}

/* Pads to whole blocks: all names of about one length look the same. Returns
 * the length. */
static size_t
pad(uint8_t *msg, size_t len)
{
	size_t end = len + PADDING_HEADER, zeros;

	zeros = (PADDING_BLOCK - end % PADDING_BLOCK) % PADDING_BLOCK;
	wire_put16(msg + len - 2, (unsigned int)(PADDING_HEADER + zeros));
	wire_put16(msg + len, PADDING_OPTION);
	wire_put16(msg + len + 2, (unsigned int)zeros);
	memset(msg + end, 0, zeros);
	return end + zeros;
}

int
stream_add(struct stream *s, const uint8_t *msg, size_t len, mono_t deadline,
    void *asker)
{
	size_t end = question_end(msg, len);
	struct stream_query *q;

	if (end == 0 || (wire_u16(msg + 2) & WIRE_QR) != 0)
		return -EINVAL;
	if (len > STREAM_QUERY_MAX)
		return -EMSGSIZE;
	if (s->n >= STREAM_QUERIES_MAX)
		return -ENOBUFS;
	q = malloc(sizeof(*q) + len + PADDING_HEADER + PADDING_BLOCK);
	if (q == NULL)
		return -ENOMEM;
	memset(q, 0, sizeof(*q));
	if (!due_set(&s->due, &q->due, deadline)) {
		free(q);
		return -ENOMEM;
	}
	memcpy(q->wire, msg, len);
	q->asker = asker;
	q->asked_id = wire_u16(msg);
	q->question_end = (uint16_t)end;
	if (!s->bare && ends_in_opt(msg, len, end))
		len = pad(q->wire, len);
	q->len = (uint16_t)len;
	list_append(&s->waiting, &q->node);
	s->n++;
	return 0;
}

/* Slots ---------------------------------------------------------------------
 */

/* False when there is no memory. */
static bool
more_slots(struct stream *s)
{
	size_t n = s->n_slots == 0 ? 32 : 2 * s->n_slots;
	struct stream_query **slots;
	uint16_t *free_slots;

	if (n > STREAM_QUERIES_MAX)
		return false;
	slots = reallocarray(s->slots, n, sizeof(*slots));
	if (slots == NULL)
		return false;
	s->slots = slots;
	free_slots = reallocarray(s->free_slots, n, sizeof(*free_slots));
	if (free_slots == NULL)
		return false;
	s->free_slots = free_slots;
	for (size_t i = s->n_slots; i < n; i++) {
		slots[i] = NULL;
		free_slots[s->n_free++] = (uint16_t)i;
	}
	s->n_slots = n;
	return true;
}

/* Gives it an id; false when there is no memory. */
static bool
launch(struct stream *s, struct stream_query *q, mono_t now)
{
	unsigned int slot;

	if (s->n_free == 0 && !more_slots(s))
		return false;
	slot = s->free_slots[--s->n_free];
	q->id = (uint16_t)((unsigned int)s->turn++ << SLOT_BITS | slot);
	s->slots[slot] = q;
	q->flying = true;
	q->sent = now;
	q->tries++;
	list_remove(&q->node);
	list_append(&s->flying, &q->node);
	return true;
}

static void
land(struct stream *s, struct stream_query *q)
{
	unsigned int slot = q->id & SLOT_MASK;

	if (!q->flying)
		return;
	q->flying = false;
	s->slots[slot] = NULL;
	s->free_slots[s->n_free++] = (uint16_t)slot;
}

static struct stream_query *
find(const struct stream *s, uint16_t id)
{
	size_t slot = id & SLOT_MASK;
	struct stream_query *q = slot < s->n_slots ? s->slots[slot] : NULL;

	return q != NULL && q->id == id ? q : NULL;
}

void *
stream_take(struct stream *s, struct stream_query *q)
{
	void *asker = q->asker;

	land(s, q);
	list_remove(&q->node);
	due_cancel(&s->due, &q->due);
	free(q);
	s->n--;
	return asker;
}

struct stream_query *
stream_any(struct stream *s)
{
	struct list *list = !list_empty(&s->flying) ? &s->flying : &s->waiting;

	return list_empty(list)
		   ? NULL
		   : container_of(list->next, struct stream_query, node);
}

struct stream_query *
stream_overdue(struct stream *s, mono_t now)
{
	struct due_node *first = due_first(&s->due);

	if (first == NULL || mono_before(now, first->when))
		return NULL;
	return container_of(first, struct stream_query, due);
}

bool
stream_next_due(const struct stream *s, mono_t *ret)
{
	const struct due_node *first = due_first(&s->due);

	if (first != NULL)
		*ret = first->when;
	return first != NULL;
}

/* To the server --------------------------------------------------------------
 */

size_t
stream_fill(struct stream *s, uint8_t *buf, size_t size, mono_t now)
{
	struct stream_query *q;
	size_t at = 0;

	while (!list_empty(&s->waiting)) {
		q = container_of(s->waiting.next, struct stream_query, node);
		if ((size_t)q->len + 2 > size - at || !launch(s, q, now))
			break;
		wire_put16(buf + at, q->len);
		memcpy(buf + at + 2, q->wire, q->len);
		wire_put16(buf + at + 2, q->id);
		at += (size_t)q->len + 2;
	}
	return at;
}

/* From it ------------------------------------------------------------------ */

/* Bytes of the message at the front with its length; 0: not known yet. */
static size_t
frame(const struct stream *s)
{
	if (s->in_to - s->in_from < 2)
		return 0;
	return (size_t)wire_u16(s->in + s->in_from) + 2;
}

uint8_t *
stream_room(struct stream *s, size_t *ret_size)
{
	size_t want = frame(s), size = s->in_size;
	uint8_t *in;

	if (s->in_from > 0) { /* a part of one message at most is moved */
		memmove(s->in, s->in + s->in_from, s->in_to - s->in_from);
		s->in_to -= s->in_from;
		s->in_from = 0;
	}
	if (size < want || size == 0 || size == s->in_to) {
		size = size == 0 ? IN_SIZE_FIRST : 2 * size;
		size = size < want ? want : size;
		size = size < IN_SIZE_MAX ? size : IN_SIZE_MAX;
		in = realloc(s->in, size);
		if (in == NULL)
			return NULL;
		s->in = in;
		s->in_size = size;
	}
	*ret_size = s->in_size - s->in_to;
	return s->in + s->in_to;
}

void
stream_got(struct stream *s, size_t len)
{
	s->in_to += len;
}

bool
stream_next(struct stream *s, uint8_t **ret_msg, size_t *ret_len)
{
	size_t n = frame(s);

	if (n == 0 || n > s->in_to - s->in_from)
		return false;
	*ret_msg = s->in + s->in_from + 2;
	*ret_len = n - 2;
	s->in_from += n;
	return true;
}

/* The letters' case is no matter here: nobody but the server can answer. */
static bool
is_its_question(const struct stream_query *q, const uint8_t *msg, size_t len)
{
	size_t name_end = (size_t)q->question_end - 4;

	if (wire_u16(msg + QDCOUNT) == 0)
		return (wire_u16(msg + 2) & WIRE_RCODE) != RCODE_NOERROR;
	if (wire_u16(msg + QDCOUNT) != 1 || len < q->question_end)
		return false;
	/* lengths of labels are below every letter */
	for (size_t i = WIRE_HEADER; i < name_end; i++)
		if (wire_lower(msg[i]) != wire_lower(q->wire[i]))
			return false;
	return memcmp(msg + name_end, q->wire + name_end, 4) == 0;
}

struct stream_query *
stream_match(struct stream *s, uint8_t *msg, size_t len)
{
	struct stream_query *q =
	    len >= WIRE_HEADER ? find(s, wire_u16(msg)) : NULL;

	if (q == NULL || (wire_u16(msg + 2) & WIRE_QR) == 0 ||
	    (wire_u16(msg + 2) & WIRE_OPCODE) != 0 ||
	    !is_its_question(q, msg, len)) {
		s->stats.unasked++;
		s->junk++;
		return NULL;
	}
	s->stats.answers++;
	s->answered++;
	s->junk = 0;
	wire_put16(msg, q->asked_id);
	return q;
}

bool
stream_is_junk(const struct stream *s)
{
	return s->junk > JUNK_MAX;
}

void
stream_restart(struct stream *s, struct list *failed)
{
	struct stream_query *q, *first = NULL;

	/* the last first, since each is put in front */
	while (!list_empty(&s->flying)) {
		q = container_of(s->flying.prev, struct stream_query, node);
		land(s, q);
		list_remove(&q->node);
		if (s->answered > 0) /* it is worth while to go on */
			q->tries = 0;
		if (q->tries >= STREAM_TRIES_MAX) {
			list_prepend(failed, &q->node);
			continue;
		}
		s->stats.repeated++;
		list_prepend(&s->waiting, &q->node);
		first = q;
	}
	if (first != NULL) {
		list_remove(&first->node);
		list_append(&s->waiting, &first->node);
	}
	s->answered = 0;
	s->junk = 0;
	s->in_from = 0;
	s->in_to = 0;
	free(s->in);
	s->in = NULL;
	s->in_size = 0;
}
