#include "src/linux/xtable.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

/* Below libiptc, which has no cheap way to ask whether anything changed. */

/* Copying a larger table each second would be felt. */
#define WHOLE_MAX ((size_t)128 << 10)

/* FNV-1a, 64 bits */
static uint64_t
add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	if (sum == 0)
		sum = UINT64_C(0xcbf29ce484222325);
	for (; len > 0; len--, p++)
		sum = (sum ^ *p) * UINT64_C(0x100000001b3);
	return sum;
}

/* One entry but for its counters. */
static uint64_t
add_entry(uint64_t sum, const uint8_t *entry, size_t len, size_t head)
{
	size_t counters = head - sizeof(struct xt_counters);

	sum = add(sum, entry, counters);
	return add(sum, entry + head, len - head);
}

/* Both families' entries end their heads with offsets and counters. */
static int
add_entries(
    enum chains_family family, const uint8_t *bytes, size_t size, uint64_t *sum)
{
	size_t head = family == CHAINS_IP4 ? sizeof(struct ipt_entry)
					   : sizeof(struct ip6t_entry);

	for (size_t at = 0; at < size;) {
		size_t len = 0;

		if (size - at < head)
			return -EBADMSG;
		len =
		    family == CHAINS_IP4
			? ((const struct ipt_entry *)(bytes + at))->next_offset
			: ((const struct ip6t_entry *)(bytes + at))
			      ->next_offset;
		if (len < head || len > size - at)
			return -EBADMSG;
		*sum = add_entry(*sum, bytes + at, len, head);
		at += len;
	}
	return 0;
}

static int
add_table(int fd, enum chains_family family, const struct ipt_getinfo *info,
    uint64_t *sum)
{
	socklen_t len =
	    (socklen_t)(sizeof(struct ipt_get_entries) + info->size);
	struct ipt_get_entries *entries = calloc(1, len);
	int r = 0;

	if (entries == NULL)
		return -ENOMEM;
	memcpy(entries->name, info->name, sizeof(entries->name));
	entries->size = info->size;
	if (getsockopt(fd, family == CHAINS_IP4 ? IPPROTO_IP : IPPROTO_IPV6,
		IPT_SO_GET_ENTRIES, entries, &len) < 0)
		r = -errno; /* EAGAIN: it changed meanwhile */
	else
		r = add_entries(family, (const uint8_t *)entries->entrytable,
		    info->size, sum);
	free(entries);
	return r;
}

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		   (int)IPT_SO_GET_INFO == (int)IP6T_SO_GET_INFO &&
		   (int)IPT_SO_GET_ENTRIES == (int)IP6T_SO_GET_ENTRIES,
    "both families are asked alike");

int
xtable_state(enum chains_family family, enum chains_table table, uint64_t *sum,
    bool *partial)
{
	int level = family == CHAINS_IP4 ? IPPROTO_IP : IPPROTO_IPV6;
	int fd = socket(family == CHAINS_IP4 ? AF_INET : AF_INET6,
	    SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = { .size = 0 };
	socklen_t len = sizeof(info);
	int r = 0;

	if (fd < 0)
		return -errno;
	(void)snprintf(info.name, sizeof(info.name), "%s",
	    chains_table_name(table)); /* fits */
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0)
		r = -errno;
	if (r == 0) {
		*sum = add(*sum, &info, sizeof(info));
		if (info.size > WHOLE_MAX)
			*partial = true;
		else
			r = add_table(fd, family, &info, sum);
	}
	(void)close(fd); /* nothing was sent */
	return r;
}
