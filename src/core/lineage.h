#ifndef CORE_LINEAGE_H
#define CORE_LINEAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/list.h"
#include "src/base/map.h"
#include "src/core/actor.h"

/* Processes as they were born and became other programs: what is left of those
 * that are gone. Bounded; of those that are gone the one heard of longest ago
 * makes room, else of those that live. */
struct lineage;

/* A program as it was started; shared by a process and its copies. */
struct image {
	unsigned int refs;
	uint64_t exe_dev, exe_ino;
	uint32_t mounts; /* number of the mount namespace that exe is of */
	char *exe;  /* as readlink would give it; "" where it was too long */
	char *args; /* each with its NUL */
	size_t args_len;
};

/* Images that a process had one after the other and that are still known. */
#define KIN_IMAGES 3

struct kin {
	struct map_node node;
	struct list lru;
	pid_t pid, ppid;
	uint64_t start, pstart;
	bool gone;
	/* the present one first; an image may be NULL: not known */
	struct kin_image {
		uint64_t exec;
		struct image *image;
	} images[KIN_IMAGES];
};

/* Takes one more reference to an image; gives one back, which may be NULL. */
struct image *image_ref(const struct image *image);
void image_unref(const struct image *image_take);

/* max: of all; gone_max: of those that are gone. NULL when there is no memory.
 */
struct lineage *lineage_new(size_t max, size_t gone_max);
void lineage_free(struct lineage *lineage); /* accepts NULL */

/* One is taken in soon: what that takes is fetched from memory meanwhile. */
void lineage_expect(const struct lineage *lineage);

/* Take in what happened; 0 or -ENOMEM (then it is not known). */
int lineage_fork(struct lineage *lineage, const struct fork *child);
int lineage_exec(struct lineage *lineage, const struct exec *program);

/* It has ended; what is known of it stays for a while. */
void lineage_exit(struct lineage *lineage, pid_t pid, uint64_t start);

/* Borrowed until the next event; NULL where it is not known. */
const struct kin *lineage_find(
    struct lineage *lineage, pid_t pid, uint64_t start);

/* The same where start is counted in units of so many nanoseconds. */
const struct kin *lineage_find_about(
    struct lineage *lineage, pid_t pid, uint64_t start, uint64_t unit);

/* The one that has that pid now. */
const struct kin *lineage_find_living(struct lineage *lineage, pid_t pid);

/* What it was when it had run exec so often; NULL where that is not known. */
const struct image *kin_image(const struct kin *kin, uint64_t exec);

size_t lineage_count(const struct lineage *lineage);

/* Those that lived and had to make room. */
uint64_t lineage_evicted(const struct lineage *lineage);

#endif
