#ifndef FW_EV_H
#define FW_EV_H

#include <stdbool.h>

#include "src/core/conf.h"
#include "src/linux/chains.h"

struct event_base;

/* Putting the chains in and taking them out, off the loop: while the xtables
 * lock is waited for, packets that are queued already get their verdicts. */
struct fw_ev {
	enum conf_ipv6 ipv6;
	bool ip4, ip6; /* what is in, to our knowledge */
	int error;     /* of the last work, 0 or -errno */
	struct chains_error what;
	void (*done)(void *arg);
	void *arg;
};

/* Each calls fw->done(fw->arg) when it has finished, fw->error being set. fw
 * must live until then, and only one may be under way. 0 or -errno. */
int fw_ev_install(struct fw_ev *fw, struct event_base *base);
int fw_ev_remove(struct fw_ev *fw, struct event_base *base);

/* The same as fw_ev_remove(), at once and with no loop: for both families. */
void fw_remove(struct fw_ev *fw);

#endif
