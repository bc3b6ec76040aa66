#ifndef PORT17_SOCKS_H
#define PORT17_SOCKS_H

#include "port17/shake.h"

/* SOCKS 5 (RFC 1928) with user and password (RFC 1929), step by step: each
 * question waits for its answer, since some proxies read one message per
 * segment. */

/* The longest answer: reply with a name of 255 bytes. */
#define SOCKS_IN_MAX 262

enum socks_state {
	SOCKS_METHOD,
	SOCKS_AUTH,
	SOCKS_REPLY,
	SOCKS_UP,
	SOCKS_BROKEN,
};

struct socks {
	enum socks_state state;
	uint8_t in[SOCKS_IN_MAX];
	size_t in_len, want;
	bool udp, ip6;
	struct target target;
	uint8_t user_len, password_len;
	char user[SHAKE_WORD_MAX], password[SHAKE_WORD_MAX];
	/* of a reply to UDP ASSOCIATE: where datagrams go; ADDR_NONE where it
	 * named no address, or a name */
	struct addr bound;
	uint16_t bound_port;
};

/* Begins: out is what to send first. 0, or -EINVAL where user or password are
 * empty or too long. */
int socks_begin(
    struct socks *socks, const struct shake_opts *opts, struct shake_out *out);

/* Takes some of bytes[0..len) (*ret_used says how many). out is set to what is
 * to be sent now (len 0: nothing); error with SHAKE_FAILED. Not to be called
 * after DONE or FAILED. */
enum shake_step socks_take(struct socks *socks, const uint8_t *bytes,
    size_t len, size_t *ret_used, struct shake_out *out,
    struct shake_error *ret_error);

/* Datagrams between us and the relay: a header in front of the payload. */
#define SOCKS_UDP_MAX (4 + 1 + 255 + 2)

/* Writes the header for a target into buf: its length; 0: target_is_mute(). */
size_t socks_udp_header(
    uint8_t buf[SOCKS_UDP_MAX], const struct target *target);

/* Reads the header: where the payload begins, or -EBADMSG (cut, or a
 * fragment). *ret_from is who sent it; a name sets its name. */
int socks_udp_parse(const uint8_t *bytes, size_t len, struct target *ret_from);

/* Where datagrams go for a proxy that was reached at `proxy`, and said this of
 * its relay: it may name no address, or one that is its own affair; then it is
 * where the proxy is. 0, or -EPROTO: no host is there. */
int socks_udp_relay(const struct addr *said, uint16_t port,
    const struct addr *proxy, struct addr *ret);

#endif
