#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/list_parse.h"
#include "src/file.h"
#include "src/list_file.h"
#include "src/list_include.h"

#define FILE_BYTES_MAX LIST_ZONE_BYTES_MAX
/* Of a file that not everybody may read. */
#define NOT_SHOWN "(not shown)"

/* The best one of its kind so far. */
struct choice {
	unsigned int rank; /* 0: none yet */
	size_t weight;	   /* of those that block or pass: see weight_of() */
	bool except;
	bool passes; /* that alone: it is not for AdBlock's exceptions */
	bool news;   /* of the file at hand */
	char *file;  /* one that was included, or NULL; owned */
	uint32_t line;
	struct list_found found; /* of the files before */
};

/* Of a name and those above it; more are not heeded. */
#define CANCELLED_MAX 8

/* What AdBlock's $badfilter takes back. */
struct cancelled {
	struct name name;
	unsigned int flags;
};

/* What decides, so far. */
struct looking {
	struct cancelled cancelled[CANCELLED_MAX];
	size_t n_cancelled;
	const struct list_sought *sought;
	struct list_zone zone; /* at hand */
	struct choice block;   /* plain ones */
	struct choice other;
};

/* How much an entry weighs: the ladder of list_answer(), and within an RPZ the
 * longer name or the narrower range. */
static unsigned int
level_rank(unsigned int levels)
{
	if ((levels & HOSTSET_ALLOW_FIRST) != 0)
		return 1000;
	if ((levels & HOSTSET_BLOCK_FIRST) != 0)
		return 900;
	if ((levels & HOSTSET_ALLOW) != 0)
		return 800;
	return (levels & HOSTSET_BLOCK) != 0 ? 1 : 0;
}

static bool
is_allowed(unsigned int levels)
{
	return (levels & (HOSTSET_ALLOW | HOSTSET_ALLOW_FIRST)) != 0;
}

static unsigned int
name_rank(const struct looking *l, const struct list_entry *e, bool *ret_except)
{
	bool exact = e->pattern != NULL || name_equal(l->sought->name, e->name);
	unsigned int levels =
	    e->flags >> (exact ? 0 : HOSTSET_BELOW) & HOSTSET_LEVELS;
	unsigned int code = e->flags >> (exact ? HOSTSET_CODE_SHIFT
					       : HOSTSET_CODE_BELOW_SHIFT) &
			    HOSTSET_CODE;

	if (e->kind == LIST_ENTRY_RR)
		code = HOSTSET_LOCAL;
	*ret_except = is_allowed(levels) || code == HOSTSET_PASSTHRU ||
		      code == HOSTSET_TCP_ONLY;
	if (code != HOSTSET_NO_CODE && e->pattern != NULL)
		return 10; /* any name goes before it */
	if (code != HOSTSET_NO_CODE)
		return 10 + 2U * e->name->len + exact;
	return level_rank(levels);
}

/* How specific it is, as hostset.h has it: the longer the more, of the same
 * length a name more than a pattern, and what blocks more than what passes
 * where both are patterns, or it is firm. Where a pattern's length is not
 * known, what blocks is more than all. */
static size_t
weight_of(const struct list_entry *e)
{
	bool blocks = (e->flags & HOSTSET_BLOCK) != 0;
	size_t end;

	if (e->pattern == NULL)
		return e->name == NULL ? 0
				       : 4U * e->name->len + 2 +
					     ((e->flags & HOSTSET_FIRM) != 0);
	end = pattern_end(e->pattern);
	if (end == 0)
		return blocks ? SIZE_MAX : 0;
	return 4 * (end + 1) + blocks; /* as names: with the root's octet */
}

static unsigned int
addr_rank(const struct list_entry *e, bool *ret_except)
{
	static const unsigned int ranks[] = { [ADDRSET_BLOCK] = 1,
		[ADDRSET_CODED] = 10,
		[ADDRSET_ALLOW] = 800,
		[ADDRSET_BLOCK_FIRST] = 900,
		[ADDRSET_ALLOW_FIRST] = 1000 };
	unsigned int same = 0;

	*ret_except = e->rank == ADDRSET_ALLOW ||
		      e->rank == ADDRSET_ALLOW_FIRST ||
		      e->code == HOSTSET_PASSTHRU;
	if (e->rank != ADDRSET_CODED)
		return ranks[e->rank];
	/* bits that the ends have in common */
	while (same < 8 * addr_len(&e->range.lo) &&
	       ((e->range.lo.bytes[same / 8] ^ e->range.hi.bytes[same / 8]) >>
		       (7 - same % 8) &
		   1) == 0)
		same++;
	return ranks[ADDRSET_CODED] + same;
}

static void
choose(struct choice *c, const struct list_entry *e, unsigned int rank,
    bool except)
{
	size_t weight = weight_of(e);

	if (rank < c->rank || (rank == c->rank && weight <= c->weight))
		return;
	c->rank = rank;
	c->weight = weight;
	c->except = except;
	c->passes = except && rank >= 10 && rank < 800;
	c->news = true;
	c->line = e->line;
	free(c->file);
	c->file = e->file != NULL ? strdup(e->file) : NULL;
}

static bool
is_cancelled(const struct looking *l, const struct list_entry *e)
{
	for (size_t i = 0; i < l->n_cancelled; i++)
		if (l->cancelled[i].flags == e->flags &&
		    name_equal(&l->cancelled[i].name, e->name))
			return true;
	return false;
}

