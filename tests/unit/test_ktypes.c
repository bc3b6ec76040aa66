#include "tests/unit/unit.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/linux/ktypes.h"

/* Built and read with libbpf, which is who the small ones are for. */

/* struct inner { int a, b; };
 * struct outer { int first; struct inner in; union { struct inner *p; long q;
 *     }; int list[4]; counter_t count; };
 * struct bits { int x : 3; int y : 5; };
 * int tell(void); */
static struct btf *
kernel_types(void)
{
	struct btf *btf = btf__new_empty();
	int i, inner, pointer, anonymous, array, counter, proto;

	i = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	inner = btf__add_struct(btf, "inner", 8);
	assert_int_equal(btf__add_field(btf, "a", i, 0, 0), 0);
	assert_int_equal(btf__add_field(btf, "b", i, 32, 0), 0);
	pointer = btf__add_ptr(btf, inner);
	anonymous = btf__add_union(btf, NULL, 8);
	assert_int_equal(btf__add_field(btf, "p", pointer, 0, 0), 0);
	assert_int_equal(btf__add_field(btf, "q", i, 0, 0), 0);
	array = btf__add_array(btf, i, i, 4);
	counter = btf__add_typedef(btf, "counter_t", btf__add_const(btf, i));
	assert_true(btf__add_struct(btf, "outer", 48) > 0);
	assert_int_equal(btf__add_field(btf, "first", i, 0, 0), 0);
	assert_int_equal(btf__add_field(btf, "in", inner, 32, 0), 0);
	assert_int_equal(btf__add_field(btf, NULL, anonymous, 128, 0), 0);
	assert_int_equal(btf__add_field(btf, "list", array, 192, 0), 0);
	assert_int_equal(btf__add_field(btf, "count", counter, 320, 0), 0);
	assert_true(btf__add_struct(btf, "bits", 4) > 0);
	assert_int_equal(btf__add_field(btf, "x", i, 0, 3), 0);
	assert_int_equal(btf__add_field(btf, "y", i, 3, 5), 0);
	proto = btf__add_func_proto(btf, i);
	assert_true(btf__add_func(btf, "tell", BTF_FUNC_GLOBAL, proto) > 0);
	return btf;
}

/* struct NAME { int MEMBER...; }; */
static void
add_like(struct btf *btf, const char *name, const char *const *members)
{
	int i = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);

	assert_true(btf__add_struct(btf, name, 64) > 0);
	for (uint32_t at = 0; *members != NULL; members++, at += 32)
		assert_int_equal(btf__add_field(btf, *members, i, at, 0), 0);
}

static struct btf *
pick(const struct ktypes *types, const struct btf *like)
{
	uint32_t len = 0;
	const void *raw = btf__raw_data(like, &len);
	struct btf *few;
	void *bytes;
	size_t n;

	assert_int_equal(ktypes_pick(types, raw, len, &bytes, &n), 0);
	few = btf__new(bytes, (uint32_t)n);
	free(bytes);
	assert_non_null(few);
	return few;
}

static struct ktypes *
index_of(const struct btf *btf)
{
	uint32_t len = 0;
	const void *raw = btf__raw_data(btf, &len);
	struct ktypes *types = NULL;

	assert_int_equal(ktypes_new(&types, raw, len), 0);
	return types;
}

/* Of structure `name`, whose size is `size`: "member@bit " for each. */
static const struct btf_type *
assert_record(const struct btf *btf, const struct btf_type *type, uint32_t size,
    const char *expected)
{
	char text[256] = "";
	size_t at = 0;

	assert_true(btf_is_composite(type));
	assert_int_equal(type->size, size);
	for (uint32_t i = 0; i < btf_vlen(type); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s@%u ",
		    btf__name_by_offset(btf, btf_members(type)[i].name_off),
		    btf_member_bit_offset(type, i));
	assert_string_equal(text, expected);
	return type;
}

static const struct btf_type *
found(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	if (id <= 0)
		fail_msg("no struct %s", name);
	return btf__type_by_id(btf, (uint32_t)id);
}

static const struct btf_type *
member_type(const struct btf *btf, const struct btf_type *type, uint32_t i)
{
	return btf__type_by_id(btf, btf_members(type)[i].type);
}

static void
members_stay_where_they_are(void **state)
{
	static const char *const wanted[] = { "in", "b", "p", "list", "count",
		NULL };
	struct btf *kernel = kernel_types(), *like = btf__new_empty(), *few;
	struct ktypes *types = index_of(kernel);
	const struct btf_type *outer, *type;

	(void)state;
	add_like(like, "outer", wanted);
	few = pick(types, like);
	outer = assert_record(
	    few, found(few, "outer"), 48, "in@32 @128 list@192 count@320 ");
	assert_record(few, member_type(few, outer, 0), 8, "b@32 ");
	type = assert_record(few, member_type(few, outer, 1), 8, "p@0 ");
	type = member_type(few, type, 0);
	assert_true(btf_is_ptr(type));
	assert_int_equal(type->type, 0); /* nothing is behind it */
	assert_int_equal(
	    btf__resolve_size(few, btf_members(outer)[2].type), 16);
	assert_int_equal(btf__resolve_size(few, btf_members(outer)[3].type), 4);
	assert_string_equal(
	    btf__name_by_offset(few, member_type(few, outer, 3)->name_off),
	    "counter_t");
	assert_true(btf__find_by_name_kind(few, "bits", BTF_KIND_STRUCT) < 0);
	btf__free(few);
	btf__free(like);
	ktypes_free(types);
	btf__free(kernel);
}

