#include "src/linux/chains_extension.h"

#include <assert.h>
#include <string.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_tcpudp.h>

/* The revisions that iptables 1.8.9 takes. */
static const struct chains_extension extensions[N_EXTENSIONS] = {
	[EXT_UDP] = { false, "udp", 0, XT_ALIGN(sizeof(struct xt_udp)),
	    "xt_tcpudp", "CONFIG_NETFILTER_XTABLES" },
	[EXT_CONNTRACK] = { false, "conntrack", 3,
	    XT_ALIGN(sizeof(struct xt_conntrack_mtinfo3)), "xt_conntrack",
	    "CONFIG_NETFILTER_XT_MATCH_CONNTRACK" },
	[EXT_MATCH_CONNMARK] = { false, "connmark", 1,
	    XT_ALIGN(sizeof(struct xt_connmark_mtinfo1)), "xt_connmark",
	    "CONFIG_NETFILTER_XT_CONNMARK" },
	[EXT_MARK] = { false, "mark", 1,
	    XT_ALIGN(sizeof(struct xt_mark_mtinfo1)), "xt_mark",
	    "CONFIG_NETFILTER_XT_MARK" },
	[EXT_SET_MARK] = { true, "MARK", 2,
	    XT_ALIGN(sizeof(struct xt_mark_tginfo2)), "xt_mark",
	    "CONFIG_NETFILTER_XT_MARK" },
	[EXT_CONNMARK] = { true, "CONNMARK", 2,
	    XT_ALIGN(sizeof(struct xt_connmark_tginfo2)), "xt_connmark",
	    "CONFIG_NETFILTER_XT_CONNMARK" },
	[EXT_QUEUE] = { true, "NFQUEUE", 3,
	    XT_ALIGN(sizeof(struct xt_NFQ_info_v3)), "xt_NFQUEUE",
	    "CONFIG_NETFILTER_XT_TARGET_NFQUEUE" },
	[EXT_REJECT] = { true, "REJECT", 0,
	    XT_ALIGN(sizeof(struct ipt_reject_info)), "%st_REJECT",
	    "CONFIG_IP_NF_TARGET_REJECT and CONFIG_IP6_NF_TARGET_REJECT" },
	[EXT_DNAT] = { true, "DNAT", 2, XT_ALIGN(sizeof(struct nf_nat_range2)),
	    "xt_nat", "CONFIG_NETFILTER_XT_NAT" },
};

static_assert(sizeof(struct xt_entry_match) == sizeof(struct xt_entry_target),
    "matches and targets begin alike");
static_assert(sizeof(struct ipt_reject_info) == sizeof(struct ip6t_reject_info),
    "REJECT has one size in both families");

const struct chains_extension *
chains_extension(size_t id)
{
	return id < N_EXTENSIONS ? &extensions[id] : NULL;
}

enum chains_extension_id
chains_extension_find(bool target, const struct xt_entry_match *part)
{
	enum chains_extension_id ext = 0;

	for (; ext < N_EXTENSIONS; ext++) {
		const struct chains_extension *x = &extensions[ext];

		if (x->target == target &&
		    strcmp(x->name, part->u.user.name) == 0 &&
		    x->revision == part->u.user.revision &&
		    x->size + sizeof(*part) == part->u.match_size)
			break;
	}
	return ext;
}

bool
chains_extension_is_target(const char *name)
{
	for (size_t id = 0; id < N_EXTENSIONS; id++)
		if (extensions[id].target &&
		    strcmp(extensions[id].name, name) == 0)
			return true;
	return false;
}
