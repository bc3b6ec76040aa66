#ifndef TESTS_UNIT_FAULTY_H
#define TESTS_UNIT_FAULTY_H

#include <string.h>

#include "src/core/fault.h"
#include "tests/unit/unit.h"

/* A text with one fault, and what is said of it. */
struct faulty {
	const char *name, *text;
	unsigned int line, column;
	size_t mark;
	const char *what;     /* a part of it */
	const char *expected; /* a part of it; NULL: not looked at */
	const char *nearest;  /* NULL for none */
};

static inline void
assert_faulty(const struct faulty *row, const struct faults *faults)
{
	const struct fault *f = faults_get(faults, 0);

	if (f == NULL || faults_count(faults) != 1) {
		faults_print(faults, stderr);
		fail_msg("%s: %zu faults", row->name, faults_count(faults));
		return;
	}
	if (f->line != row->line || f->column != row->column ||
	    f->mark != row->mark)
		fail_msg("%s: at %u:%u, %zu marked", row->name, f->line,
		    f->column, f->mark);
	if (strstr(f->what, row->what) == NULL)
		fail_msg("%s: says '%s'", row->name, f->what);
	if (row->expected != NULL &&
	    (f->expected == NULL || strstr(f->expected, row->expected) == NULL))
		fail_msg("%s: expects '%s'", row->name, f->expected);
	if ((f->nearest == NULL) != (row->nearest == NULL) ||
	    (f->nearest != NULL && strcmp(f->nearest, row->nearest) != 0))
		fail_msg("%s: hints at '%s'", row->name,
		    f->nearest != NULL ? f->nearest : "nothing");
}

#endif
