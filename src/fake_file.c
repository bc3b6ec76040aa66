#include "src/fake_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/file.h"

#define NAME "names-for-tunnels"
/* What is read of it: all that this daemon leaves, as long as names are no
 * longer than 300 letters; of more, the end, since later lines win. */
#define BYTES_MAX ((off_t)64 << 20)
/* Lines that are copied into the new file with each that is added. */
#define STEP 16

/* A file that lines are added to, whole or not at all. */
struct part {
	int fd; /* -1: none */
	off_t size;
};

struct fake_file {
	char *path, *next_path;
	struct part now, next;
	size_t n_added;	 /* since it was written anew */
	uint32_t copied; /* of the next one: numbers below are in it */
	int error;	 /* why the last one was lost: it is logged */
	uint64_t *n_lost;
};

/* A file of ours, and no link, pipe or device that somebody has put there; NULL
 * where there is none. */
static FILE *
open_own(const char *path, struct stat *ret)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	FILE *f = NULL;

	if (error == 0 && (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode)))
		error = ELOOP;
	if (error == 0)
		f = fdopen(fd, "r");
	if (error == 0 && f == NULL)
		error = ENOMEM;
	if (f != NULL || error == ENOENT) /* the first start */
		return f;
	if (fd >= 0)
		(void)close(fd); /* nothing was read */
	log_warning("port17", "names for tunnels are not read: %s: %s", path,
	    error == ELOOP ? "it is no file" : strerror(error));
	return NULL;
}

static void
load(const char *path, struct fakeip *fakeip)
{
	mono_t now = mono_now();
	char *line = NULL;
	size_t size = 0;
	struct stat st;
	FILE *f = open_own(path, &st);
	bool cut;
	ssize_t n;

	if (f == NULL)
		return;
	cut = st.st_size > BYTES_MAX &&
	      fseeko(f, st.st_size - BYTES_MAX, SEEK_SET) == 0;
	/* lines that are no good are left out, and those that were cut: the
	 * first one's beginning, or the end of the last */
	while ((n = getline(&line, &size, f)) > 0) {
		if (!cut && line[n - 1] == '\n')
			(void)fakeip_read(fakeip, line, (size_t)n, now);
		cut = false;
	}
	free(line);
	(void)fclose(f); /* it was only read */
}

/* Without what was forgotten. 0 or -errno. */
static int
save(const char *path, const struct fakeip *fakeip)
{
	struct file_text text;
	int r = file_text_begin(&text);

	if (r < 0)
		return r;
	fakeip_write(fakeip, text.out);
	return file_text_save(&text, path);
}

/* 0 or -errno. */
static int
part_open(struct part *part, const char *path, int flags)
{
	struct stat st;
	int r;

	part->fd = open(path,
	    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
		O_CLOEXEC | flags,
	    0600);
	if (part->fd < 0)
		return -errno;
	if (fstat(part->fd, &st) == 0) {
		part->size = st.st_size;
		return 0;
	}
	r = -errno;
	(void)close(part->fd); /* nothing was written */
	part->fd = -1;
	return r;
}

/* Half a line would be another name. 0 or -errno. */
static int
part_add(struct part *part, const char *text, size_t len)
{
	ssize_t n;
	int r;

	do
		n = write(part->fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n == len) {
		part->size += n;
		return 0;
	}
	r = n < 0 ? -errno : -ENOSPC;
	if (n > 0 && ftruncate(part->fd, part->size) < 0)
		r = -errno;
	return r;
}

static void
part_close(struct part *part)
{
	if (part->fd >= 0)
		(void)close(part->fd); /* each write was looked at */
	part->fd = -1;
}

/* As many lines are added before it is tried again. */
static void
give_up_next(struct fake_file *file)
{
	part_close(&file->next);
	(void)unlink(file->next_path); /* it is written anew anyhow */
	file->n_added = 0;
}

/* Some more of the names, and this line, in the next file; which takes the
 * other's place when it has all. */
static void
write_next(struct fake_file *file, const struct fakeip *fakeip,
    const char *line, size_t len)
{
	char text[STEP * FAKEIP_LINE_SIZE];
	size_t n = 0;

	for (unsigned int i = 0; i < STEP && file->copied < FAKEIP_MAX; i++)
		n += fakeip_line(fakeip, file->copied++, text + n);
	if ((n > 0 && part_add(&file->next, text, n) < 0) ||
	    part_add(&file->next, line, len) < 0) {
		give_up_next(file);
		return;
	}
	if (file->copied < FAKEIP_MAX)
		return;
	if (rename(file->next_path, file->path) < 0) {
		give_up_next(file);
		return;
	}
	part_close(&file->now);
	file->now = file->next;
	file->next.fd = -1;
	file->n_added = 0;
}

void
fake_file_add(
    struct fake_file *file, const struct fakeip *fakeip, uint32_t number)
{
	char line[FAKEIP_LINE_SIZE];
	size_t len;
	int r;

	if (file == NULL)
		return;
	len = fakeip_line(fakeip, number, line);
	r = part_add(&file->now, line, len);
	if (r < 0) {
		(*file->n_lost)++;
		if (file->error == 0)
			log_warning("port17",
			    "names for tunnels can't be kept for a restart: %s",
			    strerror(-r));
	}
	file->error = r;
	if (++file->n_added >= FAKEIP_MAX && file->next.fd < 0) {
		file->copied = 0;
		if (part_open(&file->next, file->next_path, O_TRUNC) < 0)
			give_up_next(file);
	}
	if (file->next.fd >= 0)
		write_next(file, fakeip, line, len);
}

int
fake_file_error(const struct fake_file *file)
{
	return file != NULL ? file->error : 0;
}

static int
open_all(struct fake_file *file, const char *folder, struct fakeip *fakeip)
{

	file->path = file_path(folder, NAME);
	if (file->path == NULL ||
	    asprintf(&file->next_path, "%s.new", file->path) < 0)
		return -ENOMEM;
	load(file->path, fakeip);
	(void)save(file->path, fakeip); /* else it goes on as it is */
	return part_open(&file->now, file->path, 0);
}

struct fake_file *
fake_file_open(const char *folder, struct fakeip *fakeip, uint64_t *n_lost)
{
	struct fake_file *file = calloc(1, sizeof(*file));
	int r;

	if (file == NULL)
		return NULL;
	file->now.fd = -1;
	file->next.fd = -1;
	file->n_lost = n_lost;
	r = open_all(file, folder, fakeip);
	if (r == 0)
		return file;
	log_warning("port17",
	    "%s/" NAME " can't be written, names for tunnels end with this "
	    "daemon: %s",
	    folder, strerror(-r));
	fake_file_close(file);
	return NULL;
}

void
fake_file_close(struct fake_file *file)
{
	if (file == NULL)
		return;
	part_close(&file->now);
	if (file->next.fd >= 0)
		give_up_next(file);
	free(file->path);
	free(file->next_path);
	free(file);
}
