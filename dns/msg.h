#ifndef DNS_MSG_H
#define DNS_MSG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dns/answer.h"

/* Messages as text, by ldns: slow, for people and tests only. */

/* The records of the answer section, a line each, in presentation format.
 * 0, -EBADMSG or -ENOMEM. */
int msg_print_answers(const uint8_t *msg, size_t len, FILE *out);

/* The text of its Extended DNS Error; "" where it has none. */
void msg_why(const uint8_t *msg, size_t len, char ret[ANSWER_EDE_MAX + 1]);

/* A record in presentation format appended to a message: its bytes without
 * compression; the length, -EINVAL, or -ENOSPC. */
int msg_record(const char *text, uint8_t *buf, size_t size);

#endif
