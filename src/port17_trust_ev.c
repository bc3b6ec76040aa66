#include "src/port17_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port17/tls.h"
#include "src/base/log.h"
#include "src/work_ev.h"

/* Whom https proxies are believed by: files are read in threads, with every
 * reload, and dials wait for that. */
struct trust_job {
	struct list node;
	struct port17_ev *p17;
	bool late; /* the settings are others by now */
	struct ssl_ctx_st *tls;
	char name[TUNNEL_NAME_SIZE];
	char ca[TUNNEL_FILE_SIZE];
	char why[TUNNEL_WHY_SIZE];
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

	list_remove(&job->node);
	if (job->late) {
		tls_context_free(job->tls);
	} else {
		if (job->tls == NULL)
			log_error("port17",
			    "[tunnel \"%s\"]: ca: its proxy can't be "
			    "believed: %s",
			    job->name, job->why);
		dialer_trust(job->p17->dialer, job->name, job->tls, job->why);
	}
	free(job);
}

static void
begin_read(struct port17_ev *p17, const struct tunnel *tunnel)
{
	struct trust_job *job = calloc(1, sizeof(*job));

	if (job != NULL) {
		job->p17 = p17;
		memcpy(job->name, tunnel->name, sizeof(job->name));
		memcpy(job->ca, tunnel->ca, sizeof(job->ca));
		list_append(&p17->trust_jobs, &job->node);
		if (work_start(p17->opts.base, read_run, read_done, job) == 0)
			return;
		list_remove(&job->node);
		free(job);
	}
	log_error("port17", "[tunnel \"%s\"]: ca: out of memory", tunnel->name);
	dialer_trust(p17->dialer, tunnel->name, NULL, "out of memory");
}

void
port17_trust_read(struct port17_ev *p17)
{
	const struct tunnel_set *set = dialer_tunnels(p17->dialer);
	struct list *node;

	list_for_each (node, &p17->trust_jobs)
		container_of(node, struct trust_job, node)->late = true;
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].kind == TUNNEL_HTTPS && !set->v[i].has_pin)
			begin_read(p17, &set->v[i]);
}
