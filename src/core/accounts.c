#include "src/core/accounts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/line.h"
#include "src/base/num.h"
#include "src/core/policy.h"

void
accounts_done(struct accounts *accounts)
{
	for (size_t i = 0; i < accounts->n; i++)
		free((char *)accounts->v[i].name); /* owned: see add() */
	free(accounts->v);
	memset(accounts, 0, sizeof(*accounts));
}

static int
account_cmp(const void *a, const void *b)
{
	const struct policy_account *x = a, *y = b;

	return x->group != y->group ? (int)x->group - (int)y->group
				    : strcmp(x->name, y->name);
}

void
accounts_sort(struct policy_account *v, size_t n)
{
	if (n > 0)
		qsort(v, n, sizeof(v[0]), account_cmp);
}

const struct policy_account *
accounts_find(
    const struct policy_account *v, size_t n, const char *name, bool group)
{
	const struct policy_account key = { .name = name, .group = group };

	return n > 0 ? bsearch(&key, v, n, sizeof(key), account_cmp) : NULL;
}

/* At the end; name is len bytes. */
static int
add(struct accounts *accounts, struct policy_account account, const char *name,
    size_t len)
{
	struct policy_account *v =
	    reallocarray(accounts->v, accounts->n + 1, sizeof(v[0]));

	if (v == NULL)
		return -ENOMEM;
	accounts->v = v;
	account.name = strndup(name, len);
	if (account.name == NULL)
		return -ENOMEM;
	account.state = POLICY_ACCOUNT_GONE;
	account.unsure = false;
	v[accounts->n++] = account;
	return 0;
}

int
accounts_make(struct accounts *ret, const struct policy *policy,
    const struct accounts *also)
{
	struct accounts accounts = { NULL, 0 };
	const struct policy_account *a;
	int r = 0;

	for (size_t i = 0;
	     r == 0 && (a = policy_account_get(policy, i)) != NULL; i++)
		if (policy_account_is_known(a))
			r = add(&accounts, *a, a->name, strlen(a->name));
	for (size_t i = 0; r == 0 && also != NULL && i < also->n; i++) {
		a = &also->v[i];
		if (!policy_account_is_known(
			policy_account_find(policy, a->name, a->group)))
			r = add(&accounts, *a, a->name, strlen(a->name));
	}
	if (r < 0) {
		accounts_done(&accounts);
		return r;
	}
	accounts_sort(accounts.v, accounts.n);
	*ret = accounts;
	return 0;
}

bool
accounts_equal(const struct accounts *a, const struct accounts *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (account_cmp(&a->v[i], &b->v[i]) != 0 ||
		    a->v[i].id != b->v[i].id)
			return false;
	return true;
}

void
accounts_print(const struct accounts *accounts, FILE *out)
{
	for (size_t i = 0; i < accounts->n; i++)
		fprintf(out, "%s %" PRIu32 " %s\n",
		    accounts->v[i].group ? "group" : "user", accounts->v[i].id,
		    accounts->v[i].name);
}

/* "user NUMBER NAME" without its newline; a name may have blanks. */
static int
parse_line(struct accounts *accounts, const char *s, size_t len)
{
	struct policy_account account = { .group = false };
	const char *end = s + len, *number = memchr(s, ' ', len), *name;
	uint64_t id;

	if (number == NULL)
		return -EINVAL;
	account.group = number - s == 5 && memcmp(s, "group", 5) == 0;
	if (!account.group && (number - s != 4 || memcmp(s, "user", 4) != 0))
		return -EINVAL;
	number++;
	name = memchr(number, ' ', (size_t)(end - number));
	if (name == NULL || name + 1 == end ||
	    memchr(name, '\0', (size_t)(end - name)) != NULL ||
	    num_parse(&id, number, (size_t)(name - number), UINT32_MAX - 1) < 0)
		return -EINVAL;
	account.id = (uint32_t)id;
	name++;
	return add(accounts, account, name, (size_t)(end - name));
}

int
accounts_parse(struct accounts *ret, const char *text, size_t len)
{
	struct line line;
	int bad = 0;

	memset(ret, 0, sizeof(*ret));
	while (line_next(&line, &text, &len)) {
		int r = parse_line(ret, line.s, line.len);

		if (r == -ENOMEM) {
			accounts_done(ret);
			return r;
		}
		bad += r < 0;
	}
	accounts_sort(ret->v, ret->n);
	return bad;
}
