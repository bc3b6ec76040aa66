#include "dns/record.h"

const char *
record_from_name(enum record_from from)
{
	static const char *const names[] = {
		[FROM_CACHE] = "cache",
		[FROM_UPSTREAM] = "upstream",
		[FROM_HOSTS] = "hosts",
		[FROM_LIST] = "list",
		[FROM_LOCAL] = "local",
		[FROM_STALE] = "stale",
		[FROM_NONE] = "none",
	};

	return names[from];
}
