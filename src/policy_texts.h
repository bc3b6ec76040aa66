#ifndef POLICY_TEXTS_H
#define POLICY_TEXTS_H

#include "src/policy_job.h"

/* What the rules in force are made of. */
struct policy_texts {
	struct sources sources; /* the files */
	char *loose;		/* see load_find_loose() */
	bool kept;		/* or, until a reload, a set that was tried */
	struct runtime runtime; /* in front of them */
	/* what is not in runtime of what was given before the start: -errno
	 * where the file can't be read, or how many lines of it */
	int unread;
	/* a set that is tried in place of the files */
	bool trying;
	struct sources tried;
	uint64_t try_end_ms;
	/* users and groups, as the file has them */
	struct accounts remembered;
	/* of the last time that their numbers were to be saved; 0: they are */
	int accounts_error;
};

void policy_texts_done(struct policy_texts *texts);

/* What the change makes of them, as far as that is known without reading
 * files: job->runtime, job->sources and, for a set to be tried, job->fresh,
 * with the end and the number that the change gets. 0, -EBUSY (a set is being
 * tried), -ENOENT (no such rule; nothing is tried) or -errno. `now` is of the
 * wall clock. */
int policy_texts_change(const struct policy_texts *texts, struct change *change,
    struct policy_job *job, uint64_t now);

/* Whether the job is to read what is still to be read of the rules from the
 * command line; sets how. Lines that are in their file for no other reason than
 * that it could not be written (save_error) don't come back. */
bool policy_texts_unread(const struct policy_texts *texts,
    const struct change *change, struct policy_job *job, int save_error);

/* What the job made of them is what is in force: takes that out of it. */
void policy_texts_commit(struct policy_texts *texts,
    const struct change *change, struct policy_job *job);

/* The set that is tried is what a set from the files would be: until the next
 * reload. */
void policy_texts_keep(struct policy_texts *texts);

/* The file of the set that is tried, and until when by the wall clock (ms).
 * NULL: none is. */
const char *policy_texts_tried(
    const struct policy_texts *texts, uint64_t *ret_end_ms);

/* The file of the set that was tried and kept, NULL where none is in force. */
const char *policy_texts_kept(const struct policy_texts *texts);

/* When the first of what ends by the wall clock does, in ms; 0 for none. */
uint64_t policy_texts_next_end(const struct policy_texts *texts);

#endif
