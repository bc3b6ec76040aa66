#include "src/core/runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/line.h"
#include "src/base/num.h"

void
runtime_done(struct runtime *runtime)
{
	for (size_t i = 0; i < runtime->n; i++)
		free(runtime->v[i].text);
	free(runtime->v);
	free(runtime->unread);
	memset(runtime, 0, sizeof(*runtime));
}

/* Puts the bytes behind the unread ones. */
static int
unread_add(struct runtime *runtime, const char *s, size_t len)
{
	char *all = realloc(runtime->unread, runtime->unread_len + len + 1);

	if (all == NULL)
		return -ENOMEM;
	memcpy(all + runtime->unread_len, s, len);
	runtime->unread = all;
	runtime->unread_len += len;
	return 0;
}

int
runtime_copy(struct runtime *ret, const struct runtime *from)
{
	struct runtime copy = { .last_id = from->last_id };

	copy.v = calloc(from->n + 1, sizeof(copy.v[0]));
	if (copy.v == NULL)
		return -ENOMEM;
	for (; copy.n < from->n; copy.n++) {
		copy.v[copy.n] = from->v[copy.n];
		copy.v[copy.n].text = strdup(from->v[copy.n].text);
		if (copy.v[copy.n].text == NULL) {
			runtime_done(&copy);
			return -ENOMEM;
		}
	}
	if (from->unread_len > 0 &&
	    unread_add(&copy, from->unread, from->unread_len) < 0) {
		runtime_done(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

/* Puts it at that place; text is len bytes. */
static int
add(struct runtime *runtime, size_t at, struct runtime_rule rule,
    const char *text, size_t len)
{
	struct runtime_rule *v;

	if (runtime->n >= RUNTIME_MAX || len > RUNTIME_TEXT_MAX)
		return -E2BIG;
	if (len == 0 || memchr(text, '\n', len) != NULL)
		return -EINVAL;
	v = reallocarray(runtime->v, runtime->n + 1, sizeof(v[0]));
	if (v == NULL)
		return -ENOMEM;
	runtime->v = v;
	rule.text = strndup(text, len);
	if (rule.text == NULL)
		return -ENOMEM;
	memmove(&v[at + 1], &v[at], (runtime->n - at) * sizeof(v[0]));
	v[at] = rule;
	runtime->n++;
	if (rule.id > runtime->last_id)
		runtime->last_id = rule.id;
	return 0;
}

int
runtime_add(struct runtime *runtime, const char *text, uint64_t end_ms,
    unsigned int *ret_id)
{
	struct runtime_rule rule = { .id = runtime->last_id + 1,
		.end_ms = end_ms };
	int r = add(runtime, 0, rule, text, strlen(text));

	if (r == 0)
		*ret_id = rule.id;
	return r;
}

const struct runtime_rule *
runtime_find(const struct runtime *runtime, unsigned int id)
{
	for (size_t i = 0; i < runtime->n; i++)
		if (runtime->v[i].id == id)
			return &runtime->v[i];
	return NULL;
}

static void
take_out(struct runtime *runtime, size_t i)
{
	free(runtime->v[i].text);
	runtime->n--;
	memmove(&runtime->v[i], &runtime->v[i + 1],
	    (runtime->n - i) * sizeof(runtime->v[0]));
}

bool
runtime_delete(struct runtime *runtime, unsigned int id)
{
	const struct runtime_rule *rule = runtime_find(runtime, id);

	if (rule == NULL)
		return false;
	take_out(runtime, (size_t)(rule - runtime->v));
	return true;
}

size_t
runtime_expire(struct runtime *runtime, uint64_t now_ms)
{
	size_t before = runtime->n, i = 0;

	while (i < runtime->n) {
		if (runtime->v[i].end_ms != 0 && runtime->v[i].end_ms <= now_ms)
			take_out(runtime, i);
		else
			i++;
	}
	return before - runtime->n;
}

uint64_t
runtime_next_end(const struct runtime *runtime)
{
	uint64_t next = 0;

	for (size_t i = 0; i < runtime->n; i++) {
		uint64_t end = runtime->v[i].end_ms;

		if (end != 0 && (next == 0 || end < next))
			next = end;
	}
	return next;
}

static int
unread_rule(struct runtime *runtime, const struct runtime_rule *rule)
{
	char *line = NULL;
	int len = asprintf(
	    &line, "%u %" PRIu64 " %s\n", rule->id, rule->end_ms, rule->text);
	int r = len < 0 ? -ENOMEM : unread_add(runtime, line, (size_t)len);

	if (len >= 0)
		free(line);
	return r;
}

static int
merge_rule(struct runtime *runtime, struct runtime_rule rule, bool behind)
{
	const struct runtime_rule *same = runtime_find(runtime, rule.id);
	size_t at = behind ? runtime->n : 0;
	int r;

	if (same != NULL && same->end_ms == rule.end_ms &&
	    strcmp(same->text, rule.text) == 0)
		return 0;
	if (same != NULL)
		rule.id = runtime->last_id + 1;
	while (at < runtime->n && runtime->v[at].id > rule.id)
		at++;
	rule.held = true;
	r = add(runtime, at, rule, rule.text, strlen(rule.text));
	return r == -E2BIG ? unread_rule(runtime, &rule) : r;
}

int
runtime_merge(struct runtime *runtime, const struct runtime *from, bool behind)
{
	int r = 0;

	free(runtime->unread);
	runtime->unread = NULL;
	runtime->unread_len = 0;
	if (from->last_id > runtime->last_id)
		runtime->last_id = from->last_id;
	if (from->unread_len > 0)
		r = unread_add(runtime, from->unread, from->unread_len);
	for (size_t i = 0; i < from->n && r == 0; i++)
		r = merge_rule(runtime, from->v[i], behind);
	return r;
}

void
runtime_print(const struct runtime *runtime, FILE *out)
{
	for (size_t i = runtime->n; i > 0; i--) /* the oldest first */
		fprintf(out, "%u %" PRIu64 " %s\n", runtime->v[i - 1].id,
		    runtime->v[i - 1].end_ms, runtime->v[i - 1].text);
	if (runtime->unread_len > 0)
		fwrite(runtime->unread, 1, runtime->unread_len, out);
}

/* "ID END TEXT" without its newline. */
static int
parse_line(struct runtime *runtime, const char *s, size_t len)
{
	const char *blank = memchr(s, ' ', len), *second;
	struct runtime_rule rule = { .id = 0 };
	uint64_t id;

	if (blank == NULL)
		return -EINVAL;
	second = memchr(blank + 1, ' ', len - (size_t)(blank + 1 - s));
	if (second == NULL ||
	    num_parse(&id, s, (size_t)(blank - s), UINT32_MAX - 1) < 0 ||
	    num_parse(&rule.end_ms, blank + 1, (size_t)(second - blank - 1),
		UINT64_MAX) < 0)
		return -EINVAL;
	rule.id = (unsigned int)id;
	if (rule.id == 0 || runtime_find(runtime, rule.id) != NULL)
		return -EINVAL;
	second++;
	len -= (size_t)(second - s);
	if (memchr(second, '\0', len) != NULL)
		return -EINVAL;
	return add(runtime, 0, rule, second, len);
}

int
runtime_parse(struct runtime *ret, const char *text, size_t len)
{
	struct line line;
	int bad = 0;

	memset(ret, 0, sizeof(*ret));
	while (line_next(&line, &text, &len)) {
		int r = parse_line(ret, line.s, line.len);

		if (r < 0 && r != -ENOMEM) {
			bad++;
			r = unread_add(ret, line.s, line.len);
			if (r == 0)
				r = unread_add(ret, "\n", 1);
		}
		if (r == -ENOMEM) {
			runtime_done(ret);
			return r;
		}
	}
	return bad;
}
