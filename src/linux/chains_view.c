#include "src/linux/chains.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>

#include "src/linux/chains_ops.h"
#include "src/linux/nft.h"
#include "src/linux/route.h"

/* Reading what is in the kernel: chains_verify() and what is like it. */

struct verify {
	const struct chains_plan *plan;
	const struct chains_content *table;
	chains_report_fn *report;
	void *arg;
	size_t differences;
};

static void __attribute__((format(printf, 3, 4)))
differ(struct verify *v, const char *chain, const char *fmt, ...)
{
	char what[2 * CHAINS_RULE_STRLEN + 64], line[sizeof(what) + 64];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap); /* may be cut */
	va_end(ap);
	(void)snprintf(line, sizeof(line), "%s %s %s: %s",
	    chains_family_name(v->table->family),
	    chains_table_name(v->table->table), chain, what);
	v->report(v->arg, line);
	v->differences++;
}

static bool
is_row(const struct verify *v, const struct chains_line *line, size_t row)
{
	return chains_line_is_row(line, &v->plan->rows[row]);
}

static size_t
next_row(const struct verify *v, size_t row, const struct chains_chain *chain)
{
	return chains_plan_next(v->plan, row, v->table->table, chain->name);
}

static const char *
row_text(const struct verify *v, size_t row)
{
	return v->plan->rows[row].text;
}

/* A chain of ours holds its rows and nothing else. Where it does not, one step
 * of looking ahead tells an extra and a missing rule from a changed one. */
static void
verify_own(struct verify *v, const struct chains_chain *chain)
{
	const struct chains_line *lines = chain->lines;
	size_t row = next_row(v, 0, chain), i = 0;

	while (i < chain->n && row < v->plan->n) {
		size_t after = next_row(v, row + 1, chain);

		if (is_row(v, &lines[i], row)) {
			i++;
			row = after;
		} else if (i + 1 < chain->n && is_row(v, &lines[i + 1], row)) {
			differ(v, chain->name, "rule %zu is extra: %s", i + 1,
			    lines[i].text);
			i++;
		} else if (after < v->plan->n && is_row(v, &lines[i], after)) {
			differ(v, chain->name, "missing before rule %zu: %s",
			    i + 1, row_text(v, row));
			row = after;
		} else {
			differ(v, chain->name,
			    "rule %zu differs: %s instead of %s", i + 1,
			    lines[i].text, row_text(v, row));
			i++;
			row = after;
		}
	}
	for (; i < chain->n; i++)
		differ(v, chain->name, "rule %zu is extra: %s", i + 1,
		    lines[i].text);
	for (; row < v->plan->n; row = next_row(v, row + 1, chain))
		differ(
		    v, chain->name, "missing at the end: %s", row_text(v, row));
}

/* What a row of a kernel's chain is called: by its jump, or in full. */
static const char *
row_name(const struct verify *v, size_t row, char buf[CHAINS_RULE_STRLEN])
{
	const struct chains_rule *rule = &v->plan->rows[row].rule;

	if (rule->target != CHAINS_JUMP)
		return row_text(v, row);
	(void)snprintf(buf, CHAINS_RULE_STRLEN, "jump to %s", rule->jump);
	return buf;
}

/* In a kernel's chain our rows stand first, each once. */
static void
verify_row_place(struct verify *v, const struct chains_chain *chain, size_t row,
    size_t place)
{
	char buf[CHAINS_RULE_STRLEN];
	const char *name = row_name(v, row, buf);
	size_t times = 0, first = 0;

	for (size_t i = 0; i < chain->n; i++) {
		if (!is_row(v, &chain->lines[i], row))
			continue;
		if (times++ == 0)
			first = i;
	}
	if (times == 0)
		differ(v, chain->name, "%s is missing", name);
	else if (first != place && place == 0)
		differ(v, chain->name, "%s is not first, it is rule %zu", name,
		    first + 1);
	else if (first != place)
		differ(v, chain->name, "%s is not rule %zu, it is rule %zu",
		    name, place + 1, first + 1);
	if (times > 1)
		differ(v, chain->name, "%s is there %zu times", name, times);
}

