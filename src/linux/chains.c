#include "src/linux/chains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/linux/chains_content.h"
#include "src/linux/chains_ops.h"
#include "src/linux/chains_probe.h"
#include "src/linux/entry_end.h"
#include "src/linux/xtlock.h"

/* What iptables programs take is gone in less, unless they wait for others. */
#define LOCK_WAIT (2 * MONO_S)

/* No packet is lost in this order: without C17 the marks change nothing, and
 * without a mark C17 drops, as do the rules of security. NAT goes last: what
 * leads to tunnels is ended while it is there. */
static const enum chains_table install_order[CHAINS_N_TABLES] = {
	CHAINS_NAT,
	CHAINS_MANGLE,
	CHAINS_FILTER,
	CHAINS_SECURITY,
};

const struct chains_ops *
chains_ops(enum chains_backend backend)
{
	switch (backend) {
	case CHAINS_LIBIPTC:
		return &chains_libiptc;
	case CHAINS_RESTORE:
		return &chains_restore;
	}
	abort();
}

const char *
chains_backend_name(enum chains_backend backend)
{
	return chains_ops(backend)->name;
}

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
	case CHAINS_SECURITY:
		return "security";
	}
	abort();
}

enum chains_table
chains_order(size_t n, bool install)
{
	return install_order[install ? n : CHAINS_N_TABLES - 1 - n];
}

/* Whether the rules of the table can be there: security is left out where the
 * kernel lacks it. */
static bool
has(const struct chains_ops *ops, enum chains_family family,
    enum chains_table table)
{
	return table != CHAINS_SECURITY || ops->in_use(family, table) ||
	       ops->has(family, table);
}

int
chains_tables_read(struct chains_tables **ret, enum chains_backend backend,
    enum chains_family family, struct chains_error *ret_error)
{
	const struct chains_ops *ops = chains_ops(backend);
	struct chains_tables *tables = calloc(1, sizeof(*tables));
	/* a question that loads it: not where nothing of ours is */
	bool used = ops->in_use(family, CHAINS_FILTER);
	int r;

	if (tables == NULL)
		return chains_fail(ret_error, -ENOMEM, "out of memory");
	tables->backend = backend;
	tables->family = family;
	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++) {
		chains_content_init(&tables->table[table], family, table);
		tables->has[table] = table != CHAINS_SECURITY ||
				     ops->in_use(family, table) ||
				     (used && ops->has(family, table));
	}
	r = ops->read(tables, ret_error);
	if (r < 0) {
		chains_tables_free(tables);
		return r;
	}
	*ret = tables;
	return 0;
}

void
chains_tables_free(struct chains_tables *tables)
{
	if (tables == NULL)
		return;
	for (size_t i = 0; i < CHAINS_N_TABLES; i++)
		chains_content_done(&tables->table[i]);
	free(tables);
}

/* New ones have no mark by now. */
static void
end_tunnelled(enum chains_family family)
{
	int r = entry_end(family);

	/* -ENOENT: a kernel that can't list connections */
	if (r < 0 && r != -ENOENT)
		log_warning("firewall",
		    "%s: connections through tunnels can't be ended, and go on "
		    "without them: %s",
		    chains_family_name(family), strerror(-r));
}

static int
remove_locked(const struct chains_ops *ops, enum chains_family family,
    bool tunnels, struct chains_error *ret_error)
{
	const struct chains_setup any = { .final = true };
	struct chains_plan plan;
	struct chains_change change = { .plan = &plan };
	int r;

	/* rows in chains of the kernel are the same in every setup */
	chains_plan(&plan, family, &any);
	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++)
		change.tables[table] =
		    table != CHAINS_NAT && ops->in_use(family, table);
	r = ops->change(&change, ret_error);
	if (r < 0 || !ops->in_use(family, CHAINS_NAT))
		return r;
	if (tunnels)
		end_tunnelled(family);
	memset(change.tables, 0, sizeof(change.tables));
	change.tables[CHAINS_NAT] = true;
	return ops->change(&change, ret_error);
}

/* Each table holds ours whole, of this start or of one before, so that what
 * was closed is closed also where a later table fails. */
static int
install_locked(const struct chains_plan *plan, const struct chains_setup *setup,
    struct chains_error *ret_error)
{
	const struct chains_ops *ops = chains_ops(setup->backend);
	struct chains_tables *tables = NULL;
	struct chains_change change = { .plan = plan, .install = true };
	struct chains_error ignored;
	bool in = false;
	int r;

