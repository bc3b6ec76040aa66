#include "src/upstreams_ev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/ares_ev.h"
#include "dns/dot_ev.h"
#include "dns/plain_ev.h"
#include "src/base/log.h"
#include "src/resolver_conf.h"
#include "src/sysconf_ev.h"
#include "src/work_ev.h"

/* Certificates that are being read: outlives its owner where that goes. */
struct trust_job {
	struct upstreams_ev *ue; /* NULL: nobody waits for it */
	char *ca;
	uint64_t stamp; /* of before it was read */
	struct trust *trust;
	char why[TRUST_WHY_SIZE];
};

struct upstreams_ev {
	struct upstreams_opts opts;
	struct plain_ev *plain; /* datagrams */
	struct ares_ev *ares;	/* TCP */
	struct dot_ev *dot;
	struct sysconf_ev *sysconf; /* NULL: they are not asked for */
	struct sysconf_own owns[SYSCONF_OWNS_MAX];
	size_t n_owns;
	bool closing;	       /* what one gives back is not the other's */
	bool trusts;	       /* certificates were read once */
	uint64_t trust_stamp;  /* of what they were read from; 0: of nothing */
	struct trust_job *job; /* they are read again */
	char trust_why[TRUST_WHY_SIZE]; /* they can't be used; "" */
};

/* Certificates ---------------------------------------------------------------
 */

static void
trust_job_free(struct trust_job *job)
{
	if (job == NULL)
		return;
	trust_unref(job->trust);
	free(job->ca);
	free(job);
}

static void
trust_run(void *arg)
{
	struct trust_job *job = arg;

	job->trust = trust_new(job->ca, job->why);
}

static void
trust_done(void *arg)
{
	struct trust_job *job = arg;
	struct upstreams_ev *ue = job->ue;

	if (ue != NULL) {
		ue->job = NULL;
		memcpy(ue->trust_why, job->why, sizeof(ue->trust_why));
		if (job->why[0] != '\0')
			log_error("dns",
			    "no upstream over TLS can be asked: tls-ca %s",
			    job->why);
		if (job->trust != NULL) {
			/* what could not be read is tried again */
			ue->trust_stamp = job->why[0] == '\0' ? job->stamp : 0;
			dot_ev_trust(ue->dot, trust_ref(job->trust));
		}
	}
	trust_job_free(job);
}

/* Who was not believed may be now, and is asked at once. */
static void
trust_renewed(void *arg)
{
	struct trust_job *job = arg;
	struct upstreams_ev *ue = job->trust != NULL ? job->ue : NULL;

	trust_done(job);
	if (ue != NULL)
		resolve_forgive(ue->opts.resolve);
}

/* Without any upstream over TLS nothing is read. */
static bool
needs_trust(const struct conf *conf)
{
	const struct conf_texts *texts = &conf->resolver.upstreams;
	static const char tls[] = "tls";

	for (size_t i = 0; i <= conf->n_forwards; i++) {
		if (i > 0)
			texts = &conf->forwards[i - 1].upstreams;
		for (size_t j = 0; j < texts->n; j++)
			if (strncmp(texts->v[j].s, tls, sizeof(tls) - 1) == 0)
				return true;
	}
	return false;
}

/* Another number: the certificates may be others. 0: they are not there. */
static uint64_t
trust_stamp(const char *ca)
{
	if (strcmp(ca, "system") == 0)
		return resolver_conf_stamp(trust_system_file()) * 31 +
		       resolver_conf_stamp(trust_system_dir());
	return resolver_conf_stamp(ca) * 31 + strlen(ca);
}

/* With each reload: the file may be another one. */
static void
read_trust(struct upstreams_ev *ue, const struct conf *conf)
{
	const char *ca = conf->resolver.tls_ca.s;
	struct trust_job *job;

	if (ue->job != NULL)
		ue->job->ue = NULL; /* older settings' */
	ue->job = NULL;
	if (!needs_trust(conf)) {
		ue->trust_why[0] = '\0';
		ue->trust_stamp = 0;
		return;
	}
	if (ue->trust_stamp != 0 && trust_stamp(ca) == ue->trust_stamp)
		return;
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		goto fail;
	job->ue = ue;
	job->stamp = trust_stamp(ca);
	job->ca = strdup(strcmp(ca, "system") == 0 ? "" : ca);
	if (job->ca == NULL)
		goto fail;
	ue->job = job;
	if (!ue->trusts) { /* at start: nobody waits yet */
		ue->trusts = true;
		trust_run(job);
		trust_done(job);
		return;
	}
	if (work_start(ue->opts.base, trust_run, trust_renewed, job) == 0)
		return;
	ue->job = NULL;
fail:
	trust_job_free(job);
	log_error("dns", "tls-ca can't be read: no memory");
}

/* Servers of the system ------------------------------------------------------
 */

static void
system_changed(void *arg, const struct sysconf *conf)
{
	struct upstreams_ev *ue = arg;

	(void)conf;
	ue->opts.changed(ue->opts.arg);
}

static void
add_own(
    struct upstreams_ev *ue, size_t *n, const struct addr *addr, uint16_t port)
{
	if (*n < SYSCONF_OWNS_MAX)
		ue->owns[(*n)++] = (struct sysconf_own){ *addr, port };
}

/* Those of a link alone say not on which: a router on another one may have
 * such an address, too. True where they are others than before. */
