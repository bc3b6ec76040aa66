#ifndef TRAIL_H
#define TRAIL_H

#include <stdbool.h>
#include <stddef.h>

struct inotify_event;

/* What leads to a path: its links and its folders. Where one of them is put in
 * place of another, the path is that of another file, and nothing has happened
 * in the folder where the file was. */
struct trail {
	struct trail_step *v;
	size_t n;
	bool part; /* not all of it could be watched */
};

/* Has the caller's inotify, which is fd, tell of all that leads to the path;
 * where something of it is missing, of its coming. A file's own changes, too;
 * a folder's are the caller's to watch, with IN_MASK_ADD. What can't be watched
 * is not. May block for as long as looking at a path does. */
void trail_follow(struct trail *trail, int fd, const char *path);

/* Whether the event says that a path leads elsewhere now, or that its file is
 * another one: see made.h. *ret_path is what was touched, borrowed; NULL where
 * that is a folder. */
bool trail_is_touched(const struct trail *trail,
    const struct inotify_event *event, const char **ret_path);

/* Nothing is watched any more; fd is -1 where that is closed. */
void trail_clear(struct trail *trail, int fd);

#endif
