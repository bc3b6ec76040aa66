#include "src/list_include.h"

#include <errno.h>
#include <jansson.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/sip.h"
#include "src/core/list_image.h"
#include "src/file.h"

/* "name", or what it is in the folder of `from`; NULL when there is no
 * memory. */
static char *
path_of(const char *from, const char *name)
{
	const char *slash = strrchr(from, '/');
	char *path;

	while (name[0] == '.' && name[1] == '/')
		name += 2;
	if (name[0] == '/' || slash == NULL)
		return strdup(name);
	return asprintf(&path, "%.*s/%s", (int)(slash - from), from, name) >= 0
		   ? path
		   : NULL;
}

static void
write_stamp(char ret[LIST_STAMP_SIZE], const struct stat *st)
{
	static const uint64_t key[2] = { 2, 2 };
	uint64_t v[2];
	struct sip sip;

	sip_init(&sip, key);
	sip_word(&sip, (uint64_t)st->st_dev);
	sip_word(&sip, (uint64_t)st->st_ino);
	sip_word(&sip, (uint64_t)st->st_size);
	sip_word(&sip, (uint64_t)st->st_mtim.tv_sec);
	sip_word(&sip, (uint64_t)st->st_mtim.tv_nsec);
	sip_word(&sip, (uint64_t)st->st_ctim.tv_sec);
	sip_word(&sip, (uint64_t)st->st_ctim.tv_nsec);
	sip_end128(&sip, v);
	(void)snprintf(
	    ret, LIST_STAMP_SIZE, "%016" PRIx64 "%016" PRIx64, v[0], v[1]);
}

/* Who may write a list must not make us read what only we may. */
static int
check_owner(uid_t from, const struct stat *st)
{
	return from == 0 || from == st->st_uid ? 0 : -EPERM;
}

static int
check_file(const struct list_zone *zone, uid_t owner, const struct stat *st)
{
	if (st->st_dev == zone->st.st_dev && st->st_ino == zone->st.st_ino)
		return -ELOOP;
	return check_owner(owner, st);
}

/* Also before it is opened: that alone is more than looking where it is a
 * device. What counts is the one that was read. */
static int
read_file(struct list_included *file, const struct list_zone *zone, uid_t owner,
    struct stat *ret_st)
{
	int r;

	if (stat(file->path, ret_st) < 0)
		return -errno;
	r = check_owner(owner, ret_st);
	if (r == 0)
		r = file_read_foreign(file->path,
		    LIST_ZONE_BYTES_MAX - zone->bytes, &file->text, &file->len,
		    ret_st);
	return r < 0 ? r : check_file(zone, owner, ret_st);
}

int
list_include_read(struct list_included *ret, struct list_zone *zone,
    const struct list_included *from, const char *name,
    struct list_include *ret_include)
{
	struct list_included file = {
		.path = path_of(from != NULL ? from->path : zone->path, name),
	};
	struct stat st;
	int r;

	if (file.path == NULL)
		return -ENOMEM;
	if (zone->tried != NULL)
		zone->tried(zone->arg, file.path);
	r = read_file(
	    &file, zone, from != NULL ? from->uid : zone->st.st_uid, &st);
	if (r < 0) {
		free(file.path);
		free(file.text);
		return r;
	}
	zone->bytes += file.len;
	file.dev = (uint64_t)st.st_dev;
	file.ino = (uint64_t)st.st_ino;
	file.uid = (uint32_t)st.st_uid;
	write_stamp(ret_include->stamp, &st);
	ret_include->secret = file_is_secret(&st);
	*ret = file;
	return 0;
}

const char *
list_include_error(int error)
{
	switch (error) {
	case -EFBIG:
		return "the zone is larger than 1 GiB with it";
	case -ELOOP:
		return "a file that includes itself";
	default:
		return strerrordesc_np(-error);
	}
}

static bool
is_as_it_was(const char *path, const char *stamp)
{
	char now[LIST_STAMP_SIZE];
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	write_stamp(now, &st);
	return strcmp(now, stamp) == 0;
}

/* Those of the report that is kept in the list; NULL for none. */
static json_t *
includes_of(const struct list_index *l)
{
	size_t len;
	const uint8_t *meta = l != NULL ? list_index_meta(l, &len) : NULL;
	json_t *report, *ret;

	if (meta == NULL || memmem(meta, len, "\"includes\"", 10) == NULL)
		return NULL;
	report = json_loadb((const char *)meta, len, 0, NULL);
	ret = json_incref(json_object_get(report, "includes"));
	json_decref(report);
	return ret;
}

bool
list_includes_are_same(const struct list_index *l)
{
	json_t *includes = includes_of(l), *include;
	bool same = true;
	size_t i;

	json_array_foreach(includes, i, include)
	{
		const char *path =
		    json_string_value(json_object_get(include, "file"));
		const char *then =
		    json_string_value(json_object_get(include, "stamp"));

		same = same && path != NULL && then != NULL &&
		       is_as_it_was(path, then);
	}
	json_decref(includes);
	return same;
}

void
list_includes_each(const struct list_index *l,
    void (*each)(void *arg, const char *path), void *arg)
{
	json_t *includes = includes_of(l), *include;
	size_t i;

	json_array_foreach(includes, i, include)
	{
		const char *path =
		    json_string_value(json_object_get(include, "file"));

		if (path != NULL)
			each(arg, path);
	}
	json_decref(includes);
}
