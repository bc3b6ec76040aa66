#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/file.h"
#include "tests/unit/own_folder.h"

/* Files of the state folder, saved by several threads at once. */

#define WRITERS 4
#define ROUNDS 40
#define SIZE ((size_t)200000)

static const char path[] = "./ads";

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

struct writer {
	pthread_t thread;
	int letter;
	unsigned int failed;
};

static void *
write_often(void *arg)
{
	struct writer *w = arg;
	char *bytes = malloc(SIZE);
	struct file_part part = { bytes, SIZE };

	if (bytes == NULL) {
		w->failed = ROUNDS;
		return NULL;
	}
	memset(bytes, w->letter, SIZE);
	for (unsigned int i = 0; i < ROUNDS; i++)
		w->failed += file_save(path, &part, 1) != 0;
	free(bytes);
	return NULL;
}

/* Whole, and of one writer. */
static bool
is_whole(void)
{
	char *bytes;
	size_t len;
	bool whole;

	assert_int_equal(file_read(path, 2 * SIZE, &bytes, &len), 0);
	whole = len == SIZE && memcmp(bytes, bytes + 1, SIZE - 1) == 0;
	free(bytes);
	return whole;
}

static void
test_saved_by_several(void **state)
{
	static const char first[SIZE];
	struct writer writers[WRITERS];
	unsigned int failed = 0, torn = 0;

	(void)state;
	assert_int_equal(
	    file_save(path, &(struct file_part){ first, SIZE }, 1), 0);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .letter = 'a' + i };
		assert_int_equal(pthread_create(&writers[i].thread, NULL,
				     write_often, &writers[i]),
		    0);
	}
	for (unsigned int i = 0; i < 10 * ROUNDS; i++)
		torn += !is_whole();
	for (size_t i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
		failed += writers[i].failed;
	}
	assert_int_equal(failed, 0);
	assert_int_equal(torn, 0);
	assert_true(is_whole());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_saved_by_several),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
