#ifndef CORE_VALUE_H
#define CORE_VALUE_H

#include "src/core/rule.h"

/* What a match takes. */
enum value_kind {
	VALUE_ADDR,
	VALUE_PORT,
	VALUE_PROTO,
	VALUE_PATH, /* a glob over paths */
	VALUE_GLOB,
	VALUE_NAME,
	VALUE_PROCESS,
	VALUE_DOMAIN,
	VALUE_LIST,
	VALUE_QTYPE,
};

/* Room that a fault about a value takes. */
#define VALUE_WHAT_SIZE 320
/* "LO-HI port N-M" */
#define VALUE_HINT_SIZE 128

struct value_fault {
	char what[VALUE_WHAT_SIZE];
	char expected[VALUE_WHAT_SIZE];
	const char *nearest; /* may be hint */
	char hint[VALUE_HINT_SIZE];
};

enum value_kind value_kind_of(enum rule_field field);

/* "an address, …": what such a value looks like. */
const char *value_expected(enum value_kind kind);

/* The words that such a value may be; NULL with *ret_n 0 where it has none. */
const char *const *value_words(enum value_kind kind, size_t *ret_n);
bool value_is_word(enum value_kind kind, const char *s, size_t len);

/* Reads s[0..len), which has a final NUL and lives as long as ret. 0, or
 * -EINVAL with ret_fault set. The place is left alone. */
int value_parse(struct rule_value *ret, enum value_kind kind, const char *s,
    size_t len, struct value_fault *ret_fault);

#endif
