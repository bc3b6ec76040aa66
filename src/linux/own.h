#ifndef LINUX_OWN_H
#define LINUX_OWN_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/addr.h"

/* The addresses of this host, as they were when they were read. */
struct own;

/* 0 or -errno. */
int own_read(struct own **ret);
void own_free(struct own *own); /* accepts NULL */

/* One by one from 0; NULL at the end. */
const struct addr *own_get(const struct own *own, size_t i);
bool own_has(const struct own *own, const struct addr *addr);

#endif
