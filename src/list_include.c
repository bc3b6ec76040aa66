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

#define FILE_BYTES_MAX ((size_t)1 << 30)

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

/* Who may write a list must not make us read what only we may. */
static int
check_owners(const char *from, const char *path)
{
	struct stat outer, st;

	if (stat(from, &outer) < 0 || stat(path, &st) < 0)
		return -errno;
	return outer.st_uid == 0 || outer.st_uid == st.st_uid ? 0 : -EPERM;
}

int
list_include_read(struct list_included *ret, const char *from, const char *name,
    bool *ret_secret)
{
	struct list_included file = { .path = path_of(from, name) };
	int r = file.path != NULL ? check_owners(from, file.path) : -ENOMEM;

	if (r == 0)
		r = file_read_foreign(file.path, FILE_BYTES_MAX, &file.text,
		    &file.len, ret_secret);
	if (r < 0)
		free(file.path);
	else
		*ret = file;
	return r;
}

bool
list_include_stamp(char ret[LIST_STAMP_SIZE], const char *path)
{
	static const uint64_t key[2] = { 2, 2 };
	uint64_t v[2];
	struct stat st;
	struct sip sip;

	if (stat(path, &st) < 0)
		return false;
	sip_init(&sip, key);
	sip_word(&sip, (uint64_t)st.st_dev);
	sip_word(&sip, (uint64_t)st.st_ino);
	sip_word(&sip, (uint64_t)st.st_size);
	sip_word(&sip, (uint64_t)st.st_mtim.tv_sec);
	sip_word(&sip, (uint64_t)st.st_mtim.tv_nsec);
	sip_end128(&sip, v);
	(void)snprintf(
	    ret, LIST_STAMP_SIZE, "%016" PRIx64 "%016" PRIx64, v[0], v[1]);
	return true;
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
		char now[LIST_STAMP_SIZE];

		same = same && path != NULL && then != NULL &&
		       list_include_stamp(now, path) && strcmp(now, then) == 0;
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
