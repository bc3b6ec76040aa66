#include "src/core/list_line.h"

#include <string.h>

#include "src/core/qtype.h"

/* AdBlock's rules as far as they are about host names:
 *
 *	||example.com^		the name and all below it
 *	||*.example.com^	all below it
 *	|example.com^		the name, also |example.com|
 *	@@RULE			an exception
 *	RULE$important,denyallow=a|b,badfilter
 *	RULE$dnstype=A|AAAA, or ~MX: for queries of these types, or all others
 *	RULE$dnsrewrite=WHAT: what is answered: an address, another name,
 *		NXDOMAIN, NOERROR or REFUSED, or RCODE;TYPE;VALUE
 *
 * and lines of hosts, names and addresses as in other formats. What is about
 * parts of pages, paths or patterns, or has a modifier that a resolver can't
 * heed, is a fault of its own. */

/* Which halves of a name a rule is about. */
#define SELF 1U
#define BELOW (1U << HOSTSET_BELOW)

/* Programs are to learn soon that a rule has gone. */
#define REWRITE_TTL 10

enum {
	TYPE_A = 1,
	TYPE_CNAME = 5,
	TYPE_AAAA = 28,
};

struct rule {
	bool allow, important, cancel;
	bool unless;	    /* reader->others */
	size_t n_others;    /* of them */
	bool typed, except; /* for types, or for all but these */
	size_t n_types;
	uint16_t types[LIST_TYPES_MAX];
	enum hostset_code code; /* of what is answered; HOSTSET_LOCAL: rr */
	struct list_rr rr;
	uint8_t rdata[NAME_WIRE_MAX];
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

/* All with a ~ in front, or none. */
static bool
take_types(
    struct list_reader *reader, struct rule *rule, struct list_text modifier)
{
	struct list_text types = list_after(modifier, strlen("dnstype="));

	rule->typed = true;
	rule->except = list_begins(types, "~");
	while (types.len > 0) {
		struct list_text type = take_until(&types, '|');

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
take_rcode(struct rule *rule, struct list_text word)
{
	if (list_is(word, "NOERROR"))
		rule->code = HOSTSET_NODATA;
	else if (list_is(word, "NXDOMAIN"))
		rule->code = HOSTSET_NXDOMAIN;
	else if (list_is(word, "REFUSED"))
		rule->code = HOSTSET_REFUSED;
	else
		return false;
	return true;
}

/* An address, or the name of a CNAME; its type, 0 for none. One label is that
 * of an rcode which a resolver does not give. */
static uint16_t
take_value(struct rule *rule, struct list_text value)
{
	struct addr_range range;
	struct name name;

	rule->code = HOSTSET_LOCAL;
	rule->rr = (struct list_rr){ .ttl = REWRITE_TTL, .rdata = rule->rdata };
	if (list_addr(&range, value)) {
		if (!addr_equal(&range.lo, &range.hi))
			return 0;
		rule->rr.len = (uint16_t)addr_len(&range.lo);
		rule->rr.type =
		    range.lo.family == ADDR_IP4 ? TYPE_A : TYPE_AAAA;
		memcpy(rule->rdata, range.lo.bytes, rule->rr.len);
	} else if (list_name(&name, value) == NULL &&
		   name_n_labels(&name) > 1) {
		rule->rr.len = name.len;
		rule->rr.type = TYPE_CNAME;
		memcpy(rule->rdata, name.wire, name.len);
	}
	return rule->rr.type;
}

/* "RCODE;TYPE;VALUE", of which an error has the first one only. */
static bool
take_full(struct rule *rule, struct list_text what)
{
	struct list_text rcode = take_until(&what, ';');
	struct list_text type = take_until(&what, ';');
	uint16_t qtype;

	if (!take_rcode(rule, rcode))
		return false;
	if (type.len == 0)
		return what.len == 0;
	return rule->code == HOSTSET_NODATA &&
	       qtype_parse(&qtype, type.p, type.len) == 0 &&
	       qtype == take_value(rule, what);
}

static bool
take_rewrite(
    struct list_reader *reader, struct rule *rule, struct list_text modifier)
{
	struct list_text what = list_after(modifier, strlen("dnsrewrite="));
	bool good = memchr(what.p, ';', what.len) != NULL
			? take_full(rule, what)
			: take_rcode(rule, what) || take_value(rule, what) != 0;

	return good || refuse(reader, modifier);
}

/* Of these a rule has one at most: there is no room for more. */
static bool
fits_together(const struct rule *rule)
{
	bool rewrites = rule->code != HOSTSET_NO_CODE;

	if (rewrites)
		return !rule->allow && !rule->important && !rule->cancel &&
		       !rule->unless && !rule->typed;
	return !rule->typed || (!rule->cancel && !rule->unless);
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
		} else if (list_begins(m, "dnstype=")) {
			if (!take_types(reader, rule, m))
				return false;
		} else if (list_begins(m, "dnsrewrite=")) {
			if (!take_rewrite(reader, rule, m))
				return false;
		} else {
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

/* What is answered in place of the name's own records. */
static void
put_rewrite(struct list_reader *reader, const struct rule *rule,
    const struct name *name, unsigned int halves)
{
	struct list_entry entry = { .name = name, .rr = rule->rr };

	if (rule->code != HOSTSET_LOCAL) {
		entry.kind = LIST_ENTRY_NAME;
		if ((halves & SELF) != 0)
			entry.flags |= (unsigned int)rule->code
				       << HOSTSET_CODE_SHIFT;
		if ((halves & BELOW) != 0)
			entry.flags |= (unsigned int)rule->code
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
put_name(struct list_reader *reader, const struct rule *rule,
    const struct name *name, unsigned int halves)
{
	struct list_entry entry = {
		.kind = rule->cancel   ? LIST_ENTRY_CANCEL
			: rule->unless ? LIST_ENTRY_UNLESS
			: rule->typed  ? LIST_ENTRY_TYPES
				       : LIST_ENTRY_NAME,
		.name = name,
		.flags = level(rule) * halves,
		.others = reader->others,
		.n_others = rule->n_others,
		.types = { rule->except, rule->n_types, rule->types },
	};

	if (rule->code != HOSTSET_NO_CODE)
		put_rewrite(reader, rule, name, halves);
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
	    rule->code != HOSTSET_NO_CODE)
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
	*ret_halves = SELF;
	if (list_begins(*pattern, "||")) {
		*ret_halves = SELF | BELOW;
		*pattern = list_after(*pattern, 2);
	} else if (list_begins(*pattern, "|")) {
		*pattern = list_after(*pattern, 1);
	}
	if (list_begins(*pattern, "*.")) {
		*ret_halves = BELOW;
		*pattern = list_after(*pattern, 2);
	} else if (list_begins(*pattern, ".")) {
		*ret_halves = SELF | BELOW;
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
	    (rule->unless || rule->allow || rule->typed)) {
		put_name(reader, rule, &root, BELOW);
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
