#include "src/linux/chains_entry.h"

#include <assert.h>
#include <errno.h>
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
static_assert(sizeof(struct ip6t_entry) + 3 * sizeof(struct xt_entry_match) +
		      XT_ALIGN(sizeof(struct xt_udp)) +
		      XT_ALIGN(sizeof(struct xt_conntrack_mtinfo3)) +
		      XT_ALIGN(sizeof(struct xt_mark_mtinfo1)) +
		      sizeof(struct xt_entry_target) +
		      XT_ALIGN(sizeof(struct nf_nat_range2)) <=
		  CHAINS_ENTRY_SIZE,
    "the largest rule fits");
/* The parts that both families' entries have, under different types. */
struct view {
	const void *ip;
	size_t ip_len;
	uint8_t proto;
	const uint8_t *matches;
	size_t matches_len;
	const struct xt_entry_target *target;
	const struct xt_counters *counters;
};

static struct view
view_of(enum chains_family family, const void *entry)
{
	const struct ipt_entry *e4 = entry;
	const struct ip6t_entry *e6 = entry;

	if (family == CHAINS_IP4)
		return (struct view){
			.ip = &e4->ip,
			.ip_len = sizeof(e4->ip),
			.proto = (uint8_t)e4->ip.proto,
			.matches = e4->elems,
			.matches_len = e4->target_offset - sizeof(*e4),
			.target = (const void *)((const char *)e4 +
						 e4->target_offset),
			.counters = &e4->counters,
		};
	return (struct view){
		.ip = &e6->ipv6,
		.ip_len = sizeof(e6->ipv6),
		.proto = (uint8_t)e6->ipv6.proto,
		.matches = e6->elems,
		.matches_len = e6->target_offset - sizeof(*e6),
		.target = (const void *)((const char *)e6 + e6->target_offset),
		.counters = &e6->counters,
	};
}

void
chains_entry_counters(enum chains_family family, const void *entry,
    unsigned long long *ret_packets, unsigned long long *ret_bytes)
{
	struct view v = view_of(family, entry);

	*ret_packets = v.counters->pcnt;
	*ret_bytes = v.counters->bcnt;
}

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

static void
put_matches(struct chains_entry *e, const struct chains_rule *rule)
{
	if (rule->dport != 0) {
		struct xt_udp *udp = put_extension(e, EXT_UDP);

		udp->spts[1] = UINT16_MAX;
		udp->dpts[0] = udp->dpts[1] = rule->dport;
	}
	if (rule->related) {
		struct xt_conntrack_mtinfo3 *ct =
		    put_extension(e, EXT_CONNTRACK);

		ct->match_flags = XT_CONNTRACK_STATE;
		ct->state_mask = XT_CONNTRACK_STATE_BIT(IP_CT_RELATED);
	}
	if (rule->has_mark) {
		struct xt_mark_mtinfo1 *mark = put_extension(e, EXT_MARK);

		mark->mark = rule->mark;
		mark->mask = ALL;
	}
}

static void
put_connmark(struct chains_entry *e, uint8_t mode)
{
	struct xt_connmark_tginfo2 *cm = put_extension(e, EXT_CONNMARK);

	cm->ctmask = ALL;
	cm->nfmask = ALL;
	cm->mode = mode;
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
		queue->flags = NFQ_FLAG_BYPASS;
		return;
	case CHAINS_SET_MARK:
		mark = put_extension(e, EXT_SET_MARK);
		mark->mark = rule->set;
		mark->mask = ALL;
		return;
	case CHAINS_RESTORE_MARK:
		put_connmark(e, XT_CONNMARK_RESTORE);
		return;
	case CHAINS_SAVE_MARK:
		put_connmark(e, XT_CONNMARK_SAVE);
		return;
	case CHAINS_DNAT:
		put_dnat(e, rule);
		return;
	}
	abort();
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
		e4->ip.proto = rule->proto;
		e4->target_offset = (uint16_t)target;
		e4->next_offset = (uint16_t)ret->len;
	} else {
		e6->ipv6.proto = rule->proto;
		e6->ipv6.flags = rule->proto != 0 ? IP6T_F_PROTO : 0;
		e6->target_offset = (uint16_t)target;
		e6->next_offset = (uint16_t)ret->len;
	}
}

/* One match or target against another. The kernel does not write the bytes
 * after a name's end, so names are compared as strings. */
static bool
part_equal(const struct xt_entry_match *a, const struct xt_entry_match *b)
{
	return a->u.user.match_size == b->u.user.match_size &&
	       a->u.user.revision == b->u.user.revision &&
	       strcmp(a->u.user.name, b->u.user.name) == 0 &&
	       memcmp(a->data, b->data, a->u.user.match_size - sizeof(*a)) == 0;
}

static bool
matches_equal(const struct view *a, const struct view *b)
{
	size_t at = 0;

	if (a->matches_len != b->matches_len)
		return false;
	while (at < a->matches_len) {
		const struct xt_entry_match *m =
		    (const void *)(a->matches + at);

		if (!part_equal(m, (const void *)(b->matches + at)))
			return false;
		at += m->u.match_size;
	}
	return true;
}

static bool
is_standard(const struct xt_entry_target *t)
{
	return t->u.target_size ==
		   XT_ALIGN(sizeof(struct xt_standard_target)) &&
	       t->u.user.revision == 0;
}

