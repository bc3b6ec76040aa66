#include "port17/shake.h"

#include <string.h>

/* Texts are cut, and so may be what is in them. */
#define PIECE_MAX 8

void
shake_fail(struct shake_error *ret, enum outcome outcome, const char *why)
{
	size_t len = strnlen(why, sizeof(ret->why) - 1);

	ret->outcome = outcome;
	memcpy(ret->why, why, len);
	ret->why[len] = '\0';
}

const char *
shake_speaks(uint8_t first)
{
	switch (first) {
	case 'H': /* HTTP/1.1 400 */
		return "it answers in HTTP: http:// is meant";
	case 4:
	case 5: /* version, method */
		return "it answers in SOCKS: socks5:// is meant";
	case 0x15: /* an alert */
		return "it answers in TLS: https:// is meant";
	default:
		return NULL;
	}
}

bool
shake_tells(const char *text, const char *secret, size_t len)
{
	size_t n = len < PIECE_MAX ? len : PIECE_MAX;

	for (size_t left = strlen(text); n > 0 && left >= n; left--, text++)
		if (memmem(secret, len, text, n) != NULL)
			return true;
	return false;
}
