#include "dns/due.h"

#include <stdlib.h>

void
due_done(struct due *due)
{
	free(due->v);
}

static void
put(struct due *due, size_t at, struct due_node *node)
{
	due->v[at - 1] = node;
	node->place = at;
}

static void
settle(struct due *due, size_t at, struct due_node *node)
{
	size_t next;

	while (at > 1 && mono_before(node->when, due->v[at / 2 - 1]->when)) {
		put(due, at, due->v[at / 2 - 1]);
		at /= 2;
	}
	for (; (next = at * 2) <= due->n; at = next) {
		if (next < due->n &&
		    mono_before(due->v[next]->when, due->v[next - 1]->when))
			next++;
		if (!mono_before(due->v[next - 1]->when, node->when))
			break;
		put(due, at, due->v[next - 1]);
	}
	put(due, at, node);
}

bool
due_set(struct due *due, struct due_node *node, mono_t when)
{
	node->when = when;
	if (node->place == 0) {
		if (due->n == due->room) {
			size_t more = due->room == 0 ? 64 : due->room * 2;
			void *v = reallocarray(due->v, more, sizeof(due->v[0]));

			if (v == NULL)
				return false;
			due->v = v;
			due->room = more;
		}
		put(due, ++due->n, node);
	}
	settle(due, node->place, node);
	return true;
}

void
due_cancel(struct due *due, struct due_node *node)
{
	size_t at = node->place;
	struct due_node *last;

	if (at == 0)
		return;
	node->place = 0;
	last = due->v[--due->n];
	if (last != node)
		settle(due, at, last);
}

struct due_node *
due_first(const struct due *due)
{
	return due->n > 0 ? due->v[0] : NULL;
}
