#ifndef FAKE_FILE_H
#define FAKE_FILE_H

#include "src/core/fakeip.h"

/* Where the addresses that stand for names are kept, so that a program goes on
 * to reach what it was told before a restart: a line for each, added as it is
 * made. */
struct fake_file;

/* Reads what an earlier daemon left. NULL, and logged, where the folder can't
 * be written to: then they end with this daemon. */
struct fake_file *fake_file_open(const char *folder, struct fakeip *fakeip);
void fake_file_close(struct fake_file *file); /* accepts NULL */

void fake_file_add(struct fake_file *file, const struct fakeip *fakeip,
    const struct name *name); /* accepts NULL */

#endif
