#include "tests/unit/unit.h"

#include "dns/denials.h"

/* One of those that there are room for: two numbers that share a slot. */
#define NUMBER 4711
#define BESIDE (NUMBER + (UINT64_C(1) << 40))

static const struct decision denied = {
	.action = ACTION_BLOCK, .reason = REASON_RULE, .rule = 3
};

static struct key
key_for(const char *text)
{
	struct key key = { .type = 1, .class = 1, .name = name_of(text) };

	return key;
}

static bool
has(const struct denials *d, const struct denials_by *by, const struct key *key,
    uint64_t now)
{
	struct decision found = { .rule = 0 };
	bool r = denials_find(d, by, key, (mono_t){ now }, &found);

	assert_int_equal(found.rule, r ? 3 : 0);
	assert_true(denials_may_have(d, by) || !r);
	return r;
}

static void
the_very_same_is_found(void **state)
{
	struct denials *d = denials_new();
	struct denials_by by = { 2, 9, NUMBER }, other;
	struct key key = key_for("ads.example"), differs;

	(void)state;
	assert_non_null(d);
	assert_false(has(d, &by, &key, 5));
	denials_put(d, &by, &key, &denied, (mono_t){ 10 });
	assert_true(has(d, &by, &key, 9));
	assert_false(has(d, &by, &key, 10));
	other = by;
	other.generation++;
	assert_false(has(d, &other, &key, 5));
	other = by;
	other.asker++;
	assert_false(has(d, &other, &key, 5));
	other = by;
	other.number = BESIDE;
	assert_false(has(d, &other, &key, 5));
	/* whatever has the same number */
	differs = key_for("bds.example");
	assert_false(has(d, &by, &differs, 5));
	differs = key;
	differs.type = 28;
	assert_false(has(d, &by, &differs, 5));
	differs = key;
	differs.class = 255;
	assert_false(has(d, &by, &differs, 5));
	differs = key;
	differs.group = 1;
	assert_false(has(d, &by, &differs, 5));
	differs = key;
	differs.flags = KEY_DO;
	assert_false(has(d, &by, &differs, 5));
	denials_free(d);
}

static void
the_younger_of_two_counts(void **state)
{
	struct denials *d = denials_new();
	struct denials_by by = { 2, 9, NUMBER }, beside = { 2, 9, BESIDE };
	struct key key = key_for("ads.example"), other = key_for("b.example");

	(void)state;
	assert_non_null(d);
	denials_put(d, &by, &key, &denied, (mono_t){ 10 });
	denials_put(d, &beside, &other, &denied, (mono_t){ 10 });
	assert_false(has(d, &by, &key, 5));
	assert_true(has(d, &beside, &other, 5));
	denials_free(d);
}

static void
some_are_not_kept(void **state)
{
	static const char longer[] =
	    "a-name-of-more-than-is-worth-to-be-kept.for-denials.of-somebody."
	    "example";
	struct denials *d = denials_new();
	struct denials_by by = { 2, 9, NUMBER }, none = { 2, 9, 0 };
	struct key key = key_for("ads.example"), large = key_for(longer);
	struct decision once = denied;

	(void)state;
	assert_non_null(d);
	once.once = true;
	denials_put(d, &by, &key, &once, (mono_t){ 10 });
	assert_false(has(d, &by, &key, 5));
	denials_put(d, &none, &key, &denied, (mono_t){ 10 });
	assert_false(has(d, &none, &key, 5));
	denials_put(d, &by, &large, &denied, (mono_t){ 10 });
	assert_false(has(d, &by, &large, 5));
	denials_free(d);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_very_same_is_found),
		cmocka_unit_test(the_younger_of_two_counts),
		cmocka_unit_test(some_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
