#include "src/fw_ev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/core/mark.h"
#include "src/linux/ct.h"
#include "src/linux/nft_pass.h"
#include "src/work_ev.h"

/* At an end the rules must go: whoever holds the lock for so long is stuck. */
#define INSIST_WAIT (6 * MONO_S)

void
fw_ev_init(struct fw_ev *fw, const struct conf *conf, void (*done)(void *arg),
    void *arg)
{
	*fw = (struct fw_ev){ .conf = conf, .done = done, .arg = arg };
	(void)pthread_mutex_init(&fw->tables, NULL); /* can't fail on Linux */
}

static void
seal(const struct fw_ev *fw, bool ip4, bool ip6)
{
	if (fw->seal != NULL)
		fw->seal(fw->arg, ip4, ip6);
}

void
fw_seal(const struct fw_ev *fw)
{
	bool closed = fw->conf->fail == CONF_FAIL_CLOSED &&
		      !__atomic_load_n(&fw->cleared, __ATOMIC_SEQ_CST);

	seal(fw, closed && fw->in[CHAINS_IP4], closed && fw->in[CHAINS_IP6]);
}

bool
fw_wants(const struct conf *conf, enum chains_backend backend,
    enum chains_family family)
{
	if (family == CHAINS_IP4)
		return true;
	switch (conf->ipv6) {
	case CONF_IPV6_YES:
		return true;
	case CONF_IPV6_NO:
		return false;
	case CONF_IPV6_AUTO:
		return chains_available(backend, CHAINS_IP6);
	}
	__builtin_trap();
}

struct chains_setup
fw_setup(const struct conf *conf, enum chains_backend backend,
    const struct chains_tables *tables)
{
	bool others = conf->accept == CONF_ACCEPT_AUTO && chains_others(tables);

	return (struct chains_setup){
		.backend = backend,
		.final = conf->accept != CONF_ACCEPT_CONTINUE && !others,
		.fail_open = conf->fail == CONF_FAIL_OPEN,
		.late = !chains_between(tables),
	};
}

int
fw_install(const struct conf *conf, enum chains_family family,
    struct chains_setup *setup, struct chains_error *ret_error)
{
	struct chains_tables *tables;
	int r = chains_tables_read(&tables, setup->backend, family, ret_error);

	if (r < 0)
		return r;
	*setup = fw_setup(conf, setup->backend, tables);
	chains_tables_free(tables);
	return chains_install(family, setup, ret_error);
}

static enum chains_backend
choose_backend(const struct conf *conf)
{
	switch (conf->backend) {
	case CONF_BACKEND_LIBIPTC:
		return CHAINS_LIBIPTC;
	case CONF_BACKEND_RESTORE:
		return CHAINS_RESTORE;
	case CONF_BACKEND_AUTO:
		return chains_available(CHAINS_LIBIPTC, CHAINS_IP4)
			   ? CHAINS_LIBIPTC
			   : CHAINS_RESTORE;
	}
	__builtin_trap();
}

void
fw_load_modules(const struct conf *conf)
{
	enum chains_backend backend = choose_backend(conf);

	for (int f = 0; f < FW_N_FAMILIES; f++)
		if (f != CHAINS_IP6 || conf->ipv6 != CONF_IPV6_NO)
			(void)chains_available(backend, (enum chains_family)f);
}

static int
install_family(struct fw_ev *fw, enum chains_family family)
{
	int r;

	fw->setup[family].backend = fw->backend;
	r = fw_install(fw->conf, family, &fw->setup[family], &fw->what);
	fw->in[family] = r >= 0;
	fw->was_in[family] = r > 0;
	return r < 0 ? r : 0;
}

/* What the other backend holds is of a start with another setting: each packet
 * would be queued twice. Removed last, so that nothing passes meanwhile. */
static int
remove_others(struct fw_ev *fw)
{
	const struct chains_removal how = { .tunnels = false };
	int r = 0;

	for (int b = 0; r == 0 && b < CHAINS_N_BACKENDS; b++)
		for (int f = 0; r == 0 && f < FW_N_FAMILIES; f++)
			if (b != (int)fw->backend)
				r = chains_remove((enum chains_backend)b,
				    (enum chains_family)f, &how, &fw->what);
	return r;
}

