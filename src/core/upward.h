#ifndef CORE_UPWARD_H
#define CORE_UPWARD_H

#include <stddef.h>

/* Names from a file, or a control group, up to the root, each with a NUL behind
 * it, as the kernel is climbed. Writes the path that they are into ret, which
 * has room for len bytes, and returns its length: there is no NUL behind it. */
size_t upward_path(char *ret, const char *names, size_t len);

#endif
