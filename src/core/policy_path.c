#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/compiler.h"
#include "src/core/policy_own.h"

/* Programs of so many versions before may still run. */
#define OLD_MAX 4

/* One that rules name; they name the same ones often. */
struct path {
	struct map_node node;
	struct path *next;
	struct policy_path is;
};

static int
path_cmp(const void *a, const void *b)
{
	const struct policy_path *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static const struct policy_path *
path_before(const struct policy_world *world, const char *path)
{
	const struct policy_path key = { .path = path };

	if (world->forget || world->before == NULL ||
	    world->before->n_paths == 0)
		return NULL;
	return bsearch(&key, world->before->paths, world->before->n_paths,
	    sizeof(key), path_cmp);
}

static void
old_add(struct compiler *c, struct policy_path *ret, const char *old)
{
	if (ret->n_old == OLD_MAX || strcmp(old, ret->path) == 0 ||
	    strcmp(old, ret->real) == 0)
		return;
	ret->old[ret->n_old] = arena_strdup(c->arena, old);
	if (ret->old[ret->n_old] == NULL)
		c->nomem = true;
	else
		ret->n_old++;
}

/* Where it led in the policy before, and before that. */
static void
keep_old(struct compiler *c, struct policy_path *ret)
{
	const struct policy_path *before = path_before(c->world, ret->path);

	if (before == NULL ||
	    (before->n_old == 0 && strcmp(before->real, ret->real) == 0))
		return;
	ret->old = compiler_alloc(c, OLD_MAX, sizeof(ret->old[0]));
	if (ret->old == NULL)
		return;
	old_add(c, ret, before->real);
	for (size_t i = 0; i < before->n_old; i++)
		old_add(c, ret, before->old[i]);
}

/* True where something is there; buf is the path itself where nothing is. */
static bool
ask(const struct policy_world *world, const char *path, char buf[PATH_MAX])
{
	if (world->path(world->arg, path, buf, PATH_MAX) == 0)
		return true;
	(void)strcpy(buf, path); /* it is shorter: see compiler_path() */
	return false;
}

const struct policy_path *
compiler_path(struct compiler *c, const char *path)
{
	size_t len = strlen(path);
	uint64_t hash = map_hash(&c->paths, path, len);
	char real[PATH_MAX];
	struct path *p;

	for (struct map_node *node = map_first(&c->paths, hash); node != NULL;
	     node = map_next(node, hash)) {
		p = (struct path *)node; /* its first member */
		if (strcmp(p->is.path, path) == 0)
			return &p->is;
	}
	if (len >= sizeof(real))
		return NULL; /* nothing can be there */
	p = arena_alloc(c->scratch, 1, sizeof(*p));
	if (p == NULL) {
		c->nomem = true;
		return NULL;
	}
	*p = (struct path){ .next = c->first_path };
	p->is.there = ask(c->world, path, real);
	p->is.path = arena_strndup(c->arena, path, len);
	p->is.real =
	    strcmp(real, path) == 0 ? p->is.path : arena_strdup(c->arena, real);
	if (p->is.path == NULL || p->is.real == NULL) {
		c->nomem = true;
		return NULL;
	}
	keep_old(c, &p->is);
	map_put(&c->paths, &p->node, hash);
	c->first_path = p;
	c->n_paths++;
	return &p->is;
}

/* Of paths that no rule names any more, where links are in them: rules that are
 * tried go, and those before come back. */
static void
keep_unnamed(struct compiler *c)
{
	const struct policy *before = c->world->before;

	if (c->world->forget || before == NULL)
		return;
	for (size_t i = 0; i < before->n_paths; i++)
		if (before->paths[i].real != before->paths[i].path ||
		    before->paths[i].n_old > 0)
			(void)compiler_path(c, before->paths[i].path);
}

void
compiler_keep_paths(struct compiler *c, struct policy *policy)
{
	struct policy_path *v;
	size_t n = 0;

	keep_unnamed(c);
	v = compiler_alloc(c, c->n_paths, sizeof(v[0]));
	if (v == NULL || c->nomem)
		return;
	for (const struct path *p = c->first_path; p != NULL; p = p->next)
		v[n++] = p->is;
	qsort(v, n, sizeof(v[0]), path_cmp);
	policy->paths = v;
	policy->n_paths = n;
}

const struct policy_path *
policy_path_get(const struct policy *policy, size_t i)
{
	return i < policy->n_paths ? &policy->paths[i] : NULL;
}

bool
policy_paths_moved(
    const struct policy *policy, const struct policy_world *world)
{
	char real[PATH_MAX];

	for (size_t i = 0; i < policy->n_paths; i++) {
		(void)ask(world, policy->paths[i].path, real); /* or itself */
		if (strcmp(real, policy->paths[i].real) != 0)
			return true;
	}
	return false;
}
