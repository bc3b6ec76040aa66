#ifndef PORT17_TUNNEL_SET_H
#define PORT17_TUNNEL_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "port17/tunnel.h"

struct conf;

/* The tunnels of one generation of settings, in their order: immutable, counted
 * by reference; a flow keeps the generation that it began with. */
struct tunnel_set {
	unsigned int refs;
	size_t n;
	struct tunnel v[];
};

/* From settings that were checked. NULL when there is no memory. */
struct tunnel_set *tunnel_set_new(const struct conf *conf);
struct tunnel_set *tunnel_set_ref(struct tunnel_set *set);
void tunnel_set_unref(struct tunnel_set *set); /* accepts NULL */

/* NULL if there is none of that name. */
const struct tunnel *tunnel_set_find(
    const struct tunnel_set *set, const char *name);

/* What goes through a tunnel of another generation, by that member of it (NULL:
 * by which one is open still): whether it may stay with this one, as it leads
 * where that says. */
struct tunnel_use {
	const struct tunnel_set *set;
	const struct tunnel *tunnel, *via;
	bool udp;
};
bool tunnel_set_keeps(
    const struct tunnel_set *set, const struct tunnel_use *use);

/* The members of a list; a tunnel that is none has itself. */
size_t tunnel_set_members(const struct tunnel_set *set,
    const struct tunnel *tunnel, const struct tunnel *ret[TUNNEL_MEMBERS_MAX]);

#endif
