#include "port17/connect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 4 characters for each 3 bytes begun, and a NUL. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

static void
base64(char *to, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)from[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)from[i + 1] << 8;
		if (i + 2 < len)
			v |= from[i + 2];
		*to++ = base64_digits[v >> 18];
		*to++ = base64_digits[v >> 12 & 63];
		*to++ = i + 1 < len ? base64_digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < len ? base64_digits[v & 63] : '=';
	}
	*to = '\0';
}

/* The value of the header line, "" for none. */
static int
authorisation(const struct shake_opts *opts,
    char buf[BASE64_SIZE(2 * SHAKE_WORD_MAX + 1)])
{
	uint8_t plain[2 * SHAKE_WORD_MAX + 1];
	size_t user, password;

	buf[0] = '\0';
	if (opts->user == NULL)
		return 0;
	user = strlen(opts->user);
	password = opts->password != NULL ? strlen(opts->password) : 0;
	if (user == 0 || user > SHAKE_WORD_MAX || password > SHAKE_WORD_MAX ||
	    memchr(opts->user, ':', user) != NULL)
		return -EINVAL;
	memcpy(plain, opts->user, user);
	plain[user] = ':';
	if (password > 0)
		memcpy(plain + user + 1, opts->password, password);
	base64(buf, plain, user + 1 + password);
	return 0;
}

int
connect_begin(
    struct connect *c, const struct shake_opts *opts, struct shake_out *out)
{
	char auth[BASE64_SIZE(2 * SHAKE_WORD_MAX + 1)], host[TARGET_STRLEN];
	int n, r = authorisation(opts, auth);

	if (r < 0)
		return r;
	(void)target_host(opts->target, host);
	if (host[0] == '\0' || opts->udp)
		return -EINVAL;
	(void)target_format(opts->target, host); /* into host */
	n = snprintf((char *)out->bytes, sizeof(out->bytes),
	    "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", host, host,
	    auth[0] != '\0' ? "Proxy-Authorization: Basic " : "", auth,
	    auth[0] != '\0' ? "\r\n" : "");
	if (n < 0 || (size_t)n >= sizeof(out->bytes))
		return -EINVAL;
	out->len = (size_t)n;
	memset(c, 0, sizeof(*c));
	c->first = true;
	return 0;
}

static enum shake_step
fail(struct connect *c, struct shake_error *ret, enum outcome outcome,
    const char *why)
{
	c->broken = true;
	shake_fail(ret, outcome, why);
	return SHAKE_FAILED;
}

static bool
is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* "HTTP/1.x CODE ..." */
static bool
read_status(struct connect *c)
{
	const char *s = c->line;

	if (strncmp(s, "HTTP/1.", 7) != 0 || !is_digit(s[7]) || s[8] != ' ' ||
	    !is_digit(s[9]) || !is_digit(s[10]) || !is_digit(s[11]) ||
	    (s[12] != ' ' && s[12] != '\0'))
		return false;
	c->code = (unsigned int)((s[9] - '0') * 100 + (s[10] - '0') * 10 +
				 (s[11] - '0'));
	memcpy(c->status, s + 9, strlen(s + 9) + 1);
	return true;
}

static enum shake_step
refused(struct connect *c, struct shake_error *ret_error)
{
	enum outcome outcome = OUTCOME_FAILED;

	/* Tor says so at its SOCKS port: 501 alone is of this far end */
	if (strcasestr(c->status, "not an HTTP proxy") != NULL)
		return fail(c, ret_error, OUTCOME_PROTOCOL, c->status);
	switch (c->code) {
	case 401:
	case 407:
		outcome = OUTCOME_AUTH;
		break;
	case 403:
	case 405:
	case 501:
		outcome = OUTCOME_DENIED;
		break;
	case 504:
		outcome = OUTCOME_TIMED_OUT;
		break;
	case 502:
	case 503:
		outcome = OUTCOME_HOST_UNREACHABLE;
		break;
	default:
		break;
	}
	return fail(c, ret_error, outcome, c->status);
}

/* The line at hand is whole, without its end. */
static enum shake_step
take_line(struct connect *c, struct shake_error *ret_error)
{
	if (c->first) {
		c->first = false;
		if (!read_status(c))
			return fail(c, ret_error, OUTCOME_PROTOCOL,
			    "its answer is not one of HTTP/1");
		return SHAKE_MORE;
	}
	if (c->line_len > 0)
		return SHAKE_MORE;
	/* a length or an encoding of a 2xx means nothing here */
	if (c->code >= 200 && c->code <= 299)
		return SHAKE_DONE;
	if (c->code >= 200 || c->code == 101)
		return refused(c, ret_error);
	c->first = true; /* 1xx: the answer proper is to come */
	return SHAKE_MORE;
}

static enum shake_step
take_byte(struct connect *c, uint8_t byte, struct shake_error *ret_error)
{
	enum shake_step step;

	/* of those not one has a line for us */
	if (c->bytes == 0 && byte != 'H' && shake_speaks(byte) != NULL)
		return fail(c, ret_error, OUTCOME_PROTOCOL, shake_speaks(byte));
	if (++c->bytes > CONNECT_HEADER_MAX)
		return fail(c, ret_error, OUTCOME_PROTOCOL,
		    "the header of its answer does not end");
	if (byte != '\n') {
		if (c->line_len < sizeof(c->line) - 1)
			c->line[c->line_len] = (char)byte;
		c->line_len++;
		return SHAKE_MORE;
	}
	if (++c->lines > CONNECT_LINES_MAX)
		return fail(c, ret_error, OUTCOME_PROTOCOL,
		    "its answer has too many lines");
	/* a line that is not whole here is no empty one either */
	if (c->line_len < sizeof(c->line)) {
		if (c->line_len > 0 && c->line[c->line_len - 1] == '\r')
			c->line_len--;
		c->line[c->line_len] = '\0';
	} else {
		c->line[sizeof(c->line) - 1] = '\0';
	}
	step = take_line(c, ret_error);
	c->line_len = 0;
	return step;
}

enum shake_step
connect_take(struct connect *c, const uint8_t *bytes, size_t len,
    size_t *ret_used, struct shake_error *ret_error)
{
	enum shake_step step = SHAKE_MORE;
	size_t used = 0;

	while (step == SHAKE_MORE && used < len)
		step = take_byte(c, bytes[used++], ret_error);
	*ret_used = used;
	return step;
}

bool
connect_has_begun(const struct connect *c)
{
	return !c->first || c->line_len > 0;
}
