#include "src/linux/chains_rule.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "src/core/mark.h"
#include "src/linux/nfq.h"

/* A row is a rule for both families; where they differ it says both. */
struct row {
	enum chains_table table;
	const char *chain;
	/* IPPROTO_ICMP stands for the family's own ICMP */
	uint8_t proto;
	uint16_t dport;
	const char *dst[CHAINS_N_FAMILIES];
	bool not_lo, lo;
	unsigned int states;
	struct chains_mark connmark, marks[CHAINS_MARKS_MAX];
	enum chains_target target;
	const char *jump;
	uint16_t queue[CHAINS_N_FAMILIES];
	uint32_t set;
	const char *to[CHAINS_N_FAMILIES];
	uint16_t to_port;
	/* with fail = closed, or open, alone */
	enum {
		ALWAYS,
		WHEN_CLOSED,
		WHEN_OPEN
	} when;
	/* see struct chains_setup */
	enum {
		EITHER,
		WHEN_LATE,
		WHEN_EARLY
	} mark;
	/* a packet that has a mark already, so that C17 would not drop it when
	 * nobody listens: bypassed with fail = open alone */
	bool marked;
};

/* clang-format off */
#define IS(n) { .value = (n), .mask = UINT32_MAX }
#define IS_NOT(n) { .value = (n), .mask = UINT32_MAX, .other = true }
/* clang-format on */
#define MARKED(n) .marks = { IS(n) }
/* A10: also where others have added bits of their own to it meanwhile, above
 * those that ours have */
#define BITS 0xfffu
static_assert(MARK_LAST <= BITS, "all of ours are in these bits");
/* clang-format off */
#define HAS(n) .marks = { { .value = (n), .mask = BITS } }
/* clang-format on */
/* none of the marks that C17 saves */
#define FOREIGN                                                                \
	.marks = { IS_NOT(MARK_ACCEPT_FLOW), IS_NOT(MARK_BLOCK_FLOW),          \
		IS_NOT(MARK_DROP_FLOW), IS_NOT(MARK_PORT17),                   \
		IS_NOT(MARK_NAMESERVER) }
/* None of ours, nor one with bits of others beside (A10): those of ours are
 * 0x6a4 to 0x707 */
#define OTHERS                                                                 \
	.marks = { IS_NOT(MARK_NONE),                                          \
		{ .value = 0x600, .mask = 0xf00, .other = true },              \
		{ .value = 0x700, .mask = 0xf00, .other = true } }
/* A flow that was accepted before; what a helper of conntrack expected of one
 * has its mark, too, but was not */
#define ACCEPTED                                                               \
	.connmark = IS(MARK_ACCEPT_FLOW),                                      \
	.states = CHAINS_STATE_NEW | CHAINS_STATE_ESTABLISHED
#define OUT .queue = { NFQ_OUT4, NFQ_OUT6 }
#define IN .queue = { NFQ_IN4, NFQ_IN6 }
#define RELATED_ICMP .proto = IPPROTO_ICMP, .states = CHAINS_STATE_RELATED
#define RESOLVER .to = { "127.0.0.1", "::1" }
#define PORT17 .to = { PORT17_IP4, PORT17_IP6 }
#define LOOPBACK .dst = { "127.0.0.0/8", "::1/128" }

/* The specification's rules in its order, and additions of design.md
 * section 2 where they say A1, A3, A5, A6 or A8 to A11. */
