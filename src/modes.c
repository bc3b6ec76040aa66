#include "src/modes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/explain.h"
#include "src/core/lists.h"
#include "src/core/policy.h"
#include "src/list_file.h"
#include "src/load.h"

/* "[list "ads"]: warning: …" */
static void
warn(struct faults *warnings, const struct conf_list *list, const char *what)
{
	char text[LIST_ERROR_SIZE + 128], section[CONF_STRING_SIZE + 16];

	if (warnings == NULL)
		return;
	(void)snprintf(section, sizeof(section), "[list \"%s\"]",
	    list->name); /* a long name may be cut */
	(void)snprintf(text, sizeof(text), "warning: it is empty: %s",
	    what); /* a path may be cut */
	faults_add_file(
	    warnings, section, &(struct fault_text){ text, NULL, NULL });
}

/* From its files, and kept in memory alone; NULL where it can't be read. */
static const struct list_index *
read_list(const struct conf_list *list, struct faults *warnings)
{
	const struct list_kept nowhere = { NULL, NULL };
	char what[LIST_ERROR_SIZE] = "";
	const struct list_index *index = NULL;
	struct list_sources sources;
	int r = list_sources_find(&sources, list, what);

	if (r == 0) {
		r = list_file_compile(&index, list, &sources, &nowhere, what);
		list_sources_done(&sources);
	}
	if (r < 0)
		warn(warnings, list, what);
	return index;
}

/* All of them; NULL where there are none, or no memory. */
static const struct list_table *
read_lists(const struct conf *conf, struct faults *warnings)
{
	struct list_table *table;

	if (conf == NULL || conf->n_lists == 0)
		return NULL;
	table = list_table_new(conf->n_lists);
	for (size_t i = 0; table != NULL && i < conf->n_lists; i++) {
		if (list_table_set(table, i, conf->lists[i].name,
			read_list(&conf->lists[i], warnings)) == 0)
			continue;
		list_table_unref(table);
		return NULL;
	}
	return table;
}

int
mode_check(const struct conf *conf, const char *rules, struct faults *faults)
{
	const struct policy *policy = NULL;
	struct faults *warnings = faults_new();
	struct load load = { .conf = conf,
		.lists = read_lists(conf, warnings) };
	int r = load_policy(&policy, rules, &load, faults, warnings);

	faults_print(faults, stderr);
	if (r == 0 && warnings != NULL)
		faults_print(warnings, stderr);
	/* the settings may have had faults before */
	if (faults_count(faults) > 0)
		r = -EINVAL;
	if (r == 0)
		printf("settings and rules are good: %zu rules in %s\n",
		    policy_n_rules(policy),
		    rules != NULL ? rules : LOAD_RULES_DEFAULT);
	faults_free(warnings);
	policy_unref(policy);
	list_table_unref(load.lists);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The line that the list which decided has the name or address by. */
static void
print_entry(const struct conf *conf, const struct policy *policy,
    const struct subject *subject)
{
	struct decision d = explain_decide(policy, subject);
	const struct conf_list *list =
	    d.list != 0 ? conf_list_find(conf, policy_list(policy, d.list))
			: NULL;
	char what[LIST_ERROR_SIZE];
	struct list_found found;

	if (list == NULL ||
	    list_file_find(&found, list,
		d.host != 0 ? subject->names[d.host - 1] : NULL,
		subject->in ? &subject->src : &subject->dst, what) < 0)
		return;
	printf("entry: %s:%u: %s\n", found.file, found.line, found.text);
	list_found_done(&found);
}

int
mode_explain(const struct conf *conf, const char *rules, const char *about,
    struct faults *faults)
{
	struct load load = { .conf = conf, .lists = read_lists(conf, faults) };
	const struct policy *policy = NULL;
	struct explain question;
	int r = load_policy(&policy, rules, &load, faults, NULL);

	if (r == 0)
		r = explain_parse(
		    &question, about, strlen(about), &load_world, faults);
	faults_print(faults, stderr);
	if (r == 0) {
		explain_print(policy, &question.subject, stdout);
		print_entry(conf, policy, &question.subject);
		explain_done(&question);
	}
	policy_unref(policy);
	list_table_unref(load.lists);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
