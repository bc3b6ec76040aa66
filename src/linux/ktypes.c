#include "src/linux/ktypes.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/grow.h"
#include "src/base/map.h"
#include "src/base/rd.h"

/* The kernel's, and those of one module behind them. */
#define PARTS 2

/* Of headers that are older than the kernel. */
#define KIND_FLOAT 16
#define KIND_DECL_TAG 17
#define KIND_TYPE_TAG 18
#define KIND_ENUM64 19

/* Types and names as they lie in memory, in the order of this machine. */
struct part {
	const uint8_t *types;
	size_t types_len;
	const char *strings; /* the last byte is a NUL */
	size_t strings_len;
	size_t strings_at; /* where they go on with those before */
	uint32_t first;	   /* number of the first type */
	uint32_t n;
};

struct ktypes {
	struct part parts[PARTS];
	size_t n_parts;
	uint32_t *at; /* where each type lies among those of its part */
	size_t room;
	uint32_t n; /* of all parts; the numbers go from 1 to n */
};

struct type {
	struct btf_type head;
	struct rd rest; /* what of it follows, and all behind that */
};

static unsigned int
kind_of(const struct type *type)
{
	return BTF_INFO_KIND(type->head.info);
}

/* Bytes that follow the head; SIZE_MAX where the kind is not known. */
static size_t
rest_len(const struct btf_type *head)
{
	size_t n = BTF_INFO_VLEN(head->info);

	switch (BTF_INFO_KIND(head->info)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case KIND_FLOAT:
	case KIND_TYPE_TAG:
		return 0;
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case KIND_DECL_TAG:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case KIND_ENUM64:
		return n * 3 * sizeof(uint32_t);
	default:
		return SIZE_MAX;
	}
}

static int
part_of(struct part *ret, const void *bytes, size_t len)
{
	struct btf_header head = { .magic = 0 };
	struct rd rd, types, strings;

	rd_init(&rd, bytes, len);
	rd_copy(&rd, &head, sizeof(head));
	if (rd.bad || head.magic != BTF_MAGIC || head.version != BTF_VERSION)
		return -EBADMSG;
	rd_init(&rd, bytes, len);
	rd_skip(&rd, head.hdr_len);
	types = strings = rd;
	rd_skip(&types, head.type_off);
	ret->types = rd_bytes(&types, head.type_len);
	rd_skip(&strings, head.str_off);
	ret->strings = (const char *)rd_bytes(&strings, head.str_len);
	if (ret->types == NULL || ret->strings == NULL || head.str_len == 0 ||
	    ret->strings[head.str_len - 1] != '\0')
		return -EBADMSG;
	ret->types_len = head.type_len;
	ret->strings_len = head.str_len;
	return 0;
}

int
ktypes_add(struct ktypes *types, const void *bytes, size_t len)
{
	struct part part = { .first = types->n + 1 };
	uint32_t n = types->n;
	struct rd rd;
	int r = types->n_parts < PARTS ? part_of(&part, bytes, len) : -EBADMSG;

	if (r < 0)
		return r;
	if (types->n_parts > 0)
		part.strings_at = types->parts[0].strings_len;
	rd_init(&rd, part.types, part.types_len);
	while (rd.len > 0) {
		size_t at = part.types_len - rd.len;
		struct btf_type head = { .info = 0 };

		if (n == types->room &&
		    grow(&types->at, &types->room, sizeof(types->at[0])) < 0)
			return -ENOMEM;
		rd_copy(&rd, &head, sizeof(head));
		rd_skip(&rd, rest_len(&head));
		if (rd.bad || n == BTF_MAX_TYPE)
			return -EBADMSG;
		types->at[n++] = (uint32_t)at;
		part.n++;
	}
	types->n = n;
	types->parts[types->n_parts++] = part;
	return 0;
}

int
ktypes_new(struct ktypes **ret, const void *bytes, size_t len)
{
	struct ktypes *types = calloc(1, sizeof(*types));
	int r;

	if (types == NULL)
		return -ENOMEM;
	r = ktypes_add(types, bytes, len);
	if (r < 0) {
		ktypes_free(types);
		return r;
	}
	*ret = types;
	return 0;
}

void
ktypes_free(struct ktypes *types)
{
	if (types == NULL)
		return;
	free(types->at);
	free(types);
}

/* id is one of its numbers. */
static void
get(const struct ktypes *types, uint32_t id, struct type *ret)
{
	const struct part *part = &types->parts[0];
	uint32_t at = types->at[id - 1];

	if (id >= part->first + part->n)
		part++;
	rd_init(&ret->rest, part->types + at, part->types_len - at);
	rd_copy(&ret->rest, &ret->head, sizeof(ret->head));
}

