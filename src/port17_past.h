#ifndef PORT17_PAST_H
#define PORT17_PAST_H

#include <stddef.h>
#include <stdint.h>

#include "port17/session_ev.h"
#include "port17/shake.h"
#include "port17/udp_ev.h"

/* Tunnelled flows that have ended, for a while: bounded, the oldest goes. */
#define PORT17_PASTS_MAX 4096

struct port17_past {
	struct map_node node;
	struct list lru;
	struct flow_key key;
	char tunnel[TUNNEL_NAME_SIZE], via[TUNNEL_NAME_SIZE]; /* "": none */
	uint64_t up, down;
	uint32_t dial_ms;
	enum closed closed;
	enum outcome outcome; /* of the dial */
	char why[SHAKE_WHY_SIZE];
	const struct process *process; /* a reference */
	enum attributed_by by;	       /* who said so */
	mono_t ended;
};

struct port17_pasts;

/* Those that make room are counted there; borrowed. NULL: no memory. */
struct port17_pasts *port17_pasts_new(uint64_t *forgotten);
void port17_pasts_free(struct port17_pasts *pasts); /* accepts NULL */

/* In place of an earlier one with this key; NULL where there is no memory.
 * Everything but node, lru and key is the caller's to set. */
struct port17_past *port17_pasts_put(
    struct port17_pasts *pasts, const struct flow_key *key);
const struct port17_past *port17_pasts_find(
    const struct port17_pasts *pasts, const struct flow_key *key);

#endif
