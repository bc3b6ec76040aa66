#include "src/core/list_line.h"

#include <string.h>

#include "src/core/qtype.h"

/* AdBlock's rules as far as they are about host names:
 *
 *	||example.com^		the name and all below it
 *	||*.example.com^	all below it
 *	|example.com^		the name, also |example.com|
 *	||ads*.example.com^	and other patterns: * is any text, || the start
 *				of a label, | that of the name, ^ its end
 *	/^ads[0-9]+\./		a regular expression
 *	example.com^		as with ||: so is an exception, or what has
 *				modifiers, that begins with neither
 *	@@RULE			an exception
 *	RULE$important,denyallow=a|b,badfilter,all
 *	RULE$dnstype=A|AAAA, or ~MX: for queries of these types, or all others
 *	RULE$dnsrewrite=WHAT: what is answered: an address, another name,
 *		NXDOMAIN, NOERROR or REFUSED, or RCODE;TYPE;VALUE
 *
 * and lines of hosts, names and addresses as in other formats. What is about
 * parts of pages or paths, or has a modifier that a resolver can't heed, is a
 * fault of its own. */

/* Which halves of a name a rule is about. */
#define SELF 1U
#define BELOW (1U << HOSTSET_BELOW)

struct rule {
	bool allow, important, cancel;
	bool network;	    /* no name alone, as a list of names has it */
	bool unless;	    /* reader->others */
	size_t n_others;    /* of them */
	bool typed, except; /* for types, or for all but these */
	size_t n_types;
	uint16_t types[LIST_TYPES_MAX];
	struct list_rewrite answer;
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

static bool
take_others(
    struct list_reader *reader, struct rule *rule, struct list_text modifier)
{
	struct list_text names = list_after(modifier, strlen("denyallow="));

	rule->unless = true;
	while (names.len > 0) {
		struct list_text name = list_until(&names, '|');

		if (rule->n_others == LIST_OTHERS_MAX ||
		    list_name(&reader->others[rule->n_others], name) != NULL)
			return refuse(reader, modifier);
		rule->n_others++;
	}
	return rule->n_others > 0 || refuse(reader, modifier);
}

/* All with a ~ in front, or none. */
static bool
take_types(
    struct list_reader *reader, struct rule *rule, struct list_text modifier)
{
	struct list_text types = list_after(modifier, strlen("dnstype="));