/* Empty where it has none. */
static const char *
name_at(const struct ktypes *types, uint32_t at)
{
	for (size_t i = 0; i < types->n_parts; i++) {
		const struct part *part = &types->parts[i];

		if (at >= part->strings_at &&
		    at - part->strings_at < part->strings_len)
			return part->strings + (at - part->strings_at);
	}
	return "";
}

uint32_t
ktypes_function(const struct ktypes *types, const char *name)
{
	struct type type;

	for (uint32_t id = 1; id <= types->n; id++) {
		get(types, id, &type);
		if (kind_of(&type) == BTF_KIND_FUNC &&
		    strcmp(name_at(types, type.head.name_off), name) == 0)
			return id;
	}
	return 0;
}

/* The names that are wanted -------------------------------------------------
 */

struct wanted {
	struct map_node node;
	const char *name; /* borrowed */
};

struct names {
	struct map map;
	struct wanted *all;
	size_t n, room;
};

static bool
is_wanted(const struct names *names, const char *name)
{
	uint64_t hash = map_hash(&names->map, name, strlen(name));
	const struct map_node *node = map_first(&names->map, hash);

	for (; node != NULL; node = map_next(node, hash))
		if (strcmp(((const struct wanted *)node)->name, name) == 0)
			return true;
	return false;
}

static bool
is_record(const struct type *type)
{
	return kind_of(type) == BTF_KIND_STRUCT ||
	       kind_of(type) == BTF_KIND_UNION;
}

static int
names_add(struct names *names, const char *name)
{
	if (name[0] == '\0')
		return 0;
	if (names->n == names->room &&
	    grow(&names->all, &names->room, sizeof(names->all[0])) < 0)
		return -ENOMEM;
	names->all[names->n++].name = name;
	return 0;
}

/* Of all structures and their members. */
static int
names_of(struct names *ret, const struct ktypes *like)
{
	struct type type;
	int r = 0;

	for (uint32_t id = 1; r == 0 && id <= like->n; id++) {
		get(like, id, &type);
		if (!is_record(&type))
			continue;
		r = names_add(ret, name_at(like, type.head.name_off));
		for (uint32_t i = BTF_INFO_VLEN(type.head.info);
		     r == 0 && i > 0; i--) {
			struct btf_member member = { .name_off = 0 };

			rd_copy(&type.rest, &member, sizeof(member));
			r = names_add(ret, name_at(like, member.name_off));
		}
	}
	/* none is moved any more */
	for (size_t i = 0; r == 0 && i < ret->n; i++)
		map_put(&ret->map, &ret->all[i].node,
		    map_hash(
			&ret->map, ret->all[i].name, strlen(ret->all[i].name)));
	return r;
}

/* The small ones ------------------------------------------------------------
 */

struct bytes {
	uint8_t *all;
	size_t n, room;
};

struct pick {
	const struct ktypes *from;
	struct names names;
	uint32_t *number; /* of a type that is taken, by its old one; or 0 */
	uint32_t *queue;  /* old numbers of the taken, in their new order */
	size_t n, room;
	struct bytes types, strings;
	int error;
};

/* The one pointer, to nothing: where it leads is of no importance. */
#define POINTER 1

static void
put(struct pick *pick, struct bytes *to, const void *from, size_t len)
{
	while (pick->error == 0 && to->room - to->n < len)
		pick->error = grow(&to->all, &to->room, 1);
	if (pick->error < 0)
		return;
	memcpy(to->all + to->n, from, len);
	to->n += len;
}

static uint32_t
put_name(struct pick *pick, uint32_t at)
{
	const char *name = name_at(pick->from, at);
	uint32_t ret = (uint32_t)pick->strings.n;

	if (name[0] == '\0')
		return 0;
	put(pick, &pick->strings, name, strlen(name) + 1);
	return ret;
}

/* The new number of a type, which is taken if it was not. */
static uint32_t
take(struct pick *pick, uint32_t id)
{
	struct type type;

	if (id == 0 || id > pick->from->n)
		return 0;
	get(pick->from, id, &type);
	if (kind_of(&type) == BTF_KIND_PTR)
		return POINTER;
	if (pick->number[id - 1] != 0)
		return pick->number[id - 1];
	if (pick->n == pick->room &&
	    grow(&pick->queue, &pick->room, sizeof(pick->queue[0])) < 0) {
		pick->error = -ENOMEM;
		return 0;
	}
	pick->queue[pick->n++] = id;
	pick->number[id - 1] = (uint32_t)pick->n + POINTER;
	return pick->number[id - 1];
}

