#include "src/core/fakeip.h"
#include "src/core/policy_set.h"

/* An address that stands for a name is of the internet, as the name is: those
 * of IPv4 are by their number (198.18/15), those of IPv6 would be of a lan. */
static bool
scopes_have(unsigned int scopes, const struct addr *addr, bool own)
{
	if (addr->family == ADDR_IP6 && fakeip_is(addr))
		return (scopes & (SCOPE_ANY | SCOPE_INTERNET)) != 0;
	return (scopes & SCOPE_ANY) != 0 ||
	       ((scopes & SCOPE_SELF) != 0 && own) ||
	       ((scopes & SCOPE_LOOPBACK) != 0 && addr_is_loopback(addr)) ||
	       ((scopes & SCOPE_LAN) != 0 && addr_is_lan(addr)) ||
	       ((scopes & SCOPE_INTERNET) != 0 && addr_is_internet(addr)) ||
	       ((scopes & SCOPE_MULTICAST) != 0 && addr_is_multicast(addr)) ||
	       ((scopes & SCOPE_BROADCAST) != 0 && addr_is_broadcast(addr));
}

static bool
ranges_have(const struct addr_set *set, const struct addr *addr)
{
	size_t lo = 0, hi = set->n_ranges;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr_range_contains(&set->ranges[mid], addr))
			return true;
		if (addr_cmp(addr, &set->ranges[mid].lo) < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

enum match
addr_set_match(const struct addr_set *set, const struct addr *addr, bool own)
{
	unsigned int scopes = set->scopes;
	struct addr far;
	bool leads = addr_nat64(&far, addr);
	/* what is not of the internet must not be there (RFC 6052 section
	 * 3.1): where it ends, if anywhere, only the translator knows */
	bool strays = leads && !addr_is_internet(&far);

	if (strays)
		scopes &= ~(unsigned int)SCOPE_INTERNET;
	if (scopes_have(scopes, addr, own) || ranges_have(set, addr))
		return MATCH_YES;
	if (!leads)
		return MATCH_NO;
	if (!strays)
		return ranges_have(set, &far) ? MATCH_YES : MATCH_NO;
	return scopes != set->scopes ||
		       scopes_have(scopes, &far, addr_is_loopback(&far)) ||
		       ranges_have(set, &far)
		   ? MATCH_DOUBT
		   : MATCH_NO;
}

bool
port_set_has(const struct port_set *set, uint16_t port)
{
	size_t lo = 0, hi = set->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (port < set->ranges[mid].lo)
			hi = mid;
		else if (port > set->ranges[mid].hi)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

bool
id_set_has(const struct id_set *set, uint32_t id)
{
	size_t lo = 0, hi = set->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (set->ids[mid] == id)
			return true;
		if (id < set->ids[mid])
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}
