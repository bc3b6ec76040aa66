#ifndef LIST_FILE_H
#define LIST_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/core/conf.h"
#include "src/core/list_image.h"

/* The files that a list is made of, and the one that its compiled form is kept
 * in. All of this may block: for threads, and for the start. */

struct list_source {
	char *path; /* owned */
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns; /* who sets the one back sets the other */
};

struct list_sources {
	struct list_source *v;
	size_t n;
};

#define LIST_ERROR_SIZE 256

/* Who hears of each file that is looked for, there or not. */
struct list_heed {
	void (*tried)(void *arg, const char *path); /* or NULL */
	void *arg;
};

/* The files that the settings name, * and ? expanded, in that order. 0, or
 * -errno with what is wrong, and where, in what[]. `heed` may be NULL. */
int list_sources_find(struct list_sources *ret, const struct conf_list *list,
    const struct list_heed *heed, char what[LIST_ERROR_SIZE]);
void list_sources_done(struct list_sources *sources);

struct list_identity list_sources_identity(
    const struct list_sources *sources, enum conf_list_format format);

/* Where a list is kept, and what there is of it; all borrowed. */
struct list_kept {
	const char *state;		 /* the folder; NULL: there is none */
	const struct list_index *before; /* what it is so far, or NULL */
	struct list_heed heed;		 /* of files that a zone includes */
};

/* Reads all of it and makes the compiled form, which is put into the state
 * folder as well. 0 with a reference, or -errno with what[] set.
 * A file of which no line can be used is an error too; so is one that has no
 * entries any more, unless it is a zone of RPZ, which says that it is whole;
 * and so is a zone of which something is not there that it includes. */
int list_file_compile(const struct list_index **ret,
    const struct conf_list *list, const struct list_sources *sources,
    const struct list_kept *kept, char what[LIST_ERROR_SIZE]);

/* Reads what list_file_compile() left; of that identity, or NULL for any. 0,
 * -ENOENT, -ESTALE, -EBADMSG (damaged) or -errno. */
int list_file_load(const struct list_index **ret, const struct conf_list *list,
    const struct list_identity *identity, const char *state);

/* The line of the list that decides about a name (or an address where name is
 * NULL): an exception too. */
struct list_found {
	char *file; /* owned; NULL where there is none */
	uint32_t line;
	char *text;  /* owned */
	bool except; /* it takes the name out of the list */
};
/* Borrowed. */
struct list_sought {
	const struct name *name; /* or NULL, and then */
	const struct addr *addr;
	uint16_t qtype; /* of the query for the name; 0: it is none */
};
/* Reads the files again. 0, -ENOENT (none) or -errno with what[] set. */
int list_file_find(struct list_found *ret, const struct conf_list *list,
    const struct list_sought *sought, char what[LIST_ERROR_SIZE]);
void list_found_done(struct list_found *found);

#endif
