#include "src/base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/sip.h"

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

static bool
is_meant(const char *name, const char *suffix)
{
	return name[0] != '.' && ends_with(name, suffix);
}

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
folder_done(struct folder *folder)
{
	for (size_t i = 0; i < folder->n; i++)
		free(folder->v[i]);
	free(folder->v);
}

static int
add(struct folder *folder, const char *dir, const char *name)
{
	char **v = reallocarray(folder->v, folder->n + 1, sizeof(v[0]));

	if (v == NULL)
		return -ENOMEM;
	folder->v = v;
	if (asprintf(&v[folder->n], "%s/%s", dir, name) < 0)
		return -ENOMEM;
	folder->n++;
	return 0;
}

int
folder_read(struct folder *ret, const char *dir, const char *suffix, size_t max)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int r = 0;

	if (d == NULL)
		return -errno;
	while (r == 0) {
		errno = 0;
		entry = readdir(d);
		if (entry == NULL) {
			r = -errno;
			break;
		}
		if (!is_meant(entry->d_name, suffix))
			continue;
		r = ret->n < max ? add(ret, dir, entry->d_name) : -E2BIG;
	}
	(void)closedir(d); /* it was only read */
	if (r == 0 && ret->n > 0)
		qsort(ret->v, ret->n, sizeof(ret->v[0]), name_cmp);
	return r;
}

uint64_t
folder_stamp(const char *dir, const char *suffix, size_t max)
{
	static const uint64_t key[2] = { 0, 0 }; /* nobody's to choose */
	struct folder files = { NULL, 0 };
	bool whole = folder_read(&files, dir, suffix, max) == 0;
	struct sip sip;

	sip_init(&sip, key);
	for (size_t i = 0; i < files.n; i++) {
		const char *name = strrchr(files.v[i], '/');
		struct stat st = { .st_ino = 0 }; /* gone meanwhile */

		(void)stat(files.v[i], &st);
		sip_bytes(&sip, name, strlen(name));
		sip_bytes(&sip,
		    (const uint64_t[]){ (uint64_t)st.st_dev,
			(uint64_t)st.st_ino, (uint64_t)st.st_size,
			(uint64_t)st.st_mtim.tv_sec,
			(uint64_t)st.st_mtim.tv_nsec },
		    5 * sizeof(uint64_t));
	}
	folder_done(&files);
	return whole ? sip_end(&sip) : 0;
}

/* "x.RULES", "x.rule", "x.rules.txt" */
static bool
is_near(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	if (n > 4 && strcasecmp(name + n - 4, ".txt") == 0)
		n -= 4;
	if (name[0] == '.')
		return false;
	return (n > m && strncasecmp(name + n - m, suffix, m) == 0) ||
	       (n >= m && strncasecmp(name + n - (m - 1), suffix, m - 1) == 0);
}

/* The nearer one, and of two the first. */
static int
take_nearer(char **name, bool *near, const char *other, const char *suffix)
{
	bool other_near = is_near(other, suffix);
	char *copy;

	if (*name != NULL &&
	    (*near != other_near ? *near : strcmp(*name, other) <= 0))
		return 0;
	copy = strdup(other);
	if (copy == NULL)
		return -ENOMEM;
	free(*name);
	*name = copy;
	*near = other_near;
	return 0;
}

int
folder_find_misnamed(
    char **ret_name, bool *ret_any, const char *dir, const char *suffix)
{
	DIR *d = opendir(dir);
	bool any = false, near = false;
	struct dirent *entry;
	char *name = NULL;
	int r = 0;

	if (d == NULL)
		return -errno;
	while (r == 0 && (entry = readdir(d)) != NULL) {
		if (is_meant(entry->d_name, suffix))
			any = true;
		else if (strcmp(entry->d_name, ".") != 0 &&
			 strcmp(entry->d_name, "..") != 0)
			r = take_nearer(&name, &near, entry->d_name, suffix);
	}
	(void)closedir(d); /* it was only read */
	if (r < 0 || (any && !near)) {
		free(name);
		name = NULL;
	}
	if (r == 0) {
		*ret_name = name;
		*ret_any = any;
	}
	return r;
}
