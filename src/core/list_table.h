#ifndef CORE_LIST_TABLE_H
#define CORE_LIST_TABLE_H

#include "src/core/lists.h"

/* All lists of a generation, in the order of the settings (conf->lists):
 * immutable once it is shared, counted by reference, any thread may read it. */
struct list_table;

/* With one reference; NULL when there is no memory. */
struct list_table *list_table_new(size_t n);
/* Before it is shared: the name is copied, the reference taken also on
 * failure. 0 or -ENOMEM. */
int list_table_set(struct list_table *t, size_t i, const char *name,
    const struct list_index *index_take);

const struct list_table *list_table_ref(const struct list_table *t);
void list_table_unref(const struct list_table *t); /* accepts NULL */

size_t list_table_n(const struct list_table *t); /* 0 for NULL */
/* The index of the list of that name, or -1 (also for a NULL table). */
int list_table_find(const struct list_table *t, const char *name);
/* Borrowed; NULL where the list is not loaded or there is none. */
const struct list_index *list_table_get(const struct list_table *t, size_t i);
const char *list_table_name(const struct list_table *t, size_t i);

#endif
