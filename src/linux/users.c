#include "src/linux/users.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PASSWD "/etc/passwd"

/* Whether that has changed is asked so often: it costs more than all else of a
 * name. */
#define LOOK_NS (100 * MONO_MS)

struct users_entry {
	uint32_t uid;
	char *name;
};

void
users_init(struct users *users)
{
	memset(users, 0, sizeof(*users));
}

void
users_done(struct users *users)
{
	for (size_t i = 0; i < users->n; i++)
		free(users->entries[i].name);
	free(users->entries);
	users_init(users);
}

static int
users_add(struct users *users, uint32_t uid, const char *name)
{
	struct users_entry *entries = reallocarray(
	    users->entries, users->n + 1, sizeof(users->entries[0]));

	if (entries == NULL)
		return -ENOMEM;
	users->entries = entries;
	entries[users->n].uid = uid;
	entries[users->n].name = strdup(name);
	if (entries[users->n].name == NULL)
		return -ENOMEM;
	users->n++;
	return 0;
}

/* What can't be read leaves numbers, which are true as well. */
static void
users_read(struct users *users)
{
	FILE *file;
	struct passwd *pw;
	struct stat st;

	if (stat(PASSWD, &st) != 0)
		return;
	if (users->ino == st.st_ino &&
	    users->mtime.tv_sec == st.st_mtim.tv_sec &&
	    users->mtime.tv_nsec == st.st_mtim.tv_nsec)
		return;
	file = fopen(PASSWD, "re");
	if (file == NULL)
		return;
	users_done(users);
	while ((pw = fgetpwent(file)) != NULL)
		if (users_add(users, pw->pw_uid, pw->pw_name) != 0)
			break;
	(void)fclose(file); /* only read from */
	users->mtime = st.st_mtim;
	users->ino = st.st_ino;
}

static const char *
find(const struct users *users, uint32_t uid)
{
	for (size_t i = 0; i < users->n; i++)
		if (users->entries[i].uid == uid)
			return users->entries[i].name;
	return NULL;
}

const char *
users_name(
    struct users *users, uint32_t uid, mono_t now, char buf[USERS_NUMLEN])
{
	const char *name = find(users, uid);

	if (name != NULL && mono_since(now, users->looked) < LOOK_NS)
		return name;
	users_read(users);
	users->looked = now;
	name = find(users, uid);
	if (name != NULL)
		return name;
	(void)snprintf(buf, USERS_NUMLEN, "%u", uid); /* 10 digits fit */
	return buf;
}
