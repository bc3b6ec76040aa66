#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/names.h"

static struct stats stats;
static struct names *names;
static struct process *curl, *wget;

static mono_t
at(uint64_t s)
{
	return (mono_t){ (1000 + s) * MONO_S };
}

static struct addr
addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, strlen(text)), 0);
	return a;
}

static int
setup(void **state)
{
	(void)state;
	memset(&stats, 0, sizeof(stats));
	names = names_new(100, &stats);
	curl = process_new(PROCESS_PROGRAM);
	wget = process_new(PROCESS_PROGRAM);
	curl->pid = 7;
	wget->pid = 8;
	curl->start = wget->start = 5;
	return names == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	names_free(names);
	process_unref(curl);
	process_unref(wget);
	return 0;
}

static void
learn(const struct process *proc, const char *name, const char *addr,
    uint32_t ttl, mono_t now)
{
	struct name n = name_of(name);
	struct addr a = addr_of(addr);

	names_learn(names, proc, &n, &a, ttl, now);
}

/* "b.example a.example": all the names of the address; "" for none. */
static const char *
look(const struct process *proc, const char *addr, mono_t now)
{
	static char text[4096];
	struct addr a = addr_of(addr);
	const struct host_names *hosts = names_lookup(names, proc, &a, now);
	char one[NAME_TEXT_SIZE];

	text[0] = '\0';
	for (uint8_t i = 0; hosts != NULL && i < hosts->n; i++) {
		if (i > 0)
			strcat(text, " ");
		strcat(text, name_format(hosts->v[i], one));
	}
	return text;
}

static void
what_nobody_was_told_has_no_name(void **state)
{
	(void)state;
	assert_string_equal(look(curl, "192.0.2.1", at(0)), "");
	assert_string_equal(look(NULL, "192.0.2.1", at(0)), "");
}

static void
a_program_has_its_own_names_first(void **state)
{
	(void)state;
	learn(curl, "a.example", "192.0.2.1", 60, at(0));
	learn(wget, "b.example", "192.0.2.1", 60, at(1));
	assert_string_equal(look(curl, "192.0.2.1", at(2)), "a.example");
	assert_string_equal(look(wget, "192.0.2.1", at(2)), "b.example");
	/* who was told nothing has what anybody was told */
	assert_string_equal(
	    look(NULL, "192.0.2.1", at(2)), "b.example a.example");
}

static void
it_is_the_program_and_not_the_pid(void **state)
{
	(void)state;
	learn(curl, "a.example", "192.0.2.1", 60, at(0));
	learn(wget, "b.example", "192.0.2.1", 60, at(0));
	wget->pid = curl->pid;
	wget->start = 6; /* the pid again */
	assert_string_equal(
	    look(wget, "192.0.2.1", at(0)), "b.example a.example");
	wget->start = curl->start;
	assert_string_equal(look(wget, "192.0.2.1", at(0)), "a.example");
	wget->exe_ino = 9; /* exec */
	assert_string_equal(
	    look(wget, "192.0.2.1", at(0)), "b.example a.example");
}

static void
the_kernel_and_unknown_are_nobody(void **state)
{
	struct process *unknown = process_new(PROCESS_UNKNOWN);

	(void)state;
	learn(unknown, "a.example", "192.0.2.1", 60, at(0));
	assert_int_equal(names_count(names), 1);
	assert_string_equal(look(unknown, "192.0.2.1", at(0)), "a.example");
	assert_string_equal(look(curl, "192.0.2.1", at(0)), "a.example");
	process_unref(unknown);
}

static void
a_shared_address_keeps_all_its_names(void **state)
{
	(void)state;
	learn(curl, "a.example", "192.0.2.1", 60, at(0));
	learn(curl, "b.example", "192.0.2.1", 60, at(1));
	learn(curl, "A.Example", "192.0.2.1", 60, at(2));
	assert_string_equal(
	    look(curl, "192.0.2.1", at(3)), "a.example b.example");
}

