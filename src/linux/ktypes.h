#ifndef LINUX_KTYPES_H
#define LINUX_KTYPES_H

#include <stddef.h>
#include <stdint.h>

/* The types of a kernel (BTF) as it gives them in /sys/kernel/btf: some hundred
 * thousand, of which programs for it need a few dozen to be fitted to it. */
struct ktypes;

#define KTYPES_MODULES 3

/* Indexes the bytes, which are borrowed as long as it lives. 0, -ENOMEM, or
 * -EBADMSG where they are no such thing. */
int ktypes_new(struct ktypes **ret, const void *bytes, size_t len);
void ktypes_free(struct ktypes *types); /* accepts NULL */

/* Those of a module, which go on where the kernel's end; of KTYPES_MODULES at
 * most. Errors as above, and then it is as it was. */
int ktypes_add(struct ktypes *types, const void *bytes, size_t len);

/* The number of a function of the kernel; 0: there is none. */
uint32_t ktypes_function(const struct ktypes *types, const char *name);

/* Makes small ones that will do for programs whose own types are `like` (BTF
 * too): the structures of their names with the members of their names, each in
 * its place, and what these are made of; behind a pointer is nothing. The bytes
 * are the caller's to free(). 0, -ENOMEM or -EBADMSG. */
int ktypes_pick(const struct ktypes *types, const void *like, size_t like_len,
    void **ret, size_t *ret_len);

#endif
