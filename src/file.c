#include "src/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
file_path(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) >= 0 ? path : NULL;
}

static int
write_all(int fd, const struct file_part *part)
{
	const char *p = part->bytes;
	size_t left = part->len;

	while (left > 0) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

/* What root makes in somebody's folder is theirs: the daemon, which has become
 * that user, goes on with it. */
static int
give(int fd, const char *folder)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat(folder, &st) < 0 ||
	    (st.st_uid != 0 && fchown(fd, st.st_uid, st.st_gid) < 0))
		return -errno;
	return 0;
}

static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? strndup(path, (size_t)(slash - path)) : NULL;
}

/* The folder's owner may have put a link there: it is not followed. */
static int
create(const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	char *folder;
	int fd, r = 0;

	(void)unlink(path); /* of one who was killed */
	fd = open(path, flags, 0600);
	if (fd < 0)
		return -errno;
	folder = folder_of(path);
	if (folder != NULL)
		r = give(fd, folder);
	free(folder);
	if (r == 0)
		return fd;
	(void)close(fd); /* nothing was written */
	return r;
}

static int
write_parts(const char *path, const struct file_part *parts, size_t n)
{
	int fd = create(path);
	size_t len = 0;
	int r = 0;

	if (fd < 0)
		return fd;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = write_all(fd, &parts[i]);
		len += parts[i].len;
	}
	/* of an empty file nothing can be missing: no start waits for that */
	if (r == 0 && len > 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

/* A folder that is not there yet; writing says what is wrong. */
static int
make_dir(const char *dir)
{
	char *above;
	int fd;

	if (mkdir(dir, 0700) < 0)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	above = folder_of(dir);
	if (fd >= 0 && above != NULL)
		(void)give(fd, above);
	free(above);
	if (fd >= 0)
		(void)close(fd); /* it was only looked at */
	return 0;
}

/* The folder that the file is to be in. */
static void
make_folder(const char *path)
{
	char *dir = folder_of(path);

	if (dir != NULL && make_dir(dir) == -ENOENT) {
		make_folder(dir);
		(void)make_dir(dir);
	}
	free(dir);
}

/* A file that is being saved, of those that are now: lists of one name may come
 * from two threads at once, and one must not put in place what the other is
 * still writing. */
struct saving {
	const char *path;
	struct saving *next;
};
static struct saving *savings;
static pthread_mutex_t savings_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t saved = PTHREAD_COND_INITIALIZER;

static bool
is_being_saved(const char *path)
{
	const struct saving *s = savings;

	while (s != NULL && strcmp(s->path, path) != 0)
		s = s->next;
	return s != NULL;
}

/* Waits for others that save the same file. */
static void
saving_begin(struct saving *saving, const char *path)
{
	(void)pthread_mutex_lock(&savings_lock); /* a plain one can't fail */
	while (is_being_saved(path))
		(void)pthread_cond_wait(&saved, &savings_lock); /* nor can it */
	saving->path = path;
	saving->next = savings;
	savings = saving;
	(void)pthread_mutex_unlock(&savings_lock);
}

static void
saving_end(struct saving *saving)
{
	struct saving **at = &savings;

	(void)pthread_mutex_lock(&savings_lock);
	while (*at != saving)
		at = &(*at)->next;
	*at = saving->next;
	(void)pthread_cond_broadcast(&saved);
	(void)pthread_mutex_unlock(&savings_lock);
}

int
file_save(const char *path, const struct file_part *parts, size_t n)
{
	struct saving saving;
	char *temporary;
	int r;

	if (asprintf(&temporary, "%s.new", path) < 0)
		return -ENOMEM;
	saving_begin(&saving, path);
	make_folder(path);
	r = write_parts(temporary, parts, n);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(temporary); /* it may not be there */
	saving_end(&saving);
	free(temporary);
	return r;
}

int
file_text_begin(struct file_text *text)
{
	*text = (struct file_text){ .out = NULL };
	text->out = open_memstream(&text->bytes, &text->len);
	return text->out != NULL ? 0 : -ENOMEM;
}

int
file_text_save(struct file_text *text, const char *path)
{
	int r = fclose(text->out) == 0 ? 0 : -ENOMEM;

	if (r == 0)
		r = file_save(
		    path, &(struct file_part){ text->bytes, text->len }, 1);
	free(text->bytes);
	return r;
}

static int
read_open(int fd, size_t max, char **ret_bytes, size_t *ret_len)
{
	struct stat st;
	size_t len = 0, size;
	char *bytes;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EFBIG;
	size = (size_t)st.st_size;
	bytes = malloc(size + 1);
	if (bytes == NULL)
		return -ENOMEM;
	while (len < size) {
		n = read(fd, bytes + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = -errno;

			free(bytes);
			return error;
		}
		if (n == 0)
			break; /* it has become shorter */
		len += (size_t)n;
	}
	bytes[len] = '\0';
	*ret_bytes = bytes;
	*ret_len = len;
	return 0;
}

int
file_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0)
		return -errno;
	r = read_open(fd, max, ret_bytes, ret_len);
	(void)close(fd); /* it was only read */
	return r;
}

/* After it was opened: whoever puts a link there in between has another file
 * there. */
static int
check_link(int fd, const char *path, struct stat *ret_st)
{
	struct stat at;

	if (fstat(fd, ret_st) < 0 || lstat(path, &at) < 0)
		return -errno;
	if (S_ISLNK(at.st_mode))
		return at.st_uid == 0 || at.st_uid == ret_st->st_uid ? 0
								     : -EPERM;
	return at.st_dev == ret_st->st_dev && at.st_ino == ret_st->st_ino
		   ? 0
		   : -EPERM;
}

int
file_read_foreign(const char *path, size_t max, char **ret_bytes,
    size_t *ret_len, struct stat *ret_st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0)
		return -errno;
	r = check_link(fd, path, ret_st);
	if (r == 0)
		r = read_open(fd, max, ret_bytes, ret_len);
	(void)close(fd); /* it was only read */
	return r;
}
