#include "src/ctl/decided.h"

#include <stdio.h>
#include <string.h>

#include "src/ctl/filter.h"

bool
decided_is_filtered(const struct context *context)
{
	return context->argc > 0 && strncmp(context->argv[0], "--", 2) == 0;
}

struct naming {
	const char *key;
	json_t *names;
};

static enum status
note_name(void *arg, const json_t *row)
{
	struct naming *naming = arg;
	const char *name = command_text(row, naming->key, NULL);
	bool of_rules = strcmp(naming->key, "rule") == 0;
	char number[24];

	if (of_rules && name == NULL) {
		name = command_text(row, "reason", NULL); /* a default */
	} else if (of_rules) { /* null where those rules are gone */
		(void)snprintf(number, sizeof(number), "%.0f",
		    command_number(row, "rule_number")); /* fits */
		name = number;
	}
	if (name != NULL)
		json_object_set_new(naming->names, name, json_true());
	/* and the member that carries it */
	if (name != NULL && strcmp(naming->key, "tunnel") == 0) {
		name = command_text(row, "upstream", name);
		json_object_set_new(naming->names, name, json_true());
	}
	return STATUS_DONE;
}

enum status
decided_names(const struct context *context, const json_t *filter,
    const char *key, json_t **ret)
{
	static const char *const calls[] = { "flows.list", "queries.list" };
	struct naming naming = { key, json_object() };
	enum status status = STATUS_DONE;

	for (size_t i = 0; i < 2 && status == STATUS_DONE; i++)
		status = command_rows(context, calls[i],
		    json_copy((json_t *)filter), note_name, &naming);
	if (status == STATUS_DONE)
		*ret = naming.names;
	else
		json_decref(naming.names);
	return status;
}

enum status
decided_rows(const struct context *context, const char *call, const char *key,
    json_t **ret)
{
	json_t *filter = NULL, *names = NULL, *rows = NULL;
	enum status status = STATUS_DONE;

	if (decided_is_filtered(context))
		status = filter_args(context, &filter);
	if (status == STATUS_DONE && filter != NULL)
		status = decided_names(context, filter, key, &names);
	if (status == STATUS_DONE)
		status = command_call(context, call, json_object(), &rows);
	for (size_t i = json_array_size(rows); names != NULL && i > 0; i--) {
		const json_t *row = json_array_get(rows, i - 1);
		const char *name = command_text(row, "name", "");

		if (json_object_get(names, name) == NULL)
			json_array_remove(rows, i - 1);
	}
	json_decref(filter);
	json_decref(names);
	*ret = rows;
	return status;
}
