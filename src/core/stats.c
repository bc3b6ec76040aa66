#include "src/core/stats.h"

#include <string.h>

const struct stats_row stats_rows[] = {
#define X(field, what) { #field, what, offsetof(struct stats, field) },
	STATS(X)
#undef X
};

const size_t stats_n_rows = sizeof(stats_rows) / sizeof(stats_rows[0]);

uint64_t
stats_get(const struct stats *stats, const struct stats_row *row)
{
	uint64_t n;

	memcpy(&n, (const char *)stats + row->offset, sizeof(n));
	return n;
}
