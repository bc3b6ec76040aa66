#ifndef CTL_RULES_LIST_H
#define CTL_RULES_LIST_H

#include "src/ctl/command.h"

/* `rules` alone, or with filters: the rules, and the defaults. A verdict is
 * that of the rule, what else is filtered by is of what it decided. */
enum status rules_list(const struct context *context);

#endif
