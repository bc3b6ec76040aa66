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

static void
put(struct ancestors *ancestors, const struct ancestry *is)
{
	struct ancestry *ancestry = find(ancestors, is->pid, is->start);

	if (ancestry == NULL)
		ancestry = &ancestors->all[ancestors->next++ % ANCESTORS_MAX];
	(void)process_ref(is->of); /* first: it may be what is forgotten */
	forget(ancestry);
	*ancestry = *is;
}

void
ancestors_put(struct ancestors *ancestors, pid_t pid, uint64_t start,
    const struct process *of, mono_t read)
{
	put(ancestors, &(struct ancestry){ pid, start, read, of, 0 });
}

void
ancestors_put_above(struct ancestors *ancestors, pid_t pid, uint64_t start,
    const struct process *of, mono_t read)
{
	put(ancestors, &(struct ancestry){ pid, start, read, of, 1 });
}

const struct ancestry *
ancestors_above(const struct ancestors *ancestors, pid_t pid, uint64_t start,
    mono_t now, uint64_t age)
{
	const struct ancestry *ancestry = find(ancestors, pid, start);

	if (ancestry == NULL || mono_since(now, ancestry->read) >= age)
		return NULL;
	return ancestry;
}

const struct process *
ancestors_find(const struct ancestors *ancestors, pid_t pid, uint64_t start,
    mono_t now, uint64_t age)
{
	const struct ancestry *ancestry =
	    ancestors_above(ancestors, pid, start, now, age);

	return ancestry != NULL && ancestry->from == 0 ? ancestry->of : NULL;
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
