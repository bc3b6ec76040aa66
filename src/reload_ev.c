#include "src/reload_ev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/log.h"
#include "src/core/fault.h"
#include "src/core/policy.h"
#include "src/load.h"
#include "src/work_ev.h"

static void
reload_run(void *arg)
{
	struct reload_ev *reload = arg;

	reload->result =
	    load_policy(&reload->policy, reload->rules, reload->faults);
}

static void
log_faults(const struct faults *faults)
{
	const struct fault *fault;

	for (size_t i = 0; (fault = faults_get(faults, i)) != NULL; i++)
		log_error("policy", "%s:%u:%u: %s%s%s", fault->file,
		    fault->line, fault->column, fault->what,
		    fault->expected != NULL ? "; expected " : "",
		    fault->expected != NULL ? fault->expected : "");
	log_error("policy", "the old rules stay in force faults=%zu",
	    faults_count(faults));
}

static void
reload_done(void *arg)
{
	struct reload_ev *reload = arg;
	const struct policy *policy = reload->policy;
	const struct fault *fault = faults_get(reload->faults, 0);
	char error[256] = "";

	if (reload->result < 0) {
		log_faults(reload->faults);
		if (fault != NULL)
			(void)snprintf(error, sizeof(error), "%s:%u:%u: %s",
			    fault->file, fault->line, fault->column,
			    fault->what); /* may be cut */
		else
			(void)snprintf(error, sizeof(error), "%s",
			    strerror(-reload->result)); /* may be cut */
	}
	faults_free(reload->faults);
	reload->faults = NULL;
	reload->policy = NULL;
	reload->running = false;
	reload->loaded(reload->arg, policy, error);
	policy_unref(policy);
	if (reload->again)
		reload_ev_start(reload, reload->base);
}

void
reload_ev_start(struct reload_ev *reload, struct event_base *base)
{
	int r = -ENOMEM;

	reload->again = reload->running;
	if (reload->running)
		return;
	reload->base = base;
	reload->policy = NULL;
	reload->faults = faults_new();
	if (reload->faults != NULL) {
		reload->running = true;
		r = work_start(base, reload_run, reload_done, reload);
	}
	if (r < 0) {
		reload->running = false;
		faults_free(reload->faults);
		reload->faults = NULL;
		log_error("policy", "reload failed, the old rules stay: %s",
		    strerror(-r));
		reload->loaded(reload->arg, NULL, strerror(-r));
	}
}
