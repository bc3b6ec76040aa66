#include "src/bytes_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/dump_ev.h"
#include "src/linux/ct.h"
#include "src/linux/ct_acct.h"

/* What one turn of the loop may take: a packet that waits for its verdict
 * meanwhile is that much later. */
#define SLICE_NS (100 * MONO_MS / 1000)
/* The same while somebody asks, which is rare. */
#define ASKED_NS MONO_MS
/* Counts of this age are good enough for whoever asks again. */
#define FRESH_NS (100 * MONO_MS)
/* Entries that end are looked at so often at most: some thousand wait in a
 * buffer of this size meanwhile. */
static const struct timeval pause_between = { 0, 200000 };
#define ENDS_BUFFER (4 << 20)

struct bytes_ev {
	struct bytes_opts opts;
	struct ct *ct; /* NULL: bytes are not known */
	struct ct_ends *ends;
	struct event *ended; /* some entry has: wait for more */
	struct event *read;  /* now they are read */
	struct event *turn;  /* of a dump */
	struct dump_ev dump;
	struct list waiting;
	bool dumping;
	unsigned int tries;
	int error;   /* of the beginning */
	mono_t done; /* when the last dump was */
	bool ever;
};

/* The entry as one of the two flows that it may be of. NULL where it is not. */
static const struct flow *
count(struct bytes_ev *be, const struct flow_key *key,
    const struct ct_entry *entry, const struct flow_bytes *counted)
{
	struct flow *flow = flow_find(judge_flows(be->opts.judge), key);
	const struct name *name;
	struct flow_bytes more;
	char host[NAME_TEXT_SIZE];

	if (flow == NULL)
		return NULL;
	more = flow_count_bytes(flow, entry->id, counted);
	if (more.in == 0 && more.out == 0)
		return flow;
	name = flow_host(flow);
	tally_bytes(be->opts.tally, flow,
	    name != NULL ? name_format(name, host) : NULL, more.in, more.out);
	return flow;
}

static void
entry_ended(void *arg, const struct ct_entry *entry)
{
	const struct flow_bytes began = { .in = entry->bytes_reply,
		.out = entry->bytes_orig };
	const struct flow_bytes answers = { .in = entry->bytes_orig,
		.out = entry->bytes_reply };
	struct bytes_ev *be = arg;
	const struct flow *flow;

	if (!entry->counted)
		return;
	/* what a program here began, or what it answers; on loopback both */
	flow = count(be, &entry->orig, entry, &began);
	if (flow == NULL || flow->loopback)
		(void)count(be, &entry->reply, entry, &answers);
}

static bool
entry_lives(void *arg, const struct ct_entry *entry)
{
	entry_ended(arg, entry);
	return false; /* its mark stays */
}

/* Entries that have ended -------------------------------------------------- */

/* False when there may be more. */
static bool
read_some(struct bytes_ev *be)
{
	int r = ct_ends_read(be->ends, entry_ended, be);

	if (r == -ENOBUFS) {
		be->opts.stats->bytes_lost++;
		return false;
	}
	if (r < 0)
		log_limited(LOG_LEVEL_WARNING, "bytes",
		    "conntrack can't be heard: %s", strerror(-r));
	return r <= 0;
}

/* Likewise. */
static bool
read_for(struct bytes_ev *be, uint64_t ns)
{
	mono_t begin = mono_now();
	bool all;

	do
		all = read_some(be);
	while (!all && mono_since(mono_now(), begin) < ns);
	return all;
}

static void
ended_cb(evutil_socket_t fd, short what, void *arg)
{
	struct bytes_ev *be = arg;

	(void)fd;
	(void)what;
	(void)event_add(be->read, &pause_between); /* else at the next dump */
}

static void
read_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = { 0, 0 };
	struct bytes_ev *be = arg;

	(void)fd;
	(void)what;
	/* a dump begins again where an event can't be had */
	(void)(read_for(be, SLICE_NS) ? event_add(be->ended, NULL)
				      : event_add(be->read, &at_once));
}

/* All that live ------------------------------------------------------------ */

