#include "src/core/list_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/grow.h"
#include "src/base/sip.h"
#include "src/core/patterns.h"

/* 29 bits are left beside the code. */
#define ADDR_RECORDS_MAX ((size_t)1 << 28)
#define META_MAX ((size_t)1 << 24)

struct list_build_pattern {
	struct name name; /* that stands for it */
	size_t off;
	uint16_t len;
	enum pattern_kind kind;
};

void
list_build_init(struct list_build *build, const uint64_t key[2])
{
	memset(build, 0, sizeof(*build));
	hostset_build_init(&build->names, key);
}

void
list_build_done(struct list_build *build)
{
	hostset_build_done(&build->names);
	addrset_build_done(&build->addrs);
	free(build->addr_records);
	free(build->patterns);
	free(build->pattern_text);
	memset(build, 0, sizeof(*build));
}

int
list_build_name(
    struct list_build *build, const struct name *name, unsigned int flags)
{
	build->codes |= 1U << (flags >> HOSTSET_CODE_SHIFT & HOSTSET_CODE);
	build->codes |=
	    1U << (flags >> HOSTSET_CODE_BELOW_SHIFT & HOSTSET_CODE);
	return hostset_build_add(&build->names, name, flags);
}

/* Type, TTL, RDATA. */
static void
pack_rr(uint8_t *to, const struct list_rr *rr)
{
	memcpy(to, &rr->type, sizeof(rr->type));
	memcpy(to + 2, &rr->ttl, sizeof(rr->ttl));
	if (rr->len > 0)
		memcpy(to + 6, rr->rdata, rr->len);
}

int
list_build_rr(struct list_build *build, const struct name *name, bool below,
    const struct list_rr *rr)
{
	struct hostset_record head = {
		.kind = below ? HOSTSET_RR_BELOW : HOSTSET_RR,
		.len = (uint16_t)(6 + rr->len),
	};
	uint8_t *bytes;
	int r;

	if (rr->len > UINT16_MAX - 6)
		return -E2BIG;
	bytes = malloc(head.len);
	if (bytes == NULL)
		return -ENOMEM;
	pack_rr(bytes, rr);
	r = list_build_name(build, name,
	    (unsigned int)HOSTSET_LOCAL
		<< (below ? HOSTSET_CODE_BELOW_SHIFT : HOSTSET_CODE_SHIFT));
	if (r == 0)
		r = hostset_build_record(&build->names, name, &head, bytes);
	free(bytes);
	return r;
}

