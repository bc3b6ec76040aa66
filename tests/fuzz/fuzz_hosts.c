#include <assert.h>

#include "dns/hosts.h"
#include "dns/sysconf.h"

/* Files of others: hosts, resolv.conf, networkd's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct upstream_spec specs[4];
	struct hosts *hosts = hosts_read(text, size);
	struct addr addrs[HOSTS_MAX];
	struct name names[HOSTS_MAX], name = name_of("localhost");
	size_t n;

	assert(hosts != NULL);
	n = hosts_addresses(hosts, &name, addrs);
	for (size_t i = 0; i < n; i++)
		assert(hosts_names(hosts, &addrs[i], names) > 0);
	hosts_free(hosts);
	assert(sysconf_resolv(text, size, specs, 4) <= 4);
	assert(sysconf_networkd(text, size, specs, 4) <= 4);
	return 0;
}
