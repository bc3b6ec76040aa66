#include "src/base/log_json.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A message has no more of them; one that comes twice counts once. */
#define FIELDS_MAX 32

struct span {
	const char *s;
	size_t len;
};

struct out {
	char *buf;
	size_t at, size;
	bool full;
};

/* The last byte stays for who ends it. */
static void
put(struct out *out, const char *s, size_t len)
{
	if (out->full || len >= out->size - out->at) {
		out->full = true;
		return;
	}
	memcpy(out->buf + out->at, s, len);
	out->at += len;
}

static void
put_text(struct out *out, const char *s)
{
	put(out, s, strlen(s));
}

static void
put_escaped(struct out *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		const char *form = "%c";
		char escaped[8];

		if (c == '"' || c == '\\')
			form = "\\%c";
		else if (c < 0x20 || c >= 0x7f)
			form = "\\u%04x";
		(void)snprintf(escaped, sizeof(escaped), form, c);
		put_text(out, escaped);
	}
}

/* As log_quote() wrote it, without its quotes. */
static void
put_value(struct out *out, const struct span *value)
{
	if (value->len < 2 || value->s[0] != '"' ||
	    value->s[value->len - 1] != '"') {
		put_escaped(out, value->s, value->len);
		return;
	}
	for (size_t i = 1; i < value->len - 1; i++) {
		const char *s = value->s + i;

		if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
			s = value->s + ++i;
		put_escaped(out, s, 1);
	}
}

/* To the next blank that stands in no quotes; its length is 0 at the end. */
static struct span
word_next(const char **at)
{
	const char *s = *at + strspn(*at, " ");
	bool quoted = false;
	size_t n = 0;

	for (; s[n] != '\0' && (quoted || s[n] != ' '); n++)
		if (quoted && s[n] == '\\' && s[n + 1] != '\0')
			n++;
		else if (s[n] == '"' && (quoted || (n > 0 && s[n - 1] == '=')))
			quoted = !quoted;
	*at = s + n;
	return (struct span){ s, n };
}

/* "::" ends an address. */
static bool
ends_in_colon(const struct span *word)
{
	return word->len > 0 && word->s[word->len - 1] == ':' &&
	       (word->len < 2 || word->s[word->len - 2] != ':');
}

static bool
field_of(struct span word, struct span *ret_key, struct span *ret_value)
{
	size_t n = 0;

	while (n < word.len &&
	       (islower((unsigned char)word.s[n]) || word.s[n] == '_' ||
		   isdigit((unsigned char)word.s[n])))
		n++;
	if (n == 0 || n == word.len || word.s[n] != '=')
		return false;
	*ret_key = (struct span){ word.s, n };
	if (ends_in_colon(&word) || strchr(",;)", word.s[word.len - 1]))
		word.len--; /* the sentence goes on */
	*ret_value = (struct span){ word.s + n + 1, word.len - n - 1 };
	return true;
}

static bool
is_among(const struct span *keys, size_t n, const struct span *key)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].len == key->len &&
		    memcmp(keys[i].s, key->s, key->len) == 0)
			return true;
	return false;
}

/* False: there are none. */
static bool
put_fields(struct out *out, const char *message)
{
	struct span keys[FIELDS_MAX], word, value;
	size_t n = 0, at;

	do {
		word = word_next(&message);
		if (n == FIELDS_MAX || !field_of(word, &keys[n], &value) ||
		    is_among(keys, n, &keys[n]))
			continue;
		at = out->at;
		put_text(out, n == 0 ? ",\"fields\":{\"" : ",\"");
		put(out, keys[n].s, keys[n].len);
		put_text(out, "\":\"");
		put_value(out, &value);
		put_text(out, "\"");
		if (out->full)
			out->at = at;
		else
			n++;
		out->full = false;
	} while (word.len > 0 && !ends_in_colon(&word));
	return n > 0;
}

size_t
log_json(char *buf, size_t size, const char *level, const char *area,
    const char *message)
{
	/* room for the end of the message, and for those of both objects */
	struct out out = { .buf = buf, .size = size - 3 };
	struct timespec ts;
	char stamp[40];
	bool fields;

	clock_gettime(CLOCK_REALTIME, &ts);
	(void)snprintf(stamp, sizeof(stamp), "%lld.%03ld", (long long)ts.tv_sec,
	    ts.tv_nsec / 1000000);
	put_text(&out, "{\"time\":");
	put_text(&out, stamp);
	put_text(&out, ",\"level\":\"");
	put_text(&out, level);
	put_text(&out, "\",\"area\":\"");
	put_escaped(&out, area, strlen(area));
	put_text(&out, "\",\"message\":\"");
	put_escaped(&out, message, strlen(message));
	out.full = false;
	out.size = size - 2;
	put_text(&out, "\"");
	fields = put_fields(&out, message);
	out.size = size;
	put_text(&out, fields ? "}}" : "}");
	return out.at;
}
