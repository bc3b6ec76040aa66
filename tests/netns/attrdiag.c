#include "tests/netns/attrtest.h"
void attr_diag_tests(void) {}
