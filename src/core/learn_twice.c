#include "src/core/learn.h"

#include <stdlib.h>
#include <string.h>

#include "src/core/learn_own.h"

static bool
is_asked_only(const struct group *g)
{
	return g->proto[0] == '\0';
}

/* Whether they are of one program; and of one protocol and port, too. */
static bool
same_who(const struct group *a, const struct group *b)
{
	return a->in == b->in && strcmp(a->who, b->who) == 0;
}

static bool
same_line(const struct group *a, const struct group *b)
{
	return same_who(a, b) && strcmp(a->proto, b->proto) == 0 &&
	       a->has_port == b->has_port && a->port == b->port;
}

static bool
has_name(const struct group *g, const char *name)
{
	for (size_t i = 0; i < g->n_names; i++)
		if (strcmp(g->names[i], name) == 0)
			return true;
	return false;
}

static bool
has_addr(const struct group *g, const struct addr *addr)
{
	for (size_t i = 0; i < g->n_addrs; i++)
		if (addr_equal(&g->addrs[i], addr))
			return true;
	return false;
}

static void
leave_names(struct group *g, const struct group *other)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_names; i++)
		if (has_name(other, g->names[i]))
			free(g->names[i]);
		else
			g->names[n++] = g->names[i];
	g->n_names = n;
}

static void
leave_addrs(struct group *g, const struct group *other)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_addrs; i++)
		if (!has_addr(other, &g->addrs[i]))
			g->addrs[n++] = g->addrs[i];
	g->n_addrs = n;
}

/* A group of nothing would count as one more port. */
static void
drop_empty(struct learn *learn)
{
	size_t n = 0;

	for (size_t i = 0; i < learn->n; i++) {
		struct group *g = &learn->groups[i];

		if (g->n_names + g->n_addrs > 0)
			learn->groups[n++] = *g;
		else
			learn_group_done(g);
	}
	learn->n = n;
}

/* Names that were asked for and that a connection is seen with in the other. */
static void
leave_asked(struct learn *learn, const struct learn *other)
{
	for (size_t i = 0; i < learn->n; i++) {
		struct group *g = &learn->groups[i];

		for (size_t j = 0; is_asked_only(g) && j < other->n; j++) {
			const struct group *o = &other->groups[j];

			if (!is_asked_only(o) && same_who(g, o))
				leave_names(g, o);
		}
	}
}

static void
leave_same(struct learn *learn, const struct learn *other)
{
	for (size_t i = 0; i < learn->n; i++) {
		struct group *g = &learn->groups[i];

		for (size_t j = 0; j < other->n; j++) {
			const struct group *o = &other->groups[j];

			if (!same_line(g, o))
				continue;
			leave_names(g, o);
			leave_addrs(g, o);
		}
	}
}

void
learn_leave_twice(struct learn *learn, struct learn *denied)
{
	leave_asked(denied, denied);
	leave_asked(denied, learn);
	leave_asked(learn, learn);
	leave_asked(learn, denied);
	leave_same(learn, denied);
	drop_empty(denied);
	drop_empty(learn);
}