static void
finish(struct bytes_ev *be)
{
	be->dumping = false;
	be->ever = true;
	be->done = mono_now();
	while (!list_empty(&be->waiting)) {
		struct bytes_wait *wait =
		    container_of(be->waiting.next, struct bytes_wait, node);

		list_remove(&wait->node);
		wait->fresh(wait->arg); /* may begin another one */
		if (be->dumping)
			return;
	}
}

static void
begun_cb(void *arg, int error)
{
	struct bytes_ev *be = arg;

	be->error = error;
	event_active(be->turn, EV_TIMEOUT, 0); /* not within the question */
}

static void
turn_cb(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = { 0, 0 };
	struct bytes_ev *be = arg;
	mono_t begin = mono_now();
	int r = be->error;

	(void)fd;
	(void)what;
	while (r == 0 && mono_since(mono_now(), begin) < ASKED_NS)
		r = ct_dump_next(be->ct, entry_lives, be);
	if (r == 0 && event_add(be->turn, &at_once) == 0)
		return;
	if ((r == -EINTR || r == -ENOBUFS) && ++be->tries < CT_DUMP_TRIES) {
		dump_ev_begin(&be->dump, be->ct);
		return;
	}
	if (r < 0)
		log_limited(LOG_LEVEL_WARNING, "bytes",
		    "conntrack can't be asked: %s", strerror(-r));
	finish(be);
}

bool
bytes_ev_refresh(struct bytes_ev *be, struct bytes_wait *wait)
{
	if (be == NULL || be->ct == NULL)
		return true;
	if (!be->dumping && be->ever &&
	    mono_since(mono_now(), be->done) < FRESH_NS)
		return true;
	list_append(&be->waiting, &wait->node);
	if (be->dumping)
		return false;
	be->dumping = true;
	be->tries = 0;
	(void)read_for(be, ASKED_NS); /* what is left is for the timer */
	dump_ev_begin(&be->dump, be->ct);
	return false;
}

bool
bytes_ev_is_busy(const struct bytes_ev *be)
{
	return be != NULL && dump_ev_is_busy(&be->dump);
}

void
bytes_wait_cancel(struct bytes_wait *wait)
{
	if (wait->node.next != NULL)
		list_remove(&wait->node);
}

static int
conntrack_open(struct bytes_ev *be)
{
	int on = ct_acct_is_on(), r;

	if (on == 0) {
		r = ct_acct_switch_on();
		if (r < 0)
			return r;
		log_info("bytes",
		    "net.netfilter.nf_conntrack_acct was off and is on now");
	} else if (on < 0) {
		return on;
	}
	r = ct_ends_open(&be->ends, ENDS_BUFFER);
	return r < 0 ? r : ct_open(&be->ct);
}

int
bytes_ev_new(struct bytes_ev **ret, const struct bytes_opts *opts)
{
	struct bytes_ev *be = calloc(1, sizeof(*be));
	int r;

	if (be == NULL)
		return -ENOMEM;
	be->opts = *opts;
	be->dump = (struct dump_ev){
		.base = opts->base, .begun = begun_cb, .arg = be
	};
	list_init(&be->waiting);
	r = conntrack_open(be);
	if (r < 0) {
		log_warning("bytes",
		    "conntrack does not count, bytes are not known: %s",
		    strerror(-r));
		*ret = be;
		return 0;
	}
	be->ended =
	    event_new(opts->base, ct_ends_fd(be->ends), EV_READ, ended_cb, be);
	be->read = event_new(opts->base, -1, 0, read_cb, be);
	be->turn = event_new(opts->base, -1, 0, turn_cb, be);
	if (be->ended == NULL || be->read == NULL || be->turn == NULL ||
	    event_add(be->ended, NULL) < 0) {
		bytes_ev_free(be);
		return -ENOMEM;
	}
	*ret = be;
	return 0;
}

void
bytes_ev_free(struct bytes_ev *be)
{
	struct event *events[] = { be != NULL ? be->ended : NULL,
		be != NULL ? be->read : NULL, be != NULL ? be->turn : NULL };

	if (be == NULL)
		return;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	ct_ends_close(be->ends);
	ct_close(be->ct);
	free(be);
}
