#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/policy.h"
#include "src/core/rules.h"
#include "tests/fake/world.h"
#include "tests/unit/random.h"

/* /cur leads there; nowhere where that is "". */
static int
leads_to(void *arg, const char *path, char *buf, size_t size)
{
	const char *to = arg;

	if (strncmp(path, "/cur", 4) != 0)
		to = path;
	else if (to[0] == '\0')
		return -ENOENT;
	return snprintf(buf, size, "%s%s", to, to == path ? "" : path + 4) <
		       (int)size
		   ? 0
		   : -ENAMETOOLONG;
}

/* A policy of rules that names /cur, while it leads there; behind `before`,
 * which is given up, where that is not NULL. */
static const struct policy *
compile(const char *text, const char *to, const struct policy *before)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	struct policy_world world = fake_world;

	world.path = leads_to;
	world.arg = (char *)to; /* only read */
	world.before = before;
	if (rules_parse(rules, "t.rules", text, strlen(text), faults) != 0 ||
	    policy_compile(&policy, rules, &world, faults) != 0)
		fail_msg("not compiled: %s", text);
	policy_unref(before);
	faults_free(faults);
	rules_free(rules);
	return policy;
}

static uint32_t
rule_of(const struct policy *policy, const char *exe)
{
	struct process *p = process_new(PROCESS_PROGRAM);
	struct subject s = { .process = p };
	uint32_t rule;

	random_set(&p->exe, exe);
	p->exe_here = true;
	rule = policy_decide(policy, &s).rule;
	process_unref(p);
	return rule;
}

static void
where_a_link_led_is_denied_still(void **state)
{
	static const struct {
		const char *rule;
		/* whether it matches what the link led to first, then and now
		 */
		uint32_t first[4];
	} rows[] = {
		{ "block exe /cur/x", { 1, 1, 1, 1 } },
		{ "drop exe /cur/*", { 1, 1, 1, 1 } },
		{ "reroute via tor exe /cur/**", { 1, 1, 1, 1 } },
		{ "accept exe /cur/x", { 1, 0, 0, 0 } },
		{ "accept exe /cur/*", { 1, 0, 0, 0 } },
		{ "block not exe /cur/x", { 0, 1, 1, 1 } },
		{ "accept not exe /cur/x", { 0, 0, 0, 0 } },
	};
	static const char *const to[] = { "/v1", "/v2", "", "/v3" };

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		const struct policy *policy = NULL;
		uint32_t is = rows[i].first[0];

		for (size_t k = 0; k < N_ROWS(to); k++) {
			char now[32];

			(void)snprintf(now, sizeof(now), "%s/x",
			    to[k][0] != '\0' ? to[k] : "/cur"); /* fits */
			policy = compile(rows[i].rule, to[k], policy);
			row_true(rows[i].rule, rule_of(policy, now) == is);
			row_true(rows[i].rule,
			    rule_of(policy, "/v1/x") == rows[i].first[k]);
		}
		policy_unref(policy);
	}
}

static void
a_reload_forgets_where_a_link_led(void **state)
{
	const struct policy *policy = compile("block exe /cur/x", "/v1", NULL);

	(void)state;
	policy = compile("block exe /cur/x", "/v2", policy);
	assert_int_equal(rule_of(policy, "/v1/x"), 1);
	policy_unref(policy);
	policy = compile("block exe /cur/x", "/v2", NULL);
	assert_int_equal(rule_of(policy, "/v1/x"), 0);
	policy_unref(policy);
}

/* Rules that are tried in between may not name it. */
static void
what_no_rule_names_for_a_while_is_kept(void **state)
{
	const struct policy *policy = compile("block exe /cur/x", "/v1", NULL);

	(void)state;
	policy = compile("block exe /cur/x", "/v2", policy);
	policy = compile("block exe /other", "/v2", policy);
	policy = compile("block exe /other", "/v3", policy);
	policy = compile("block exe /cur/x", "/v3", policy);
	assert_int_equal(rule_of(policy, "/v1/x"), 1);
	assert_int_equal(rule_of(policy, "/v2/x"), 1);
	assert_int_equal(rule_of(policy, "/v3/x"), 1);
	policy_unref(policy);
}

/* So many versions, and no more: a link may change without end. */
static void
what_a_link_led_to_is_bounded(void **state)
{
	const struct policy *policy = NULL;
	char to[32];

	(void)state;
	for (int i = 1; i <= 9; i++) {
		(void)snprintf(to, sizeof(to), "/v%d", i); /* fits */
		policy = compile("block exe /cur/x", to, policy);
	}
	assert_int_equal(rule_of(policy, "/v9/x"), 1);
	assert_int_equal(rule_of(policy, "/v5/x"), 1);
	assert_int_equal(rule_of(policy, "/v4/x"), 0);
	policy_unref(policy);
}

static void
a_path_that_leads_elsewhere_is_told(void **state)
{
	static const struct {
		const char *rule, *then, *now;
		bool moved;
	} rows[] = {
		{ "block exe /cur/x", "/v1", "/v1", false },
		{ "block exe /cur/x", "/v1", "/v2", true },
		{ "block exe /cur/x", "/v1", "", true },
		{ "block exe /cur/x", "", "/v1", true },
		/* a file comes where no link is: nothing is new */
		{ "block exe /cur/x", "", "/cur", false },
		{ "block parent /cur/*", "/v1", "/v2", true },
		{ "block script /cur/x", "/v1", "/v2", true },
		{ "block cmd /cur/x", "/v1", "/v2", false },
		{ "block exe /other", "/v1", "/v2", false },
		{ "block exe **/x", "/v1", "/v2", false },
	};

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		const struct policy *policy =
		    compile(rows[i].rule, rows[i].then, NULL);
		struct policy_world world = { .path = leads_to,
			.arg = (char *)rows[i].now }; /* only read */

		row_true(rows[i].rule,
		    policy_paths_moved(policy, &world) == rows[i].moved);
		policy_unref(policy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_a_link_led_is_denied_still),
		cmocka_unit_test(a_reload_forgets_where_a_link_led),
		cmocka_unit_test(what_no_rule_names_for_a_while_is_kept),
		cmocka_unit_test(what_a_link_led_to_is_bounded),
		cmocka_unit_test(a_path_that_leads_elsewhere_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
