#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/accounts.h"
#include "src/core/rules.h"
#include "tests/fake/world.h"

/* What the machine says of every user and group, as its files or a server
 * answer. */
struct machine {
	int user, group; /* 0: 1000 and 10; else -errno */
	unsigned int asked;
	/* see struct policy_world */
	bool settled;
	const struct accounts *remembered;
};

static int
ask_user(void *arg, const char *name, uint32_t *ret)
{
	struct machine *machine = arg;

	(void)name;
	machine->asked++;
	if (machine->user == 0)
		*ret = 1000;
	return machine->user;
}

static int
ask_group(void *arg, const char *name, uint32_t *ret)
{
	struct machine *machine = arg;

	(void)name;
	machine->asked++;
	if (machine->group == 0)
		*ret = 10;
	return machine->group;
}

static int
compile(const struct policy **ret, const char *text, struct machine *machine,
    const struct policy *before, struct faults *faults)
{
	struct policy_world world = fake_world;
	struct rules *rules = rules_new();
	int r;

	world.user = ask_user;
	world.group = ask_group;
	world.path = NULL; /* no rule here has one */
	world.arg = machine;
	world.before = before;
	world.settled = machine->settled;
	world.remembered = machine->remembered;
	assert_int_equal(
	    rules_parse(rules, "t", text, strlen(text), faults), 0);
	r = policy_compile(ret, rules, &world, faults);
	rules_free(rules);
	return r;
}

static const struct {
	const char *name, *rules;
	int error;
	const char *fault; /* NULL: the user is missing, which is none */
} cases[] = {
	{ "not in the files", "block user eve", -ENOENT, NULL },
	{ "not in a directory", "block user eve", -ESRCH, NULL },
	{ "as some libraries say it", "block user eve", -EBADF, NULL },
	{ "as others do", "block user eve", -EPERM, NULL },
	{ "input or output", "block user eve", -EIO, "can't look up user" },
	{ "no descriptor", "block user eve", -EMFILE, "can't look up user" },
	{ "an entry without end", "block user eve", -ERANGE,
	    "can't look up user" },
	{ "no memory", "block user eve", -ENOMEM, "can't look up user" },
	{ "a server that is away", "accept not user eve", -EAGAIN,
	    "can't look up user" },
	{ "a file that may not be read", "block group eve", -EACCES,
	    "can't look up group" },
	{ "a number needs no look-up", "block user 7 group 8", -EIO, NULL },
};

static void
test_only_who_is_missing_is_missing(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(cases); i++) {
		struct machine machine = { .user = cases[i].error,
			.group = cases[i].error };
		struct faults *faults = faults_new();
		const struct policy *policy = NULL;
		int r =
		    compile(&policy, cases[i].rules, &machine, NULL, faults);
		const struct fault *fault = faults_get(faults, 0);

		if ((r == 0) != (cases[i].fault == NULL) ||
		    (fault != NULL &&
			strstr(fault->what, cases[i].fault) == NULL))
			fail_msg("%s: %d, %s", cases[i].name, r,
			    fault != NULL ? fault->what : "no fault");
		policy_unref(policy);
		faults_free(faults);
	}
}

/* A reload while the server is away: what denied her went by a number that
 * nobody can confirm, so that the policy before stays. */
static void
test_who_was_there_is_not_gone_for_a_failure(void **state)
{
	struct machine machine = { .user = 0 };
	struct faults *faults = faults_new();
	const struct policy *before = NULL, *policy = NULL;

	(void)state;
	assert_int_equal(
	    compile(&before, "block user eve", &machine, NULL, faults), 0);
	machine.user = -EIO;
	assert_int_equal(
	    compile(&policy, "block user eve", &machine, before, faults),
	    -EINVAL);
	assert_int_equal(faults_count(faults), 1);
	machine.user = -ENOENT;
	assert_int_equal(
	    compile(&policy, "block user eve", &machine, before, faults), 0);
	assert_int_equal(policy_account_find(policy, "eve", false)->state,
	    POLICY_ACCOUNT_GONE);
	assert_int_equal(policy_account_find(policy, "eve", false)->id, 1000);
	policy_unref(before);
	policy_unref(policy);
	faults_free(faults);
}

/* Each rule that names her is named, and a server is asked once. */
static void
test_one_look_up_for_all_rules(void **state)
{
	struct machine machine = { .user = -EIO };
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;

	(void)state;
	assert_int_equal(compile(&policy,
			     "block user eve\naccept user eve, eve\n"
			     "drop group eve\n",
			     &machine, NULL, faults),
	    -EINVAL);
	assert_int_equal(faults_count(faults), 3);
	assert_int_equal(faults_get(faults, 0)->line, 1);
	assert_int_equal(faults_get(faults, 1)->line, 2);
	assert_int_equal(faults_get(faults, 2)->column, 18);
	assert_int_equal(machine.asked, 2); /* the user, and the group */
	faults_free(faults);
}

