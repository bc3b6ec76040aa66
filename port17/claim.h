#ifndef PORT17_CLAIM_H
#define PORT17_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "port17/tunnel_set.h"
#include "src/base/name.h"
#include "src/core/flow.h"
#include "src/core/process.h"
#include "src/core/socket.h"

/* What the judge knows of a flow that it sent here. */
struct claim {
	struct tunnel_set *set; /* a reference */
	const struct tunnel *tunnel;
	const struct process *process; /* a reference */
	enum attributed_by by;	       /* who said so */
	struct name name;	       /* len 0: none */
	bool by_name;  /* the address is one of ours that stands for it */
	char rule[64]; /* for proxies that want to know */
};

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
