#ifndef LINUX_NLA_H
#define LINUX_NLA_H

#include <linux/netlink.h>
#include <stdbool.h>

#include "src/base/rd.h"

/* What netlink pads each attribute to; NLA_ALIGN() is of int. */
static inline size_t
nla_padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* The next attribute, whole; NULL after the last that is. By hand, since every
 * packet and every connection that ends has nine of these: libmnl calls back
 * for each and asks it for its parts by calls. */
static inline const struct nlattr *
nla_next(struct rd *rd)
{
	const struct nlattr *attr = (const void *)rd->p;
	size_t len;

	if (rd->len < sizeof(*attr) || attr->nla_len < sizeof(*attr) ||
	    attr->nla_len > rd->len)
		return NULL;
	len = nla_padded(attr->nla_len);
	rd_skip(rd, len < rd->len ? len : rd->len);
	return attr;
}

/* Whether a whole message is there; libmnl takes a length of 2^31 and more for
 * a negative one, which any room is enough for. */
static inline bool
nlmsg_is_whole(const struct nlmsghdr *nlh, int n)
{
	return n >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (uint32_t)n;
}

static inline int
nla_type_of(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

#endif