/* Jumps to our chains that are not rows: with matches, or from elsewhere. */
static void
verify_stray_jumps(struct verify *v, const struct chains_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++) {
		bool row_found = false;

		for (size_t row = next_row(v, 0, chain);
		     row < v->plan->n && !row_found;
		     row = next_row(v, row + 1, chain))
			row_found = is_row(v, &chain->lines[i], row);
		if (!row_found && chains_line_is_ours(v->table, chain,
				      &chain->lines[i], v->plan))
			differ(v, chain->name, "rule %zu is extra: %s", i + 1,
			    chain->lines[i].text);
	}
}

static void
verify_chain(struct verify *v, const struct chains_chain *chain)
{
	size_t place = 0;

	if (chains_is_own(v->table->table, chain->name)) {
		verify_own(v, chain);
		return;
	}
	for (size_t row = next_row(v, 0, chain); row < v->plan->n;
	     row = next_row(v, row + 1, chain))
		verify_row_place(v, chain, row, place++);
	verify_stray_jumps(v, chain);
}

/* A chain of the kernel's that is not there yet (nf_tables makes it with its
 * first rule) is an empty one. */
static void
verify_absent(struct verify *v)
{
	for (size_t row = 0; row < v->plan->n; row++) {
		struct chains_chain none = { .n = 0 };
		const char *name = v->plan->rows[row].chain;

		if (v->plan->rows[row].table != v->table->table ||
		    chains_is_own(v->table->table, name) ||
		    chains_content_find(v->table, name) != NULL)
			continue;
		(void)snprintf(none.name, sizeof(none.name), "%s",
		    name); /* of the kernel's: short */
		verify_row_place(v, &none, row, 0);
	}
}

bool
chains_verify_table(const struct chains_plan *plan,
    const struct chains_content *table, chains_report_fn *report, void *arg)
{
	struct verify v = { plan, table, report, arg, 0 };
	const char *own;

	if (table->n == 0) {
		differ(&v, "table", "is not in use: no rule is there");
		return false;
	}
	for (size_t n = 0; (own = chains_own(table->table, n)) != NULL; n++)
		if (chains_content_find(table, own) == NULL)
			differ(&v, own, "the chain is missing");
	for (size_t i = 0; i < table->n; i++)
		verify_chain(&v, &table->chains[i]);
	verify_absent(&v);
	return v.differences == 0;
}

bool
chains_verify(const struct chains_tables *tables,
    const struct chains_setup *setup, chains_report_fn *report, void *arg)
{
	struct chains_plan plan;
	bool stands = true;

	chains_plan(&plan, tables->family, setup);
	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++)
		if (tables->has[table] &&
		    !chains_verify_table(
			&plan, &tables->table[table], report, arg))
			stands = false;
	return stands;
}

static void
show_table(const struct chains_content *table, const struct chains_plan *plan,
    chains_rule_fn *fn, void *arg)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct chains_chain *chain = &table->chains[i];
		bool own = chains_is_own(table->table, chain->name);

		for (size_t j = 0; j < chain->n; j++) {
			const struct chains_line *l = &chain->lines[j];

			if (own || chains_line_is_ours(table, chain, l, plan))
				fn(arg, table->table, l->text, l->packets,
				    l->bytes);
		}
	}
}

void
chains_show(const struct chains_tables *tables, chains_rule_fn *fn, void *arg)
{
	const struct chains_setup any = { .final = true };
	struct chains_plan plan;

	/* rows in chains of the kernel are the same in every setup */
	chains_plan(&plan, tables->family, &any);
	for (size_t i = 0; i < CHAINS_N_TABLES; i++)
		show_table(&tables->table[i], &plan, fn, arg);
}

static const char *const hooks[] = { "INPUT", "OUTPUT" };

