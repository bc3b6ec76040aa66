#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/num.h"
#include "src/core/accounts.h"
#include "src/core/compiler.h"
#include "src/core/policy_own.h"

/* The highest id stands for none. */
#define ID_MAX (UINT32_MAX - 1)

/* One that a rule names; rules name the same ones often. */
struct account {
	struct map_node node;
	struct account *next;
	struct policy_account is;
};

const struct policy_account *
policy_account_find(const struct policy *policy, const char *name, bool group)
{
	return policy != NULL ? accounts_find(policy->accounts,
				    policy->n_accounts, name, group)
			      : NULL;
}

/* A look-up that found nobody, as getpwnam_r(3) has it; others failed. */
static bool
is_missing(int error)
{
	return error == -ENOENT || error == -ESRCH || error == -EBADF ||
	       error == -EPERM;
}

static int
account_number(const struct policy_account *account,
    const struct policy_world *world, uint32_t *ret)
{
	return (account->group ? world->group : world->user)(
	    world->arg, account->name, ret);
}

bool
policy_account_differs(
    const struct policy_account *account, const struct policy_world *world)
{
	uint32_t id = 0;
	int r = account_number(account, world, &id);

	if (account->state != POLICY_ACCOUNT_THERE)
		return r == 0;
	return r == 0 ? id != account->id : is_missing(r);
}

/* As it was in the policy before, or with the daemon before; NULL where neither
 * had a number for it. */
static const struct policy_account *
account_before(const struct policy_world *world, const char *name, bool group)
{
	const struct accounts *old = world->remembered;
	const struct policy_account *before =
	    policy_account_find(world->before, name, group);

	if (!policy_account_is_known(before) && old != NULL)
		before = accounts_find(old->v, old->n, name, group);
	return policy_account_is_known(before) ? before : NULL;
}

/* Asks this machine, then what was before. */
static void
account_ask(const struct compiler *c, struct account *ret)
{
	struct policy_account *account = &ret->is;
	const struct policy_world *world = c->world;
	const struct policy_account *before;
	int r = account_number(account, world, &account->id);

	if (r == 0) {
		account->state = POLICY_ACCOUNT_THERE;
		return;
	}
	account->unsure = !is_missing(r);
	account->state = POLICY_ACCOUNT_MISSING;
	before = account_before(world, account->name, account->group);
	if (before == NULL)
		return;
	/* a failure says nothing of who was there */
	account->state = account->unsure && world->settled
			     ? before->state
			     : POLICY_ACCOUNT_GONE;
	account->id = before->id;
}

static const struct account *
account_find(struct compiler *c, const char *name, bool group)
{
	size_t len = strlen(name);
	uint64_t hash = map_hash(&c->names, name, len);
	struct account *account;

	for (struct map_node *node = map_first(&c->names, hash); node != NULL;
	     node = map_next(node, hash)) {
		account = (struct account *)node; /* its first member */
		if (account->is.group == group &&
		    strcmp(account->is.name, name) == 0)
			return account;
	}
	account = arena_alloc(c->scratch, 1, sizeof(*account));
	if (account == NULL) {
		c->nomem = true;
		return NULL;
	}
	*account = (struct account){ .is = { .name = name, .group = group } };
	account_ask(c, account);
	map_put(&c->names, &account->node, hash);
	account->next = c->accounts;
	c->accounts = account;
	c->n_accounts++;
	return account;
}

/* A number is one, whoever has it. */
static bool
parse_number(struct compiler *c, const struct rule_value *v, uint32_t *ret)
{
	uint64_t id = 0;
	int r = num_parse(&id, v->text, strlen(v->text), ID_MAX);

	if (r == -EINVAL)
		return false;
	if (r < 0)
		compiler_fault(c, v, "no such number of a user or group:",
		    "a number up to 4294967294");
	*ret = (uint32_t)id;
	return true;
}

/* Somebody waits for an answer: a name that is not known is a slip. */
static bool
is_given(const struct compiler *c)
{
	return c->rule->runtime && c->rule->line == c->world->given;
}

/* "1000-2000", which is nobody's name. */
static bool
is_range(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && s[n] == '-' && s[n + 1] != '\0' &&
	       s[n + 1 + strspn(s + n + 1, "0123456789")] == '\0';
}

static void
account_faults(struct compiler *c, const struct rule_value *v,
    const struct policy_account *account)
{
	bool group = account->group;

	if (account->unsure && (!c->world->settled || is_given(c)))
		compiler_fault(c, v,
		    group ? "can't look up group" : "can't look up user",
		    "a name that the machine can look up");
	if (account->state == POLICY_ACCOUNT_THERE)
		return;
	c->waits = true;
	if (is_range(v->text))
		compiler_fault(c, v, "no range of numbers is taken",
		    "each of them, with commas between");
	else if (!account->unsure && is_given(c))
		compiler_fault(c, v, group ? "no group" : "no user",
		    group ? "a group of this machine, or a number"
			  : "a user of this machine, or a number");
}

/* Nobody is a user that is not there, and a number that was a user's may be
 * another one's next: it counts only where the rule accepts nothing by it. What
 * lets through all but a user of whom nothing is known lets nobody through. */
size_t
compiler_accounts(struct compiler *c, struct policy_match *ret,
    const struct rule_values *values, uint32_t *ret_ids)
{
	bool group = ret->field == FIELD_GROUP, nobody = false;
	bool accepts = c->rule->action == ACTION_ACCEPT;
	size_t n = 0;

	for (size_t i = 0; i < values->n; i++) {
		const struct rule_value *v = &values->v[i];
		const struct account *account;
		enum policy_account_state state;

		if (parse_number(c, v, &ret_ids[n])) {
			n++;
			continue;
		}
		account = account_find(c, v->text, group);
		if (account == NULL)
			return n;
		state = account->is.state;
		account_faults(c, v, &account->is);
		if (state == POLICY_ACCOUNT_THERE ||
		    (state == POLICY_ACCOUNT_GONE && accepts == ret->negated))
			ret_ids[n++] = account->is.id;
		else if (accepts && ret->negated)
			nobody = true;
	}
	if (!nobody)
		return n;
	ret->negated = false;
	return 0;
}

void
compiler_keep_accounts(struct compiler *c, struct policy *policy)
{
	struct policy_account *v =
	    compiler_alloc(c, c->n_accounts, sizeof(v[0]));
	size_t n = 0;

	if (v == NULL)
		return;
	for (const struct account *a = c->accounts; a != NULL; a = a->next) {
		v[n] = a->is;
		v[n].name = arena_strdup(c->arena, a->is.name);
		if (v[n++].name == NULL)
			c->nomem = true;
	}
	if (c->nomem)
		return;
	accounts_sort(v, n);
	policy->accounts = v;
	policy->n_accounts = n;
}

const struct policy_account *
policy_account_get(const struct policy *policy, size_t i)
{
	return i < policy->n_accounts ? &policy->accounts[i] : NULL;
}
