#ifndef LINUX_BPF_LOAD_H
#define LINUX_BPF_LOAD_H

#include <stdbool.h>

#include "src/core/attr_sizes.h"
#include "src/linux/bpf.h"

struct bpf_object;

/* Loads the programs of attr.bpf.c, fitted to this kernel: all that it takes,
 * which are at least those that see what is sent. The object is the caller's.
 * 0, or -errno and what is missing in `why`. */
int bpf_load(struct bpf_object **ret, const struct attr_sizes *sizes,
    char why[BPF_WHY_MAX]);

/* Says why in a few words; returns error, or -EIO where that says nothing. */
int bpf_fail(char why[BPF_WHY_MAX], int error, const char *text);

#endif
