#include <stdlib.h>
#include <string.h>

#include "src/core/names.h"
#include "tests/fuzz/fuzz_faults.h"

static const struct names_moment at = { "b", 1000000, { 5 * MONO_S } };

static char *
again(const char *text, size_t len, size_t *ret_len, size_t *ret_bad)
{
	struct stats stats = { 0 };
	struct names *names = names_new(50, &stats);
	char *out;
	FILE *f = open_memstream(&out, ret_len);

	*ret_bad = names_read(names, text, len, &at);
	MUST(names_count(names) <= 50);
	names_write(names, &at, f);
	MUST(fclose(f) == 0);
	names_free(names);
	return out;
}

/* What was written reads back to the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	size_t bad, one_len, two_len;
	char *one = again((const char *)bytes, len, &one_len, &bad);
	char *two = again(one, one_len, &two_len, &bad);

	MUST(bad == 0);
	MUST(one_len == two_len && memcmp(one, two, one_len) == 0);
	free(one);
	free(two);
	return 0;
}
