#ifndef PORT17_CONNECT_H
#define PORT17_CONNECT_H

#include "port17/shake.h"

/* HTTP CONNECT (RFC 9110 section 9.3.6) to a proxy, with Basic
 * authorisation. */

/* More header than this is no answer to CONNECT. */
#define CONNECT_HEADER_MAX 16384
#define CONNECT_LINES_MAX 100
/* As much of a status line as is looked at, and shown. */
#define CONNECT_LINE_SIZE 128

struct connect {
	bool broken;
	bool first; /* the line at hand is the status line */
	unsigned int code;
	size_t bytes, lines; /* of all answers so far */
	char line[CONNECT_LINE_SIZE];
	size_t line_len; /* of the line at hand, also past what is kept */
	char status[CONNECT_LINE_SIZE]; /* the status line of this answer */
};

/* As socks_begin() and socks_take(). -EINVAL: a user with a colon, too; or a
 * target with neither name nor address. */
int connect_begin(
    struct connect *c, const struct shake_opts *opts, struct shake_out *out);
enum shake_step connect_take(struct connect *c, const uint8_t *bytes,
    size_t len, size_t *ret_used, struct shake_error *ret_error);

/* Whether it is in the midst of an answer: no far end is waited for then. */
bool connect_has_begun(const struct connect *c);

#endif
