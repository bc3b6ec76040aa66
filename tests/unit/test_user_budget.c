#include "tests/unit/unit.h"

#include "src/core/user_budget.h"

#define SHARE 50
#define MOST (20 * MONO_MS)

static const mono_t start = { MONO_S };

static bool
may_spend(struct user_budgets *budgets, uint32_t uid)
{
	return budget_has(user_budget_of(budgets, uid, start), start);
}

/* What one has used up is nobody else's loss: not of another user of this
 * machine, nor of a directory's, whose numbers are high. */
static void
one_who_has_used_up_his_takes_nothing_of_others(void **state)
{
	static const uint32_t uids[] = { 1000, 1001, 65535, 65536, 70000,
		131072, 1000000, 2000000, 4294901760 };
	struct user_budgets budgets;

	(void)state;
	for (size_t i = 0; i < N_ROWS(uids); i++) {
		user_budgets_init(&budgets, SHARE, MOST);
		budget_spend(user_budget_of(&budgets, uids[i], start), MOST);
		for (size_t j = 0; j < N_ROWS(uids); j++) {
			bool one = user_budget_owner(uids[i]) ==
				   user_budget_owner(uids[j]);

			assert_int_equal(may_spend(&budgets, uids[j]), !one);
		}
	}
}

/* … but who has a range of numbers for himself has it once. */
static void
a_range_of_subuids_is_one(void **state)
{
	struct user_budgets budgets;

	(void)state;
	user_budgets_init(&budgets, SHARE, MOST);
	budget_spend(user_budget_of(&budgets, 65536, start), MOST);
	assert_false(may_spend(&budgets, 65537));
	assert_false(may_spend(&budgets, 131071));
	assert_true(may_spend(&budgets, 131072));
	assert_true(may_spend(&budgets, 0));
}

static void
it_is_earned_again(void **state)
{
	struct user_budgets budgets;
	mono_t later = mono_add(start, MONO_MS * SHARE);

	(void)state;
	user_budgets_init(&budgets, SHARE, MOST);
	budget_spend(user_budget_of(&budgets, 1000, start), MOST);
	assert_false(may_spend(&budgets, 1000));
	assert_true(budget_has(user_budget_of(&budgets, 1000, later), later));
}

/* Of too many the one who owes least is forgotten, and the worst is not. */
static void
who_owes_most_is_remembered(void **state)
{
	struct user_budgets budgets;

	(void)state;
	user_budgets_init(&budgets, SHARE, MOST);
	budget_spend(user_budget_of(&budgets, 1, start), MOST);
	for (uint32_t uid = 2; uid < 1000; uid++)
		budget_spend(user_budget_of(&budgets, uid, start), MONO_MS);
	assert_false(may_spend(&budgets, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    one_who_has_used_up_his_takes_nothing_of_others),
		cmocka_unit_test(a_range_of_subuids_is_one),
		cmocka_unit_test(it_is_earned_again),
		cmocka_unit_test(who_owes_most_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
