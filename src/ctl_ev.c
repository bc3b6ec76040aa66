#include "src/ctl_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/ctl_client_ev.h"
#include "src/ctl_dns.h"
#include "src/ctl_show.h"
#include "src/ctl_sock.h"
#include "src/json.h"
#include "src/json_query.h"

/* Enough for people and scripts; more is a loop gone wild. */
#define CLIENTS_MAX 64
/* Until the next try where there was no descriptor for a client. */
#define PAUSE_US 100000
/* Who came while there was none is accepted so long after the last failure. */
#define WAITED_NS MONO_S

struct ctl_ev {
	int fd;
	char *path;
	gid_t group; /* of the settings; -1 for none */
	struct event *acceptable, *resume;
	mono_t failed; /* one was not accepted last; ns 0: never */
	struct ctl_clients clients;
};

static int
add_client(struct ctl_ev *ce, int fd)
{
	return ctl_clients_add(
	    &ce->clients, fd, ctl_sock_is_trusted(fd, ce->group));
}

/* Who waited in vain, and was killed for it, is not to have a rule of some
 * minutes ago put in now. */
static bool
is_given_up(const struct ctl_ev *ce, int fd)
{
	return ce->failed.ns != 0 &&
	       mono_since(mono_now(), ce->failed) < WAITED_NS &&
	       ctl_sock_is_gone(fd);
}

static void
acceptable_cb(evutil_socket_t listener, short what, void *arg)
{
#define BUSY(what)                                                             \
	"{\"ok\":false,\"error\":{\"code\":\"busy\",\"message\":\"" what       \
	"\"}}\n"
	static const char many[] = BUSY("too many control clients"),
			  none[] = BUSY("no memory for a control client");
	static const struct timeval later = { .tv_usec = PAUSE_US };
	struct ctl_ev *ce = arg;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		ce->clients.env->stats->control_refused++;
		log_limited(LOG_LEVEL_WARNING, "control",
		    "a client could not be accepted: %s", strerror(errno));
		ce->failed = mono_now();
		/* it goes on knocking: the loop has other things to do */
		(void)event_del(ce->acceptable); /* it was added */
		(void)event_add(ce->resume, &later);
		return;
	}
	if (is_given_up(ce, fd)) {
		close(fd);
		return;
	}
	if (ce->clients.n >= CLIENTS_MAX || add_client(ce, fd) < 0) {
		const char *why = ce->clients.n >= CLIENTS_MAX ? many : none;

		ce->clients.env->stats->control_refused++;
		(void)!send(fd, why, strlen(why),
		    MSG_NOSIGNAL | MSG_DONTWAIT); /* a courtesy */
		close(fd);
	}
}

static void
resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_ev *ce = arg;

	(void)fd;
	(void)what;
	(void)event_add(ce->acceptable, NULL); /* it was added before */
}

int
ctl_ev_new(struct ctl_ev **ret, struct event_base *base, const char *path,
    const struct ctl_env *env)
{
	struct ctl_ev *ce = calloc(1, sizeof(*ce));
	const char *why = ctl_sock_group_missing(env->conf->control_group);
	int r = -ENOMEM;

	if (ce == NULL)
		return -ENOMEM;
	if (why != NULL)
		log_warning("control", "control-group %s: %s",
		    env->conf->control_group, why);
	ce->clients.base = base;
	ce->clients.env = env;
	list_init(&ce->clients.clients);
	list_init(&ce->clients.tests);
	ce->fd = -1;
	ce->group = ctl_sock_group(env->conf->control_group);
	r = ctl_sock_listen(path, ce->group);
	if (r < 0)
		goto fail;
	ce->fd = r;
	r = -ENOMEM;
	ce->path = strdup(path);
	ce->acceptable =
	    event_new(base, ce->fd, EV_READ | EV_PERSIST, acceptable_cb, ce);
	ce->resume = evtimer_new(base, resume_cb, ce);
	if (ce->path == NULL || ce->acceptable == NULL || ce->resume == NULL ||
	    event_add(ce->acceptable, NULL) < 0)
		goto fail;
	*ret = ce;
	return 0;
fail:
	ctl_ev_free(ce);
	return r;
}

void
ctl_ev_free(struct ctl_ev *ce)
{
	if (ce == NULL)
		return;
	ctl_clients_done(&ce->clients);
	if (ce->acceptable != NULL)
		event_free(ce->acceptable);
	if (ce->resume != NULL)
		event_free(ce->resume);
	if (ce->fd >= 0) {
		close(ce->fd);
		if (ce->path != NULL)
			(void)unlink(ce->path); /* may be gone already */
	}
	free(ce->path);
	free(ce);
}

void
ctl_ev_leave(struct ctl_ev *ce)
{
	if (ce != NULL)
		ctl_clients_leave(&ce->clients);
}

bool
ctl_ev_is_busy(const struct ctl_ev *ce)
{
	return ce != NULL && ce->clients.n_jobs > 0;
}

void
ctl_ev_publish(struct ctl_ev *ce, const struct ctl_event *event, mono_t now)
{
	ctl_clients_tell(&ce->clients, event, now);
}

static json_t *
make_flow(const void *of, const struct json_time *at)
{
	return json_flow(of, at);
}

static json_t *
make_query(const void *of, const struct json_time *at)
{
	return json_query(of, at);
}

void
ctl_ev_queried(struct ctl_ev *ce, const struct record *record, mono_t now)
{
	char host[NAME_TEXT_SIZE];
	struct ctl_event event = {
		.name = "query", .make = make_query, .of = record
	};

	if (ce->clients.n == 0)
		return;
	event.row = ctl_dns_row(record, host);
	ctl_ev_publish(ce, &event, now);
}

static bool
has_flow(const struct filter *filter, const void *of)
{
	return ctl_show_has(filter, of);
}

void
ctl_ev_judged(struct ctl_ev *ce, const struct flow *flow, mono_t now)
{
	struct ctl_event event = {
		.name = "flow", .has = has_flow, .make = make_flow, .of = flow
	};

	ctl_ev_publish(ce, &event, now);
}
