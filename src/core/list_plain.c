#include "src/core/list_line.h"

#include <string.h>

/* Names of this host, as the first lines of hosts files have them. */
static bool
is_own_name(struct list_text word)
{
	static const char *const own[] = { "localhost", "localhost.localdomain",
		"local", "broadcasthost", "ip6-localhost", "ip6-loopback",
		"ip6-localnet", "ip6-mcastprefix", "ip6-allnodes",
		"ip6-allrouters", "ip6-allhosts", "0.0.0.0" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (list_is(word, own[i]))
			return true;
	return false;
}

/* Names behind an address: it does not matter which. */
static void
hosts_names(struct list_reader *reader, struct list_text rest)
{
	const char *what = NULL, *fault;
	struct list_text word;
	struct name name;

	while ((word = list_word(&rest)).len > 0) {
		if (is_own_name(word))
			continue;
		fault = list_name(&name, word);
		if (fault != NULL)
			what = fault;
		else if (!list_put_name(reader, &name, HOSTSET_BLOCK))
			return;
	}
	if (what != NULL) /* one for the line */
		list_fault_line(reader, what);
}

/* A pattern, or what is wrong with it. */
static void
put_or_fault(
    struct list_reader *reader, const struct pattern *pattern, const char *what)
{
	struct list_entry entry = { .kind = LIST_ENTRY_NAME,
		.pattern = pattern,
		.flags = HOSTSET_BLOCK };

	if (what != NULL)
		list_fault_line(reader, what);
	else
		(void)list_put(reader, &entry); /* see error */
}

static bool
is_all(struct list_text word)
{
	size_t stars = 0;

	while (stars < word.len && word.p[stars] == '*')
		stars++;
	return stars == word.len;
}

/* A whole name; where names are to cover what is below them, the end of one. */
static void
put_pattern(struct list_reader *reader, struct list_text word)
{
	char buf[PATTERN_SIZE];
	struct pattern pattern;
	bool below = reader->format == CONF_FORMAT_WILDCARD;
	const char *what;

	if (list_begins(word, ".")) { /* the name and those below it */
		below = true;
		word = list_after(word, 1);
	}
	if (word.p[word.len - 1] == '.') /* the root's */
		word.len--;
	what = pattern_glob(&pattern, buf, word.p, word.len,
	    below ? PATTERN_AT_LABEL : PATTERN_AT_START, true);
	if (is_all(word))
		what = "a pattern that every name has";
	put_or_fault(reader, &pattern, what);
}

/* "x", ".x" or "*.x"; with another * a pattern. */
static void
plain_name(struct list_reader *reader, struct list_text word)
{
	unsigned int flags = HOSTSET_BLOCK;
	struct list_text stars;
	const char *what;
	struct name name;

	if (is_own_name(word))
		return; /* left over of a hosts file */
	if (reader->format == CONF_FORMAT_WILDCARD)
		flags |= HOSTSET_BLOCK << HOSTSET_BELOW;
	/* "ads*.x", "*ads.x", "*.ads.*" */
	stars = list_after(word, list_begins(word, "*.") ? 2 : 0);
	if (memchr(stars.p, '*', stars.len) != NULL) {
		put_pattern(reader, word);
		return;
	}
	if (list_begins(word, "*.")) {
		flags = HOSTSET_BLOCK << HOSTSET_BELOW;
		word = list_after(word, 2);
	} else if (list_begins(word, ".")) {
		flags = HOSTSET_BLOCK | HOSTSET_BLOCK << HOSTSET_BELOW;
		word = list_after(word, 1);
	}
	what = list_name(&name, word);
	if (what != NULL)
		list_fault_line(reader, what);
	else
		(void)list_put_name(reader, &name, flags); /* see error */
}

/* A regular expression without slashes, as Pi-hole's lists have them. Those
 * that begin with a bracket have "(^|\\.)" there, or something else that no
 * text has:
 * "(c)" alone would block whatever has a c. */
static bool
is_regex(struct list_text word)
{
	if (list_begins(word, "^") || list_begins(word, ".*") ||
	    list_begins(word, "\\"))
		return true;
	for (size_t i = 1; i < word.len; i++)
		if (list_begins(word, "(") &&
		    strchr("^$\\[|*+?{", word.p[i]) != NULL)
			return true;
	return false;
}

/* ";querytype=A": it is for less than all queries, or for more. */
static const char *
modifier_fault(struct list_text word)
{
	if (memmem(word.p, word.len, ";querytype=", 11) != NULL)
		return "querytype can't apply here: say it as AdBlock does, "
		       "/.../$dnstype=";
	if (memmem(word.p, word.len, ";reply=", 7) != NULL)
		return "reply can't apply here: say it as AdBlock does, "
		       "||NAME^$dnsrewrite=";
	return "a modifier that can't apply";
}

static void
put_regex(struct list_reader *reader, struct list_text word)
{
	char buf[PATTERN_SIZE];
	struct pattern pattern;
	const char *what = memchr(word.p, ';', word.len) != NULL
			       ? modifier_fault(word)
			       : list_regex(reader, &pattern, buf, word);

	put_or_fault(reader, &pattern, what);
}

/* One word that is no hosts line. */
static void
plain_word(struct list_reader *reader, struct list_text word)
{
	struct addr_range range;

	if (reader->format == CONF_FORMAT_AUTO && is_regex(word))
		put_regex(reader, word);
	else if (list_addr(&range, word))
		(void)list_put_addr(reader, &range, ADDRSET_BLOCK); /* see
								       error */
	else if (reader->format == CONF_FORMAT_ADDRESSES)
		list_fault_line(reader, "not an address");
	else
		plain_name(reader, word);
}

/* What stands in front of names in hosts files: an address, which may be that
 * of a link ("fe80::1%lo0") or short for 0.0.0.0 ("0"). */
static bool
is_hosts_addr(struct list_text word)
{
	const char *zone = memchr(word.p, '%', word.len);
	struct addr_range range;

	if (zone != NULL)
		word.len = (size_t)(zone - word.p);
	return list_is(word, "0") ||
	       (list_addr(&range, word) && addr_equal(&range.lo, &range.hi));
}

/* What stands in front of names in hosts files that block: without any, that is
 * no address to be blocked. */
static bool
is_own_addr(struct list_text word)
{
	return list_is(word, "0.0.0.0") || list_is(word, "127.0.0.1") ||
	       list_is(word, "::") || list_is(word, "::1");
}

/* Up to a #, or a ; at the start of a word. */
static struct list_text
without_comment(struct list_text line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.p[i] == '#' ||
		    (line.p[i] == ';' &&
			(i == 0 || list_is_blank(line.p[i - 1]))))
			line.len = i;
	return line;
}

