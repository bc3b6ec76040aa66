#include "src/made.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* Takes the path; NULL, or one too many, might be anything. */
static void
put(struct made *made, char *path_take)
{
	for (size_t i = 0; path_take != NULL && i < made->n; i++)
		if (strcmp(made->paths[i], path_take) == 0) {
			free(path_take);
			return;
		}
	if (path_take != NULL && made->n < MADE_MAX) {
		made->paths[made->n++] = path_take;
		return;
	}
	free(path_take);
	made->sure = true;
}

void
made_note(
    struct made *made, const char *path, const struct inotify_event *event)
{
	if (path == NULL || (event->mask & IN_CREATE) == 0)
		made->sure = true;
	else
		put(made, strdup(path));
}

void
made_move(struct made *to, struct made *from)
{
	to->sure = to->sure || from->sure;
	for (size_t i = 0; i < from->n; i++)
		put(to, from->paths[i]);
	*from = (struct made){ .n = 0 };
}

/* One with several names was made by a link to it. */
static bool
is_whole(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1;
}

bool
made_is_whole(const struct made *made)
{
	for (size_t i = 0; !made->sure && i < made->n; i++)
		if (is_whole(made->paths[i]))
			return true;
	return made->sure;
}

void
made_clear(struct made *made)
{
	for (size_t i = 0; i < made->n; i++)
		free(made->paths[i]);
	*made = (struct made){ .n = 0 };
}
