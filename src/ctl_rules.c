#include "src/ctl_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/fw_ev.h"
#include "src/json.h"
#include "src/policy_job.h"

/* A year: longer is "for good". */
#define FOR_MAX_MS (INT64_C(366) * 86400 * 1000)

static enum ctl_answer
refuse(char **ret_line, const char *what)
{
	*ret_line = ctlmsg_error(CTLMSG_BAD_ARGS, what);
	return CTL_LINE;
}

/* NULL, and the answer set, where the arguments are no good. */
static struct change *
change_of(
    enum change_kind kind, json_t *args, const char *text_key, char **ret_line)
{
	const char *text = NULL;
	json_t *wanted = json_object_get(args, "for_ms");
	json_int_t for_ms = json_integer_value(wanted);
	struct change *change;

	/* what is no number is no word for "for good" */
	if (wanted != NULL && !json_is_integer(wanted)) {
		(void)refuse(ret_line, "\"for_ms\" is no whole number");
		return NULL;
	}
	if (for_ms < 0 || for_ms > FOR_MAX_MS) {
		(void)refuse(ret_line, "\"for_ms\" is out of range");
		return NULL;
	}
	if (text_key != NULL) {
		text = json_string_value(json_object_get(args, text_key));
		if (text == NULL) {
			(void)refuse(ret_line, "the text is missing");
			return NULL;
		}
	}
	change = change_new(kind);
	if (change != NULL && text != NULL)
		change->text = strdup(text);
	if (change == NULL || (text != NULL && change->text == NULL)) {
		change_free(change);
		*ret_line = NULL;
		return NULL;
	}
	change->for_ms = (uint64_t)for_ms;
	return change;
}

static enum ctl_answer
answer(struct change *change, struct ctl_job *ret_job)
{
	ret_job->change = change;
	return change != NULL ? CTL_CHANGE : CTL_LINE;
}

enum ctl_answer
ctl_rules_reload(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)env;
	return answer(change_of(CHANGE_RELOAD, args, NULL, ret_line), ret_job);
}

enum ctl_answer
ctl_rules_add(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)env;
	return answer(change_of(CHANGE_ADD, args, "rule", ret_line), ret_job);
}

enum ctl_answer
ctl_rules_delete(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	json_int_t id = json_integer_value(json_object_get(args, "id"));
	struct change *change;

	(void)env;
	if (id <= 0 || id > UINT32_MAX)
		return refuse(ret_line, "\"id\" is no number of a rule");
	change = change_of(CHANGE_DELETE, args, NULL, ret_line);
	if (change != NULL)
		change->id = (unsigned int)id;
	return answer(change, ret_job);
}

enum ctl_answer
ctl_rules_try(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	const char *name = json_string_value(json_object_get(args, "file"));
	struct change *change = change_of(CHANGE_TRY, args, "text", ret_line);

	(void)env;
	if (change == NULL)
		return CTL_LINE;
	change->name = strdup(name != NULL ? name : "try");
	if (change->for_ms == 0 || change->name == NULL) {
		if (change->name != NULL)
			(void)refuse(ret_line, "\"for_ms\" is missing");
		change_free(change);
		return CTL_LINE;
	}
	return answer(change, ret_job);
}

enum ctl_answer
ctl_rules_keep(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)env;
	return answer(change_of(CHANGE_KEEP, args, NULL, ret_line), ret_job);
}

enum ctl_answer
ctl_rules_revert(const struct ctl_env *env, json_t *args, char **ret_line,
    struct ctl_job *ret_job)
{
	(void)env;
	return answer(change_of(CHANGE_BACK, args, NULL, ret_line), ret_job);
}

/* Answers ------------------------------------------------------------------ */

/* Of a rule from the command line those that it is the reason for. */
static bool
is_about(const struct change *change, const struct fault *warning)
{
	char rule[64];

	if (change->kind != CHANGE_ADD)
		return true;
	(void)snprintf(
	    rule, sizeof(rule), "command line:%u ", change->id); /* fits */
	return strcmp(warning->file, "command line") == 0
		   ? warning->line == change->id
		   : strstr(warning->what, rule) != NULL;
}

static json_t *
json_warnings(const struct change *change)
{
	json_t *array = json_array();
	char place[FAULT_PLACE_SIZE];
	const struct fault *w;

	for (size_t i = 0; change->warnings != NULL &&
			   (w = faults_get(change->warnings, i)) != NULL;
	     i++)
		if (is_about(change, w))
			json_array_append_new(
			    array, json_sprintf("%s%s: %s", w->file,
				       fault_at(w, place), w->what));
	return array;
}

static char *
done_line(const struct ctl_env *env, const struct change *change)
{
	/* set by a thread, once: as for status */
	bool cleared = __atomic_load_n(&env->fw->cleared, __ATOMIC_RELAXED);
	const struct review_result *r = &change->review;

	return ctlmsg_result(json_pack(
	    "{s:I, s:o, s:o, s:o, s:b, s:b, s:o, s:{s:I, s:I, s:I, s:I}}",
	    "rules", (json_int_t)change->n_rules, "id",
	    change->id != 0 ? json_integer(change->id) : json_null(), "text",
	    change->id != 0 ? json_text(change->text) : json_null(), "ends",
	    change->end_ms != 0 ? json_real((double)change->end_ms / 1e3)
				: json_null(),
	    "saved", change->save_error == 0, "judging", !cleared, "warnings",
	    json_warnings(change), "review", "flows", (json_int_t)r->flows,
	    "changed", (json_int_t)r->changed, "ended", (json_int_t)r->ended,
	    "marks", (json_int_t)r->marks));
}

/* What may be done where rules that were given before stand in the way. */
static void
say_given(const struct change *change, FILE *out)
{
	const struct fault *f;
	unsigned int last = 0;

	for (size_t i = 0; (f = faults_get(change->faults, i)) != NULL; i++) {
		if (strcmp(f->file, RUNTIME_FILE) != 0 ||
		    f->line == change->id || f->line == last)
			continue;
		last = f->line;
		fprintf(out,
		    "'reroutectl rules delete %u' takes out what is from the "
		    "command line\n",
		    last);
	}
}

/* All faults as a compiler prints them. */
static char *
faults_line(const struct change *change)
{
	char *text = NULL, *line;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	faults_print(change->faults, out);
	say_given(change, out);
	fputs("the rules in force stay as they are", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	line = ctlmsg_error(CTLMSG_FAULTS, text);
	free(text);
	return line;
}

static const char *
what_failed(const struct change *change)
{
	switch (change->result) {
	case -EBUSY:
		return "a set of rules is being tried: 'rules keep' or 'rules "
		       "revert' ends that; what is asked for now is done when "
		       "it has ended";
	case -ENOENT:
		return "no set of rules is being tried";
	case -E2BIG:
		return "too many rules from the command line, or one that is "
		       "too long: at most 1000, of 16384 bytes each";
	case -EINVAL:
		return "a rule is one line of text";
	default:
		return strerror(-change->result);
	}
}

char *
ctl_rules_answer(const struct ctl_env *env, const struct change *change)
{
	char what[128];

	if (change->result == 0)
		return done_line(env, change);
	if (faults_count(change->faults) > 0)
		return faults_line(change);
	if (change->result == -ENOENT && change->kind == CHANGE_DELETE) {
		(void)snprintf(what, sizeof(what),
		    "there is no rule %u from the command line; 'rules' shows "
		    "them as 'command line:N'",
		    change->id); /* fits */
		return ctlmsg_error(CTLMSG_FAILED, what);
	}
	return ctlmsg_error(CTLMSG_FAILED, what_failed(change));
}
