#ifndef LINUX_CHAINS_EXTENSION_H
#define LINUX_CHAINS_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netfilter/x_tables.h>

/* The matches and targets that the rules stand on. */
enum chains_extension_id {
	EXT_UDP,
	EXT_CONNTRACK,
	EXT_MATCH_CONNMARK,
	EXT_MARK,
	EXT_SET_MARK,
	EXT_CONNMARK,
	EXT_QUEUE,
	EXT_REJECT,
	EXT_DNAT,
	N_EXTENSIONS,
};

struct chains_extension {
	bool target; /* else a match */
	const char *name;
	uint8_t revision;
	size_t size;	    /* of its own bytes, aligned */
	const char *module; /* that carries it; %s is ip or ip6 */
	const char *option; /* of the kernel's configuration */
};

/* NULL past the end. */
const struct chains_extension *chains_extension(size_t id);

/* The one with that name, if it also has our revision and size, so that its
 * bytes may be read as ours; else N_EXTENSIONS. A target is passed as a match:
 * they begin alike. */
enum chains_extension_id chains_extension_find(
    bool target, const struct xt_entry_match *part);

/* True for the name of a target of ours, false for verdicts and chains. */
bool chains_extension_is_target(const char *name);

#endif
