#ifndef BASE_SPARE_H
#define BASE_SPARE_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Memory for the next object of a kind: where it will be is known before it is
 * needed, and it comes from afar while something else is done. To be zeroed at
 * first. */
struct spare {
	void *next; /* not filled yet; NULL: none */
};

#define SPARE_LINE 64

/* One is taken soon. */
static inline void
spare_expect(const struct spare *spare, size_t size)
{
	for (size_t i = 0; i < size; i += SPARE_LINE)
		__builtin_prefetch((const char *)spare->next + i, 1);
}

/* An object, zeroed, as from calloc(3), of the size that all of them have; NULL
 * when there is no memory. */
static inline void *
spare_take(struct spare *spare, size_t size)
{
	void *taken = spare->next != NULL ? spare->next : malloc(size);

	if (taken != NULL)
		memset(taken, 0, size);
	spare->next = malloc(size);
	return taken;
}

static inline void
spare_done(struct spare *spare)
{
	free(spare->next);
	spare->next = NULL;
}

#endif
