#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

/* Memory that is freed whole: a configuration generation lives in one. */
struct arena;

/* An empty arena, or NULL when there is no memory. */
struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* Zeroed, aligned for any type; NULL when there is no memory or n * size
 * overflows. */
void *arena_alloc(struct arena *arena, size_t n, size_t size);

/* Copies of len bytes and a final NUL. */
char *arena_strndup(struct arena *arena, const char *s, size_t len);
char *arena_strdup(struct arena *arena, const char *s);

#endif
