#include "src/linux/chains.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/linux/chains_entry.h"
#include "src/linux/chains_probe.h"
#include "src/linux/xtable.h"

/* Reading what is in the kernel: chains_verify() and chains_show(). */

/* The rules of one chain as they stand. */
struct rules {
	struct chains_found *v;
	size_t n;
};

struct verify {
	struct xtable *t;
	chains_report_fn *report;
	void *arg;
	size_t differences;
};

static int
rules_read(struct rules *ret, struct xtable *t, const char *chain)
{
	struct chains_found found;
	size_t room = 0;

	*ret = (struct rules){ NULL, 0 };
	for (bool more = xtable_first_rule(t, chain, &found); more;
	     more = xtable_next_rule(t, &found)) {
		if (ret->n == room) {
			size_t grown = room == 0 ? 16 : room * 2;
			void *v =
			    reallocarray(ret->v, grown, sizeof(ret->v[0]));

			if (v == NULL) {
				free(ret->v);
				return -ENOMEM;
			}
			ret->v = v;
			room = grown;
		}
		ret->v[ret->n++] = found;
	}
	return 0;
}

static void __attribute__((format(printf, 3, 4)))
differ(struct verify *v, const char *chain, const char *fmt, ...)
{
	char what[2 * CHAINS_RULE_STRLEN + 64], line[sizeof(what) + 64];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap); /* may be cut */
	va_end(ap);
	(void)snprintf(line, sizeof(line), "%s %s %s: %s",
	    chains_family_name(v->t->family), chains_table_name(v->t->table),
	    chain, what);
	v->report(v->arg, line);
	v->differences++;
}

static bool
equals_row(const struct xtable *t, const struct chains_found *found, size_t row)
{
	struct chains_rule rule = chains_row_rule(row, t->family);
	struct chains_entry entry;

	chains_entry_build(&entry, &rule, t->family);
	return chains_entry_equal(t->family, found, &entry);
}

static bool
row_in(size_t row, const struct xtable *t, const char *chain)
{
	return chains_row_table(row) == t->table &&
	       strcmp(chains_row_chain(row), chain) == 0;
}

/* The first row of a chain at or after `row`. */
static size_t
next_row(size_t row, const struct xtable *t, const char *chain)
{
	while (row < chains_n_rows() && !row_in(row, t, chain))
		row++;
	return row;
}

static const char *
row_text(size_t row, const struct xtable *t, char buf[CHAINS_RULE_STRLEN])
{
	struct chains_rule rule = chains_row_rule(row, t->family);

	return chains_rule_format(
	    &rule, t->family, chains_row_chain(row), buf, CHAINS_RULE_STRLEN);
}

static const char *
found_text(const struct chains_found *found, const struct xtable *t,
    const char *chain, char buf[CHAINS_RULE_STRLEN])
{
	return chains_entry_format(
	    t->family, found, chain, buf, CHAINS_RULE_STRLEN);
}

/* A chain of ours holds its rows and nothing else. Where it does not, one step
 * of looking ahead tells an extra and a missing rule from a changed one. */
static void
verify_own(struct verify *v, const char *chain, const struct rules *rules)
{
	char is[CHAINS_RULE_STRLEN], should[CHAINS_RULE_STRLEN];
	size_t row = next_row(0, v->t, chain), i = 0;

	while (i < rules->n && row < chains_n_rows()) {
		size_t after = next_row(row + 1, v->t, chain);

		if (equals_row(v->t, &rules->v[i], row)) {
			i++;
			row = after;
		} else if (i + 1 < rules->n &&
			   equals_row(v->t, &rules->v[i + 1], row)) {
			differ(v, chain, "rule %zu is extra: %s", i + 1,
			    found_text(&rules->v[i], v->t, chain, is));
			i++;
		} else if (after < chains_n_rows() &&
			   equals_row(v->t, &rules->v[i], after)) {
			differ(v, chain, "missing before rule %zu: %s", i + 1,
			    row_text(row, v->t, should));
			row = after;
		} else {
			differ(v, chain, "rule %zu differs: %s instead of %s",
			    i + 1, found_text(&rules->v[i], v->t, chain, is),
			    row_text(row, v->t, should));
			i++;
			row = after;
		}
	}
	for (; i < rules->n; i++)
		differ(v, chain, "rule %zu is extra: %s", i + 1,
		    found_text(&rules->v[i], v->t, chain, is));
	for (; row < chains_n_rows(); row = next_row(row + 1, v->t, chain))
		differ(v, chain, "missing at the end: %s",
		    row_text(row, v->t, should));
}

/* What a row of a kernel's chain is called: by its jump, or in full. */
static const char *
row_name(size_t row, const struct xtable *t, char buf[CHAINS_RULE_STRLEN])
{
	struct chains_rule rule = chains_row_rule(row, t->family);

	if (rule.target != CHAINS_JUMP)
		return row_text(row, t, buf);
	(void)snprintf(buf, CHAINS_RULE_STRLEN, "jump to %s", rule.jump);
	return buf;
}

