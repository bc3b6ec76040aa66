#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

/* Files of the state folder, whole or not at all; and those of others. All of
 * this may block. */

struct file_part {
	const void *bytes;
	size_t len;
};

/* Puts the parts, one behind the other, in place of the file; the folder that
 * it is in is made where it is missing; as root, what is made belongs to the
 * owner of the folder above. Of two threads that save the same file one waits
 * for the other. 0 or -errno, and then the file is as it was. */
int file_save(const char *path, const struct file_part *parts, size_t n);

/* A text that is printed to `out`, and is a file when it is whole. */
struct file_text {
	FILE *out;
	char *bytes;
	size_t len;
};
/* 0 or -ENOMEM. */
int file_text_begin(struct file_text *text);
/* In place of the file, as file_save(); the text is gone in any case. 0 or
 * -errno. */
int file_text_save(struct file_text *text, const char *path);

/* The whole file, to be freed, with a NUL behind it. 0, -EFBIG (more than max
 * bytes) or -errno. */
int file_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len);

/* The same of a file in a folder that may be somebody else's, who must not make
 * us read what only we may: -EPERM where it is a symbolic link that is not
 * root's, to a file of another owner. *ret_st: what it was before it was
 * read. */
int file_read_foreign(const char *path, size_t max, char **ret_bytes,
    size_t *ret_len, struct stat *ret_st);

/* Not everybody may read it: nothing of it is to be shown. */
static inline bool
file_is_secret(const struct stat *st)
{
	return (st->st_mode & S_IROTH) == 0;
}

/* DIR/NAME, to be freed; NULL when there is no memory. */
char *file_path(const char *dir, const char *name);

#endif
