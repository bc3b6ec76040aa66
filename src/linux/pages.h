#ifndef LINUX_PAGES_H
#define LINUX_PAGES_H

/* Gives back to the kernel what only the start has needed: memory that was
 * freed, and pages of this program's and its libraries' files, which come again
 * from the page cache when they are used. */
void pages_give_back(void);

#endif
