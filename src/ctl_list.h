#ifndef CTL_LIST_H
#define CTL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct ctl_env;

/* An answer of many rows, written a few at a time, as fast as the client
 * reads. It shows what there was when it was made; what is forgotten meanwhile
 * is left out. */
struct ctl_list;

/* NULL when there is no memory. env is borrowed. */
struct ctl_list *ctl_list_flows(const struct ctl_env *env);
struct ctl_list *ctl_list_rules(const struct ctl_env *env);
void ctl_list_free(struct ctl_list *list); /* accepts NULL */

/* The next piece of the line, to be freed; NULL when there is no memory.
 * *ret_done says that it was the last. */
char *ctl_list_next(struct ctl_list *list, size_t *ret_len, bool *ret_done);

#endif
