#include "src/linux/chains_ops.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "src/base/mono.h"
#include "src/linux/chains_entry.h"
#include "src/linux/chains_probe.h"
#include "src/linux/nft.h"
#include "src/linux/xtable.h"

/* Others that do not take the lock may change a table between our reading and
 * our commit; each such change costs one try. How many there is time for
 * depends on who else the machine works for, so that it is time that is
 * bounded; it may pass in one try, with a machine that stands still. */
#define COMMIT_MAX (2 * MONO_S)
#define COMMIT_TRIES 20
/* A try that is broken off in its midst, when others have the processor, is one
 * that they change the table in: after a pause it has more of it at once. */
#define COMMIT_PAUSE_MS 1
/* What the kernel refuses it refuses again. But EINVAL is also what it says
 * when another one comes between the new table and the counters that are put
 * back into it (do_add_counters()): ours is in force then, or was. */
#define REFUSED_MAX 5

/* Ours in a chain of the kernel or of others: what jumps to a chain of ours,
 * and what is equal to a row of that chain. */
static bool
is_ours(const struct xtable *t, const char *chain,
    const struct chains_found *found, const struct chains_plan *plan)
{
	if (chains_is_own(t->table, found->target))
		return true;
	for (size_t row = chains_plan_next(plan, 0, t->table, chain);
	     row < plan->n;
	     row = chains_plan_next(plan, row + 1, t->table, chain)) {
		struct chains_entry entry;

		chains_entry_build(&entry, &plan->rows[row].rule, t->family);
		if (chains_entry_equal(t->family, found, &entry))
			return true;
	}
	return false;
}

static int
take_out_rules(
    struct xtable *t, const char *chain, const struct chains_plan *plan)
{
	struct chains_found found;
	unsigned int at = 0;
	bool more = xtable_first_rule(t, chain, &found);

	while (more) {
		int r;

		if (!is_ours(t, chain, &found, plan)) {
			more = xtable_next_rule(t, &found);
			at++;
			continue;
		}
		r = xtable_delete(t, chain, at);
		if (r < 0)
			return r;
		/* deleting ends the walk: go back to where it was */
		more = xtable_first_rule(t, chain, &found);
		for (unsigned int i = 0; more && i < at; i++)
			more = xtable_next_rule(t, &found);
	}
	return 0;
}

