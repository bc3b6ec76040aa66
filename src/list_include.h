#ifndef LIST_INCLUDE_H
#define LIST_INCLUDE_H

#include <stdbool.h>

#include "src/core/list_parse.h"
#include "src/core/lists.h"

/* Files that the zones among a list's files have by $INCLUDE. All of this may
 * block. */

/* Reads what the zone `from` calls `name`, which is relative to the folder of
 * that zone. 0, -EPERM (a zone that is not root's, and a file of another owner)
 * or -errno. *ret_secret: as of file_read_foreign(). */
int list_include_read(struct list_included *ret, const char *from,
    const char *name, bool *ret_secret);

/* What the file is now, as text: another one once it has changed. False where
 * there is none. */
#define LIST_STAMP_SIZE 33
bool list_include_stamp(char ret[LIST_STAMP_SIZE], const char *path);

/* Whether those that the list was made of are as they were; NULL has none. */
bool list_includes_are_same(const struct list_index *l);

/* Calls each() with the path of each; NULL has none. */
void list_includes_each(const struct list_index *l,
    void (*each)(void *arg, const char *path), void *arg);

#endif
