#include "src/linux/xtable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

struct xtable_ops {
	void *(*init)(const char *table);
	void (*free)(void *h);
	int (*commit)(void *h);
	int (*is_chain)(const char *chain, void *h);
	int (*create_chain)(const char *chain, void *h);
	int (*flush)(const char *chain, void *h);
	int (*delete_chain)(const char *chain, void *h);
	const char *(*first_chain)(void *h);
	const char *(*next_chain)(void *h);
	const void *(*first_rule)(const char *chain, void *h);
	const void *(*next_rule)(const void *prev, void *h);
	const char *(*target)(const void *entry, void *h);
	int (*insert)(
	    const char *chain, const void *entry, unsigned int at, void *h);
	int (*delete_num)(const char *chain, unsigned int at, void *h);
	int (*builtin)(const char *chain, void *h);
	const char *(*get_policy)(
	    const char *chain, struct xt_counters *ret, void *h);
	int (*set_policy)(const char *chain, const char *policy,
	    struct xt_counters *counters, void *h);
};

/* libiptc has each function twice, with the family's own entry type; these
 * wrappers give both the types above. */
#define DEFINE_OPS(p)                                                          \
	static void *p##_init_(const char *table)                              \
	{                                                                      \
		return p##_init(table);                                        \
	}                                                                      \
	static void p##_free_(void *h)                                         \
	{                                                                      \
		p##_free(h);                                                   \
	}                                                                      \
	static int p##_commit_(void *h)                                        \
	{                                                                      \
		return p##_commit(h);                                          \
	}                                                                      \
	static int p##_is_chain_(const char *chain, void *h)                   \
	{                                                                      \
		return p##_is_chain(chain, h);                                 \
	}                                                                      \
	static int p##_create_chain_(const char *chain, void *h)               \
	{                                                                      \
		return p##_create_chain(chain, h);                             \
	}                                                                      \
	static int p##_flush_(const char *chain, void *h)                      \
	{                                                                      \
		return p##_flush_entries(chain, h);                            \
	}                                                                      \
	static int p##_delete_chain_(const char *chain, void *h)               \
	{                                                                      \
		return p##_delete_chain(chain, h);                             \
	}                                                                      \
	static const char *p##_first_chain_(void *h)                           \
	{                                                                      \
		return p##_first_chain(h);                                     \
	}                                                                      \
	static const char *p##_next_chain_(void *h)                            \
	{                                                                      \
		return p##_next_chain(h);                                      \
	}                                                                      \
	static const void *p##_first_rule_(const char *chain, void *h)         \
	{                                                                      \
		return p##_first_rule(chain, h);                               \
	}                                                                      \
	static const void *p##_next_rule_(const void *prev, void *h)           \
	{                                                                      \
		return p##_next_rule(prev, h);                                 \
	}                                                                      \
	static const char *p##_target_(const void *entry, void *h)             \
	{                                                                      \
		return p##_get_target(entry, h);                               \
	}                                                                      \
	static int p##_insert_(                                                \
	    const char *chain, const void *entry, unsigned int at, void *h)    \
	{                                                                      \
		return p##_insert_entry(chain, entry, at, h);                  \
	}                                                                      \
	static int p##_delete_num_(                                            \
	    const char *chain, unsigned int at, void *h)                       \
	{                                                                      \
		return p##_delete_num_entry(chain, at, h);                     \
	}                                                                      \
	static int p##_builtin_(const char *chain, void *h)                    \
	{                                                                      \
		return p##_builtin(chain, h);                                  \
	}                                                                      \
	static const char *p##_get_policy_(                                    \
	    const char *chain, struct xt_counters *ret, void *h)               \
	{                                                                      \
		return p##_get_policy(chain, ret, h);                          \
	}                                                                      \
	static int p##_set_policy_(const char *chain, const char *policy,      \
	    struct xt_counters *counters, void *h)                             \
	{                                                                      \
		return p##_set_policy(chain, policy, counters, h);             \
	}                                                                      \
	static const struct xtable_ops p##_xtable_ops = {                      \
		.init = p##_init_,                                             \
		.free = p##_free_,                                             \
		.commit = p##_commit_,                                         \
		.is_chain = p##_is_chain_,                                     \
		.create_chain = p##_create_chain_,                             \
		.flush = p##_flush_,                                           \
		.delete_chain = p##_delete_chain_,                             \
		.first_chain = p##_first_chain_,                               \
		.next_chain = p##_next_chain_,                                 \
		.first_rule = p##_first_rule_,                                 \
		.next_rule = p##_next_rule_,                                   \
		.target = p##_target_,                                         \
		.insert = p##_insert_,                                         \
		.delete_num = p##_delete_num_,                                 \
		.builtin = p##_builtin_,                                       \
		.get_policy = p##_get_policy_,                                 \
		.set_policy = p##_set_policy_,                                 \
	}

