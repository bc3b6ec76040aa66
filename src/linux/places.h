#ifndef LINUX_PLACES_H
#define LINUX_PLACES_H

#include <stdbool.h>
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
		struct file_id asked, file; /* file: as stat(2) has it */
		char *path;		    /* NULL: none */
	} all[PLACES_MAX];
	size_t next;
	/* what the file system of a mount is called by the kernel */
	struct place_mount {
		mono_t seen; /* 0: none */
		uint64_t mount, dev;
	} mount;
};

void places_done(struct places *places);

/* A file, of a process of that user's, and its path. seen: the file was told by
 * the kernel, at work at this path of our mount namespace. Its device is the
 * kernel's then, while stat(2) has others for the parts of a btrfs, or of an
 * overlay of several file systems. */
struct placed {
	struct file_id file;
	uint32_t uid;
	const char *path;
	bool seen;
};

/* Whether it is there now: 1, 0, or -ETIMEDOUT where the file system does not
 * say so in time. */
int places_has(struct places *places, const struct placed *placed);

/* The same where it is enough that this very file was found there, for
 * whichever process, within two milliseconds: of many that run one program one
 * asks. What was not there then is asked for anew. Where it is there,
 * placed->file is as stat(2) has it. */
int places_had(struct places *places, struct placed *placed, mono_t now);

#endif
