#ifndef FILE_H
#define FILE_H

#include <stddef.h>

/* Files of the state folder, whole or not at all. All of this may block. */

struct file_part {
	const void *bytes;
	size_t len;
};

/* Puts the parts, one behind the other, in place of the file; the folder that
 * it is in is made where it is missing. 0 or -errno, and then the file is as it
 * was. */
int file_save(const char *path, const struct file_part *parts, size_t n);

/* The whole file, to be freed, with a NUL behind it. 0, -EFBIG (more than max
 * bytes) or -errno. */
int file_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len);

/* DIR/NAME, to be freed; NULL when there is no memory. */
char *file_path(const char *dir, const char *name);

#endif
