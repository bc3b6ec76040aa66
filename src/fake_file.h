#ifndef FAKE_FILE_H
#define FAKE_FILE_H

#include "src/core/fakeip.h"

/* Where the addresses that stand for names are kept, so that a program goes on
 * to reach what it was told before a restart: a line for each, added as it is
 * made. It is written anew, a few lines with each that is added, after as many
 * of them as there can be names, so it has not much more than twice as many. */
struct fake_file;

/* Reads what an earlier daemon left. NULL, and logged, where the folder can't
 * be written to: then they end with this daemon. n_lost counts names that could
 * not be kept. */
struct fake_file *fake_file_open(
    const char *folder, struct fakeip *fakeip, uint64_t *n_lost);
void fake_file_close(struct fake_file *file); /* accepts NULL */

/* The number has a name from now on. What can't be kept is counted, and logged
 * when that begins. Accepts NULL. */
void fake_file_add(
    struct fake_file *file, const struct fakeip *fakeip, uint32_t number);

/* Why the last one can't be kept: 0 or -errno. Accepts NULL: 0. */
int fake_file_error(const struct fake_file *file);

#endif
