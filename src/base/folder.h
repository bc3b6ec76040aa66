#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Paths of files, in order of bytes; {NULL, 0} is none. */
struct folder {
	char **v;
	size_t n;
};

/* DIR/<name><suffix>, hidden ones not, at most so many. 0 or -errno: -E2BIG
 * where there are more. What was found is to be freed all the same. */
int folder_read(
    struct folder *ret, const char *dir, const char *suffix, size_t max);
void folder_done(struct folder *folder);

/* What is another one when one of these files is, or when one comes or goes: to
 * compare two looks at a folder. 0 where it can't be read. */
uint64_t folder_stamp(const char *dir, const char *suffix, size_t max);

/* A name in the folder that looks as if it had been meant to have the suffix:
 * in upper case, short of its last letter, with .txt behind it; or any name,
 * where no file has the suffix. 0 with the name, to be freed, or NULL, and
 * whether any file has it; or -errno. */
int folder_find_misnamed(
    char **ret_name, bool *ret_any, const char *dir, const char *suffix);

#endif