static const struct row rows[] = {
	/* A9: where a mark changes in mangle the kernel looks for the route
	 * once more, for each packet: C17 restores it */
	{ CHAINS_MANGLE, "C170", ACCEPTED, .target = CHAINS_RETURN,
	    .mark = WHEN_LATE },
	/* A1: an ICMP error of a rejected packet must reach the program */
	{ CHAINS_MANGLE, "C170", RELATED_ICMP, .target = CHAINS_SET_MARK,
	    .set = MARK_ACCEPT },
	{ CHAINS_MANGLE, "C170", RELATED_ICMP, .target = CHAINS_RETURN },
	/* A5: what a helper of conntrack expected (ftp, sip) got the mark of
	 * the connection that it belongs to, which was not given to it */
	{ CHAINS_MANGLE, "C170", .states = CHAINS_STATE_RELATED,
	    .target = CHAINS_SET_CONNMARK, .set = MARK_NONE },
	/* A5: what conntrack doesn't know, a mark must not hide */
	{ CHAINS_MANGLE, "C170",
	    .states = CHAINS_STATE_INVALID | CHAINS_STATE_UNTRACKED,
	    .target = CHAINS_SET_MARK, .set = MARK_NONE },
	/* A5: a packet that has a mark before its connection is judged goes to
	 * the queue with it; once that was accepted it keeps it */
	{ CHAINS_MANGLE, "C170", .connmark = IS(MARK_NONE),
	    .marks = { IS_NOT(MARK_NONE) }, .target = CHAINS_QUEUE, OUT,
	    .marked = true },
	{ CHAINS_MANGLE, "C170", .connmark = IS(MARK_ACCEPT_FLOW),
	    .marks = { IS_NOT(MARK_NONE) }, .target = CHAINS_RETURN,
	    .mark = WHEN_EARLY },
	/* A5: see C171; the verdict was lost */
	{ CHAINS_MANGLE, "C170", .connmark = IS(MARK_WAITS),
	    .target = CHAINS_SET_CONNMARK, .set = MARK_NONE },
	{ CHAINS_MANGLE, "C170", .target = CHAINS_RESTORE_MARK },
	{ CHAINS_MANGLE, "C170", MARKED(MARK_NONE), .target = CHAINS_QUEUE, OUT,
	    .when = WHEN_CLOSED },
	/* fail = open: with nobody at the queue it passes, this once; without
	 * this chain it doesn't */
	{ CHAINS_MANGLE, "C170", MARKED(MARK_NONE), .target = CHAINS_SET_MARK,
	    .set = MARK_ACCEPT, .when = WHEN_OPEN },
	{ CHAINS_MANGLE, "C170", MARKED(MARK_ACCEPT), .target = CHAINS_QUEUE,
	    OUT, .when = WHEN_OPEN },
	/* A5: a connection that others gave a mark first */
	{ CHAINS_MANGLE, "C170", FOREIGN, .states = CHAINS_STATE_NEW,
	    .target = CHAINS_QUEUE, OUT, .marked = true },

	/* A9 */
	{ CHAINS_MANGLE, "C171", ACCEPTED, .target = CHAINS_RETURN,
	    .mark = WHEN_LATE },
	/* A1 */
	{ CHAINS_MANGLE, "C171", RELATED_ICMP, .target = CHAINS_SET_MARK,
	    .set = MARK_ACCEPT },
	{ CHAINS_MANGLE, "C171", RELATED_ICMP, .target = CHAINS_RETURN },
	/* A5: what a helper of conntrack expected (ftp, sip) got the mark of
	 * the connection that it belongs to, which was not given to it */
	{ CHAINS_MANGLE, "C171", .states = CHAINS_STATE_RELATED,
	    .target = CHAINS_SET_CONNMARK, .set = MARK_NONE },
	/* A5: what conntrack doesn't know, a mark must not hide */
	{ CHAINS_MANGLE, "C171",
	    .states = CHAINS_STATE_INVALID | CHAINS_STATE_UNTRACKED,
	    .target = CHAINS_SET_MARK, .set = MARK_NONE },
	/* A5: rules of others in INPUT may go by a mark that PREROUTING gave:
	 * it is kept, and C17 gives ours to the connection */
	{ CHAINS_MANGLE, "C171", .connmark = IS(MARK_NONE), OTHERS,
	    .target = CHAINS_SET_CONNMARK, .set = MARK_WAITS },
	{ CHAINS_MANGLE, "C171", .connmark = IS(MARK_WAITS),
	    .target = CHAINS_QUEUE, IN, .marked = true },
	{ CHAINS_MANGLE, "C171", .connmark = IS(MARK_WAITS),
	    .target = CHAINS_SET_CONNMARK, .set = MARK_NONE,
	    .when = WHEN_OPEN },
	{ CHAINS_MANGLE, "C171", .connmark = IS(MARK_ACCEPT_FLOW),
	    .marks = { IS_NOT(MARK_NONE) }, .target = CHAINS_RETURN,
	    .mark = WHEN_EARLY },
	{ CHAINS_MANGLE, "C171", .target = CHAINS_RESTORE_MARK },
	{ CHAINS_MANGLE, "C171", MARKED(MARK_NONE), .target = CHAINS_QUEUE, IN,
	    .when = WHEN_CLOSED },
	/* fail = open: with nobody at the queue it passes, this once; without
	 * this chain it doesn't */
	{ CHAINS_MANGLE, "C171", MARKED(MARK_NONE), .target = CHAINS_SET_MARK,
	    .set = MARK_ACCEPT, .when = WHEN_OPEN },
	{ CHAINS_MANGLE, "C171", MARKED(MARK_ACCEPT), .target = CHAINS_QUEUE,
	    IN, .when = WHEN_OPEN },
	/* A5: a connection that others gave a mark first */
	{ CHAINS_MANGLE, "C171", FOREIGN, .states = CHAINS_STATE_NEW,
	    .target = CHAINS_QUEUE, IN, .marked = true },

	/* A9: also while the rules of mangle are gone until they are put back
	 * (A7) */
	{ CHAINS_FILTER, "C17", ACCEPTED, MARKED(MARK_NONE),
	    .target = CHAINS_RESTORE_MARK },
	{ CHAINS_FILTER, "C17", MARKED(MARK_ACCEPT_FLOW),
	    .connmark = IS(MARK_ACCEPT_FLOW), .target = CHAINS_ACCEPT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_NONE), .target = CHAINS_DROP },
	/* A5: an answer is not to have a mark of others, nor go by it, and what
	 * is for once decides nothing more */
	{ CHAINS_FILTER, "C17", .connmark = IS(MARK_WAITS), OTHERS,
	    .target = CHAINS_SET_CONNMARK, .set = MARK_ACCEPT_FLOW },
	{ CHAINS_FILTER, "C17", .connmark = IS(MARK_WAITS),
	    .target = CHAINS_SET_CONNMARK, .set = MARK_NONE },
	{ CHAINS_FILTER, "C17", MARKED(MARK_ACCEPT), .target = CHAINS_ACCEPT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_BLOCK), .target = CHAINS_REJECT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_DROP), .target = CHAINS_DROP },
	/* A5 */
	{ CHAINS_FILTER, "C17", .connmark = IS(MARK_ACCEPT_FLOW), OTHERS,
	    .target = CHAINS_ACCEPT },
	{ CHAINS_FILTER, "C17", .target = CHAINS_SAVE_MARK },
	{ CHAINS_FILTER, "C17", MARKED(MARK_ACCEPT_FLOW),
	    .target = CHAINS_ACCEPT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_BLOCK_FLOW),
	    .target = CHAINS_REJECT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_DROP_FLOW), .target = CHAINS_DROP },
	/* A11, beside rules of others: what passes between a program and the
	 * resolver or Port17, over lo and from the address that the program has
	 * spoken to; others drop what comes from there by another device than
	 * theirs (Tailscale) */
	{ CHAINS_FILTER, "C17", .lo = true, MARKED(MARK_NAMESERVER),
	    .target = CHAINS_ACCEPT },
	{ CHAINS_FILTER, "C17", .lo = true, MARKED(MARK_PORT17),
	    .target = CHAINS_ACCEPT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_PORT17), .target = CHAINS_ACCEPT },
	/* A10: rules in nat add bits (0x4000 of kube-proxy, 0x2000 of netavark
	 * and CNI) to what leads to services of theirs */
	{ CHAINS_FILTER, "C17", HAS(MARK_ACCEPT_FLOW),
	    .target = CHAINS_SET_CONNMARK, .set = MARK_ACCEPT_FLOW },
	{ CHAINS_FILTER, "C17", HAS(MARK_ACCEPT), .target = CHAINS_SET_CONNMARK,
	    .set = MARK_NONE },
	{ CHAINS_FILTER, "C17", HAS(MARK_BLOCK), .target = CHAINS_REJECT },
	{ CHAINS_FILTER, "C17", HAS(MARK_BLOCK_FLOW), .target = CHAINS_REJECT },
	{ CHAINS_FILTER, "C17", HAS(MARK_DROP), .target = CHAINS_DROP },
	{ CHAINS_FILTER, "C17", HAS(MARK_DROP_FLOW), .target = CHAINS_DROP },

	{ CHAINS_MANGLE, "OUTPUT", .target = CHAINS_JUMP, .jump = "C170" },
	{ CHAINS_MANGLE, "INPUT", .target = CHAINS_JUMP, .jump = "C171" },
	{ CHAINS_FILTER, "OUTPUT", .target = CHAINS_JUMP, .jump = "C17" },
	{ CHAINS_FILTER, "INPUT", .target = CHAINS_JUMP, .jump = "C17" },

	/* A6: what is for this host alone never leaves it, whatever device a
	 * socket is bound to; and a denied packet doesn't either while the
	 * rules of filter are gone until they are put back (A7) */
	{ CHAINS_MANGLE, "POSTROUTING", LOOPBACK, .not_lo = true,
	    .target = CHAINS_DROP },
	/* A9: what was accepted has one rule to pass, not six */
	{ CHAINS_MANGLE, "POSTROUTING", .marks = { IS_NOT(MARK_ACCEPT_FLOW) },
	    .target = CHAINS_JUMP, .jump = "C172" },
	{ CHAINS_MANGLE, "C172", .not_lo = true, HAS(MARK_PORT17),
	    .target = CHAINS_DROP },
	/* A2: a query that was not brought to the resolver goes nowhere */
	{ CHAINS_MANGLE, "C172", .not_lo = true, HAS(MARK_NAMESERVER),
	    .target = CHAINS_DROP },
	{ CHAINS_MANGLE, "C172", HAS(MARK_BLOCK), .target = CHAINS_DROP },
	{ CHAINS_MANGLE, "C172", HAS(MARK_DROP), .target = CHAINS_DROP },
	{ CHAINS_MANGLE, "C172", HAS(MARK_BLOCK_FLOW), .target = CHAINS_DROP },
	{ CHAINS_MANGLE, "C172", HAS(MARK_DROP_FLOW), .target = CHAINS_DROP },

	{ CHAINS_NAT, "OUTPUT", .proto = IPPROTO_UDP, .dport = 53,
	    MARKED(MARK_NAMESERVER), .target = CHAINS_DNAT, RESOLVER,
	    .to_port = 53 },
	/* A2; no port: the mark is given to port 53 alone */
	{ CHAINS_NAT, "OUTPUT", .proto = IPPROTO_TCP, MARKED(MARK_NAMESERVER),
	    .target = CHAINS_DNAT, RESOLVER, .to_port = 53 },
	/* A3 in these three: 127.0.0.17 has no twin in IPv6 */
	{ CHAINS_NAT, "OUTPUT", .proto = IPPROTO_TCP, MARKED(MARK_PORT17),
	    .target = CHAINS_DNAT, PORT17, .to_port = PORT17_PORT },
	{ CHAINS_NAT, "OUTPUT", .proto = IPPROTO_UDP, MARKED(MARK_PORT17),
	    .target = CHAINS_DNAT, PORT17, .to_port = PORT17_PORT },
	{ CHAINS_NAT, "OUTPUT", MARKED(MARK_PORT17), .target = CHAINS_DNAT,
	    PORT17 },
	/* A10: with nobody at the queue it has no mark, and gets none of others
	 * that C17 would let pass */
	{ CHAINS_NAT, "OUTPUT", MARKED(MARK_NONE), .target = CHAINS_RETURN },

	/* A8: behind filter, with the last word: while mangle, nat and filter
	 * are gone until they are put back, what nobody judged has no mark,
	 * what was denied is let in no more than out, and what goes by a
	 * tunnel goes by no other way */
	{ CHAINS_SECURITY, "INPUT", .marks = { IS_NOT(MARK_ACCEPT_FLOW) },
	    .target = CHAINS_JUMP, .jump = "C173" },
	{ CHAINS_SECURITY, "OUTPUT", .marks = { IS_NOT(MARK_ACCEPT_FLOW) },
	    .target = CHAINS_JUMP, .jump = "C173" },
	/* A9: C17 is gone */
	{ CHAINS_SECURITY, "C173", ACCEPTED, MARKED(MARK_NONE),
	    .target = CHAINS_RESTORE_MARK },
	{ CHAINS_SECURITY, "C173", MARKED(MARK_NONE), .target = CHAINS_DROP },
	{ CHAINS_SECURITY, "C173", MARKED(MARK_BLOCK), .target = CHAINS_DROP },
	{ CHAINS_SECURITY, "C173", MARKED(MARK_DROP), .target = CHAINS_DROP },
	{ CHAINS_SECURITY, "C173", MARKED(MARK_BLOCK_FLOW),
	    .target = CHAINS_DROP },
	{ CHAINS_SECURITY, "C173", MARKED(MARK_DROP_FLOW),
	    .target = CHAINS_DROP },
	/* A6, where nat and mangle are gone: what begins and was not brought to
	 * this host; answers go to the address of who asked */
	{ CHAINS_SECURITY, "C173", LOOPBACK, MARKED(MARK_PORT17),
	    .target = CHAINS_RETURN },
	{ CHAINS_SECURITY, "C173", MARKED(MARK_PORT17),
	    .states = CHAINS_STATE_NEW, .target = CHAINS_DROP },
	{ CHAINS_SECURITY, "C173", LOOPBACK, MARKED(MARK_NAMESERVER),
	    .target = CHAINS_RETURN },
	{ CHAINS_SECURITY, "C173", MARKED(MARK_NAMESERVER),
	    .states = CHAINS_STATE_NEW, .target = CHAINS_DROP },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))
