#ifndef CORE_USER_BUDGET_H
#define CORE_USER_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/budget.h"

/* Time that is spent for users, counted for each: what one has used up others
 * have still. */

/* Of more, the one who owes least is forgotten. */
#define USER_BUDGETS_MAX 64

struct user_budgets {
	struct user_budget {
		uint32_t uid;
		struct budget budget;
	} all[USER_BUDGETS_MAX];
};

/* Each has a share of the time, and so much at once (budget.h). */
void user_budgets_init(
    struct user_budgets *budgets, uint64_t share, uint64_t most);

/* Who is counted for that user: whoever has numbers of his own for the users of
 * a user namespace (subuid(5)) has a range of 65536, as a rule, and is one with
 * all of them. */
uint32_t user_budget_owner(uint32_t uid);

/* What that one may have spent for him now. */
struct budget *user_budget_of(
    struct user_budgets *budgets, uint32_t uid, mono_t now);

#endif