static void
bits_keep_their_width(void **state)
{
	static const char *const wanted[] = { "y", NULL };
	struct btf *kernel = kernel_types(), *like = btf__new_empty(), *few;
	struct ktypes *types = index_of(kernel);
	const struct btf_type *bits;

	(void)state;
	add_like(like, "bits", wanted);
	few = pick(types, like);
	bits = assert_record(few, found(few, "bits"), 4, "y@3 ");
	assert_int_equal(btf_member_bitfield_size(bits, 0), 5);
	btf__free(few);
	btf__free(like);
	ktypes_free(types);
	btf__free(kernel);
}

/* struct NAME_part { int mark, x; };
 * struct NAME { struct inner in; struct NAME_part of; }; */
static struct btf *
module_types(struct btf *kernel, const char *name)
{
	struct btf *module = btf__new_empty_split(kernel);
	int inner, part, i;
	char text[32];

	inner = btf__find_by_name_kind(kernel, "inner", BTF_KIND_STRUCT);
	i = btf__find_by_name_kind(kernel, "int", BTF_KIND_INT);
	(void)snprintf(text, sizeof(text), "%s_part", name); /* fits */
	part = btf__add_struct(module, text, 8);
	assert_int_equal(btf__add_field(module, "mark", i, 0, 0), 0);
	assert_int_equal(btf__add_field(module, "x", i, 32, 0), 0);
	assert_true(btf__add_struct(module, name, 16) > 0);
	assert_int_equal(btf__add_field(module, "in", inner, 0, 0), 0);
	assert_int_equal(btf__add_field(module, "of", part, 64, 0), 0);
	return module;
}

static void
each_module_goes_on_where_the_kernel_ends(void **state)
{
	static const char *const names[KTYPES_MODULES] = { "conn", "other",
		"third" };
	static const char *const wanted[] = { "of", "in", "a", "mark", NULL };
	struct btf *kernel = kernel_types(), *like = btf__new_empty(), *few;
	struct btf *modules[KTYPES_MODULES];
	const struct btf_type *type;
	struct ktypes *types;
	uint32_t len = 0;
	const void *raw = NULL;

	(void)state;
	for (size_t i = 0; i < KTYPES_MODULES; i++) {
		modules[i] = module_types(kernel, names[i]);
		add_like(like, names[i], wanted);
	}
	/* to add to a module may move what the kernel's are made of */
	types = index_of(kernel);
	for (size_t i = 0; i < KTYPES_MODULES; i++) {
		raw = btf__raw_data(modules[i], &len);
		assert_int_equal(ktypes_add(types, raw, len), 0);
	}
	assert_int_equal(ktypes_add(types, raw, len), -EBADMSG); /* full */
	few = pick(types, like);
	for (size_t i = 0; i < KTYPES_MODULES; i++) {
		char part[32];

		type =
		    assert_record(few, found(few, names[i]), 16, "in@0 of@64 ");
		assert_record(few, member_type(few, type, 0), 8, "a@0 ");
		type = member_type(few, type, 1);
		assert_record(few, type, 8, "mark@0 ");
		(void)snprintf(part, sizeof(part), "%s_part", names[i]);
		assert_string_equal(
		    btf__name_by_offset(few, type->name_off), part);
	}
	btf__free(few);
	btf__free(like);
	ktypes_free(types);
	for (size_t i = 0; i < KTYPES_MODULES; i++)
		btf__free(modules[i]);
	btf__free(kernel);
}

static void
functions_are_found_by_name(void **state)
{
	struct btf *kernel = kernel_types();
	struct ktypes *types = index_of(kernel);

	(void)state;
	assert_int_equal(ktypes_function(types, "tell"),
	    btf__find_by_name_kind(kernel, "tell", BTF_KIND_FUNC));
	assert_int_equal(ktypes_function(types, "inner"), 0); /* a structure */
	assert_int_equal(ktypes_function(types, "tel"), 0);
	ktypes_free(types);
	btf__free(kernel);
}

static void
what_is_cut_is_refused(void **state)
{
	struct btf *kernel = kernel_types();
	struct ktypes *types = NULL;
	uint32_t len = 0;
	const void *raw = btf__raw_data(kernel, &len);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		void *cut = malloc(n > 0 ? n : 1); /* ends where it ends */

		assert_non_null(cut);
		memcpy(cut, raw, n);
		if (ktypes_new(&types, cut, n) != -EBADMSG)
			fail_msg("%zu bytes", n);
		free(cut);
	}
	assert_null(types);
	btf__free(kernel);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_stay_where_they_are),
		cmocka_unit_test(bits_keep_their_width),
		cmocka_unit_test(each_module_goes_on_where_the_kernel_ends),
		cmocka_unit_test(functions_are_found_by_name),
		cmocka_unit_test(what_is_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
