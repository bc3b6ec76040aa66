#include "src/core/upward.h"

#include <string.h>

size_t
upward_path(char *ret, const char *names, size_t len)
{
	size_t at = 0, end = len;

	while (end > 0) {
		size_t begin = end - 1; /* of the NUL */

		while (begin > 0 && names[begin - 1] != '\0')
			begin--;
		ret[at++] = '/';
		memcpy(ret + at, names + begin, end - 1 - begin);
		at += end - 1 - begin;
		end = begin;
	}
	return at;
}
