#include "src/linux/nft_pass.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "src/core/mark.h"
#include "src/linux/nft_own.h"

/* Of either family: two, and interfaces of wg-quick that all goes by. */
#define PLACES_MAX 16

/* Whose rules stand where. */
static const struct owner {
	const char *table; /* that, or with a '-' at its end what begins so */
	const char *chain;
	bool shared; /* with others: theirs have a comment */
} owners[] = {
	{ "wg-quick-", "preraw", false },
	{ "raw", "PREROUTING", true },
	{ "filter", "ts-input", false },
};

static const struct owner *
owner_of(const char *table)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		const char *begin = owners[i].table;
		size_t len = strlen(begin);

		if (strncmp(table, begin, len) == 0 &&
		    (begin[len - 1] == '-' || table[len] == '\0'))
			return &owners[i];
	}
	return NULL;
}

/* A comment, as nft(8) shows it: type 0 of the user data of a rule, its length
 * and the text with its NUL. */
static const struct {
	uint8_t type, len;
	char text[46];
} note = { 0, sizeof(note.text),
	"rerouted: what comes over lo is of this host" };

/* Of what goes between a program and the resolver or Port17. */
static const uint32_t marks[] = { MARK_NAMESERVER, MARK_PORT17 };
#define N_MARKS (sizeof(marks) / sizeof(marks[0]))

/* The comment that wg-quick's rules have where they are iptables' */
static const char of_wg_quick[] = "wg-quick(8) rule for ";

/* Where such rules stand. */
struct place {
	uint8_t family;
	char table[64];
	const struct owner *owner;
};

struct places {
	struct place v[PLACES_MAX];
	size_t n;
};

static int
table_attr_cb(const struct nlattr *attr, void *arg)
{
	const char **ret = arg;

	if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*ret = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static int
table_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct places *places = arg;
	const struct owner *owner;
	const char *name = "";
	struct place *place;

	(void)mnl_attr_parse(nlh, sizeof(*nfg), table_attr_cb, &name);
	owner = owner_of(name);
	if (owner == NULL || places->n == PLACES_MAX ||
	    strlen(name) >= sizeof(place->table) ||
	    (nfg->nfgen_family != NFPROTO_IPV4 &&
		nfg->nfgen_family != NFPROTO_IPV6))
		return MNL_CB_OK;
	place = &places->v[places->n++];
	place->owner = owner;
	place->family = nfg->nfgen_family;
	strcpy(place->table, name);
	return MNL_CB_OK;
}

static int
find_places(struct places *ret)
{
	_Alignas(8) uint8_t buf[256];
	struct nlmsghdr *nlh = nft_header(buf, NFT_MSG_GETTABLE, AF_UNSPEC);
	int r;

	ret->n = 0;
	nlh->nlmsg_flags |= NLM_F_DUMP;
	r = nft_ask(nlh, nlh->nlmsg_len, table_cb, ret);
	return nft_is_missing(r) ? 0 : r;
}

/* What a chain has, in its order. */
struct found {
	const struct place *place;
	uint64_t ours[2 * N_MARKS]; /* handles of our rules */
	size_t n_ours;
	bool behind; /* one of them stands behind one that drops */
	bool drops;  /* there is one that drops */
};

struct rule_attrs {
	uint64_t handle;
	const struct nlattr *user, *expressions;
};

static int
rule_attr_cb(const struct nlattr *attr, void *arg)
{
	struct rule_attrs *ret = arg;

	switch (mnl_attr_get_type(attr)) {
	case NFTA_RULE_HANDLE:
		if (mnl_attr_validate(attr, MNL_TYPE_U64) >= 0)
			ret->handle = mnl_attr_get_u64(attr);
		break;
	case NFTA_RULE_USERDATA:
		ret->user = attr;
		break;
	case NFTA_RULE_EXPRESSIONS:
		ret->expressions = attr;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static bool
holds(const struct nlattr *attr, const void *what, size_t len)
{
	return attr != NULL &&
	       memmem(mnl_attr_get_payload(attr),
		   mnl_attr_get_payload_len(attr), what, len) != NULL;
}

static int
rule_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct rule_attrs attrs = { 0 };
	struct found *found = arg;

	(void)mnl_attr_parse(
	    nlh, sizeof(struct nfgenmsg), rule_attr_cb, &attrs);
	if (holds(attrs.user, &note, sizeof(note))) {
		if (found->n_ours < sizeof(found->ours) / sizeof(uint64_t))
			found->ours[found->n_ours++] = attrs.handle;
		found->behind |= found->drops;
	} else if (!found->place->owner->shared ||
		   holds(attrs.expressions, of_wg_quick,
		       sizeof(of_wg_quick) - 1) ||
		   holds(attrs.user, of_wg_quick, sizeof(of_wg_quick) - 1)) {
		found->drops = true;
	}
	return MNL_CB_OK;
}

static void
put_place(struct nlmsghdr *nlh, const struct place *place)
{
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, place->table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, place->owner->chain);
}

static int
look_at(const struct place *place, struct found *ret)
{
	_Alignas(8) uint8_t buf[512];
	struct nlmsghdr *nlh = nft_header(buf, NFT_MSG_GETRULE, place->family);
	int r;

	*ret = (struct found){ .place = place };
	nlh->nlmsg_flags |= NLM_F_DUMP;
	put_place(nlh, place);
	r = nft_ask(nlh, nlh->nlmsg_len, rule_cb, ret);
	return r == -ENOENT ? 0 : r; /* it has gone since */
}

/* Changes ------------------------------------------------------------------ */

/* A change is a batch: its begin, one message, its end. */
struct batch {
	_Alignas(8) uint8_t buf[1024];
	size_t len;
};