/* After a restart: what was known of her, the machine's answer, whether it is a
 * fault, and what she is. */
static const struct {
	const char *name, *known;
	int error;
	bool settled, fault;
	enum policy_account_state state;
	uint32_t id;
} restarts[] = {
	{ "she is there", "user 7 eve\n", 0, true, false, POLICY_ACCOUNT_THERE,
	    1000 },
	{ "she is gone", "user 7 eve\n", -ENOENT, true, false,
	    POLICY_ACCOUNT_GONE, 7 },
	{ "nobody can say", "user 7 eve\n", -EIO, true, false,
	    POLICY_ACCOUNT_GONE, 7 },
	{ "never heard of, nobody can say", "user 7 adam\ngroup 7 eve\n", -EIO,
	    true, false, POLICY_ACCOUNT_MISSING, 0 },
	{ "rules that are new, nobody can say", "user 7 eve\n", -EIO, false,
	    true, POLICY_ACCOUNT_MISSING, 0 },
};

static void
test_who_was_known_before_a_restart_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(restarts); i++) {
		const char *name = restarts[i].name;
		struct accounts known;
		struct machine machine = { .user = restarts[i].error,
			.settled = restarts[i].settled,
			.remembered = &known };
		struct faults *faults = faults_new();
		const struct policy_account *eve;
		const struct policy *policy = NULL;

		row_true(name, accounts_parse(&known, restarts[i].known,
				   strlen(restarts[i].known)) == 0);
		row_true(
		    name, compile(&policy, "block user eve", &machine, NULL,
			      faults) == (restarts[i].fault ? -EINVAL : 0));
		eve = policy_account_find(policy, "eve", false);
		row_true(name,
		    restarts[i].fault || (eve->state == restarts[i].state &&
					     eve->id == restarts[i].id));
		row_true(name, restarts[i].fault ||
				   policy_rule_get(policy, 1)->waits ==
				       (eve->state != POLICY_ACCOUNT_THERE));
		policy_unref(policy);
		accounts_done(&known);
		faults_free(faults);
	}
}

/* Other rules change while the server is away. */
static void
test_a_failure_takes_nobody_out_of_rules_that_stay(void **state)
{
	struct machine machine = { .user = 0 };
	struct faults *faults = faults_new();
	const struct policy *before = NULL, *policy = NULL;

	(void)state;
	assert_int_equal(
	    compile(&before, "accept user eve", &machine, NULL, faults), 0);
	machine.user = -EIO;
	machine.settled = true;
	assert_int_equal(
	    compile(&policy, "accept user eve", &machine, before, faults), 0);
	assert_int_equal(policy_account_find(policy, "eve", false)->state,
	    POLICY_ACCOUNT_THERE);
	assert_false(policy_rule_get(policy, 1)->waits);
	policy_unref(before);
	policy_unref(policy);
	faults_free(faults);
}

static void
test_accounts_are_kept_as_text(void **state)
{
	static const char text[] = "user 7 e v\xc3\xa9\nuser 0 root\n"
				   "group 4294967294 wheel\n";
	static const char bad[] = "user 7\nuser x eve\nuser  eve\nusers 7 eve\n"
				  "user 4294967295 eve\nuser 7 \n\n"
				  "group 8 eve\nuser 7 e\0e\n";
	struct accounts accounts, again;
	char *printed = NULL;
	size_t len = 0;
	FILE *out;

	(void)state;
	assert_int_equal(accounts_parse(&accounts, text, strlen(text)), 0);
	out = open_memstream(&printed, &len);
	accounts_print(&accounts, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(printed, text);
	assert_int_equal(accounts_parse(&again, printed, len), 0);
	assert_true(accounts_equal(&accounts, &again));
	accounts_done(&again);
	assert_int_equal(accounts_parse(&again, bad, sizeof(bad) - 1), 8);
	assert_int_equal(again.n, 1);
	assert_false(accounts_equal(&accounts, &again));
	free(printed);
	accounts_done(&again);
	accounts_done(&accounts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_who_is_missing_is_missing),
		cmocka_unit_test(test_who_was_there_is_not_gone_for_a_failure),
		cmocka_unit_test(test_one_look_up_for_all_rules),
		cmocka_unit_test(test_who_was_known_before_a_restart_is_known),
		cmocka_unit_test(
		    test_a_failure_takes_nobody_out_of_rules_that_stay),
		cmocka_unit_test(test_accounts_are_kept_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