bool
chains_entry_equal(enum chains_family family, const struct chains_found *found,
    const struct chains_entry *built)
{
	struct view a = view_of(family, found->entry);
	struct view b = view_of(family, built->bytes);

	if (memcmp(a.ip, b.ip, a.ip_len) != 0 || !matches_equal(&a, &b) ||
	    strcmp(found->target, b.target->u.user.name) != 0)
		return false;
	/* a verdict or jump is known by its name alone: what libiptc read has
	 * the kernel's offset where the built one has a name */
	if (chains_extension_is_target(found->target))
		return part_equal(
		    (const void *)a.target, (const void *)b.target);
	return is_standard(a.target) && is_standard(b.target);
}

static int
parse_match(const struct xt_entry_match *m, struct chains_rule *ret)
{
	switch (chains_extension_find(false, m)) {
	case EXT_UDP:
		ret->dport = ((const struct xt_udp *)m->data)->dpts[0];
		return 0;
	case EXT_CONNTRACK:
		ret->related = true;
		return 0;
	case EXT_MARK:
		ret->has_mark = true;
		ret->mark = ((const struct xt_mark_mtinfo1 *)m->data)->mark;
		return 0;
	default:
		return -ENOTSUP;
	}
}

static void
parse_dnat(enum chains_family family, const struct nf_nat_range2 *nat,
    struct chains_rule *ret)
{
	ret->target = CHAINS_DNAT;
	ret->to = family == CHAINS_IP4 ? addr_ip4(&nat->min_addr)
				       : addr_ip6(&nat->min_addr);
	ret->to_port = ntohs(nat->min_proto.all);
}

static void
parse_standard(const char *target, struct chains_rule *ret)
{
	if (strcmp(target, XTC_LABEL_ACCEPT) == 0)
		ret->target = CHAINS_ACCEPT;
	else if (strcmp(target, XTC_LABEL_DROP) == 0)
		ret->target = CHAINS_DROP;
	else if (strcmp(target, XTC_LABEL_RETURN) == 0)
		ret->target = CHAINS_RETURN;
	else
		ret->target = CHAINS_JUMP;
	ret->jump = target;
}

static int
parse_target(enum chains_family family, const struct chains_found *found,
    const struct xt_entry_target *t, struct chains_rule *ret)
{
	const struct xt_connmark_tginfo2 *cm = (const void *)t->data;

	if (!chains_extension_is_target(found->target)) {
		if (!is_standard(t))
			return -ENOTSUP;
		parse_standard(found->target, ret);
		return 0;
	}
	switch (chains_extension_find(true, (const void *)t)) {
	case EXT_SET_MARK:
		ret->target = CHAINS_SET_MARK;
		ret->set = ((const struct xt_mark_tginfo2 *)t->data)->mark;
		return 0;
	case EXT_CONNMARK:
		ret->target = cm->mode == XT_CONNMARK_SAVE
				  ? CHAINS_SAVE_MARK
				  : CHAINS_RESTORE_MARK;
		return 0;
	case EXT_QUEUE:
		ret->target = CHAINS_QUEUE;
		ret->queue = ((const struct xt_NFQ_info_v3 *)t->data)->queuenum;
		return 0;
	case EXT_REJECT:
		ret->target = CHAINS_REJECT;
		return 0;
	case EXT_DNAT:
		parse_dnat(family, (const void *)t->data, ret);
		return 0;
	default:
		return -ENOTSUP;
	}
}

/* Takes what looks like ours and then proves it: what is built from the value
 * must be the entry again. */
int
chains_entry_parse(enum chains_family family, const struct chains_found *found,
    struct chains_rule *ret)
{
	struct view v = view_of(family, found->entry);
	struct chains_rule rule = { .proto = v.proto };
	struct chains_entry again;
	int r;

	for (size_t at = 0; at < v.matches_len;) {
		const struct xt_entry_match *m = (const void *)(v.matches + at);

		r = parse_match(m, &rule);
		if (r < 0)
			return r;
		at += m->u.match_size;
	}
	r = parse_target(family, found, v.target, &rule);
	if (r < 0)
		return r;
	chains_entry_build(&again, &rule, family);
	if (!chains_entry_equal(family, found, &again))
		return -ENOTSUP;
	*ret = rule;
	return 0;
}

const char *
chains_entry_format(enum chains_family family, const struct chains_found *found,
    const char *chain, char *buf, size_t size)
{
	struct view v = view_of(family, found->entry);
	struct chains_rule rule;
	size_t n;

	if (chains_entry_parse(family, found, &rule) == 0)
		return chains_rule_format(&rule, family, chain, buf, size);
	n = (size_t)snprintf(buf, size, "-A %s", chain);
	if (v.proto != 0 && n < size)
		n += (size_t)snprintf(buf + n, size - n, " -p %u", v.proto);
	for (size_t at = 0; at < v.matches_len && n < size;) {
		const struct xt_entry_match *m = (const void *)(v.matches + at);

		n += (size_t)snprintf(
		    buf + n, size - n, " -m %s", m->u.user.name);
		at += m->u.match_size;
	}
	if (n < size && found->target[0] != '\0')
		n += (size_t)snprintf(
		    buf + n, size - n, " -j %s", found->target);
	if (n < size)
		(void)snprintf(buf + n, size - n, " ..."); /* may be cut */
	return buf;
}
