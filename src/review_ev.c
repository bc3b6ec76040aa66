#include "src/review_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/dump_ev.h"
#include "src/linux/ct.h"
#include "src/linux/diag.h"
#include "src/linux/own.h"

/* What one turn of the loop may take: packets and queries wait as long, time
 * and again, while a list is loaded. A datagram of conntrack's, which is looked
 * at whole, is some 40 entries. */
#define SLICE_NS (MONO_MS / 2)
/* Flows between two looks at the clock: ending a connection takes some 20 us,
 * asking the policy less than one. */
#define FLOWS_AT_ONCE 16

enum phase {
	PHASE_IDLE,
	PHASE_FLOWS,
	PHASE_ASK, /* dump has ct */
	PHASE_DUMP,
};

struct review_ev {
	struct review_opts opts;
	struct event *turn;
	enum phase phase;
	bool again; /* another one is wanted */
	bool first; /* and that was the first */
	struct dump_ev dump;
	struct ct *ct;	 /* NULL where it can't be opened */
	struct own *own; /* NULL: marks of others stay */
	unsigned int tries;
	struct review_result result;
};

static void
note_error(struct review_ev *review, int error)
{
	if (error < 0 && review->result.error == 0)
		review->result.error = error;
}

static void
close_all(struct review_ev *review)
{
	ct_close(review->ct);
	review->ct = NULL;
	own_free(review->own);
	review->own = NULL;
}

static void
finish(struct review_ev *review)
{
	struct review_result result = review->result;

	review->phase = PHASE_IDLE;
	if (review->ct != NULL)
		result.marks = ct_changed(review->ct);
	close_all(review);
	if (result.error != 0)
		log_warning("judge",
		    "conntrack can't be told of the new rules, connections "
		    "that were accepted may go on: %s",
		    strerror(-result.error));
	review->opts.done(review->opts.arg, &result);
}

/* The flow table ------------------------------------------------------------
 */

/* True if the flow's connection was ended. The reset that the kernel sends
 * still goes by the old mark, where there is one. */
static bool
end_connection(struct review_ev *review, const struct flow *flow)
{
	int r;

	if (flow->key.proto != IPPROTO_TCP)
		return false;
	r = diag_destroy(review->opts.diag, &flow->key, 0);
	if (r == 0)
		review->opts.stats->sockets_destroyed++;
	else if (r != -ENOENT)
		log_limited(LOG_LEVEL_WARNING, "judge",
		    "a connection that is blocked now could not be ended: %s",
		    strerror(-r));
	return r == 0;
}

/* What is over is only shown: the socket is gone, or, of a server that has it
 * for all its peers, conntrack has forgotten the flow. */
static bool
is_up(struct review_ev *review, const struct flow *flow)
{
	const struct flow_key *key = &flow->key;
	struct flow_key reply;

	if (flow->over ||
	    (key->proto != IPPROTO_TCP && key->proto != IPPROTO_UDP) ||
	    !diag_is_up(review->opts.diag, key))
		return false;
	return key->proto == IPPROTO_TCP || review->ct == NULL ||
	       ct_reply(review->ct, key, &reply, NULL) != -ENOENT;
}

/* From the direct way into a tunnel: the reset that ends the connection is to
 * be judged, and stopped; it would go where no packet is to go any more. */
static void
forget_first(struct review_ev *review, const struct flow_key *key)
{
	if (review->ct == NULL || key->proto != IPPROTO_TCP)
		return;
	note_error(review, ct_delete_flow(review->ct, key));
	note_error(review, ct_flush(review->ct));
}

static void
change(struct review_ev *review, struct flow *flow, const struct decision *d,
    mono_t now)
{
	struct flow_key key = flow->key;
	bool ping = key.proto == IPPROTO_ICMP || key.proto == IPPROTO_ICMPV6;
	/* into a tunnel, or out of one, or to another, or to the resolver: no
	 * connection survives that, and NAT is that of the entry */
	bool moved = judge_is_moved(&flow->decision, d);
	bool waits = moved && review->opts.waits != NULL &&
		     review->opts.waits(review->opts.arg, &key);
	bool up = is_up(review, flow);

	review->result.changed += up;
	if (moved && !waits && d->action == ACTION_REROUTE &&
	    flow->decision.action != ACTION_REROUTE)
		forget_first(review, &key);
	if ((d->action == ACTION_BLOCK || moved) && !waits &&
	    end_connection(review, flow)) {
		review->result.ended += up;
		judge_settle(review->opts.judge, flow, d, now);
		/* what goes another way begins anew, and is told of then */
		if (d->action == ACTION_BLOCK || d->action == ACTION_DROP)
			review->opts.judged(review->opts.arg, flow, now);
	} else {
		judge_part(flow);
	}
	if (review->opts.moved != NULL && moved)
		review->opts.moved(review->opts.arg, &key);
	/* the marks of a ping are for one packet: conntrack has none */
	if (review->ct != NULL && !ping)
		note_error(review, moved ? ct_delete_flow(review->ct, &key)
					 : ct_clear_flow(review->ct, &key));
}

