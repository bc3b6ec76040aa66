#include "src/world.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* A group may have many members: its entry is read into at most this much. */
#define ENTRY_MAX ((size_t)1 << 20)

/* Calls ask with more and more room; 0, -ENOENT or -errno. */
static int
read_entry(int (*ask)(const char *name, char *buf, size_t size, uint32_t *ret),
    const char *name, uint32_t *ret)
{
	size_t size = 1024;
	char *buf;
	int r;

	do {
		buf = malloc(size);
		if (buf == NULL)
			return -ENOMEM;
		r = ask(name, buf, size, ret);
		free(buf);
		size *= 4;
	} while ((r == -ERANGE || r == -EINTR) && size <= ENTRY_MAX);
	return r;
}

static int
ask_user(const char *name, char *buf, size_t size, uint32_t *ret)
{
	struct passwd entry, *found = NULL;
	int r = getpwnam_r(name, &entry, buf, size, &found);

	if (found == NULL)
		return r != 0 ? -r : -ENOENT;
	*ret = found->pw_uid;
	return 0;
}

static int
ask_group(const char *name, char *buf, size_t size, uint32_t *ret)
{
	struct group entry, *found = NULL;
	int r = getgrnam_r(name, &entry, buf, size, &found);

	if (found == NULL)
		return r != 0 ? -r : -ENOENT;
	*ret = found->gr_gid;
	return 0;
}

static int
world_user(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	return read_entry(ask_user, name, ret);
}

static int
world_group(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	return read_entry(ask_group, name, ret);
}

static int
world_path(void *arg, const char *path, char *buf, size_t size)
{
	char *real = realpath(path, NULL);
	int r = 0;

	(void)arg;
	if (real == NULL)
		return -errno;
	if (strlen(real) < size)
		(void)strcpy(buf, real); /* it fits */
	else
		r = -ENAMETOOLONG;
	free(real);
	return r;
}

const struct policy_world load_world = {
	.user = world_user,
	.group = world_group,
	.path = world_path,
};
