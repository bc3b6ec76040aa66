#ifndef SIGHT_EV_H
#define SIGHT_EV_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct inotify_event;

/* An inotify with paths and all that leads to them (trail.h). Such a one is
 * made anew whenever what leads there may have changed, so that nothing is left
 * of what did before: in a thread, since looking at a path takes as long as its
 * file system does. Then the loop reads it. */
struct sight;

/* It watches nothing yet. 0 or -errno. */
int sight_new(struct sight **ret);

/* What leads to the path, and its coming where it is missing; see
 * trail_follow(). Then the events of the path itself: the number of its watch,
 * or -1 where there is none. May block. */
void sight_follow(struct sight *sight, const char *path);
int sight_watch(struct sight *sight, const char *path, uint32_t events);

/* On the loop, once: from here on take() gets its events. It must not free the
 * sight. 0 or -ENOMEM. */
int sight_read(struct sight *sight, struct event_base *base,
    void (*take)(void *arg, const struct inotify_event *event), void *arg);

/* trail_is_touched(). */
bool sight_is_touched(const struct sight *sight,
    const struct inotify_event *event, const char **ret_path);

/* Whether all that leads to its paths is watched. */
bool sight_is_whole(const struct sight *sight);

/* Accepts NULL, and one that was never read. Does not block. */
void sight_free(struct sight *sight);

#endif
