#ifndef LINUX_CT_H
#define LINUX_CT_H

#include <stdint.h>

#include "src/core/flow.h"

/* Conntrack by ctnetlink. */

/* Sets every connection mark in first..last to 0, IPv4 and IPv6, so that
 * nothing of ours decides any more. 0 with the number of entries changed in
 * *ret_count, or -errno. */
int ct_clear_marks(uint32_t first, uint32_t last, uint64_t *ret_count);

#endif
