#include "dns/sysconf.h"

#include <string.h>

#define PORT_PLAIN 53

/* A part of a text. */
struct span {
	const char *s, *end;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next line without its newline; false at the end. */
static bool
next_line(struct span *text, struct span *ret)
{
	const char *newline;

	if (text->s == text->end)
		return false;
	newline = memchr(text->s, '\n', (size_t)(text->end - text->s));
	ret->s = text->s;
	ret->end = newline != NULL ? newline : text->end;
	text->s = newline != NULL ? newline + 1 : text->end;
	return true;
}

/* The next run of what is no blank; false at the end. */
static bool
next_word(struct span *line, struct span *ret)
{
	while (line->s < line->end && is_blank(*line->s))
		line->s++;
	ret->s = line->s;
	while (line->s < line->end && !is_blank(*line->s))
		line->s++;
	ret->end = line->s;
	return ret->s < ret->end;
}

/* Moves behind the word that the line begins with; false where it does not. */
static bool
begins(struct span *line, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(line->end - line->s) < n || memcmp(line->s, word, n) != 0)
		return false;
	line->s += n;
	return true;
}

/* Cuts at the first of c; what is behind it in *ret, empty where there is
 * none. */
static void
cut(struct span *word, char c, struct span *ret)
{
	const char *at = word->s < word->end
			     ? memchr(word->s, c, (size_t)(word->end - word->s))
			     : NULL;

	ret->s = at != NULL ? at + 1 : word->end;
	ret->end = word->end;
	if (at != NULL)
		word->end = at;
}

static bool
is_own(const struct sysconf_not *except, const struct upstream_spec *spec)
{
	for (size_t i = 0; i < except->n; i++) {
		const struct sysconf_own *own = &except->v[i];

		if (own->port != spec->port ||
		    own->addr.family != spec->addr.family)
			continue;
		if (addr_equal(&own->addr, &spec->addr) ||
		    (addr_is_any(&own->addr) && addr_is_loopback(&spec->addr)))
			return true;
	}
	return false;
}

static void
add(struct sysconf *conf, const struct sysconf_not *except,
    const struct upstream_spec *spec)
{
	/* 0.0.0.0 and :: are this host as programs see it */
	if (is_own(except, spec) || addr_is_any(&spec->addr)) {
		conf->own++;
		return;
	}
	if (except->local && addr_is_loopback(&spec->addr)) {
		conf->local++;
		return;
	}
	for (size_t i = 0; i < conf->n; i++)
		if (upstream_spec_equal(&conf->v[i], spec))
			return;
	if (conf->n == UPSTREAMS_MAX)
		conf->more++;
	else
		conf->v[conf->n++] = *spec;
}

/* ADDRESS[%ZONE], [ADDRESS]:PORT[%ZONE], ADDRESS:PORT[%ZONE], each with #NAME
 * behind: as upstream_parse() takes it but for the place of the zone. */
static bool
parse_server(struct upstream_spec *ret, struct span word)
{
	struct upstream_spec spec;
	struct span name, zone;

	cut(&word, '#', &name);
	cut(&word, '%', &zone);
	if (zone.s < zone.end && zone.end[-1] == ']')
		return false; /* [ADDRESS%ZONE]: nobody writes that */
	if (upstream_parse(&spec, word.s, (size_t)(word.end - word.s)) < 0 ||
	    spec.kind != UPSTREAM_PLAIN || spec.name[0] != '\0' ||
	    spec.zone[0] != '\0' || addr_is_multicast(&spec.addr))
		return false;
	/* of no use with other addresses, and resolv.conf may have it there */
	if (addr_is_link_local(&spec.addr) && spec.addr.family == ADDR_IP6) {
		size_t n = (size_t)(zone.end - zone.s);

		if (n == 0 || n >= sizeof(spec.zone) ||
		    memchr(zone.s, '\0', n) != NULL)
			return false;
		memcpy(spec.zone, zone.s, n);
	}
	*ret = spec;
	return true;
}

static void
take_server(
    struct sysconf *conf, const struct sysconf_not *except, struct span word)
{
	struct upstream_spec spec;

	if (parse_server(&spec, word))
		add(conf, except, &spec);
	else
		conf->skipped++;
}

void
sysconf_resolv(struct sysconf *conf, const struct sysconf_not *except,
    const char *text, size_t len)
{
	struct span rest = { text, text + len }, line, word, comment;

	/* as the C library reads it: the word at the start of the line */
	while (next_line(&rest, &line)) {
		if (!begins(&line, "nameserver") || line.s == line.end ||
		    !is_blank(*line.s) || !next_word(&line, &word))
			continue;
		cut(&word, ';', &comment);
		cut(&word, '#', &comment);
		take_server(conf, except, word);
	}
}

void
sysconf_networkd(struct sysconf *conf, const struct sysconf_not *except,
    const char *text, size_t len)
{
	struct span rest = { text, text + len }, line, word;

	while (next_line(&rest, &line)) {
		if (!begins(&line, "DNS="))
			continue;
		if (line.s < line.end && *line.s == '"') {
			line.s++;
			if (line.s < line.end && line.end[-1] == '"')
				line.end--;
		}
		while (next_word(&line, &word))
			take_server(conf, except, word);
	}
}

bool
sysconf_equal(const struct sysconf *a, const struct sysconf *b)
{
	if (a->n != b->n || a->asked != b->asked)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!upstream_spec_equal(&a->v[i], &b->v[i]))
			return false;
	return true;
}
