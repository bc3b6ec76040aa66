#include "src/core/user_budget.h"

/* Numbers of users that are handed out in ranges, from here on. */
#define SUBUIDS 65536

void
user_budgets_init(struct user_budgets *budgets, uint64_t share, uint64_t most)
{
	for (size_t i = 0; i < USER_BUDGETS_MAX; i++)
		budgets->all[i] =
		    (struct user_budget){ 0, { .share = share, .most = most } };
}

uint32_t
user_budget_owner(uint32_t uid)
{
	return uid < SUBUIDS ? uid : uid / SUBUIDS * SUBUIDS;
}

struct budget *
user_budget_of(struct user_budgets *budgets, uint32_t uid, mono_t now)
{
	struct user_budget *least = &budgets->all[0];

	uid = user_budget_owner(uid);
	for (size_t i = 0; i < USER_BUDGETS_MAX; i++) {
		struct user_budget *user = &budgets->all[i];

		(void)budget_has(&user->budget, now); /* it has earned since */
		if (user->uid == uid)
			return &user->budget;
		if (user->budget.spent < least->budget.spent)
			least = user;
	}
	least->uid = uid;
	least->budget.spent = 0;
	return &least->budget;
}
