#ifndef JSON_H
#define JSON_H

#include <jansson.h>

#include "src/base/mono.h"
#include "src/core/flow.h"

/* The objects of design.md section 9. All return a new reference, or NULL when
 * there is no memory. Foreign bytes that are no UTF-8 come out as U+FFFD. */

/* The moment of an answer in both clocks: tables keep the monotonic one, people
 * read the other. */
struct json_time {
	mono_t now;
	double wall; /* seconds since 1970 */
};

/* Reads the wall clock. */
struct json_time json_time_now(mono_t now);

json_t *json_flow(const struct flow *flow, const struct json_time *at);
json_t *json_process(const struct process *proc);

/* The object with all that is in another one; both are taken, and NULL of
 * either is no memory. */
json_t *json_with(json_t *object_take, json_t *more_take);

/* The object (taken, NULL for no memory) as an event of that kind. */
json_t *json_event(const char *event, json_t *object_take);

/* The name of the tunnel of a decision, or null. */
json_t *json_tunnel(const struct policy *policy, const struct decision *d);

/* A JSON string of any bytes. */
json_t *json_text(const char *s);

#endif
