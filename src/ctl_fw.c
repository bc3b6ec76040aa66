#include "src/ctl_fw.h"

#include "src/json.h"
#include "src/linux/chains.h"

static void
fail(struct ctl_job *job, const struct chains_error *error)
{
	job->line = ctlmsg_error(CTLMSG_FAILED, error->text);
}

struct show {
	json_t *rules;
	enum chains_family family;
};

static void
show_rule(void *arg, enum chains_table table, const char *line,
    unsigned long long packets, unsigned long long bytes)
{
	struct show *show = arg;

	json_array_append_new(
	    show->rules, json_pack("{s:s, s:s, s:s, s:I, s:I}", "family",
			     chains_family_name(show->family), "table",
			     chains_table_name(table), "rule", line, "packets",
			     (json_int_t)packets, "bytes", (json_int_t)bytes));
}

void
ctl_fw_show(struct ctl_job *job)
{
	struct show show = { .rules = json_array() };
	struct chains_tables *tables;
	struct chains_error error;

	for (int f = CHAINS_IP4; f <= CHAINS_IP6; f++) {
		show.family = (enum chains_family)f;
		if (!job->in[f])
			continue;
		if (chains_tables_read(&tables, job->setup[f].backend,
			show.family, &error) < 0) {
			json_decref(show.rules);
			fail(job, &error);
			return;
		}
		chains_show(tables, show_rule, &show);
		chains_tables_free(tables);
	}
	job->line = ctlmsg_result(json_pack("{s:o}", "rules", show.rules));
}

static void
verify_difference(void *arg, const char *difference)
{
	json_array_append_new(arg, json_text(difference));
}

void
ctl_fw_verify(struct ctl_job *job)
{
	json_t *differences = json_array(), *warnings = json_array();
	struct chains_tables *tables;
	struct chains_error error;

	for (int f = CHAINS_IP4; f <= CHAINS_IP6; f++) {
		if (!job->in[f])
			continue;
		if (chains_tables_read(&tables, job->setup[f].backend,
			(enum chains_family)f, &error) < 0) {
			json_decref(differences);
			json_decref(warnings);
			fail(job, &error);
			return;
		}
		(void)chains_verify(
		    tables, &job->setup[f], verify_difference, differences);
		(void)chains_spoilers(tables, verify_difference, warnings);
		chains_tables_free(tables);
	}
	job->line = ctlmsg_result(json_pack("{s:b, s:o, s:o}", "in_place",
	    json_array_size(differences) == 0, "differences", differences,
	    "warnings", warnings));
}

void
ctl_fw_clear(struct ctl_job *job)
{
	struct chains_error error;
	uint64_t marks = 0;

	if (fw_clear(job->fw, &marks, &error) < 0) {
		fail(job, &error);
		return;
	}
	job->line = ctlmsg_result(
	    json_pack("{s:b, s:I}", "cleared", 1, "marks", (json_int_t)marks));
}
