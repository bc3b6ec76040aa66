#ifndef CORE_FLOW_H
#define CORE_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/base/list.h"
#include "src/base/map.h"
#include "src/base/mono.h"
#include "src/core/decision.h"
#include "src/core/names.h"
#include "src/core/packet.h"
#include "src/core/process.h"
#include "src/core/socket.h"

struct policy;

/* A flow as this host's socket sees it: both directions have one key. A
 * loopback connection is two flows, one for each of its sockets. Zero padded:
 * hashed and compared as memory. */
struct flow_key {
	struct addr local, remote;
	uint16_t lport, rport;
	uint8_t proto;
	uint8_t zero;
};

/* There are thousands: in an order that leaves no holes. */
struct flow {
	struct map_node node;
	struct list lru;
	struct list socket; /* with others of its socket; flow.c alone */
	struct flow_key key;
	uint64_t inode;	  /* of the socket judged; 0 for none */
	uint64_t user;	  /* of the facts: who used it; 0: not known */
	uint64_t packets; /* that came to us */
	mono_t first, last;
	mono_t asked; /* when a query came that had been brought here */
	uint64_t bytes_in, bytes_out;
	const struct process *process; /* a reference */
	/* what rule counts in, only to be shown; NULL: of none that is there,
	 * see judge_part() */
	const struct policy *policy;
	/* what is shown in place of the decision, once the policy that it
	 * counts in is gone, or of what has ended; NULL: none. A reference */
	struct flow_rule *was;
	/* what the remote address was called when it was judged, or NULL; a
	 * reference. decision.host counts in them. */
	const struct host_names *hosts;
	struct decision decision; /* as the last packet got it */
	uint32_t tcp_seq; /* of the SYN judged: tells a retransmit from a new
			   * connection with the same ports */
	uint32_t ct_id;	  /* conntrack's entry that the bytes are of */
	enum attributed_by by; /* who said whose it is */
	bool in;	       /* begun by the other side */
	bool loopback;
	bool has_ports;
	bool nobodys; /* no socket stood behind it when it was judged */
	bool once;    /* as decided; not for loopback's sake alone */
	bool tcp_syn; /* tcp_seq is set */
	bool counted; /* the bytes are known */
	bool over;    /* only to be shown, see judge_end_key() */
	bool reset;   /* ended here: its one reset tells who began it */
	bool asks;    /* its socket is closed, and a query came since */
};

/* Bounded; the flow that was quiet longest makes room. */
struct flow_table;

struct flow_key flow_key_of(const struct packet_tuple *tuple, bool in);

/* NULL when there is no memory. */
struct flow_table *flow_table_new(size_t max);
void flow_table_free(struct flow_table *table);

/* Borrowed until the next flow_get() or flow_forget(). */
struct flow *flow_find(
    const struct flow_table *table, const struct flow_key *key);

/* The flow with this key is asked for soon: what holds it is fetched from
 * memory meanwhile, which takes longer than to look it up. */
void flow_expect(const struct flow_table *table, const struct flow_key *key);

/* Finds or makes the flow; a new one has process NULL and all else zero but
 * the key. *ret_evicted says whether another one was forgotten for it. NULL
 * when there is no memory. */
struct flow *flow_get(struct flow_table *table, const struct flow_key *key,
    mono_t now, bool *ret_evicted);

/* Marks it as seen now: it moves to the young end. */
void flow_touch(struct flow_table *table, struct flow *flow, mono_t now);

/* Gives back what the flow refers to, and the flow. */
void flow_forget(struct flow_table *table, struct flow *flow);

/* Sets the process of a flow; the flow takes a reference of its own. */
void flow_set_process(struct flow *flow, const struct process *proc);

/* Sets the socket of a flow of the table; 0: it has none. */
void flow_set_socket(
    struct flow_table *table, struct flow *flow, uint64_t inode);

/* Nobody has that socket any more, since `when` at the latest: its flows of
 * datagrams are left as they are, and flow_closed_next() gives each of them
 * once, unless it has another socket by then. NULL at the end; borrowed as by
 * flow_find(). */
void flow_closed(struct flow_table *table, uint64_t inode, mono_t when);
struct flow *flow_closed_next(struct flow_table *table);

/* The same for the names; NULL for none. */
void flow_set_hosts(struct flow *flow, const struct host_names *hosts);

/* What the remote side is called, as a rule has it or else as it was learnt
 * last; NULL where that is not known. */
const struct name *flow_host(const struct flow *flow);

/* Whether its program was told that itself, and not another one alone. */
bool flow_was_told_host(const struct flow *flow);

/* What was decided and why, for people: where the rule stands (file NULL: a
 * default decided), its label, the tunnel and the list that matched (NULL:
 * none), and which of the names it was, as in a decision. Borrowed. */
struct flow_shown {
	const char *file, *label, *tunnel, *list;
	unsigned int line;
	enum action action;
	enum reason reason;
	uint8_t host;
};
/* What decided; false where a default did. */
bool flow_shown(const struct flow *flow, struct flow_shown *ret);

struct flow_rule *flow_rule_ref(struct flow_rule *rule); /* accepts NULL */
void flow_rule_unref(struct flow_rule *rule);		 /* accepts NULL */

/* Lets the policy go, so that none is kept for what is only shown: the rule
 * stays to be seen until there is another policy. */
void flow_part(struct flow *flow);

/* It was ended since it would go another way by that decision: shown is the one
 * that it went. */
void flow_end(
    struct flow *flow, const struct policy *policy, const struct decision *d);

/* Whether it went by its decision: one that was ended so did not, nor by the
 * rule with that number. */
bool flow_went_so(const struct flow *flow);

/* Sets the policy its rule number counts in; a reference of its own too. */
void flow_set_policy(struct flow *flow, const struct policy *policy);

/* Another policy decides the same of it. True where that is for another reason
 * or by another rule: shown is what it was until flow_show_anew(). */
bool flow_decide_alike(
    struct flow *flow, const struct policy *policy, const struct decision *d);
void flow_show_anew(struct flow *flow);

struct flow_bytes {
	uint64_t in, out;
};

/* The kernel has counted so many bytes in its entry `id` of the flow: how many
 * of them are new. */
struct flow_bytes flow_count_bytes(
    struct flow *flow, uint32_t id, const struct flow_bytes *counted);

size_t flow_count(const struct flow_table *table);

/* From the flow seen last to the one that was quiet longest: first NULL, then
 * what came before. NULL at the end. */
const struct flow *flow_older(
    const struct flow_table *table, const struct flow *after);

/* The one that was quiet longest, where another one made room for the next or
 * is about to; NULL: all there were are there. Borrowed. */
const struct flow *flow_next_to_go(const struct flow_table *table);

/* A walk over all flows that goes on, a few at a time, while flows come, go
 * and are touched: what is there from begin to end is seen at least once. One
 * at a time; NULL at the end, or where none was begun. The flow given may be
 * forgotten. */
void flow_walk_begin(struct flow_table *table);
struct flow *flow_walk_next(struct flow_table *table);

#endif
