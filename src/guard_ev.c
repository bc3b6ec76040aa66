#include "src/guard_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/core/repeats.h"
#include "src/linux/chains_watch.h"
#include "src/linux/nft_pass.h"
#include "src/work_ev.h"

/* Many changes come in many steps: the first is looked at at once, since what
 * others have just closed may be open until then (A4), the rest after this. */
#define SOON (10 * MONO_MS)

/* Looks between two whole ones at large tables, or two tries to find IPv6's. */
#define WHOLE_EVERY 10
#define IPV6_EVERY 5

/* A repair that another program undoes at once is taken up by the next look. */
#define REPAIR_ROUNDS 3

/* Differences that are told of one repair. */
#define TOLD_MAX 8
#define TOLD_SIZE 256

/* One look at one family in the thread. */
struct look {
	bool in;      /* the chains are in and to be looked at */
	bool install; /* they are to be put in for the first time */
	struct chains_setup setup;
	uint64_t state; /* of the tables when they were found right */
	bool right;
};

/* What the thread found, for the log. */
struct told {
	char text[TOLD_MAX][TOLD_SIZE];
	size_t n;
};

struct guard_ev {
	struct event_base *base;
	struct fw_ev *fw;
	struct chains_watch watch; /* as long as there is `word' */
	struct event *soon;
	struct event *word; /* NULL: looks alone, each second */
	uint64_t state[FW_N_FAMILIES];
	bool known[FW_N_FAMILIES]; /* state[] was found right */
	bool saw_ip6;		   /* the kernel has IPv6 */
	unsigned int looks;
	mono_t heard; /* when word was last followed */
	bool busy, again, stopping, unwatched;
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct guard_status status;
	/* what the thread works on while busy */
	struct look look[FW_N_FAMILIES];
	int error;
	struct chains_error what;
	bool repaired;
	struct told repairs, warnings;
	struct repeats repeats;	  /* of what was repaired */
	struct standing standing; /* of what was warned */
};

const struct guard_status *
guard_ev_status(const struct guard_ev *guard)
{
	return &guard->status;
}

bool
guard_ev_is_busy(const struct guard_ev *guard)
{
	return guard != NULL && guard->busy;
}

static void
tell(void *arg, const char *text)
{
	struct told *told = arg;

	if (told->n < TOLD_MAX)
		(void)snprintf(told->text[told->n++], TOLD_SIZE, "%s",
		    text); /* may be cut */
}

