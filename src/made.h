#ifndef MADE_H
#define MADE_H

#include <stdbool.h>
#include <stddef.h>

struct inotify_event;

/* More than these are not told apart from what is whole. */
#define MADE_MAX 16

/* What has changed where files are watched: surely, or maybe only, since a file
 * that was made just now is whole when it has been written, a link at once.
 * Which of both it is its file system says: not on the loop. Zeroed, it holds
 * nothing. */
struct made {
	char *paths[MADE_MAX];
	size_t n;
	bool sure;
};

/* The event tells of a change of the path (copied; NULL: of one that has none,
 * and that is sure). */
void made_note(
    struct made *made, const char *path, const struct inotify_event *event);

/* Moves all of it, behind what *to has already. */
void made_move(struct made *to, struct made *from);

/* Whether anything is as it is to be. May block. */
bool made_is_whole(const struct made *made);

/* It holds nothing any more. */
void made_clear(struct made *made);

#endif
