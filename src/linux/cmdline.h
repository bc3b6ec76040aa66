#ifndef LINUX_CMDLINE_H
#define LINUX_CMDLINE_H

#include <stdint.h>
#include <sys/types.h>

struct file_id;
struct file_state;

/* Reads /proc/PID/cmdline, which the kernel does with the memory of that
 * process locked: a program can keep it locked for as long as it likes (a
 * fork(2) of gigabytes; a file system of its own that brings in a page), and
 * who reads waits and can't be woken. So threads read, and are left waiting.
 * Each program's is its user's: no user has more than a few of them, nor is
 * more than a share of the time waited for his. They ask for its file too, and
 * read what may lie on a file system that does not answer (file_id.h). */

/* A command line is kept up to here; the kernel has no limit worth naming. */
#define CMDLINE_MAX 4096

struct cmdlines;

/* It is started with the first read: of no privilege but what there is then.
 * NULL when there is no memory. */
struct cmdlines *cmdlines_new(void);
void cmdlines_free(struct cmdlines *c); /* accepts NULL */

/* What is in the file, from its start, for a process of that user's; buf has
 * CMDLINE_MAX bytes. The length; -ETIMEDOUT where it does not come in some
 * milliseconds, too many of his are waited for already, or were for too long
 * lately; or -errno. */
ssize_t cmdlines_read(struct cmdlines *c, int fd, uint32_t uid, char *buf);

/* The file at that path, for such a process: 0, -ETIMEDOUT as above, or -errno.
 */
int cmdlines_file(
    struct cmdlines *c, const char *path, uint32_t uid, struct file_id *ret);

/* As file_read_changed(), of a file that is no user's: -ETIMEDOUT as above. */
ssize_t cmdlines_changed(
    struct cmdlines *c, const char *path, struct file_state *state, char **ret);

#endif
