#ifndef LINUX_PLACES_H
#define LINUX_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/mono.h"
#include "src/linux/file_id.h"

struct cmdlines;

/* Whether the file that a process runs is at the path that it is known by, in
 * our own mount namespace. Rules trust nothing more than that, and nothing else
 * of a process costs as much to ask. */
#define PLACES_MAX 32
struct places {
	struct cmdlines *cmdlines; /* borrowed: they wait for file systems */
	/* what was found at its path last */
	struct place {
		mono_t seen;
		struct file_id file;
		char *path; /* NULL: none */
	} all[PLACES_MAX];
	size_t next;
};

void places_done(struct places *places);

/* A file, of a process of that user's, and its path. */
struct placed {
	struct file_id file;
	uint32_t uid;
	const char *path;
};

/* Whether it is there now: 1, 0, or -ETIMEDOUT where the file system does not
 * say so in time. */
int places_has(struct places *places, const struct placed *placed);

/* The same where it is enough that this very file was found there, for
 * whichever process, within two milliseconds: of many that run one program one
 * asks. What was not there then is asked for anew. */
int places_had(struct places *places, const struct placed *placed, mono_t now);

/* The same within another time, in nanoseconds. */
int places_had_within(struct places *places, const struct placed *placed,
    mono_t now, uint64_t ns);

#endif
