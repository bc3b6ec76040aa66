#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "src/base/addr.h"
#include "src/base/num.h"
#include "src/core/schema.h"
#include "src/core/text.h"

/* What a value that is no good may have been meant to be. */

/* More words than any row has. */
#define WORDS_MAX 16

/* As others switch things on and off. */
static const char *
near_switch(const char *value, size_t len)
{
	static const char *const yes[] = { "on", "true", "1", "enable",
		"enabled" };
	static const char *const no[] = { "off", "false", "0", "disable",
		"disabled" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strlen(yes[i]) == len &&
		    strncasecmp(value, yes[i], len) == 0)
			return "yes";
		if (strlen(no[i]) == len && strncasecmp(value, no[i], len) == 0)
			return "no";
	}
	return NULL;
}

static const char *
near_word(const struct conf_row *row, const char *value, size_t len,
    char buf[CONF_NEAREST_SIZE])
{
	const char *words[WORDS_MAX], *meant = near_switch(value, len);
	char *rest = buf;
	size_t n = 0;

	(void)snprintf(buf, CONF_NEAREST_SIZE, "%s", row->words); /* fits */
	while (n < WORDS_MAX && (words[n] = strsep(&rest, " ")) != NULL)
		n++;
	for (size_t i = 0; meant != NULL && i < n; i++)
		if (strcmp(words[i], meant) == 0)
			return meant;
	return word_nearest(value, len, words, n);
}

/* The prefix without the bits past its length. */
static bool
masked(const char *s, size_t len, char buf[CONF_NEAREST_SIZE])
{
	const char *slash = memchr(s, '/', len);
	size_t first = slash != NULL ? (size_t)(slash - s) : len;
	char text[ADDR_STRLEN];
	struct addr addr;
	uint64_t bits;

	if (slash == NULL || addr_parse(&addr, s, first) < 0 ||
	    num_parse(&bits, slash + 1, len - first - 1, addr_len(&addr) * 8) <
		0)
		return false;
	for (size_t i = bits; i < addr_len(&addr) * 8; i++)
		addr.bytes[i / 8] &= (uint8_t)(0xff ^ (0x80 >> i % 8));
	(void)snprintf(buf, CONF_NEAREST_SIZE, "%s/%u",
	    addr_format(&addr, text), (unsigned int)bits); /* fits */
	return true;
}

/* A prefix behind a key that takes none is another key's. */
static const char *
near_prefix(const struct conf_row *row, char buf[CONF_NEAREST_SIZE])
{
	size_t len = strlen(buf);
	char text[ADDR_STRLEN + 4];

	if (row->check(buf, len))
		return buf;
	(void)snprintf(text, sizeof(text), "%s", buf); /* fits */
	for (size_t i = 0; i < conf_n_rows; i++) {
		const struct conf_row *other = &conf_rows[i];

		if (strcmp(other->section, row->section) != 0 ||
		    other->check == NULL || !other->check(text, len))
			continue;
		(void)snprintf(buf, CONF_NEAREST_SIZE, "%s = %s", other->key,
		    text); /* fits */
		return buf;
	}
	return NULL;
}

/* "socks://" as some have it. */
static const char *
near_socks(const struct conf_row *row, const char *value, size_t len,
    char buf[CONF_NEAREST_SIZE])
{
	if (len < 8 || len + 1 >= CONF_NEAREST_SIZE ||
	    memcmp(value, "socks://", 8) != 0)
		return NULL;
	(void)snprintf(buf, CONF_NEAREST_SIZE, "socks5%.*s", (int)(len - 5),
	    value + 5); /* fits */
	return row->check(buf, len + 1) ? buf : NULL;
}

/* An URL as browsers have it, with a path. */
static const char *
near_url(const struct conf_row *row, const char *value, size_t len,
    char buf[CONF_NEAREST_SIZE])
{
	const char *host = memmem(value, len, "://", 3), *path;
	size_t rest, n;

	if (host == NULL)
		return NULL;
	host += 3;
	rest = len - (size_t)(host - value);
	path = memchr(host, '/', rest);
	n = path != NULL ? (size_t)(path - value) : len;
	if (path == NULL || n >= CONF_NEAREST_SIZE || !row->check(value, n))
		return NULL;
	memcpy(buf, value, n);
	buf[n] = '\0';
	return buf;
}

const char *
conf_row_nearest(const struct conf_row *row, const char *value, size_t len,
    char buf[CONF_NEAREST_SIZE])
{
	if (len == 0)
		return NULL;
	if (row->type == CONF_ENUM)
		return near_word(row, value, len, buf);
	if (row->check == NULL)
		return NULL;
	if (masked(value, len, buf))
		return near_prefix(row, buf);
	if (near_socks(row, value, len, buf) != NULL)
		return buf;
	return near_url(row, value, len, buf);
}
