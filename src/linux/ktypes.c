#include "src/linux/ktypes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/grow.h"
#include "src/linux/ktypes_own.h"

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
part_of(struct ktypes_part *ret, const void *bytes, size_t len)
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
	struct ktypes_part part = { .first = types->n + 1 };
	uint32_t n = types->n;
	struct rd rd;
	int r = types->n_parts < KTYPES_PARTS ? part_of(&part, bytes, len)
					      : -EBADMSG;

	if (r < 0)
		return r;
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

uint32_t
ktypes_function(const struct ktypes *types, const char *name)
{
	struct ktype type;

	for (uint32_t id = 1; id <= types->parts[0].n; id++) {
		ktypes_get(types, id, &type);
		if (ktype_kind(&type) == BTF_KIND_FUNC &&
		    strcmp(ktypes_name(types, &type, type.head.name_off),
			name) == 0)
			return id;
	}
	return 0;
}
