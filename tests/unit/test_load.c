#include "tests/unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/core/runtime.h"
#include "src/base/folder.h"
#include "src/load.h"
#include "src/load_warn.h"

/* A folder of its own for each test, which is the working directory. */
static const struct load none = { .conf = NULL };

static int
setup(void **state)
{
	char dir[] = "/tmp/test_load.XXXXXX";

	*state = strdup(mkdtemp(dir));
	return chdir(*state);
}

static int
teardown(void **state)
{
	char command[PATH_MAX];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	free(*state);
	return chdir("/") | system(command);
}

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
assert_fault(struct faults *faults, size_t n, const char *file,
    unsigned int line, const char *what)
{
	const struct fault *f = faults_get(faults, n);

	assert_non_null(f);
	assert_string_equal(f->file, file);
	assert_int_equal(f->line, line);
	if (strstr(f->what, what) == NULL)
		fail_msg("says '%s'", f->what);
}

static void
test_settings_in_order_of_names(void **state)
{
	struct faults *faults = faults_new();
	const struct conf *conf = NULL;

	(void)state;
	assert_int_equal(mkdir("a.conf.d", 0700), 0);
	put("a.conf", "[rerouted]\nflows-max=1024\nprocesses-max=64\n");
	put("a.conf.d/20.conf", "[rerouted]\nflows-max=4096\n");
	put("a.conf.d/10.conf", "[rerouted]\nflows-max=2048\n");
	put("a.conf.d/30.conf~", "nonsense");
	put("a.conf.d/.40.conf", "nonsense");
	assert_int_equal(load_conf(&conf, "a.conf", faults, NULL), 0);
	assert_int_equal(conf->flows_max, 4096);
	assert_int_equal(conf->processes_max, 64);
	assert_int_equal(faults_count(faults), 0);
	conf_unref(conf);
	faults_free(faults);
}

static void
test_faults_of_all_files(void **state)
{
	struct faults *faults = faults_new();
	const struct conf *conf = NULL;

	(void)state;
	assert_int_equal(mkdir("a.conf.d", 0700), 0);
	put("a.conf", "nonsense\n");
	put("a.conf.d/10.conf", "\nnonsense\n");
	put("a.conf.d/20.conf", "\n\n[list \"x\"]\n");
	assert_int_equal(load_conf(&conf, "a.conf", faults, NULL), -EINVAL);
	assert_int_equal(faults_count(faults), 3);
	assert_fault(faults, 0, "a.conf", 1, "without '='");
	assert_fault(faults, 1, "a.conf.d/10.conf", 2, "without '='");
	assert_fault(faults, 2, "a.conf.d/20.conf", 3, "without source");
	assert_null(conf); /* untouched */
	faults_free(faults);
}

static void
test_a_file_that_was_asked_for_is_there(void **state)
{
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;
	const struct conf *conf = NULL;

	(void)state;
	assert_int_equal(load_conf(&conf, "none.conf", faults, NULL), -EINVAL);
	assert_fault(faults, 0, "none.conf", 0, "No such file");
	assert_int_equal(
	    load_policy(&policy, "none.d", &none, faults, NULL), -EINVAL);
	assert_fault(faults, 1, "none.d", 0, "No such file");
	assert_null(policy);
	faults_free(faults);
}

static void
test_what_is_no_file_is_a_fault(void **state)
{
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;

	(void)state;
	assert_int_equal(mkdir("r", 0700), 0);
	assert_int_equal(mkdir("r/1.rules", 0700), 0);
	assert_int_equal(mkfifo("r/2.rules", 0600), 0);
	assert_int_equal(symlink("nowhere", "r/3.rules"), 0);
	assert_int_equal(symlink("/dev/zero", "r/4.rules"), 0);
	put("r/5.rules", "nonsense");
	assert_int_equal(
	    load_policy(&policy, "r", &none, faults, NULL), -EINVAL);
	assert_int_equal(faults_count(faults), 5);
	assert_fault(faults, 0, "r/1.rules", 0, "Is a directory");
	assert_fault(faults, 1, "r/2.rules", 0, "is no regular file");
	assert_fault(faults, 2, "r/3.rules", 0, "No such file");
	assert_fault(faults, 3, "r/4.rules", 0, "is too large");
	assert_fault(faults, 4, "r/5.rules", 1, "unknown word");
	assert_int_equal(
	    load_policy(&policy, "r/5.rules", &none, faults, NULL), -EINVAL);
	assert_fault(faults, 5, "r/5.rules", 0, "is no folder");
	faults_free(faults);
}