static void
install_run(void *arg)
{
	struct fw_ev *fw = arg;
	const struct chains_removal how = { .tunnels = false };
	struct chains_error ignored; /* the first error is told */

	fw->backend = choose_backend(fw->conf);
	fw->error = install_family(fw, CHAINS_IP4);
	if (fw->error == 0 && fw_wants(fw->conf, fw->backend, CHAINS_IP6))
		fw->error = install_family(fw, CHAINS_IP6);
	if (fw->error == 0)
		fw->error = remove_others(fw);
	if (fw->error == 0)
		return;
	for (int f = 0; f < FW_N_FAMILIES; f++) {
		/* what was closed before a start that fails stays so */
		if (fw->was_in[f] && fw->conf->fail == CONF_FAIL_CLOSED)
			continue;
		if (fw->in[f])
			(void)chains_remove(
			    fw->backend, (enum chains_family)f, &how, &ignored);
		fw->in[f] = false;
	}
}

/* Goes on after an error: half a firewall is worse than none. 0, 1 (done, but
 * *ret_error is to be told) or -errno. */
static int
remove_backend(enum chains_backend backend, const struct chains_removal *how,
    struct chains_error *ret_error)
{
	int error = 0;

	(void)nft_pass_nothing(); /* what stays opens nothing */
	for (int f = 0; f < FW_N_FAMILIES; f++) {
		enum chains_family family = (enum chains_family)f;
		struct chains_error what;
		int r = 0;

		if (family != CHAINS_IP6 || chains_available(backend, family))
			r = chains_remove(backend, family, how, &what);
		if (r < 0 || (r > 0 && error == 0)) {
			error = r;
			*ret_error = what;
		}
	}
	return error;
}

static int
clear_marks(uint64_t *ret_marks, struct chains_error *ret_error)
{
	int r = ct_clear_marks(MARK_FIRST, MARK_LAST, ret_marks);

	if (r < 0)
		(void)snprintf(ret_error->text, sizeof(ret_error->text),
		    "conntrack's marks could not be cleared: %s",
		    strerror(-r)); /* fits */
	return r;
}

int
fw_clear(struct fw_ev *fw, uint64_t *ret_marks, struct chains_error *ret_error)
{
	const struct chains_removal how = { .tunnels = true };
	int r;

	(void)pthread_mutex_lock(&fw->tables); /* a plain one can't fail */
	seal(fw, false, false);
	r = remove_backend(fw->backend, &how, ret_error);
	/* what failed stays, and is kept in place */
	__atomic_store_n(&fw->cleared, r == 0, __ATOMIC_SEQ_CST);
	fw_seal(fw); /* or the loop sealed it meanwhile */
	(void)pthread_mutex_unlock(&fw->tables);
	return r == 0 ? clear_marks(ret_marks, ret_error) : r;
}

void
fw_remove(struct fw_ev *fw)
{
	const struct chains_removal how = { .tunnels = true,
		.insists = true,
		.until = mono_add(mono_now(), INSIST_WAIT) };
	struct chains_error what;
	uint64_t marks;
	int r;

	seal(fw, false, false);
	r = remove_backend(fw->backend, &how, &fw->what);
	fw->warn |= r > 0;
	fw->error = r < 0 ? r : 0;
	if (r < 0)
		return; /* without marks what goes on would stop, too */
	memset(fw->in, 0, sizeof(fw->in));
	r = clear_marks(&marks, &what);
	if (r < 0) {
		fw->error = r;
		fw->what = what;
	}
}

void
fw_recover(struct fw_ev *fw)
{
	struct chains_error first = { "" };
	int error = 0;

	for (int b = 0; b < CHAINS_N_BACKENDS; b++) {
		fw->backend = (enum chains_backend)b;
		if (!chains_available(fw->backend, CHAINS_IP4))
			continue;
		fw_remove(fw);
		if (fw->error != 0 && error == 0) {
			error = fw->error;
			first = fw->what;
		}
	}
	fw->error = error;
	if (error != 0)
		fw->what = first;
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
