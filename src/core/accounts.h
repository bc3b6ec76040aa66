#ifndef CORE_ACCOUNTS_H
#define CORE_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct policy;
struct policy_account;

/* Users and groups that rules name, with the numbers that they had: what denied
 * one goes by that after a restart, too, where he can't be looked up. In order,
 * names owned, each of them POLICY_ACCOUNT_GONE. */
struct accounts {
	struct policy_account *v;
	size_t n;
};

void accounts_done(struct accounts *accounts); /* accepts a zeroed one */

/* By kind and name. */
void accounts_sort(struct policy_account *v, size_t n);
const struct policy_account *accounts_find(
    const struct policy_account *v, size_t n, const char *name, bool group);

/* Of whom the policy knows a number; where `also` is not NULL, those of it that
 * the policy does not name stay. ret is uninitialised before; 0 or -ENOMEM. */
int accounts_make(struct accounts *ret, const struct policy *policy,
    const struct accounts *also);

bool accounts_equal(const struct accounts *a, const struct accounts *b);

/* As text, and back: "user NUMBER NAME" a line. What can't be read is left out;
 * returns how many lines that were, or -ENOMEM. */
void accounts_print(const struct accounts *accounts, FILE *out);
int accounts_parse(struct accounts *ret, const char *text, size_t len);

#endif
