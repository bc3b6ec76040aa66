#include "dns/scrub.h"

#include <string.h>

#include "src/core/fakeip.h"

/* The IPv4 address that an IPv6 one is made of: what is sent to it may end
 * there. */
static struct addr
plain(const struct addr *addr)
{
	static const struct {
		uint8_t prefix[12], len, at;
	} made[] = {
		{ { 0 }, 12, 12 }, /* RFC 4291 2.5.5.1; and :: and ::1 */
		{ { [8] = 0xff, 0xff }, 12, 12 },	  /* RFC 7915 */
		{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 6, 12 }, /* RFC 8215 */
		{ { 0x20, 0x02 }, 2, 2 },		  /* 6to4, RFC 3056 */
	};
	struct addr a = addr_unmap(addr), far;

	if (addr_nat64(&far, &a))
		return far;
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		if (a.family == ADDR_IP6 &&
		    memcmp(a.bytes, made[i].prefix, made[i].len) == 0)
			return addr_ip4(a.bytes + made[i].at);
	return a;
}

/* fec0::/10, which RFC 3879 has taken back: some networks have them still. */
static bool
is_of_site(const struct addr *a)
{
	return a->family == ADDR_IP6 && a->bytes[0] == 0xfe &&
	       (a->bytes[1] & 0xc0) == 0xc0;
}

static bool
is_own_host(const struct addr *a)
{
	return (a->family == ADDR_IP4 && a->bytes[0] == 0) || addr_is_any(a) ||
	       addr_is_loopback(a);
}

bool
scrub_is_private(const struct addr *addr)
{
	struct addr a = plain(addr);

	/* 100.64/10 is what carriers give, and no inside of anything */
	if (a.family == ADDR_IP4 && a.bytes[0] == 100)
		return false;
	return is_own_host(&a) || addr_is_lan(&a) || is_of_site(&a);
}

bool
scrub_takes_out(const struct scrub_opts *opts, const struct addr *addr)
{
	struct addr a = plain(addr);

	return (opts->no_private && scrub_is_private(addr)) ||
	       (opts->no_own_host && is_own_host(&a)) ||
	       (opts->no_stand_in && fakeip_is(&a));
}
