#ifndef PORT17_CLAIM_H
#define PORT17_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "port17/tunnel_set.h"
#include "src/base/name.h"
#include "src/core/flow.h"
#include "src/core/process.h"
#include "src/core/socket.h"

/* What the judge knows of a flow that it sent here. There are thousands: of
 * what most have none, or have short, no more is kept than there is. */
struct claim {
	struct tunnel_set *set; /* a reference */
	const struct tunnel *tunnel;
	const struct process *process; /* a reference */
	struct name *name;	       /* NULL: none; cut behind its end */
	char *rule;		       /* NULL: no proxy wants to know */
	enum attributed_by by;	       /* who says whose it is */
	bool by_name; /* the address is one of ours that stands for it */
};

/* In place of what it had; 0 or -ENOMEM (then it has none). */
int claim_set_name(struct claim *claim, const struct name *name);

/* The whole of it, also where there is none. */
struct name claim_name(const struct claim *claim);

/* For who only asks as whom it is: no name, no rule. */
struct claim claim_of_same(const struct claim *claim);

/* Gives the references back; accepts a zeroed one. */
void claim_done(struct claim *claim);

/* Of a dial: who it is for. All borrowed until the dial has ended. */
struct dial_identity {
	struct tunnel_identity words;
	struct addr src; /* the program's end; ADDR_NONE for our own flows */
	uint16_t sport;
	uint32_t pid, uid;
	uint64_t start, flow;
	const char *rule;	       /* NULL: none */
	const struct process *process; /* NULL: our own flows */
};

struct dial_identity claim_identity(
    const struct claim *claim, const struct flow_key *key, uint64_t flow);

#endif
