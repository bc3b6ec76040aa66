#include "src/port17_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port17/leg_ev.h"
#include "port17/listen_ev.h"
#include "port17/udp_ev.h"
#include "src/base/inodes.h"
#include "src/base/log.h"
#include "src/core/conf.h"
#include "src/core/fakeip.h"
#include "src/fake_file.h"
#include "src/linux/ct.h"
#include "src/linux/diag.h"
#include "src/linux/icmp.h"
#include "src/linux/nfq.h"
#include "src/port17_own.h"
#include "src/port17_past.h"

/* Connections -------------------------------------------------------------- */

static bool
awaited(void *arg, const struct flow_key *key, uint32_t tcp_seq)
{
	const struct port17_ev *p17 = arg;

	return sessions_awaits(p17->sessions, key, tcp_seq);
}

static void
accepted(
    void *arg, const struct flow_key *key, struct leg *leg_take, bool other)
{
	struct port17_ev *p17 = arg;
	struct claim claim;

	p17->opts.stats->port17_accepted++;
	if (!other && sessions_join(p17->sessions, key, leg_take))
		return;
	if (port17_claim_key(p17, &claim, key)) {
		sessions_accept(p17->sessions, key, leg_take, &claim);
		return;
	}
	p17->opts.stats->port17_strays++;
	leg_reset(leg_take);
}

static void
stray(void *arg, const struct flow_key *seen)
{
	struct port17_ev *p17 = arg;
	char peer[ADDR_STRLEN];

	p17->opts.stats->port17_strays++;
	log_limited(LOG_LEVEL_WARNING, "port17",
	    "a connection to the endpoint itself was reset: rules lead here, "
	    "programs can't, and no tunnel may (a loop) peer=%s port=%u",
	    addr_format(&seen->remote, peer), seen->rport);
}

/* The far end may be there already, and waits in vain. */
static void
refused(void *arg, const struct flow_key *key)
{
	struct port17_ev *p17 = arg;

	sessions_abort(p17->sessions, key, CLOSED_NO_ROOM);
}

static void
full(void *arg, int error)
{
	struct port17_ev *p17 = arg;

	p17->opts.stats->port17_full++;
	log_limited(LOG_LEVEL_WARNING, "port17", "connections have to wait: %s",
	    strerror(-error));
}

/* Held SYNs ---------------------------------------------------------------- */

static void
release(void *arg, const struct session *session, enum outcome outcome)
{
	struct port17_ev *p17 = arg;
	int error = outcome_errno(outcome);
	bool connected = outcome == OUTCOME_CONNECTED;

	if (!connected && outcome != OUTCOME_GONE && p17->icmp != NULL) {
		int r = icmp_tell(
		    p17->icmp, &session->key, session->tcp_seq, error);

		if (r < 0)
			log_limited(LOG_LEVEL_WARNING, "port17",
			    "a program could not be told that its connection "
			    "failed, it will hang: %s",
			    strerror(-r));
	}
	nfq_verdict(p17->opts.nfq, session->hold_queue, session->hold_id,
	    connected ? MARK_PORT17 : MARK_DROP);
	if (!legs_are_telling(p17->legs)) /* else all of them at once */
		nfq_flush(p17->opts.nfq);
	if (connected)
		p17->opts.stats->port17_honest++;
	else
		p17->opts.stats->port17_refused++;
}

static void
told(void *arg)
{
	struct port17_ev *p17 = arg;

	nfq_flush(p17->opts.nfq);
}

static void
log_end(const struct session *session, const struct session_end *end)
{
	char to[TARGET_STRLEN], exe[160], why[200];
	const struct target target = { .addr = session->key.remote,
		.port = session->key.rport,
		.name = claim_name(&session->claim) };

	if (end->closed == CLOSED_DIAL)
		log_limited(LOG_LEVEL_INFO, "port17",
		    "no connection tunnel=%s to=%s outcome=%s reason=%s "
		    "exe=%s dial_ms=%u",
		    session->claim.tunnel->name, target_format(&target, to),
		    outcome_name(end->outcome),
		    log_quote(end->why, why, sizeof(why)),
		    log_quote(session->claim.process->exe, exe, sizeof(exe)),
		    session->dial_ms);
	else
		log_debug("port17",
		    "closed tunnel=%s to=%s reason=%s up=%llu down=%llu "
		    "exe=%s",
		    session->claim.tunnel->name, target_format(&target, to),
		    closed_name(end->closed), (unsigned long long)end->bytes.up,
		    (unsigned long long)end->bytes.down,
		    log_quote(session->claim.process->exe, exe, sizeof(exe)));
}