int
list_build_unless(struct list_build *build, const struct name *name,
    unsigned int levels, const struct name *others, size_t n)
{
	struct hostset_record head = {
		.kind = HOSTSET_COND,
		.levels = (uint8_t)levels,
		.len = (uint16_t)(n * sizeof(struct hostset_key)),
	};
	struct hostset_key *keys;
	int r;

	if (n > UINT16_MAX / sizeof(*keys))
		return -E2BIG;
	keys = malloc(n * sizeof(*keys) + 1);
	if (keys == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		keys[i] = hostset_key(build->names.key, &others[i]);
	r = hostset_build_record(&build->names, name, &head, keys);
	free(keys);
	return r;
}

int
list_build_types(struct list_build *build, const struct name *name,
    unsigned int levels, const struct list_types *types)
{
	struct hostset_record head = {
		.kind = HOSTSET_TYPES,
		.levels = (uint8_t)levels,
		.len = (uint16_t)((1 + types->n) * sizeof(uint16_t)),
	};
	uint16_t values[1 + LIST_TYPES_MAX];

	if (types->n > LIST_TYPES_MAX)
		return -E2BIG;
	values[0] = types->except;
	memcpy(&values[1], types->v, types->n * sizeof(values[0]));
	return hostset_build_record(&build->names, name, &head, values);
}

int
list_build_addr(struct list_build *build, const struct addr_range *range,
    enum addrset_rank rank, enum hostset_code code)
{
	return addrset_build_add(&build->addrs, range, rank, code);
}

/* Puts bytes behind the records of addresses. */
static int
append(struct list_build *build, const void *bytes, size_t len)
{
	int r = 0;

	if (len > ADDR_RECORDS_MAX - build->n_addr_records)
		return -E2BIG;
	while (r == 0 && build->addr_records_room - build->n_addr_records < len)
		r = grow(&build->addr_records, &build->addr_records_room, 1);
	if (r < 0)
		return r;
	if (len > 0)
		memcpy(build->addr_records + build->n_addr_records, bytes, len);
	build->n_addr_records += len;
	return 0;
}

/* The length of no records yet. */
static int
begin_records(struct list_build *build, const struct addr_range *range)
{
	uint32_t total = 0;
	size_t off = build->n_addr_records;
	int r = append(build, &total, sizeof(total));

	if (r < 0)
		return r;
	build->last_range = *range;
	build->last_records = off;
	return addrset_build_add(&build->addrs, range, ADDRSET_CODED,
	    (uint32_t)off << ADDRSET_CODE_BITS | HOSTSET_LOCAL);
}

int
list_build_addr_rr(struct list_build *build, const struct addr_range *range,
    const struct list_rr *rr)
{
	struct hostset_record head = { HOSTSET_RR, 0, (uint16_t)(6 + rr->len) };
	uint8_t fixed[6];
	size_t size = sizeof(head) + head.len;
	uint32_t total;
	int r = 0;

	if (rr->len > UINT16_MAX - 6)
		return -E2BIG;
	if (build->n_addr_records == 0 ||
	    memcmp(range, &build->last_range, sizeof(*range)) != 0)
		r = begin_records(build, range);
	if (r == 0 && build->n_addr_records - build->last_records + size >
			  HOSTSET_RECORDS_OF_ONE)
		return 0;
	memcpy(fixed, &rr->type, 2);
	memcpy(fixed + 2, &rr->ttl, 4);
	if (r == 0)
		r = append(build, &head, sizeof(head));
	if (r == 0)
		r = append(build, fixed, sizeof(fixed));
	if (r == 0)
		r = append(build, rr->rdata, rr->len);
	if (r < 0)
		return r;
	total = (uint32_t)(build->n_addr_records - build->last_records -
			   sizeof(total));
	memcpy(
	    build->addr_records + build->last_records, &total, sizeof(total));
	return 0;
}

struct name
list_build_pattern_name(
    const struct list_build *build, const struct pattern *pattern)
{
	struct name ret = { .len = 20, .wire = { 16 } };
	uint64_t hash[2];
	struct sip sip;

	/* a label that nobody can know, and one that is in no list */
	sip_init(&sip, build->names.key);
	sip_word(&sip, pattern->kind);
	sip_bytes(&sip, pattern->text, pattern->len);
	sip_end128(&sip, hash);
	memcpy(ret.wire + 1, hash, sizeof(hash));
	ret.wire[17] = 1;
	ret.wire[18] = '\0';
	ret.wire[19] = 0;
	return ret;
}

/* Lists say the same again, and parts of a rule come one by one. */
static bool
has_pattern(const struct list_build *build, const struct name *name)
{
	for (size_t i = 0; i < build->n_patterns; i++)
		if (name_equal(&build->patterns[i].name, name))
			return true;
	return false;
}

int
list_build_pattern(struct list_build *build, const struct pattern *pattern)
{
	struct name name = list_build_pattern_name(build, pattern);
	bool regex = pattern->kind == PATTERN_REGEX;
	struct list_build_pattern *p;
	size_t len = (size_t)pattern->len + 1;
	int r = 0;

	if (has_pattern(build, &name))
		return 0;
	if (build->n_patterns == PATTERNS_MAX ||
	    (regex &&
		(build->n_regex == PATTERNS_REGEX_MAX ||
		    pattern->cost > PATTERNS_COST_MAX - build->regex_cost)))
		return -ENOSPC;
	if (build->n_patterns == build->patterns_room)
		r = grow(&build->patterns, &build->patterns_room,
		    sizeof(build->patterns[0]));
	while (r == 0 && build->pattern_text_room - build->n_pattern_text < len)
		r = grow(&build->pattern_text, &build->pattern_text_room, 1);
	if (r < 0)
		return r;
	p = &build->patterns[build->n_patterns++];
	p->name = name;
	p->off = build->n_pattern_text;
	p->len = pattern->len;
	p->kind = pattern->kind;
	memcpy(build->pattern_text + p->off, pattern->text, len);
	build->n_pattern_text += len;
	build->n_regex += regex;
	build->regex_cost += pattern->cost;
	return 0;
}

static int
by_entry(const void *a, const void *b)
{
	const struct patterns_entry *x = a, *y = b;

	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Each once; how many there are. Equal ones are one entry. */
static size_t
lay_patterns(const struct list_build *build, struct patterns_entry *v)
{
	size_t n = build->n_patterns, kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct list_build_pattern *p = &build->patterns[i];

		v[i] = (struct patterns_entry){
			.entry = (uint32_t)hostset_build_find(
			    &build->names, &p->name),
			.off = (uint32_t)p->off,
			.len = p->len,
			.kind = (uint16_t)p->kind,
		};
	}
	if (n > 0)
		qsort(v, n, sizeof(v[0]), by_entry);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || v[i].entry != v[i - 1].entry)
			v[kept++] = v[i];
	return kept;
}

