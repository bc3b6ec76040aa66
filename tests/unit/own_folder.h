#ifndef TESTS_OWN_FOLDER_H
#define TESTS_OWN_FOLDER_H

#include <stdlib.h>
#include <unistd.h>

/* A folder of the test's own, which is the working directory. */
static char own_folder_name[] = "/tmp/rerouted-unit.XXXXXX";

/* 0, or -1 where there is none. */
static inline int
own_folder(void)
{
	return mkdtemp(own_folder_name) != NULL ? chdir(own_folder_name) : -1;
}

/* 0 where nothing was left in it. */
static inline int
own_folder_gone(void)
{
	return chdir("/") < 0 ? -1 : rmdir(own_folder_name);
}

#endif
