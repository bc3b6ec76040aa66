#ifndef PORT17_PROXY2_H
#define PORT17_PROXY2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/target.h"

/* The PROXY protocol, version 2 (haproxy's proxy-protocol.txt, section 2.2):
 * one header in front of the bytes, and no answer. */

/* nginx takes no more than this in one header. */
#define PROXY2_SHORT_MAX 107
/* With all that we have to say; haproxy takes four times that. */
#define PROXY2_MAX 1024

struct proxy2_process {
	uint32_t pid, uid;
	uint64_t start;
	const char *exe, *unit;
	const char *rule;
};

/* What a local tunnel client learns of the flow. */
struct proxy2_opts {
	struct addr src; /* the program's end */
	uint16_t sport;
	const struct target *target; /* its address is what was asked for */
	uint64_t flow;		     /* a number of the flow's own */
	size_t max;		     /* PROXY2_SHORT_MAX, or PROXY2_MAX */
	const struct proxy2_process *process; /* NULL: who it is stays here */
};

/* Type numbers for our own use (section 2.2.8: 0xE0 to 0xEF). */
#define PROXY2_TYPE_PROCESS 0xe0 /* u8 1, u32 pid, u32 uid, u64 start */
#define PROXY2_TYPE_EXE 0xe1
#define PROXY2_TYPE_UNIT 0xe2
#define PROXY2_TYPE_RULE 0xe3

/* Builds the header: its length, or -EAFNOSUPPORT where the ends are not of one
 * family, -ENAMETOOLONG where the name is all that there is and does not fit.
 * What does not fit is left out: name, process, number of the flow, exe, rule
 * and unit in this order. */
int proxy2_build(uint8_t buf[PROXY2_MAX], const struct proxy2_opts *opts);

#endif
