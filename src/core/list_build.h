#ifndef CORE_LIST_BUILD_H
#define CORE_LIST_BUILD_H

#include "src/core/addrset.h"
#include "src/core/hostset_build.h"
#include "src/core/list_image.h"
#include "src/core/pattern.h"

struct list_build_pattern;

/* Collects what list files say, and makes a compiled list of it. */
struct list_build {
	struct hostset_build names;
	struct addrset_build addrs;
	uint8_t *addr_records;
	size_t n_addr_records, addr_records_room;
	struct addr_range last_range; /* of the last records */
	size_t last_records;	      /* where they begin */
	uint32_t codes;
	struct list_build_pattern *patterns;
	size_t n_patterns, patterns_room;
	char *pattern_text;
	size_t n_pattern_text, pattern_text_room;
	size_t n_regex, regex_cost;
};

/* The key is to be random, and kept from others. */
void list_build_init(struct list_build *build, const uint64_t key[2]);
void list_build_done(struct list_build *build);

/* A name with flags as in hostset.h. Each 0, -E2BIG or -ENOMEM. */
int list_build_name(
    struct list_build *build, const struct name *name, unsigned int flags);

/* A record of local data for the name, or for names below it. */
int list_build_rr(struct list_build *build, const struct name *name, bool below,
    const struct list_rr *rr);

/* The levels (both halves of hostset.h) of a name, which don't hold for any of
 * the n others and what is below them. */
int list_build_unless(struct list_build *build, const struct name *name,
    unsigned int levels, const struct name *others, size_t n);

/* Of one rule. */
#define LIST_TYPES_MAX 32

/* The same for queries of n types, or of all types but those. */
struct list_types {
	bool except;
	size_t n;
	const uint16_t *v;
};
int list_build_types(struct list_build *build, const struct name *name,
    unsigned int levels, const struct list_types *types);

int list_build_addr(struct list_build *build, const struct addr_range *range,
    enum addrset_rank rank, enum hostset_code code);

/* A record of local data for a range of addresses: those of one range one
 * after the other. */
int list_build_addr_rr(struct list_build *build, const struct addr_range *range,
    const struct list_rr *rr);

/* The name that stands for a pattern: what the others say of it is said of the
 * names that the pattern has. */
struct name list_build_pattern_name(
    const struct list_build *build, const struct pattern *pattern);

/* A pattern, of which something is said by that name. 0, -ENOSPC (a list has no
 * more of them) or -ENOMEM. */
int list_build_pattern(struct list_build *build, const struct pattern *pattern);

/* Once, after all: the bytes, from malloc(). meta is copied. 0, -E2BIG or
 * -ENOMEM. */
struct list_bytes {
	void *bytes;
	size_t size;
};
int list_build_finish(struct list_build *build,
    const struct list_identity *identity, const void *meta, size_t n_meta,
    struct list_bytes *ret);

#endif
