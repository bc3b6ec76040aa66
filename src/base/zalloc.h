#ifndef BASE_ZALLOC_H
#define BASE_ZALLOC_H

#include <stdlib.h>
#include <string.h>

/* As calloc(1, size), for what comes and goes all the time: glibc's malloc()
 * gives what was freed last, which is at hand; its calloc() does not. */
static inline void *
zalloc(size_t size)
{
	void *p = malloc(size);

	return p != NULL ? memset(p, 0, size) : NULL;
}

#endif
