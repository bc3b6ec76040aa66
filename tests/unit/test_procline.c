#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/procline.h"

#define TAIL                                                                   \
	" 1 4753 3262 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 117821 31 3 1\n"

/* A copy without a NUL behind it: a byte read too far is seen. */
static char *
exact(const char *s, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	memcpy(copy, s, len);
	return copy;
}

struct stat_case {
	const char *name, *text;
	int r;
	const char *comm;
};

static const struct stat_case stat_cases[] = {
	{ "plain", "4760 (cat) R" TAIL, 0, "cat" },
	{ "blank in comm", "4760 (tmux: server) S" TAIL, 0, "tmux: server" },
	{ "bracket in comm", "4760 (a) R 1 2) S" TAIL, 0, "a) R 1 2" },
	{ "opening bracket in comm", "4760 ((sd-pam)) S" TAIL, 0, "(sd-pam)" },
	{ "newline in comm", "4760 (a\nb) S" TAIL, 0, "a\nb" },
	{ "empty comm", "4760 () S" TAIL, 0, "" },
	{ "no brackets", "4760 cat R" TAIL, -EBADMSG, NULL },
	{ "closed before opened", "4760 )cat( R" TAIL, -EBADMSG, NULL },
	{ "no pid", "(cat) R" TAIL, -EBADMSG, NULL },
	{ "pid is text", "x (cat) R" TAIL, -EBADMSG, NULL },
	{ "pid too large", "99999999999 (cat) R" TAIL, -EBADMSG, NULL },
	{ "short", "4760 (cat) R 1 2 3", -EBADMSG, NULL },
	{ "ends at the bracket", "4760 (cat)", -EBADMSG, NULL },
	{ "no state", "4760 (cat) " TAIL, -EBADMSG, NULL },
	{ "empty", "", -EBADMSG, NULL },
};

static void
stat_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(stat_cases); i++) {
		const struct stat_case *c = &stat_cases[i];
		size_t len = strlen(c->text);
		char *text = exact(c->text, len);
		struct procline_stat st = { .pid = -7 };
		int r = procline_stat(&st, text, len);

		if (r != c->r)
			fail_msg("%s: %d", c->name, r);
		if (r == 0) {
			assert_int_equal(st.comm.len, strlen(c->comm));
			assert_memory_equal(st.comm.p, c->comm, st.comm.len);
			assert_int_equal(st.pid, 4760);
			assert_int_equal(st.ppid, 1);
			assert_int_equal(st.start, 117821);
			assert_false(st.kthread);
		} else {
			assert_int_equal(st.pid, -7); /* untouched */
		}
		free(text);
	}
}

static void
stat_knows_threads_of_the_kernel(void **state)
{
	static const char text[] =
	    "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0";
	struct procline_stat st;

	(void)state;
	assert_int_equal(procline_stat(&st, text, sizeof(text) - 1), 0);
	assert_true(st.kthread);
	assert_int_equal(st.state, 'S');
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct cgroup_case {
	const char *name, *text, *path, *unit;
};

static const struct cgroup_case cgroup_cases[] = {
	{ "service", "0::/system.slice/ssh.service\n",
	    "/system.slice/ssh.service", "ssh.service" },
	{ "session", "0::/user.slice/user-1000.slice/session-3.scope\n",
	    "/user.slice/user-1000.slice/session-3.scope", "session-3.scope" },
	{ "innermost",
	    "0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
	    "app-x\\x2dy-7.scope\n",
	    "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	    "app-x\\x2dy-7.scope",
	    "user@1000.service/app.slice/app-x\\x2dy-7.scope" },
	{ "a user's own name of a system's unit",
	    "0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
	    "postgresql.service\n",
	    "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	    "postgresql.service",
	    "user@1000.service/app.slice/postgresql.service" },
	{ "a payload", "0::/machine.slice/machine-a.scope/payload/b.service\n",
	    "/machine.slice/machine-a.scope/payload/b.service",
	    "machine-a.scope/payload/b.service" },
	{ "group below a service", "0::/system.slice/a.service/worker\n",
	    "/system.slice/a.service/worker", "a.service" },
	{ "slice alone", "0::/system.slice\n", "/system.slice",
	    "system.slice" },
	{ "root", "0::/\n", "/", "" },
	{ "no newline", "0::/a.scope", "/a.scope", "a.scope" },
	{ "suffix alone is no unit", "0::/.service\n", "/.service", "" },
	{ "bare container", "0::/docker/" ID "\n", "/docker/" ID,
	    "0123456789ab" },
	{ "container scope", "0::/system.slice/docker-" ID ".scope\n",
	    "/system.slice/docker-" ID ".scope", "docker-" ID ".scope" },
	{ "service within a container",
	    "0::/docker/" ID "/system.slice/a.service\n",
	    "/docker/" ID "/system.slice/a.service",
	    ID "/system.slice/a.service" },
	{ "not hexadecimal",
	    "0::/x/0123456789abcdefg123456789abcdef0123456789abcdef0123456789ab"
	    "cdef\n",
	    "/x/0123456789abcdefg123456789abcdef0123456789abcdef0123456789ab"
	    "cdef",
	    "" },
	{ "removed group", "0::/a.service (deleted)\n", "/a.service",
	    "a.service" },
	{ "hybrid takes v2 where it says something",
	    "1:name=systemd:/b.service\n0::/a.service\n", "/a.service",
	    "a.service" },
	{ "hybrid takes systemd's where v2 is the root",
	    "4:memory:/m\n1:name=systemd:/b.service\n0::/\n", "/b.service",
	    "b.service" },
	{ "v1", "4:memory:/m\n1:name=systemd:/b.service\n", "/b.service",
	    "b.service" },
	{ "colon in the path", "0::/a:b.service\n", "/a:b.service",
	    "a:b.service" },
	{ "other hierarchies only", "4:memory:/m\n", NULL, NULL },
	{ "named like v2", "0:name:/m\n", NULL, NULL },
	{ "no path", "0::\n", NULL, NULL },
	{ "empty", "", NULL, NULL },
};

static void
cgroup_path_and_unit(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(cgroup_cases); i++) {
		const struct cgroup_case *c = &cgroup_cases[i];
		size_t len = strlen(c->text);
		char *text = exact(c->text, len);
		struct procline_cgroup g;
		int r = procline_cgroup(&g, text, len);

		if (r != (c->path != NULL ? 0 : -EBADMSG))
			fail_msg("%s: %d", c->name, r);
		if (r == 0 && (g.path.len != strlen(c->path) ||
				  memcmp(g.path.p, c->path, g.path.len) != 0 ||
				  g.unit.len != strlen(c->unit) ||
				  memcmp(g.unit.p, c->unit, g.unit.len) != 0))
			fail_msg("%s: path %.*s unit %.*s", c->name,
			    (int)g.path.len, g.path.p, (int)g.unit.len,
			    g.unit.p);
		free(text);
	}
}