	/* C17 comes last and goes first */
	if (chains_tables_read(
		&tables, setup->backend, plan->family, &ignored) == 0)
		in = chains_content_find(&tables->table[CHAINS_FILTER],
			 chains_own(CHAINS_FILTER, 0)) != NULL;
	change.seen = tables;
	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++)
		change.tables[table] = has(ops, plan->family, table);
	r = ops->change(&change, ret_error);
	if (r < 0 && (!in || setup->fail_open))
		/* the first error is the one to tell */
		(void)remove_locked(ops, plan->family, false, &ignored);
	chains_tables_free(tables);
	return r < 0 ? r : in;
}

static int
take_lock(const struct chains_ops *ops, mono_t until, int *ret_fd,
    struct chains_error *ret_error)
{
	pid_t holder = 0;
	int r;

	*ret_fd = -1;
	if (!ops->lock)
		return 0;
	r = xtlock_take(until, ret_fd, &holder);
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

static void
give_lock(int fd)
{
	if (fd >= 0)
		xtlock_release(fd);
}

static mono_t
lock_soon(void)
{
	return mono_add(mono_now(), LOCK_WAIT);
}

/* The lock is held over all tables, so that nobody sees half of it. */
int
chains_install(enum chains_family family, const struct chains_setup *setup,
    struct chains_error *ret_error)
{
	const struct chains_ops *ops = chains_ops(setup->backend);
	struct chains_plan plan;
	int lock, r;

	r = ops->probe(family, ret_error);
	if (r < 0)
		return r;
	r = take_lock(ops, lock_soon(), &lock, ret_error);
	if (r < 0)
		return r;
	chains_plan(&plan, family, setup);
	r = install_locked(&plan, setup, ret_error);
	give_lock(lock);
	return r;
}

static bool
any_in_use(const struct chains_ops *ops, enum chains_family family)
{
	for (size_t i = 0; i < CHAINS_N_TABLES; i++)
		if (ops->in_use(family, install_order[i]))
			return true;
	return false;
}

/* What a program that holds the lock commits after us without having seen our
 * change, the kernel refuses: the number of rules is another one. */
int
chains_remove(enum chains_backend backend, enum chains_family family,
    const struct chains_removal *how, struct chains_error *ret_error)
{
	const struct chains_ops *ops = chains_ops(backend);
	int lock, locked, r;

	if (!any_in_use(ops, family))
		return 0;
	/* the privilege first: its lack is clearer than a lock's EACCES */
	r = ops->probe_tables(family, ret_error);
	if (r < 0)
		return r;
	locked = take_lock(
	    ops, how->insists ? how->until : lock_soon(), &lock, ret_error);
	if (locked < 0 && !how->insists)
		return locked;
	r = remove_locked(ops, family, how->tunnels, ret_error);
	give_lock(lock);
	if (r < 0)
		return r;
	return locked < 0 ? 1 : 0;
}

int
chains_repair(const struct chains_tables *tables,
    const struct chains_setup *setup, chains_report_fn *report, void *arg,
    struct chains_error *ret_error)
{
	const struct chains_ops *ops = chains_ops(tables->backend);
	struct chains_plan plan;
	struct chains_change change = {
		.plan = &plan, .install = true, .seen = tables
	};
	bool any = false;
	int lock, r;

	chains_plan(&plan, tables->family, setup);
	for (size_t i = 0; i < CHAINS_N_TABLES; i++) {
		enum chains_table table = chains_order(i, true);

		if (has(ops, tables->family, table) &&
		    !chains_verify_table(
			&plan, &tables->table[table], report, arg))
			any = change.tables[table] = true;
	}
	if (!any)
		return 0;
	r = take_lock(ops, lock_soon(), &lock, ret_error);
	if (r < 0)
		return r;
	r = ops->change(&change, ret_error);
	give_lock(lock);
	return r < 0 ? r : 1;
}

int
chains_state(enum chains_backend backend, enum chains_family family,
    uint64_t *ret_state, bool *ret_partial)
{
	return chains_ops(backend)->state(family, ret_state, ret_partial);
}

bool
chains_available(enum chains_backend backend, enum chains_family family)
{
	struct chains_error ignored;
	int r = chains_ops(backend)->probe_tables(family, &ignored);

	return r != -ENOENT && r != -ENOPROTOOPT && r != -EAFNOSUPPORT;
}
