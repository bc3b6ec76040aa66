#include "src/core/compiler.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/grow.h"
#include "src/core/glob.h"

/* The kernel cuts comm there (TASK_COMM_LEN less the NUL). */
#define COMM_MAX 15

/* A set under way: each value, and where its symbolic links lead. */
struct texts {
	struct set_text *literals;
	size_t n_literals, literals_room;
	const char **globs;
	size_t n_globs, globs_room;
	bool paths;
	bool old; /* where they led before counts, too */
};

/* Takes a text of the policy's arena, or the lack of memory for it. */
static void
literal_add(struct compiler *c, struct texts *t, const char *s)
{
	if (s == NULL || (t->n_literals == t->literals_room &&
			     grow(&t->literals, &t->literals_room,
				 sizeof(t->literals[0])) < 0))
		c->nomem = true;
	else
		t->literals[t->n_literals++] =
		    (struct set_text){ s, strlen(s) };
}

static void
glob_add(struct compiler *c, struct texts *t, const char *glob)
{
	if (glob == NULL ||
	    (t->n_globs == t->globs_room &&
		grow(&t->globs, &t->globs_room, sizeof(t->globs[0])) < 0))
		c->nomem = true;
	else
		t->globs[t->n_globs++] = glob;
}

/* A file that is not there yet has the folder resolved that it would be in. */
static void
add_in_folder(struct compiler *c, struct texts *t, const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct policy_path *p;
	char buf[PATH_MAX];
	size_t len;

	if (slash == NULL || slash == path)
		return;
	memcpy(buf, path, (size_t)(slash - path)); /* compiler_path() took it */
	buf[slash - path] = '\0';
	p = compiler_path(c, buf);
	if (p == NULL || p->real == p->path)
		return;
	len = strlen(p->real);
	if (len + strlen(slash) >= sizeof(buf))
		return;
	memcpy(buf, p->real, len);
	memcpy(buf + len, slash, strlen(slash) + 1);
	literal_add(c, t, arena_strdup(c->arena, buf));
}

static void
add_resolved(struct compiler *c, struct texts *t, const char *path)
{
	const struct policy_path *p = compiler_path(c, path);

	if (p == NULL)
		return;
	if (!p->there)
		add_in_folder(c, t, path);
	else if (p->real != p->path)
		literal_add(c, t, p->real);
	for (size_t i = 0; t->old && i < p->n_old; i++)
		literal_add(c, t, p->old[i]);
}

/* The folder as it is, and behind it what is left of a glob. */
static void
glob_add_in(
    struct compiler *c, struct texts *t, const char *folder, const char *rest)
{
	char *glob =
	    compiler_alloc(c, 2 * strlen(folder) + strlen(rest) + 1, 1);
	char *to = glob;

	if (glob == NULL)
		return;
	for (const char *s = strcmp(folder, "/") == 0 ? "" : folder; *s != '\0';
	     s++) {
		if (*s == '*' || *s == '?' || *s == '\\')
			*to++ = '\\';
		*to++ = *s;
	}
	memcpy(to, rest, strlen(rest) + 1);
	glob_add(c, t, glob);
}

/* The glob with the folder that it begins with resolved. */
static void
glob_add_resolved(struct compiler *c, struct texts *t, const char *glob)
{
	const struct policy_path *p;
	char dir[PATH_MAX];
	size_t len = glob_dir(glob);

	if (len == 0 || len >= sizeof(dir))
		return;
	memcpy(dir, glob, len);
	dir[len] = '\0';
	(void)glob_literal(dir, dir); /* it has no wildcard: unescapes it */
	p = compiler_path(c, dir);
	if (p == NULL)
		return;
	if (p->real != p->path)
		glob_add_in(c, t, p->real, glob + len);
	for (size_t i = 0; t->old && i < p->n_old; i++)
		glob_add_in(c, t, p->old[i], glob + len);
}

static void
text_add(struct compiler *c, struct texts *t, const char *glob)
{
	char *literal = compiler_alloc(c, strlen(glob) + 1, 1);

	if (literal == NULL)
		return;
	if (glob_literal(glob, literal)) {
		literal_add(c, t, literal);
		if (t->paths)
			add_resolved(c, t, literal);
		return;
	}
	glob_add(c, t, arena_strdup(c->arena, glob));
	if (t->paths)
		glob_add_resolved(c, t, glob);
}

static void
comm_add(struct compiler *c, struct texts *t, const struct rule_value *v)
{
	size_t len = strlen(v->text);

	if (len > COMM_MAX)
		compiler_fault(c, v, "too long for comm:",
		    "at most 15 bytes: the kernel keeps no more");
	literal_add(c, t, arena_strndup(c->arena, v->text, len));
}

static int
literal_cmp(const void *a, const void *b)
{
	return set_text_cmp(a, b);
}

/* In the arena, as many as there are; NULL for none. */
static const void *
settle(struct compiler *c, const void *v, size_t n, size_t size)
{
	void *copy = n > 0 ? compiler_alloc(c, n, size) : NULL;

	if (copy != NULL)
		memcpy(copy, v, n * size);
	return copy;
}

/* Where a path led before counts only where nothing is let through by it: as
 * with a user who is gone, see compiler_accounts(). */
void
compiler_texts(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values)
{
	struct texts t = {
		.paths = ret->field == FIELD_EXE ||
			 ret->field == FIELD_SCRIPT ||
			 ret->field == FIELD_PARENT,
		.old = (c->rule->action == ACTION_ACCEPT) == ret->negated,
	};

	for (size_t i = 0; i < values->n && !c->nomem; i++) {
		if (ret->field == FIELD_COMM)
			comm_add(c, &t, &values->v[i]);
		else
			text_add(c, &t, values->v[i].text);
	}
	if (t.n_literals > 0)
		qsort(t.literals, t.n_literals, sizeof(t.literals[0]),
		    literal_cmp);
	ret->texts.literals =
	    settle(c, t.literals, t.n_literals, sizeof(t.literals[0]));
	ret->texts.globs = settle(c, t.globs, t.n_globs, sizeof(t.globs[0]));
	if (!c->nomem) {
		ret->texts.n_literals = t.n_literals;
		ret->texts.n_globs = t.n_globs;
	}
	free(t.literals);
	free(t.globs);
}
