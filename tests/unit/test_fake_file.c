#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/fake_file.h"
#include "tests/unit/own_folder.h"

/* What is kept of addresses that stand for names. */

static const char folder[] = ".", path[] = "./names-for-tunnels";
static mono_t now = { MONO_S };
static uint64_t n_lost;

static int
set_up(void **state)
{
	(void)state;
	return own_folder();
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return own_folder_gone();
}

static void
add(struct fake_file *file, struct fakeip *fakeip, const char *text)
{
	struct name name = name_of(text);
	uint32_t number;

	now = mono_add(now, FAKEIP_KEPT);
	assert_int_equal(fakeip_add(fakeip, &name, now, &number), 0);
	fake_file_add(file, fakeip, number);
}

static off_t
size_of_file(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* What the next daemon knows is what this one did. */
static void
assert_reads_back(const struct fakeip *fakeip)
{
	struct fakeip *copy = fakeip_new();
	char a[FAKEIP_LINE_SIZE], b[FAKEIP_LINE_SIZE];

	fake_file_close(fake_file_open(folder, copy, &n_lost));
	assert_int_equal(fakeip_count(copy), fakeip_count(fakeip));
	for (uint32_t i = 0; i < FAKEIP_MAX; i++) {
		size_t n = fakeip_line(fakeip, i, a);

		assert_int_equal(n, fakeip_line(copy, i, b));
		assert_memory_equal(a, b, n);
	}
	fakeip_free(copy);
}

static void
file_is_bounded_and_the_newest_wins(void **state)
{
	struct fakeip *fakeip = fakeip_new();
	struct fake_file *file = fake_file_open(folder, fakeip, &n_lost);
	off_t most = 0;
	char text[64];

	(void)state;
	assert_non_null(file);
	for (size_t i = 0; i < 4 * FAKEIP_MAX + FAKEIP_MAX / 2; i++) {
		(void)snprintf(text, sizeof(text), "n%zu.example", i);
		add(file, fakeip, text);
		if (i % 1024 == 0 && size_of_file() > most)
			most = size_of_file();
	}
	assert_true(most < (off_t)(5 * FAKEIP_MAX / 2 * 24));
	fake_file_close(file);
	assert_reads_back(fakeip);
	fakeip_free(fakeip);
	assert_int_equal(n_lost, 0);
}

static void
of_what_is_too_long_the_end_is_read(void **state)
{
	struct fakeip *fakeip = fakeip_new();
	FILE *out = fopen(path, "we");
	struct addr addr = addr_ip4((const uint8_t[4]){ 198, 18, 1, 7 });
	struct name name = name_of("new.example");

	(void)state;
	assert_non_null(out);
	fprintf(out, "7 old.example\n");
	assert_int_equal(fseeko(out, 80 << 20, SEEK_SET), 0);
	fprintf(out, "\n7 new.example\n8 cut.exa");
	assert_int_equal(fclose(out), 0);
	fake_file_close(fake_file_open(folder, fakeip, &n_lost));
	assert_int_equal(fakeip_count(fakeip), 1);
	assert_true(name_equal(fakeip_name(fakeip, &addr, now), &name));
	fakeip_free(fakeip);
}

static void
full_disk_is_counted_and_leaves_no_half_a_name(void **state)
{
	struct fakeip *fakeip = fakeip_new(), *copy = fakeip_new();
	struct rlimit old, tight;
	struct fake_file *file;

	(void)state;
	(void)unlink(path);
	file = fake_file_open(folder, fakeip, &n_lost);
	assert_non_null(file);
	add(file, fakeip, "first.example");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)size_of_file() + 8;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	n_lost = 0;
	add(file, fakeip, "bank.example");
	add(file, fakeip, "other.example");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(n_lost, 2);
	assert_int_equal(fake_file_error(file), -ENOSPC);
	add(file, fakeip, "last.example");
	assert_int_equal(n_lost, 2);
	assert_int_equal(fake_file_error(file), 0);
	fake_file_close(file);
	fake_file_close(fake_file_open(folder, copy, &n_lost));
	assert_int_equal(fakeip_count(copy), 2); /* first, last */
	fakeip_free(fakeip);
	fakeip_free(copy);
}

/* Of who may write there, and has waited for us to read. */
static void
what_is_no_file_is_replaced(void **state)
{
	struct fakeip *fakeip = fakeip_new();
	struct stat st;

	(void)state;
	n_lost = 0;
	(void)unlink(path); /* of the others */
	assert_int_equal(mkfifo(path, 0600), 0);
	fake_file_close(fake_file_open(folder, fakeip, &n_lost));
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	fake_file_close(fake_file_open(folder, fakeip, &n_lost));
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(fakeip_count(fakeip), 0);
	fakeip_free(fakeip);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_is_bounded_and_the_newest_wins),
		cmocka_unit_test(of_what_is_too_long_the_end_is_read),
		cmocka_unit_test(what_is_no_file_is_replaced),
		cmocka_unit_test(
		    full_disk_is_counted_and_leaves_no_half_a_name),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
