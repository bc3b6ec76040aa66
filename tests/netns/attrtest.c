#include "tests/netns/attrtest.h"

#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "kid") == 0)
		return kid_main(atoi(argv[2]));
	if (argc > 1 && strcmp(argv[1], "levels") == 0) {
		attr_level_tests();
		return failures() == 0 ? 0 : 1;
	}
	if (argc > 1 && strncmp(argv[1], "lost", 4) == 0) {
		attr_lost_tests(strcmp(argv[1], "lost") == 0);
		return failures() == 0 ? 0 : 1;
	}
	attr_who_tests();
	attr_proc_tests();
	attr_diag_tests();
	attr_crowd_tests();
	return failures() == 0 ? 0 : 1;
}
