#include "src/core/addrset.h"

#include <string.h>

static uint32_t
number4(const struct addr *a)
{
	return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 |
	       (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

static uint64_t
number8(const uint8_t *p)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | p[i];
	return n;
}

static int
cmp6(const uint64_t a[2], const uint64_t b[2])
{
	if (a[0] != b[0])
		return a[0] < b[0] ? -1 : 1;
	return a[1] < b[1] ? -1 : a[1] > b[1];
}

static bool
find4(const struct addrset *set, uint32_t number, uint32_t *ret_what)
{
	size_t lo = 0, hi = set->n4;

	/* the first range that ends at the address or behind it */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (set->v4[mid].hi < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == set->n4 || set->v4[lo].lo > number)
		return false;
	*ret_what = set->v4[lo].what;
	return true;
}

static bool
find6(const struct addrset *set, const uint64_t number[2], uint32_t *ret_what)
{
	size_t lo = 0, hi = set->n6;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cmp6(set->v6[mid].hi, number) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == set->n6 || cmp6(set->v6[lo].lo, number) > 0)
		return false;
	*ret_what = set->v6[lo].what;
	return true;
}

bool
addrset_find(
    const struct addrset *set, const struct addr *addr, uint32_t *ret_what)
{
	struct addr a = addr_unmap(addr), far;

	if (a.family == ADDR_IP4)
		return find4(set, number4(&a), ret_what);
	if (a.family != ADDR_IP6)
		return false;
	if (find6(set, (uint64_t[2]){ number8(a.bytes), number8(a.bytes + 8) },
		ret_what))
		return true;
	return addr_nat64(&far, &a) && addr_is_internet(&far) &&
	       find4(set, number4(&far), ret_what);
}

static bool
what_is_sound(uint32_t what, const uint8_t *records, size_t n_records)
{
	size_t off = what >> ADDRSET_CODE_BITS;
	uint32_t len;

	if ((what & HOSTSET_CODE) != HOSTSET_LOCAL)
		return true;
	if (n_records < sizeof(len) || off > n_records - sizeof(len))
		return false;
	memcpy(&len, records + off, sizeof(len));
	off += sizeof(len);
	return len <= n_records - off &&
	       hostset_records_are_sound(records + off, records + off + len);
}

bool
addrset_is_sound(
    const struct addrset *set, const uint8_t *records, size_t n_records)
{
	for (size_t i = 0; i < set->n4; i++)
		if (!what_is_sound(set->v4[i].what, records, n_records))
			return false;
	for (size_t i = 0; i < set->n6; i++)
		if (!what_is_sound(set->v6[i].what, records, n_records))
			return false;
	return true;
}
