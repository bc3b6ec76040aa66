#include "src/base/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* largest first: the formatter takes the first that divides */
static const struct unit sizes[] = {
	{ "G", UINT64_C(1) << 30 },
	{ "M", UINT64_C(1) << 20 },
	{ "K", UINT64_C(1) << 10 },
	{ "", 1 },
};

static const struct unit durations[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

int
num_parse(uint64_t *ret, const char *s, size_t len, uint64_t max)
{
	uint64_t n = 0;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(s[i] - '0');

		if (n > (max - digit) / 10 || digit > max)
			return -ERANGE;
		n = n * 10 + digit;
	}
	*ret = n;
	return 0;
}

static int
parse_unit(uint64_t *ret, const char *s, size_t len, uint64_t max,
    const struct unit *units, size_t n_units)
{
	size_t digits = 0;
	uint64_t n;
	int r;

	while (digits < len && s[digits] >= '0' && s[digits] <= '9')
		digits++;
	for (size_t i = 0; i < n_units; i++) {
		const struct unit *u = &units[i];

		if (strlen(u->name) != len - digits ||
		    memcmp(u->name, s + digits, len - digits) != 0)
			continue;
		r = num_parse(&n, s, digits, max / u->factor);
		if (r == 0)
			*ret = n * u->factor;
		return r;
	}
	return -EINVAL;
}

int
num_parse_size(uint64_t *ret, const char *s, size_t len, uint64_t max)
{
	return parse_unit(
	    ret, s, len, max, sizes, sizeof(sizes) / sizeof(sizes[0]));
}

int
num_parse_duration(uint64_t *ret_ms, const char *s, size_t len, uint64_t max_ms)
{
	if (len == 1 && s[0] == '0') {
		*ret_ms = 0;
		return 0;
	}
	return parse_unit(ret_ms, s, len, max_ms, durations,
	    sizeof(durations) / sizeof(durations[0]));
}

static const char *
format_unit(uint64_t n, char buf[NUM_STRLEN], const struct unit *u)
{
	while (u->factor != 1 && (n == 0 || n % u->factor != 0))
		u++;
	(void)snprintf(buf, NUM_STRLEN, "%" PRIu64 "%s", n / u->factor,
	    n == 0 ? "" : u->name); /* 20 digits and 2 letters fit */
	return buf;
}

const char *
num_format_size(uint64_t bytes, char buf[NUM_STRLEN])
{
	return format_unit(bytes, buf, sizes);
}

const char *
num_format_duration(uint64_t ms, char buf[NUM_STRLEN])
{
	return format_unit(ms, buf, durations);
}
