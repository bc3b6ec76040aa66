#ifndef CORE_SCHEMA_H
#define CORE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "src/core/conf.h"

enum conf_type {
	CONF_ENUM,   /* unsigned int: index in words */
	CONF_NUMBER, /* uint64_t */
	CONF_SIZE,   /* uint64_t, bytes */
	CONF_STRING, /* char[CONF_STRING_SIZE]: min to max bytes */
};

/* One key of the settings. Parser, printer, manual and sample go by these. */
struct conf_row {
	const char *section;
	const char *key;
	enum conf_type type;
	size_t offset;	   /* in struct conf */
	const char *words; /* enum: in order, with a blank between */
	uint64_t min, max;
	const char *dflt; /* as a user would write it */
	const char *help; /* a sentence or two */
};

extern const struct conf_row conf_rows[];
extern const size_t conf_n_rows;

/* The row, or NULL; the names need no final NUL. */
const struct conf_row *conf_row_find(
    const char *section, const char *key, size_t key_len);

/* Sets the row's value from text; 0, -EINVAL or -ERANGE. */
int conf_row_set(struct conf *conf, const struct conf_row *row,
    const char *value, size_t len);

/* The value as text in its shortest form. Returns buf. */
#define CONF_VALUE_SIZE 80
const char *conf_row_get(const struct conf *conf, const struct conf_row *row,
    char buf[CONF_VALUE_SIZE]);

/* What the row takes, in words: "a number from 1024 to 1048576". */
#define CONF_EXPECTED_SIZE 160
const char *conf_row_expected(
    const struct conf_row *row, char buf[CONF_EXPECTED_SIZE]);

#endif
