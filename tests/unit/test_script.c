#include "tests/unit/unit.h"

#include <string.h>

#include "src/core/script.h"

#define LINE(s) s, sizeof(s) /* with the last NUL */

static const struct {
	const char *exe, *line;
	size_t len;
	const char *want; /* NULL for none */
} scripts[] = {
	{ "/usr/bin/python3.11", LINE("python3\0-u\0x.py\0-c"), "x.py" },
	{ "/usr/bin/python3", LINE("python3\0-W\0error\0x.py"), "x.py" },
	{ "/usr/bin/python3", LINE("python3\0-Werror\0x.py"), "x.py" },
	{ "/usr/bin/python3", LINE("python3\0-c\0print()"), NULL },
	{ "/usr/bin/python3", LINE("python3\0-Em\0http.server"), NULL },
	{ "/usr/bin/python3", LINE("python3"), NULL },
	{ "/usr/bin/dash", LINE("/bin/sh\0-e\0/opt/run"), "/opt/run" },
	{ "/usr/bin/bash", LINE("-bash"), NULL },
	{ "/usr/bin/bash", LINE("bash\0-lc\0curl x"), NULL },
	{ "/usr/bin/bash", LINE("bash\0--norc\0run\0arg"), "run" },
	{ "/usr/bin/bash", LINE("bash\0-o\0pipefail\0run"), "run" },
	{ "/usr/bin/bash", LINE("bash\0+x\0--\0-odd"), "-odd" },
	{ "/usr/bin/bash", LINE("bash\0-"), NULL },
	{ "/usr/bin/perl", LINE("perl\0-MList::Util=e\0x.pl"), "x.pl" },
	{ "/usr/bin/perl", LINE("perl\0-we\0print"), NULL },
	{ "/usr/bin/perl", LINE("perl\0-lne\0print"), NULL },
	{ "/usr/bin/perl", LINE("perl\0-l012\0x.pl"), "x.pl" },
	{ "/usr/bin/perl", LINE("perl\0-0777e\0print"), NULL },
	{ "/usr/bin/perl", LINE("perl\0-de\0print"), NULL },
	{ "/usr/bin/perl", LINE("perl\0-d:Trace\0x.pl"), "x.pl" },
	{ "/usr/bin/ruby", LINE("ruby\0-W0e\0puts"), NULL },
	{ "/usr/bin/ruby", LINE("ruby\0-W:experimental\0x.rb"), "x.rb" },
	{ "/usr/bin/php8.2", LINE("php\0--run\0x\0s.php"), NULL },
	{ "/usr/bin/php8.2", LINE("php\0-S\0[::]:80\0s.php"), "s.php" },
	{ "/usr/bin/node", LINE("node\0--eval\0x"), NULL },
	{ "/usr/bin/node", LINE("node\0--eval=x y\0a.js"), NULL },
	{ "/usr/bin/node", LINE("node\0--require\0a.js\0b.js"), "b.js" },
	{ "/usr/bin/node", LINE("node\0--require=a.js\0b.js"), "b.js" },
	{ "/usr/bin/node", LINE("node\0--inspect\0b.js"), "b.js" },
	{ "/bin/bash", LINE("bash\0--rcfile\0a\0b"), "b" },
	{ "/bin/bash", LINE("bash\0--init-file\0a"), NULL },
	{ "/bin/bash", LINE("bash\0--rcfile --init-file\0a"), "a" },
	{ "/usr/bin/python3",
	    LINE("python3\0--check-hash-based-pycs\0always\0a"), "a" },
	{ "/usr/bin/node", LINE("node\0-r\0./m\0s.js"), "s.js" },
	{ "/usr/bin/php8.2", LINE("php\0-f\0s.php"), "s.php" },
	{ "/usr/bin/shotwell", LINE("shotwell\0x"), NULL },
	{ "/usr/bin/curl", LINE("curl\0http://x/"), NULL },
	{ "python3", LINE("python3\0\0"), NULL },
	{ "", "", 0, NULL },
	{ "/bin/sh", "sh\0cut off", 10, NULL },
};

static void
the_script_is_the_first_argument_that_is_no_option(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(scripts); i++) {
		const char *got = NULL;
		size_t len = 0;
		bool found = script_find(scripts[i].exe, scripts[i].line,
		    scripts[i].len, &got, &len);

		if (found != (scripts[i].want != NULL))
			fail_msg("row %zu", i);
		if (found && (len != strlen(scripts[i].want) ||
				 memcmp(got, scripts[i].want, len) != 0))
			fail_msg("row %zu", i);
	}
}

static void
paths_are_made_by_their_text(void **state)
{
	static const struct {
		const char *cwd, *arg, *want;
	} rows[] = {
		{ "/home/a", "x.py", "/home/a/x.py" },
		{ "/home/a", "./b/../x.py", "/home/a/x.py" },
		{ "/home/a", "../../../x", "/x" },
		{ "/", "x", "/x" },
		{ "/home/a", "//opt//x", "/opt/x" },
		{ "", "/opt/x", "/opt/x" },
		{ "", "x", NULL },
		{ "(unreachable)/a", "x", NULL },
		{ "/a", "..", NULL },
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		bool ok = script_path(rows[i].cwd, rows[i].arg,
		    strlen(rows[i].arg), buf, sizeof(buf));

		if (ok != (rows[i].want != NULL) ||
		    (ok && strcmp(buf, rows[i].want) != 0))
			fail_msg("row %zu: %s", i, ok ? buf : "none");
	}
	assert_false(script_path("/home/long/path", "x", 1, buf, 16));
	assert_true(script_path("/home/long/pa", "x", 1, buf, 16));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_script_is_the_first_argument_that_is_no_option),
		cmocka_unit_test(paths_are_made_by_their_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