static void
a_name_holds_for_the_floor_at_least(void **state)
{
	(void)state;
	learn(NULL, "a.example", "192.0.2.1", 0, at(0));
	learn(NULL, "b.example", "192.0.2.1", 2 * NAMES_FLOOR_S, at(0));
	learn(NULL, "c.example", "192.0.2.2", UINT32_MAX, at(0));
	assert_string_equal(look(NULL, "192.0.2.1", at(NAMES_FLOOR_S - 1)),
	    "b.example a.example");
	assert_string_equal(
	    look(NULL, "192.0.2.1", at(NAMES_FLOOR_S + 1)), "b.example");
	assert_string_equal(
	    look(NULL, "192.0.2.1", at(2 * NAMES_FLOOR_S + 1)), "");
	assert_string_equal(
	    look(NULL, "192.0.2.2", at(NAMES_TTL_MAX_S + 1)), "");
	assert_int_equal(names_count(names), 0);
}

static void
a_name_in_use_holds_for_who_uses_it(void **state)
{
	const uint64_t half = NAMES_FLOOR_S / 2;

	(void)state;
	learn(curl, "a.example", "192.0.2.1", 60, at(0));
	for (uint64_t i = 1; i < 6; i++)
		assert_string_equal(
		    look(curl, "192.0.2.1", at(i * half)), "a.example");
	assert_string_equal(look(wget, "192.0.2.1", at(5 * half)), "");
}

static void
what_was_looked_up_stays_as_it_was(void **state)
{
	struct addr a = addr_of("192.0.2.1");
	const struct host_names *hosts;
	char text[NAME_TEXT_SIZE];

	(void)state;
	learn(curl, "a.example", "192.0.2.1", 60, at(0));
	hosts = host_names_ref(names_lookup(names, curl, &a, at(0)));
	learn(curl, "b.example", "192.0.2.1", 60, at(0));
	names_free(names);
	names = NULL;
	assert_int_equal(hosts->n, 1);
	assert_string_equal(name_format(hosts->v[0], text), "a.example");
	host_names_unref(hosts);
}

static void
a_mapped_address_is_the_same(void **state)
{
	(void)state;
	learn(curl, "a.example", "::ffff:192.0.2.1", 60, at(0));
	assert_string_equal(look(curl, "192.0.2.1", at(0)), "a.example");
}

static void
there_is_a_bound(void **state)
{
	char name[32], addr[32];

	(void)state;
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "n%d.example", i);
		(void)snprintf(
		    addr, sizeof(addr), "10.0.%d.%d", i / 256, i % 256);
		learn(NULL, name, addr, 60, at(0));
		/* what is used stays */
		assert_string_equal(
		    look(NULL, "10.0.0.0", at(0)), "n0.example");
	}
	assert_int_equal(names_count(names), 100);
	assert_int_equal(stats.names_evicted, 200);
	assert_string_equal(look(NULL, "10.0.0.1", at(0)), "");
	assert_string_equal(look(NULL, "10.0.1.43", at(0)), "n299.example");
}

static void
no_domain_takes_the_places_of_others(void **state)
{
	char name[32];

	(void)state;
	learn(curl, "a.bank.example", "192.0.2.1", 60, at(0));
	learn(curl, "single", "192.0.2.1", 60, at(0));
	for (int i = 0; i < 3 * NAMES_PER_ADDR; i++) {
		(void)snprintf(name, sizeof(name), "n%d.evil.test", i);
		learn(curl, name, "192.0.2.1", NAMES_TTL_MAX_S, at(1));
	}
	assert_non_null(
	    strstr(look(curl, "192.0.2.1", at(2)), "n191.evil.test"));
	assert_non_null(
	    strstr(look(curl, "192.0.2.1", at(2)), "a.bank.example"));
	assert_non_null(strstr(look(curl, "192.0.2.1", at(2)), "single"));
	assert_null(strstr(look(curl, "192.0.2.1", at(2)), "n2.evil.test"));
}

/* Whoever rents one below a domain of all of them, such as co.uk or one of a
 * host's, is not its only tenant. */
