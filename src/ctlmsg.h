#ifndef CTLMSG_H
#define CTLMSG_H

#include <jansson.h>
#include <stddef.h>

/* The control protocol of design.md section 9: one JSON object a line. */

/* A longer request is an error and the end of the client. */
#define CTLMSG_LINE_MAX ((size_t)65536)

/* Error codes, as clients see them. */
#define CTLMSG_BAD_REQUEST "bad-request" /* not JSON, or not of this form */
#define CTLMSG_UNKNOWN_CALL "unknown-call"
#define CTLMSG_BAD_ARGS "bad-args"
#define CTLMSG_DENIED "denied"
#define CTLMSG_FAILED "failed"
#define CTLMSG_BUSY "busy"
#define CTLMSG_FAULTS "faults" /* the message is as --check prints them */

struct ctlmsg_request {
	char call[32];
	json_t *args; /* an object, owned; never NULL once parsed */
};

#define CTLMSG_WHAT 256

/* Parses one line without its newline. 0, or -EBADMSG with what is wrong in
 * what[]; ret is untouched then. */
int ctlmsg_parse(struct ctlmsg_request *ret, const char *line, size_t len,
    char what[CTLMSG_WHAT]);
void ctlmsg_done(struct ctlmsg_request *request);

/* The answer lines, ending in a newline; to be freed. NULL: no memory. Result
 * is taken, NULL counts as no memory too. */
char *ctlmsg_result(json_t *result_take);
char *ctlmsg_error(const char *code, const char *message);

#endif
