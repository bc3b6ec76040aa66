#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#include <stddef.h>
#include <stdio.h>

/* A text that a user wrote, and the name that it goes by in messages. */
struct source {
	const char *file;
	const char *text; /* any bytes */
	size_t len;
	unsigned int first; /* the number of its first line; 0 is 1 */
};

/* What is wrong with a source, for people. */
struct fault {
	const char *file;
	unsigned int line;   /* from 1; 0: the file as a whole */
	unsigned int column; /* from 1, in bytes */
	const char *text;    /* the line, or what is near in a very long one */
	size_t text_len;     /* text is NULL when line is 0 */
	unsigned int text_column; /* of text[0] */
	size_t mark; /* bytes marked, from column on, within the line */
	const char *what;
	const char *expected; /* NULL for nothing to say */
	const char *nearest;  /* the known word that was meant; NULL for none */
};

/* More than these are counted and not kept: nobody reads on. */
#define FAULTS_KEPT 100

/* All the faults of one check, in the order found. */
struct faults;

/* NULL when there is no memory. */
struct faults *faults_new(void);
void faults_free(struct faults *faults);

/* How many there were, and the i-th (from 0) of those kept, else NULL. What
 * had no memory to be kept is still counted: never mistake it for none. */
size_t faults_count(const struct faults *faults);
const struct fault *faults_get(const struct faults *faults, size_t i);

/* `what`, `expected` and `nearest` are copied; the last two may be NULL. */
struct fault_text {
	const char *what;
	const char *expected;
	const char *nearest;
};

/* A fault of the bytes text[off..off + len) of the source; where they go over
 * several lines the first one is marked. */
void faults_add(struct faults *faults, const struct source *src, size_t off,
    size_t len, const struct fault_text *text);

/* A fault of the file as a whole: it can't be read, it is too large. */
void faults_add_file(
    struct faults *faults, const char *file, const struct fault_text *text);

/* ":LINE:COLUMN"; "" for one of the file as a whole. */
#define FAULT_PLACE_SIZE 32
const char *fault_at(const struct fault *fault, char buf[FAULT_PLACE_SIZE]);

/* What compilers print: place and fault, the line, a caret, what was expected.
 * Foreign bytes come out as \xNN, long lines cut round the caret. All that are
 * kept, and how many more there were. */
void faults_print(const struct faults *faults, FILE *out);

#endif