static void
no_tenant_takes_the_places_of_others(void **state)
{
	static const char *const kept[] = { "bank.co.test", "www.shop.co.test",
		"a.pages.host.test", "b.pages.host.test", "x.example" };
	char name[64];

	(void)state;
	for (size_t i = 0; i < N_ROWS(kept); i++)
		learn(curl, kept[i], "192.0.2.1", 60, at(0));
	for (int i = 0; i < 3 * NAMES_PER_ADDR; i++) {
		(void)snprintf(name, sizeof(name), "n%d.evil.co.test", i);
		learn(curl, name, "192.0.2.1", NAMES_TTL_MAX_S, at(1));
		(void)snprintf(name, sizeof(name), "n%d.e.pages.host.test", i);
		learn(curl, name, "192.0.2.1", NAMES_TTL_MAX_S, at(1));
	}
	for (size_t i = 0; i < N_ROWS(kept); i++)
		row_true(kept[i],
		    strstr(look(curl, "192.0.2.1", at(2)), kept[i]) != NULL);
	assert_non_null(
	    strstr(look(curl, "192.0.2.1", at(2)), "n191.evil.co.test"));
}

/* An answer may hold thousands of addresses, and a page in a browser can have
 * any number of names asked for. */
static void
no_program_takes_the_names_of_others(void **state)
{
	char addr[32];

	(void)state;
	learn(curl, "bank.example", "192.0.2.1", 60, at(0)); /* both know it */
	learn(wget, "bank.example", "192.0.2.1", 60, at(0));
	learn(wget, "mail.example", "192.0.2.2", 60, at(0));
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(
		    addr, sizeof(addr), "10.0.%d.%d", i / 256, i % 256);
		learn(curl, "many.example", addr, 60, at(1));
	}
	assert_int_equal(names_count(names), 100);
	assert_string_equal(look(wget, "192.0.2.1", at(2)), "bank.example");
	assert_string_equal(look(wget, "192.0.2.2", at(2)), "mail.example");
	assert_string_equal(look(NULL, "192.0.2.1", at(2)), "bank.example");
	assert_string_equal(look(NULL, "192.0.2.2", at(2)), "mail.example");
	assert_string_equal(look(curl, "10.0.3.231", at(2)), "many.example");
	assert_string_equal(look(curl, "10.0.0.1", at(2)), "");
	/* it has room where nobody else needs it */
	assert_int_equal(stats.names_evicted, 5 + 2000 - 100);
}

static void
an_address_has_a_bound_too(void **state)
{
	struct addr a = addr_of("192.0.2.1");
	const struct host_names *hosts;
	char name[NAME_TEXT_SIZE];

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "n%u.example", i);
		/* the last of them end first, but are new */
		learn(NULL, name, "192.0.2.1", 10000 - i, at(0));
	}
	hosts = names_lookup(names, NULL, &a, at(0));
	assert_int_equal(hosts->n, NAMES_PER_ADDR);
	assert_int_equal(stats.names_crowded, 100 - NAMES_PER_ADDR);
	assert_string_equal(name_format(hosts->v[0], name), "n99.example");
	assert_string_equal(
	    name_format(hosts->v[NAMES_PER_ADDR - 1], name), "n0.example");
}

/* As many names as an address may have, of so many labels of 50 octets. */
static void
learn_long(
    const struct process *proc, unsigned int n_addrs, unsigned int labels)
{
	char name[256], addr[32];
	int len;

	for (unsigned int a = 0; a < n_addrs; a++) {
		(void)snprintf(addr, sizeof(addr), "192.0.2.%u", a);
		for (unsigned int i = 0; i < NAMES_PER_ADDR; i++) {
			len = 0;
			for (unsigned int label = 0; label < labels; label++)
				len += snprintf(name + len,
				    sizeof(name) - (size_t)len, "%050u.", i);
			(void)snprintf(
			    name + len, sizeof(name) - (size_t)len, "example");
			learn(proc, name, addr, 60, at(0));
		}
	}
}

static void
long_names_have_a_bound(void **state)
{
	char addr[32];

	(void)state;
	for (unsigned int a = 0; a < 15; a++) {
		(void)snprintf(addr, sizeof(addr), "198.51.100.%u", a);
		learn(wget, "a.example", addr, 60, at(0));
	}
	learn_long(curl, 30, 4); /* 60 entries */
	/* 4 KiB are 19 names: 100 KiB have some 17 of those, beside the 30 */
	assert_in_range(names_count(names), 42, 52);
	assert_true(stats.names_evicted > 0 && stats.names_crowded > 0);
	/* … of nobody but who has most */
	for (unsigned int a = 0; a < 15; a++) {
		(void)snprintf(addr, sizeof(addr), "198.51.100.%u", a);
		assert_string_equal(look(wget, addr, at(0)), "a.example");
	}
}

