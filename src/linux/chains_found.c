#include "src/linux/chains_entry.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <libiptc/libxtc.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "src/linux/chains_extension.h"

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

static void
parse_mark(const struct xt_entry_match *m, struct chains_mark *ret)
{
	const struct xt_mark_mtinfo1 *mark = (const void *)m->data;

	*ret =
	    (struct chains_mark){ mark->mark, mark->mask, mark->invert != 0 };
}

static int
parse_match(const struct xt_entry_match *m, struct chains_rule *ret)
{
	const struct xt_conntrack_mtinfo3 *ct = (const void *)m->data;
	size_t n = 0;

	switch (chains_extension_find(false, m)) {
	case EXT_UDP:
		ret->dport = ((const struct xt_udp *)m->data)->dpts[0];
		return 0;
	case EXT_CONNTRACK:
		for (unsigned int s = 1; s <= CHAINS_STATE_LAST; s <<= 1)
			if ((ct->state_mask & chains_entry_states(s)) != 0)
				ret->states |= s;
		return 0;
	case EXT_MATCH_CONNMARK:
		parse_mark(m, &ret->connmark);
		return 0;
	case EXT_MARK:
		while (n < CHAINS_MARKS_MAX && ret->marks[n].mask != 0)
			n++;
		if (n == CHAINS_MARKS_MAX)
			return -ENOTSUP;
		parse_mark(m, &ret->marks[n]);
		return 0;
	default:
		return -ENOTSUP;
	}
}

/* Destination and device; what else the head may say fails the proof. */
static void
parse_head(
    enum chains_family family, const void *entry, struct chains_rule *ret)
{
	const struct ipt_ip *ip4 = &((const struct ipt_entry *)entry)->ip;
	const struct ip6t_ip6 *ip6 = &((const struct ip6t_entry *)entry)->ipv6;
	bool is4 = family == CHAINS_IP4;
	const uint8_t *mask =
	    is4 ? (const void *)&ip4->dmsk : (const void *)&ip6->dmsk;
	unsigned int len = 0, max = is4 ? 32 : 128;

	while (len < max && (mask[len / 8] & (0x80 >> len % 8)) != 0)
		len++;
	if (len > 0) {
		ret->dst.addr = is4 ? addr_ip4(&ip4->dst) : addr_ip6(&ip6->dst);
		ret->dst.len = (uint8_t)len;
	}
	ret->lo = (is4 ? ip4->iniface_mask : ip6->iniface_mask)[0] != 0;
	ret->not_lo = (is4 ? ip4->outiface_mask : ip6->outiface_mask)[0] != 0;
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
	const struct xt_NFQ_info_v3 *queue;

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
		ret->target = cm->mode == XT_CONNMARK_SAVE ? CHAINS_SAVE_MARK
			      : cm->mode == XT_CONNMARK_SET
				  ? CHAINS_SET_CONNMARK
				  : CHAINS_RESTORE_MARK;
		ret->set = cm->mode == XT_CONNMARK_SET ? cm->ctmark : 0;
		return 0;
	case EXT_QUEUE:
		ret->target = CHAINS_QUEUE;
		queue = (const void *)t->data;
		ret->queue = queue->queuenum;
		ret->no_bypass = queue->flags == 0;
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

	parse_head(family, found->entry, &rule);
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
