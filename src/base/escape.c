#include "src/base/escape.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/utf8.h"

/* What is no UTF-8 may be C1 by itself, on a terminal without that. Control
 * characters of ASCII and, in UTF-8, of Latin-1 (C1: \xc2\x80 to
 * \xc2\x9f) may move the cursor; U+2028 and U+2029 end a line for many that
 * read it; U+200E, U+200F, U+202A to U+202E and U+2066 to U+2069 turn the
 * direction of what follows. */
static size_t
control_len(const unsigned char *s)
{
	if (s[0] < 0x20 || s[0] == 0x7f || utf8_len(s) == 0)
		return 1;
	if (s[0] == 0xc2)
		return s[1] >= 0x80 && s[1] < 0xa0 ? 2 : 0;
	if (s[0] != 0xe2)
		return 0;
	if (s[1] == 0x80)
		return s[2] == 0x8e || s[2] == 0x8f ||
			       (s[2] >= 0xa8 && s[2] <= 0xae)
			   ? 3
			   : 0;
	return s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9 ? 3 : 0;
}

/* The character of a sequence of n bytes. */
static uint32_t
decode(const unsigned char *s, size_t n)
{
	uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

size_t
escape_visible(const char *s, size_t len)
{
	/* controls; blanks other than ours, without a width, for private use */
	static const uint32_t hidden[][2] = { { 0, 0x1f }, { 0x7f, 0xa0 },
		{ 0xad, 0xad }, { 0x2000, 0x200f }, { 0x2028, 0x202f },
		{ 0x205f, 0x206f }, { 0x3000, 0x3000 }, { 0xe000, 0xf8ff },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xe0000, 0x10ffff } };
	unsigned char text[5] = "";
	size_t n;
	uint32_t c;

	memcpy(text, s, len < 4 ? len : 4);
	n = utf8_len(text);
	c = n > 0 ? decode(text, n) : 0;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i][0] && c <= hidden[i][1])
			return 0;
	return n;
}

bool
escape_is_plain(const char *s)
{
	for (size_t len; *s != '\0'; s += len) {
		if (control_len((const unsigned char *)s) > 0)
			return false;
		len = utf8_len((const unsigned char *)s);
	}
	return true;
}

char *
escape_text(const char *s)
{
	char *text = malloc(strlen(s) * 4 + 1), *to = text;

	if (text == NULL)
		return NULL;
	while (*s != '\0') {
		size_t n = control_len((const unsigned char *)s);

		if (n == 0)
			for (size_t len = utf8_len((const unsigned char *)s);
			     len > 0; len--)
				*to++ = *s++;
		for (; n > 0; n--, s++)
			to += sprintf(to, "\\x%02x", (unsigned char)*s);
	}
	*to = '\0';
	return text;
}

void
escape_print(const char *s, FILE *out)
{
	char *text = escape_text(s);

	fputs(text != NULL ? text : "?", out);
	free(text);
}
