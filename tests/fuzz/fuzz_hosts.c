#include <assert.h>

#include "dns/hosts.h"

/* A hosts file: what it has in one direction it has in the other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct hosts *hosts = hosts_read(text, size);
	struct addr addrs[HOSTS_MAX];
	struct name names[HOSTS_MAX], name = name_of("localhost");
	size_t n;

	assert(hosts != NULL);
	n = hosts_addresses(hosts, &name, addrs);
	for (size_t i = 0; i < n; i++)
		assert(hosts_names(hosts, &addrs[i], names) > 0);
	hosts_free(hosts);
	return 0;
}