static void
test_rules_in_order_of_names(void **state)
{
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;

	(void)state;
	assert_int_equal(mkdir("r", 0700), 0);
	put("r/20.rules", "block user $ROOT\n");
	put("r/10.rules", "define ROOT = root\naccept group root");
	put("r/30.txt", "nonsense");
	assert_int_equal(load_policy(&policy, "r", &none, faults, NULL), 0);
	assert_int_equal(policy_n_rules(policy), 2);
	assert_string_equal(policy_rule_get(policy, 2)->file, "r/20.rules");
	policy_unref(policy);
	faults_free(faults);
}

static void
test_rules_in_front_have_the_defines_of_files(void **state)
{
	struct faults *faults = faults_new();
	struct sources sources = { .v = NULL };
	struct runtime runtime = { .v = NULL };
	const struct load load = { .sources = &sources, .runtime = &runtime };
	const struct policy *policy = NULL;
	unsigned int id;

	(void)state;
	assert_int_equal(mkdir("r", 0700), 0);
	put("r/10.rules", "define ROOT = root\naccept group root\n");
	assert_int_equal(load_sources(&sources, "r", false, faults), 0);
	assert_int_equal(runtime_add(&runtime, "block user $ROOT", 0, &id), 0);
	assert_int_equal(runtime_add(&runtime, "drop user 5", 0, &id), 0);
	assert_int_equal(load_compile(&policy, &load, faults, NULL), 0);
	assert_int_equal(policy_n_rules(policy), 3);
	assert_int_equal(policy_n_runtime(policy), 2);
	assert_string_equal(policy_rule_get(policy, 1)->text, "drop user 5");
	assert_string_equal(
	    policy_rule_get(policy, 2)->text, "block user $ROOT");
	assert_string_equal(policy_rule_get(policy, 3)->file, "r/10.rules");
	policy_unref(policy);

	assert_int_equal(
	    runtime_add(&runtime, "block user $NOBODY", 0, &id), 0);
	assert_int_equal(load_compile(&policy, &load, faults, NULL), -EINVAL);
	assert_fault(faults, 0, RUNTIME_FILE, id, "no define before this");
	runtime_done(&runtime);
	sources_done(&sources);
	faults_free(faults);
}

/* A slip in one file hides no unknown user in another. */
static void
test_names_are_looked_up_beside_slips(void **state)
{
	struct faults *faults = faults_new();
	const struct policy *policy = NULL;

	(void)state;
	assert_int_equal(mkdir("r", 0700), 0);
	put("r/1.rules", "acept\n");
	put("r/2.rules", "block user 99999999999\n");
	assert_int_equal(
	    load_policy(&policy, "r", &none, faults, NULL), -EINVAL);
	assert_int_equal(faults_count(faults), 2);
	assert_fault(faults, 1, "r/2.rules", 1, "no such number");
	assert_null(policy);
	faults_free(faults);
}

static void
test_paths_are_resolved(void **state)
{
	char buf[PATH_MAX], small[2];

	(void)state;
	put("file", "");
	assert_int_equal(symlink("file", "link"), 0);
	assert_int_equal(load_world.path(NULL, "link", buf, sizeof(buf)), 0);
	assert_string_equal(strrchr(buf, '/'), "/file");
	assert_int_equal(
	    load_world.path(NULL, "link", small, sizeof(small)), -ENAMETOOLONG);
	assert_int_equal(
	    load_world.path(NULL, "none", buf, sizeof(buf)), -ENOENT);
}

