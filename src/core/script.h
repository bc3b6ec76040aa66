#ifndef CORE_SCRIPT_H
#define CORE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

/* Which script an interpreter runs, by its command line: a guess that a
 * program can mislead, since it writes its own command line. */

/* cmdline is as in /proc/PID/cmdline, each argument with its NUL; exe is the
 * path of the program. True with the argument that names the script, where the
 * program is a known interpreter and runs one; not for code of the command line
 * (-c, -e), modules (-m) and standard input. */
bool script_find(const char *exe, const char *cmdline, size_t len,
    const char **ret, size_t *ret_len);

/* The argument as a path from the working directory, which may be "": without
 * ".", ".." and empty parts, by the text alone. False where it is not absolute
 * then, or does not fit. */
bool script_path(
    const char *cwd, const char *arg, size_t len, char *buf, size_t size);

#endif