static void
note_cancelled(struct looking *l, const struct list_entry *e)
{
	if (l->sought->name == NULL || e->pattern != NULL ||
	    !name_in(l->sought->name, e->name) || is_cancelled(l, e) ||
	    l->n_cancelled == CANCELLED_MAX)
		return;
	l->cancelled[l->n_cancelled].name = *e->name;
	l->cancelled[l->n_cancelled++].flags = e->flags;
}

static int
look_at(void *arg, const struct list_entry *e)
{
	struct looking *l = arg;
	const struct list_sought *s = l->sought;
	unsigned int rank = 0;
	bool except = false;

	if (e->kind == LIST_ENTRY_CANCEL) {
		note_cancelled(l, e);
		return 0;
	}
	if (e->kind == LIST_ENTRY_NAME && e->pattern == NULL &&
	    is_cancelled(l, e))
		return 0;
	if (s->name != NULL && list_entry_is_about(e, s->name, s->qtype))
		rank = name_rank(l, e, &except);
	else if (s->name == NULL && list_entry_is_about_addr(e, s->addr))
		rank = addr_rank(e, &except);
	if (rank != 0)
		choose(rank == 1 ? &l->block : &l->other, e, rank, except);
	return 0;
}

/* The n-th line, to be freed. */
static char *
line_of(const char *text, size_t len, uint32_t n)
{
	const char *line = list_nth_line(text, len, n, &len);

	return strndup(line, len);
}

static void
ignore_fault(void *arg, const struct list_fault *fault)
{
	(void)arg;
	(void)fault;
}

static const char *
take_include(void *arg, const struct list_included *from, const char *name,
    struct list_included *ret)
{
	struct looking *l = arg;
	struct list_include include;

	return list_include_read(ret, &l->zone, from, name, &include) == 0
		   ? NULL
		   : "a file that can't be included";
}

/* The n-th line of an included file: that of the zone was read as a whole. */
static char *
line_of_included(const char *path, uint32_t n)
{
	char *text, *ret;
	struct stat st;
	size_t len;

	if (file_read_foreign(path, FILE_BYTES_MAX, &text, &len, &st) < 0)
		return NULL;
	ret = file_is_secret(&st) ? strdup(NOT_SHOWN) : line_of(text, len, n);
	free(text);
	return ret;
}

/* Takes the line along of what was found in that file. 0 or -ENOMEM. */
static int
keep(struct looking *l, struct choice *c, const char *text, size_t len)
{
	const char *path = l->zone.path;

	if (!c->news)
		return 0;
	c->news = false;
	list_found_done(&c->found);
	c->found = (struct list_found){ .line = c->line, .except = c->except };
	if (c->file != NULL)
		c->found.text = line_of_included(c->file, c->line);
	else
		c->found.text = file_is_secret(&l->zone.st)
				    ? strdup(NOT_SHOWN)
				    : line_of(text, len, c->line);
	c->found.file = strdup(c->file != NULL ? c->file : path);
	return c->found.file != NULL && c->found.text != NULL ? 0 : -ENOMEM;
}

static int
read_one(struct looking *l, const struct conf_list *list, const char *path)
{
	struct list_sink sink = { look_at, ignore_fault, take_include, l };
	char *text;
	size_t len;
	int r =
	    file_read_foreign(path, FILE_BYTES_MAX, &text, &len, &l->zone.st);

	if (r < 0)
		return r;
	l->zone.path = path;
	l->zone.bytes = len;
	r = list_parse(&sink, list->format, text, len);
	if (r == 0)
		r = keep(l, &l->block, text, len);
	if (r == 0)
		r = keep(l, &l->other, text, len);
	free(text);
	return r;
}

/* A plain block that is more specific beats what only passes. */
static struct choice *
decides(struct looking *l)
{
	return l->other.rank == 0 || (l->other.passes && l->block.rank != 0 &&
					 l->block.weight > l->other.weight)
		   ? &l->block
		   : &l->other;
}

static void
choice_done(struct choice *c)
{
	list_found_done(&c->found);
	free(c->file);
	memset(c, 0, sizeof(*c));
}

/* Once more, where a line takes back what may stand before it. */
static int
read_all(struct looking *l, const struct conf_list *list,
    const struct list_sources *sources, char what[LIST_ERROR_SIZE])
{
	size_t n_cancelled;
	int r = 0;

	do {
		n_cancelled = l->n_cancelled;
		choice_done(&l->block);
		choice_done(&l->other);
		for (size_t i = 0; r == 0 && i < sources->n; i++) {
			r = read_one(l, list, sources->v[i].path);
			if (r < 0)
				(void)snprintf(what, LIST_ERROR_SIZE, "%s: %s",
				    sources->v[i].path,
				    strerrordesc_np(-r)); /* cut */
		}
	} while (r == 0 && l->n_cancelled > n_cancelled);
	return r;
}

int
list_file_find(struct list_found *ret, const struct conf_list *list,
    const struct list_sought *sought, char what[LIST_ERROR_SIZE])
{
	struct looking l = { .sought = sought };
	struct list_sources sources;
	int r = list_sources_find(&sources, list, NULL, what);

	memset(ret, 0, sizeof(*ret));
	if (r < 0)
		return r;
	r = read_all(&l, list, &sources, what);
	list_sources_done(&sources);
	if (r == 0) {
		struct list_found *found = &decides(&l)->found;

		*ret = *found;
		memset(found, 0, sizeof(*found));
		r = ret->file != NULL ? 0 : -ENOENT;
	}
	choice_done(&l.block);
	choice_done(&l.other);
	return r;
}

void
list_found_done(struct list_found *found)
{
	free(found->file);
	free(found->text);
	memset(found, 0, sizeof(*found));
}
