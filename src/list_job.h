#ifndef LIST_JOB_H
#define LIST_JOB_H

#include "src/core/list_table.h"
#include "src/list_file.h"

/* How a list came to be what it is. */
struct list_state {
	int result;	  /* of the last try: 0 or -errno */
	bool changed;	  /* by this job */
	bool from_state;  /* else the files were read */
	unsigned int ms;  /* how long it took */
	uint64_t wall_ms; /* when it was loaded; 0: never */
	char error[LIST_ERROR_SIZE];
};

/* Loading of all lists of the settings. The first group is set before, the
 * second is the caller's afterwards: see list_job_done(). */
struct list_job {
	const struct conf *conf;	 /* a reference */
	const struct list_table *before; /* a reference, or NULL */
	const char *state;		 /* the folder */

	struct list_table *table; /* NULL: no memory */
	struct list_state *states;
	size_t n;
	bool changed; /* the table is not what it was before */
	/* folders that are to be watched; owned */
	char **dirs;
	size_t n_dirs;
	size_t room;   /* for folders of the list at hand */
	bool left_out; /* it has more */
};

/* To be called in a thread, or before there is anything to hold up. A list
 * whose files are those of `before` stays; one that can't be loaded stays,
 * too, or is what the state folder has of it. */
void list_job_run(struct list_job *job);
void list_job_done(struct list_job *job);

#endif
