#ifndef BASE_GROW_H
#define BASE_GROW_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for more: *items is a pointer to an array of *room things of
 * that size, which gets twice as long. 0 or -ENOMEM (nothing has changed). */
static inline int
grow(void *items, size_t *room, size_t size)
{
	size_t more = *room != 0 ? 2 * *room : 64;
	void *p, *bigger;

	if (more > SIZE_MAX / 2 / size)
		return -ENOMEM;
	memcpy(&p, items, sizeof(p));
	bigger = realloc(p, more * size);
	if (bigger == NULL)
		return -ENOMEM;
	memcpy(items, &bigger, sizeof(bigger));
	*room = more;
	/* cppcheck-suppress memleak ; items points to it */
	return 0;
}

#endif
