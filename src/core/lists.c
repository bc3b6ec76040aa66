#include "src/core/lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/addrset.h"
#include "src/core/hostset.h"
#include "src/core/list_image.h"
#include "src/core/patterns.h"

struct list_index {
	unsigned int refs; /* atomic, as is hits */
	uint64_t hits;
	struct hostset names;
	struct addrset addrs;
	struct patterns *patterns; /* NULL for none */
	const uint8_t *addr_records;
	const struct list_header *header;
	const uint8_t *meta;
	void *bytes;
	size_t size;
	void (*release)(void *bytes, size_t size);
};

struct list_table {
	unsigned int refs; /* atomic */
	size_t n;
	struct {
		char *name;
		const struct list_index *index;
	} lists[];
};

/* The image -----------------------------------------------------------------
 */

static size_t
part(size_t *at, size_t n, size_t size)
{
	size_t start = *at;

	*at = (start + n * size + 7) & ~(size_t)7;
	return start;
}

struct list_layout
list_layout(const struct list_header *h)
{
	struct list_layout at;
	size_t size = sizeof(*h);

	at.words = part(&size, h->n_words, sizeof(uint64_t));
	at.v6 = part(&size, h->n6, sizeof(struct addrset6));
	at.v4 = part(&size, h->n4, sizeof(struct addrset4));
	at.more =
	    part(&size, (size_t)h->n_more + 1, sizeof(struct hostset_more));
	at.records = part(&size, h->n_records, 1);
	at.addr_records = part(&size, h->n_addr_records, 1);
	at.patterns = part(&size, h->n_patterns, sizeof(struct patterns_entry));
	at.pattern_text = part(&size, h->n_pattern_text, 1);
	at.meta = part(&size, h->n_meta, 1);
	at.size = size;
	return at;
}

/* Against damage, not against forgery: four lanes, so that ten megabytes take
 * a millisecond. */
static uint64_t
sum_of(const void *bytes, size_t size)
{
	const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
	const uint8_t *p = bytes;
	uint64_t lanes[4] = { 1, 2, 3, 4 }, word, sum = size;

	for (; size >= 32; p += 32, size -= 32)
		for (int i = 0; i < 4; i++) {
			memcpy(&word, p + 8 * i, 8);
			lanes[i] = ((lanes[i] ^ word) * prime);
			lanes[i] ^= lanes[i] >> 29;
		}
	for (; size > 0; p++, size--)
		lanes[0] = (lanes[0] ^ *p) * prime;
	for (int i = 0; i < 4; i++)
		sum = (sum ^ lanes[i] ^ lanes[i] >> 32) * prime;
	return sum ^ sum >> 32;
}

uint64_t
list_image_sum(const void *bytes, size_t size)
{
	struct list_header header;
	const uint8_t *rest = (const uint8_t *)bytes + sizeof(header);

	memcpy(&header, bytes, sizeof(header));
	header.sum = 0;
	return sum_of(&header, sizeof(header)) ^
	       sum_of(rest, size - sizeof(header)) << 1;
}

static void
borrow_parts(struct list_index *l)
{
	const struct list_header *h = l->header;
	struct list_layout at = list_layout(h);
	const uint8_t *p = l->bytes;

	l->names = (struct hostset){
		.key = { h->key[0], h->key[1] },
		.exact_depths = h->exact_depths,
		.below_depths = h->below_depths,
		.n = h->n_names,
		.n_buckets = h->n_buckets,
		.n_words = h->n_words,
		.words = (const void *)(p + at.words),
		.more = (const void *)(p + at.more),
		.n_more = h->n_more,
		.records = p + at.records,
	};
	l->addrs = (struct addrset){
		.v4 = (const void *)(p + at.v4),
		.v6 = (const void *)(p + at.v6),
		.n4 = h->n4,
		.n6 = h->n6,
	};
	l->addr_records = p + at.addr_records;
	l->meta = p + at.meta;
}

static int
borrow_patterns(struct list_index *l)
{
	const struct list_header *h = l->header;
	struct list_layout at = list_layout(h);
	const uint8_t *p = l->bytes;
	struct patterns_image image = {
		.v = (const void *)(p + at.patterns),
		.n = h->n_patterns,
		.text = (const char *)p + at.pattern_text,
		.n_text = h->n_pattern_text,
		.n_entries = h->n_words,
	};

	return h->n_patterns <= h->n_names ? patterns_new(&l->patterns, &image)
					   : -EBADMSG;
}

