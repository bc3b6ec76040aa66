#ifndef CTL_LIST_H
#define CTL_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "src/core/decision.h"
#include "src/core/filter.h"
#include "src/core/policy.h"
#include "src/json.h"

struct ctl_env;
struct ctl_list;

/* What a kind of list does. */
struct ctl_list_ops {
	/* the i-th of n rows; NULL: left out, or no memory */
	json_t *(*row)(const struct ctl_list *list, size_t i);
	/* gives back what `rows` is; NULL: free() will do */
	void (*done)(struct ctl_list *list);
	bool wants_bytes; /* shows what flows moved */
};

/* An answer of many rows, written a few at a time, as fast as the client
 * reads. It shows what there was when it was made; what is forgotten meanwhile
 * is left out. */
struct ctl_list {
	const struct ctl_env *env; /* borrowed */
	const struct ctl_list_ops *ops;
	void *rows; /* of the kind */
	size_t n, at;
	bool lines; /* each row is an answer of its own */
	bool some;  /* a row was written */
	struct filter filter;
	struct json_time time; /* when it was made */
};

/* A list of n rows, rows taken (also on failure, by free()). NULL when there
 * is no memory. */
struct ctl_list *ctl_list_new(const struct ctl_env *env,
    const struct ctl_list_ops *ops, void *rows_take, size_t n);
void ctl_list_free(struct ctl_list *list); /* accepts NULL */

/* The next piece of the line, to be freed; NULL when there is no memory.
 * *ret_done says that it was the last. */
char *ctl_list_next(struct ctl_list *list, size_t *ret_len, bool *ret_done);

/* Puts into the row which rule of those in force it was, by its number; null
 * where another set of rules decided, or a default. */
void ctl_list_rule(const struct ctl_list *list, json_t *row,
    const struct policy *policy, const struct decision *decision);

/* Takes the filters out of the arguments of a call: exe, user, unit, domain,
 * verdict, address, port and since_ms. Unknown keys are left alone. 0, or
 * -EINVAL with what is wrong in what[]. */
int ctl_list_filter(
    struct filter *ret, const json_t *args, char what[FILTER_WHAT]);

#endif
