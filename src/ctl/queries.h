#ifndef CTL_QUERIES_H
#define CTL_QUERIES_H

#include <jansson.h>

/* A query as a line of its own, for `watch`. */
void queries_print_event(const json_t *query);

#endif