static_assert(N_ROWS <= CHAINS_ROWS_MAX, "a plan holds all rows");

static const struct {
	enum chains_table table;
	const char *chain;
} own_chains[] = {
	{ CHAINS_MANGLE, "C170" },
	{ CHAINS_MANGLE, "C171" },
	{ CHAINS_MANGLE, "C172" },
	{ CHAINS_FILTER, "C17" },
	{ CHAINS_SECURITY, "C173" },
};

#define N_OWN_CHAINS (sizeof(own_chains) / sizeof(own_chains[0]))

static struct chains_rule
rule_of(const struct row *r, enum chains_family family)
{
	struct chains_rule rule = {
		.proto = r->proto,
		.dport = r->dport,
		.not_lo = r->not_lo,
		.lo = r->lo,
		.states = r->states,
		.connmark = r->connmark,
		.target = r->target,
		.jump = r->jump,
		.queue = r->queue[family],
		.set = r->set,
		.to_port = r->to_port,
	};
	const char *dst = r->dst[family], *to = r->to[family];
	int bad = 0;

	memcpy(rule.marks, r->marks, sizeof(rule.marks));
	if (r->proto == IPPROTO_ICMP && family == CHAINS_IP6)
		rule.proto = IPPROTO_ICMPV6;
	if (dst != NULL)
		bad |= prefix_parse(&rule.dst, dst, strlen(dst));
	if (to != NULL)
		bad |= addr_parse(&rule.to, to, strlen(to));
	assert(bad == 0);
	return rule;
}

