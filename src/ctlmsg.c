#include "src/ctlmsg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/json.h"

int
ctlmsg_parse(struct ctlmsg_request *ret, const char *line, size_t len,
    char what[CTLMSG_WHAT])
{
	json_error_t error;
	json_t *root, *call, *args;
	int r = -EBADMSG;

	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL) {
		(void)snprintf(what, CTLMSG_WHAT, "not JSON: column %d: %s",
		    error.column, error.text); /* may be cut */
		return -EBADMSG;
	}
	call = json_object_get(root, "call");
	args = json_object_get(root, "args");
	if (!json_is_object(root))
		(void)snprintf(
		    what, CTLMSG_WHAT, "a request is one JSON object");
	else if (!json_is_string(call))
		(void)snprintf(
		    what, CTLMSG_WHAT, "\"call\" is missing or no string");
	else if (json_string_length(call) >= sizeof(ret->call))
		(void)snprintf(what, CTLMSG_WHAT, "\"call\" is too long");
	else if (args != NULL && !json_is_object(args))
		(void)snprintf(what, CTLMSG_WHAT, "\"args\" is no object");
	else
		r = 0;
	if (r == 0) {
		strcpy(ret->call, json_string_value(call)); /* length checked */
		ret->args = args != NULL ? json_incref(args) : json_object();
		if (ret->args == NULL)
			r = -ENOMEM;
	}
	json_decref(root);
	return r;
}

void
ctlmsg_done(struct ctlmsg_request *request)
{
	json_decref(request->args);
	request->args = NULL;
}

static char *
to_line(json_t *root_take)
{
	char *text = json_dumps(root_take, JSON_COMPACT), *line = NULL;
	size_t len;

	json_decref(root_take);
	if (text == NULL)
		return NULL;
	len = strlen(text);
	line = realloc(text, len + 2);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}

char *
ctlmsg_result(json_t *result_take)
{
	json_t *root;

	if (result_take == NULL)
		return NULL;
	root = json_pack("{s:b, s:o}", "ok", 1, "result", result_take);
	return root != NULL ? to_line(root) : NULL;
}

char *
ctlmsg_error(const char *code, const char *message)
{
	json_t *root = json_pack("{s:b, s:{s:s, s:o}}", "ok", 0, "error",
	    "code", code, "message", json_text(message));

	return root != NULL ? to_line(root) : NULL;
}
