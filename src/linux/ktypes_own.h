#ifndef LINUX_KTYPES_OWN_H
#define LINUX_KTYPES_OWN_H

#include <linux/btf.h>

#include "src/base/rd.h"
#include "src/linux/ktypes.h"

/* Behind struct ktypes: shared by ktypes.c, which finds where each type lies,
 * and ktypes_pick.c, which makes small ones. Inline: a start looks at a hundred
 * thousand. */

/* The kernel's, and those of modules behind them. */
#define KTYPES_PARTS (1 + KTYPES_MODULES)

/* Of headers that are older than the kernel. */
#define KIND_FLOAT 16
#define KIND_DECL_TAG 17
#define KIND_TYPE_TAG 18
#define KIND_ENUM64 19

/* Types and names as they lie in memory, in the order of this machine. */
struct ktypes_part {
	const uint8_t *types;
	size_t types_len;
	const char *strings; /* the last byte is a NUL */
	size_t strings_len;
	uint32_t first; /* number of the first type */
	uint32_t n;
};

struct ktypes {
	struct ktypes_part parts[KTYPES_PARTS];
	size_t n_parts;
	uint32_t *at; /* where each type lies among those of its part */
	size_t room;
	uint32_t n; /* of all parts; the numbers go from 1 to n */
};

struct ktype {
	const struct ktypes_part *part;
	struct btf_type head;
	struct rd rest; /* what of it follows, and all behind that */
};

static inline unsigned int
ktype_kind(const struct ktype *type)
{
	return BTF_INFO_KIND(type->head.info);
}

/* id is one of its numbers. */
static inline void
ktypes_get(const struct ktypes *types, uint32_t id, struct ktype *ret)
{
	const struct ktypes_part *part = &types->parts[0];
	uint32_t at = types->at[id - 1];

	while (id - part->first >= part->n)
		part++;
	ret->part = part;
	rd_init(&ret->rest, part->types + at, part->types_len - at);
	rd_copy(&ret->rest, &ret->head, sizeof(ret->head));
}

/* A name that a type speaks of, its own or a member's; empty where it has none.
 */
static inline const char *
ktypes_name(const struct ktypes *types, const struct ktype *type, uint32_t at)
{
	const struct ktypes_part *part = &types->parts[0];
	size_t own = 0;

	if (at >= part->strings_len) {
		own = part->strings_len;
		part = type->part;
	}
	return at - own < part->strings_len ? part->strings + (at - own) : "";
}

/* The number of a type that another one speaks of by `id`: each module goes on
 * where the kernel ends. It may be none's. */
static inline uint32_t
ktypes_of(const struct ktypes *types, const struct ktype *type, uint32_t id)
{
	const struct ktypes_part *kernel = &types->parts[0];

	return id > kernel->n && type->part != kernel
		   ? id - kernel->n - 1 + type->part->first
		   : id;
}

#endif
