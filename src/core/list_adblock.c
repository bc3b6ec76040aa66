#include "src/core/list_line.h"

#include <string.h>

/* AdBlock's rules as far as they are about host names:
 *
 *	||example.com^		the name and all below it
 *	||*.example.com^	all below it
 *	|example.com^		the name, also |example.com|
 *	@@RULE			an exception
 *	RULE$important,denyallow=a|b,badfilter
 *
 * and lines of hosts, names and addresses as in other formats. What is about
 * parts of pages, paths or patterns, or has a modifier that a resolver can't
 * heed, is a fault of its own. */

struct rule {
	bool allow, important, cancel;
	bool unless;	 /* reader->others */
	size_t n_others; /* of them */
};

/* A modifier that does not fit; false. */
static bool
refuse(struct list_reader *reader, struct list_text modifier)
{
	const char *value = memchr(modifier.p, '=', modifier.len);

	if (value != NULL)
		modifier.len = (size_t)(value - modifier.p);
	list_fault_modifier(reader, modifier);
	return false;
}

/* The text up to a byte, which is taken off as well. */
static struct list_text
take_until(struct list_text *text, char end)
{
	const char *p = memchr(text->p, end, text->len);
	struct list_text part = { text->p,
		p != NULL ? (size_t)(p - text->p) : text->len };

	*text = list_after(*text, p != NULL ? part.len + 1 : part.len);
	return part;
}

static bool
take_others(
    struct list_reader *reader, struct rule *rule, struct list_text modifier)
{
	struct list_text names = list_after(modifier, strlen("denyallow="));

	rule->unless = true;
	while (names.len > 0) {
		struct list_text name = take_until(&names, '|');

		if (rule->n_others == LIST_OTHERS_MAX ||
		    list_name(&reader->others[rule->n_others], name) != NULL)
			return refuse(reader, modifier);
		rule->n_others++;
	}
	return rule->n_others > 0 || refuse(reader, modifier);
}

/* All of them must be understood: what one would narrow down must not be
 * blocked for all. */
static bool
take_modifiers(
    struct list_reader *reader, struct rule *rule, struct list_text modifiers)
{
	while (modifiers.len > 0) {
		struct list_text m = list_trim(take_until(&modifiers, ','));

		if (list_is(m, "important")) {
			rule->important = true;
		} else if (list_is(m, "badfilter")) {
			rule->cancel = true;
		} else if (list_begins(m, "denyallow=")) {
			if (!take_others(reader, rule, m))
				return false;
		} else {
			return refuse(reader, m);
		}
	}
	return true;
}

static unsigned int
level(const struct rule *rule)
{
	if (rule->allow)
		return rule->important ? HOSTSET_ALLOW_FIRST : HOSTSET_ALLOW;
	return rule->important ? HOSTSET_BLOCK_FIRST : HOSTSET_BLOCK;
}

static void
put_name(struct list_reader *reader, const struct rule *rule,
    const struct name *name, unsigned int halves)
{
	struct list_entry entry = {
		.kind = rule->cancel   ? LIST_ENTRY_CANCEL
			: rule->unless ? LIST_ENTRY_UNLESS
				       : LIST_ENTRY_NAME,
		.name = name,
		.flags = level(rule) * halves,
		.others = reader->others,
		.n_others = rule->n_others,
	};

	(void)list_put(reader, &entry); /* the reader keeps the error */
}

static void
put_addr(struct list_reader *reader, const struct rule *rule,
    const struct addr_range *range)
{
	static const enum addrset_rank ranks[2][2] = {
		{ ADDRSET_BLOCK, ADDRSET_BLOCK_FIRST },
		{ ADDRSET_ALLOW, ADDRSET_ALLOW_FIRST },
	};

	if (rule->cancel || rule->unless)
		list_fault_line(reader, "a modifier that addresses have not");
	else
		(void)list_put_addr(reader, range,
		    ranks[rule->allow][rule->important]); /* as above */
}

/* The pattern without @@ and modifiers: which halves of a name it is about, in
 * *ret_halves, and what is left of it. False where it is about more or less
 * than a name. */
