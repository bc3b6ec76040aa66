#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

/* cmocka wants these four first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_ROWS(array) (sizeof(array) / sizeof((array)[0]))

/* One row of a table failed: says which, and fails the test. */
#define row_true(name, condition)                                              \
	do {                                                                   \
		if (!(condition))                                              \
			fail_msg("%s: %s", (name), #condition);                \
	} while (0)

#endif