static void
remember(struct port17_ev *p17, struct port17_past *past,
    const struct claim *claim, const struct tunnel *via)
{
	memcpy(past->tunnel, claim->tunnel->name, sizeof(past->tunnel));
	if (via != NULL)
		memcpy(past->via, via->name, sizeof(past->via));
	past->process = process_ref(claim->process);
	past->by = claim->by;
	past->ended = mono_now();
	if (p17->opts.ended != NULL)
		p17->opts.ended(p17->opts.arg, past);
}

/* Without its entry in conntrack no packet of ours tells the program, which
 * would wait for ever: it may have been an answer of ours that was reset. Nor
 * is there an entry where its program has begun anew with its port already, and
 * the SYN waits for its verdict. */
static void
end_lost(struct port17_ev *p17, const struct flow_key *key)
{
	struct flow_key reply;

	if (ct_reply(p17->ct, key, &reply, NULL) == -ENOENT)
		(void)diag_destroy_connected(
		    p17->opts.diag, key, 0); /* if any */
}

static void
ended(void *arg, const struct session *session, const struct session_end *end)
{
	struct port17_ev *p17 = arg;
	struct port17_past *past = port17_pasts_put(p17->pasts, &session->key);

	log_end(session, end);
	if (end->may_be_lost)
		end_lost(p17, &session->key);
	if (past == NULL)
		return;
	past->up = end->bytes.up;
	past->down = end->bytes.down;
	past->dial_ms = session->dial_ms;
	past->closed = end->closed;
	past->outcome = end->outcome;
	(void)snprintf(past->why, sizeof(past->why), "%s", end->why);
	remember(p17, past, &session->claim, session->via);
}

/* Datagrams ---------------------------------------------------------------- */

static bool
udp_claim(void *arg, const struct flow_key *key, struct claim *ret)
{
	return port17_claim_key(arg, ret, key);
}

/* Its program is told that nobody listens, and its next packet is judged anew,
 * by what is known of the tunnel then. */
static void
udp_refuse(void *arg, const struct flow_key *seen, const struct flow_key *key)
{
	struct port17_ev *p17 = arg;

	port17_told_unheard(p17, seen);
	judge_end_key(p17->opts.judge, key);
	if (ct_delete_flow(p17->ct, key) == 0)
		(void)ct_flush(p17->ct); /* else it ends by itself */
}

static void
udp_ended(void *arg, const struct udp_flow *flow, const struct udp_end *end)
{
	struct port17_ev *p17 = arg;
	struct port17_past *past = port17_pasts_put(p17->pasts, &flow->nat.key);
	char to[ADDR_STRLEN];

	if (past != NULL) {
		past->up = flow->up;
		past->down = flow->down;
		past->closed = end->closed;
		past->outcome = end->dial->outcome;
		(void)snprintf(
		    past->why, sizeof(past->why), "%s", end->dial->why);
		remember(p17, past, &flow->claim, flow->via);
	}
	log_debug("port17",
	    "closed tunnel=%s proto=udp to=%s port=%u reason=%s up=%llu "
	    "down=%llu",
	    flow->claim.tunnel->name, addr_format(&flow->nat.key.remote, to),
	    flow->nat.key.rport, closed_name(end->closed),
	    (unsigned long long)flow->up, (unsigned long long)flow->down);
}

/* All of it ---------------------------------------------------------------- */

bool
port17_ev_is_own(const struct port17_ev *p17, uint64_t inode)
{
	return inodes_has(p17->own, inode);
}

bool
port17_ev_holds(const struct port17_ev *p17, const struct flow_key *key)
{
	return sessions_is_held(p17->sessions, key);
}

void
port17_ev_straight(struct port17_ev *p17, const struct flow_key *key)
{
	udp_straight(p17->udp, key);
}

void
port17_ev_closed(struct port17_ev *p17, const struct flow_key *key, bool taken)
{
	if (taken)
		udp_taken(p17->udp, key);
	else
		udp_closed(p17->udp, key);
}

void
port17_ev_moved(struct port17_ev *p17, const struct flow_key *key)
{
	if (key->proto == IPPROTO_TCP)
		sessions_abort(p17->sessions, key, CLOSED_POLICY);
	else
		udp_abort(p17->udp, key, CLOSED_POLICY);
}

bool
port17_ev_is_busy(const struct port17_ev *p17)
{
	return p17 != NULL && !list_empty(&p17->trust_jobs);
}

const struct sessions *
port17_ev_sessions(const struct port17_ev *p17)
{
	return p17->sessions;
}

const struct udp *
port17_ev_udp(const struct port17_ev *p17)
{
	return p17->udp;
}

const struct port17_pasts *
port17_ev_pasts(const struct port17_ev *p17)
{
	return p17->pasts;
}

struct dialer *
port17_ev_dialer(struct port17_ev *p17)
{
	return p17->dialer;
}

/* Whether a program may have an address that stands for a name, of this daemon
 * or an earlier one. */
