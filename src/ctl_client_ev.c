#include "src/ctl_client_ev.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/bytes_ev.h"
#include "src/ctl_dns.h"
#include "src/ctl_explain.h"
#include "src/ctl_list.h"
#include "src/ctl_rules.h"
#include "src/ctl_watcher_ev.h"
#include "src/list_ev.h"
#include "src/policy_ev.h"
#include "src/port17_ev.h"
#include "src/tunnel_test_ev.h"
#include "src/work_ev.h"

/* What a client may be behind with answers before it is cut off. */
#define BEHIND_MAX ((size_t)1 << 20)
/* What is written of it in one turn of the loop: more than sockets take by
 * default, else who reads as fast as he can is behind at each burst. */
#define WRITE_MAX ((size_t)1 << 18)
#define STALL_S 10

struct client {
	struct list node;
	struct ctl_clients *all;
	bool gone; /* cut off; a job of its own holds the memory */
	struct bufferevent *bev;
	struct evbuffer *out;
	bool trusted;
	struct ctl_peer peer;
	struct ctl_watcher watch;
	bool working; /* a job runs: it holds the client alive */
	bool eof;     /* it has said all it will: answer, then close */
	bool calling; /* within client_read() */
	bool closing; /* after what is written has left */
	struct ctl_job job;
	struct ctl_list *list;	/* being written; NULL for none */
	bool stale;		/* what the list shows is being counted */
	struct bytes_wait wait; /* for what the list shows */
};

/* A client that takes nothing for so long is gone. */
static const struct timeval stall = { STALL_S, 0 };

/* Takes the client out. Memory that a running job needs stays until it ends,
 * and that of a client whose call is under way until client_read() has seen it.
 */
static void
client_free(struct client *client)
{
	list_remove(&client->node);
	client->all->n--;
	client->gone = true;
	if (client->bev != NULL)
		bufferevent_free(client->bev);
	client->bev = NULL;
	client->out = NULL;
	bytes_wait_cancel(&client->wait);
	ctl_list_free(client->list);
	client->list = NULL;
	ctl_watcher_done(&client->watch);
	if (!client->working && !client->calling)
		free(client);
}

static void
client_refuse(struct client *client, const char *why)
{
	client->all->env->stats->control_refused++;
	log_limited(LOG_LEVEL_WARNING, "control", "client cut off: %s", why);
	client_free(client);
}

/* Sends a line that is to be freed; NULL is the lack of memory for it. */
static void
client_send(struct client *client, char *line)
{
	static const char nomem[] = "{\"ok\":false,\"error\":{\"code\":"
				    "\"failed\",\"message\":\"out of memory\"}}"
				    "\n";
	const char *text = line != NULL ? line : nomem;

	if (strncmp(text, "{\"ok\":false", 11) == 0)
		client->all->env->stats->control_errors++;
	if (evbuffer_add(client->out, text, strlen(text)) < 0)
		client->closing = true; /* no memory at all: say goodbye */
	free(line);
}

/* The next rows. */
static void
list_go_on(struct client *client)
{
	bool done = true;
	size_t len;
	char *text = ctl_list_next(client->list, &len, &done);

	if (text == NULL || evbuffer_add(client->out, text, len) < 0)
		client->closing = true; /* half a line is no answer */
	free(text);
	if (!done)
		return;
	ctl_list_free(client->list);
	client->list = NULL;
	if (ctl_watcher_go_on(&client->watch, client->out) < 0)
		client->closing = true;
}

static void client_read(struct client *client);

/* The counts that the list shows are there. */
static void
list_fresh(void *arg)
{
	struct client *client = arg;

	client->stale = false;
	list_go_on(client);
	if (client->list == NULL)
		client_read(client);
}

static void
list_start(struct client *client, const struct ctl_job *job)
{
	client->list = job->list;
	client->wait =
	    (struct bytes_wait){ .fresh = list_fresh, .arg = client };
	client->stale =
	    job->wants_bytes &&
	    !bytes_ev_refresh(client->all->env->bytes_ev, &client->wait);
	if (!client->stale)
		list_go_on(client);
}

static void
job_run(void *arg)
{
	struct client *client = arg;

	client->job.run(&client->job);
}

