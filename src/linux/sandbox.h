#ifndef LINUX_SANDBOX_H
#define LINUX_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

/* The system calls that the daemon, its threads and the programs that it runs
 * may use: all others fail with EPERM, are counted and told of. A program that
 * it runs is ended by such a call. */

/* From here on, for all threads of the process and for good; needs
 * PR_SET_NO_NEW_PRIVS. *ret_fd becomes readable when a call was refused; it is
 * the process's, not to be closed. 0, -ENOSYS (a kernel without seccomp) or
 * -errno. Signals that are blocked in a thread must not be SIGSYS. */
int sandbox_enter(int *ret_fd);

/* For a child that needs these calls and no others, which fail with EPERM
 * untold. One more is allowed with this argument alone (NULL: none). A kernel
 * without seccomp is no fault. 0 or -errno. */
struct sandbox_arg {
	const char *name;
	unsigned int place; /* of the argument, from 0 */
	uint64_t value;
};
int sandbox_enter_only(
    const char *const *names, size_t n, const struct sandbox_arg *with);

/* How many calls were refused so far; names in buf, with blanks between, those
 * that were not told before. */
uint64_t sandbox_refused(char *buf, size_t size);

#endif
