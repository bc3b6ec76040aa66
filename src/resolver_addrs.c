#include "src/resolver_own.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include "dns/sockaddr_ev.h"
#include "src/base/sip.h"

/* With more of them rules are not asked about each, for each query. */
#define HERE_MAX 32

/* Those of a link alone tell of no other network: each container that starts
 * has one. */
bool
resolver_read_addrs(struct resolver_ev *re)
{
	static const uint64_t key[2] = { 0, 0 }; /* nobody's to choose */
	struct ifaddrs *all = NULL, *ifa;
	uint64_t before = re->addrs_sum;
	struct sip sip;
	size_t n = 0;

	if (getifaddrs(&all) < 0)
		return false; /* what was known is better than nothing */
	sip_init(&sip, key);
	for (ifa = all; ifa != NULL && n < RESOLVER_ADDRS_MAX;
	     ifa = ifa->ifa_next) {
		struct client at;

		if (ifa->ifa_addr == NULL ||
		    (ifa->ifa_addr->sa_family != AF_INET &&
			ifa->ifa_addr->sa_family != AF_INET6))
			continue;
		sockaddr_client((const void *)ifa->ifa_addr, &at);
		if (!addr_is_link_local(&at.addr))
			sip_bytes(&sip, at.addr.bytes, addr_len(&at.addr));
		re->links[n] = at.ifindex;
		re->addrs[n++] = at.addr;
	}
	freeifaddrs(all);
	re->n_addrs = n;
	re->here = (struct subject_here){ re->addrs, n <= HERE_MAX ? n : 0 };
	re->addrs_sum = sip_end(&sip);
	return re->addrs_sum != before;
}

/* A neighbour on one link may have the address that this host has on another,
 * as fe80::1 of routers. */
bool
resolver_is_here_on(
    const struct resolver_ev *re, const struct addr *addr, uint32_t link)
{
	bool any = !addr_is_link_local(addr);

	for (size_t i = 0; i < re->n_addrs; i++)
		if (addr_equal(&re->addrs[i], addr) &&
		    (any || re->links[i] == link))
			return true;
	return addr_is_loopback(addr);
}

bool
resolver_is_here(const struct resolver_ev *re, const struct addr *addr)
{
	for (size_t i = 0; i < re->n_addrs; i++)
		if (addr_equal(&re->addrs[i], addr))
			return true;
	return addr_is_loopback(addr);
}
