#ifndef LINUX_CHAINS_OPS_H
#define LINUX_CHAINS_OPS_H

#include "src/linux/chains_content.h"

/* The seam between what the rules are and how they get into the kernel: one
 * of these for each backend. The int functions return 0 or -errno with
 * *ret_error set. */
struct chains_change {
	const struct chains_plan *plan;
	bool tables[CHAINS_N_TABLES]; /* these alone */
	bool install;		      /* the plan's rows are to be there */
	/* how the tables stood lately; NULL: not known. Where others have
	 * changed them since, that is found out */
	const struct chains_tables *seen;
};

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
	/* adds chains and lines to the tables of *ret, which are empty */
	int (*read)(struct chains_tables *ret, struct chains_error *ret_error);
	/* in the order of chains_order() and one commit a table: takes
	 * everything of ours out and puts in what is to be there */
	int (*change)(
	    const struct chains_change *change, struct chains_error *ret_error);
	/* see chains_state() */
	int (*state)(
	    enum chains_family family, uint64_t *ret_state, bool *ret_partial);
};

extern const struct chains_ops chains_libiptc;
extern const struct chains_ops chains_restore;

const struct chains_ops *chains_ops(enum chains_backend backend);

/* The nth table in which anything is to be changed. */
enum chains_table chains_order(size_t n, bool install);

/* Whether a table stands as the plan has it; each difference is reported. */
bool chains_verify_table(const struct chains_plan *plan,
    const struct chains_content *table, chains_report_fn *report, void *arg);

#endif
