#include "src/linux/chains_rule.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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
	bool related;
	bool has_mark;
	uint32_t mark;
	enum chains_target target;
	const char *jump;
	uint16_t queue[CHAINS_N_FAMILIES];
	uint32_t set;
	const char *to[CHAINS_N_FAMILIES];
	uint16_t to_port;
};

#define MARKED(n) .has_mark = true, .mark = (n)
#define RELATED_ICMP .proto = IPPROTO_ICMP, .related = true
#define RESOLVER .to = { "127.0.0.1", "::1" }
#define PORT17 .to = { "127.0.0.17", "::1" }

/* The specification's rules in its order, and additions of design.md
 * section 2 where they say A1 or A3. */
static const struct row rows[] = {
	/* A1: an ICMP error of a rejected packet must reach the program */
	{ CHAINS_MANGLE, "C170", RELATED_ICMP, .target = CHAINS_SET_MARK,
	    .set = MARK_ACCEPT },
	{ CHAINS_MANGLE, "C170", RELATED_ICMP, .target = CHAINS_RETURN },
	{ CHAINS_MANGLE, "C170", .target = CHAINS_RESTORE_MARK },
	{ CHAINS_MANGLE, "C170", MARKED(MARK_NONE), .target = CHAINS_QUEUE,
	    .queue = { NFQ_OUT4, NFQ_OUT6 } },

	/* A1 */
	{ CHAINS_MANGLE, "C171", RELATED_ICMP, .target = CHAINS_SET_MARK,
	    .set = MARK_ACCEPT },
	{ CHAINS_MANGLE, "C171", RELATED_ICMP, .target = CHAINS_RETURN },
	{ CHAINS_MANGLE, "C171", .target = CHAINS_RESTORE_MARK },
	{ CHAINS_MANGLE, "C171", MARKED(MARK_NONE), .target = CHAINS_QUEUE,
	    .queue = { NFQ_IN4, NFQ_IN6 } },

	{ CHAINS_FILTER, "C17", MARKED(MARK_NONE), .target = CHAINS_DROP },
	{ CHAINS_FILTER, "C17", MARKED(MARK_ACCEPT), .target = CHAINS_ACCEPT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_BLOCK), .target = CHAINS_REJECT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_DROP), .target = CHAINS_DROP },
	{ CHAINS_FILTER, "C17", .target = CHAINS_SAVE_MARK },
	{ CHAINS_FILTER, "C17", MARKED(MARK_ACCEPT_FLOW),
	    .target = CHAINS_ACCEPT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_BLOCK_FLOW),
	    .target = CHAINS_REJECT },
	{ CHAINS_FILTER, "C17", MARKED(MARK_DROP_FLOW), .target = CHAINS_DROP },
	{ CHAINS_FILTER, "C17", MARKED(MARK_PORT17), .target = CHAINS_ACCEPT },

	{ CHAINS_MANGLE, "OUTPUT", .target = CHAINS_JUMP, .jump = "C170" },
	{ CHAINS_MANGLE, "INPUT", .target = CHAINS_JUMP, .jump = "C171" },
	{ CHAINS_FILTER, "OUTPUT", .target = CHAINS_JUMP, .jump = "C17" },
	{ CHAINS_FILTER, "INPUT", .target = CHAINS_JUMP, .jump = "C17" },

	{ CHAINS_NAT, "OUTPUT", .proto = IPPROTO_UDP, .dport = 53,
	    MARKED(MARK_NAMESERVER), .target = CHAINS_DNAT, RESOLVER,
	    .to_port = 53 },
	/* A3 in these three: 127.0.0.17 has no twin in IPv6 */
	{ CHAINS_NAT, "OUTPUT", .proto = IPPROTO_TCP, MARKED(MARK_PORT17),
	    .target = CHAINS_DNAT, PORT17, .to_port = 1117 },
	{ CHAINS_NAT, "OUTPUT", .proto = IPPROTO_UDP, MARKED(MARK_PORT17),
	    .target = CHAINS_DNAT, PORT17, .to_port = 1117 },
	{ CHAINS_NAT, "OUTPUT", MARKED(MARK_PORT17), .target = CHAINS_DNAT,
	    PORT17 },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct {
	enum chains_table table;
	const char *chain;
} own_chains[] = {
	{ CHAINS_MANGLE, "C170" },
	{ CHAINS_MANGLE, "C171" },
	{ CHAINS_FILTER, "C17" },
};