/* Members without a name hold others. */
static void
put_record(struct pick *pick, struct type *type)
{
	uint32_t n = BTF_INFO_VLEN(type->head.info), kept = 0;
	size_t at = pick->types.n;

	put(pick, &pick->types, &type->head, sizeof(type->head));
	for (; n > 0; n--) {
		struct btf_member member = { .name_off = 0 };
		const char *name;

		rd_copy(&type->rest, &member, sizeof(member));
		name = name_at(pick->from, member.name_off);
		if (name[0] != '\0' && !is_wanted(&pick->names, name))
			continue;
		member.name_off = put_name(pick, member.name_off);
		member.type = take(pick, member.type);
		put(pick, &pick->types, &member, sizeof(member));
		kept++;
	}
	if (pick->error < 0)
		return;
	type->head.info = (type->head.info & ~(uint32_t)BTF_MAX_VLEN) | kept;
	memcpy(pick->types.all + at, &type->head, sizeof(type->head));
}

static void
put_array(struct pick *pick, struct type *type)
{
	struct btf_array array = { .nelems = 0 };

	rd_copy(&type->rest, &array, sizeof(array));
	array.type = take(pick, array.type);
	array.index_type = take(pick, array.index_type);
	put(pick, &pick->types, &type->head, sizeof(type->head));
	put(pick, &pick->types, &array, sizeof(array));
}

static void
put_int(struct pick *pick, struct type *type)
{
	uint32_t bits = 0;

	rd_copy(&type->rest, &bits, sizeof(bits));
	put(pick, &pick->types, &type->head, sizeof(type->head));
	put(pick, &pick->types, &bits, sizeof(bits));
}

static void
put_type(struct pick *pick, struct type *type)
{
	type->head.name_off = put_name(pick, type->head.name_off);
	switch (kind_of(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		put_record(pick, type);
		return;
	case BTF_KIND_ARRAY:
		put_array(pick, type);
		return;
	case BTF_KIND_INT:
		put_int(pick, type);
		return;
	case BTF_KIND_ENUM:
	case KIND_ENUM64: /* its size is enough */
		type->head.info &= ~(uint32_t)BTF_MAX_VLEN;
		break;
	case BTF_KIND_FWD:
	case KIND_FLOAT:
		break;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case KIND_TYPE_TAG:
		type->head.type = take(pick, type->head.type);
		break;
	default: /* nothing is made of these */
		pick->error = -EBADMSG;
		return;
	}
	put(pick, &pick->types, &type->head, sizeof(type->head));
}

static void
pick_all(struct pick *pick)
{
	const struct btf_type pointer = { .info = BTF_KIND_PTR << 24 };
	struct type type;

	put(pick, &pick->strings, "", 1);
	put(pick, &pick->types, &pointer, sizeof(pointer));
	for (uint32_t id = 1; pick->error == 0 && id <= pick->from->n; id++) {
		get(pick->from, id, &type);
		if (kind_of(&type) == BTF_KIND_STRUCT &&
		    is_wanted(
			&pick->names, name_at(pick->from, type.head.name_off)))
			(void)take(pick, id);
	}
	for (size_t i = 0; pick->error == 0 && i < pick->n; i++) {
		get(pick->from, pick->queue[i], &type);
		put_type(pick, &type);
	}
}

static int
join(struct pick *pick, void **ret, size_t *ret_len)
{
	const struct btf_header head = { .magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(head),
		.type_len = (uint32_t)pick->types.n,
		.str_off = (uint32_t)pick->types.n,
		.str_len = (uint32_t)pick->strings.n };
	struct bytes all = { .n = 0 };

	put(pick, &all, &head, sizeof(head));
	put(pick, &all, pick->types.all, pick->types.n);
	put(pick, &all, pick->strings.all, pick->strings.n);
	if (pick->error < 0) {
		free(all.all);
		return pick->error;
	}
	*ret = all.all;
	*ret_len = all.n;
	return 0;
}

int
ktypes_pick(const struct ktypes *types, const void *like, size_t like_len,
    void **ret, size_t *ret_len)
{
	struct pick pick = { .from = types };
	struct ktypes *own = NULL;
	int r = ktypes_new(&own, like, like_len);

	if (r < 0)
		return r;
	r = map_init(&pick.names.map);
	if (r == 0)
		r = names_of(&pick.names, own);
	pick.number = calloc((size_t)types->n + 1, sizeof(pick.number[0]));
	if (r == 0 && pick.number == NULL)
		r = -ENOMEM;
	if (r == 0) {
		pick_all(&pick);
		r = pick.error;
	}
	if (r == 0)
		r = join(&pick, ret, ret_len);
	map_done(&pick.names.map);
	free(pick.names.all);
	free(pick.number);
	free(pick.queue);
	free(pick.types.all);
	free(pick.strings.all);
	ktypes_free(own);
	return r;
}
