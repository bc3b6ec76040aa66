#ifndef CORE_SCHEMA_H
#define CORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/core/conf.h"

enum conf_type {
	CONF_ENUM,     /* unsigned int: index in words */
	CONF_NUMBER,   /* uint64_t */
	CONF_SIZE,     /* uint64_t, bytes */
	CONF_DURATION, /* uint64_t, milliseconds */
	CONF_STRING,   /* char[CONF_STRING_SIZE]: min to max bytes */
	CONF_TEXT,     /* struct conf_text */
	CONF_TEXTS,    /* struct conf_texts, with commas between */
};

/* One key of the settings. Parser, printer, manual and sample go by these. */
struct conf_row {
	const char *section;
	const char *key;
	enum conf_type type;
	size_t offset;	   /* in struct conf, or in the item of its section */
	const char *words; /* enum: in order, with a blank between */
	uint64_t min, max;
	bool restart; /* a change has to wait for the next start */
	/* text: whether one value is good; NULL: any. `expected` says what
	 * that is, "an address, such as 192.0.2.1", and takes the place of
	 * what the type would say */
	bool (*check)(const char *s, size_t len);
	const char *expected;
	/* what is said in its place of a value that is no good; NULL, or NULL
	 * as its answer: nothing else */
	const char *(*hint)(const char *s, size_t len);
	const char *dflt;   /* as a user would write it; "" for a text unset */
	const char *sample; /* where dflt is "": what it may look like */
	const char *part;   /* the label of the sample's section that has it;
			     * NULL: the first one */
	const char *help;   /* a sentence or two */
};

extern const struct conf_row conf_rows[];
extern const size_t conf_n_rows;

#define CONF_LABEL_SIZE 1024

/* One section of the sample, of those whose keys don't all go together. */
struct conf_part {
	const char *label; /* NULL after the last one */
	const char *lines; /* that the keys of the part go with, or NULL */
};

/* A section: one of a kind, or one that a label tells from others of it. */
struct conf_section {
	const char *name;
	size_t item_size;      /* of each; 0: the keys are in struct conf */
	size_t items, n_items; /* offsets in struct conf */
	/* writes the label as it is to be kept, with a final NUL; false where
	 * it is no good */
	bool (*label)(const char *s, size_t len, char ret[CONF_LABEL_SIZE]);
	const char *label_expected;
	const struct conf_part *parts; /* by a label: as the sample has it */
};

/* All have the first members of conf_list in common. */
struct conf_item {
	const char *name;
	struct conf_place place;
	/* conf_key_bit() of keys that have a bad value, and any */
	uint64_t bad, given;
};

/* As many as anybody has a use for. */
#define CONF_ITEMS_MAX ((size_t)1024)

extern const struct conf_section conf_sections[];
extern const size_t conf_n_sections;

/* NULL where there is none. */
const struct conf_section *conf_section_find(const char *name, size_t len);

size_t conf_n_items(
    const struct conf *conf, const struct conf_section *section);
/* The i-th item; NULL for a section that has none, where the rows lie in struct
 * conf. */
void *conf_item(
    const struct conf *conf, const struct conf_section *section, size_t i);

/* Adds one with its defaults; the label is copied. 0 or -ENOMEM. */
int conf_item_new(struct conf *conf, const struct conf_section *section,
    const char *label, struct conf_place place);

/* The row, or NULL; the key needs no final NUL. */
const struct conf_row *conf_row_find(
    const char *section, const char *key, size_t key_len);

/* Where a value is to go. */
struct conf_slot {
	struct conf *conf;
	void *base;		 /* struct conf, or an item */
	struct conf_place place; /* of the value */
};

/* Sets the row's value from text. 0, -EINVAL or -ERANGE with *ret, the part
 * of value that is no good, or -ENOMEM. */
struct conf_bad {
	size_t off, len;
};
int conf_row_set(const struct conf_slot *slot, const struct conf_row *row,
    const char *value, size_t len, struct conf_bad *ret);

/* What a key of another program's settings is called in that section, as "what
 * was expected"; NULL where none is known. */
const char *conf_key_of_peer(const char *section, const char *key);

/* The value that value[0..len), which is no good, may have been meant to be, or
 * the key that takes it, with the value; NULL where nothing is near. */
#define CONF_NEAREST_SIZE 256
const char *conf_row_nearest(const struct conf_row *row, const char *value,
    size_t len, char buf[CONF_NEAREST_SIZE]);

/* False for a text that has no value; `base` as in struct conf_slot. */
bool conf_row_is_set(const struct conf_row *row, const void *base);

/* Writes the value in its shortest form. */
void conf_row_print(const struct conf_row *row, const void *base, FILE *out);

/* Whether two generations, or items, have the same value there. */
bool conf_row_equal(const struct conf_row *row, const void *a, const void *b);
/* Whether a new value of it, as it was loaded, waits for the next start. */
bool conf_row_waits(const struct conf_row *row, const struct conf *started,
    const struct conf *loaded);
/* Whether two items of a section are the same, name and all. */
bool conf_item_equal(
    const struct conf_section *section, const void *a, const void *b);

/* What the row takes, in words: "a number from 1024 to 1048576". */
#define CONF_EXPECTED_SIZE 160
const char *conf_row_expected(
    const struct conf_row *row, char buf[CONF_EXPECTED_SIZE]);

/* A bit for the key among those of its section; 0 where there is none. */
uint64_t conf_key_bit(const char *section, const char *key);

#endif