/* Another life --------------------------------------------------------------
 */

static char *
write_down(const char *boot, uint64_t wall_ms, mono_t now)
{
	struct names_moment m = { boot, wall_ms, now };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	names_write(names, &m, out);
	(void)fclose(out);
	return text;
}

static size_t
read_back(const char *text, const char *boot, uint64_t wall_ms, mono_t now)
{
	struct names_moment m = { boot, wall_ms, now };

	names_free(names);
	names = names_new(100, &stats);
	return names_read(names, text, strlen(text), &m);
}

static void
names_survive_a_restart(void **state)
{
	char *text, *again;

	(void)state;
	learn(curl, "a.example", "192.0.2.1", 60, at(0));
	learn(curl, "b.example", "192.0.2.1", 60, at(1));
	learn(NULL, "c\\.d.example", "2001:db8::1", 60, at(2));
	text = write_down("boot-1", 1000000, at(100));
	assert_int_equal(read_back(text, "boot-1", 1000000, at(100)), 0);
	again = write_down("boot-1", 1000000, at(100));
	assert_string_equal(text, again);
	assert_string_equal(
	    look(curl, "192.0.2.1", at(100)), "b.example a.example");
	assert_string_equal(
	    look(wget, "2001:db8::1", at(100)), "c\\.d.example");
	free(text);
	free(again);
}

static void
not_all_are_written_down(void **state)
{
	size_t lines = 0;
	char *text;

	(void)state;
	names_free(names);
	names = names_new(4000, &stats);
	learn_long(NULL, 200, 1); /* 12,800 names, no more than fit */
	assert_int_equal(names_count(names), 200);
	text = write_down("boot-1", 1000000, at(0));
	for (const char *s = text; (s = strchr(s, '\n')) != NULL; s++)
		lines++;
	assert_int_equal(lines, 1 + NAMES_SAVED_MAX);
	/* those that were used last */
	assert_null(strstr(text, "\n192.0.2.71 "));
	assert_non_null(strstr(text, "\n192.0.2.72 "));
	assert_non_null(strstr(text, "\n192.0.2.199 "));
	free(text);
}

static void
pids_do_not_survive_a_boot(void **state)
{
	char *text;

	(void)state;
	learn(curl, "a.example", "192.0.2.1", 60, at(0));
	learn(wget, "b.example", "192.0.2.1", 60, at(0));
	text = write_down("boot-1", 1000000, at(0));
	assert_int_equal(read_back(text, "boot-2", 1000000, at(0)), 0);
	assert_string_equal(
	    look(curl, "192.0.2.1", at(0)), "b.example a.example");
	assert_int_equal(names_count(names), 1);
	free(text);
}

static void
time_passes_meanwhile(void **state)
{
	char *text;

	(void)state;
	learn(NULL, "a.example", "192.0.2.1", 60, at(0));
	learn(NULL, "b.example", "192.0.2.1", 2 * NAMES_FLOOR_S, at(0));
	text = write_down("boot-1", 0, at(0));
	assert_int_equal(
	    read_back(text, "boot-1", (NAMES_FLOOR_S + 1) * 1000, at(0)), 0);
	assert_string_equal(look(NULL, "192.0.2.1", at(1)), "b.example");
	assert_string_equal(look(NULL, "192.0.2.1", at(NAMES_FLOOR_S)), "");
	free(text);
}