static struct nlmsghdr *
next_message(struct batch *b, uint16_t type, uint8_t family)
{
	struct nlmsghdr *nlh = nft_header(b->buf + b->len, type, family);

	if (type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END) {
		struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

		nlh->nlmsg_type = type; /* of no subsystem */
		nfg->res_id = htons(NFNL_SUBSYS_NFTABLES);
	}
	return nlh;
}

static void
end_message(struct batch *b, const struct nlmsghdr *nlh)
{
	b->len += (nlh->nlmsg_len + 3U) & ~3U;
}

static struct nlmsghdr *
begin_change(struct batch *b, uint16_t type, const struct place *place)
{
	struct nlmsghdr *nlh;

	b->len = 0;
	end_message(b, next_message(b, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC));
	nlh = next_message(b, type, place->family);
	nlh->nlmsg_flags |= NLM_F_ACK;
	put_place(nlh, place);
	return nlh;
}

static int
end_change(struct batch *b, const struct nlmsghdr *nlh)
{
	int r;

	end_message(b, nlh);
	end_message(b, next_message(b, NFNL_MSG_BATCH_END, AF_UNSPEC));
	r = nft_ask(b->buf, b->len, NULL, NULL);
	return r == -ENOENT ? 0 : r; /* table, or rule, has gone meanwhile */
}

static struct nlattr *
begin_expression(struct nlmsghdr *nlh, const char *name, struct nlattr **ret)
{
	*ret = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	return mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
}

static void
end_expression(struct nlmsghdr *nlh, struct nlattr *data, struct nlattr *elem)
{
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, elem);
}

/* That what nf_tables calls `key' is this. */
static void
put_match(
    struct nlmsghdr *nlh, enum nft_meta_keys key, const void *is, size_t len)
{
	struct nlattr *elem, *data, *nest;

	data = begin_expression(nlh, "meta", &elem);
	mnl_attr_put_u32(nlh, NFTA_META_KEY, htonl(key));
	mnl_attr_put_u32(nlh, NFTA_META_DREG, htonl(NFT_REG_1));
	end_expression(nlh, data, elem);

	data = begin_expression(nlh, "cmp", &elem);
	mnl_attr_put_u32(nlh, NFTA_CMP_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
	nest = mnl_attr_nest_start(nlh, NFTA_CMP_DATA);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, is);
	mnl_attr_nest_end(nlh, nest);
	end_expression(nlh, data, elem);
}

/* iifname "lo" meta mark MARK accept */
static void
put_expressions(struct nlmsghdr *nlh, uint32_t mark)
{
	static const char lo[16] = "lo"; /* IFNAMSIZ */
	struct nlattr *all = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	struct nlattr *elem, *data, *nest, *verdict;

	put_match(nlh, NFT_META_IIFNAME, lo, sizeof(lo));
	put_match(nlh, NFT_META_MARK, &mark, sizeof(mark));
	data = begin_expression(nlh, "immediate", &elem);
	mnl_attr_put_u32(nlh, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	nest = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl(NF_ACCEPT));
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, nest);
	end_expression(nlh, data, elem);
	mnl_attr_nest_end(nlh, all);
}

/* As the first of its chain. */
static int
put_rule(const struct place *place, uint32_t mark)
{
	struct batch b;
	struct nlmsghdr *nlh = begin_change(&b, NFT_MSG_NEWRULE, place);

	nlh->nlmsg_flags |= NLM_F_CREATE;
	put_expressions(nlh, mark);
	mnl_attr_put(nlh, NFTA_RULE_USERDATA, sizeof(note), &note);
	return end_change(&b, nlh);
}

static int
take_rule(const struct place *place, uint64_t handle)
{
	struct batch b;
	struct nlmsghdr *nlh = begin_change(&b, NFT_MSG_DELRULE, place);

	mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, handle); /* as it was given */
	return end_change(&b, nlh);
}

static int
take_ours(const struct found *found)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < found->n_ours; i++)
		r = take_rule(found->place, found->ours[i]);
	return r;
}

/* 1 where they were put, 0 where they stand or none is needed; -errno. */
static int
pass_at(const struct place *place)
{
	struct found found;
	int r = look_at(place, &found);

	if (r < 0 || !found.drops || (found.n_ours == N_MARKS && !found.behind))
		return r;
	r = take_ours(&found);
	for (size_t i = 0; r >= 0 && i < N_MARKS; i++)
		r = put_rule(place, marks[i]);
	return r < 0 ? r : 1;
}

/* How many were put; -errno. What changes meanwhile is looked at again. */
static int
pass_loopback(void)
{
	struct places places;
	int r = find_places(&places), put = 0;

	for (size_t i = 0; r >= 0 && i < places.n; i++) {
		r = pass_at(&places.v[i]);
		put += r > 0;
	}
	return r < 0 && r != -EINTR ? r : put;
}

void
nft_pass_loopback(void (*fn)(void *arg, const char *text), void *arg)
{
	int r = pass_loopback();

	if (r > 0)
		fn(arg,
		    "rules of wg-quick or Tailscale drop what tunnels and the "
		    "resolver answer over lo: one in front of them lets that "
		    "pass");
	else if (r < 0)
		fn(arg,
		    "rules of wg-quick or Tailscale may drop what tunnels and "
		    "the resolver answer over lo: none could be put in front "
		    "of them");
}

int
nft_pass_nothing(void)
{
	struct places places;
	int r = find_places(&places);

	for (size_t i = 0; r >= 0 && i < places.n; i++) {
		struct found found;

		r = look_at(&places.v[i], &found);
		if (r >= 0)
			r = take_ours(&found);
	}
	return r;
}
