#include "src/core/compiler.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/glob.h"

/* The kernel cuts comm there (TASK_COMM_LEN less the NUL). */
#define COMM_MAX 15

/* A set under way: at most two of each for a value, the second one with
 * symbolic links resolved. */
struct texts {
	struct set_text *literals;
	size_t n_literals;
	const char **globs;
	size_t n_globs;
};

static void
literal_add(struct compiler *c, struct texts *t, const char *s, size_t len)
{
	const char *copy = arena_strndup(c->arena, s, len);

	if (copy == NULL)
		c->nomem = true;
	else
		t->literals[t->n_literals++] = (struct set_text){ copy, len };
}

/* The path with its links resolved; a file that is not there yet has the
 * folder resolved that it would be in. False where nothing changes. */
static bool
resolve(const struct compiler *c, const char *path, char buf[PATH_MAX])
{
	const struct policy_world *w = c->world;
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	size_t len, dir_len;

	if (slash == NULL)
		return false;
	if (w->path(w->arg, path, buf, PATH_MAX) == 0)
		return strcmp(path, buf) != 0;
	dir_len = (size_t)(slash - path);
	if (dir_len == 0 || dir_len >= sizeof(dir))
		return false;
	memcpy(dir, path, dir_len);
	dir[dir_len] = '\0';
	if (w->path(w->arg, dir, buf, PATH_MAX) < 0)
		return false;
	len = strlen(buf);
	if (len + strlen(slash) >= PATH_MAX)
		return false;
	memcpy(buf + len, slash, strlen(slash) + 1);
	return strcmp(path, buf) != 0;
}

/* The glob with the folder that it begins with resolved, or NULL. */
static char *
glob_resolve(struct compiler *c, const char *glob)
{
	const struct policy_world *w = c->world;
	char dir[PATH_MAX], real[PATH_MAX], *to, *ret;
	size_t len = glob_dir(glob), rest = strlen(glob + len);

	if (len == 0 || len >= sizeof(dir))
		return NULL;
	memcpy(dir, glob, len);
	dir[len] = '\0';
	(void)glob_literal(dir, dir); /* it has no wildcard: unescapes it */
	if (w->path(w->arg, dir, real, sizeof(real)) < 0 ||
	    strcmp(dir, real) == 0)
		return NULL;
	ret = to = compiler_alloc(c, 2 * strlen(real) + rest + 1, 1);
	if (ret == NULL)
		return NULL;
	for (const char *s = strcmp(real, "/") == 0 ? "" : real; *s != '\0';
	     s++) {
		if (*s == '*' || *s == '?' || *s == '\\')
			*to++ = '\\';
		*to++ = *s;
	}
	memcpy(to, glob + len, rest);
	return ret;
}

static void
text_add(struct compiler *c, struct texts *t, const char *glob, bool path)
{
	char *literal = compiler_alloc(c, strlen(glob) + 1, 1);
	char real[PATH_MAX];
	const char *copy;

	if (literal == NULL)
		return;
	if (glob_literal(glob, literal)) {
		t->literals[t->n_literals++] =
		    (struct set_text){ literal, strlen(literal) };
		if (path && resolve(c, literal, real))
			literal_add(c, t, real, strlen(real));
		return;
	}
	copy = arena_strdup(c->arena, glob);
	if (copy == NULL) {
		c->nomem = true;
		return;
	}
	t->globs[t->n_globs++] = copy;
	copy = path ? glob_resolve(c, glob) : NULL;
	if (copy != NULL)
		t->globs[t->n_globs++] = copy;
}

static void
comm_add(struct compiler *c, struct texts *t, const struct rule_value *v)
{
	size_t len = strlen(v->text);

	if (len > COMM_MAX)
		compiler_fault(c, v, "too long for comm:",
		    "at most 15 bytes: the kernel keeps no more");
	literal_add(c, t, v->text, len);
}

static int
literal_cmp(const void *a, const void *b)
{
	return set_text_cmp(a, b);
}

void
compiler_texts(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values)
{
	struct texts t = {
		.literals =
		    compiler_alloc(c, 2 * values->n, sizeof(t.literals[0])),
		.globs = compiler_alloc(c, 2 * values->n, sizeof(t.globs[0])),
	};
	bool path = ret->field == FIELD_EXE || ret->field == FIELD_SCRIPT ||
		    ret->field == FIELD_PARENT;

	if (t.literals == NULL || t.globs == NULL)
		return;
	for (size_t i = 0; i < values->n; i++) {
		if (ret->field == FIELD_COMM)
			comm_add(c, &t, &values->v[i]);
		else
			text_add(c, &t, values->v[i].text, path);
	}
	qsort(t.literals, t.n_literals, sizeof(t.literals[0]), literal_cmp);
	ret->texts =
	    (struct text_set){ t.literals, t.n_literals, t.globs, t.n_globs };
}
