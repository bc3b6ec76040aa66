#include "src/core/regex.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/regex_class.h"

/* Places of an expression, and words of a set of them. */
#define PLACES_MAX 256U
#define WORD_BITS 64U
#define WORDS_MAX (PLACES_MAX / WORD_BITS)

/* Groups within each other, and parts that are read, empty ones too (those of a
 * repeated group once for each time). */
#define DEPTH_MAX 30U
#define PARTS_MAX 2000U
#define TIMES_MAX 1000U

/* Texts are matched between these two. */
#define BEGIN 256U
#define END 257U
#define SYMBOLS 258U

struct regex {
	unsigned int n, words;
	bool always;		/* it has the empty text */
	uint16_t same[SYMBOLS]; /* symbols that are told apart: their masks */
	/* sets: the first and last places, those behind each one, and of each
	 * kind of symbol those that stand for it */
	const uint64_t *first, *last, *follow, *masks;
	uint64_t sets[];
};

/* Reading ------------------------------------------------------------------ */

struct set {
	uint64_t v[WORDS_MAX];
};

/* A part of the expression: where it may begin and end. */
struct part {
	bool empty; /* it may be left out */
	struct set first, last;
};

struct reading {
	const char *p;
	int error;
	unsigned int n, depth, parts;
	struct set follow[PLACES_MAX];
	struct regex_class classes[PLACES_MAX];
	bool begins[PLACES_MAX], ends[PLACES_MAX]; /* '^' and '$' */
};

static void alternatives(struct reading *r, struct part *ret);

static void
fail(struct reading *r, int error)
{
	if (r->error == 0)
		r->error = error;
}

static void
set_add(struct set *to, const struct set *from)
{
	for (size_t i = 0; i < WORDS_MAX; i++)
		to->v[i] |= from->v[i];
}

static bool
set_has(const struct set *set, unsigned int i)
{
	return (set->v[i / WORD_BITS] >> i % WORD_BITS & 1) != 0;
}

/* All that ends there goes on with what begins here. */
static void
link_places(struct reading *r, const struct set *last, const struct set *first)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (set_has(last, i))
			set_add(&r->follow[i], first);
}

static void
append(struct reading *r, struct part *to, const struct part *part)
{
	link_places(r, &to->last, &part->first);
	if (to->empty)
		set_add(&to->first, &part->first);
	if (!part->empty)
		to->last = part->last;
	else
		set_add(&to->last, &part->last);
	to->empty = to->empty && part->empty;
}

/* A place of its own; its number, or one that does no harm. *ret is zeroed. */
static unsigned int
place(struct reading *r, struct part *ret)
{
	unsigned int i = r->n;

	if (i == PLACES_MAX) {
		fail(r, -E2BIG);
		return 0;
	}
	r->n++;
	ret->first.v[i / WORD_BITS] = UINT64_C(1) << i % WORD_BITS;
	ret->last = ret->first;
	return i;
}

/* From behind a '(' on. */
static void
group(struct reading *r, struct part *ret)
{
	ret->empty = true;
	if (strncmp(r->p, "?i)", 3) == 0) { /* case is not told apart anyway */
		r->p += 3;
		return;
	}
	if (strncmp(r->p, "?:", 2) == 0)
		r->p += 2;
	else if (strncmp(r->p, "?i:", 3) == 0)
		r->p += 3;
	else if (*r->p == '?' || *r->p == '*')
		fail(r, -EINVAL);
	if (++r->depth > DEPTH_MAX)
		fail(r, -E2BIG);
	if (r->error == 0)
		alternatives(r, ret);
	r->depth--;
	if (r->error == 0 && *r->p != ')')
		fail(r, -EINVAL);
	else if (r->error == 0)
		r->p++;
}

static bool
is_quantifier(char c)
{
	return c == '*' || c == '+' || c == '?' || c == '{';
}

/* The same one twice is one: "^^", but not "^^?". */
static void
anchor(struct reading *r, char c, struct part *ret)
{
	unsigned int i = place(r, ret);

	while (*r->p == c && !is_quantifier(r->p[1]))
		r->p++;
	if (c == '^')
		r->begins[i] = true;
	else
		r->ends[i] = true;
}

