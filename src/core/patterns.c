#include "src/core/patterns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/glob.h"
#include "src/core/regex.h"

/* Bits that say whether any pattern is found by some bytes: few of them are set
 * for as many patterns as lists have. */
#define FILTER_BITS 15

struct member {
	uint32_t gram; /* as of pattern_gram(); 0: it is tried for all names */
	uint32_t entry;
	size_t len;	     /* pattern_end() */
	const char *glob;    /* either */
	struct regex *regex; /* or */
};

struct patterns {
	size_t n, n_always;
	bool has_pairs;
	uint64_t filter[(1U << FILTER_BITS) / 64];
	struct member v[]; /* by gram */
};

static inline uint32_t
filter_bit(uint32_t gram)
{
	return gram * UINT32_C(0x9e3779b1) >> (32 - FILTER_BITS);
}

static int
by_gram(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return x->gram < y->gram ? -1 : x->gram > y->gram;
}

/* What a file says of one. */
static bool
is_sound(const struct patterns_image *image, const struct patterns_entry *e)
{
	size_t at;

	if (e->kind >= PATTERN_N_KINDS || e->entry >= image->n_entries ||
	    e->len > PATTERN_MAX || e->off > image->n_text ||
	    e->len >= image->n_text - e->off ||
	    image->text[e->off + e->len] != '\0' ||
	    memchr(image->text + e->off, '\0', e->len) != NULL)
		return false;
	return e->kind != PATTERN_GLOB ||
	       (glob_check(image->text + e->off, &at) == 0 &&
		   glob_check_size(image->text + e->off) == 0);
}

static int
member_make(struct member *m, const struct patterns_entry *e, const char *text)
{
	struct pattern pattern = { (enum pattern_kind)e->kind, text, e->len,
		0 };

	m->entry = e->entry;
	m->gram = pattern_gram(&pattern);
	m->len = pattern_end(&pattern);
	if (pattern.kind == PATTERN_GLOB)
		m->glob = text;
	else if (regex_new(&m->regex, text) < 0)
		return -EBADMSG; /* another version of the library may do so */
	return 0;
}

static void
make_filter(struct patterns *p)
{
	for (size_t i = 0; i < p->n; i++) {
		uint32_t gram = p->v[i].gram;
		uint32_t bit = filter_bit(gram);

		p->n_always += gram == 0;
		p->has_pairs |= gram != 0 && (gram & 0xff) == 0;
		p->filter[bit / 64] |= (uint64_t)1 << bit % 64;
	}
}

int
patterns_new(struct patterns **ret, const struct patterns_image *image)
{
	size_t n_regex = 0, cost = 0;
	struct patterns *p = NULL;
	int r = 0;

	*ret = NULL;
	if (image->n == 0)
		return 0;
	if (image->n > PATTERNS_MAX)
		return -EBADMSG;
	p = calloc(1, sizeof(*p) + image->n * sizeof(p->v[0]));
	if (p == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < image->n; i++) {
		const struct patterns_entry *e = &image->v[i];

		r = -EBADMSG;
		if (!is_sound(image, e))
			break;
		r = member_make(&p->v[p->n], e, image->text + e->off);
		if (r == 0 && p->v[p->n++].regex != NULL) {
			cost += regex_cost(p->v[p->n - 1].regex);
			if (++n_regex > PATTERNS_REGEX_MAX ||
			    cost > PATTERNS_COST_MAX)
				r = -EBADMSG;
		}
	}
	if (r < 0) {
		patterns_free(p);
		return r;
	}
	qsort(p->v, p->n, sizeof(p->v[0]), by_gram);
	make_filter(p);
	*ret = p;
	return 0;
}

void
patterns_free(struct patterns *p)
{
	for (size_t i = 0; p != NULL && i < p->n; i++)
		regex_free(p->v[i].regex);
	free(p);
}

size_t
patterns_n(const struct patterns *p)
{
	return p != NULL ? p->n : 0;
}

/* Finding ------------------------------------------------------------------ */

struct finding {
	const struct patterns *patterns;
	struct pattern_text text;
	patterns_found_fn *found;
	void *arg;
};

static void
try(const struct finding *f, const struct member *m)
{
	bool has = m->glob != NULL
		       ? pattern_glob_match(m->glob, f->text.s, f->text.len)
		       : f->text.len > 2 && regex_match(m->regex, f->text.s + 1,
						f->text.len - 2);

	if (has)
		f->found(f->arg, m->entry, m->len);
}

/* Those of a gram of n bytes whose last one is `last` of the text. */
static void
try_gram(const struct finding *f, uint32_t gram, size_t last, size_t n)
{
	const struct patterns *p = f->patterns;
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->v[mid].gram < gram)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == p->n || p->v[lo].gram != gram)
		return;
	/* once for each text */
	if (memmem(f->text.s, last, f->text.s + last + 1 - n, n) != NULL)
		return;
	for (; lo < p->n && p->v[lo].gram == gram; lo++)
		try(f, &p->v[lo]);
}

static inline bool
may_have(const struct patterns *p, uint32_t gram)
{
	uint32_t bit = filter_bit(gram);

	return (p->filter[bit / 64] >> bit % 64 & 1) != 0;
}

void
patterns_find(const struct patterns *p, const struct name *name,
    patterns_found_fn *found, void *arg)
{
	struct finding f = { .patterns = p, .found = found, .arg = arg };
	uint32_t gram = 0;

	if (p == NULL)
		return;
	pattern_text(&f.text, name);
	for (size_t i = 0; i < p->n_always; i++)
		try(&f, &p->v[i]);
	for (size_t i = 0; i < f.text.len; i++) {
		gram = (gram << 8 | (uint8_t)f.text.s[i]) & 0xffffff;
		if (i >= 2 && may_have(p, gram))
			try_gram(&f, gram, i, 3);
		if (i >= 1 && p->has_pairs && may_have(p, gram << 8 & 0xffffff))
			try_gram(&f, gram << 8 & 0xffffff, i, 2);
	}
}
