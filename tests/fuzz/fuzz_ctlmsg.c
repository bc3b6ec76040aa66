#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/ctlmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken has a call and an object of arguments; what is not is answered
 * with one line. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctlmsg_request request = { 0 };
	char what[CTLMSG_WHAT] = "";
	char *line;

	if (ctlmsg_parse(&request, (const char *)data, size, what) == 0) {
		assert(strlen(request.call) < sizeof(request.call));
		assert(json_is_object(request.args));
		line = ctlmsg_result(json_incref(request.args));
		ctlmsg_done(&request);
	} else {
		assert(what[0] != '\0');
		line = ctlmsg_error(CTLMSG_BAD_REQUEST, what);
	}
	if (line != NULL) {
		assert(strchr(line, '\n') == line + strlen(line) - 1);
		free(line);
	}
	return 0;
}