	rule->typed = true;
	rule->except = list_begins(types, "~");
	while (types.len > 0) {
		struct list_text type = list_until(&types, '|');

		if (list_begins(type, "~") != rule->except ||
		    rule->n_types == LIST_TYPES_MAX)
			return refuse(reader, modifier);
		if (rule->except)
			type = list_after(type, 1);
		if (qtype_parse(&rule->types[rule->n_types], type.p, type.len) <
		    0)
			return refuse(reader, modifier);
		rule->n_types++;
	}
	return rule->n_types > 0 || refuse(reader, modifier);
}

static bool
take_rewrite(
    struct list_reader *reader, struct rule *rule, struct list_text modifier)
{
	return list_rewrite(&rule->answer,
		   list_after(modifier, strlen("dnsrewrite="))) ||
	       refuse(reader, modifier);
}

/* Of these a rule has one at most: there is no room for more. */
static bool
fits_together(const struct rule *rule)
{
	bool rewrites = rule->answer.code != HOSTSET_NO_CODE;

	if (rewrites)
		return !rule->allow && !rule->important && !rule->cancel &&
		       !rule->unless && !rule->typed;
	/* what is taken back is another rule than one with conditions */
	return !rule->cancel + !rule->unless + !rule->typed >= 2;
}

/* All of them must be understood: what one would narrow down must not be
 * blocked for all. */
static bool
take_modifiers(
    struct list_reader *reader, struct rule *rule, struct list_text modifiers)
{
	while (modifiers.len > 0) {
		struct list_text m = list_trim(list_until(&modifiers, ','));

		if (list_is(m, "important")) {
			rule->important = true;
		} else if (list_is(m, "badfilter")) {
			rule->cancel = true;
		} else if (list_begins(m, "denyallow=")) {
			if (!take_others(reader, rule, m))
				return false;
		} else if (list_begins(m, "dnstype=")) {
			if (!take_types(reader, rule, m))
				return false;
		} else if (list_begins(m, "dnsrewrite=")) {
			if (!take_rewrite(reader, rule, m))
				return false;
		} else if (!list_is(m, "all")) { /* of browsers: all kinds */
			return refuse(reader, m);
		}
		if (!fits_together(rule))
			return refuse(reader, m);
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

/* What a rule is about: a name, or else a pattern. */
struct about {
	const struct name *name;
	const struct pattern *pattern;
	unsigned int halves;
};

/* What is answered in place of the name's own records. */
static void
put_rewrite(struct list_reader *reader, const struct rule *rule,
    const struct about *about)
{
	struct list_entry entry = { .name = about->name,
		.pattern = about->pattern,
		.rr = rule->answer.rr };
	unsigned int halves = about->halves;

	if (rule->answer.code != HOSTSET_LOCAL) {
		entry.kind = LIST_ENTRY_NAME;
		if ((halves & SELF) != 0)
			entry.flags |= (unsigned int)rule->answer.code
				       << HOSTSET_CODE_SHIFT;
		if ((halves & BELOW) != 0)
			entry.flags |= (unsigned int)rule->answer.code
				       << HOSTSET_CODE_BELOW_SHIFT;
		(void)list_put(reader, &entry); /* the reader keeps the error */
		return;
	}
	entry.kind = LIST_ENTRY_RR;
	if ((halves & SELF) != 0 && !list_put(reader, &entry))
		return;
	entry.below = true;
	if ((halves & BELOW) != 0)
		(void)list_put(reader, &entry); /* as above */
}

static void
put_said(struct list_reader *reader, const struct rule *rule,
    const struct about *about)
{
	struct list_entry entry = {
		.kind = rule->cancel   ? LIST_ENTRY_CANCEL
			: rule->unless ? LIST_ENTRY_UNLESS
			: rule->typed  ? LIST_ENTRY_TYPES
				       : LIST_ENTRY_NAME,
		.name = about->name,
		.pattern = about->pattern,
		.flags = level(rule) * about->halves,
		.others = reader->others,
		.n_others = rule->n_others,
		.types = { rule->except, rule->n_types, rule->types },
	};

	if (rule->answer.code != HOSTSET_NO_CODE)
		put_rewrite(reader, rule, about);
	else
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

	if (rule->cancel || rule->unless || rule->typed ||
	    rule->answer.code != HOSTSET_NO_CODE)
		list_fault_line(reader, "a modifier that addresses have not");
	else
		(void)list_put_addr(reader, range,
		    ranks[rule->allow][rule->important]); /* as above */
}

/* What stands around the text of a pattern. */
struct ends {
	enum pattern_start start;
	bool at_end;
};

static struct ends
take_ends(struct list_text *pattern)
{
	struct ends ret = { PATTERN_ANYWHERE, false };
	struct list_text p = *pattern;

	if (list_begins(p, "||")) {
		ret.start = PATTERN_AT_LABEL;
		p = list_after(p, 2);
	} else if (list_begins(p, "|")) {
		ret.start = PATTERN_AT_START;
		p = list_after(p, 1);
	}
	/* after a name nothing follows: "^*" is "^" */
	if (p.len > 1 && p.p[p.len - 1] == '*' && p.p[p.len - 2] == '^')
		p.len--;
	for (const char *end = "|^"; *end != '\0'; end++)
		if (p.len > 0 && p.p[p.len - 1] == *end) {
			ret.at_end = true;
			p.len--;
		}
	*pattern = p;
	return ret;
}

static void
put_pattern(struct list_reader *reader, const struct rule *rule,
    const struct ends *ends, struct list_text text)
{
	char buf[PATTERN_SIZE];
	struct pattern pattern;
	const char *what = pattern_glob(
	    &pattern, buf, text.p, text.len, ends->start, ends->at_end);

	if (text.p[text.len - 1] == '.' && ends->at_end)
		what = "a pattern that no name can have";
	if (what != NULL)
		list_fault_line(reader, what);
	else
		put_said(reader, rule,
		    &(struct about){ .pattern = &pattern, .halves = SELF });
}

/* A shorter part is too wide for a rule of AdGuard's. */
#define PART_MIN 3

/* What no name is as it stands, and AdGuard looks for anywhere in names, too:
 * "-ads-", "ads-", "_ads.". A name may begin with '_', and end with a dot. A
 * ruler, "---", is no part: "xn----" is what many a name begins with. */
static bool
is_part(struct list_text text)
{
	bool dot = text.len > 1 && text.p[text.len - 1] == '.';
	size_t marks = 0;
	char last;

	while (marks < text.len && strchr("-_.", text.p[marks]) != NULL)
		marks++;
	if (text.len < PART_MIN || marks == text.len)
		return false;
	if (dot)
		text.len--;
	last = text.p[text.len - 1];
	return text.p[0] == '-' || last == '-' || last == '_' ||
	       (dot && memchr(text.p, '.', text.len) == NULL);
}

/* The pattern without @@ and modifiers: which halves of a name it is about, in
 * *ret_halves, and what is left of it. False where it is about more or less
 * than a name: that is done, then. */
static bool
take_pattern(struct list_reader *reader, const struct rule *rule,
    struct list_text *pattern, unsigned int *ret_halves)
{
	struct ends ends = take_ends(pattern);
	struct list_text text = *pattern;

	*ret_halves = rule->network ? SELF | BELOW : SELF;
	if (ends.start != PATTERN_ANYWHERE)
		*ret_halves =
		    ends.start == PATTERN_AT_LABEL ? SELF | BELOW : SELF;
	if (list_begins(*pattern, "*.")) {
		*ret_halves = BELOW;
		*pattern = list_after(*pattern, 2);
	} else if (list_begins(*pattern, ".")) {
		*ret_halves = SELF | BELOW;
		*pattern = list_after(*pattern, 1);
	}
	if (memchr(pattern->p, '/', pattern->len) != NULL) {
		struct addr_range range;

		if (list_addr(&range, *pattern))
			return true;
		list_fault_line(reader, "a path");
		return false;
	}
	/* "||ads." is any name with a label that ends so */
	if ((memchr(pattern->p, '*', pattern->len) != NULL &&
		!list_is(*pattern, "*")) ||
	    ((*ret_halves != SELF || ends.start == PATTERN_AT_START) &&
		pattern->len > 0 && pattern->p[pattern->len - 1] == '.') ||
	    (ends.start == PATTERN_ANYWHERE && is_part(text))) {
		put_pattern(reader, rule, &ends, text);
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

	if (!take_pattern(reader, rule, &pattern, &halves))
		return;
	if (list_addr(&range, pattern)) {
		put_addr(reader, rule, &range);
		return;
	}
	/* a rule for all names is one only with exceptions, or as one */
	if ((pattern.len == 0 || list_is(pattern, "*")) &&
	    (rule->unless || rule->allow || rule->typed)) {
		put_said(reader, rule, &(struct about){ &root, NULL, BELOW });
		return;
	}
	what = list_name(&name, pattern);
	if (what != NULL)
		list_fault_line(reader, what);
	else
		put_said(reader, rule, &(struct about){ &name, NULL, halves });
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

/* "/.../" with modifiers behind it, or without: how long the part between the
 * two is; 0 where there is none. A $ in it begins no modifiers. */
static size_t
regex_len(struct list_text word)
{
	for (size_t i = word.len - 1; i > 0; i--)
		if (word.p[i] == '/' &&
		    (i + 1 == word.len ||
			(i + 2 < word.len && word.p[i + 1] == '$' &&
			    word.p[i + 2] >= 'a' && word.p[i + 2] <= 'z')))
			return i - 1;
	return 0;
}

/* The word without @@; rest: what follows it in the line. */
static void
regex_rule(struct list_reader *reader, struct rule *rule, struct list_text word,
    struct list_text rest)
{
	size_t len = regex_len(word);
	char buf[PATTERN_SIZE];
	struct pattern pattern;
	struct list_text after;
	const char *what;

	if (len == 0 || (rest.len > 0 && rest.p[0] != '#')) {
		list_fault_line(reader, "a path");
		return;
	}
	after = list_after(word, len + 2);
	if (after.len > 0 &&
	    !take_modifiers(reader, rule, list_after(after, 1)))
		return;
	what = list_regex(
	    reader, &pattern, buf, (struct list_text){ word.p + 1, len });
	if (what != NULL)
		list_fault_line(reader, what);
	else
		put_said(reader, rule,
		    &(struct about){ .pattern = &pattern, .halves = SELF });
}

void
list_adblock_line(struct list_reader *reader, struct list_text line)
{
	struct list_text rest = line, word = list_word(&rest);
	struct rule rule = { .allow = list_begins(line, "@@") };
	size_t at;

	if (word.len == 0 || word.p[0] == '!' || word.p[0] == '[')
		return;
	if (list_is_cosmetic(line)) {
		list_fault_line(reader, "a rule about parts of pages");
		return;
	}
	if (word.p[0] == '#')
		return;
	rest = list_trim(rest);
	if (list_begins(list_after(word, rule.allow ? 2 : 0), "/")) {
		regex_rule(
		    reader, &rule, list_after(word, rule.allow ? 2 : 0), rest);
		return;
	}
	if (rest.len > 0 && rest.p[0] != '#') {
		if (!has_blanks(word)) {
			list_plain_line(reader, line); /* as in hosts */
			return;
		}
		word = list_trim(line);
	}
	at = find_modifiers(word);
	/* a name alone is taken back by that name */
	rule.network =
	    rule.allow || memchr(word.p, '^', word.len) != NULL ||
	    (at < word.len && !list_is(list_after(word, at), "$badfilter"));
	if (at < word.len &&
	    !take_modifiers(reader, &rule, list_after(word, at + 1)))
		return;
	word.len = at;
	if (rule.allow)
		word = list_after(word, 2);
	rule_line(reader, &rule, word);
}
