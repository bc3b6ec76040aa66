#include "src/port17_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port17/tls.h"
#include "port17/trust.h"
#include "src/base/log.h"
#include "src/work_ev.h"

/* Whom https proxies are believed by: files are read in threads, with every
 * reload, and dials wait for that. A thread touches its job alone, which may
 * outlive all else: a file system may never answer. */
struct trust_job {
	struct list node;
	struct port17_ev *p17;
	struct trusts *trusts; /* a reference: dials may wait for them */
	struct trust *trust;
	struct ssl_ctx_st *tls;
	char name[TUNNEL_NAME_SIZE];
	char ca[TUNNEL_FILE_SIZE];
	char why[TRUST_WHY_SIZE];
};

static void
read_run(void *arg)
{
	struct trust_job *job = arg;

	job->tls = tls_context_read(job->ca, job->why, sizeof(job->why));
}

static void
read_done(void *arg)
{
	struct trust_job *job = arg;
	struct dialer *dialer = job->p17->dialer;

	list_remove(&job->node);
	if (job->tls == NULL && job->trusts == dialer_trusts(dialer))
		log_error("port17",
		    "[tunnel \"%s\"]: ca: its proxy can't be believed: %s",
		    job->name, job->why);
	dialer_trust(dialer, job->trust, job->tls, job->why);
	trusts_unref(job->trusts);
	free(job);
}

static void
begin_read(struct port17_ev *p17, const struct tunnel *tunnel)
{
	struct trusts *trusts = dialer_trusts(p17->dialer);
	struct trust_job *job = calloc(1, sizeof(*job));

	if (job != NULL) {
		job->p17 = p17;
		job->trusts = trusts_ref(trusts);
		job->trust = trusts_of(trusts, tunnel);
		memcpy(job->name, tunnel->name, sizeof(job->name));
		memcpy(job->ca, tunnel->ca, sizeof(job->ca));
		list_append(&p17->trust_jobs, &job->node);
		if (work_start(p17->opts.base, read_run, read_done, job) == 0)
			return;
		list_remove(&job->node);
		trusts_unref(trusts);
		free(job);
	}
	log_error("port17", "[tunnel \"%s\"]: ca: out of memory", tunnel->name);
	dialer_trust(
	    p17->dialer, trusts_of(trusts, tunnel), NULL, "out of memory");
}

void
port17_trust_read(struct port17_ev *p17)
{
	const struct tunnel_set *set = dialer_tunnels(p17->dialer);
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].kind == TUNNEL_HTTPS && !set->v[i].has_pin)
			begin_read(p17, &set->v[i]);
}

void
port17_trust_leave(struct port17_ev *p17)
{
	while (!list_empty(&p17->trust_jobs)) {
		struct list *first = p17->trust_jobs.next;

		/* its thread has it */
		list_remove(first);
		log_warning("port17",
		    "[tunnel \"%s\"]: ca: it is not read yet, and not "
		    "waited for",
		    container_of(first, struct trust_job, node)->name);
	}
}