void
chains_plan(struct chains_plan *ret, enum chains_family family,
    const struct chains_setup *setup)
{
	ret->family = family;
	ret->n = 0;
	for (size_t i = 0; i < N_ROWS; i++) {
		struct chains_row *row = &ret->rows[ret->n];

		if ((rows[i].lo && setup->final) ||
		    rows[i].when ==
			(setup->fail_open ? WHEN_CLOSED : WHEN_OPEN) ||
		    rows[i].mark == (setup->late ? WHEN_EARLY : WHEN_LATE))
			continue;
		row->table = rows[i].table;
		row->chain = rows[i].chain;
		row->rule = rule_of(&rows[i], family);
		row->rule.no_bypass = rows[i].marked && !setup->fail_open;
		/* A4: others have their say after our yes */
		if (row->rule.target == CHAINS_ACCEPT && !setup->final &&
		    !rows[i].lo)
			row->rule.target = CHAINS_RETURN;
		chains_rule_format(&row->rule, family, row->chain, row->text,
		    sizeof(row->text));
		ret->n++;
	}
}

size_t
chains_plan_next(const struct chains_plan *plan, size_t row,
    enum chains_table table, const char *chain)
{
	while (row < plan->n && (plan->rows[row].table != table ||
				    strcmp(plan->rows[row].chain, chain) != 0))
		row++;
	return row;
}

const char *
chains_own(enum chains_table table, size_t n)
{
	for (size_t i = 0; i < N_OWN_CHAINS; i++)
		if (own_chains[i].table == table && n-- == 0)
			return own_chains[i].chain;
	return NULL;
}

bool
chains_is_own(enum chains_table table, const char *chain)
{
	const char *own;

	for (size_t n = 0; (own = chains_own(table, n)) != NULL; n++)
		if (strcmp(own, chain) == 0)
			return true;
	return false;
}
