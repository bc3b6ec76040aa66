#include "src/core/list_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list_table {
	unsigned int refs; /* atomic */
	size_t n;
	struct {
		char *name;
		const struct list_index *index;
	} lists[];
};

struct list_table *
list_table_new(size_t n)
{
	struct list_table *t = calloc(1, sizeof(*t) + n * sizeof(t->lists[0]));

	if (t == NULL)
		return NULL;
	t->refs = 1;
	t->n = n;
	return t;
}

int
list_table_set(struct list_table *t, size_t i, const char *name,
    const struct list_index *index_take)
{
	list_index_unref(t->lists[i].index);
	t->lists[i].index = index_take;
	free(t->lists[i].name);
	t->lists[i].name = strdup(name);
	return t->lists[i].name != NULL ? 0 : -ENOMEM;
}

const struct list_table *
list_table_ref(const struct list_table *t)
{
	if (t != NULL) /* the count is what changes */
		(void)__atomic_add_fetch(
		    &((struct list_table *)t)->refs, 1, __ATOMIC_RELAXED);
	return t;
}

void
list_table_unref(const struct list_table *table)
{
	struct list_table *t = (struct list_table *)table; /* as above */

	if (t == NULL || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(t->lists[i].name);
		list_index_unref(t->lists[i].index);
	}
	free(t);
}

size_t
list_table_n(const struct list_table *t)
{
	return t != NULL ? t->n : 0;
}

int
list_table_find(const struct list_table *t, const char *name)
{
	for (size_t i = 0; i < list_table_n(t); i++)
		if (t->lists[i].name != NULL &&
		    strcmp(t->lists[i].name, name) == 0)
			return (int)i;
	return -1;
}

const struct list_index *
list_table_get(const struct list_table *t, size_t i)
{
	return i < list_table_n(t) ? t->lists[i].index : NULL;
}

const char *
list_table_name(const struct list_table *t, size_t i)
{
	return i < list_table_n(t) ? t->lists[i].name : NULL;
}