static void
tell_nothing(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* 1 when they are right as they were read, 0 when they were put right, -errno.
 */
static int
put_right(struct guard_ev *guard, enum chains_family family,
    const struct chains_tables *tables)
{
	struct look *look = &guard->look[family];
	struct chains_setup was = look->setup;
	/* that ours follow what others have is no damage */
	bool stands = chains_verify(tables, &was, tell, &guard->repairs);
	int r;

	look->setup = fw_setup(guard->fw->conf, was.backend, tables);
	look->right = stands && look->setup.final == was.final &&
		      look->setup.late == was.late;
	if (look->right) {
		(void)chains_spoilers(tables, tell, &guard->warnings);
		nft_pass_loopback(tell, &guard->warnings);
		return 1;
	}
	r = chains_repair(
	    tables, &look->setup, tell_nothing, NULL, &guard->what);
	if (r < 0)
		return r;
	guard->repaired |= !stands;
	return 0;
}

/* In the thread. The state is taken before the look, so that a change
 * meanwhile shows in the next one. */
static int
look_at(struct guard_ev *guard, enum chains_family family)
{
	struct look *look = &guard->look[family];
	int r = 0;

	for (int round = 0; r == 0 && round < REPAIR_ROUNDS; round++) {
		enum chains_backend backend = look->setup.backend;
		struct chains_tables *tables;
		bool partial;

		r = chains_state(backend, family, &look->state, &partial);
		if (r == -EAGAIN) {
			r = 0; /* it is being changed right now */
			continue;
		}
		if (r == 0)
			r = chains_tables_read(
			    &tables, backend, family, &guard->what);
		if (r < 0)
			return r;
		r = put_right(guard, family, tables);
		chains_tables_free(tables);
	}
	return r < 0 ? r : 0;
}

static int
install_late(struct guard_ev *guard, enum chains_family family)
{
	struct look *look = &guard->look[family];
	int r;

	look->install = false;
	if (!fw_wants(guard->fw->conf, look->setup.backend, family))
		return 0;
	r = fw_install(guard->fw->conf, family, &look->setup, &guard->what);
	look->in = r >= 0;
	look->install = r >= 0;
	return r < 0 ? r : 0;
}

static void
run(void *arg)
{
	struct guard_ev *guard = arg;

	(void)pthread_mutex_lock(&guard->fw->tables); /* can't fail */
	for (int f = 0; f < FW_N_FAMILIES && !guard->fw->cleared; f++) {
		enum chains_family family = (enum chains_family)f;
		int r = 0;

		if (guard->look[f].install)
			r = install_late(guard, family);
		else if (guard->look[f].in)
			r = look_at(guard, family);
		if (r < 0)
			guard->error = r;
	}
	(void)pthread_mutex_unlock(&guard->fw->tables);
}

static void
note_error(struct guard_ev *guard)
{
	struct guard_status *status = &guard->status;

	if (guard->error < 0 && guard->what.text[0] == '\0')
		(void)snprintf(guard->what.text, sizeof(guard->what.text),
		    "the tables can't be read: %s",
		    strerror(-guard->error)); /* fits */
	if (guard->error < 0 && status->error[0] == '\0')
		log_error("firewall",
		    "the rules are not in place and can't be put back, it is "
		    "tried again and again: %s",
		    guard->what.text);
	else if (guard->error == 0 && status->error[0] != '\0')
		log_info("firewall", "the rules are in place again");
	(void)snprintf(status->error, sizeof(status->error), "%s",
	    guard->error < 0 ? guard->what.text : ""); /* as long */
}

/* A look finds them again and again; one that found the tables damaged, or
 * could not read them, has not looked for them. */
static void
note_warnings(struct guard_ev *guard)
{
	const struct told *told = &guard->warnings;
	bool whole = true;

	for (int f = 0; f < FW_N_FAMILIES; f++)
		whole &= !guard->look[f].in || guard->look[f].right;
	for (size_t i = 0; i < told->n; i++)
		if (standing_is_new(&guard->standing, told->text[i]))
			log_warning("firewall", "%s", told->text[i]);
	standing_end(&guard->standing, whole);
}

/* Whoever empties the tables again and again does not fill the log. */
static void
note_repairs(struct guard_ev *guard, mono_t now)
{
	const struct told *told = &guard->repairs;

	if (!guard->repaired)
		return;
	guard->status.repairs++;
	repeats_begin(&guard->repeats, now);
	for (size_t i = 0; i < told->n; i++)
		if (repeats_is_new(&guard->repeats, told->text[i]))
			log_warning("firewall", "repaired: %s", told->text[i]);
	repeats_end(&guard->repeats, now);
}

static void
sum_up_repairs(struct guard_ev *guard, mono_t now)
{
	uint64_t more = repeats_sum(&guard->repeats, now);

	if (more > 0)
		log_warning("firewall",
		    "repaired again, as told before times=%llu",
		    (unsigned long long)more);
}

static void
note_family(struct guard_ev *guard, enum chains_family family)
{
	const struct look *look = &guard->look[family];
	struct fw_ev *fw = guard->fw;

	if (look->install)
		log_info("firewall", "%s appeared: its rules were put in",
		    chains_family_name(family));
	if (!look->in)
		return;
	if (!look->install && fw->setup[family].final != look->setup.final)
		log_info("firewall",
		    "%s: %s, what is accepted here is %s by accept=auto",
		    chains_family_name(family),
		    look->setup.final ? "no rules of others in filter any more"
				      : "rules of others in filter",
		    look->setup.final ? "final" : "theirs to see, too,");
	fw->in[family] = true;
	fw->setup[family] = look->setup;
	guard->known[family] = look->right;
	guard->state[family] = look->state;
}

static void look_soon(struct guard_ev *guard);

static void
finished(void *arg)
{
	struct guard_ev *guard = arg;

	guard->busy = false;
	note_repairs(guard, mono_now());
	note_warnings(guard);
	note_error(guard);
	for (int f = 0; f < FW_N_FAMILIES; f++)
		note_family(guard, (enum chains_family)f);
	fw_seal(guard->fw);
	if (guard->stopping) {
		guard->stopped(guard->stopped_arg);
		return;
	}
	if (guard->again)
		look_soon(guard);
}

static void
start(struct guard_ev *guard)
{
	guard->error = 0;
	guard->what.text[0] = '\0';
	guard->repaired = false;
	guard->repairs.n = guard->warnings.n = 0;
	guard->again = false;
	if (work_start(guard->base, run, finished, guard) == 0)
		guard->busy = true;
	else
		log_limited(LOG_LEVEL_WARNING, "firewall",
		    "no thread to look at the tables: tried again");
}

/* IPv6 that was not there at start: its module was loaded, or that of its
 * tables. */
static bool
wants_late(struct guard_ev *guard)
{
	bool had = guard->saw_ip6;

	if (guard->fw->in[CHAINS_IP6] ||
	    guard->fw->conf->ipv6 != CONF_IPV6_AUTO ||
	    __atomic_load_n(&guard->fw->cleared, __ATOMIC_RELAXED))
		return false;
	guard->saw_ip6 = access("/proc/net/if_inet6", F_OK) == 0;
	return guard->saw_ip6 && (!had || guard->looks % IPV6_EVERY == 0);
}

/* On the loop: cheap, and mostly all there is to do. */
static void
look(struct guard_ev *guard, bool whole)
{
	struct fw_ev *fw = guard->fw;
	bool needed = false;

	if (guard->busy) {
		guard->again = true;
		return;
	}
	memset(guard->look, 0, sizeof(guard->look));
	for (int f = 0; f < FW_N_FAMILIES; f++) {
		uint64_t state = 0;
		bool partial = false;

		guard->look[f].setup = fw->setup[f];
		guard->look[f].setup.backend = fw->backend;
		if (!fw->in[f])
			continue;
		guard->look[f].in = true;
		if (chains_state(fw->backend, (enum chains_family)f, &state,
			&partial) < 0 ||
		    !guard->known[f] || state != guard->state[f] ||
		    (partial && whole))
			needed = true;
	}
	if (wants_late(guard))
		guard->look[CHAINS_IP6].install = needed = true;
	if (needed)
		start(guard);
}

static void watch_begin(struct guard_ev *guard);

void
guard_ev_second(struct guard_ev *guard)
{
	if (guard == NULL || guard->stopping)
		return;
	guard->looks++;
	if (guard->word == NULL && guard->looks % WHOLE_EVERY == 0)
		watch_begin(guard);
	sum_up_repairs(guard, mono_now());
	look(guard, guard->looks % WHOLE_EVERY == 0);
}

static void
follow(struct guard_ev *guard, mono_t now)
{
	guard->heard = now;
	look(guard, true);
}

static void
soon_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	follow(arg, mono_now());
}

