#include "port17/shake.h"

#include <string.h>

void
shake_fail(struct shake_error *ret, enum outcome outcome, const char *why)
{
	size_t len = strnlen(why, sizeof(ret->why) - 1);

	ret->outcome = outcome;
	memcpy(ret->why, why, len);
	ret->why[len] = '\0';
}
