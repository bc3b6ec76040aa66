#include "src/fw_ev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/log.h"
#include "src/core/mark.h"
#include "src/linux/ct.h"
#include "src/work_ev.h"

static bool
ip6_is_wanted(struct fw_ev *fw)
{
	switch (fw->ipv6) {
	case CONF_IPV6_YES:
		return true;
	case CONF_IPV6_NO:
		return false;
	case CONF_IPV6_AUTO:
		return chains_available(CHAINS_IP6);
	}
	__builtin_trap();
}

static void
install_run(void *arg)
{
	struct fw_ev *fw = arg;

	fw->error = chains_install(CHAINS_IP4, &fw->what);
	fw->ip4 = fw->error == 0;
	if (fw->error != 0 || !ip6_is_wanted(fw))
		return;
	fw->error = chains_install(CHAINS_IP6, &fw->what);
	fw->ip6 = fw->error == 0;
	if (fw->error != 0) {
		struct chains_error ignored; /* the first error is told */

		(void)chains_remove(CHAINS_IP4, &ignored);
		fw->ip4 = false;
	}
}

void
fw_remove(struct fw_ev *fw)
{
	struct chains_error what;
	uint64_t marks;
	int r;

	fw->error = 0;
	for (int f = CHAINS_IP4; f <= CHAINS_IP6; f++) {
		enum chains_family family = (enum chains_family)f;

		if (family == CHAINS_IP6 && !chains_available(family))
			continue;
		r = chains_remove(family, &what);
		if (r < 0) { /* go on: half a firewall is worse than none */
			fw->error = r;
			fw->what = what;
		}
	}
	if (fw->error == 0)
		fw->ip4 = fw->ip6 = false;
	r = ct_clear_marks(MARK_FIRST, MARK_LAST, &marks);
	if (r < 0 && fw->error == 0) {
		fw->error = r;
		(void)snprintf(fw->what.text, sizeof(fw->what.text),
		    "conntrack's marks could not be cleared: %s",
		    strerror(-r)); /* fits */
	}
}

static void
remove_run(void *arg)
{
	fw_remove(arg);
}

static void
finished(void *arg)
{
	struct fw_ev *fw = arg;

	fw->done(fw->arg);
}

int
fw_ev_install(struct fw_ev *fw, struct event_base *base)
{
	return work_start(base, install_run, finished, fw);
}

int
fw_ev_remove(struct fw_ev *fw, struct event_base *base)
{
	return work_start(base, remove_run, finished, fw);
}
