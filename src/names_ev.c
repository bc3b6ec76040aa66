#include "src/names_ev.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/core/names.h"
#include "src/deadline_ev.h"
#include "src/file.h"
#include "src/work_ev.h"

#define FILE_NAME "names"
/* More than NAMES_SAVED_MAX lines of the longest name take is no file of
 * ours. */
#define FILE_BYTES_MAX ((size_t)32 << 20)

static const struct timeval delay = { 60, 0 };

struct names_ev {
	struct event_base *base;
	struct names *names;
	char *path;
	char boot[64];
	struct event *due;
	bool armed, busy;
	/* being written */
	char *text;
	size_t len;
	int result;
};

/* Which boot it is (Linux: a new word at each); "" where it can't be read. */
static void
read_boot(char *buf, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	buf[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(buf, (int)size, f) == NULL)
		buf[0] = '\0';
	(void)fclose(f); /* it was only read */
	buf[strcspn(buf, " \n")] = '\0';
}

static struct names_moment
moment(const struct names_ev *ne)
{
	return (
	    struct names_moment){ ne->boot, deadline_wall_ms(), mono_now() };
}

/* All of them as text. */
static bool
take_text(struct names_ev *ne)
{
	struct names_moment at = moment(ne);
	FILE *out = open_memstream(&ne->text, &ne->len);

	if (out == NULL)
		return false;
	names_write(ne->names, &at, out);
	if (fclose(out) == 0)
		return true;
	free(ne->text);
	ne->text = NULL;
	return false;
}

static void
save(void *arg)
{
	struct names_ev *ne = arg;

	ne->result =
	    file_save(ne->path, &(struct file_part){ ne->text, ne->len }, 1);
}

static void
saved(void *arg)
{
	struct names_ev *ne = arg;

	ne->busy = false;
	free(ne->text);
	ne->text = NULL;
	if (ne->result < 0)
		log_limited(LOG_LEVEL_WARNING, "names",
		    "%s can't be written, what addresses are called will be "
		    "lost with the daemon: %s",
		    ne->path, strerror(-ne->result));
}

static void
due_cb(evutil_socket_t fd, short what, void *arg)
{
	struct names_ev *ne = arg;

	(void)fd;
	(void)what;
	ne->armed = false;
	if (ne->busy) {
		names_ev_touch(ne);
		return;
	}
	if (!take_text(ne))
		return; /* the next one */
	ne->busy = true;
	if (work_start(ne->base, save, saved, ne) == 0)
		return;
	ne->result = -EAGAIN;
	saved(ne);
}

void
names_ev_touch(struct names_ev *ne)
{
	if (ne == NULL || ne->armed)
		return;
	ne->armed = event_add(ne->due, &delay) == 0;
}

bool
names_ev_is_busy(const struct names_ev *ne)
{
	return ne != NULL && ne->busy;
}

static void
load(struct names_ev *ne)
{
	struct names_moment at = moment(ne);
	char *text = NULL;
	size_t len = 0, bad;
	int r = file_read(ne->path, FILE_BYTES_MAX, &text, &len);

	if (r < 0) {
		if (r != -ENOENT)
			log_warning("names", "%s can't be read: %s", ne->path,
			    strerror(-r));
		return;
	}
	bad = names_read(ne->names, text, len, &at);
	if (bad > 0)
		log_warning(
		    "names", "%s: lines that are no good: %zu", ne->path, bad);
	free(text);
}

int
names_ev_new(struct names_ev **ret, struct event_base *base,
    struct names *names, const char *state)
{
	struct names_ev *ne = calloc(1, sizeof(*ne));

	if (ne == NULL)
		return -ENOMEM;
	ne->base = base;
	ne->names = names;
	ne->path = file_path(state, FILE_NAME);
	ne->due = event_new(base, -1, 0, due_cb, ne);
	if (ne->path == NULL || ne->due == NULL) {
		if (ne->due != NULL)
			event_free(ne->due);
		free(ne->path);
		free(ne);
		return -ENOMEM;
	}
	read_boot(ne->boot, sizeof(ne->boot));
	load(ne);
	*ret = ne;
	return 0;
}

void
names_ev_free(struct names_ev *ne)
{
	if (ne == NULL)
		return;
	if (names_count(ne->names) > 0 && take_text(ne)) {
		save(ne);
		saved(ne);
	}
	event_free(ne->due);
	free(ne->path);
	free(ne);
}