static bool
holds_others(const struct chains_content *c)
{
	const struct chains_setup any = { .final = true };
	struct chains_plan plan;

	chains_plan(&plan, c->family, &any);
	for (size_t h = 0; h < 2; h++) {
		const struct chains_chain *chain =
		    chains_content_find(c, hooks[h]);

		for (size_t i = 0; chain != NULL && i < chain->n; i++)
			if (!chains_line_is_ours(
				c, chain, &chain->lines[i], &plan))
				return true;
	}
	return false;
}

/* What iptables-restore makes, whose rules the tables have. */
static bool
is_of_iptables(uint8_t family, const char *table)
{
	static const char *const names[] = { "mangle", "nat", "filter",
		"security", "raw" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(table, names[i]) == 0)
			return family == NFPROTO_IPV4 || family == NFPROTO_IPV6;
	return false;
}

static bool
is_of_nobody(uint8_t family, const char *table)
{
	(void)family;
	(void)table;
	return false;
}

bool
chains_others(const struct chains_tables *tables)
{
	const struct chains_content *filter = &tables->table[CHAINS_FILTER];

	for (size_t h = 0; h < 2; h++) {
		const struct chains_chain *chain =
		    chains_content_find(filter, hooks[h]);

		if (chain != NULL && strcmp(chain->policy, "ACCEPT") != 0)
			return true;
	}
	return holds_others(filter);
}

bool
chains_between(const struct chains_tables *tables)
{
	bool restore = tables->backend == CHAINS_RESTORE;
	enum chains_family family = tables->family;

	if (holds_others(&tables->table[CHAINS_MANGLE]))
		return true;
	/* what the other backend has is none of our content */
	if (restore && chains_libiptc.in_use(family, CHAINS_MANGLE))
		return true;
	return nft_has_tables(restore ? is_of_iptables : is_of_nobody) != 0;
}

static bool
changes_mark(const struct chains_line *line)
{
	return chains_line_goes_to(line, "MARK") ||
	       (chains_line_goes_to(line, "CONNMARK") &&
		   strstr(line->target, "restore-mark") != NULL);
}

static void
report_spoiler(const struct chains_content *c, const struct chains_line *line,
    chains_report_fn *report, void *arg)
{
	char text[2 * CHAINS_RULE_STRLEN];

	(void)snprintf(text, sizeof(text),
	    "%s mangle: %s changes marks behind ours: flows that it meets are "
	    "not judged, and their first packets don't meet it; let it leave "
	    "marks 1700 to 1799 alone, see CAVEATS of rerouted(8)",
	    chains_family_name(c->family), line->text); /* may be cut */
	report(arg, text);
}

/* The rule itself, or those of the chain that it goes to: one step deep, as
 * docker, tailscale and their like are built. */
static size_t
report_spoilers(const struct chains_content *c, const struct chains_line *line,
    chains_report_fn *report, void *arg)
{
	size_t n = 0;

	if (changes_mark(line)) {
		report_spoiler(c, line, report, arg);
		return 1;
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct chains_chain *chain = &c->chains[i];

		if (chains_is_own(c->table, chain->name) ||
		    !chains_line_goes_to(line, chain->name))
			continue;
		for (size_t j = 0; j < chain->n; j++)
			if (changes_mark(&chain->lines[j])) {
				report_spoiler(
				    c, &chain->lines[j], report, arg);
				n++;
			}
	}
	return n;
}

size_t
chains_spoilers(
    const struct chains_tables *tables, chains_report_fn *report, void *arg)
{
	const struct chains_content *mangle = &tables->table[CHAINS_MANGLE];
	const struct chains_chain *chain =
	    chains_content_find(mangle, "OUTPUT");
	size_t n = 0;

	for (size_t i = 0; chain != NULL && i < chain->n; i++)
		n += report_spoilers(mangle, &chain->lines[i], report, arg);
	/* of IPv6 the kernel knows the user then, too */
	if (tables->family == CHAINS_IP4 && route_goes_by_user()) {
		report(arg,
		    "ip4: a routing rule is for users (uidrange): it does not "
		    "hold for what is judged, see CAVEATS of rerouted(8)");
		n++;
	}
	return n;
}
