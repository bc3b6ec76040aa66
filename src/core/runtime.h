#ifndef CORE_RUNTIME_H
#define CORE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Rules from the command line, the youngest first: they stand before those of
 * the files until they end, by the wall clock, or are deleted. */

/* What they are called in places and faults; the line is the rule's id. */
#define RUNTIME_FILE "command line"

/* More is a script gone wild. */
#define RUNTIME_MAX ((size_t)1000)
/* Of one rule, in bytes. */
#define RUNTIME_TEXT_MAX ((size_t)16384)

struct runtime_rule {
	unsigned int id; /* from 1; not given twice */
	uint64_t end_ms; /* since 1970; 0: until it is deleted */
	char *text;
	bool held; /* faults of it don't count: see rules_parse_held() */
};

struct runtime {
	struct runtime_rule *v;
	size_t n;
	unsigned int last_id;
	/* lines that can't be read, as they stand; NULL for none */
	char *unread;
	size_t unread_len;
};

void runtime_done(struct runtime *runtime); /* accepts a zeroed one */

/* ret is uninitialised before; 0 or -ENOMEM. */
int runtime_copy(struct runtime *ret, const struct runtime *from);

/* 0 with the id, -E2BIG (too many, or too long), -EINVAL (no one line of
 * text) or -ENOMEM. */
int runtime_add(struct runtime *runtime, const char *text, uint64_t end_ms,
    unsigned int *ret_id);

/* NULL if there is none. */
const struct runtime_rule *runtime_find(
    const struct runtime *runtime, unsigned int id);

bool runtime_delete(struct runtime *runtime, unsigned int id);

/* Takes out what has ended; how many that were. */
size_t runtime_expire(struct runtime *runtime, uint64_t now_ms);

/* When the next one ends; 0 for never. */
uint64_t runtime_next_end(const struct runtime *runtime);

/* Adds those that stand in from and not in runtime, as held: where their
 * numbers say, or all of them behind the others, and with a new number where
 * theirs is another rule's. Its unread lines take the place of those of
 * runtime. 0, or -ENOMEM with some of them. */
int runtime_merge(
    struct runtime *runtime, const struct runtime *from, bool behind);

/* As text, and back: "ID END TEXT" a line. What can't be read is kept as it is;
 * returns how many lines that were, or -ENOMEM. */
void runtime_print(const struct runtime *runtime, FILE *out);
int runtime_parse(struct runtime *ret, const char *text, size_t len);

#endif
