#include "src/core/idmap.h"

#include <errno.h>
#include <string.h>

#include "src/base/num.h"

/* The next number of a line, after blanks; 0 or -EBADMSG. */
static int
take(uint32_t *ret, const char **s, const char *end)
{
	const char *begin;
	uint64_t v;

	while (*s < end && **s == ' ')
		(*s)++;
	begin = *s;
	while (*s < end && **s >= '0' && **s <= '9')
		(*s)++;
	if (num_parse(&v, begin, (size_t)(*s - begin), UINT32_MAX) != 0)
		return -EBADMSG;
	*ret = (uint32_t)v;
	return 0;
}

int
idmap_parse(struct idmap *ret, const char *s, size_t len)
{
	struct idmap map = { .n = 0 };
	const char *end = s + len;

	while (s < end) {
		struct idmap_range *range = &map.ranges[map.n];

		if (map.n == IDMAP_MAX || take(&range->here, &s, end) != 0 ||
		    take(&range->outside, &s, end) != 0 ||
		    take(&range->count, &s, end) != 0 || s == end || *s != '\n')
			return -EBADMSG;
		s++;
		map.n++;
	}
	*ret = map;
	return 0;
}

void
idmap_identity(struct idmap *ret)
{
	ret->n = 1;
	ret->ranges[0] = (struct idmap_range){ 0, 0, UINT32_MAX };
}

uint32_t
idmap_here(const struct idmap *map, uint32_t id)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct idmap_range *range = &map->ranges[i];

		if (id >= range->outside && id - range->outside < range->count)
			return range->here + (id - range->outside);
	}
	return IDMAP_NOBODY;
}