static int
check_head(const struct list_header *h, size_t size,
    const struct list_identity *identity)
{
	if (memcmp(h->magic, LIST_IMAGE_MAGIC, sizeof(h->magic)) != 0 ||
	    h->version != LIST_IMAGE_VERSION || h->order != LIST_IMAGE_ORDER ||
	    h->size != size)
		return -EBADMSG;
	if (list_layout(h).size != size)
		return -EBADMSG;
	if (identity != NULL &&
	    memcmp(&h->identity, identity, sizeof(*identity)) != 0)
		return -ESTALE;
	return h->sum == list_image_sum(h, size) ? 0 : -EBADMSG;
}

int
list_index_new(const struct list_index **ret, void *bytes_take, size_t size,
    void (*release)(void *bytes, size_t size),
    const struct list_identity *identity)
{
	struct list_index *l = calloc(1, sizeof(*l));
	int r = -ENOMEM;

	if (l == NULL)
		goto fail;
	r = -EBADMSG;
	if (size < sizeof(struct list_header))
		goto fail;
	l->refs = 1;
	l->bytes = bytes_take;
	l->size = size;
	l->release = release;
	l->header = bytes_take;
	r = check_head(l->header, size, identity);
	if (r < 0)
		goto fail;
	borrow_parts(l);
	r = -EBADMSG;
	if (!hostset_is_sound(&l->names, l->header->n_records) ||
	    !addrset_is_sound(
		&l->addrs, l->addr_records, l->header->n_addr_records))
		goto fail;
	r = borrow_patterns(l);
	if (r < 0)
		goto fail;
	*ret = l;
	return 0;
fail:
	free(l);
	release(bytes_take, size);
	return r;
}

const struct list_index *
list_index_ref(const struct list_index *l)
{
	/* the counts are the one thing of a list that changes */
	if (l != NULL)
		(void)__atomic_add_fetch(
		    &((struct list_index *)l)->refs, 1, __ATOMIC_RELAXED);
	return l;
}