/* True when all flows were seen. */
static bool
some_flows(struct review_ev *review, mono_t now)
{
	struct flow *flow;
	struct decision d;

	for (unsigned int i = 0; i < FLOWS_AT_ONCE; i++) {
		switch (judge_review(review->opts.judge, &flow, &d)) {
		case REVIEW_DONE:
			return true;
		case REVIEW_SAME:
			break;
		case REVIEW_ALIKE:
			if (is_up(review, flow))
				flow_show_anew(flow);
			break;
		case REVIEW_CHANGED:
			change(review, flow, &d, now);
			break;
		}
		review->result.flows++;
	}
	return false;
}

/* Conntrack ---------------------------------------------------------------- */

/* Whether a decision of ours may stand behind the mark: one of others does
 * where it is of a connection that begins or ends here, and not of one that
 * passes by. */
static bool
may_decide(const struct review_ev *review, const struct ct_entry *entry)
{
	if (!mark_is_foreign(entry->mark))
		return entry->mark != MARK_NONE;
	return review->own != NULL &&
	       (own_has(review->own, &entry->orig.local) ||
		   own_has(review->own, &entry->reply.local));
}

/* Whether the entry decides something that the policy in force has not
 * decided. */
static bool
is_unknown(void *arg, const struct ct_entry *entry)
{
	const struct review_ev *review = arg;

	if (!may_decide(review, entry))
		return false;
	/* out of this host, and what this host answers */
	return !judge_knows(review->opts.judge, &entry->orig) &&
	       !judge_knows(review->opts.judge, &entry->reply);
}

static void
dump_begin(struct review_ev *review)
{
	if (review->ct == NULL) {
		finish(review);
		return;
	}
	note_error(review, ct_flush(review->ct));
	review->phase = PHASE_ASK;
	dump_ev_begin(&review->dump, review->ct);
}

static void
dump_go_on(struct review_ev *review)
{
	int r = ct_dump_next(review->ct, is_unknown, review);

	if (r == 0)
		return;
	if ((r == -EINTR || r == -ENOBUFS) && ++review->tries < CT_DUMP_TRIES) {
		dump_begin(review);
		return;
	}
	if (r < 0)
		note_error(review, r);
	finish(review);
}

/* Turns -------------------------------------------------------------------- */

static void
next_turn(struct review_ev *review)
{
	static const struct timeval at_once = { 0, 0 };

	if (review->phase == PHASE_IDLE || review->phase == PHASE_ASK)
		return;
	if (event_add(review->turn, &at_once) < 0) {
		note_error(review, -ENOMEM);
		finish(review);
	}
}

static void
turn_cb(evutil_socket_t fd, short what, void *arg)
{
	struct review_ev *review = arg;
	mono_t begin = mono_now(), now = begin;

	(void)fd;
	(void)what;
	while (
	    review->phase == PHASE_FLOWS && mono_since(now, begin) < SLICE_NS) {
		if (some_flows(review, now))
			dump_begin(review);
		now = mono_now();
	}
	/* conntrack is told before the loop gives the next verdicts */
	if (review->phase == PHASE_FLOWS && review->ct != NULL)
		note_error(review, ct_flush(review->ct));
	while (
	    review->phase == PHASE_DUMP && mono_since(now, begin) < SLICE_NS) {
		dump_go_on(review);
		now = mono_now();
	}
	next_turn(review);
}

static void
start(struct review_ev *review)
{
	close_all(review);
	memset(&review->result, 0, sizeof(review->result));
	review->tries = 0;
	review->again = false;
	note_error(review, ct_open(&review->ct));
	if (!review->first)
		note_error(review, own_read(&review->own));
	judge_review_begin(review->opts.judge);
	review->phase = PHASE_FLOWS;
	next_turn(review);
}

static void
begun_cb(void *arg, int error)
{
	struct review_ev *review = arg;

	if (review->again) {
		start(review);
		return;
	}
	review->phase = PHASE_DUMP;
	if (error < 0) {
		note_error(review, error);
		finish(review);
	}
	next_turn(review);
}

static void
start_or_wait(struct review_ev *review, bool first)
{
	review->first = first;
	if (review->phase == PHASE_ASK)
		review->again = true;
	else
		start(review);
}

void
review_ev_start(struct review_ev *review)
{
	start_or_wait(review, false);
}

void
review_ev_start_first(struct review_ev *review)
{
	start_or_wait(review, true);
}

bool
review_ev_is_busy(const struct review_ev *review)
{
	return review != NULL && dump_ev_is_busy(&review->dump);
}

int
review_ev_new(struct review_ev **ret, const struct review_opts *opts)
{
	struct review_ev *review = calloc(1, sizeof(*review));

	if (review == NULL)
		return -ENOMEM;
	review->opts = *opts;
	review->dump = (struct dump_ev){
		.base = opts->base, .begun = begun_cb, .arg = review
	};
	review->turn = event_new(opts->base, -1, 0, turn_cb, review);
	if (review->turn == NULL) {
		free(review);
		return -ENOMEM;
	}
	*ret = review;
	return 0;
}

void
review_ev_free(struct review_ev *review)
{
	if (review == NULL)
		return;
	close_all(review);
	event_free(review->turn);
	free(review);
}