/* As in a zone, without what tells that it is one. */
static bool
is_record(struct list_text rest)
{
	static const char *const types[] = { "A", "AAAA", "CNAME", "IN", "SOA",
		"TXT", "PTR" };
	struct list_text word = list_word(&rest);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (list_is(word, types[i]))
			return true;
	return false;
}

void
list_plain_line(struct list_reader *reader, struct list_text line)
{
	struct list_text rest = without_comment(line);
	struct list_text word = list_word(&rest);

	if (word.len == 0 || word.p[0] == '!')
		return;
	if (list_trim(rest).len == 0) {
		/* "name##.banner": a list for browsers was given */
		if (word.p + word.len < line.p + line.len &&
		    word.p[word.len] == '#' && list_is_cosmetic(line))
			list_fault_line(reader, "a rule about parts of pages");
		else if (reader->format == CONF_FORMAT_HOSTS ||
			 (reader->format != CONF_FORMAT_ADDRESSES &&
			     is_own_addr(word)))
			list_fault_line(reader, "no address and names");
		else
			plain_word(reader, word);
		return;
	}
	if ((reader->format == CONF_FORMAT_HOSTS ||
		reader->format == CONF_FORMAT_AUTO ||
		reader->format == CONF_FORMAT_ADBLOCK) &&
	    is_hosts_addr(word))
		hosts_names(reader, rest);
	else
		list_fault_line(reader,
		    is_record(rest) ? "a record: a zone begins with $TTL, or "
				      "is told by 'format = rpz'"
				    : "more than one word");
}
