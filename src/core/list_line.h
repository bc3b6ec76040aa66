#ifndef CORE_LIST_LINE_H
#define CORE_LIST_LINE_H

#include <string.h>

#include "src/core/list_parse.h"

/* What the parsers of list files have in common. */

/* Longer ones are no entry of any list. */
#define LIST_LINE_MAX ((size_t)4096)

/* Names behind one denyallow=. */
#define LIST_OTHERS_MAX 64

struct list_text {
	const char *p;
	size_t len;
};

struct list_reader {
	const struct list_sink *sink;
	enum conf_list_format format;
	struct list_text rest; /* of the file */
	char end;	       /* of its lines */
	const char *file;      /* an included one, or NULL */
	struct list_text line; /* whole, for faults */
	uint32_t n;	       /* its number */
	int error;	       /* of the sink */
	unsigned int refused;  /* patterns that the list has no room for */
	struct name others[LIST_OTHERS_MAX]; /* of the rule at hand */
	/* unbound's, that the next line may say more about; len 0: none */
	struct name zone;
	uint32_t zone_line;
	bool zone_passes; /* it is an exception, else a redirect */
};

/* What ends the lines of a text: a carriage return where there is nothing
 * else. */
char list_end(struct list_text text);

/* The next line without its end; false after the last one, and once the sink
 * has failed. */
bool list_next_line(struct list_reader *reader);

void list_fault_line(struct list_reader *reader, const char *what);
/* Of an $INCLUDE. */
void list_fault_include(struct list_reader *reader, const char *what);
void list_fault_modifier(struct list_reader *reader, struct list_text modifier);
/* entry->line is filled in; false where the sink fails. */
bool list_put(struct list_reader *reader, struct list_entry *entry);
/* pattern_regex(), but for a list that has no room for more of them. */
const char *list_regex(const struct list_reader *reader, struct pattern *ret,
    char buf[PATTERN_SIZE], struct list_text text);
bool list_put_name(
    struct list_reader *reader, const struct name *name, unsigned int flags);
bool list_put_addr(struct list_reader *reader, const struct addr_range *range,
    enum addrset_rank rank);

/* Bytes that separate words: blanks and what else ASCII has of it. */
static inline bool
list_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

struct list_text list_trim(struct list_text text);
/* The first word, taken off *text; empty after the last one. */
struct list_text list_word(struct list_text *text);
/* The text up to a byte, which is taken off as well. */
struct list_text list_until(struct list_text *text, char end);
/* Inline, since words are constants of which most are no match. */
static inline bool
list_is(struct list_text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.p, word, text.len) == 0;
}

static inline bool
list_begins(struct list_text text, const char *word)
{
	size_t len = strlen(word);

	return text.len >= len && memcmp(text.p, word, len) == 0;
}

/* Leaves out the first n bytes. */
static inline struct list_text
list_after(struct list_text text, size_t n)
{
	return (struct list_text){ text.p + n, text.len - n };
}

/* A host name: letters, digits, - and _, no number at the end, with or without
 * the final dot; other scripts in lower case become xn-- labels. NULL, or what
 * is wrong with it. */
const char *list_name(struct name *ret, struct list_text text);

/* An address, a prefix (bits past it are ignored) or a range. */
bool list_addr(struct addr_range *ret, struct list_text text);

/* A rule of AdBlock's about parts of pages: "##", "#@#", "#?#", "$$" and
 * others. What stands in front is no name to be blocked. */
bool list_is_cosmetic(struct list_text line);

/* One line of hosts, domains, wildcard or addresses, or (AUTO) of any of
 * them. */
void list_plain_line(struct list_reader *reader, struct list_text line);

/* One line of AdBlock's. */
void list_adblock_line(struct list_reader *reader, struct list_text line);

/* One line of dnsmasq's settings, or of unbound's; after those the end. */
void list_dnsmasq_line(struct list_reader *reader, struct list_text line);
void list_unbound_line(struct list_reader *reader, struct list_text line);
void list_unbound_end(struct list_reader *reader);

/* What AdBlock's $dnsrewrite says. */
struct list_rewrite {
	enum hostset_code code;
	struct list_rr rr; /* of HOSTSET_LOCAL; its data is that here */
	uint8_t rdata[512];
};

/* False where it says nothing that can be answered. */
bool list_rewrite(struct list_rewrite *ret, struct list_text what);

/* A whole zone. */
void list_rpz(struct list_reader *reader);

#endif
