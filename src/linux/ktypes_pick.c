#include "src/linux/ktypes_own.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/grow.h"
#include "src/base/map.h"

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
is_record(const struct ktype *type)
{
	return ktype_kind(type) == BTF_KIND_STRUCT ||
	       ktype_kind(type) == BTF_KIND_UNION;
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
	struct ktype type;
	int r = 0;

	for (uint32_t id = 1; r == 0 && id <= like->n; id++) {
		ktypes_get(like, id, &type);
		if (!is_record(&type))
			continue;
		r = names_add(
		    ret, ktypes_name(like, &type, type.head.name_off));
		for (uint32_t i = BTF_INFO_VLEN(type.head.info);
		     r == 0 && i > 0; i--) {
			struct btf_member member = { .name_off = 0 };

			rd_copy(&type.rest, &member, sizeof(member));
			r = names_add(
			    ret, ktypes_name(like, &type, member.name_off));
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
put_name(struct pick *pick, const struct ktype *type, uint32_t at)
{
	const char *name = ktypes_name(pick->from, type, at);
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
	struct ktype type;

	if (id == 0 || id > pick->from->n)
		return 0;
	ktypes_get(pick->from, id, &type);
	if (ktype_kind(&type) == BTF_KIND_PTR)
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

/* The same for one that a type speaks of. */
static uint32_t
take_of(struct pick *pick, const struct ktype *type, uint32_t id)
{
	return take(pick, ktypes_of(pick->from, type, id));
}

/* Members without a name hold others. */
static void
put_record(struct pick *pick, struct ktype *type)
{
	uint32_t n = BTF_INFO_VLEN(type->head.info), kept = 0;
	size_t at = pick->types.n;

	put(pick, &pick->types, &type->head, sizeof(type->head));
	for (; n > 0; n--) {
		struct btf_member member = { .name_off = 0 };
		const char *name;

		rd_copy(&type->rest, &member, sizeof(member));
		name = ktypes_name(pick->from, type, member.name_off);
		if (name[0] != '\0' && !is_wanted(&pick->names, name))
			continue;
		member.name_off = put_name(pick, type, member.name_off);
		member.type = take_of(pick, type, member.type);
		put(pick, &pick->types, &member, sizeof(member));
		kept++;
	}
	if (pick->error < 0)
		return;
	type->head.info = (type->head.info & ~(uint32_t)BTF_MAX_VLEN) | kept;
	memcpy(pick->types.all + at, &type->head, sizeof(type->head));
}

static void
put_array(struct pick *pick, struct ktype *type)
{
	struct btf_array array = { .nelems = 0 };

	rd_copy(&type->rest, &array, sizeof(array));
	array.type = take_of(pick, type, array.type);
	array.index_type = take_of(pick, type, array.index_type);
	put(pick, &pick->types, &type->head, sizeof(type->head));
	put(pick, &pick->types, &array, sizeof(array));
}

static void
put_int(struct pick *pick, struct ktype *type)
{
	uint32_t bits = 0;

	rd_copy(&type->rest, &bits, sizeof(bits));
	put(pick, &pick->types, &type->head, sizeof(type->head));
	put(pick, &pick->types, &bits, sizeof(bits));
}

static void
put_type(struct pick *pick, struct ktype *type)
{
	type->head.name_off = put_name(pick, type, type->head.name_off);
	switch (ktype_kind(type)) {
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
		type->head.type = take_of(pick, type, type->head.type);
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
	struct ktype type;

	put(pick, &pick->strings, "", 1);
	put(pick, &pick->types, &pointer, sizeof(pointer));
	for (uint32_t id = 1; pick->error == 0 && id <= pick->from->n; id++) {
		ktypes_get(pick->from, id, &type);
		if (ktype_kind(&type) == BTF_KIND_STRUCT &&
		    is_wanted(&pick->names,
			ktypes_name(pick->from, &type, type.head.name_off)))
			(void)take(pick, id);
	}
	for (size_t i = 0; pick->error == 0 && i < pick->n; i++) {
		ktypes_get(pick->from, pick->queue[i], &type);
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
