#include "tests/unit/unit.h"

#include <string.h>

#include "src/core/explain.h"
#include "src/core/policy.h"
#include "src/core/rules.h"
#include "tests/fake/world.h"

/* Rules from the command line that were good once: what is left of them when a
 * define, a list or a tunnel that they name is gone. */

struct row {
	const char *name, *rule, *subject;
	enum action action;
	const char *fault; /* NULL for none */
};

#define PASSES ACTION_ACCEPT
#define BLOCK ACTION_BLOCK
#define DROP ACTION_DROP

static const struct row rows[] = {
	{ "one that is good is as it was", "block list ads to port 7",
	    "port=8 to=192.0.2.7", PASSES, NULL },
	{ "a list that is gone may hold it", "block list gone to port 7",
	    "port=7 to=192.0.2.7", BLOCK, "no list 'gone'" },
	{ "but the rest is known", "block list gone to port 7",
	    "port=8 to=192.0.2.7", PASSES, "no list 'gone'" },
	{ "one of two lists", "drop list ads, gone user bob",
	    "user=bob to=192.0.2.7", DROP, "no list 'gone'" },
	{ "not on a list that is gone", "block not list gone user bob",
	    "user=bob to=192.0.2.7", BLOCK, "no list 'gone'" },
	{ "nothing else in it", "block out list gone", "exe=/a to=192.0.2.7",
	    BLOCK, "no list 'gone'" },
	{ "… but the direction", "block out list gone", "in from=192.0.2.7",
	    PASSES, "no list 'gone'" },
	{ "what accepts accepts nothing", "accept list gone",
	    "exe=/a to=192.0.2.7", DROP, "no list 'gone'" },
	{ "… whatever else it says", "accept to port 7 list gone",
	    "port=7 to=192.0.2.7", DROP, "no list 'gone'" },
	{ "a define that is gone", "block to $LAN", "to=192.0.2.7", BLOCK,
	    "for '$LAN'" },
	{ "its ports are known", "block to $LAN port 7", "to=192.0.2.7 port=7",
	    BLOCK, "for '$LAN'" },
	{ "other ports", "block to $LAN port 7", "to=192.0.2.7 port=8", PASSES,
	    "for '$LAN'" },
	{ "its addresses are known", "block to 10.0.0.0/8 port $WEB",
	    "to=10.1.1.1 port=7", BLOCK, "for '$WEB'" },
	{ "others", "block to 10.0.0.0/8 port $WEB", "to=192.0.2.7 port=7",
	    PASSES, "for '$WEB'" },
	{ "not: all of it is unknown", "block not to $LAN port 7",
	    "to=192.0.2.7 port=7", BLOCK, "for '$LAN'" },
	{ "a user behind a define", "block user $ALL exe /a", "exe=/a", BLOCK,
	    "for '$ALL'" },
	{ "another program", "block user $ALL exe /a", "exe=/b", PASSES,
	    "for '$ALL'" },
	{ "what accepts by a define", "accept to $LAN", "to=192.0.2.7", DROP,
	    "for '$LAN'" },
	{ "a tunnel that is gone", "reroute via gone user bob",
	    "user=bob to=192.0.2.7", BLOCK, "no tunnel 'gone'" },
	{ "of another user", "reroute via gone user bob",
	    "user=alice to=192.0.2.7", PASSES, "no tunnel 'gone'" },
	{ "a tunnel that is there", "reroute via tor user bob list gone",
	    "user=bob to=192.0.2.7", BLOCK, "no list 'gone'" },
	{ "words of another version", "block flavour sweet user bob",
	    "user=bob to=192.0.2.7", BLOCK, "unknown word 'flavour'" },
	{ "no rule at all", "blck user bob", "user=bob to=192.0.2.7", PASSES,
	    "unknown word 'blck'" },
	{ "a default is none", "default out block", "user=bob to=192.0.2.7",
	    PASSES, "unknown word 'default'" },
	{ "bytes that are no text", "block \xff", "to=192.0.2.7", PASSES,
	    "in the line" },
};

/* Behind a rule that accepts there is one that denies what it would accept. */
static const struct policy *
compile(const struct row *row)
{
	struct rules *rules = rules_new();
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	bool accepts = strncmp(row->rule, "accept", 6) == 0;

	assert_int_equal(rules_parse_held(rules, "cl", 4, row->rule), 0);
	if (accepts)
		assert_int_equal(rules_parse(rules, "f", "drop", 4, faults), 0);
	assert_int_equal(
	    policy_compile(&policy, rules, &fake_world, faults), 0);
	assert_int_equal(faults_count(faults), 0);
	assert_int_equal(policy_n_rules(policy), accepts ? 2 : 1);
	assert_int_equal(policy_n_runtime(policy), 1);
	faults_free(faults);
	rules_free(rules);
	return policy;
}

static void
test_what_is_left_of_a_rule_denies_what_it_may_mean(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const struct policy *policy = compile(row);
		const struct policy_rule *rule = policy_rule_get(policy, 1);
		struct source src = explain_source(row->subject);
		struct faults *faults = faults_new();
		struct decision d;
		struct explain e;

		assert_int_equal(
		    explain_parse(&e, &src, &fake_world, faults), 0);
		d = policy_decide(policy, &e.subject);
		if (d.action != row->action)
			fail_msg("%s: %s", row->name, action_name(d.action));
		if ((rule->fault == NULL) != (row->fault == NULL) ||
		    (rule->fault != NULL &&
			strstr(rule->fault, row->fault) == NULL))
			fail_msg("%s: %s", row->name,
			    rule->fault != NULL ? rule->fault : "no fault");
		assert_string_equal(rule->text, row->rule);
		assert_int_equal(rule->line, 4);
		explain_done(&e);
		faults_free(faults);
		policy_unref(policy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_is_left_of_a_rule_denies_what_it_may_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
