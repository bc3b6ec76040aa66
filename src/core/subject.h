#ifndef CORE_SUBJECT_H
#define CORE_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/addr.h"
#include "src/core/process.h"

/* The one question that packet judge, resolver and Port17 all ask of the
 * policy. Borrows the process. */
struct subject {
	bool in;       /* direction of the flow, not of one packet */
	bool loopback; /* from this host to this host */
	uint8_t proto;
	struct addr src, dst;
	uint16_t sport, dport;
	bool has_ports;
	const struct process *process; /* never NULL */
};

#endif