static bool
take_pattern(struct list_reader *reader, struct list_text *pattern,
    unsigned int *ret_halves)
{
	const unsigned int self = 1, below = 1 << HOSTSET_BELOW;

	*ret_halves = self;
	if (list_begins(*pattern, "||")) {
		*ret_halves = self | below;
		*pattern = list_after(*pattern, 2);
	} else if (list_begins(*pattern, "|")) {
		*pattern = list_after(*pattern, 1);
	}
	if (list_begins(*pattern, "*.")) {
		*ret_halves = below;
		*pattern = list_after(*pattern, 2);
	} else if (list_begins(*pattern, ".")) {
		*ret_halves = self | below;
		*pattern = list_after(*pattern, 1);
	}
	if (pattern->len > 0 && pattern->p[pattern->len - 1] == '|')
		pattern->len--;
	if (pattern->len > 0 && pattern->p[pattern->len - 1] == '^')
		pattern->len--;
	if (memchr(pattern->p, '/', pattern->len) != NULL) {
		struct addr_range range;

		if (list_addr(&range, *pattern))
			return true;
		list_fault_line(reader, "a path, or a regular expression");
		return false;
	}
	if (memchr(pattern->p, '*', pattern->len) != NULL &&
	    !list_is(*pattern, "*")) {
		list_fault_line(reader, "a pattern within a name");
		return false;
	}
	return true;
}

static void
rule_line(
    struct list_reader *reader, struct rule *rule, struct list_text pattern)
{
	static const struct name root = { 1, { 0 } };
	struct addr_range range;
	struct name name;
	unsigned int halves;
	const char *what;

	if (!take_pattern(reader, &pattern, &halves))
		return;
	if (list_addr(&range, pattern)) {
		put_addr(reader, rule, &range);
		return;
	}
	/* a rule for all names is one only with exceptions, or as one */
	if ((pattern.len == 0 || list_is(pattern, "*")) &&
	    (rule->unless || rule->allow)) {
		put_name(reader, rule, &root, 1 << HOSTSET_BELOW);
		return;
	}
	what = list_name(&name, pattern);
	if (what != NULL)
		list_fault_line(reader, what);
	else
		put_name(reader, rule, &name, halves);
}

/* Rules about parts of pages: "##", "#@#", "#?#", "$$" and others. */
static bool
is_cosmetic(struct list_text line)
{
	for (size_t i = 0; i + 1 < line.len; i++) {
		if (line.p[i] == '$' && line.p[i + 1] == '$')
			return true;
		if (line.p[i] == '#' &&
		    (line.p[i + 1] == '#' || line.p[i + 1] == '@' ||
			line.p[i + 1] == '?' || line.p[i + 1] == '$' ||
			line.p[i + 1] == '%'))
			return true;
	}
	return false;
}

/* Where the modifiers start: the last $, since a pattern may hold others. */
static size_t
find_modifiers(struct list_text line)
{
	const char *p = line.len > 0 ? memrchr(line.p, '$', line.len) : NULL;

	return p != NULL ? (size_t)(p - line.p) : line.len;
}

/* A rule whose modifiers have blanks: $client='Mary Ann'. */
static bool
has_blanks(struct list_text word)
{
	return (list_begins(word, "|") || list_begins(word, "@@")) &&
	       find_modifiers(word) < word.len;
}

void
list_adblock_line(struct list_reader *reader, struct list_text line)
{
	struct list_text rest = line, word = list_word(&rest);
	struct rule rule = { .allow = list_begins(line, "@@") };
	size_t at;

	if (word.len == 0 || word.p[0] == '!' || word.p[0] == '[')
		return;
	if (is_cosmetic(line)) {
		list_fault_line(reader, "a rule about parts of pages");
		return;
	}
	if (word.p[0] == '#')
		return;
	/* whatever is in it: a $ there begins no modifiers */
	if (word.p[rule.allow ? 2 : 0] == '/') {
		list_fault_line(reader, "a path, or a regular expression");
		return;
	}
	rest = list_trim(rest);
	if (rest.len > 0 && rest.p[0] != '#') {
		if (!has_blanks(word)) {
			list_plain_line(reader, line); /* as in hosts */
			return;
		}
		word = list_trim(line);
	}
	at = find_modifiers(word);
	if (at < word.len &&
	    !take_modifiers(reader, &rule, list_after(word, at + 1)))
		return;
	word.len = at;
	if (rule.allow)
		word = list_after(word, 2);
	rule_line(reader, &rule, word);
}
