#ifndef WATCH_LOOK_EV_H
#define WATCH_LOOK_EV_H

#include <stdbool.h>
#include <stddef.h>

struct inotify_event;
struct sight;

/* One look at the folders that watch_ev watches. */
struct watch_folder {
	char *dir;
	int wd; /* -1: it is not there */
};

struct watch_look {
	struct watch_folder *v;
	size_t n;
	struct sight *sight; /* also of where links in them lead; NULL: none */
};

/* One that watches nothing yet; dirs are copied. 0 or -ENOMEM, and then it is
 * empty. */
int watch_look_new(struct watch_look *ret, const char *const *dirs, size_t n);

/* The same with the folders of another one. */
int watch_look_copy(struct watch_look *ret, const struct watch_look *from);

/* Looks, and watches from then on: in a thread, since it may block. 0 or
 * -errno; that a folder is not there is no error. */
int watch_look_begin(struct watch_look *look, const char *suffix);
void watch_look_end(struct watch_look *look); /* empty afterwards */

/* Whether it is of these folders. */
bool watch_look_is_of(
    const struct watch_look *look, const char *const *dirs, size_t n);

/* From the *at-th on (0 at first) the next folder that is there and was not in
 * the other look; there = false: that was, and is not there. NULL: no more. */
const char *watch_look_next(const struct watch_look *look,
    const struct watch_look *other, bool there, size_t *at);

/* Whether any of them is there; whether any is not. */
bool watch_look_any(const struct watch_look *look);
bool watch_look_misses(const struct watch_look *look);

/* The folder that the event is about; NULL: it is about none. */
const char *watch_look_folder(
    const struct watch_look *look, const struct inotify_event *event);

/* Whether it is the name of a file that matters. */
bool watch_look_is_ours(const char *suffix, const char *name);

#endif
