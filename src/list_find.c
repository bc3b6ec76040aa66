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

/* The entry that decides, so far. */
struct looking {
	const struct name *name;
	const struct addr *addr;
	struct list_zone zone; /* at hand */
	uint32_t line;
	char *best_file; /* one that was included, or NULL */
	uint32_t best_line;
	unsigned int best_rank; /* 0: none yet */
	size_t best_len;	/* of its name; of a pattern or range 0 */
	bool except;
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
	bool exact = e->pattern != NULL || name_equal(l->name, e->name);
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

/* Of its name, the more specific the longer. A pattern that blocks beats what
 * only passes and is no longer; where it is not known how specific it is, all
 * of that. */
static size_t
len_of(const struct list_entry *e)
{
	bool blocks = (e->flags & HOSTSET_BLOCK) != 0;
	size_t end = e->pattern != NULL ? pattern_end(e->pattern) : 0;

	if (end > 0)
		return end + 1 + blocks; /* as names: with the root's octet */
	if (e->pattern != NULL)
		return blocks ? SIZE_MAX : 0;
	return e->name != NULL ? e->name->len : 0;
}

/* A plain block of a longer name beats what only passes (hostset.h), although
 * that has the higher rank. */
static bool
goes_before(const struct looking *l, const struct list_entry *e,
    unsigned int rank, bool except)
{
	size_t len = len_of(e);
	bool passes = l->except && l->best_rank >= 10 && l->best_rank < 800;

	if (rank == 1 && passes && len > l->best_len)
		return true;
	if (l->best_rank == 1 && except && rank < 800 && len < l->best_len)
		return false;
	return rank > l->best_rank;
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

static int
look_at(void *arg, const struct list_entry *e)
{
	struct looking *l = arg;
	unsigned int rank = 0;
	bool except = false;

	if (e->kind == LIST_ENTRY_CANCEL)
		return 0;
	if (l->name != NULL && list_entry_is_about(e, l->name))
		rank = name_rank(l, e, &except);
	else if (l->name == NULL && list_entry_is_about_addr(e, l->addr))
		rank = addr_rank(e, &except);
	if (rank == 0 || !goes_before(l, e, rank, except))
		return 0;
	l->best_rank = rank;
	l->best_len = len_of(e);
	free(l->best_file);
	l->best_file = e->file != NULL ? strdup(e->file) : NULL;
	l->best_line = e->line;
	l->except = except;
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

static int
read_one(struct looking *l, const struct conf_list *list, const char *path,
    struct list_found *ret)
{
	struct list_sink sink = { look_at, ignore_fault, take_include, l };
	unsigned int before = l->best_rank;
	char *text;
	size_t len;
	int r =
	    file_read_foreign(path, FILE_BYTES_MAX, &text, &len, &l->zone.st);

	if (r < 0)
		return r;
	l->zone.path = path;
	l->zone.bytes = len;
	r = list_parse(&sink, list->format, text, len);
	if (r == 0 && l->best_rank > before) {
		list_found_done(ret);
		*ret = (struct list_found){ .line = l->best_line,
			.except = l->except };
		if (l->best_file != NULL)
			ret->text =
			    line_of_included(l->best_file, l->best_line);
		else
			ret->text = file_is_secret(&l->zone.st)
					? strdup(NOT_SHOWN)
					: line_of(text, len, l->best_line);
		ret->file = strdup(l->best_file != NULL ? l->best_file : path);
		if (ret->file == NULL || ret->text == NULL)
			r = -ENOMEM;
	}
	free(text);
	return r;
}

int
list_file_find(struct list_found *ret, const struct conf_list *list,
    const struct name *name, const struct addr *addr,
    char what[LIST_ERROR_SIZE])
{
	struct looking l = { .name = name, .addr = addr };
	struct list_sources sources;
	int r = list_sources_find(&sources, list, what);

	memset(ret, 0, sizeof(*ret));
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < sources.n; i++) {
		r = read_one(&l, list, sources.v[i].path, ret);
		if (r < 0)
			(void)snprintf(what, LIST_ERROR_SIZE, "%s: %s",
			    sources.v[i].path, strerrordesc_np(-r)); /* cut */
	}
	list_sources_done(&sources);
	free(l.best_file);
	if (r == 0 && ret->file == NULL)
		r = -ENOENT;
	if (r < 0)
		list_found_done(ret);
	return r;
}

void
list_found_done(struct list_found *found)
{
	free(found->file);
	free(found->text);
	memset(found, 0, sizeof(*found));
}