void
list_index_unref(const struct list_index *list)
{
	struct list_index *l = (struct list_index *)list; /* as above */

	if (l == NULL || __atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	patterns_free(l->patterns);
	l->release(l->bytes, l->size);
	free(l);
}

const uint8_t *
list_index_meta(const struct list_index *l, size_t *ret_len)
{
	*ret_len = l->header->n_meta;
	return l->meta;
}

const struct list_identity *
list_index_identity(const struct list_index *l)
{
	return &l->header->identity;
}

const void *
list_index_bytes(const struct list_index *l, size_t *ret_size)
{
	*ret_size = l->size;
	return l->bytes;
}

void
list_index_hit(const struct list_index *l)
{
	if (l != NULL) /* casts const away: see list_index_ref() */
		(void)__atomic_add_fetch(
		    &((struct list_index *)l)->hits, 1, __ATOMIC_RELAXED);
}

uint64_t
list_index_hits(const struct list_index *l)
{
	return l != NULL ? __atomic_load_n(&l->hits, __ATOMIC_RELAXED) : 0;
}

void
list_index_carry(const struct list_index *l, const struct list_index *before)
{
	if (l != before)
		(void)__atomic_add_fetch(&((struct list_index *)l)->hits,
		    list_index_hits(before), __ATOMIC_RELAXED);
}

size_t
list_n_names(const struct list_index *l)
{
	/* patterns have an entry each */
	return l != NULL ? l->names.n - patterns_n(l->patterns) : 0;
}

size_t
list_n_patterns(const struct list_index *l)
{
	return l != NULL ? patterns_n(l->patterns) : 0;
}

size_t
list_n_addrs(const struct list_index *l)
{
	return l != NULL ? (size_t)l->addrs.n4 + l->addrs.n6 : 0;
}

/* Questions -----------------------------------------------------------------
 */

/* What is sought by patterns. */
struct seeking {
	const struct list_index *l;
	const struct name *name;
	uint16_t qtype;
	struct hostset_match *match;
};

static void
take_pattern(void *arg, uint32_t entry)
{
	const struct seeking *s = arg;

	hostset_take(&s->l->names, s->name, s->qtype, entry, s->match);
}

/* All that the list says of a name: the code of a name goes before that of a
 * pattern. */
static void
find(const struct list_index *l, const struct name *name, uint16_t qtype,
    struct hostset_match *ret)
{
	struct seeking seeking = { l, name, qtype, ret };

	hostset_find(&l->names, name, qtype, ret);
	if (l->patterns != NULL)
		patterns_find(l->patterns, name, take_pattern, &seeking);
}

static enum list_action
code_action(enum hostset_code code)
{
	switch (code) {
	case HOSTSET_NO_CODE:
		return LIST_BLOCK;
	case HOSTSET_NXDOMAIN:
		return LIST_NXDOMAIN;
	case HOSTSET_NODATA:
		return LIST_NODATA;
	case HOSTSET_DROP:
		return LIST_DROP;
	case HOSTSET_REFUSED:
		return LIST_REFUSED;
	case HOSTSET_LOCAL:
		return LIST_LOCAL;
	case HOSTSET_PASSTHRU:
	case HOSTSET_TCP_ONLY:
		return LIST_NONE;
	}
	return LIST_NONE; /* a damaged file may hold a number of no code */
}

static enum list_action
match_action(const struct hostset_match *m)
{
	/* 1. to 3. AdBlock's order: important exceptions, what is important,
	 * exceptions */
	if ((m->levels & HOSTSET_ALLOW_FIRST) != 0)
		return LIST_NONE;
	if ((m->levels & HOSTSET_BLOCK_FIRST) != 0)
		return LIST_BLOCK;
	if ((m->levels & HOSTSET_ALLOW) != 0)
		return LIST_NONE;
	/* 4. what an RPZ says, also that it says nothing (passthru) */
	if (m->code != HOSTSET_NO_CODE)
		return code_action(m->code);
	/* 5. all else */
	return (m->levels & HOSTSET_BLOCK) != 0 ? LIST_BLOCK : LIST_NONE;
}

/* A name that is to be looked up as what it is: "||example.com^" that leads to
 * safe.example.com means all but that one. */
static bool
leads_to_itself(const struct list_answer *said, const struct name *name)
{
	struct list_answer records = *said;
	struct list_rr first;
	struct name target;

	return list_answer_next(&records, &first) &&
	       list_rr_target(&target, &first, name) == 0 &&
	       name_equal(&target, name);
}

void
list_answer(struct list_answer *ret, const struct list_index *l,
    const struct name *name, uint16_t qtype)
{
	struct hostset_match match;

	memset(ret, 0, sizeof(*ret));
	if (l == NULL || l->names.n == 0)
		return;
	find(l, name, qtype, &match);
	ret->action = match_action(&match);
	if (ret->action != LIST_LOCAL)
		return;
	ret->at = match.records;
	ret->end = match.records_end;
	ret->below = match.below;
	if (!leads_to_itself(ret, name))
		return;
	memset(ret, 0, sizeof(*ret)); /* the other lines are left */
	if ((match.levels & HOSTSET_BLOCK) != 0)
		ret->action = LIST_BLOCK;
}

static enum list_action
name_action(const struct list_index *l, const struct name *name, uint16_t qtype)
{
	struct list_answer said;

	list_answer(&said, l, name, qtype);
	return said.action;
}

bool
list_has_name(
    const struct list_index *l, const struct name *name, uint16_t qtype)
{
	return name_action(l, name, qtype) != LIST_NONE;
}

bool
list_has_host(const struct list_index *l, const struct name *name)
{
	enum list_action action = name_action(l, name, 0);

	return action != LIST_NONE && action != LIST_LOCAL;
}

bool
list_has_addr(const struct list_index *l, const struct addr *addr)
{
	uint32_t what;

	return l != NULL && addrset_find(&l->addrs, addr, &what) &&
	       code_action((enum hostset_code)(what & HOSTSET_CODE)) !=
		   LIST_NONE;
}

bool
list_may_answer(const struct list_index *l)
{
	static const uint32_t more =
	    1U << HOSTSET_NXDOMAIN | 1U << HOSTSET_NODATA | 1U << HOSTSET_DROP |
	    1U << HOSTSET_REFUSED | 1U << HOSTSET_LOCAL;

	/* what is said of addresses is not noted by itself */
	return l != NULL &&
	       ((l->header->codes & more) != 0 || list_n_addrs(l) > 0);
}

void
list_answer_addr(struct list_answer *ret, const struct list_index *l,
    const struct addr *addr)
{
	uint32_t what, len;

	memset(ret, 0, sizeof(*ret));
	if (l == NULL || !addrset_find(&l->addrs, addr, &what))
		return;
	ret->action = code_action((enum hostset_code)(what & HOSTSET_CODE));
	if (ret->action != LIST_LOCAL)
		return;
	/* checked by addrset_is_sound() */
	ret->at = l->addr_records + (what >> ADDRSET_CODE_BITS);
	memcpy(&len, ret->at, sizeof(len));
	ret->at += sizeof(len);
	ret->end = ret->at + len;
}

bool
list_answer_next(struct list_answer *answer, struct list_rr *ret)
{
	uint8_t wanted = answer->below ? HOSTSET_RR_BELOW : HOSTSET_RR;
	struct hostset_record record;

	while (answer->at != answer->end) {
		const uint8_t *p = answer->at + sizeof(record);

		memcpy(&record, answer->at, sizeof(record));
		answer->at = p + record.len;
		if (record.kind != wanted)
			continue;
		memcpy(&ret->type, p, sizeof(ret->type));
		memcpy(&ret->ttl, p + 2, sizeof(ret->ttl));
		ret->len = (uint16_t)(record.len - 6);
		ret->rdata = p + 6;
		return true;
	}
	return false;
}

int
list_rr_target(
    struct name *ret, const struct list_rr *rr, const struct name *qname)
{
	static const uint8_t star[] = { 1, '*' };
	struct name target, whole;
	size_t rest;

	if (rr->type != 5 || name_from_wire(&target, rr->rdata, rr->len) < 0)
		return -EINVAL;
	if (memcmp(target.wire, star, sizeof(star)) != 0) {
		*ret = target;
		return 0;
	}
	rest = (size_t)target.len - sizeof(star);
	if ((size_t)qname->len - 1 + rest > NAME_WIRE_MAX)
		return -ENAMETOOLONG;
	memcpy(whole.wire, qname->wire, (size_t)qname->len - 1);
	memcpy(whole.wire + qname->len - 1, target.wire + sizeof(star), rest);
	whole.len = (uint8_t)((size_t)qname->len - 1 + rest);
	*ret = whole;
	return 0;
}

/* Tables --------------------------------------------------------------------
 */

struct list_table *
list_table_new(size_t n)
{
	struct list_table *t = calloc(1, sizeof(*t) + n * sizeof(t->lists[0]));

	if (t == NULL)
		return NULL;
	t->refs = 1;
	t->n = n;
	return t;
}

int
list_table_set(struct list_table *t, size_t i, const char *name,
    const struct list_index *index_take)
{
	list_index_unref(t->lists[i].index);
	t->lists[i].index = index_take;
	free(t->lists[i].name);
	t->lists[i].name = strdup(name);
	return t->lists[i].name != NULL ? 0 : -ENOMEM;
}

const struct list_table *
list_table_ref(const struct list_table *t)
{
	if (t != NULL) /* casts const away: see list_index_ref() */
		(void)__atomic_add_fetch(
		    &((struct list_table *)t)->refs, 1, __ATOMIC_RELAXED);
	return t;
}

void
list_table_unref(const struct list_table *table)
{
	struct list_table *t = (struct list_table *)table; /* as above */

	if (t == NULL || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(t->lists[i].name);
		list_index_unref(t->lists[i].index);
	}
	free(t);
}

size_t
list_table_n(const struct list_table *t)
{
	return t != NULL ? t->n : 0;
}

int
list_table_find(const struct list_table *t, const char *name)
{
	for (size_t i = 0; i < list_table_n(t); i++)
		if (t->lists[i].name != NULL &&
		    strcmp(t->lists[i].name, name) == 0)
			return (int)i;
	return -1;
}

const struct list_index *
list_table_get(const struct list_table *t, size_t i)
{
	return i < list_table_n(t) ? t->lists[i].index : NULL;
}

const char *
list_table_name(const struct list_table *t, size_t i)
{
	return i < list_table_n(t) ? t->lists[i].name : NULL;
}

bool
list_table_wants_tcp(const struct list_table *t, const struct name *name)
{
	struct hostset_match match;

	for (size_t i = 0; i < list_table_n(t); i++) {
		const struct list_index *l = t->lists[i].index;

		if (l == NULL ||
		    (l->header->codes & 1U << HOSTSET_TCP_ONLY) == 0)
			continue;
		find(l, name, 0, &match);
		if (match.code == HOSTSET_TCP_ONLY && match.levels == 0)
			return true;
	}
	return false;
}