static bool
any_far_names(const struct conf *conf, const struct fakeip *fakeip)
{
	if (fakeip_count(fakeip) > 0)
		return true;
	for (size_t i = 0; i < conf->n_tunnels; i++)
		if (conf->tunnels[i].dns != CONF_DNS_LOCAL)
			return true;
	return false;
}

int
port17_ev_set_conf(struct port17_ev *p17, const struct conf *conf)
{
	struct tunnel_set *set = tunnel_set_new(conf);
	int r;

	if (set == NULL)
		return -ENOMEM;
	r = dialer_set_tunnels(p17->dialer, set);
	tunnel_set_unref(set);
	if (r < 0)
		return r;
	/* programs keep what they were given, whatever the settings say now */
	p17->fakes = p17->fakes || any_far_names(conf, p17->fakeip);
	judge_set_fakes(p17->opts.judge, p17->fakes ? p17->fakeip : NULL);
	if (p17->begun)
		port17_trust_read(p17);
	port17_names_changed(p17);
	port17_changed(p17);
	return 0;
}

void
port17_ev_begin(struct port17_ev *p17)
{
	p17->begun = true;
	port17_trust_read(p17);
}

static int
open_parts(struct port17_ev *p17)
{
	const struct port17_ev_opts *opts = &p17->opts;
	struct dialer_opts dialer = {
		.base = opts->base,
		.maker = opts->maker,
		.is_loop = port17_is_loop,
		.arg = p17,
	};
	struct sessions_opts sessions = {
		.base = opts->base,
		.max = opts->flows_max,
		.held = opts->queue_length / 2,
		.release = release,
		.ended = ended,
		.arg = p17,
	};
	struct listener_opts listener = {
		.base = opts->base,
		.awaited = awaited,
		.accepted = accepted,
		.stray = stray,
		.refused = refused,
		.full = full,
		.arg = p17,
	};
	struct udp_opts udp = {
		.base = opts->base,
		.own = p17->own,
		.max = opts->flows_max,
		.claim = udp_claim,
		.refuse = udp_refuse,
		.unheard = port17_told_unheard,
		.too_large = port17_told_too_large,
		.ended = udp_ended,
		.stray = stray,
		.arg = p17,
	};
	int r = ct_open(&p17->ct);

	if (r == 0)
		r = legs_new(&p17->legs, opts->base, p17->own, told, p17);
	dialer.legs = listener.legs = p17->legs;
	if (r == 0)
		r = dialer_new(&p17->dialer, &dialer);
	if (r < 0)
		return r;
	sessions.dialer = p17->dialer;
	listener.ct = p17->ct;
	r = sessions_new(&p17->sessions, &sessions);
	if (r == 0)
		r = listener_new(&p17->listener, &listener);
	udp.dialer = p17->dialer;
	udp.ct = p17->ct;
	if (r == 0)
		r = udp_new(&p17->udp, &udp);
	return r;
}

int
port17_ev_new(struct port17_ev **ret, const struct port17_ev_opts *opts)
{
	struct port17_ev *p17 = calloc(1, sizeof(*p17));
	int r;

	if (p17 == NULL)
		return -ENOMEM;
	p17->opts = *opts;
	list_init(&p17->trust_jobs);
	p17->own = inodes_new();
	p17->pasts = port17_pasts_new(&opts->stats->port17_forgotten);
	p17->fakeip = fakeip_new();
	if (p17->fakeip != NULL)
		p17->fake_file = fake_file_open(
		    opts->state, p17->fakeip, &opts->stats->port17_names_lost);
	r = p17->own != NULL && p17->pasts != NULL && p17->fakeip != NULL
		? port17_names_start(p17)
		: -ENOMEM;
	if (r == 0)
		r = port17_changed_start(p17);
	if (r == 0)
		r = open_parts(p17);
	if (r < 0) {
		port17_ev_free(p17);
		return r;
	}
	port17_listen(p17);
	r = icmp_open(&p17->icmp, ICMP_PROGRAMS, p17->own);
	if (r < 0)
		log_warning("port17",
		    "programs can't be told why a connection failed: %s",
		    strerror(-r));
	*ret = p17;
	return 0;
}

void
port17_ev_free(struct port17_ev *p17)
{
	if (p17 == NULL)
		return;
	port17_trust_leave(p17);
	if (p17->resolve != NULL)
		event_free(p17->resolve);
	port17_changed_stop(p17);
	listener_free(p17->listener);
	udp_free(p17->udp);
	sessions_free(p17->sessions);
	dialer_free(p17->dialer);
	legs_free(p17->legs);
	inodes_free(p17->own);
	port17_pasts_free(p17->pasts);
	fake_file_close(p17->fake_file);
	judge_set_fakes(p17->opts.judge, NULL);
	fakeip_free(p17->fakeip);
	icmp_close(p17->icmp);
	icmp_close(p17->icmp_callers);
	ct_close(p17->ct);
	free(p17);
}
