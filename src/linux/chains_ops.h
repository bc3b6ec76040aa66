#ifndef LINUX_CHAINS_OPS_H
#define LINUX_CHAINS_OPS_H

#include "src/linux/chains_content.h"

/* The seam between what the rules are and how they get into the kernel: one
 * of these for each backend. The int functions return 0 or -errno with
 * *ret_error set. */
struct chains_ops {
	const char *name;
	bool lock; /* changes need the lock of the legacy programs */

	/* family, privilege and tables alone */
	int (*probe_tables)(
	    enum chains_family family, struct chains_error *ret_error);
	/* all that the rules stand on, too */
	int (*probe)(enum chains_family family, struct chains_error *ret_error);
	/* a table that is not in use holds nothing; true where that can't be
	 * known */
	bool (*in_use)(enum chains_family family, enum chains_table table);
	/* whether a table that is not in use could be */
	bool (*has)(enum chains_family family, enum chains_table table);
	/* adds chains and lines to *ret, which is empty */
	int (*read)(struct chains_content *ret, struct chains_error *ret_error);
	/* in one commit: takes everything of ours out and, where install is
	 * set, puts the plan's rows of this table in */
	int (*change)(const struct chains_plan *plan, enum chains_table table,
	    bool install, struct chains_error *ret_error);
	/* see chains_state() */
	int (*state)(
	    enum chains_family family, uint64_t *ret_state, bool *ret_partial);
};

extern const struct chains_ops chains_libiptc;
extern const struct chains_ops chains_restore;

const struct chains_ops *chains_ops(enum chains_backend backend);

/* Whether the rules of the table can be there: security is left out where the
 * kernel lacks it. */
bool chains_has(enum chains_backend backend, enum chains_family family,
    enum chains_table table);

/* Reads a table into *ret, which the caller ends with chains_content_done()
 * whatever comes back; one that is not in use is empty. */
int chains_read(struct chains_content *ret, enum chains_backend backend,
    enum chains_family family, enum chains_table table,
    struct chains_error *ret_error);

/* chains_verify() of one table. */
int chains_verify_table(const struct chains_plan *plan,
    enum chains_backend backend, enum chains_table table,
    chains_report_fn *report, void *arg, struct chains_error *ret_error);

#endif