static void
bad_lines_are_left_out(void **state)
{
	static const char *const bad[] = {
		"192.0.2.1 0 0 0 0 1000 a..example",
		"x 0 0 0 0 1000 a.example",
		"192.0.2.1 -1 0 0 0 1000 a.example",
		"192.0.2.1 0 1 0 0 1000 a.example",
		"192.0.2.1 0 0 0 0 86400001 a.example",
		"192.0.2.1 0 0 0 0 1000",
		"192.0.2.1 0 0 0 0 1000 a b",
		"",
		"192.0.2.1  0 0 0 1000 a.example",
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < N_ROWS(bad); i++) {
		(void)snprintf(text, sizeof(text),
		    "rerouted-names-1 b 0\n%s\n"
		    "192.0.2.9 0 0 0 0 1000 good.example\n",
		    bad[i]);
		row_true(bad[i], read_back(text, "b", 0, at(0)) == 1);
		row_true(bad[i], names_count(names) == 1);
	}
	/* a line that was cut */
	assert_int_equal(read_back("rerouted-names-1 b 0\n"
				   "192.0.2.9 0 0 0 0 1000 good.exam",
			     "b", 0, at(0)),
	    1);
	assert_int_equal(names_count(names), 0);
	/* something else */
	assert_int_equal(
	    read_back("192.0.2.9 0 0 0 0 1000 good.example\n", "b", 0, at(0)),
	    1);
	assert_int_equal(names_count(names), 0);
	assert_int_equal(read_back("", "b", 0, at(0)), 0);
}

/* Which of the names of an address may be told to a proxy: what a program of
 * another user was told leads wherever that user wants. */
static void
others_users_names_are_not_told(void **state)
{
	static const struct {
		const char *name;
		uint32_t first, then; /* who was told; UINT32_MAX: unknown */
		uint32_t uid;	      /* who goes there */
		bool may;
	} rows[] = {
		{ "of the same user", 1000, 1000, 1000, true },
		{ "of another one", 1001, 1001, 1000, false },
		{ "a service of the system's", 105, 105, 1000, true },
		{ "root", 0, 0, 1000, true },
		{ "nobody knows", UINT32_MAX, UINT32_MAX, 1000, false },
		{ "another one's before", 1001, 1000, 1000, true },
		{ "another one's afterwards", 1000, 1001, 1000, false },
		{ "a service's before", 105, 1001, 1000, true },
		{ "root goes where a user was told", 1000, 1000, 0, false },
	};
	struct process *who = process_new(PROCESS_PROGRAM);
	struct addr a = addr_of("192.0.2.1");

	(void)state;
	who->pid = 9;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct names *fresh = names_new(100, &stats);
		struct name name = name_of("a.example");
		const struct host_names *hosts;

		curl->uid = rows[i].first;
		wget->uid = rows[i].then;
		names_learn(fresh, rows[i].first != UINT32_MAX ? curl : NULL,
		    &name, &a, 60, at(0));
		names_learn(fresh, rows[i].then != UINT32_MAX ? wget : NULL,
		    &name, &a, 60, at(0));
		who->uid = rows[i].uid;
		hosts = names_lookup(fresh, who, &a, at(1));
		row_true(rows[i].name, hosts != NULL);
		row_true(rows[i].name,
		    host_names_may_tell(hosts, 0, who) == rows[i].may);
		names_free(fresh);
	}
	/* its own is */
	learn(who, "b.example", "192.0.2.1", 60, at(0));
	learn(curl, "b.example", "192.0.2.1", 60, at(0));
	assert_true(
	    host_names_may_tell(names_lookup(names, who, &a, at(1)), 0, who));
	process_unref(who);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_nobody_was_told_has_no_name),
		T(a_program_has_its_own_names_first),
		T(it_is_the_program_and_not_the_pid),
		T(the_kernel_and_unknown_are_nobody),
		T(a_shared_address_keeps_all_its_names),
		T(a_name_holds_for_the_floor_at_least),
		T(a_name_in_use_holds_for_who_uses_it),
		T(what_was_looked_up_stays_as_it_was),
		T(a_mapped_address_is_the_same),
		T(there_is_a_bound),
		T(no_program_takes_the_names_of_others),
		T(an_address_has_a_bound_too),
		T(long_names_have_a_bound),
		T(no_domain_takes_the_places_of_others),
		T(no_tenant_takes_the_places_of_others),
		T(others_users_names_are_not_told),
		T(names_survive_a_restart),
		T(not_all_are_written_down),
		T(pids_do_not_survive_a_boot),
		T(time_passes_meanwhile),
		T(bad_lines_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
