#include "dns/special.h"

#include <string.h>

#include "dns/wire.h"

struct row {
	const char *zone;
	enum special is;
};

/* Below the last label. */
static const struct row names[] = {
	{ "localhost", SPECIAL_LOCALHOST }, { "invalid", SPECIAL_NXDOMAIN },
	{ "test", SPECIAL_NXDOMAIN },
	{ "onion", SPECIAL_NXDOMAIN },	      /* RFC 7686 */
	{ "local", SPECIAL_NXDOMAIN },	      /* RFC 6762: multicast DNS */
	{ "alt", SPECIAL_NXDOMAIN },	      /* RFC 9476 */
	{ "internal", SPECIAL_NXDOMAIN },     /* reserved by ICANN in 2024 */
	{ "home.arpa", SPECIAL_NXDOMAIN },    /* RFC 8375 */
	{ "resolver.arpa", SPECIAL_NODATA },  /* RFC 9462: we tell of none */
	{ "service.arpa", SPECIAL_NXDOMAIN }, /* RFC 9665 */
};

/* RFC 6303 section 4, RFC 7793. */
static const struct row reverse[] = {
	{ "1.0.0.127.in-addr.arpa", SPECIAL_LOOPBACK },
	{ "127.in-addr.arpa", SPECIAL_NXDOMAIN },
	{ "0.in-addr.arpa", SPECIAL_NXDOMAIN },
	{ "10.in-addr.arpa", SPECIAL_NXDOMAIN },
	{ "168.192.in-addr.arpa", SPECIAL_NXDOMAIN },
	{ "254.169.in-addr.arpa", SPECIAL_NXDOMAIN },
	{ "2.0.192.in-addr.arpa", SPECIAL_NXDOMAIN },
	{ "100.51.198.in-addr.arpa", SPECIAL_NXDOMAIN },
	{ "113.0.203.in-addr.arpa", SPECIAL_NXDOMAIN },
	{ "255.255.255.255.in-addr.arpa", SPECIAL_NXDOMAIN },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
	  ".ip6.arpa",
	    SPECIAL_LOOPBACK },
	{ "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
	  ".ip6.arpa",
	    SPECIAL_NXDOMAIN },
	{ "d.f.ip6.arpa", SPECIAL_NXDOMAIN },
	{ "c.f.ip6.arpa", SPECIAL_NXDOMAIN }, /* fc00::/7, both halves */
	{ "8.e.f.ip6.arpa", SPECIAL_NXDOMAIN },
	{ "9.e.f.ip6.arpa", SPECIAL_NXDOMAIN },
	{ "a.e.f.ip6.arpa", SPECIAL_NXDOMAIN },
	{ "b.e.f.ip6.arpa", SPECIAL_NXDOMAIN },
	{ "8.b.d.0.1.0.0.2.ip6.arpa", SPECIAL_NXDOMAIN },
};

static enum special
look_up(const struct row *rows, size_t n, const struct name *name)
{
	for (size_t i = 0; i < n; i++) {
		struct name zone = name_of(rows[i].zone);

		if (name_in(name, &zone))
			return rows[i].is;
	}
	return SPECIAL_NONE;
}

/* 172.16/12 and 100.64/10 are no whole octets. */
static bool
is_private_reverse(const struct name *name, const struct name *arpa)
{
	size_t above = name_n_labels(arpa) + 2, n = name_n_labels(name);
	const uint8_t *at = name->wire;
	unsigned int first = 0, second = 0;

	if (n < above || !name_in(name, arpa))
		return false;
	for (; n > above; n--)
		at = name_step(at);
	for (unsigned int i = 1; i <= at[0]; i++)
		second = second * 10 + at[i] - '0';
	at = name_step(at);
	for (unsigned int i = 1; i <= at[0]; i++)
		first = first * 10 + at[i] - '0';
	return (first == 172 && second >= 16 && second <= 31) ||
	       (first == 100 && second >= 64 && second <= 127);
}

/* RFC 6303 section 3: it is there, with an SOA and an NS record. */
static bool
is_reverse_zone(const struct name *name, const struct name *arpa)
{
	for (size_t i = 0; i < sizeof(reverse) / sizeof(reverse[0]); i++) {
		struct name zone = name_of(reverse[i].zone);

		if (name_equal(name, &zone))
			return reverse[i].is == SPECIAL_NXDOMAIN;
	}
	return is_private_reverse(name, arpa) &&
	       name_n_labels(name) == name_n_labels(arpa) + 2;
}

/* The last label says whether it is worth to look closer. */
static bool
ends_in(const struct name *name, const char *label)
{
	size_t n = strlen(label) + 2; /* its length, and the root's octet */

	return name->len >= n &&
	       name->wire[name->len - n] == (uint8_t)(n - 2) &&
	       memcmp(name->wire + name->len - n + 1, label, n - 2) == 0;
}

enum special
special_find(const struct name *name)
{
	struct name arpa;
	enum special is;

	if (ends_in(name, "com") || ends_in(name, "net") ||
	    ends_in(name, "org"))
		return SPECIAL_NONE; /* most of what is asked */
	is = look_up(names, sizeof(names) / sizeof(names[0]), name);
	if (is != SPECIAL_NONE || !ends_in(name, "arpa"))
		return is;
	is = look_up(reverse, sizeof(reverse) / sizeof(reverse[0]), name);
	if (is == SPECIAL_LOOPBACK && name_n_labels(name) != 6 &&
	    name_n_labels(name) != 34)
		return SPECIAL_NXDOMAIN; /* below it */
	arpa = name_of("in-addr.arpa");
	if (is_reverse_zone(name, &arpa))
		return SPECIAL_ZONE;
	return is == SPECIAL_NONE && is_private_reverse(name, &arpa)
		   ? SPECIAL_NXDOMAIN
		   : is;
}

static bool
read_octet(const uint8_t *label, uint8_t *ret)
{
	unsigned int value = 0;

	if (label[0] == 0 || label[0] > 3)
		return false;
	for (unsigned int i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return false;
		value = value * 10 + label[i] - '0';
	}
	*ret = (uint8_t)value;
	return value <= 255 && (label[0] == 1 || label[1] != '0');
}

static bool
read_nibble(const uint8_t *label, uint8_t *ret)
{
	uint8_t c = label[1];

	if (label[0] != 1)
		return false;
	if (c >= '0' && c <= '9')
		*ret = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*ret = (uint8_t)(c - 'a' + 10);
	else
		return false;
	return true;
}

bool
special_reverse(const struct name *name, struct addr *ret)
{
	struct name ip4 = name_of("in-addr.arpa"), ip6 = name_of("ip6.arpa");
	const uint8_t *at = name->wire;
	uint8_t bytes[16] = { 0 }, low, high;

	if (name_n_labels(name) == 6 && name_in(name, &ip4)) {
		for (size_t i = 4; i-- > 0; at = name_step(at))
			if (!read_octet(at, &bytes[i]))
				return false;
		*ret = addr_ip4(bytes);
		return true;
	}
	if (name_n_labels(name) != 34 || !name_in(name, &ip6))
		return false;
	for (size_t i = 16; i-- > 0; at = name_step(at)) {
		if (!read_nibble(at, &low))
			return false;
		at = name_step(at);
		if (!read_nibble(at, &high))
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret = addr_ip6(bytes);
	return true;
}
