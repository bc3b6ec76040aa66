#include "src/linux/chains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/linux/chains_entry.h"
#include "src/linux/chains_probe.h"
#include "src/linux/xtable.h"
#include "src/linux/xtlock.h"

/* Others that do not take the lock may change a table between our reading and
 * our commit; each such change costs one try. */
#define COMMIT_TRIES 20

/* No packet is lost in this order: without C17 the marks change nothing, and
 * without a mark C17 drops. */
static const enum chains_table install_order[CHAINS_N_TABLES] = {
	CHAINS_MANGLE,
	CHAINS_NAT,
	CHAINS_FILTER,
};

const char *
chains_family_name(enum chains_family family)
{
	switch (family) {
	case CHAINS_IP4:
		return "ip4";
	case CHAINS_IP6:
		return "ip6";
	}
	abort();
}

const char *
chains_table_name(enum chains_table table)
{
	switch (table) {
	case CHAINS_MANGLE:
		return "mangle";
	case CHAINS_NAT:
		return "nat";
	case CHAINS_FILTER:
		return "filter";
	}
	abort();
}

/* Ours in a chain of the kernel or of others: what jumps to a chain of ours,
 * and what is equal to a row of that chain. */
static bool
is_ours(
    const struct xtable *t, const char *chain, const struct chains_found *found)
{
	if (chains_is_own(t->table, found->target))
		return true;
	for (size_t row = 0; row < chains_n_rows(); row++) {
		struct chains_entry entry;
		struct chains_rule rule;

		if (chains_row_table(row) != t->table ||
		    strcmp(chains_row_chain(row), chain) != 0)
			continue;
		rule = chains_row_rule(row, t->family);
		chains_entry_build(&entry, &rule, t->family);
		if (chains_entry_equal(t->family, found, &entry))
			return true;
	}
	return false;
}

static int
take_out_rules(struct xtable *t, const char *chain)
{
	struct chains_found found;
	unsigned int at = 0;
	bool more = xtable_first_rule(t, chain, &found);

	while (more) {
		int r;

		if (!is_ours(t, chain, &found)) {
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
take_out(struct xtable *t)
{
	const char *chain;
	int r;

	for (chain = xtable_first_chain(t); chain != NULL;
	     chain = xtable_next_chain(t)) {
		if (chains_is_own(t->table, chain))
			continue;
		r = take_out_rules(t, chain);
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
place_of(size_t row)
{
	unsigned int n = 0;

	for (size_t i = 0; i < row; i++)
		if (chains_row_table(i) == chains_row_table(row) &&
		    strcmp(chains_row_chain(i), chains_row_chain(row)) == 0)
			n++;
	return n;
}

static int
put_in(struct xtable *t)
{
	const char *chain;
	int r;

	for (size_t n = 0; (chain = chains_own(t->table, n)) != NULL; n++) {
		r = xtable_create_chain(t, chain);
		if (r < 0)
			return r;
	}
	for (size_t row = 0; row < chains_n_rows(); row++) {
		struct chains_rule rule = chains_row_rule(row, t->family);
		struct chains_entry entry;

		if (chains_row_table(row) != t->table)
			continue;
		chains_entry_build(&entry, &rule, t->family);
		r = xtable_insert(
		    t, chains_row_chain(row), &entry, place_of(row));
		if (r < 0)
			return r;
	}
	return 0;
}

static int
change_table(enum chains_family family, enum chains_table table, bool install,
    struct chains_error *ret_error)
{
	int r;

	for (int try = 0; try < COMMIT_TRIES; try++) {
		struct xtable t;

		r = xtable_open(&t, family, table);
		if (r < 0)
			return chains_fail_open(ret_error, r, family, table);
		r = take_out(&t);
		if (r == 0 && install)
			r = put_in(&t);
		if (r == 0)
			r = xtable_commit(&t);
		xtable_close(&t);
		if (r != -EAGAIN)
			break;
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
remove_locked(enum chains_family family, struct chains_error *ret_error)
{
	for (size_t i = CHAINS_N_TABLES; i-- > 0;) {
		int r;

		if (!xtable_in_use(family, install_order[i]))
			continue;
		r = change_table(family, install_order[i], false, ret_error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
install_locked(enum chains_family family, struct chains_error *ret_error)
{
	struct chains_error ignored;

	for (size_t i = 0; i < CHAINS_N_TABLES; i++) {
		int r = change_table(family, install_order[i], true, ret_error);

		if (r < 0) {
			/* the first error is the one to tell */
			(void)remove_locked(family, &ignored);
			return r;
		}
	}
	return 0;
}

static int
take_lock(int *ret_fd, struct chains_error *ret_error)
{
	pid_t holder = 0;
	int r = xtlock_take(ret_fd, &holder);

	if (r == -EBUSY && holder > 0)
		return chains_fail(ret_error, r,
		    "pid %d holds the lock %s: another program is changing "
		    "iptables (ufw, firewalld, docker ...); try again",
		    (int)holder, xtlock_path());
	if (r == -EBUSY)
		return chains_fail(ret_error, r,
		    "the lock %s is held by a program that can't be seen from "
		    "here (a container's iptables, ufw, firewalld ...); try "
		    "again",
		    xtlock_path());
	if (r < 0)
		return chains_fail(ret_error, r, "can't open the lock %s: %s",
		    xtlock_path(), strerror(-r));
	return 0;
}

/* The lock is held over all tables, so that nobody sees half of it. */
int
chains_install(enum chains_family family, struct chains_error *ret_error)
{
	int lock, r;

	r = chains_probe(family, ret_error);
	if (r < 0)
		return r;
	r = take_lock(&lock, ret_error);
	if (r < 0)
		return r;
	r = install_locked(family, ret_error);
	xtlock_release(lock);
	return r;
}

static bool
any_in_use(enum chains_family family)
{
	for (size_t i = 0; i < CHAINS_N_TABLES; i++)
		if (xtable_in_use(family, install_order[i]))
			return true;
	return false;
}

int
chains_remove(enum chains_family family, struct chains_error *ret_error)
{
	int lock, r;

	if (!any_in_use(family))
		return 0;
	/* the privilege first: its lack is clearer than a lock's EACCES */
	r = chains_probe_tables(family, ret_error);
	if (r < 0)
		return r;
	r = take_lock(&lock, ret_error);
	if (r < 0)
		return r;
	r = remove_locked(family, ret_error);
	xtlock_release(lock);
	return r;
}

bool
chains_available(enum chains_family family)
{
	struct chains_error ignored;
	int r = chains_probe_tables(family, &ignored);

	return r != -ENOENT && r != -ENOPROTOOPT && r != -EAFNOSUPPORT;
}
