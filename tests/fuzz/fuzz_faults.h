#ifndef TESTS_FUZZ_FUZZ_FAULTS_H
#define TESTS_FUZZ_FUZZ_FAULTS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MUST(what)                                                             \
	do {                                                                   \
		if (!(what)) {                                                 \
			fprintf(stderr, "broken: %s\n", #what);                \
			abort();                                               \
		}                                                              \
	} while (0)

/* Each fault lies in its line of the text, and prints as printable lines. */
static inline void
must_be_faults(const struct faults *faults, const char *text, size_t len)
{
	const struct fault *f;
	char *out;
	size_t size;
	FILE *file = open_memstream(&out, &size);

	for (size_t i = 0; (f = faults_get(faults, i)) != NULL; i++) {
		size_t start = 0, end;

		MUST(f->line > 0 && f->column > 0 && f->mark > 0);
		for (unsigned int line = 1; line < f->line; line++) {
			const char *nl =
			    memchr(text + start, '\n', len - start);

			MUST(nl != NULL);
			start = (size_t)(nl - text) + 1;
		}
		for (end = start; end < len && text[end] != '\n';)
			end++;
		MUST(f->column <= end - start + 1);
		MUST(f->mark == 1 || f->column - 1 + f->mark <= end - start);
		MUST(f->text_column <= f->column);
		MUST(f->column - f->text_column <= f->text_len);
		MUST(f->text_column - 1 + f->text_len <= end - start);
		for (size_t at = 0; at < f->text_len; at++) /* of passwords */
			MUST(f->text[at] == '*' ||
			     f->text[at] ==
				 text[start + f->text_column - 1 + at]);
	}
	faults_print(faults, file);
	MUST(fclose(file) == 0);
	for (size_t i = 0; i < size; i++)
		MUST(out[i] == '\n' || out[i] == '\t' ||
		     (out[i] >= 0x20 && out[i] < 0x7f));
	free(out);
}

#endif
