#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "src/core/flow.h"

/* The last decisions about flows, as they were taken: a ring. */
struct history;

/* max may be 0: nothing is kept. NULL when there is no memory. */
struct history *history_new(size_t max);
void history_free(struct history *history); /* accepts NULL */

/* Keeps a copy; the oldest one makes room. */
void history_add(struct history *history, const struct flow *flow);

/* Decisions are numbered: those from history_begin() to before history_end()
 * are there. */
uint64_t history_begin(const struct history *history);
uint64_t history_end(const struct history *history);

/* NULL if it is not there any more. Borrowed until the next history_add(); not
 * in any flow table. */
const struct flow *history_get(const struct history *history, uint64_t number);

#endif
