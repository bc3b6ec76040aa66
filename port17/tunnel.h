#ifndef PORT17_TUNNEL_H
#define PORT17_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/addr.h"

/* What the settings say of one tunnel, ready for use: immutable, and shared by
 * all flows that it carries. */
enum tunnel_kind {
	TUNNEL_DIRECT,
	TUNNEL_SOCKS5,
	TUNNEL_HTTP,
	TUNNEL_HTTPS,
	TUNNEL_PROXY2,
	TUNNEL_LIST, /* failover: its members in order */
};

enum tunnel_dns {
	TUNNEL_DNS_LOCAL,
	TUNNEL_DNS_TUNNEL,
	TUNNEL_DNS_FAKE,
};

enum tunnel_udp {
	TUNNEL_UDP_TUNNEL, /* through it; refused where it can't */
	TUNNEL_UDP_REJECT,
	TUNNEL_UDP_DROP,
};

#define TUNNEL_NAME_SIZE 64
#define TUNNEL_HOST_SIZE 256
#define TUNNEL_PATH_SIZE 108 /* of a Unix socket */
#define TUNNEL_FILE_SIZE 256
#define TUNNEL_WORD_SIZE 256
#define TUNNEL_MEMBERS_MAX 16
#define TUNNEL_PIN_SIZE 32

struct tunnel {
	char name[TUNNEL_NAME_SIZE];
	enum tunnel_kind kind;
	/* where the proxy is: a Unix socket, an address, or a name */
	char path[TUNNEL_PATH_SIZE];
	struct addr addr;
	char zone[16]; /* device of a link-local address */
	char host[TUNNEL_HOST_SIZE];
	uint16_t port;
	/* https: who it must be */
	char tls_name[TUNNEL_HOST_SIZE];
	char ca[TUNNEL_FILE_SIZE];
	bool has_pin;
	uint8_t pin[TUNNEL_PIN_SIZE]; /* SHA-256 of its public key */
	/* with %exe, %user, %unit; "" for none */
	char user[TUNNEL_WORD_SIZE], password[TUNNEL_WORD_SIZE];
	/* of our own sockets, to the proxy or to the far end */
	char device[16];
	struct addr source;
	uint32_t fwmark;
	char netns[TUNNEL_FILE_SIZE]; /* a path; "" for ours */

	enum tunnel_dns dns;
	enum tunnel_udp udp;
	bool honest;	   /* a SYN waits for the far end */
	bool tell_process; /* proxy2, to this host: who it is goes along */
	bool long_header; /* proxy2: more than the 107 bytes that nginx takes */

	/* a list: indices in the set; ends_reject: after them, refuse */
	size_t n_members;
	size_t members[TUNNEL_MEMBERS_MAX];
	bool ends_reject;
};

const char *tunnel_kind_name(enum tunnel_kind kind);

/* Whether UDP may pass it, as far as the settings tell. */
bool tunnel_carries_udp(const struct tunnel *tunnel);

/* Whether the one leads where the other does, by the same way, past the same
 * proxy, which is believed for the same reason: what goes by the one need not
 * end where the settings have the other in its place. Who the proxy is told
 * that it is, and who resolves, is for what begins. Of a list its members tell.
 */
bool tunnel_leads_alike(const struct tunnel *a, const struct tunnel *b);

/* Who a flow is of, for templates and for proxy2. Strings are borrowed, never
 * NULL. */
struct tunnel_identity {
	const char *exe, *user, *unit;
	/* where that path is none of this host's, or another file has it here:
	 * the file itself; else 0 */
	uint64_t exe_dev, exe_ino;
};

/* Behind the path, so that nobody passes for another program by a mount
 * namespace of its own: "", or which file it is. Returns buf. */
#define TUNNEL_EXE_FILE_SIZE 64
const char *tunnel_exe_file(
    const struct tunnel_identity *identity, char buf[TUNNEL_EXE_FILE_SIZE]);

/* Fills in %exe, %user, %unit and %%, and cuts at 255 bytes in a way that keeps
 * different texts different. Returns buf. */
const char *tunnel_expand(const char *template,
    const struct tunnel_identity *identity, char buf[TUNNEL_WORD_SIZE]);

/* Whether it has a % that stands for nothing, and is taken as it is. */
bool tunnel_template_is_odd(const char *template);

/* The tunnel's user, as its kind of proxy takes it: with HTTP, where a colon
 * would end it (RFC 7617 section 2), one in what %exe, %user and %unit stand
 * for is %3A, and a % there is %25. */
const char *tunnel_user(const struct tunnel *tunnel,
    const struct tunnel_identity *identity, char buf[TUNNEL_WORD_SIZE]);

#endif