static void
look_soon(struct guard_ev *guard)
{
	const struct timeval in = { 0, SOON / 1000 };

	if (!evtimer_pending(guard->soon, NULL))
		(void)event_add(guard->soon, &in); /* else the timer finds it */
}

static void
word_cb(evutil_socket_t fd, short what, void *arg)
{
	struct guard_ev *guard = arg;
	mono_t now = mono_now();

	(void)fd;
	(void)what;
	if (!chains_watch_read(&guard->watch))
		return;
	if (guard->busy || mono_since(now, guard->heard) < SOON)
		look_soon(guard);
	else
		follow(guard, now);
}

static void
drop_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

/* Without it, each second has its look all the same. */
static void
watch_begin(struct guard_ev *guard)
{
	int r = chains_watch_open(&guard->watch, guard->fw->backend);

	if (r == 0) {
		guard->word = event_new(guard->base, guard->watch.fd,
		    EV_READ | EV_PERSIST, word_cb, guard);
		if (guard->word != NULL && event_add(guard->word, NULL) == 0) {
			if (guard->unwatched)
				log_info(
				    "firewall", "the tables are watched again");
			guard->unwatched = false;
			return;
		}
		drop_event(&guard->word);
		chains_watch_close(&guard->watch);
		r = -ENOMEM;
	}
	if (!guard->unwatched)
		log_warning("firewall",
		    "the tables can't be watched, they are looked at each "
		    "second alone: %s",
		    strerror(-r));
	guard->unwatched = true;
}

int
guard_ev_new(struct guard_ev **ret, struct event_base *base, struct fw_ev *fw)
{
	struct guard_ev *guard = calloc(1, sizeof(*guard));

	if (guard == NULL)
		return -ENOMEM;
	guard->base = base;
	guard->fw = fw;
	guard->saw_ip6 = access("/proc/net/if_inet6", F_OK) == 0;
	guard->soon = evtimer_new(base, soon_cb, guard);
	if (guard->soon == NULL) {
		free(guard);
		return -ENOMEM;
	}
	watch_begin(guard);
	look_soon(guard);
	*ret = guard;
	return 0;
}

void
guard_ev_stop(struct guard_ev *guard, void (*stopped)(void *arg), void *arg)
{
	guard->stopping = true;
	guard->stopped = stopped;
	guard->stopped_arg = arg;
	if (guard->word != NULL)
		(void)event_del(guard->word); /* was added */
	(void)event_del(guard->soon);
	if (!guard->busy)
		stopped(arg);
}

void
guard_ev_free(struct guard_ev *guard)
{
	if (guard == NULL)
		return;
	drop_event(&guard->soon);
	if (guard->word != NULL) {
		drop_event(&guard->word);
		chains_watch_close(&guard->watch);
	}
	free(guard);
}
