#ifndef PORT17_ASSOC_OWN_H
#define PORT17_ASSOC_OWN_H

#include "port17/assoc_ev.h"
#include "port17/backoff.h"
#include "port17/udp_sock_ev.h"
#include "src/base/map.h"

/* Behind struct assoc: shared by assoc_ev.c (associations, and what goes
 * through them) and assoc_rest_ev.c (what failed a moment ago, and rests). */

/* Who may share one. Hashed: zeroed first. */
struct assoc_key {
	struct addr src; /* of the program's socket */
	uint16_t sport;
	/* ADDR_NONE, or the address that stands for a name */
	struct addr name;
	const struct tunnel *via;
	const struct process *process;
};

struct assoc {
	struct map_node node;
	struct assocs *assocs;
	struct list users;
	struct assoc_key key;
	struct claim claim;
	struct dial *dial;
	struct leg *leg;
	struct udp_sock sock; /* closed: not yet */
	struct addr relay;    /* ADDR_NONE: where the proxy is */
	uint64_t number;      /* of the tunnel and its user, for backoff */
	mono_t up_at;
	bool heard; /* something came back */
	bool dying;
};

struct assocs {
	struct assocs_opts opts;
	struct map map;
	struct backoff backoff; /* tunnels, each with its users */
	/* A proxy may end an association for what one far end says (a port that
	 * nobody listens on). What was asked there, and heard nothing, rests;
	 * and the socket, where nobody was heard: not who speaks to others. */
	struct backoff fars;
};

/* One that ends while it is young has failed, whatever it carried. */
bool assoc_is_young(const struct assoc *assoc, mono_t now);

/* assoc->number of one that is made for that. */
uint64_t assoc_rest_number(
    const struct assocs *assocs, const struct assoc_want *want);

/* Whether its socket rests, by the hash of its key: then *ret_error says what
 * failed. */
bool assoc_rest_socket(
    const struct assocs *assocs, uint64_t hash, struct shake_error *ret_error);

/* Whether that far end may be asked by one of this number, and whether another
 * one may be begun; false with *ret_error as above. A yes is for who asks:
 * others wait for what becomes of it. */
bool assoc_rest_may_ask(struct assocs *assocs, uint64_t number,
    const struct flow_key *key, struct shake_error *ret_error);
bool assoc_rest_may_begin(struct assocs *assocs, const struct assoc_want *want,
    uint64_t hash, struct shake_error *ret_error);

/* It has ended: whether those after it have to wait. */
void assoc_rest_ended(struct assoc *assoc, enum outcome outcome);

#endif
