#include "src/linux/chains_entry.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libiptc/libxtc.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "src/linux/chains_extension.h"

#define ALL UINT32_C(0xffffffff)

/* header + matches + target stay within the buffer */
static_assert(
    sizeof(struct ip6t_entry) +
	    (3 + CHAINS_MARKS_MAX) * sizeof(struct xt_entry_match) +
	    XT_ALIGN(sizeof(struct xt_udp)) +
	    XT_ALIGN(sizeof(struct xt_conntrack_mtinfo3)) +
	    (1 + CHAINS_MARKS_MAX) * XT_ALIGN(sizeof(struct xt_mark_mtinfo1)) +
	    sizeof(struct xt_entry_target) +
	    XT_ALIGN(sizeof(struct nf_nat_range2)) <=
	CHAINS_ENTRY_SIZE,
    "the largest rule fits");

/* Appends a match or target (their headers have one layout); returns its own
 * bytes, zeroed. */
static void *
put(struct chains_entry *e, const char *name, uint8_t revision, size_t size)
{
	struct xt_entry_match *m = (void *)(e->bytes + e->len);

	m->u.user.match_size = (uint16_t)(sizeof(*m) + size);
	m->u.user.revision = revision;
	/* names are constants or chain names, both shorter than the field */
	(void)snprintf(m->u.user.name, sizeof(m->u.user.name), "%s", name);
	e->len += m->u.user.match_size;
	return m->data;
}

static void *
put_extension(struct chains_entry *e, enum chains_extension_id ext)
{
	const struct chains_extension *x = chains_extension(ext);

	return put(e, x->name, x->revision, x->size);
}

static const struct {
	enum chains_state state;
	uint16_t bit;
} state_bits[] = {
	{ CHAINS_STATE_NEW, XT_CONNTRACK_STATE_BIT(IP_CT_NEW) },
	{ CHAINS_STATE_RELATED, XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) },
	{ CHAINS_STATE_INVALID, XT_CONNTRACK_STATE_INVALID },
	{ CHAINS_STATE_UNTRACKED, XT_CONNTRACK_STATE_UNTRACKED },
	{ CHAINS_STATE_ESTABLISHED, XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) },
};

#define N_STATES (sizeof(state_bits) / sizeof(state_bits[0]))

uint16_t
chains_entry_states(unsigned int states)
{
	unsigned int mask = 0;

	for (size_t i = 0; i < N_STATES; i++)
		if ((states & state_bits[i].state) != 0)
			mask |= state_bits[i].bit;
	return (uint16_t)mask;
}

/* Both matches have one layout. */
static_assert(
    sizeof(struct xt_mark_mtinfo1) == sizeof(struct xt_connmark_mtinfo1),
    "mark and connmark are alike");

static void
put_mark(struct chains_entry *e, enum chains_extension_id ext,
    const struct chains_mark *mark)
{
	struct xt_mark_mtinfo1 *m;

	if (mark->mask == 0)
		return;
	m = put_extension(e, ext);
	m->mark = mark->value;
	m->mask = mark->mask;
	m->invert = mark->other;
}

/* The cheapest first: most packets are told apart by their mark. */
static void
put_matches(struct chains_entry *e, const struct chains_rule *rule)
{
	if (rule->dport != 0) {
		struct xt_udp *udp = put_extension(e, EXT_UDP);

		udp->spts[1] = UINT16_MAX;
		udp->dpts[0] = udp->dpts[1] = rule->dport;
	}
	for (size_t i = 0; i < CHAINS_MARKS_MAX; i++)
		put_mark(e, EXT_MARK, &rule->marks[i]);
	put_mark(e, EXT_MATCH_CONNMARK, &rule->connmark);
	if (rule->states != 0) {
		struct xt_conntrack_mtinfo3 *ct =
		    put_extension(e, EXT_CONNTRACK);

		ct->match_flags = XT_CONNTRACK_STATE;
		ct->state_mask = chains_entry_states(rule->states);
	}
}

static struct xt_connmark_tginfo2 *
put_connmark(struct chains_entry *e, uint8_t mode)
{
	struct xt_connmark_tginfo2 *cm = put_extension(e, EXT_CONNMARK);

	cm->ctmask = ALL;
	cm->nfmask = ALL;
	cm->mode = mode;
	return cm;
}

static void
put_dnat(struct chains_entry *e, const struct chains_rule *rule)
{
	struct nf_nat_range2 *nat = put_extension(e, EXT_DNAT);

	nat->flags = NF_NAT_RANGE_MAP_IPS;
	memcpy(&nat->min_addr, rule->to.bytes, addr_len(&rule->to));
	nat->max_addr = nat->min_addr;
	if (rule->to_port == 0)
		return;
	nat->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	nat->min_proto.all = htons(rule->to_port);
	nat->max_proto = nat->min_proto;
}