static void
socket_links(void **state)
{
	static const char *const bad[] = { "", "socket:", "socket:[",
		"socket:[]", "socket:[1", "socket:[x]", "socket:[-1]",
		"socket:[1] (deleted)", "pipe:[1]", "/tmp/socket:[1]",
		"socket:[99999999999999999999]" };
	uint64_t inode = 5;

	(void)state;
	for (size_t i = 0; i < N_ROWS(bad); i++)
		assert_int_equal(
		    procline_socket(&inode, bad[i], strlen(bad[i])), -EBADMSG);
	assert_int_equal(inode, 5);
	assert_int_equal(procline_socket(&inode, "socket:[4026531]", 16), 0);
	assert_int_equal(inode, 4026531);
}

static void
last_pid(void **state)
{
	pid_t pid = 3;

	(void)state;
	assert_int_equal(
	    procline_last_pid(&pid, "0.03 0.01 0.00 1/83 4762\n", 25), 0);
	assert_int_equal(pid, 4762);
	assert_int_equal(procline_last_pid(&pid, "4762\n", 5), -EBADMSG);
	assert_int_equal(procline_last_pid(&pid, "1/83 \n", 6), -EBADMSG);
	assert_int_equal(procline_last_pid(&pid, "", 0), -EBADMSG);
	assert_int_equal(pid, 4762);
}

static void
tgid(void **state)
{
	static const char text[] = "Name:\tTgid:\nUmask:\t0022\nTgid:\t12\n";
	pid_t pid = 3;

	(void)state;
	assert_int_equal(procline_tgid(&pid, text, sizeof(text) - 1), 0);
	assert_int_equal(pid, 12);
	assert_int_equal(procline_tgid(&pid, "Name:\tx\n", 8), -EBADMSG);
	assert_int_equal(procline_tgid(&pid, "Tgid:\t-1\n", 9), -EBADMSG);
}

static void
command_lines_are_joined(void **state)
{
	char args[] = "sh\0-c\0\0x y\0\0";
	size_t len = procline_join(args, sizeof(args) - 1);

	(void)state;
	assert_int_equal(len, 10);
	assert_memory_equal(args, "sh -c  x y", len);
	assert_int_equal(procline_join(args, 0), 0);
	memset(args, 0, sizeof(args));
	assert_int_equal(procline_join(args, sizeof(args)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_fields),
		cmocka_unit_test(stat_knows_threads_of_the_kernel),
		cmocka_unit_test(cgroup_path_and_unit),
		cmocka_unit_test(socket_links),
		cmocka_unit_test(last_pid),
		cmocka_unit_test(tgid),
		cmocka_unit_test(command_lines_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