#define N_OWN_CHAINS (sizeof(own_chains) / sizeof(own_chains[0]))

size_t
chains_n_rows(void)
{
	return N_ROWS;
}

enum chains_table
chains_row_table(size_t row)
{
	return rows[row].table;
}

const char *
chains_row_chain(size_t row)
{
	return rows[row].chain;
}

struct chains_rule
chains_row_rule(size_t row, enum chains_family family)
{
	const struct row *r = &rows[row];
	struct chains_rule rule = {
		.proto = r->proto,
		.dport = r->dport,
		.related = r->related,
		.has_mark = r->has_mark,
		.mark = r->mark,
		.target = r->target,
		.jump = r->jump,
		.queue = r->queue[family],
		.set = r->set,
		.to_port = r->to_port,
	};

	if (r->proto == IPPROTO_ICMP && family == CHAINS_IP6)
		rule.proto = IPPROTO_ICMPV6;
	if (r->to[family] != NULL) {
		int bad =
		    addr_parse(&rule.to, r->to[family], strlen(r->to[family]));

		assert(bad == 0);
		(void)bad;
	}
	return rule;
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

/* Text that grows in a buffer and is cut at its end. */
struct text {
	char *buf;
	size_t size, at;
};

static void __attribute__((format(printf, 2, 3)))
text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->at, t->size - t->at, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	t->at = (size_t)n < t->size - t->at ? t->at + (size_t)n : t->size - 1;
}

static void
text_add_proto(struct text *t, uint8_t proto)
{
	switch (proto) {
	case 0:
		break;
	case IPPROTO_TCP:
		text_add(t, " -p tcp");
		break;
	case IPPROTO_UDP:
		text_add(t, " -p udp");
		break;
	case IPPROTO_ICMP:
		text_add(t, " -p icmp");
		break;
	case IPPROTO_ICMPV6:
		text_add(t, " -p ipv6-icmp");
		break;
	default:
		text_add(t, " -p %u", proto);
		break;
	}
}

static void
text_add_dnat(struct text *t, const struct chains_rule *rule)
{
	bool bracket = rule->to.family == ADDR_IP6 && rule->to_port != 0;
	char addr[ADDR_STRLEN];

	text_add(t, " -j DNAT --to-destination %s%s%s", bracket ? "[" : "",
	    addr_format(&rule->to, addr), bracket ? "]" : "");
	if (rule->to_port != 0)
		text_add(t, ":%u", rule->to_port);
}

static void
text_add_target(
    struct text *t, const struct chains_rule *rule, enum chains_family family)
{
	switch (rule->target) {
	case CHAINS_JUMP:
		text_add(t, " -j %s", rule->jump);
		return;
	case CHAINS_ACCEPT:
		text_add(t, " -j ACCEPT");
		return;
	case CHAINS_DROP:
		text_add(t, " -j DROP");
		return;
	case CHAINS_RETURN:
		text_add(t, " -j RETURN");
		return;
	case CHAINS_REJECT:
		text_add(t, " -j REJECT --reject-with %s",
		    family == CHAINS_IP4 ? "icmp-host-prohibited"
					 : "icmp6-adm-prohibited");
		return;
	case CHAINS_QUEUE:
		text_add(t, " -j NFQUEUE --queue-num %u --queue-bypass",
		    rule->queue);
		return;
	case CHAINS_SET_MARK:
		text_add(t, " -j MARK --set-xmark 0x%x/0xffffffff", rule->set);
		return;
	case CHAINS_RESTORE_MARK:
	case CHAINS_SAVE_MARK:
		text_add(t,
		    " -j CONNMARK --%s-mark --nfmask 0xffffffff --ctmask "
		    "0xffffffff",
		    rule->target == CHAINS_SAVE_MARK ? "save" : "restore");
		return;
	case CHAINS_DNAT:
		text_add_dnat(t, rule);
		return;
	}
	abort();
}

const char *
chains_rule_format(const struct chains_rule *rule, enum chains_family family,
    const char *chain, char *buf, size_t size)
{
	struct text t = { .buf = buf, .size = size };

	text_add(&t, "-A %s", chain);
	text_add_proto(&t, rule->proto);
	if (rule->dport != 0)
		text_add(&t, " -m udp --dport %u", rule->dport);
	if (rule->related)
		text_add(&t, " -m conntrack --ctstate RELATED");
	if (rule->has_mark)
		text_add(&t, " -m mark --mark 0x%x", rule->mark);
	text_add_target(&t, rule, family);
	return buf;
}
