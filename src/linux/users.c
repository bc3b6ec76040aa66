#include "src/linux/users.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/linux/cmdline.h"

#define PASSWD "/etc/passwd"

/* Whether that has changed is asked so often: it costs more than all else of a
 * name. */
#define LOOK_NS (100 * MONO_MS)

struct users_entry {
	uint32_t uid;
	char *name;
};

static void
users_clear(struct users *users)
{
	for (size_t i = 0; i < users->n; i++)
		free(users->entries[i].name);
	free(users->entries);
	users->entries = NULL;
	users->n = 0;
}

void
users_done(struct users *users)
{
	users_clear(users);
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

static void
users_parse(struct users *users, char *text, size_t len)
{
	FILE *file = len > 0 ? fmemopen(text, len, "r") : NULL;
	struct passwd *pw;

	if (len > 0 && file == NULL)
		return;
	users_clear(users);
	while (file != NULL && (pw = fgetpwent(file)) != NULL)
		if (users_add(users, pw->pw_uid, pw->pw_name) != 0)
			break;
	if (file != NULL)
		(void)fclose(file); /* it was only read */
}

/* What can't be read leaves what was known, or numbers, which are true as well.
 */
static void
users_take(struct users *users, const struct file_state *state, char *text_take,
    ssize_t len)
{
	if (len < 0)
		return;
	users->state = *state;
	if (text_take != NULL)
		users_parse(users, text_take, (size_t)len);
	free(text_take);
}

/* Where the kernel knows that it is as it was nobody need be asked. */
static void
users_read(struct users *users)
{
	struct file_state state = users->state, known;
	char *text = NULL;
	ssize_t n;

	if (file_state_known(&known, PASSWD) == 0 &&
	    file_state_equal(&known, &state))
		return;
	n = cmdlines_changed(users->cmdlines, PASSWD, &state, &text);
	users_take(users, &state, text, n);
}

void
users_init(struct users *users, struct cmdlines *cmdlines)
{
	struct file_state state = { .mtime = 0 };
	char *text = NULL;
	ssize_t n = file_read_changed(PASSWD, &state, &text);

	*users = (struct users){ .cmdlines = cmdlines };
	users_take(users, &state, text, n);
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