static void
atom(struct reading *r, struct part *ret)
{
	char c = *r->p++;
	const char *end;
	unsigned int i;

	memset(ret, 0, sizeof(*ret));
	if (++r->parts > PARTS_MAX)
		fail(r, -E2BIG);
	switch (c) {
	case '(':
		group(r, ret);
		return;
	case '^':
	case '$':
		anchor(r, c, ret);
		return;
	case '*':
	case '+':
	case '?':
	case '{':
		fail(r, -EINVAL); /* of nothing */
		return;
	}
	i = place(r, ret);
	end = regex_class_read(&r->classes[i], r->p - 1);
	if (end == NULL)
		fail(r, -EINVAL);
	else
		r->p = end;
}

/* How often: {0, SIZE_MAX} is any number. */
struct times {
	size_t least, most;
};

static size_t
number(struct reading *r)
{
	size_t n = 0;

	if (*r->p < '0' || *r->p > '9')
		fail(r, -EINVAL);
	for (; *r->p >= '0' && *r->p <= '9'; r->p++)
		n = n <= TIMES_MAX ? n * 10 + (size_t)(*r->p - '0') : n;
	if (n > TIMES_MAX)
		fail(r, -E2BIG);
	return n;
}

static struct times
braces(struct reading *r)
{
	struct times ret;

	r->p++;
	ret.least = ret.most = number(r);
	if (*r->p == ',') {
		r->p++;
		ret.most = *r->p == '}' ? SIZE_MAX : number(r);
	}
	if (r->error == 0 && (*r->p != '}' || ret.most < ret.least))
		fail(r, -EINVAL);
	else if (r->error == 0)
		r->p++;
	return ret;
}

/* What stands behind an atom. */
static struct times
quantifier(struct reading *r)
{
	struct times ret = { 1, 1 };

	switch (*r->p) {
	case '*':
		ret = (struct times){ 0, SIZE_MAX };
		r->p++;
		break;
	case '+':
		ret = (struct times){ 1, SIZE_MAX };
		r->p++;
		break;
	case '?':
		ret = (struct times){ 0, 1 };
		r->p++;
		break;
	case '{':
		ret = braces(r);
		break;
	default:
		return ret;
	}
	if (*r->p == '?') /* as few as will do: that matches as well */
		r->p++;
	if (r->error == 0 && is_quantifier(*r->p))
		fail(r, -EINVAL); /* also "a++", which gives nothing back */
	return ret;
}

/* An atom as often as is said: it is read anew for each time. */
static void
item(struct reading *r, struct part *ret)
{
	const char *begin = r->p, *end;
	struct times times;
	struct part part;
	size_t copies;

	atom(r, ret);
	times = quantifier(r);
	end = r->p;
	copies = times.most != SIZE_MAX ? times.most
		 : times.least > 0	? times.least
					: 1;
	if (times.most == SIZE_MAX && copies == 1)
		link_places(r, &ret->last, &ret->first);
	if (times.least == 0)
		ret->empty = true;
	for (size_t i = 2; i <= copies && r->error == 0; i++) {
		r->p = begin;
		atom(r, &part);
		if (times.most == SIZE_MAX && i == copies)
			link_places(r, &part.last, &part.first);
		if (i > times.least)
			part.empty = true;
		append(r, ret, &part);
	}
	if (times.most == 0)
		*ret = (struct part){ .empty = true };
	r->p = end;
}

static void
sequence(struct reading *r, struct part *ret)
{
	struct part part;

	*ret = (struct part){ .empty = true };
	if (++r->parts > PARTS_MAX)
		fail(r, -E2BIG);
	while (*r->p != '\0' && *r->p != '|' && *r->p != ')' && r->error == 0) {
		item(r, &part);
		append(r, ret, &part);
	}
}

static void
alternatives(struct reading *r, struct part *ret)
{
	struct part part;

	sequence(r, ret);
	while (*r->p == '|' && r->error == 0) {
		r->p++;
		sequence(r, &part);
		ret->empty = ret->empty || part.empty;
		set_add(&ret->first, &part.first);
		set_add(&ret->last, &part.last);
	}
}

/* A text has one begin and one end: an expression that asks for one again
 * behind it would mean the same one. */
static bool
goes_back(const struct reading *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		for (unsigned int j = 0; j < r->n; j++)
			if (set_has(&r->follow[i], j) &&
			    ((r->begins[i] && r->begins[j]) ||
				(r->ends[i] && (r->begins[j] || r->ends[j]))))
				return true;
	return false;
}

/* Making ------------------------------------------------------------------- */

