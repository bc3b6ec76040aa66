#ifndef CORE_CONF_H
#define CORE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "src/base/log.h"
#include "src/core/fault.h"

enum conf_backend {
	CONF_BACKEND_AUTO,
	CONF_BACKEND_LIBIPTC,
	CONF_BACKEND_RESTORE,
};

enum conf_fail {
	CONF_FAIL_CLOSED,
	CONF_FAIL_OPEN,
};

enum conf_accept {
	CONF_ACCEPT_AUTO, /* final where there are no rules but ours */
	CONF_ACCEPT_FINAL,
	CONF_ACCEPT_CONTINUE,
};

enum conf_ipv6 {
	CONF_IPV6_AUTO, /* where the kernel has it */
	CONF_IPV6_YES,
	CONF_IPV6_NO,
};

#define CONF_STRING_SIZE 64

/* The settings: plain values, always in range. One row of conf_rows
 * (schema.h) describes each. */
struct conf {
	enum log_level log_level;
	enum log_format log_format;
	char control_group[CONF_STRING_SIZE];
	unsigned int watch; /* no, yes */
	uint64_t flows_max;
	uint64_t processes_max;
	enum conf_backend backend;
	enum conf_ipv6 ipv6;
	enum conf_fail fail;
	enum conf_accept accept;
	uint64_t queue_length;
	uint64_t receive_buffer; /* bytes */
};

/* Every setting at its default. */
void conf_init(struct conf *conf);

/* Reads one file over what is there: a later value wins. 0 or -EINVAL (faults
 * were added; conf has the values that were good). */
int conf_parse(struct conf *conf, const char *file, const char *text,
    size_t len, struct faults *faults);

/* All sections and keys in canonical form (print.c): it reads back to the same
 * values. */
void conf_print(const struct conf *conf, FILE *out);

/* The commented sample that is installed: every key with its help and its
 * default, all of them comments. */
void conf_print_sample(FILE *out);

#endif
