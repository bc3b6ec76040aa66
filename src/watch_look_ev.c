#include "src/watch_look_ev.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "src/file.h"
#include "src/sight_ev.h"

#define FILE_EVENTS                                                            \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
#define DIR_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

bool
watch_look_is_ours(const char *suffix, const char *name)
{
	size_t n = strlen(name), m = strlen(suffix);

	return name[0] != '.' && n > m && memcmp(name + n - m, suffix, m) == 0;
}

/* Files of other folders that stand in this one by a link. */
static void
follow_links(struct watch_look *look, const char *folder, const char *suffix)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char *path;

		if ((entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN) ||
		    !watch_look_is_ours(suffix, entry->d_name))
			continue;
		path = file_path(folder, entry->d_name);
		if (path != NULL)
			sight_follow(look->sight, path);
		free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

void
watch_look_end(struct watch_look *look)
{
	sight_free(look->sight);
	for (size_t i = 0; i < look->n; i++)
		free(look->v[i].dir);
	free(look->v);
	*look = (struct watch_look){ .n = 0 };
}

int
watch_look_new(struct watch_look *ret, const char *const *dirs, size_t n)
{
	*ret = (struct watch_look){ .v = calloc(n + 1, sizeof(ret->v[0])) };
	if (ret->v == NULL)
		return -ENOMEM;
	for (; ret->n < n; ret->n++) {
		struct watch_folder *f = &ret->v[ret->n];

		*f = (struct watch_folder){ strdup(dirs[ret->n]), -1 };
		if (f->dir != NULL)
			continue;
		watch_look_end(ret);
		return -ENOMEM;
	}
	return 0;
}

int
watch_look_copy(struct watch_look *ret, const struct watch_look *from)
{
	const char **dirs = calloc(from->n + 1, sizeof(dirs[0]));
	int r = -ENOMEM;

	*ret = (struct watch_look){ .n = 0 };
	for (size_t i = 0; dirs != NULL && i < from->n; i++)
		dirs[i] = from->v[i].dir;
	if (dirs != NULL)
		r = watch_look_new(ret, dirs, from->n);
	free(dirs);
	return r;
}

int
watch_look_begin(struct watch_look *look, const char *suffix)
{
	int r = look->n > 0 ? sight_new(&look->sight) : 0;

	for (size_t i = 0; r == 0 && i < look->n; i++) {
		struct watch_folder *f = &look->v[i];

		sight_follow(look->sight, f->dir);
		f->wd =
		    sight_watch(look->sight, f->dir, FILE_EVENTS | DIR_EVENTS);
		if (f->wd >= 0 && suffix[0] != '\0')
			follow_links(look, f->dir, suffix);
	}
	return r;
}

/* Whether the folder was there, most likely the i-th. */
static bool
look_has(const struct watch_look *look, const char *dir, size_t i)
{
	if (i < look->n && strcmp(look->v[i].dir, dir) == 0)
		return look->v[i].wd >= 0;
	for (i = 0; i < look->n; i++)
		if (strcmp(look->v[i].dir, dir) == 0)
			return look->v[i].wd >= 0;
	return false;
}

const char *
watch_look_next(const struct watch_look *look, const struct watch_look *other,
    bool there, size_t *at)
{
	while (*at < look->n) {
		size_t i = (*at)++;
		const struct watch_folder *f = &look->v[i];

		if ((f->wd >= 0) == there &&
		    look_has(other, f->dir, i) != there)
			return f->dir;
	}
	return NULL;
}

bool
watch_look_any(const struct watch_look *look)
{
	static const struct watch_look none;
	size_t at = 0;

	return watch_look_next(look, &none, true, &at) != NULL;
}

bool
watch_look_misses(const struct watch_look *look)
{
	for (size_t i = 0; i < look->n; i++)
		if (look->v[i].wd < 0)
			return true;
	return false;
}

const char *
watch_look_folder(
    const struct watch_look *look, const struct inotify_event *event)
{
	for (size_t i = 0; i < look->n; i++)
		if (look->v[i].wd == event->wd)
			return look->v[i].dir;
	return NULL;
}

bool
watch_look_is_of(
    const struct watch_look *look, const char *const *dirs, size_t n)
{
	if (look->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(look->v[i].dir, dirs[i]) != 0)
			return false;
	return true;
}
