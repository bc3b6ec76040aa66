#include "src/world.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool
is_script(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char begin[2];
	bool script;

	if (fd < 0)
		return false;
	script = read(fd, begin, 2) == 2 && begin[0] == '#' && begin[1] == '!';
	(void)close(fd); /* it was only read */
	return script;
}

static enum policy_file
world_file(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	if (stat(path, &st) < 0)
		return POLICY_FILE_UNKNOWN;
	if (S_ISDIR(st.st_mode))
		return POLICY_FILE_FOLDER;
	if (!S_ISREG(st.st_mode))
		return POLICY_FILE_OTHER;
	if (is_script(path))
		return POLICY_FILE_SCRIPT;
	return (st.st_mode & 0111) != 0 ? POLICY_FILE_PROGRAM
					: POLICY_FILE_OTHER;
}

const struct policy_world load_world = {
	.user = world_user,
	.group = world_group,
	.path = world_path,
	.file = world_file,
};