/* In a kernel's chain our rows stand first, each once. */
static void
verify_row_place(struct verify *v, const char *chain, size_t row, size_t place,
    const struct rules *rules)
{
	char name[CHAINS_RULE_STRLEN];
	size_t times = 0, first = 0;

	for (size_t i = 0; i < rules->n; i++) {
		if (!equals_row(v->t, &rules->v[i], row))
			continue;
		if (times++ == 0)
			first = i;
	}
	row_name(row, v->t, name);
	if (times == 0)
		differ(v, chain, "%s is missing", name);
	else if (first != place && place == 0)
		differ(v, chain, "%s is not first, it is rule %zu", name,
		    first + 1);
	else if (first != place)
		differ(v, chain, "%s is not rule %zu, it is rule %zu", name,
		    place + 1, first + 1);
	if (times > 1)
		differ(v, chain, "%s is there %zu times", name, times);
}

/* Jumps to our chains that are not rows: with matches, or from elsewhere. */
static void
verify_stray_jumps(
    struct verify *v, const char *chain, const struct rules *rules)
{
	char text[CHAINS_RULE_STRLEN];

	for (size_t i = 0; i < rules->n; i++) {
		bool is_row = false;

		if (!chains_is_own(v->t->table, rules->v[i].target))
			continue;
		for (size_t row = next_row(0, v->t, chain);
		     row < chains_n_rows() && !is_row;
		     row = next_row(row + 1, v->t, chain))
			is_row = equals_row(v->t, &rules->v[i], row);
		if (!is_row)
			differ(v, chain, "rule %zu is extra: %s", i + 1,
			    found_text(&rules->v[i], v->t, chain, text));
	}
}

static int
verify_chain(struct verify *v, const char *chain)
{
	struct rules rules;
	size_t place = 0;
	int r = rules_read(&rules, v->t, chain);

	if (r < 0)
		return r;
	if (chains_is_own(v->t->table, chain)) {
		verify_own(v, chain, &rules);
	} else {
		for (size_t row = next_row(0, v->t, chain);
		     row < chains_n_rows();
		     row = next_row(row + 1, v->t, chain))
			verify_row_place(v, chain, row, place++, &rules);
		verify_stray_jumps(v, chain, &rules);
	}
	free(rules.v);
	return 0;
}

static int
verify_table(struct verify *v)
{
	const char *chain;

	for (size_t n = 0; (chain = chains_own(v->t->table, n)) != NULL; n++)
		if (!xtable_has_chain(v->t, chain))
			differ(v, chain, "the chain is missing");
	for (chain = xtable_first_chain(v->t); chain != NULL;
	     chain = xtable_next_chain(v->t)) {
		int r = verify_chain(v, chain);

		if (r < 0)
			return r;
	}
	return 0;
}

int
chains_verify(enum chains_family family, chains_report_fn *report, void *arg,
    struct chains_error *ret_error)
{
	struct verify v = { .report = report, .arg = arg };
	int r;

	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++) {
		struct xtable t = { .family = family, .table = table };

		v.t = &t;
		if (!xtable_in_use(family, table)) {
			differ(&v, "table", "is not in use: no rule is there");
			continue;
		}
		r = xtable_open(&t, family, table);
		if (r < 0)
			return chains_fail_open(ret_error, r, family, table);
		r = verify_table(&v);
		xtable_close(&t);
		if (r < 0)
			return chains_fail(
			    ret_error, r, "can't verify: %s", strerror(-r));
	}
	return v.differences > 0;
}

static void
show_chain(struct xtable *t, const char *chain, chains_rule_fn *fn, void *arg)
{
	bool own = chains_is_own(t->table, chain);
	struct chains_found found;

	for (bool more = xtable_first_rule(t, chain, &found); more;
	     more = xtable_next_rule(t, &found)) {
		char text[CHAINS_RULE_STRLEN];
		unsigned long long packets, bytes;
		bool ours = own || chains_is_own(t->table, found.target);

		for (size_t row = next_row(0, t, chain);
		     row < chains_n_rows() && !ours;
		     row = next_row(row + 1, t, chain))
			ours = equals_row(t, &found, row);
		if (!ours)
			continue;
		chains_entry_counters(t->family, found.entry, &packets, &bytes);
		fn(arg, t->table, found_text(&found, t, chain, text), packets,
		    bytes);
	}
}

int
chains_show(enum chains_family family, chains_rule_fn *fn, void *arg,
    struct chains_error *ret_error)
{
	for (enum chains_table table = 0; table < CHAINS_N_TABLES; table++) {
		const char *chain;
		struct xtable t;
		int r;

		if (!xtable_in_use(family, table))
			continue;
		r = xtable_open(&t, family, table);
		if (r < 0)
			return chains_fail_open(ret_error, r, family, table);
		for (chain = xtable_first_chain(&t); chain != NULL;
		     chain = xtable_next_chain(&t))
			show_chain(&t, chain, fn, arg);
		xtable_close(&t);
	}
	return 0;
}
