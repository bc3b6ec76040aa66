#include "src/core/list_line.h"

#include <string.h>

/* Names that other servers block by their settings: lines of dnsmasq's and of
 * unbound's, each with what it does there. What does not block is a fault. */

#define BOTH (1U | 1U << HOSTSET_BELOW)
/* Of names that block and those that don't, the more specific one counts: not
 * so with AdBlock's exceptions. */
#define PASS ((unsigned int)HOSTSET_PASSTHRU << HOSTSET_CODE_SHIFT)
#define PASS_BELOW ((unsigned int)HOSTSET_PASSTHRU << HOSTSET_CODE_BELOW_SHIFT)

/* An address that stands for none: where a blocked name leads. */
static bool
is_no_address(struct list_text text)
{
	struct addr_range range;

	return list_addr(&range, text) && addr_equal(&range.lo, &range.hi) &&
	       (addr_is_any(&range.lo) || addr_is_loopback(&range.lo));
}

static struct list_text
without_comment(struct list_text line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.p[i] == '#' &&
		    (i == 0 || list_is_blank(line.p[i - 1])))
			line.len = i;
	return list_trim(line);
}

/* dnsmasq ------------------------------------------------------------------ */

/* What a line says of its names. */
enum saying {
	BLOCKS,
	BLOCKS_FIRMLY, /* beats what passes the very same name */
	PASSES,
	ANSWERS, /* something of its own, which a list does not give */
};

/* "x"; "*x" ends so, wherever that begins; "*.x" is below x alone. */
static void
put_domain(
    struct list_reader *reader, struct list_text domain, enum saying says)
{
	unsigned int firm = says == BLOCKS_FIRMLY ? HOSTSET_FIRM : 0;
	bool passes = says == PASSES || says == ANSWERS;
	char buf[PATTERN_SIZE];
	struct pattern pattern;
	struct list_entry entry = { .kind = LIST_ENTRY_NAME,
		.flags = passes ? PASS : HOSTSET_BLOCK | firm };
	const char *what;
	struct name name;

	if (list_begins(domain, "*.") && domain.len > 2) {
		entry.pattern = &pattern;
		what = pattern_glob(&pattern, buf, domain.p, domain.len,
		    PATTERN_AT_START, true);
	} else if (list_begins(domain, "*") && domain.len > 1) {
		entry.pattern = &pattern;
		what = pattern_glob(&pattern, buf, domain.p + 1, domain.len - 1,
		    PATTERN_ANYWHERE, true);
	} else {
		if (list_begins(domain, "."))
			domain = list_after(domain, 1);
		entry.name = &name;
		entry.flags =
		    passes ? PASS | PASS_BELOW : HOSTSET_BLOCK * BOTH | firm;
		what = list_name(&name, domain);
	}
	if (what != NULL)
		list_fault_line(reader, what);
	else
		(void)list_put(reader, &entry); /* the reader keeps the error */
}

/* "192.0.2.53", "2001:db8::53#5353", "fe80::1%eth0@eth0". */
static bool
is_server(struct list_text to)
{
	struct addr_range range;

	for (size_t i = 0; i < to.len; i++)
		if (strchr("#@%", to.p[i]) != NULL)
			to.len = i;
	return list_addr(&range, to) && addr_equal(&range.lo, &range.hi);
}

/* What is done with a name there, by what stands behind it: of one name, an
 * address goes before a server, and that before nothing at all. NULL, or what
 * is wrong. */
static const char *
dnsmasq_says(enum saying *ret, bool address, struct list_text to)
{
	if (to.len == 0)
		*ret = BLOCKS;
	else if (address && (list_is(to, "#") || is_no_address(to)))
		*ret = BLOCKS_FIRMLY;
	else if (!address && (list_is(to, "#") || is_server(to)))
		*ret = PASSES; /* asked for as all others */
	else if (address && is_server(to))
		*ret = ANSWERS;
	else
		return address ? "not an address" : "not a server";
	return NULL;
}

/* "address", "server" or "local", and what follows the '='. */
static void
dnsmasq_option(
    struct list_reader *reader, struct list_text key, struct list_text value)
{
	struct list_text names, to;
	const char *end, *what;
	enum saying says;

	if (!list_begins(value, "/")) {
		list_fault_line(reader, "it is about no name");
		return;
	}
	end = memrchr(value.p, '/', value.len);
	to = list_after(value, (size_t)(end - value.p) + 1);
	names = (struct list_text){ value.p + 1,
		end > value.p ? (size_t)(end - value.p) - 1 : 0 };
	what = dnsmasq_says(&says, list_is(key, "address"), to);
	if (what == NULL && names.len == 0)
		what = "it is about no name";
	if (what != NULL) {
		list_fault_line(reader, what);
		return;
	}
	if (says == ANSWERS)
		list_fault_line(
		    reader, "an address of its own: it does not block");
	while (names.len > 0 && reader->error == 0)
		put_domain(reader, list_until(&names, '/'), says);
}

