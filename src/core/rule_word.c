#include "src/core/rule_word.h"

#include <string.h>

#include "src/base/name.h"
#include "src/core/parser.h"
#include "src/core/text.h"

const char *const rule_words[RULE_N_WORDS] = {
#define X(suffix, word, value, set) word,
	RULE_FIELDS(X)
#undef X
#define X(word) word,
	    RULE_OTHER_WORDS(X)
#undef X
};

bool
rule_word_is(
    const struct parser *p, const struct token *t, size_t n, size_t *ret)
{
	for (size_t i = 0; i < n; i++)
		if (token_is(p->src, t, rule_words[i])) {
			*ret = i;
			return true;
		}
	return false;
}

bool
rule_has_word(const char *s)
{
	for (size_t i = 0; i < RULE_N_WORDS; i++)
		if (strcmp(rule_words[i], s) == 0)
			return true;
	return false;
}

/* What iptables, nft and OpenSnitch have for the same. */
static const struct {
	const char *theirs, *ours;
} of_others[] = {
	{ "sport", "from any port" },
	{ "dport", "to any port" },
	{ "process.path", "exe" },
	{ "process.parent.path", "parent" },
	{ "process.command", "cmd" },
	{ "user.id", "user" },
	{ "user.name", "user" },
	{ "source.ip", "from" },
	{ "source.network", "from" },
	{ "source.port", "from any port" },
	{ "dest.ip", "to" },
	{ "dest.network", "to" },
	{ "dest.port", "to any port" },
	{ "dest.host", "domain" },
	{ "uid-owner", "user" },
	{ "gid-owner", "group" },
	{ "skuid", "user" },
	{ "type", "qtype" },
	{ "!", "not" },
	{ "lists.domains", "list" },
	{ "lists.nets", "list" },
	{ "lists.ips", "list" },
};

const char *
rule_word_theirs(const struct parser *p, const struct token *t)
{
	for (size_t i = 0; i < sizeof(of_others) / sizeof(of_others[0]); i++)
		if (token_is(p->src, t, of_others[i].theirs))
			return of_others[i].ours;
	return NULL;
}

/* What others have, and rules here have not. */
static const struct {
	const char *word, *instead;
} lacking[] = {
	{ "limit", "the end of the line; of rates there are no rules here" },
	{ "on", "from or to, and a network: a rule knows no device" },
	{ "interface", "from or to, and a network: a rule knows no device" },
	{ "dev", "from or to, and a network: a rule knows no device" },
	{ "iif", "from, and a network: a rule knows no device" },
	{ "oif", "to, and a network: a rule knows no device" },
	{ "icmp-type", "the end of the line; ICMP is judged as a whole" },
	{ "geoip", "list NAME: addresses of countries come from a file" },
	{ "country", "list NAME: addresses of countries come from a file" },
	{ "asn", "list NAME: addresses of an AS come from a file" },
	{ "flatpak", "unit **/app-flatpak-NAME-*.scope" },
	{ "snap", "exe /snap/NAME/**" },
	{ "container", "unit, and the number of the container" },
	{ "hash", "exe PATH: a program is the file, and no sum of it" },
	{ "sha256", "exe PATH: a program is the file, and no sum of it" },
	{ "md5", "exe PATH: a program is the file, and no sum of it" },
	{ "regexp", "list NAME: regular expressions of names are in files" },
	{ "domain_regex", "list NAME: regular expressions are in files" },
	{ "domain-keyword", "list NAME: parts of names are in files" },
	{ "domain_keyword", "list NAME: parts of names are in files" },
	{ "until", "the end of the line; --for is an option of reroutectl" },
	{ "time", "the end of the line; of hours, by cron and --for" },
	{ "mac", "from, and an address: a rule knows no MAC" },
	{ "pid", "exe, user or unit: a rule is not for one process" },
	{ "exe.sha256", "exe PATH: a program is the file, and no sum of it" },
	{ "and", "the next match: all of a rule have to hold" },
	{ "or", "',' before one more value; a rule of its own for the rest" },
	{ "//", "'#' before a comment" },
	{ ";", "'#' before a comment" },
	{ "ssh", "to any port 22" },
	{ "http", "to any port 80" },
	{ "https", "to any port 443" },
	{ "dns", "to any port 53" },
	{ "scope", "from or to before it, as in 'from lan'" },
};

const char *
rule_word_lacking(const struct parser *p, const struct token *t)
{
	for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++)
		if (token_is(p->src, t, lacking[i].word))
			return lacking[i].instead;
	return NULL;
}

bool
rule_word_is_port(const char *s, size_t len)
{
	bool range = false;

	if (len > 4 && (memcmp(s + len - 4, "/tcp", 4) == 0 ||
			   memcmp(s + len - 4, "/udp", 4) == 0))
		len -= 4;
	for (size_t i = 0; i < len; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			continue;
		if (i == 0 || range || (s[i] != '-' && s[i] != ':'))
			return false; /* 2001:470::1 is none */
		range = true;
	}
	return true;
}

/* Of most kinds any word may be a value. */
static bool
is_plain(enum value_kind kind, const char *s)
{
	return kind == VALUE_NAME || kind == VALUE_GLOB || kind == VALUE_LIST ||
	       (kind == VALUE_DOMAIN && strchr(s, '.') == NULL);
}

const char *
rule_word_joins(const struct parser *p, const struct token *t,
    const struct rule_match *last, bool other)
{
	bool ports = last->ports.n > 0;
	enum value_kind kind = ports ? VALUE_PORT : value_kind_of(last->field);
	const struct rule_values *values = ports ? &last->ports : &last->values;
	char text[NAME_TEXT_SIZE];
	struct value_fault fault;
	struct rule_value value;

	if (kind == VALUE_NAME && values->n == 1 &&
	    strcmp(values->v[0].text, "not") == 0)
		return "'not' before the match, as in 'not user NAME'";
	if (t->len >= sizeof(text))
		return NULL;
	memcpy(text, p->src->text + t->off, t->len);
	text[t->len] = '\0';
	if (value_parse(&value, kind, text, t->len, &fault) < 0)
		return NULL;
	if (!is_plain(kind, text))
		return "',' before it: it is one more value";
	return other || rule_word_near(p, t) != NULL
		   ? NULL
		   : "',' before it if it is one more value, or " RULE_EXPECTED;
}

const char *
rule_word_near(const struct parser *p, const struct token *t)
{
	const char *words[RULE_N_WORDS + 1], *nearest;

	memcpy(words, rule_words, sizeof(rule_words));
	words[RULE_N_WORDS] = "port";
	nearest = word_nearest(
	    p->src->text + t->off, t->len, words, RULE_N_WORDS + 1);
	return nearest == words[RULE_N_WORDS] ? "to any port" : nearest;
}

bool
rule_word_is_quoted(const char *s)
{
	static const char *const quotes[] = { "\u201c", "\u201d", "\u201e",
		"\u00ab", "\u2018" };

	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++)
		if (strncmp(s, quotes[i], strlen(quotes[i])) == 0)
			return true;
	return false;
}
