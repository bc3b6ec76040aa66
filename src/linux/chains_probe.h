#ifndef LINUX_CHAINS_PROBE_H
#define LINUX_CHAINS_PROBE_H

#include "src/linux/chains.h"
#include "src/linux/chains_extension.h"

/* Asks the kernel, before anything is changed, whether it has what the rules
 * stand on, so that an error names what is missing. Loads modules where the
 * kernel would not do it by itself. */

/* Sets ret->text; returns r, for `return chains_fail(...)`. */
int chains_fail(struct chains_error *ret, int r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Family, privilege, the three tables, each match and target. 0 or what
 * chains_install() returns for it. */
int chains_probe(enum chains_family family, struct chains_error *ret_error);

/* Family and tables alone; opening a table brings it to life. As
 * chains_probe(). */
int chains_probe_tables(
    enum chains_family family, struct chains_error *ret_error);

/* One match or target, of whatever name and revision. As chains_probe(). */
int chains_probe_extension(enum chains_family family,
    const struct chains_extension *extension, struct chains_error *ret_error);

/* What a failed xtable_open() means: r, or what chains_install() returns. */
int chains_fail_open(struct chains_error *ret_error, int r,
    enum chains_family family, enum chains_table table);

/* Runs the program that /proc/sys/kernel/modprobe names, 5 s at most. 0 when
 * it ended well; -ENOENT when there is none; -EIO when it failed; -ETIMEDOUT
 * when it had to be killed; -errno. */
int chains_modprobe(const char *module);

#endif
