#include "src/core/ancestors.h"

#include <string.h>

static void
forget(struct ancestry *ancestry)
{
	process_unref(ancestry->of);
	memset(ancestry, 0, sizeof(*ancestry));
}

void
ancestors_done(struct ancestors *ancestors)
{
	for (size_t i = 0; i < ANCESTORS_MAX; i++)
		forget(&ancestors->all[i]);
}

static struct ancestry *
find(const struct ancestors *ancestors, pid_t pid, uint64_t start)
{
	for (size_t i = 0; i < ANCESTORS_MAX; i++) {
		const struct ancestry *ancestry = &ancestors->all[i];

		if (ancestry->of != NULL && ancestry->pid == pid &&
		    ancestry->start == start)
			return (
			    struct ancestry *)ancestry; /* the caller's own */
	}
	return NULL;
}

void
ancestors_put(struct ancestors *ancestors, pid_t pid, uint64_t start,
    const struct process *of, mono_t now)
{
	struct ancestry *ancestry = find(ancestors, pid, start);

	if (ancestry == NULL)
		ancestry = &ancestors->all[ancestors->next++ % ANCESTORS_MAX];
	of = process_ref(of); /* first: it may be the one that is forgotten */
	forget(ancestry);
	*ancestry = (struct ancestry){ pid, start, now, of };
}

const struct process *
ancestors_find(const struct ancestors *ancestors, pid_t pid, uint64_t start,
    mono_t now, uint64_t age)
{
	const struct ancestry *ancestry = find(ancestors, pid, start);

	if (ancestry == NULL || mono_since(now, ancestry->read) >= age)
		return NULL;
	return ancestry->of;
}

void
ancestors_changed(struct ancestors *ancestors, pid_t pid)
{
	for (size_t i = 0; i < ANCESTORS_MAX; i++) {
		struct ancestry *ancestry = &ancestors->all[i];
		const struct process *of = ancestry->of;
		size_t n = 0;

		if (of == NULL)
			continue;
		while (n < of->n_parents && of->parents[n].pid != pid)
			n++;
		if (n < of->n_parents)
			forget(ancestry);
	}
}