/* Jumps first: a chain that is jumped to can't be deleted. */
static int
take_out(struct xtable *t, const struct chains_plan *plan)
{
	const char *chain;
	int r;

	for (chain = xtable_first_chain(t); chain != NULL;
	     chain = xtable_next_chain(t)) {
		if (chains_is_own(t->table, chain))
			continue;
		r = take_out_rules(t, chain, plan);
		if (r < 0)
			return r;
	}
	for (size_t n = 0; (chain = chains_own(t->table, n)) != NULL; n++) {
		r = xtable_has_chain(t, chain) ? xtable_flush_chain(t, chain)
					       : 0;
		if (r < 0)
			return r;
	}
	for (size_t n = 0; (chain = chains_own(t->table, n)) != NULL; n++) {
		r = xtable_has_chain(t, chain) ? xtable_delete_chain(t, chain)
					       : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* How many rows before this one go to the same chain. */
static unsigned int
place_of(const struct chains_plan *plan, size_t row)
{
	const struct chains_row *r = &plan->rows[row];
	unsigned int n = 0;

	for (size_t i = chains_plan_next(plan, 0, r->table, r->chain); i < row;
	     i = chains_plan_next(plan, i + 1, r->table, r->chain))
		n++;
	return n;
}

static int
put_in(struct xtable *t, const struct chains_plan *plan)
{
	const char *chain;
	int r;

	for (size_t n = 0; (chain = chains_own(t->table, n)) != NULL; n++) {
		r = xtable_create_chain(t, chain);
		if (r < 0)
			return r;
	}
	for (size_t row = 0; row < plan->n; row++) {
		const struct chains_row *is = &plan->rows[row];
		struct chains_entry entry;

		if (is->table != t->table)
			continue;
		chains_entry_build(&entry, &is->rule, t->family);
		r = xtable_insert(t, is->chain, &entry, place_of(plan, row));
		if (r < 0)
			return r;
	}
	return 0;
}

static bool
is_worth_another(int r, int tries, int refused, mono_t end)
{
	if (r == -EINVAL)
		return refused < REFUSED_MAX;
	return r == -EAGAIN &&
	       (tries < COMMIT_TRIES || mono_before(mono_now(), end));
}

static int
change_table(const struct chains_plan *plan, enum chains_table table,
    bool install, struct chains_error *ret_error)
{
	enum chains_family family = plan->family;
	mono_t end = mono_add(mono_now(), COMMIT_MAX);
	int r, refused = 0;

	for (int tries = 1;; tries++) {
		struct xtable t;

		r = xtable_open(&t, family, table);
		if (r < 0)
			return chains_fail_open(ret_error, r, family, table);
		r = take_out(&t, plan);
		if (r == 0 && install)
			r = put_in(&t, plan);
		if (r == 0)
			r = xtable_commit(&t);
		xtable_close(&t);
		refused += r == -EINVAL;
		if (!is_worth_another(r, tries, refused, end))
			break;
		(void)poll(NULL, 0, COMMIT_PAUSE_MS);
	}
	if (r == -EAGAIN)
		return chains_fail(ret_error, r,
		    "%s: another program keeps changing table %s without the "
		    "lock: stop it, or try again",
		    chains_family_name(family), chains_table_name(table));
	if (r < 0)
		return chains_fail(ret_error, r,
		    "%s: the kernel refused the change of table %s: %s",
		    chains_family_name(family), chains_table_name(table),
		    strerror(-r));
	return 0;
}

static int
change(const struct chains_change *change, struct chains_error *ret_error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < CHAINS_N_TABLES; i++) {
		enum chains_table table = chains_order(i, change->install);

		if (change->tables[table])
			r = change_table(
			    change->plan, table, change->install, ret_error);
	}
	return r;
}

static bool
has_table(enum chains_family family, enum chains_table table)
{
	struct xtable t;

	if (xtable_open(&t, family, table) < 0)
		return false;
	xtable_close(&t);
	return true;
}

static int
read_chain(struct xtable *t, const char *chain, struct chains_content *ret)
{
	struct chains_found found;
	size_t len = strlen(chain);

	for (bool more = xtable_first_rule(t, chain, &found); more;
	     more = xtable_next_rule(t, &found)) {
		char text[CHAINS_RULE_STRLEN];
		struct chains_line *line;
		int r;

		chains_entry_format(
		    t->family, &found, chain, text, sizeof(text));
		r = chains_content_add_line(
		    ret, chain, len, text, strlen(text));
		if (r < 0)
			return r;
		line = chains_content_last(ret, chain, len);
		chains_entry_counters(
		    t->family, found.entry, &line->packets, &line->bytes);
	}
	return 0;
}

static int
read_table(struct chains_content *ret, struct chains_error *ret_error)
{
	const char *chain;
	struct xtable t;
	int r = xtable_open(&t, ret->family, ret->table);

	if (r < 0)
		return chains_fail_open(ret_error, r, ret->family, ret->table);
	for (chain = xtable_first_chain(&t); r == 0 && chain != NULL;
	     chain = xtable_next_chain(&t)) {
		const char *policy = xtable_policy(&t, chain);

		r = chains_content_add_chain(
		    ret, chain, strlen(chain), policy, strlen(policy));
	}
	for (size_t i = 0; r == 0 && i < ret->n; i++)
		r = read_chain(&t, ret->chains[i].name, ret);
	xtable_close(&t);
	return r < 0 ? chains_fail(ret_error, r, "can't read the tables: %s",
			   strerror(-r))
		     : 0;
}

static int
read_tables(struct chains_tables *ret, struct chains_error *ret_error)
{
	int r = 0;

	for (enum chains_table table = 0; r == 0 && table < CHAINS_N_TABLES;
	     table++)
		if (xtable_in_use(ret->family, table))
			r = read_table(&ret->table[table], ret_error);
	return r;
}

static int
state(enum chains_family family, uint64_t *ret_state, bool *ret_partial)
{
	uint32_t generation;
	uint64_t sum = 0;
	bool partial = false;

	/* the rules follow what others have in nf_tables, too: see
	 * chains_between() */
	if (nft_generation(&generation) == 0)
		sum = generation;
	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++) {
		int r = 0;

		if (xtable_in_use(family, table))
			r = xtable_state(family, table, &sum, &partial);
		if (r < 0)
			return r;
	}
	*ret_state = sum;
	*ret_partial = partial;
	return 0;
}

const struct chains_ops chains_libiptc = {
	.name = "libiptc",
	.lock = true,
	.probe_tables = chains_probe_tables,
	.probe = chains_probe,
	.in_use = xtable_in_use,
	.has = has_table,
	.read = read_tables,
	.change = change,
	.state = state,
};
