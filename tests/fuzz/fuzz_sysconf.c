#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "dns/sysconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was found reads back as itself. */
static void
try_all(const struct sysconf *conf)
{
	char text[UPSTREAM_TEXT_SIZE];
	struct upstream_spec spec;

	assert(conf->n <= UPSTREAMS_MAX);
	for (size_t i = 0; i < conf->n; i++) {
		(void)upstream_format(&conf->v[i], text);
		if (upstream_parse(&spec, text, strlen(text)) == 0)
			assert(addr_equal(&spec.addr, &conf->v[i].addr) &&
			       spec.port == conf->v[i].port);
		else
			assert(conf->v[i].zone[0] != '\0'); /* any bytes */
		assert(!addr_is_any(&conf->v[i].addr));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sysconf_own own = { { ADDR_IP4, { 127, 0, 0, 1 } },
		53 };
	static const struct sysconf_not except = { &own, 1, false };
	struct sysconf conf = { 0 };

	sysconf_resolv(&conf, &except, (const char *)data, size);
	try_all(&conf);
	memset(&conf, 0, sizeof(conf));
	sysconf_networkd(&conf, &except, (const char *)data, size);
	try_all(&conf);
	return 0;
}