/* What runs for it has ended with this line (taken). */
static void
work_ended(struct client *client, char *line)
{
	client->working = false;
	client->all->n_jobs--;
	if (client->gone) {
		free(line);
		if (!client->calling)
			free(client);
		return;
	}
	client_send(client, line);
	/* ended before client_call() has: client_read() goes on itself. Else
	 * not from here: who tells of the end is in the midst of something */
	if (!client->calling && !client->all->leaving)
		bufferevent_trigger(client->bev, EV_READ,
		    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static void
job_done(void *arg)
{
	struct client *client = arg;
	char *line = client->job.line;

	client->job.line = NULL;
	ctl_explain_free(client->job.explain);
	client->job.explain = NULL;
	work_ended(client, line);
}

static void
change_done(void *arg, struct change *change_take)
{
	const struct client *client = arg;
	char *line = ctl_rules_answer(client->all->env, change_take);

	change_free(change_take);
	work_ended(arg, line);
}

static void
lists_done(void *arg, struct list_ev *le, int error)
{
	work_ended(arg, error < 0
			    ? ctlmsg_error(CTLMSG_FAILED, strerror(-error))
			    : ctlmsg_result(list_ev_status(le)));
}

static void
ask_done(void *arg, char *line_take)
{
	work_ended(arg, line_take);
}

/* A line (taken) of what goes on yet. */
static void
work_says(void *arg, char *line_take)
{
	struct client *client = arg;

	if (client->gone)
		free(line_take);
	else
		client_send(client, line_take);
}

/* Something runs for it, which work_ended() ends: maybe before this call has.
 */
static void
work_begin(struct client *client)
{
	client->working = true;
	client->all->n_jobs++;
}

/* In a thread. */
static void
work_run(struct client *client, const struct ctl_job *job)
{
	int r;

	client->job = *job;
	work_begin(client);
	r = work_start(client->all->base, job_run, job_done, client);
	if (r == 0)
		return;
	ctl_explain_free(job->explain);
	work_ended(client, ctlmsg_error(CTLMSG_FAILED, strerror(-r)));
}

static void
test_run(struct client *client, struct tunnel_test *test_take)
{
	const struct ctl_env *env = client->all->env;
	const struct tunnel_test_opts opts = {
		.tests = &client->all->tests,
		.dialer = port17_ev_dialer(env->port17),
		.resolver = env->resolver,
		.step = work_says,
		.done = ask_done,
		.arg = client,
	};

	work_begin(client);
	tunnel_test_run(test_take, &opts);
}

static void
client_call(struct client *client, const char *text, size_t len)
{
	struct ctlmsg_request request;
	char what[CTLMSG_WHAT], *line = NULL;
	struct ctl_job job = { 0 };
	enum ctl_answer answer;

	if (ctlmsg_parse(&request, text, len, what) < 0) {
		client_send(client, ctlmsg_error(CTLMSG_BAD_REQUEST, what));
		return;
	}
	answer =
	    ctl_call(client->all->env, &request, client->trusted, &line, &job);
	ctlmsg_done(&request);
	switch (answer) {
	case CTL_LINE:
		client_send(client, line);
		break;
	case CTL_LIST:
		list_start(client, &job);
		break;
	case CTL_CHANGE:
		work_begin(client);
		job.change->done = change_done;
		job.change->arg = client;
		policy_ev_submit(client->all->env->policy_ev, job.change);
		break;
	case CTL_LISTS:
		work_begin(client);
		list_ev_reload(client->all->env->list_ev, lists_done, client);
		break;
	case CTL_ASK:
		work_begin(client);
		ctl_dns_ask(
		    client->all->env, &job, &client->peer, ask_done, client);
		break;
	case CTL_TEST:
		test_run(client, job.tunnel);
		break;
	case CTL_WATCH:
		ctl_watcher_begin(&client->watch, job.watch);
		bufferevent_set_timeouts(client->bev, NULL, NULL);
		client_send(client,
		    ctlmsg_result(json_pack("{s:s}", "event", "watching")));
		if (job.list != NULL)
			list_start(client, &job);
		break;
	case CTL_WORK:
		work_run(client, &job);
		break;
	}
}

/* Takes whole lines while nothing of an earlier one is under way. May free the
 * client: the caller touches nothing after it. */
static void
client_read(struct client *client)
{
	struct evbuffer *in = bufferevent_get_input(client->bev);
	char *line;
	size_t len;

	while (!client->working && client->list == NULL && !client->closing &&
	       !client->all->leaving) {
		line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
		if (line == NULL)
			break;
		client->calling = true;
		client_call(client, line, len);
		client->calling = false;
		free(line);
		if (client->gone) { /* by what it asked for itself */
			if (!client->working)
				free(client);
			return;
		}
		if (evbuffer_get_length(client->out) > BEHIND_MAX) {
			client_refuse(client, "it asks and does not read");
			return;
		}
	}
	if (client->working || client->list != NULL)
		return;
	if (evbuffer_get_length(in) > CTLMSG_LINE_MAX && !client->closing) {
		client->all->env->stats->control_refused++;
		client_send(client, ctlmsg_error(CTLMSG_BAD_REQUEST,
					"the line is longer than 65536 bytes"));
		client->closing = true;
		bufferevent_disable(client->bev, EV_READ);
	}
	client->closing = client->closing || client->eof;
	if (client->closing && evbuffer_get_length(client->out) == 0)
		client_free(client);
}

static void
read_cb(struct bufferevent *bev, void *arg)
{
	(void)bev;
	client_read(arg);
}

/* All that was written has left. */
static void
write_cb(struct bufferevent *bev, void *arg)
{
	struct client *client = arg;

	(void)bev;
	if (client->stale)
		return; /* the list goes on when it is counted */
	if (client->list != NULL) {
		list_go_on(client);
		if (client->list == NULL)
			client_read(client);
		return;
	}
	if (client->closing) {
		client_free(client);
		return;
	}
	if (client->watch.missed > 0) {
		client_send(client, ctl_watcher_missed(&client->watch));
		bufferevent_set_timeouts(client->bev, NULL, NULL);
	}
}

static void
event_cb(struct bufferevent *bev, short what, void *arg)
{
	struct client *client = arg;

	(void)bev;
	if ((what & BEV_EVENT_TIMEOUT) != 0 &&
	    (what & BEV_EVENT_WRITING) != 0) {
		client_refuse(client, "it does not read");
		return;
	}
	if ((what & BEV_EVENT_EOF) != 0 && client->watch.filter == NULL) {
		client->eof = true;
		client_read(client);
		return;
	}
	client_free(client);
}

int
ctl_clients_add(struct ctl_clients *all, int fd, bool trusted)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return -ENOMEM;
	client->bev =
	    bufferevent_socket_new(all->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->bev == NULL) {
		free(client);
		return -ENOMEM;
	}
	client->out = bufferevent_get_output(client->bev);
	client->trusted = trusted;
	ctl_sock_peer(&client->peer, fd);
	client->all = all;
	list_append(&all->clients, &client->node);
	all->n++;
	all->env->stats->control_clients++;
	bufferevent_setcb(client->bev, read_cb, write_cb, event_cb, client);
	bufferevent_set_timeouts(client->bev, NULL, &stall);
	/* what comes past a line too long stays in the socket */
	bufferevent_setwatermark(
	    client->bev, EV_READ, 0, CTLMSG_LINE_MAX + 4096);
	bufferevent_set_max_single_write(client->bev, WRITE_MAX);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
	return 0;
}

static void
client_tell(struct client *client, const char *line)
{
	int r = ctl_watcher_tell(
	    &client->watch, client->out, client->list != NULL, line);

	if (r == -ENOMEM)
		client_refuse(client, "there is no memory for its events");
	else if (r == -ENOBUFS) /* one that reads on is told what it missed */
		bufferevent_set_timeouts(client->bev, NULL, &stall);
}

void
ctl_clients_tell(
    struct ctl_clients *all, const struct ctl_event *event, mono_t now)
{
	struct list *node, *tmp;
	char *line = NULL;

	list_for_each_safe (node, tmp, &all->clients) {
		struct client *client = container_of(node, struct client, node);

		if (!ctl_watcher_wants(&client->watch, event))
			continue;
		if (line == NULL) { /* once for all who watch */
			struct json_time at = json_time_now(now);

			line = ctlmsg_result(json_event(
			    event->name, event->make(event->of, &at)));
		}
		if (line == NULL)
			return; /* no memory: this one is not shown */
		client_tell(client, line);
	}
	free(line);
}

void
ctl_clients_leave(struct ctl_clients *all)
{
	all->leaving = true;
	tunnel_tests_end(&all->tests);
}

/* What it was answered leaves, as far as its socket takes it. */
static void
client_part(struct client *client)
{
	(void)evbuffer_unfreeze(client->out, 1); /* nobody else writes it now */
	(void)evbuffer_write(client->out, bufferevent_getfd(client->bev));
	client_free(client);
}

void
ctl_clients_done(struct ctl_clients *all)
{
	while (!list_empty(&all->clients))
		client_part(
		    container_of(all->clients.next, struct client, node));
}