static void
lay_part(uint8_t *bytes, size_t at, const void *from, size_t len)
{
	if (len > 0)
		memcpy(bytes + at, from, len);
}

/* What is laid out beside the builder's own parts. */
struct extra {
	const struct patterns_entry *patterns;
	const void *meta;
};

static int
lay_out(const struct list_build *build, const struct list_header *h,
    const struct extra *extra, struct list_bytes *ret)
{
	struct list_layout at = list_layout(h);
	uint8_t *bytes = calloc(1, at.size);
	struct list_header head = *h;

	if (bytes == NULL)
		return -ENOMEM;
	lay_part(bytes, at.words, build->names.words,
	    h->n_words * sizeof(build->names.words[0]));
	lay_part(
	    bytes, at.v6, build->addrs.v6, h->n6 * sizeof(build->addrs.v6[0]));
	lay_part(
	    bytes, at.v4, build->addrs.v4, h->n4 * sizeof(build->addrs.v4[0]));
	lay_part(bytes, at.more, build->names.more,
	    ((size_t)h->n_more + 1) * sizeof(build->names.more[0]));
	lay_part(bytes, at.records, build->names.records, h->n_records);
	lay_part(
	    bytes, at.addr_records, build->addr_records, h->n_addr_records);
	lay_part(bytes, at.patterns, extra->patterns,
	    h->n_patterns * sizeof(extra->patterns[0]));
	lay_part(
	    bytes, at.pattern_text, build->pattern_text, h->n_pattern_text);
	lay_part(bytes, at.meta, extra->meta, h->n_meta);
	head.size = at.size;
	memcpy(bytes, &head, sizeof(head));
	head.sum = list_image_sum(bytes, at.size);
	memcpy(bytes, &head, sizeof(head));
	*ret = (struct list_bytes){ bytes, at.size };
	return 0;
}

int
list_build_finish(struct list_build *build,
    const struct list_identity *identity, const void *meta, size_t n_meta,
    struct list_bytes *ret)
{
	struct hostset_build *names = &build->names;
	struct list_header header = {
		.magic = LIST_IMAGE_MAGIC,
		.version = LIST_IMAGE_VERSION,
		.order = LIST_IMAGE_ORDER,
		.identity = *identity,
		.key = { names->key[0], names->key[1] },
		.exact_depths = names->exact_depths,
		.below_depths = names->below_depths,
		.codes = build->codes,
		.n_meta = (uint32_t)n_meta,
		.n_addr_records = (uint32_t)build->n_addr_records,
		.n_pattern_text = (uint32_t)build->n_pattern_text,
	};
	struct patterns_entry *patterns;
	int r;

	if (n_meta > META_MAX)
		return -E2BIG;
	r = hostset_build_finish(names);
	if (r == 0)
		r = addrset_build_finish(&build->addrs);
	if (r < 0)
		return r;
	header.n_names = (uint32_t)names->n_names;
	header.n_buckets = names->n_buckets;
	header.n_words = (uint32_t)names->n_words;
	header.n_more = (uint32_t)names->n_more;
	header.n_records = (uint32_t)names->n_records;
	header.n4 = (uint32_t)build->addrs.n4;
	header.n6 = (uint32_t)build->addrs.n6;
	patterns = malloc((build->n_patterns + 1) * sizeof(patterns[0]));
	if (patterns == NULL)
		return -ENOMEM;
	header.n_patterns = (uint32_t)lay_patterns(build, patterns);
	r = lay_out(build, &header, &(struct extra){ patterns, meta }, ret);
	free(patterns);
	return r;
}
