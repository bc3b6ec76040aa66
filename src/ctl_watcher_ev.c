#include "src/ctl_watcher_ev.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "src/ctlmsg.h"

/* What it may be behind: some thousand events. */
#define BEHIND_MAX ((size_t)1 << 20)

void
ctl_watcher_done(struct ctl_watcher *w)
{
	if (w->later != NULL)
		evbuffer_free(w->later);
	free(w->filter);
	*w = (struct ctl_watcher){ 0 };
}

void
ctl_watcher_begin(struct ctl_watcher *w, struct filter *filter_take)
{
	free(w->filter);
	w->filter = filter_take;
}

bool
ctl_watcher_wants(const struct ctl_watcher *w, const struct ctl_event *event)
{
	if (w->filter == NULL)
		return false;
	return event->has != NULL ? event->has(w->filter, event->of)
				  : filter_match(w->filter, &event->row);
}

int
ctl_watcher_tell(
    struct ctl_watcher *w, struct evbuffer *out, bool in_list, const char *line)
{
	if (in_list && w->later == NULL)
		w->later = evbuffer_new();
	if (in_list)
		out = w->later;
	if (out == NULL)
		return -ENOMEM;
	/* once it misses some, all until it has taken what is there */
	if (w->missed > 0 || evbuffer_get_length(out) > BEHIND_MAX)
		return w->missed++ == 0 ? -ENOBUFS : 0;
	return evbuffer_add(out, line, strlen(line)) < 0 ? -ENOMEM : 0;
}

int
ctl_watcher_go_on(struct ctl_watcher *w, struct evbuffer *out)
{
	return w->later != NULL && evbuffer_add_buffer(out, w->later) < 0
		   ? -ENOMEM
		   : 0;
}

char *
ctl_watcher_missed(struct ctl_watcher *w)
{
	json_t *event = json_pack("{s:I}", "events", (json_int_t)w->missed);

	w->missed = 0;
	return ctlmsg_result(json_event("missed", event));
}
