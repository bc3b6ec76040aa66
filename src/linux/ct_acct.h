#ifndef LINUX_CT_ACCT_H
#define LINUX_CT_ACCT_H

#include <stdbool.h>

#include "src/linux/ct_msg.h"

/* What conntrack counts, and the last it says of entries that end. */

/* Whether it counts bytes in this network namespace: 1 or 0, or -errno. */
int ct_acct_is_on(void);
/* From now on, in entries that begin now. 0 or -errno. */
int ct_acct_switch_on(void);

struct ct_ends;

/* Listens for entries that end, with a receive buffer of so many bytes. 0 or
 * -errno. */
int ct_ends_open(struct ct_ends **ret, int buffer);
void ct_ends_close(struct ct_ends *ends); /* accepts NULL */
int ct_ends_fd(const struct ct_ends *ends);

/* Calls fn for some of those that wait: some ten microseconds. 0 when there is
 * no more, 1 when there may be, -ENOBUFS when some were lost (it goes on), or
 * -errno. */
typedef void ct_end_fn(void *arg, const struct ct_entry *entry);
int ct_ends_read(struct ct_ends *ends, ct_end_fn *fn, void *arg);

#endif
