#ifndef CORE_IDMAP_H
#define CORE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

/* How the numbers of users, or groups, of the machine look in our user
 * namespace: some of what the kernel says is in one form, some in the other. */
#define IDMAP_MAX 340 /* UID_GID_MAP_MAX_EXTENTS in the kernel */

/* One that has no number here (overflowuid in the kernel). */
#define IDMAP_NOBODY 65534

struct idmap {
	size_t n;
	struct idmap_range {
		uint32_t here, outside, count;
	} ranges[IDMAP_MAX];
};

/* The text of /proc/self/uid_map or gid_map. 0 or -EBADMSG (ret untouched). */
int idmap_parse(struct idmap *ret, const char *s, size_t len);

/* Each number is itself, as in the first namespace. */
void idmap_identity(struct idmap *ret);

uint32_t idmap_here(const struct idmap *map, uint32_t id);

#endif
