#ifndef LINUX_CHAINS_CONTENT_H
#define LINUX_CHAINS_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

#include "src/linux/chains_rule.h"

/* A table as it stands, in the words of iptables-save: what both backends
 * read, and what verifying and showing go by. */
struct chains_line {
	char *text;	    /* "-A chain ..." */
	const char *target; /* within text, after "-j " or "-g "; else "" */
	unsigned long long packets, bytes;
};

struct chains_chain {
	char name[CHAINS_NAME_SIZE];
	char policy[CHAINS_NAME_SIZE]; /* "-" for a chain of a user */
	struct chains_line *lines;
	size_t n, room;
};

struct chains_content {
	enum chains_family family;
	enum chains_table table;
	struct chains_chain *chains;
	size_t n, room;
};

/* All tables of a family, read at one moment. */
struct chains_tables {
	enum chains_backend backend;
	enum chains_family family;
	bool has[CHAINS_N_TABLES]; /* ours belong there */
	struct chains_content table[CHAINS_N_TABLES];
};

void chains_content_init(struct chains_content *c, enum chains_family family,
    enum chains_table table);
void chains_content_done(struct chains_content *c);

/* 0 or -ENOMEM. Names are cut at the kernel's length. */
int chains_content_add_chain(struct chains_content *c, const char *name,
    size_t name_len, const char *policy, size_t policy_len);
/* To the chain, which must be there: else -EINVAL. text is copied. */
int chains_content_add_line(struct chains_content *c, const char *chain,
    size_t chain_len, const char *text, size_t len);
struct chains_line *chains_content_last(
    struct chains_content *c, const char *chain, size_t chain_len);

/* NULL when it is not there. */
const struct chains_chain *chains_content_find(
    const struct chains_content *c, const char *name);

/* Whether the line's target is exactly this. */
bool chains_line_goes_to(const struct chains_line *line, const char *target);
bool chains_line_is_row(
    const struct chains_line *line, const struct chains_row *row);

/* Of ours, in a chain of the kernel or of others: what jumps to a chain of
 * ours, and what is equal to a row of that chain. */
bool chains_line_is_ours(const struct chains_content *c,
    const struct chains_chain *chain, const struct chains_line *line,
    const struct chains_plan *plan);

#endif
