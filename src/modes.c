#include "src/modes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/escape.h"
#include "src/core/explain.h"
#include "src/core/list_table.h"
#include "src/core/policy.h"
#include "src/list_file.h"
#include "src/load.h"
#include "src/load_warn.h"
#include "src/resolver_conf.h"
#include "src/settings_warn.h"

/* From its files, and kept in memory alone; NULL where it can't be read. */
static const struct list_index *
read_list(const struct conf_list *list, struct faults *warnings)
{
	const struct list_kept nowhere = { .state = NULL };
	char what[LIST_ERROR_SIZE] = "";
	const struct list_index *index = NULL;
	struct list_sources sources;
	int r = list_sources_find(&sources, list, NULL, what);

	if (r == 0) {
		r = list_file_compile(&index, list, &sources, &nowhere, what);
		list_sources_done(&sources);
	}
	if (r < 0)
		settings_warn_list(warnings, list, what);
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
mode_check(const struct conf *conf, const char *rules, struct faults *faults,
    struct faults *warnings)
{
	const struct policy *policy = NULL;
	struct load load = { .conf = conf,
		.lists = read_lists(conf, warnings) };
	int r = load_policy(&policy, rules, &load, faults, warnings);

	if (conf != NULL)
		settings_warn(warnings, conf);
	load_warn_rules(warnings, rules);
	faults_print(faults, stderr);
	if (r == 0)
		faults_print(warnings, stderr);
	/* the settings may have had faults before */
	if (faults_count(faults) > 0)
		r = -EINVAL;
	if (r == 0)
		printf("settings and rules are good: %zu rule%s in %s\n",
		    policy_n_rules(policy),
		    policy_n_rules(policy) == 1 ? "" : "s",
		    rules != NULL ? rules : LOAD_RULES_DEFAULT);
	policy_unref(policy);
	list_table_unref(load.lists);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What questions are asked of. */
struct asked {
	const struct conf *conf;
	const struct policy *policy;
	struct judge_capture capture;
};

/* The line that the list which decided has the name or address by. */
static void
print_entry(const struct asked *asked, const struct subject *subject)
{
	const struct policy *policy = asked->policy;
	struct decision d = explain_decide(policy, &asked->capture, subject);
	const struct conf_list *list =
	    d.list != 0
		? conf_list_find(asked->conf, policy_list(policy, d.list))
		: NULL;
	char what[LIST_ERROR_SIZE];
	struct list_found found;

	if (list == NULL ||
	    list_file_find(&found, list,
		&(struct list_sought){
		    d.host != 0 ? subject->names[d.host - 1] : NULL,
		    subject->in ? &subject->src : &subject->dst,
		    subject->query ? subject->qtype : 0 },
		what) < 0)
		return;
	printf("entry: ");
	escape_print(found.file, stdout);
	printf(":%u: ", found.line);
	escape_print(found.text, stdout);
	putchar('\n');
	list_found_done(&found);
}

/* The answer, or what is wrong with the question; told: among others, so that
 * it is told which. 0 or a negative errno. */
static int
answer(const struct asked *asked, const struct source *question, bool told)
{
	struct faults *faults = faults_new();
	struct explain e;
	int r = -ENOMEM;

	if (faults != NULL)
		r = explain_parse(&e, question, &load_world, faults);
	if (r == 0) {
		if (told) /* good text: a fault if it were not */
			printf("question: %.*s\n", (int)question->len,
			    question->text);
		explain_print(
		    asked->policy, &asked->capture, &e.subject, stdout);
		print_entry(asked, &e.subject);
		explain_done(&e);
		if (told)
			putchar('\n');
		(void)fflush(stdout); /* before the fault of another */
	} else if (faults != NULL) {
		faults_print(faults, stderr);
	}
	faults_free(faults);
	return r;
}

/* One question a line of standard input; 0, or the last error. */
static int
answer_lines(const struct asked *asked)
{
	struct source question = { .file = "explain" };
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int r = 0;

	while ((len = getline(&line, &size, stdin)) > 0) {
		size_t blank = strspn(line, " \t");
		int one = 0;

		question.first++;
		question.text = line;
		question.len = (size_t)len - (line[len - 1] == '\n');
		if (blank < question.len && line[blank] != '#')
			one = answer(asked, &question, true);
		if (one < 0)
			r = one;
	}
	if (ferror(stdin)) {
		r = -errno;
		fprintf(stderr, "rerouted: standard input: %s\n", strerror(-r));
	}
	free(line);
	return r;
}

int
mode_explain(const struct conf *conf, const char *rules, const char *about,
    struct faults *faults)
{
	struct load load = { .conf = conf, .lists = read_lists(conf, faults) };
	const struct source one = explain_source(about);
	struct server_listen at[SERVER_LISTENS_MAX];
	struct asked asked = { .conf = conf };
	int r = load_policy(&asked.policy, rules, &load, faults, NULL);
	int status = r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	size_t n;

	if (r == 0)
		load_warn_rules(faults, rules);
	faults_print(faults, stderr);
	if (r == 0) {
		n = resolver_conf_listens(conf, at);
		resolver_conf_capture(
		    &asked.capture, at, conf->resolver.capture != 0 ? n : 0);
		r = strcmp(about, "-") == 0 ? answer_lines(&asked)
					    : answer(&asked, &one, false);
		status = r == -EINVAL ? EXIT_USAGE
			 : r < 0      ? EXIT_FAILURE
				      : EXIT_SUCCESS;
	}
	policy_unref(asked.policy);
	list_table_unref(load.lists);
	return status;
}
