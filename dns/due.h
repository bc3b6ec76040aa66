#ifndef DNS_DUE_H
#define DNS_DUE_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/mono.h"

/* What is due when: a heap. The owner embeds a node; nothing is allocated when
 * one is moved. */
struct due_node {
	mono_t when;
	size_t place; /* from 1; 0: not in it */
};

struct due {
	struct due_node **v;
	size_t n, room;
};

void due_done(struct due *due); /* accepts a zeroed one */

/* Puts it in, or moves it. False when there is no memory (never for one that
 * is in it). */
bool due_set(struct due *due, struct due_node *node, mono_t when);
void due_cancel(struct due *due, struct due_node *node);

/* The first of them, NULL for none. */
struct due_node *due_first(const struct due *due);

#endif
