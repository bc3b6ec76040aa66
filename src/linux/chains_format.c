#include "src/linux/chains_rule.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

/* In the order of iptables-save. */
static void
text_add_states(struct text *t, unsigned int states)
{
	static const struct {
		enum chains_state state;
		const char *name;
	} names[] = {
		{ CHAINS_STATE_INVALID, "INVALID" },
		{ CHAINS_STATE_NEW, "NEW" },
		{ CHAINS_STATE_RELATED, "RELATED" },
		{ CHAINS_STATE_ESTABLISHED, "ESTABLISHED" },
		{ CHAINS_STATE_UNTRACKED, "UNTRACKED" },
	};
	const char *sep = " -m conntrack --ctstate ";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((states & names[i].state) == 0)
			continue;
		text_add(t, "%s%s", sep, names[i].name);
		sep = ",";
	}
}

static void
text_add_mark(struct text *t, const char *match, const struct chains_mark *mark)
{
	if (mark->mask == 0)
		return;
	text_add(t, " -m %s%s --mark 0x%x", match, mark->other ? " !" : "",
	    mark->value);
	if (mark->mask != UINT32_MAX)
		text_add(t, "/0x%x", mark->mask);
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
		text_add(t, " -j NFQUEUE --queue-num %u%s", rule->queue,
		    rule->no_bypass ? "" : " --queue-bypass");
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
	case CHAINS_SET_CONNMARK:
		text_add(
		    t, " -j CONNMARK --set-xmark 0x%x/0xffffffff", rule->set);
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
	char addr[ADDR_STRLEN];

	text_add(&t, "-A %s", chain);
	if (rule->dst.addr.family != ADDR_NONE)
		text_add(&t, " -d %s/%u", addr_format(&rule->dst.addr, addr),
		    rule->dst.len);
	if (rule->lo)
		text_add(&t, " -i lo");
	if (rule->not_lo)
		text_add(&t, " ! -o lo");
	text_add_proto(&t, rule->proto);
	if (rule->dport != 0)
		text_add(&t, " -m udp --dport %u", rule->dport);
	for (size_t i = 0; i < CHAINS_MARKS_MAX; i++)
		text_add_mark(&t, "mark", &rule->marks[i]);
	text_add_mark(&t, "connmark", &rule->connmark);
	text_add_states(&t, rule->states);
	text_add_target(&t, rule, family);
	return buf;
}