/* A folder that has no rules because of how its files are called. */
static void
test_names_that_were_meant_to_be_read(void **state)
{
	static const struct {
		const char *const files[4];
		const char *misnamed; /* NULL: none */
		bool any;
	} rows[] = {
		{ { NULL }, NULL, false },
		{ { "a.rules" }, NULL, true },
		{ { "a.rules", "README", "a.rules~", "a.rules.dpkg-old" }, NULL,
		    true },
		{ { "README", "web.conf" }, "README", false },
		{ { "README", "web.rule" }, "web.rule", false },
		{ { "a.rules", "web.rule" }, "web.rule", true },
		{ { "a.rules", "b.RULES", "c.rules.txt" }, "b.RULES", true },
		{ { "a.rules", "c.rules.txt" }, "c.rules.txt", true },
		{ { "a.rules", ".a.rules", ".rules" }, NULL, true },
		{ { ".a.rules" }, ".a.rules", false },
	};
	char *name;
	bool any;

	(void)state;
	assert_int_equal(
	    folder_find_misnamed(&name, &any, "none", ".rules"), -ENOENT);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		assert_int_equal(mkdir("r", 0700), 0);
		for (size_t j = 0; j < 4 && rows[i].files[j] != NULL; j++) {
			char path[64];

			(void)snprintf(
			    path, sizeof(path), "r/%s", rows[i].files[j]);
			put(path, "");
		}
		assert_int_equal(
		    folder_find_misnamed(&name, &any, "r", ".rules"), 0);
		if (name == NULL || rows[i].misnamed == NULL)
			assert_ptr_equal(name, rows[i].misnamed);
		else
			assert_string_equal(name, rows[i].misnamed);
		assert_int_equal(any, rows[i].any);
		free(name);
		assert_int_equal(system("rm -r r"), 0);
	}
}

static void
test_a_folder_may_miss_where_it_was_never_there(void **state)
{
	struct faults *faults = faults_new();
	struct sources sources = { .v = NULL };

	(void)state;
	assert_int_equal(load_sources(&sources, "none", true, faults), 0);
	assert_int_equal(
	    load_sources(&sources, "none", false, faults), -EINVAL);
	assert_fault(faults, 0, "none", 0, "No such file");
	faults_free(faults);
}

/* A tunnel out of which the packets of its device come on this host. */
static void
test_a_tunnel_that_packets_carry(void **state)
{
	static const struct {
		const char *settings;
		size_t warnings;
	} rows[] = {
		{ "device = not-there", 1 },
		{ "device = lo", 0 },
		{ "device = not-there\nnetns = away", 0 },
		{ "fwmark = 7", 0 },
		{ "device = lo\n[tunnel \"b\"]\nfailover = a, c\n"
		  "[tunnel \"c\"]\nupstream = direct\ndevice = not-there",
		    1 },
	};

	(void)state;
	assert_int_equal(mkdir("r", 0700), 0);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct faults *faults = faults_new();
		const struct conf *conf = NULL;
		const struct policy *policy = NULL;
		bool list = strstr(rows[i].settings, "failover") != NULL;
		char text[256];

		(void)snprintf(text, sizeof(text),
		    "[tunnel \"a\"]\nupstream = direct\n%s\n",
		    rows[i].settings);
		put("conf", text);
		(void)snprintf(text, sizeof(text),
		    "block domain x.example\nreroute via %s to internet\n"
		    "accept to any port 53\n",
		    list ? "b" : "a");
		put("r/1.rules", text);
		assert_int_equal(load_conf(&conf, "conf", faults, NULL), 0);
		assert_int_equal(
		    load_policy(&policy, "r", &(struct load){ .conf = conf },
			faults, faults),
		    0);
		/* one is of the queries that are left to others */
		row_true(rows[i].settings,
		    faults_count(faults) == 1 + rows[i].warnings);
		policy_unref(policy);
		conf_unref(conf);
		faults_free(faults);
	}
}

/* How many warnings a folder of rules has, and whether it is loose. */
static void
assert_warned(const char *name, size_t n, bool loose)
{
	struct faults *warnings = faults_new();
	char *found = load_find_loose("conf", "r");

	load_warn_rules(warnings, "r");
	row_true(name, faults_count(warnings) == n);
	row_true(name, (found != NULL) == loose);
	free(found);
	faults_free(warnings);
}

