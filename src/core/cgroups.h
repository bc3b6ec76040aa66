#ifndef CORE_CGROUPS_H
#define CORE_CGROUPS_H

#include <stddef.h>
#include <stdint.h>

/* Control groups of the unified hierarchy by their number, as the kernel told
 * of them: one that is gone, with all who were in it, has its name still.
 * Bounded: the one asked for longest ago makes room. */
struct cgroups;

/* NULL when there is no memory. */
struct cgroups *cgroups_new(size_t max);
void cgroups_free(struct cgroups *cgroups); /* accepts NULL */

/* names: from the group up to the root (upward.h). Without memory it is not
 * known. */
void cgroups_put(
    struct cgroups *cgroups, uint64_t id, const char *names, size_t len);

/* As a process has them (process.h). */
struct cgroup_name {
	char *path, *unit;
};
/* NULL where it is not known; borrowed until the next call. */
const struct cgroup_name *cgroups_find(struct cgroups *cgroups, uint64_t id);

#endif
