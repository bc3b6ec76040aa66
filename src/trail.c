#include "src/trail.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many as the kernel follows. */
#define LINKS_MAX 40
/* More are not watched. */
#define STEPS_MAX ((size_t)1024)

#define SELF_EVENTS (IN_MOVE_SELF | IN_DELETE_SELF)
#define NAME_EVENTS                                                            \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

struct trail_step {
	int wd;	    /* of a folder */
	char *path; /* of a name in it; NULL: the folder itself */
};

/* Being resolved: where it has come to, which has no links, and what is left
 * of it. */
struct walk {
	struct trail *trail;
	int fd;
	char at[PATH_MAX], rest[PATH_MAX];
	unsigned int n_links;
};

static const char *
name_of_path(const char *path)
{
	return strrchr(path, '/') + 1; /* all of ours have one */
}

static void
add(struct trail *trail, int wd, const char *path)
{
	struct trail_step *v;

	if (wd < 0) {
		trail->part = true;
		return;
	}
	for (size_t i = 0; i < trail->n; i++)
		if (trail->v[i].wd == wd &&
		    (trail->v[i].path == NULL || path == NULL
			    ? trail->v[i].path == path
			    : strcmp(trail->v[i].path, path) == 0))
			return;
	v = trail->n < STEPS_MAX
		? reallocarray(trail->v, trail->n + 1, sizeof(v[0]))
		: NULL;
	if (v == NULL) {
		trail->part = true;
		return;
	}
	trail->v = v;
	v[trail->n].wd = wd;
	v[trail->n].path = path != NULL ? strdup(path) : NULL;
	if (path == NULL || v[trail->n].path != NULL)
		trail->n++;
	else
		trail->part = true;
}

static void
watch(
    const struct walk *walk, const char *dir, uint32_t events, const char *path)
{
	add(walk->trail,
	    inotify_add_watch(walk->fd, dir[0] != '\0' ? dir : "/",
		events | IN_ONLYDIR | IN_MASK_ADD),
	    path);
}

/* The next component of what is left, of so many bytes; 0 at its end. */
static size_t
next(struct walk *walk, char component[NAME_MAX + 1])
{
	size_t begin = strspn(walk->rest, "/"), len;

	len = strcspn(walk->rest + begin, "/");
	if (len > NAME_MAX)
		return 0; /* no such file */
	memcpy(component, walk->rest + begin, len);
	component[len] = '\0';
	memmove(walk->rest, walk->rest + begin + len,
	    strlen(walk->rest + begin + len) + 1);
	return len;
}

/* What a link says stands in place of it. False where that is too long. */
static bool
take_link(struct walk *walk, const char *target)
{
	char rest[PATH_MAX];

	if (++walk->n_links > LINKS_MAX ||
	    (size_t)snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest) >=
		sizeof(rest))
		return false;
	memcpy(walk->rest, rest, strlen(rest) + 1);
	if (target[0] == '/')
		walk->at[0] = '\0';
	return true;
}

static void
leave_folder(struct walk *walk)
{
	char *slash = strrchr(walk->at, '/');

	if (slash != NULL) /* else it is the root, which is its own */
		*slash = '\0';
}

/* One component more; false where there is nothing behind it. */
static bool
step(struct walk *walk, const char *component)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (strcmp(component, ".") == 0)
		return true;
	if (strcmp(component, "..") == 0) {
		leave_folder(walk);
		return true;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", walk->at,
		component) >= sizeof(path))
		return false;
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		watch(walk, path, SELF_EVENTS, NULL);
		memcpy(walk->at, path, strlen(path) + 1);
		return true;
	}
	/* watched before it is read: another one in its place is seen */
	watch(walk, walk->at, NAME_EVENTS, path);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false; /* a file, or nothing */
	target[n] = '\0';
	return take_link(walk, target);
}

void
trail_follow(struct trail *trail, int fd, const char *path)
{
	struct walk walk = { .trail = trail, .fd = fd };
	char component[NAME_MAX + 1];

	if (path[0] != '/' &&
	    (getcwd(walk.at, sizeof(walk.at)) == NULL || walk.at[1] == '\0'))
		walk.at[0] = '\0'; /* the root */
	if (strlen(path) >= sizeof(walk.rest))
		return;
	memcpy(walk.rest, path, strlen(path) + 1);
	while (next(&walk, component) > 0 && step(&walk, component))
		;
}

static bool
is_touched(const struct trail_step *s, const struct inotify_event *event)
{
	if (s->wd != event->wd)
		return false;
	if (s->path == NULL)
		return (event->mask & (SELF_EVENTS | IN_IGNORED)) != 0;
	return event->len > 0 && (event->mask & NAME_EVENTS) != 0 &&
	       strcmp(name_of_path(s->path), event->name) == 0;
}

bool
trail_is_touched(const struct trail *trail, const struct inotify_event *event,
    const char **ret_path)
{
	for (size_t i = 0; i < trail->n; i++)
		if (is_touched(&trail->v[i], event)) {
			*ret_path = trail->v[i].path;
			return true;
		}
	return false;
}

void
trail_clear(struct trail *trail, int fd)
{
	for (size_t i = 0; i < trail->n; i++) {
		if (fd >= 0)
			(void)inotify_rm_watch(
			    fd, trail->v[i].wd); /* may be gone */
		free(trail->v[i].path);
	}
	free(trail->v);
	*trail = (struct trail){ 0 };
}
