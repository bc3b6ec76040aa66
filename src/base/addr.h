#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum addr_family {
	ADDR_NONE = 0,
	ADDR_IP4 = 4,
	ADDR_IP6 = 6,
};

/* An address in network order. Bytes past the family's length are 0, so that
 * two equal addresses are equal as memory and a struct of them can be hashed.
 */
struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t bytes[16];
};

struct prefix {
	struct addr addr;
	uint8_t len; /* bits */
};

struct addr_range {
	struct addr lo, hi; /* same family, lo <= hi, both within */
};

/* Those of one host, the best first: no more than are of use. */
#define ADDRS_MAX 8
struct addrs {
	struct addr v[ADDRS_MAX];
	size_t n;
};

#define ADDR_STRLEN 46

struct addr addr_ip4(const void *bytes4);
struct addr addr_ip6(const void *bytes16);

/* Number of bytes of the address: 4, 16, or 0 for ADDR_NONE. */
size_t addr_len(const struct addr *a);

/* ::ffff:a.b.c.d as a.b.c.d, everything else as it is. */
struct addr addr_unmap(const struct addr *a);
/* The same of both ends, where both are such: ::ffff:10.0.0.0/104
 * is 10.0.0.0/8.
 */
struct addr_range addr_range_unmap(const struct addr_range *r);

/* The IPv4 address that NAT64's well-known prefix, 64:ff9b::/96, is followed by
 * (RFC 6052): what is sent there is translated, and ends at that address. False
 * for all others: below 64:ff9b:1::/48 (RFC 8215) and the prefixes of networks
 * it is not known where an address is. */
bool addr_nat64(struct addr *ret, const struct addr *a);

bool addr_equal(const struct addr *a, const struct addr *b);
/* Order: family first, then bytes. */
int addr_cmp(const struct addr *a, const struct addr *b);

/* Text to value: the whole of s[0..len). 0 or -EINVAL. A prefix without
 * "/len" is the single address; bits past the length must be 0. */
int addr_parse(struct addr *ret, const char *s, size_t len);
int prefix_parse(struct prefix *ret, const char *s, size_t len);
/* An address, a prefix or "lo-hi" as a range of addresses. */
int addr_range_parse(struct addr_range *ret, const char *s, size_t len);

/* Returns buf. ADDR_NONE is "-". */
const char *addr_format(const struct addr *a, char buf[ADDR_STRLEN]);

bool prefix_contains(const struct prefix *p, const struct addr *a);
bool addr_range_contains(const struct addr_range *r, const struct addr *a);
struct addr_range prefix_range(const struct prefix *p);

/* Scopes. Loopback: 127/8, ::1. LAN: RFC 1918, 100.64/10, 169.254/16,
 * fc00::/7, fe80::/10. Internet: unicast that is none of these, nor
 * unspecified, nor reserved (0/8, 240/4). */
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_is_lan(const struct addr *a);
bool addr_is_link_local(const struct addr *a);
bool addr_is_multicast(const struct addr *a);
/* 255.255.255.255; the broadcast address of a subnet is the packet's matter. */
bool addr_is_broadcast(const struct addr *a);
bool addr_is_internet(const struct addr *a);

#endif
