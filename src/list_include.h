#ifndef LIST_INCLUDE_H
#define LIST_INCLUDE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "src/core/list_parse.h"
#include "src/core/lists.h"

/* Files that the zones among a list's files have by $INCLUDE. All of this may
 * block. */

/* What a zone has as one file it may have as several, and no more: those that
 * it includes are held while others are read. */
#define LIST_ZONE_BYTES_MAX ((size_t)1 << 30)

/* What the file was when it was opened, as text: another one once it has
 * changed. */
#define LIST_STAMP_SIZE 33

/* The zone that is read. */
struct list_zone {
	const char *path;
	struct stat st; /* as of file_read_foreign() */
	size_t bytes;	/* of it and of all that it has included */
	/* of each that is looked for, there or not; NULL: nobody asks */
	void (*tried)(void *arg, const char *path);
	void *arg;
};

struct list_include {
	char stamp[LIST_STAMP_SIZE];
	bool secret; /* as of file_is_secret() */
};

/* Reads what the zone, or the file `from` that it has included, calls `name`,
 * which is relative to the folder of either. 0, -EPERM (one that is not root's,
 * and a file of another owner), -ELOOP (the zone itself), -EFBIG or -errno. */
int list_include_read(struct list_included *ret, struct list_zone *zone,
    const struct list_included *from, const char *name,
    struct list_include *ret_include);

/* In words. */
const char *list_include_error(int error);

/* Whether those that the list was made of are as they were; NULL has none. */
bool list_includes_are_same(const struct list_index *l);

/* Calls each() with the path of each; NULL has none. */
void list_includes_each(const struct list_index *l,
    void (*each)(void *arg, const char *path), void *arg);

#endif
