#ifndef LINUX_FILE_ID_H
#define LINUX_FILE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Which file it is, by device and inode as stat(2) has them. A file system may
 * take long to say so, or never do: the server of one is gone, or it is a
 * program of somebody's own (FUSE), and who asks can't be woken. */
struct file_id {
	uint64_t dev, ino;
};

/* … and whether it is as it was when it was read. */
struct file_state {
	struct file_id id;
	int64_t mtime; /* nanoseconds */
};

/* The executable of the process whose folder in /proc that is, as the kernel
 * has it in memory: no file system is asked. 0 or -errno. */
int file_id_of_exe(struct file_id *ret, int proc_dir);

/* The file at an absolute path, where the kernel has all of the path in memory;
 * -EAGAIN where the file system would be asked, or this kernel can't tell.
 * 0 or -errno. */
int file_id_known(struct file_id *ret, const char *path);

/* The same, however long it takes. */
int file_id_find(struct file_id *ret, const char *path);

/* As file_id_known(), with what is known of the file's last change. */
int file_state_known(struct file_state *ret, const char *path);

/* All that is in a file, where that is not what *state says; what it says then
 * is of what was read. The length, and *ret to be freed; 0, and *ret NULL,
 * where nothing has changed; -EFBIG (more than 16 MiB) or -errno. However long
 * it takes. */
ssize_t file_read_changed(
    const char *path, struct file_state *state, char **ret);

static inline bool
file_id_equal(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static inline bool
file_state_equal(const struct file_state *a, const struct file_state *b)
{
	return file_id_equal(&a->id, &b->id) && a->mtime == b->mtime;
}

#endif
