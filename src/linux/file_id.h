#ifndef LINUX_FILE_ID_H
#define LINUX_FILE_ID_H

#include <stdbool.h>
#include <stdint.h>

/* Which file it is, by device and inode as stat(2) has them. A file system may
 * take long to say so, or never do: the server of one is gone, or it is a
 * program of somebody's own (FUSE), and who asks can't be woken. */
struct file_id {
	uint64_t dev, ino;
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

static inline bool
file_id_equal(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

#endif
