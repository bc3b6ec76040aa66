#ifndef PORT17_TARGET_H
#define PORT17_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/base/name.h"

/* Where a flow is to go: what the program asked for, and the name it was told
 * that address for. A proxy gets the name where there is one, so that it is
 * resolved at the far end. addr may be ADDR_NONE where there is a name. */
struct target {
	struct addr addr;
	uint16_t port;
	struct name name; /* len 0: none is known */
	/* the address is none of the far end's: it stands for the name here */
	bool by_name;
};

/* Of the longest name, or an address, with a NUL. */
#define TARGET_HOST_SIZE 256

/* The host as a proxy wants it: the name, else the address; no brackets, no
 * final dot. A name with bytes that no proxy takes (and the root) is left out.
 * True if it is a name. "" where there is neither. */
bool target_host(const struct target *target, char buf[TARGET_HOST_SIZE]);

/* Whether it has no address, or one that stands for a name, and no proxy takes
 * that: there is nothing to tell one. */
bool target_is_mute(const struct target *target);

/* "host:port", IPv6 in brackets. Returns buf. */
#define TARGET_STRLEN (TARGET_HOST_SIZE + 8)
const char *target_format(const struct target *target, char buf[TARGET_STRLEN]);

#endif
