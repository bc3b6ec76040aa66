#include "src/base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/num.h"

struct addr
addr_ip4(const void *bytes4)
{
	struct addr a = { .family = ADDR_IP4 };

	memcpy(a.bytes, bytes4, 4);
	return a;
}

struct addr
addr_ip6(const void *bytes16)
{
	struct addr a = { .family = ADDR_IP6 };

	memcpy(a.bytes, bytes16, 16);
	return a;
}

size_t
addr_len(const struct addr *a)
{
	return a->family == ADDR_IP4 ? 4 : a->family == ADDR_IP6 ? 16 : 0;
}

struct addr
addr_unmap(const struct addr *a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
		0xff };

	if (a->family == ADDR_IP6 &&
	    memcmp(a->bytes, mapped, sizeof(mapped)) == 0)
		return addr_ip4(a->bytes + sizeof(mapped));
	return *a;
}

struct addr_range
addr_range_unmap(const struct addr_range *r)
{
	struct addr_range u = { addr_unmap(&r->lo), addr_unmap(&r->hi) };

	return u.lo.family == u.hi.family ? u : *r;
}

bool
addr_nat64(struct addr *ret, const struct addr *a)
{
	static const uint8_t prefix[12] = { 0, 0x64, 0xff, 0x9b };

	if (a->family != ADDR_IP6 ||
	    memcmp(a->bytes, prefix, sizeof(prefix)) != 0)
		return false;
	*ret = addr_ip4(a->bytes + sizeof(prefix));
	return true;
}

int
addr_cmp(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}

int
addr_parse(struct addr *ret, const char *s, size_t len)
{
	char text[ADDR_STRLEN];
	struct addr a = { 0 };

	if (len == 0 || len >= sizeof(text) || memchr(s, '\0', len) != NULL)
		return -EINVAL;
	memcpy(text, s, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = ADDR_IP4;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = ADDR_IP6;
	else
		return -EINVAL;
	*ret = a;
	return 0;
}

/* Bits of byte i that lie within the first len bits. */
static uint8_t
byte_mask(size_t i, unsigned int len)
{
	if (len >= (i + 1) * 8)
		return 0xff;
	if (len <= i * 8)
		return 0;
	return (uint8_t)(0xff << (8 - len % 8));
}

int
prefix_parse(struct prefix *ret, const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);
	size_t addr_chars = slash != NULL ? (size_t)(slash - s) : len;
	struct prefix p;
	uint64_t bits;

	if (addr_parse(&p.addr, s, addr_chars) < 0)
		return -EINVAL;
	bits = addr_len(&p.addr) * 8;
	if (slash != NULL &&
	    num_parse(&bits, slash + 1, len - addr_chars - 1, bits) < 0)
		return -EINVAL;
	p.len = (uint8_t)bits;
	for (size_t i = 0; i < addr_len(&p.addr); i++)
		if ((p.addr.bytes[i] & ~byte_mask(i, p.len)) != 0)
			return -EINVAL;
	*ret = p;
	return 0;
}

int
addr_range_parse(struct addr_range *ret, const char *s, size_t len)
{
	const char *dash = memchr(s, '-', len);
	struct addr_range r;
	struct prefix p;

	if (dash == NULL) {
		if (prefix_parse(&p, s, len) < 0)
			return -EINVAL;
		*ret = prefix_range(&p);
		return 0;
	}
	if (addr_parse(&r.lo, s, (size_t)(dash - s)) < 0 ||
	    addr_parse(&r.hi, dash + 1, len - (size_t)(dash - s) - 1) < 0 ||
	    r.lo.family != r.hi.family || addr_cmp(&r.lo, &r.hi) > 0)
		return -EINVAL;
	*ret = r;
	return 0;
}

const char *
addr_format(const struct addr *a, char buf[ADDR_STRLEN])
{
	int af = a->family == ADDR_IP4 ? AF_INET : AF_INET6;

	if (a->family == ADDR_NONE ||
	    inet_ntop(af, a->bytes, buf, ADDR_STRLEN) == NULL)
		(void)snprintf(buf, ADDR_STRLEN, "-"); /* fits */
	return buf;
}

bool
prefix_contains(const struct prefix *p, const struct addr *a)
{
	size_t whole = p->len / 8;

	if (a->family != p->addr.family)
		return false;
	if (memcmp(a->bytes, p->addr.bytes, whole) != 0)
		return false;
	if (p->len % 8 == 0)
		return true; /* nothing past the last whole byte to look at */
	return ((a->bytes[whole] ^ p->addr.bytes[whole]) &
		   byte_mask(whole, p->len)) == 0;
}

bool
addr_range_contains(const struct addr_range *r, const struct addr *a)
{
	return a->family == r->lo.family && addr_cmp(&r->lo, a) <= 0 &&
	       addr_cmp(a, &r->hi) <= 0;
}

struct addr_range
prefix_range(const struct prefix *p)
{
	struct addr_range r = { p->addr, p->addr };

	for (size_t i = 0; i < addr_len(&p->addr); i++)
		r.hi.bytes[i] |= (uint8_t)~byte_mask(i, p->len);
	return r;
}

bool
addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

bool
addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == ADDR_IP4)
		return a->bytes[0] == 127;
	return a->family == ADDR_IP6 && memcmp(a->bytes, one, sizeof(one)) == 0;
}

bool
addr_is_link_local(const struct addr *a)
{
	const uint8_t *b = a->bytes;

	if (a->family == ADDR_IP4)
		return b[0] == 169 && b[1] == 254;
	return a->family == ADDR_IP6 && b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
}

bool
addr_is_lan(const struct addr *a)
{
	const uint8_t *b = a->bytes;

	if (addr_is_link_local(a))
		return true;
	if (a->family == ADDR_IP6)
		return (b[0] & 0xfe) == 0xfc;
	return a->family == ADDR_IP4 &&
	       (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
		   (b[0] == 192 && b[1] == 168) ||
		   (b[0] == 100 && (b[1] & 0xc0) == 64));
}

bool
addr_is_multicast(const struct addr *a)
{
	if (a->family == ADDR_IP4)
		return (a->bytes[0] & 0xf0) == 0xe0;
	return a->family == ADDR_IP6 && a->bytes[0] == 0xff;
}

bool
addr_is_broadcast(const struct addr *a)
{
	static const uint8_t ones[4] = { 255, 255, 255, 255 };

	return a->family == ADDR_IP4 &&
	       memcmp(a->bytes, ones, sizeof(ones)) == 0;
}

bool
addr_is_internet(const struct addr *a)
{
	if (a->family == ADDR_NONE || addr_is_any(a) || addr_is_loopback(a) ||
	    addr_is_lan(a) || addr_is_multicast(a))
		return false;
	return a->family == ADDR_IP6 || (a->bytes[0] != 0 && a->bytes[0] < 240);
}