static void
put_standard(struct chains_entry *e, const char *name)
{
	(void)put(e, name, 0,
	    sizeof(struct xt_standard_target) - sizeof(struct xt_entry_target));
}

static void
put_target(struct chains_entry *e, const struct chains_rule *rule,
    enum chains_family family)
{
	struct xt_NFQ_info_v3 *queue;
	struct ipt_reject_info *reject;
	struct xt_mark_tginfo2 *mark;

	switch (rule->target) {
	case CHAINS_JUMP:
		put_standard(e, rule->jump);
		return;
	case CHAINS_ACCEPT:
		put_standard(e, XTC_LABEL_ACCEPT);
		return;
	case CHAINS_DROP:
		put_standard(e, XTC_LABEL_DROP);
		return;
	case CHAINS_RETURN:
		put_standard(e, XTC_LABEL_RETURN);
		return;
	case CHAINS_REJECT:
		reject = put_extension(e, EXT_REJECT);
		reject->with = family == CHAINS_IP4
				   ? (int)IPT_ICMP_HOST_PROHIBITED
				   : (int)IP6T_ICMP6_ADM_PROHIBITED;
		return;
	case CHAINS_QUEUE:
		queue = put_extension(e, EXT_QUEUE);
		queue->queuenum = rule->queue;
		queue->queues_total = 1;
		queue->flags = rule->no_bypass ? 0 : NFQ_FLAG_BYPASS;
		return;
	case CHAINS_SET_MARK:
		mark = put_extension(e, EXT_SET_MARK);
		mark->mark = rule->set;
		mark->mask = ALL;
		return;
	case CHAINS_RESTORE_MARK:
		(void)put_connmark(e, XT_CONNMARK_RESTORE);
		return;
	case CHAINS_SAVE_MARK:
		(void)put_connmark(e, XT_CONNMARK_SAVE);
		return;
	case CHAINS_SET_CONNMARK:
		put_connmark(e, XT_CONNMARK_SET)->ctmark = rule->set;
		return;
	case CHAINS_DNAT:
		put_dnat(e, rule);
		return;
	}
	abort();
}

/* Kernel's mask of an interface name: all bytes with the final NUL. */
static void
put_device(const char *name, char *iface, unsigned char *mask)
{
	memcpy(iface, name, strlen(name) + 1);
	memset(mask, 0xff, strlen(name) + 1);
}

static void
put_bits(uint8_t *mask, unsigned int len)
{
	for (; len >= 8; len -= 8)
		*mask++ = 0xff;
	if (len > 0)
		*mask = (uint8_t)(0xff00 >> len);
}

static void
put_head4(struct ipt_entry *e, const struct chains_rule *rule)
{
	e->ip.proto = rule->proto;
	if (rule->dst.addr.family != ADDR_NONE) {
		memcpy(&e->ip.dst, rule->dst.addr.bytes, sizeof(e->ip.dst));
		put_bits((uint8_t *)&e->ip.dmsk, rule->dst.len);
	}
	if (rule->lo)
		put_device("lo", e->ip.iniface, e->ip.iniface_mask);
	if (rule->not_lo) {
		put_device("lo", e->ip.outiface, e->ip.outiface_mask);
		e->ip.invflags |= IPT_INV_VIA_OUT;
	}
}

static void
put_head6(struct ip6t_entry *e, const struct chains_rule *rule)
{
	e->ipv6.proto = rule->proto;
	e->ipv6.flags = rule->proto != 0 ? IP6T_F_PROTO : 0;
	if (rule->dst.addr.family != ADDR_NONE) {
		memcpy(&e->ipv6.dst, rule->dst.addr.bytes, sizeof(e->ipv6.dst));
		put_bits((uint8_t *)&e->ipv6.dmsk, rule->dst.len);
	}
	if (rule->lo)
		put_device("lo", e->ipv6.iniface, e->ipv6.iniface_mask);
	if (rule->not_lo) {
		put_device("lo", e->ipv6.outiface, e->ipv6.outiface_mask);
		e->ipv6.invflags |= IP6T_INV_VIA_OUT;
	}
}

void
chains_entry_build(struct chains_entry *ret, const struct chains_rule *rule,
    enum chains_family family)
{
	struct ipt_entry *e4;
	struct ip6t_entry *e6;
	size_t target;

	memset(ret, 0, sizeof(*ret));
	e4 = (void *)ret->bytes;
	e6 = (void *)ret->bytes;
	ret->len = family == CHAINS_IP4 ? sizeof(*e4) : sizeof(*e6);
	put_matches(ret, rule);
	target = ret->len;
	put_target(ret, rule, family);
	if (family == CHAINS_IP4) {
		put_head4(e4, rule);
		e4->target_offset = (uint16_t)target;
		e4->next_offset = (uint16_t)ret->len;
	} else {
		put_head6(e6, rule);
		e6->target_offset = (uint16_t)target;
		e6->next_offset = (uint16_t)ret->len;
	}
}