static bool
stands_for(const struct reading *r, unsigned int i, unsigned int symbol)
{
	if (r->begins[i] || r->ends[i])
		return symbol == (r->begins[i] ? BEGIN : END);
	return symbol < BEGIN &&
	       regex_class_has(&r->classes[i], (unsigned char)symbol);
}

static void
mask_of(const struct reading *r, unsigned int symbol, struct set *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; i < r->n; i++)
		if (stands_for(r, i, symbol))
			ret->v[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
}

/* Each mask once; how many there are. */
static unsigned int
make_masks(const struct reading *r, struct set *masks, uint16_t same[SYMBOLS])
{
	unsigned int n = 0, j;

	for (unsigned int symbol = 0; symbol < SYMBOLS; symbol++) {
		mask_of(r, symbol, &masks[n]);
		for (j = 0; memcmp(&masks[j], &masks[n], sizeof(masks[0])) != 0;
		     j++)
			;
		same[symbol] = (uint16_t)j;
		n += j == n;
	}
	return n;
}

static uint64_t *
put_set(uint64_t *to, const struct set *set, unsigned int words)
{
	memcpy(to, set->v, words * sizeof(to[0]));
	return to + words;
}

static struct regex *
make(const struct reading *r, const struct part *all)
{
	struct set masks[SYMBOLS];
	uint16_t same[SYMBOLS];
	unsigned int n_masks = make_masks(r, masks, same);
	unsigned int words = (r->n + WORD_BITS - 1) / WORD_BITS;
	size_t n_sets = 2 + (size_t)r->n + n_masks;
	struct regex *regex =
	    malloc(sizeof(*regex) + n_sets * words * sizeof(uint64_t));
	uint64_t *to;

	if (regex == NULL)
		return NULL;
	regex->n = r->n;
	regex->words = words;
	regex->always = all->empty;
	memcpy(regex->same, same, sizeof(same));
	to = regex->sets;
	regex->first = to;
	to = put_set(to, &all->first, words);
	regex->last = to;
	to = put_set(to, &all->last, words);
	regex->follow = to;
	for (unsigned int i = 0; i < r->n; i++)
		to = put_set(to, &r->follow[i], words);
	regex->masks = to;
	for (unsigned int i = 0; i < n_masks; i++)
		to = put_set(to, &masks[i], words);
	return regex;
}

int
regex_new(struct regex **ret, const char *text)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct part all;
	int error;

	if (r == NULL)
		return -ENOMEM;
	r->p = text;
	alternatives(r, &all);
	if (r->error == 0 && (*r->p != '\0' || goes_back(r)))
		r->error = -EINVAL;
	error = r->error;
	if (error == 0) {
		*ret = make(r, &all);
		error = *ret != NULL ? 0 : -ENOMEM;
	}
	free(r);
	return error;
}

void
regex_free(struct regex *regex)
{
	free(regex);
}

size_t
regex_cost(const struct regex *regex)
{
	return ((size_t)regex->n + 1) * (regex->words + 1);
}

/* Matching ----------------------------------------------------------------- */

/* From the places that it is at, and from the start, by one symbol: true where
 * it has come to an end. */
static bool
step(const struct regex *regex, uint64_t at[WORDS_MAX], unsigned int symbol)
{
	const uint64_t *mask =
	    regex->masks + (size_t)regex->same[symbol] * regex->words;
	uint64_t next[WORDS_MAX], ended = 0;

	memcpy(next, regex->first, regex->words * sizeof(next[0]));
	for (unsigned int w = 0; w < regex->words; w++)
		for (uint64_t left = at[w]; left != 0; left &= left - 1) {
			size_t i =
			    w * WORD_BITS + (unsigned int)__builtin_ctzll(left);
			const uint64_t *follow =
			    regex->follow + i * regex->words;

			for (unsigned int j = 0; j < regex->words; j++)
				next[j] |= follow[j];
		}
	for (unsigned int w = 0; w < regex->words; w++) {
		at[w] = next[w] & mask[w];
		ended |= at[w] & regex->last[w];
	}
	return ended != 0;
}

bool
regex_match(const struct regex *regex, const char *s, size_t len)
{
	uint64_t at[WORDS_MAX] = { 0 };

	if (regex->always || step(regex, at, BEGIN))
		return true;
	for (size_t i = 0; i < len; i++)
		if (step(regex, at, (unsigned char)s[i]))
			return true;
	return step(regex, at, END);
}
