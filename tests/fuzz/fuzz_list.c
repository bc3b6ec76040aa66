#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/qtype.h"
#include "src/core/list_build.h"
#include "src/core/list_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A list file of the format that the first byte chooses: what is read of it
 * must make a list that can be used. */

#define NAMES_MAX 32

struct seen {
	struct list_build build;
	const char *text;
	size_t len;
	uint32_t line; /* of the last entry or fault */
	struct name names[NAMES_MAX];
	size_t n;
};

static int
take_entry(void *arg, const struct list_entry *e)
{
	struct seen *seen = arg;
	struct name again;

	assert(e->line > 0 && e->line <= seen->len + 1);
	if (e->pattern != NULL) {
		assert(e->name == NULL);
		assert(strlen(e->pattern->text) == e->pattern->len);
	} else if (e->name != NULL) {
		assert(
		    name_from_wire(&again, e->name->wire, e->name->len) == 0);
		assert(name_equal(&again, e->name));
		if (seen->n < NAMES_MAX)
			seen->names[seen->n++] = *e->name;
	} else {
		assert(addr_cmp(&e->range.lo, &e->range.hi) <= 0);
		assert(e->range.lo.family == e->range.hi.family);
	}
	return list_entry_build(&seen->build, e);
}

static void
take_fault(void *arg, const struct list_fault *fault)
{
	struct seen *seen = arg;

	assert(fault->what[0] != '\0');
	assert(fault->file != NULL ||
	       (fault->text >= seen->text &&
		   fault->text + fault->len <= seen->text + seen->len));
	if (fault->modifier != NULL)
		assert(fault->modifier >= fault->text &&
		       fault->modifier + fault->modifier_len <=
			   fault->text + fault->len);
}

static void
release(void *bytes, size_t size)
{
	(void)size;
	free(bytes);
}

static void
ask(const struct list_index *l, const struct name *name)
{
	struct list_answer answer;
	struct name target;
	struct list_rr rr;

	list_answer(&answer, l, name, QTYPE_A);
	assert((answer.action != LIST_NONE) == list_has_name(l, name, QTYPE_A));
	while (list_answer_next(&answer, &rr))
		(void)list_rr_target(&target, &rr, name);
}

/* Its own text again, from somewhere in the middle. */
static const char *
include(void *arg, const struct list_included *from, const char *name,
    struct list_included *ret)
{
	struct seen *seen = arg;
	size_t skip = strlen(name) * 3;

	if (from != NULL && strcmp(from->path, name) == 0)
		return "again";
	if (skip > seen->len)
		skip = seen->len;
	ret->len = seen->len - skip;
	ret->path = strdup(name);
	ret->dev = 1;
	ret->ino = strlen(name);
	ret->text = malloc(ret->len + 1);
	assert(ret->path != NULL && ret->text != NULL);
	memcpy(ret->text, seen->text + skip, ret->len);
	return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct list_identity identity = { { 1, 2 } };
	const struct list_index *l = NULL;
	struct list_bytes bytes;
	struct seen *seen;
	struct list_sink sink;

	if (size == 0)
		return 0;
	seen = calloc(1, sizeof(*seen));
	assert(seen != NULL);
	seen->text = (const char *)data + 1;
	seen->len = size - 1;
	sink = (struct list_sink){ take_entry, take_fault, include, seen };
	list_build_init(&seen->build, (uint64_t[2]){ 1, 2 });
	assert(list_parse(&sink, data[0] % (CONF_FORMAT_UNBOUND + 1),
		   seen->text, seen->len) == 0);
	assert(list_build_finish(&seen->build, &identity, "", 0, &bytes) == 0);
	list_build_done(&seen->build);
	assert(list_index_new(
		   &l, bytes.bytes, bytes.size, release, &identity) == 0);
	for (size_t i = 0; i < seen->n; i++)
		ask(l, &seen->names[i]);
	list_index_unref(l);
	free(seen);
	return 0;
}
