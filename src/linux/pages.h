#ifndef LINUX_PAGES_H
#define LINUX_PAGES_H

#include <stddef.h>

/* Gives back to the kernel what only the start has needed: memory that was
 * freed, and pages of this program's and its libraries' files, which come again
 * from the page cache when they are used. */
void pages_give_back(void);

/* Memory of its own, all 0, for what is large and looked at all over: in huge
 * pages, where the kernel has some and the size fills them, as each small one
 * that the CPU does not remember costs as much as the look. NULL: there is
 * none. */
void *pages_map(size_t size);
void pages_unmap(void *bytes, size_t size);

#endif
