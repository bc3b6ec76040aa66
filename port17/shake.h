#ifndef PORT17_SHAKE_H
#define PORT17_SHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/outcome.h"
#include "port17/target.h"

/* A handshake with a proxy, as a push parser: bytes in, action out. It holds
 * no socket and may be fed one byte at a time. */
enum shake_step {
	SHAKE_MORE,   /* sends what is in `out`, then wants more bytes */
	SHAKE_DONE,   /* the bytes that it did not take are the far end's */
	SHAKE_FAILED, /* outcome and why say what happened */
};

/* Of user and password: RFC 1929. */
#define SHAKE_WORD_MAX 255

/* Enough for a request with a name and a Basic authorisation of the longest
 * user and password. */
#define SHAKE_OUT_MAX 1536

struct shake_out {
	uint8_t bytes[SHAKE_OUT_MAX];
	size_t len;
};

/* Why it failed, in the proxy's words where it gave some; foreign text, to be
 * escaped. */
#define SHAKE_WHY_SIZE 96
struct shake_error {
	enum outcome outcome;
	char why[SHAKE_WHY_SIZE];
};

/* Sets both; why is cut where it is too long. */
void shake_fail(struct shake_error *ret, enum outcome outcome, const char *why);

/* Whether the text has so much of a secret in it that it must not be shown: a
 * proxy may say what it was told. */
bool shake_tells(const char *text, const char *secret, size_t len);

/* What speaks so, by the first byte of its answer: words for why it failed;
 * NULL where that tells nothing. */
const char *shake_speaks(uint8_t first);

/* What to ask for, and as whom. user NULL: no authentication. Borrowed during
 * the call alone. */
struct shake_opts {
	const struct target *target;
	const char *user, *password;
	bool udp; /* SOCKS: UDP ASSOCIATE instead of CONNECT */
	bool ip6; /* … with datagrams over IPv6 */
};

#endif
