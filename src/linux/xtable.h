#ifndef LINUX_XTABLE_H
#define LINUX_XTABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "src/linux/chains_entry.h"

/* One table of one family, through libiptc: the family's functions behind one
 * face. A snapshot of the kernel's table, changed in memory, then committed
 * whole. All int functions return 0 or -errno. */
struct xtable_ops;

struct xtable {
	const struct xtable_ops *ops;
	void *handle;
	enum chains_family family;
	enum chains_table table;
	bool changed; /* not yet committed */
};

/* -EPERM, -ENOENT (no such table), -ENOPROTOOPT (no legacy tables at all),
 * -EAFNOSUPPORT (no such family). */
int xtable_open(
    struct xtable *ret, enum chains_family family, enum chains_table table);
void xtable_close(struct xtable *t);

/* Nothing happens when nothing was changed. Counters of rules go on, those of
 * policies too, but for what is counted meanwhile. -EAGAIN: another one changed
 * the table since it was opened; start over. -EINVAL: the kernel refuses it, or
 * another one changed it right after us, and counters are lost. */
int xtable_commit(struct xtable *t);

/* Whether the table is in use in this network namespace; opening one brings it
 * to life for good. True also when that can't be known. */
bool xtable_in_use(enum chains_family family, enum chains_table table);

bool xtable_has_chain(const struct xtable *t, const char *chain);
int xtable_create_chain(struct xtable *t, const char *chain);
int xtable_flush_chain(struct xtable *t, const char *chain);
int xtable_delete_chain(struct xtable *t, const char *chain);

/* Calls go on from the first chain or rule to NULL. */
const char *xtable_first_chain(struct xtable *t);
const char *xtable_next_chain(struct xtable *t);
bool xtable_first_rule(
    struct xtable *t, const char *chain, struct chains_found *ret);
bool xtable_next_rule(struct xtable *t, struct chains_found *rule);

/* The policy of a chain of the kernel; "-" for any other. */
const char *xtable_policy(struct xtable *t, const char *chain);

/* Adds to *sum what tells one content of a table from another, counters left
 * out; of a table of more than 128 KiB only its size and layout, then *partial
 * is set. Takes no lock and some microseconds. */
int xtable_state(enum chains_family family, enum chains_table table,
    uint64_t *sum, bool *partial);

/* at: position, from 0 */
int xtable_insert(struct xtable *t, const char *chain,
    const struct chains_entry *entry, unsigned int at);
int xtable_delete(struct xtable *t, const char *chain, unsigned int at);

#endif
