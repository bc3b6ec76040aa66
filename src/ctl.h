#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/mono.h"
#include "src/core/conf.h"
#include "src/core/judge.h"
#include "src/core/stats.h"
#include "src/ctlmsg.h"

struct change;
struct ctl_list;
struct diag;
struct policy_ev;
struct procfs;

/* What the calls speak of; all borrowed, and alive as long as the socket. */
struct ctl_env {
	const struct conf *conf;
	struct judge *judge;
	struct procfs *procfs;
	struct diag *diag;
	struct stats *stats;
	mono_t started;
	const char *rules_dir;
	/* families whose chains were put in */
	bool ip4, ip6;
	struct policy_ev *policy_ev;
};

/* How a call is answered. */
enum ctl_answer {
	CTL_LINE,   /* *ret_line, to be freed; NULL when there is no memory */
	CTL_LIST,   /* ret_job->list, written as the client reads */
	CTL_WATCH,  /* events from now on */
	CTL_WORK,   /* *ret_job runs off the loop; its line comes later */
	CTL_CHANGE, /* ret_job->change, answered by what comes of it */
};

/* What a call goes on with. run() is called in a thread: it may block. */
struct ctl_job {
	struct ctl_list *list;
	struct change *change;
	void (*run)(struct ctl_job *job);
	bool ip4, ip6;
	char *line; /* the answer, set by run() */
};

/* Answers a request. A peer that is neither root nor of the control group may
 * only ask for `status`. */
enum ctl_answer ctl_call(const struct ctl_env *env,
    const struct ctlmsg_request *request, bool trusted, char **ret_line,
    struct ctl_job *ret_job);

#endif
