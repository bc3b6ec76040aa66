#ifndef PORT17_TRUST_H
#define PORT17_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "port17/tunnel_set.h"

struct ssl_ctx_st;

/* With a path of TUNNEL_FILE_SIZE cut, and the system's words. */
#define TRUST_WHY_SIZE 256

/* Whom an https proxy is believed by. */
struct trust {
	struct ssl_ctx_st *tls; /* NULL: none, why has why */
	bool known;		/* what its tunnel names was read */
	char why[TRUST_WHY_SIZE];
};

/* That of all tunnels of a set, in their order; counted by reference: a dial
 * believes what it began with, though the settings are others by now. */
struct trusts {
	unsigned int refs;
	const struct tunnel_set *set; /* only compared */
	size_t n;
	struct trust v[];
};

/* Nothing was read yet; a pin needs no files. NULL when there is no memory. */
struct trusts *trusts_new(const struct tunnel_set *set);
/* Both accept NULL. */
struct trusts *trusts_ref(struct trusts *trusts);
void trusts_unref(struct trusts *trusts);

/* NULL for a tunnel of another set. */
struct trust *trusts_of(struct trusts *trusts, const struct tunnel *tunnel);

#endif