DEFINE_OPS(iptc);
DEFINE_OPS(ip6tc);

/* libiptc compares all 32 bytes of a chain's name. */
struct label {
	char name[CHAINS_NAME_SIZE];
};

static struct label
label_of(const char *chain)
{
	struct label label = { .name = "" };

	/* chain names are the kernel's or ours: at most 31 bytes */
	(void)snprintf(label.name, sizeof(label.name), "%s", chain);
	return label;
}

/* libiptc's functions return 0 on failure; errno 0 means that it is older than
 * the kernel. */
static int
result(int ok)
{
	if (ok)
		return 0;
	return errno != 0 ? -errno : -EPROTO;
}

int
xtable_open(
    struct xtable *ret, enum chains_family family, enum chains_table table)
{
	const struct xtable_ops *ops =
	    family == CHAINS_IP4 ? &iptc_xtable_ops : &ip6tc_xtable_ops;
	void *handle = ops->init(chains_table_name(table));

	if (handle == NULL)
		return result(0);
	*ret = (struct xtable){ ops, handle, family, table, false };
	return 0;
}

void
xtable_close(struct xtable *t)
{
	t->ops->free(t->handle);
}

/* libiptc forgets the counters of the policies at each commit (so does
 * iptables-legacy); set anew they stay. */
static int
keep_policy_counters(struct xtable *t)
{
	const char *chain;

	for (chain = xtable_first_chain(t); chain != NULL;
	     chain = xtable_next_chain(t)) {
		struct label label = label_of(chain), policy;
		struct xt_counters counters;
		const char *name;
		int r;

		if (!t->ops->builtin(label.name, t->handle))
			continue;
		name = t->ops->get_policy(label.name, &counters, t->handle);
		if (name == NULL)
			continue;
		policy = label_of(name);
		r = result(t->ops->set_policy(
		    label.name, policy.name, &counters, t->handle));
		if (r < 0)
			return r;
	}
	return 0;
}

int
xtable_commit(struct xtable *t)
{
	int r;

	if (!t->changed)
		return 0;
	r = keep_policy_counters(t);
	return r < 0 ? r : result(t->ops->commit(t->handle));
}

bool
xtable_in_use(enum chains_family family, enum chains_table table)
{
	const char *path = family == CHAINS_IP4 ? "/proc/net/ip_tables_names"
						: "/proc/net/ip6_tables_names";
	const char *name = chains_table_name(table);
	char line[CHAINS_NAME_SIZE + 2];
	bool found = false;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return errno != ENOENT;
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = strcmp(line, name) == 0;
	}
	(void)fclose(f); /* it was only read */
	return found;
}

bool
xtable_has_chain(const struct xtable *t, const char *chain)
{
	return t->ops->is_chain(label_of(chain).name, t->handle) != 0;
}

int
xtable_create_chain(struct xtable *t, const char *chain)
{
	t->changed = true;
	return result(t->ops->create_chain(label_of(chain).name, t->handle));
}

int
xtable_flush_chain(struct xtable *t, const char *chain)
{
	t->changed = true;
	return result(t->ops->flush(label_of(chain).name, t->handle));
}

int
xtable_delete_chain(struct xtable *t, const char *chain)
{
	t->changed = true;
	return result(t->ops->delete_chain(label_of(chain).name, t->handle));
}

const char *
xtable_first_chain(struct xtable *t)
{
	return t->ops->first_chain(t->handle);
}

const char *
xtable_next_chain(struct xtable *t)
{
	return t->ops->next_chain(t->handle);
}

static bool
found(struct xtable *t, const void *entry, struct chains_found *ret)
{
	if (entry == NULL)
		return false;
	ret->entry = entry;
	ret->target = t->ops->target(entry, t->handle);
	return true;
}

bool
xtable_first_rule(struct xtable *t, const char *chain, struct chains_found *ret)
{
	return found(
	    t, t->ops->first_rule(label_of(chain).name, t->handle), ret);
}

bool
xtable_next_rule(struct xtable *t, struct chains_found *rule)
{
	return found(t, t->ops->next_rule(rule->entry, t->handle), rule);
}

const char *
xtable_policy(struct xtable *t, const char *chain)
{
	struct label label = label_of(chain);
	struct xt_counters counters;
	const char *policy;

	if (!t->ops->builtin(label.name, t->handle))
		return "-";
	policy = t->ops->get_policy(label.name, &counters, t->handle);
	return policy != NULL ? policy : "-";
}

int
xtable_insert(struct xtable *t, const char *chain,
    const struct chains_entry *entry, unsigned int at)
{
	t->changed = true;
	return result(
	    t->ops->insert(label_of(chain).name, entry->bytes, at, t->handle));
}

int
xtable_delete(struct xtable *t, const char *chain, unsigned int at)
{
	t->changed = true;
	return result(t->ops->delete_num(label_of(chain).name, at, t->handle));
}