static void
test_what_others_may_change(void **state)
{
	static const struct {
		const char *path;
		mode_t mode, meant;
		size_t n;
	} rows[] = {
		{ "r/1.rules", 0666, 0644, 1 }, { "r", 0777, 0755, 1 },
		{ "r", 01777, 0755, 1 },	/* anybody may add a file */
		{ "elsewhere", 0777, 0755, 1 }, /* where a link leads to */
		{ "elsewhere", 01777, 0755, 0 },
		{ "conf", 0666, 0644, 0 }, /* that's no file of rules */
	};
	gid_t own = getegid();

	(void)state;
	assert_int_equal(mkdir("r", 0700), 0);
	assert_int_equal(mkdir("elsewhere", 0700), 0);
	put("conf", "");
	put("r/1.rules", "accept\n");
	put("elsewhere/2", "accept\n");
	assert_int_equal(symlink("../elsewhere/2", "r/2.rules"), 0);
	assert_warned("ours", 0, false);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		assert_int_equal(chmod(rows[i].path, rows[i].mode), 0);
		assert_warned(rows[i].path, rows[i].n,
		    rows[i].n > 0 || strcmp(rows[i].path, "conf") == 0);
		assert_int_equal(chmod(rows[i].path, rows[i].meant), 0);
	}
	assert_int_equal(chmod("r/1.rules", 0664), 0);
	assert_warned("of our group", 0, false);
	if (geteuid() == 0) {
		assert_int_equal(chown("r/1.rules", 0, 1000), 0);
		assert_warned("of another group", 1, true);
		assert_int_equal(chown("r/1.rules", 1000, own), 0);
		assert_warned("another's", 1, true);
	}
}

/* Of whoever may read it. */
static void
test_a_password_that_all_may_read(void **state)
{
	static const mode_t modes[] = { 0644, 0600 };

	(void)state;
	put("conf",
	    "[tunnel \"a\"]\nupstream = socks5://127.0.0.1:1\n"
	    "user = u\npassword = p\n[tunnel \"b\"]\n"
	    "upstream = socks5://127.0.0.1:2\nuser = u\npassword = p\n");
	for (size_t i = 0; i < N_ROWS(modes); i++) {
		struct faults *faults = faults_new(), *warnings = faults_new();
		const struct conf *conf = NULL;

		assert_int_equal(chmod("conf", modes[i]), 0);
		assert_int_equal(load_conf(&conf, "conf", faults, warnings), 0);
		assert_int_equal(faults_count(warnings), i == 0 ? 1 : 0);
		conf_unref(conf);
		faults_free(faults);
		faults_free(warnings);
	}
}

/* As a full disk leaves it. */
static void
test_an_empty_file_of_rules(void **state)
{
	(void)state;
	assert_int_equal(mkdir("r", 0700), 0);
	put("r/1.rules", "# none\n");
	assert_warned("of comments", 0, false);
	put("r/1.rules", "");
	assert_warned("empty", 1, false);
}

static void
test_what_a_path_leads_to(void **state)
{
	(void)state;
	put("program", "\177ELF");
	put("script", "#!/bin/sh\n");
	put("text", "#");
	assert_int_equal(chmod("program", 0755) | chmod("script", 0755), 0);
	assert_int_equal(load_world.file(NULL, "program"), POLICY_FILE_PROGRAM);
	assert_int_equal(load_world.file(NULL, "script"), POLICY_FILE_SCRIPT);
	assert_int_equal(load_world.file(NULL, "text"), POLICY_FILE_OTHER);
	assert_int_equal(load_world.file(NULL, "."), POLICY_FILE_FOLDER);
	assert_int_equal(load_world.file(NULL, "none"), POLICY_FILE_UNKNOWN);
	assert_int_equal(load_world.file(NULL, "/dev/null"), POLICY_FILE_OTHER);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_settings_in_order_of_names),
		TEST(test_faults_of_all_files),
		TEST(test_a_file_that_was_asked_for_is_there),
		TEST(test_what_is_no_file_is_a_fault),
		TEST(test_rules_in_order_of_names),
		TEST(test_rules_in_front_have_the_defines_of_files),
		TEST(test_names_are_looked_up_beside_slips),
		TEST(test_paths_are_resolved),
		TEST(test_names_that_were_meant_to_be_read),
		TEST(test_a_folder_may_miss_where_it_was_never_there),
		TEST(test_a_tunnel_that_packets_carry),
		TEST(test_what_others_may_change),
		TEST(test_an_empty_file_of_rules),
		TEST(test_a_password_that_all_may_read),
		TEST(test_what_a_path_leads_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