void
list_dnsmasq_line(struct list_reader *reader, struct list_text line)
{
	struct list_text value = without_comment(line), key;

	if (value.len == 0)
		return;
	key = list_trim(list_until(&value, '='));
	if (list_is(key, "address") || list_is(key, "server") ||
	    list_is(key, "local"))
		dnsmasq_option(reader, key, list_trim(value));
	else
		list_fault_line(reader, "an option that blocks no name");
}

/* unbound ------------------------------------------------------------------ */

/* One word, or what stands between quotes; taken off the text. */
static struct list_text
take_value(struct list_text *text)
{
	char quote = '\0';
	struct list_text rest = list_trim(*text);

	if (rest.len > 0 && (rest.p[0] == '"' || rest.p[0] == '\''))
		quote = rest.p[0];
	if (quote == '\0')
		return list_word(text);
	*text = list_after(rest, 1);
	return list_until(text, quote);
}

static bool
is_one_of(struct list_text word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list_is(word, words[i]))
			return true;
	return false;
}
#define IS_ONE_OF(word, words)                                                 \
	is_one_of(word, words, sizeof(words) / sizeof((words)[0]))

/* What leads to its own data: without any, nothing is there. And an exception
 * that no data follows for. */
static void
end_zone(struct list_reader *reader)
{
	uint32_t n = reader->n;

	if (reader->zone.len == 0)
		return;
	reader->n = reader->zone_line;
	(void)list_put_name(reader, &reader->zone,
	    reader->zone_passes ? PASS | PASS_BELOW
				: HOSTSET_BLOCK * BOTH); /* see error */
	reader->zone.len = 0;
	reader->n = n;
}

void
list_unbound_end(struct list_reader *reader)
{
	end_zone(reader);
}

/* "x" TYPE: of the zone and all below it. */
static void
local_zone(struct list_reader *reader, struct list_text text)
{
	static const char *const blocks[] = { "always_nxdomain",
		"always_nodata", "always_null", "always_refuse", "always_deny",
		"refuse", "deny", "static", "inform_deny" };
	static const char *const passes[] = { "transparent", "typetransparent",
		"always_transparent", "inform" };
	struct list_text zone = take_value(&text), type = take_value(&text);
	struct name name;
	const char *what = list_name(&name, zone);
	bool passing = IS_ONE_OF(type, passes);

	if (what == NULL && (passing || list_is(type, "redirect"))) {
		reader->zone = name;
		reader->zone_line = reader->n;
		reader->zone_passes = passing;
	} else if (what == NULL && IS_ONE_OF(type, blocks)) {
		(void)list_put_name(
		    reader, &name, HOSTSET_BLOCK * BOTH); /* see error */
	} else {
		list_fault_line(reader,
		    what != NULL ? what : "a kind of zone that does not block");
	}
}

/* What blocks its name alone, wherever its zone passes that, or all of a zone
 * that is sent there. */
static void
put_data(struct list_reader *reader, const struct name *name, bool of_zone)
{
	unsigned int flags = HOSTSET_BLOCK | HOSTSET_FIRM;

	if (of_zone)
		flags |=
		    reader->zone_passes ? PASS_BELOW : HOSTSET_BLOCK * BOTH;
	(void)list_put_name(reader, name, flags); /* the reader keeps the
						     error */
	if (of_zone)
		reader->zone.len = 0;
}

/* "x [TTL] [IN] A 0.0.0.0". */
static void
local_data(struct list_reader *reader, struct list_text text)
{
	struct list_text data = take_value(&text), owner = list_word(&data);
	struct list_text type = list_word(&data);
	struct name name;
	const char *what = list_name(&name, owner);
	bool of_zone = what == NULL && reader->zone.len > 0 &&
		       name_equal(&name, &reader->zone);

	while (list_is(type, "IN") || list_is(type, "in") ||
	       (type.len > 0 && type.p[0] >= '0' && type.p[0] <= '9'))
		type = list_word(&data);
	if (what == NULL &&
	    !((list_is(type, "A") || list_is(type, "a") ||
		  list_is(type, "AAAA") || list_is(type, "aaaa")) &&
		is_no_address(list_trim(data))))
		what = "data of its own: it does not block";
	if (what != NULL && of_zone && !reader->zone_passes)
		reader->zone.len = 0; /* so it leads to that */
	if (what != NULL || !of_zone)
		end_zone(reader);
	if (what != NULL)
		list_fault_line(reader, what);
	else
		put_data(reader, &name, of_zone);
}

void
list_unbound_line(struct list_reader *reader, struct list_text line)
{
	struct list_text value = without_comment(line), key;
	bool data;

	if (value.len == 0 || list_is(value, "server:"))
		return;
	key = list_until(&value, ':');
	data = list_is(key, "local-data");
	if (!data)
		end_zone(reader);
	if (data)
		local_data(reader, value);
	else if (list_is(key, "local-zone"))
		local_zone(reader, value);
	else
		list_fault_line(reader, "a setting that blocks no name");
}