static bool
set_owns(struct upstreams_ev *ue, const struct upstreams_own *own)
{
	struct sysconf_own before[SYSCONF_OWNS_MAX];
	size_t n = 0, had = ue->n_owns;

	memcpy(before, ue->owns, sizeof(before));
	memset(ue->owns, 0, sizeof(ue->owns));
	for (size_t i = 0; i < own->n_listens; i++) {
		const struct server_listen *at = &own->listens[i];

		add_own(ue, &n, &at->addr, at->port);
		for (size_t j = 0; addr_is_any(&at->addr) && j < own->n_addrs;
		     j++)
			if (own->addrs[j].family == at->addr.family &&
			    !addr_is_link_local(&own->addrs[j]))
				add_own(ue, &n, &own->addrs[j], at->port);
	}
	ue->n_owns = n;
	return n != had || memcmp(before, ue->owns, sizeof(before)) != 0;
}

static void
follow_system(struct upstreams_ev *ue, const struct conf *conf,
    const struct upstreams_own *own)
{
	struct sysconf_opts opts = {
		.base = ue->opts.base,
		.owns = ue->owns,
		.changed = system_changed,
		.arg = ue,
	};
	bool others = set_owns(ue, own);
	int r;

	if (ue->sysconf != NULL && !others && resolver_conf_is_system(conf))
		return;
	sysconf_ev_free(ue->sysconf);
	ue->sysconf = NULL;
	if (!resolver_conf_is_system(conf))
		return;
	opts.n_owns = ue->n_owns;
	r = sysconf_ev_new(&ue->sysconf, &opts);
	if (r < 0)
		log_error("dns", "the system's servers can't be followed: %s",
		    strerror(-r));
}

const struct sysconf *
upstreams_ev_system(const struct upstreams_ev *ue)
{
	static const struct sysconf none;

	return ue->sysconf != NULL ? sysconf_ev_servers(ue->sysconf) : &none;
}

bool
upstreams_ev_is_kept(const struct upstreams_ev *ue)
{
	return ue->sysconf != NULL && sysconf_ev_is_kept(ue->sysconf);
}

/* All of it ------------------------------------------------------------------
 */

void
upstreams_ev_configure(struct upstreams_ev *ue, const struct conf *conf,
    const struct upstreams_own *own)
{
	read_trust(ue, conf);
	follow_system(ue, conf, own);
}

int
upstreams_ev_send(
    struct upstreams_ev *ue, struct attempt *attempt, uint8_t *msg, size_t len)
{
	const struct upstreams_tunnel *by = &ue->opts.by_tunnel;

	if (ue->closing)
		return -ECANCELED;
	if (attempt->upstream->spec.kind == UPSTREAM_TUNNEL)
		return by->send != NULL ? by->send(by->arg, attempt, msg, len)
					: -ENOTSUP;
	if (upstream_is_tls(&attempt->upstream->spec))
		return dot_ev_send(ue->dot, attempt, msg, len);
	if (attempt->upstream->spec.kind == UPSTREAM_PLAIN && !attempt->tcp)
		return plain_ev_send(ue->plain, attempt, msg, len);
	return ares_ev_send(ue->ares, attempt, msg, len);
}

bool
upstreams_ev_is_own(const struct upstreams_ev *ue, uint64_t inode)
{
	return plain_ev_is_own(ue->plain, inode);
}

static void
reset_tunnels(struct upstreams_ev *ue)
{
	if (ue->opts.by_tunnel.reset != NULL)
		ue->opts.by_tunnel.reset(ue->opts.by_tunnel.arg);
}

void
upstreams_ev_reset(struct upstreams_ev *ue)
{
	ue->closing = true;
	plain_ev_reset(ue->plain);
	ares_ev_reset(ue->ares);
	dot_ev_reset(ue->dot);
	reset_tunnels(ue);
	ue->closing = false;
}

void
upstreams_ev_follow(struct upstreams_ev *ue)
{
	dot_ev_follow(ue->dot);
}

void
upstreams_ev_forgive(struct upstreams_ev *ue)
{
	dot_ev_forgive(ue->dot);
}

const char *
upstreams_ev_why(const struct upstreams_ev *ue, const struct upstream *upstream)
{
	if (upstream->spec.kind == UPSTREAM_TUNNEL &&
	    ue->opts.by_tunnel.why != NULL)
		return ue->opts.by_tunnel.why(ue->opts.by_tunnel.arg, upstream);
	return upstream_is_tls(&upstream->spec)
		   ? dot_ev_why(ue->dot, upstream->number)
		   : "";
}

const char *
upstreams_ev_trust_why(const struct upstreams_ev *ue)
{
	return ue->trust_why;
}

bool
upstreams_ev_is_busy(const struct upstreams_ev *ue)
{
	return ue != NULL &&
	       (ue->job != NULL || sysconf_ev_is_busy(ue->sysconf));
}

int
upstreams_ev_new(struct upstreams_ev **ret, const struct upstreams_opts *opts)
{
	struct upstreams_ev *ue = calloc(1, sizeof(*ue));
	int r;

	if (ue == NULL)
		return -ENOMEM;
	ue->opts = *opts;
	r = plain_ev_new(&ue->plain, opts->base, opts->resolve);
	if (r == 0)
		r = ares_ev_new(&ue->ares, opts->base, opts->resolve);
	if (r == 0)
		r = dot_ev_new(&ue->dot, opts->base, opts->resolve);
	if (r < 0) {
		upstreams_ev_free(ue);
		return r;
	}
	*ret = ue;
	return 0;
}

void
upstreams_ev_free(struct upstreams_ev *ue)
{
	if (ue == NULL)
		return;
	ue->closing = true;
	reset_tunnels(ue);
	plain_ev_free(ue->plain);
	ares_ev_free(ue->ares);
	dot_ev_free(ue->dot);
	sysconf_ev_free(ue->sysconf);
	if (ue->job != NULL)
		ue->job->ue = NULL;
	free(ue);
}
