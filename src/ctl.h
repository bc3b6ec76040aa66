#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/mono.h"
#include "src/base/name.h"
#include "src/core/conf.h"
#include "src/core/judge.h"
#include "src/core/stats.h"
#include "src/ctl_sock.h"
#include "src/ctlmsg.h"
#include "src/fw_ev.h"

struct attr;
struct bytes_ev;
struct change;
struct ctl_explain;
struct ctl_list;
struct filter;
struct guard_status;
struct history;
struct list_ev;
struct tunnel_test;
struct policy_ev;
struct port17_ev;
struct procfs;
struct qlog;
struct resolver_ev;
struct tally;

/* What the calls speak of; all borrowed, and alive as long as the socket. */
struct ctl_env {
	const struct conf *conf;
	struct judge *judge;
	struct procfs *procfs;
	const struct attr *attr;
	struct stats *stats;
	struct tally *tally;
	struct history *history;
	struct bytes_ev *bytes_ev;
	mono_t started;
	const char *rules_dir;
	struct fw_ev *fw;
	/* NULL until the chains are in */
	const struct guard_status *guard;
	struct policy_ev *policy_ev;
	struct list_ev *list_ev;
	struct port17_ev *port17;
	struct resolver_ev *resolver;
	struct qlog *qlog; /* the last queries */
};

/* How a call is answered. */
enum ctl_answer {
	CTL_LINE, /* *ret_line, to be freed; NULL when there is no memory */
	CTL_LIST, /* ret_job->list, written as the client reads */
	/* events from now on, as ret_job->watch says, behind ret_job->list
	 * where it is not NULL */
	CTL_WATCH,
	CTL_WORK,   /* *ret_job runs off the loop; its line comes later */
	CTL_CHANGE, /* ret_job->change, answered by what comes of it */
	CTL_LISTS,  /* the lists are looked at, then shown */
	CTL_ASK,    /* ret_job->ask_name, answered by the resolver */
	CTL_TEST,   /* ret_job->tunnel, answered by what comes of it */
};

/* What a call goes on with. run() is called in a thread: it may block. */
struct ctl_job {
	struct ctl_list *list;
	bool wants_bytes; /* the list shows them: they are to be fresh */
	struct change *change;
	struct filter *watch; /* allocated */
	struct name ask_name;
	uint16_t ask_type;
	const struct process *ask_as; /* a reference; NULL: who calls */
	void (*run)(struct ctl_job *job);
	/* families whose chains are in, and how */
	bool in[FW_N_FAMILIES];
	struct chains_setup setup[FW_N_FAMILIES];
	struct fw_ev *fw; /* borrowed */
	struct tunnel_test *tunnel;
	struct ctl_explain *explain; /* freed when it has run */
	char *line;		     /* the answer, set by run() */
};

/* Answers a request. A peer that is neither root nor of the control group may
 * only ask for `status`. */
enum ctl_answer ctl_call(const struct ctl_env *env,
    const struct ctlmsg_request *request, bool trusted, char **ret_line,
    struct ctl_job *ret_job);

#endif
