#ifndef FW_EV_H
#define FW_EV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "src/core/conf.h"
#include "src/linux/chains.h"

struct event_base;

#define FW_N_FAMILIES (CHAINS_IP6 + 1)

/* Putting the chains in and taking them out, off the loop: while the xtables
 * lock is waited for, packets that are queued already get their verdicts. */
struct fw_ev {
	const struct conf *conf;
	pthread_mutex_t tables; /* one change of ours at a time */
	bool cleared;		/* under tables: by hand, not to be repaired */
	enum chains_backend backend;
	bool in[FW_N_FAMILIES];	    /* what is in, to our knowledge */
	bool was_in[FW_N_FAMILIES]; /* … and was before the start */
	struct chains_setup setup[FW_N_FAMILIES];
	int error; /* of the last work, 0 or -errno */
	bool warn; /* it was done, but `what` is to be told */
	struct chains_error what;
	void (*done)(void *arg);
	void *arg;
	/* NULL, or told of which families nothing may pass that has no mark.
	 * From any thread. */
	void (*seal)(void *arg, bool ip4, bool ip6);
};

/* With fail = closed what is in is sealed: whoever takes all of it away at once
 * opens nothing until it is back. */
void fw_seal(const struct fw_ev *fw);

void fw_ev_init(struct fw_ev *fw, const struct conf *conf,
    void (*done)(void *arg), void *arg);

/* Loads the modules of the tables where they are missing: what only root can.
 * Whether they are there then, fw_ev_install() says. */
void fw_load_modules(const struct conf *conf);

/* Each calls fw->done(fw->arg) when it has finished, fw->error being set. fw
 * must live until then, and only one may be under way. 0 or -errno. */
int fw_ev_install(struct fw_ev *fw, struct event_base *base);
int fw_ev_remove(struct fw_ev *fw, struct event_base *base);

/* The same as fw_ev_remove(), at once and with no loop. */
void fw_remove(struct fw_ev *fw);

/* The same for whatever backend left something. */
void fw_recover(struct fw_ev *fw);

/* Takes the chains out by hand, for good: until the next start they are not
 * put back. May be called from another thread than the loop's. 0 or -errno
 * with *ret_error set. */
int fw_clear(
    struct fw_ev *fw, uint64_t *ret_marks, struct chains_error *ret_error);

/* What the family's rules ought to be beside those of others that stand in the
 * tables. */
struct chains_setup fw_setup(const struct conf *conf,
    enum chains_backend backend, const struct chains_tables *tables);

/* Puts a family's rules in, as they ought to be; setup->backend is set, the
 * rest of *setup will be. As chains_install(). For threads. */
int fw_install(const struct conf *conf, enum chains_family family,
    struct chains_setup *setup, struct chains_error *ret_error);

/* Whether the setting asks for the family and the machine has it. */
bool fw_wants(const struct conf *conf, enum chains_backend backend,
    enum chains_family family);

#endif
