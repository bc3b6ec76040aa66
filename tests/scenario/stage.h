#ifndef TESTS_SCENARIO_STAGE_H
#define TESTS_SCENARIO_STAGE_H

#include <ldns/ldns.h>

#include "dns/msg.h"
#include "dns/resolve.h"

/* Where a script is played: the resolver with its settings, what it has sent,
 * and what the client got. */

#define SENT_MAX 256
#define TEXT 65536
/* Forwards, and other arrays of the settings. */
#define ARRAY_MAX 16

/* A question on its way. */
struct flying {
	struct attempt *attempt;
	uint8_t msg[600];
	size_t len;
	bool seen; /* by `sent` */
};

struct stage {
	const char *path;
	unsigned int line;
	bool bad;
	struct resolve *r;
	struct resolve_conf conf;
	bool configured;
	mono_t now, due;
	struct flying flying[SENT_MAX];
	size_t n_flying;
	char dead[256]; /* address where sending fails */
	char rules[TEXT], hosts[TEXT], zone[TEXT];
	struct addr stand_in; /* for names of tunnels without servers */
	struct addr self;     /* this host's */
	uint8_t answer[WIRE_MESSAGE_MAX]; /* what the client got */
	size_t answer_len;
	bool dropped, waits;
	enum record_from from;
	struct process *process;
	/* a reply that is being put together */
	uint8_t reply[WIRE_MESSAGE_MAX];
	size_t reply_len;
	struct flying replying; /* attempt NULL: none */
	unsigned int counts[3];
	int reply_ede;
	bool reply_edns, reply_badvers;
	/* records that are expected yet, of the answer at hand */
	ldns_pkt *got;
	size_t at[2];
	uint32_t random;
};

struct stage *stage_new(const char *path);
void stage_free(struct stage *s);

/* Says what is wrong with the line at hand. */
void stage_wrong(struct stage *s, const char *what, const char *more);

struct name stage_name(struct stage *s, const char *word);

/* True if it was a line that sets up the stage. */
bool stage_set_up(struct stage *s, const char *verb, char *rest);

/* The settings are complete, before the first question; they have changed
 * since; other rules. */
void stage_configure(struct stage *s);
void stage_reconfigure(struct stage *s);
void stage_set_rules(struct stage *s, const char *text);

#endif
