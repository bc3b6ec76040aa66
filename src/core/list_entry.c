#include "src/core/list_build.h"
#include "src/core/list_parse.h"

int
list_entry_build(struct list_build *build, const struct list_entry *e)
{
	switch (e->kind) {
	case LIST_ENTRY_NAME:
		return list_build_name(build, e->name, e->flags);
	case LIST_ENTRY_CANCEL:
		return hostset_build_cancel(&build->names, e->name, e->flags);
	case LIST_ENTRY_UNLESS:
		return list_build_unless(
		    build, e->name, e->flags, e->others, e->n_others);
	case LIST_ENTRY_TYPES:
		return list_build_types(build, e->name, e->flags, &e->types);
	case LIST_ENTRY_RR:
		return list_build_rr(build, e->name, e->below, &e->rr);
	case LIST_ENTRY_ADDR:
		return list_build_addr(build, &e->range, e->rank, e->code);
	case LIST_ENTRY_ADDR_RR:
		return list_build_addr_rr(build, &e->range, &e->rr);
	}
	return 0; /* no other kind is made */
}

bool
list_entry_is_about(const struct list_entry *e, const struct name *name)
{
	const unsigned int exact = HOSTSET_LEVELS | HOSTSET_CODE
							<< HOSTSET_CODE_SHIFT;
	unsigned int flags = e->flags;

	if (e->name == NULL)
		return false;
	if (e->kind == LIST_ENTRY_RR)
		flags = e->below ? 1U << HOSTSET_CODE_BELOW_SHIFT
				 : 1U << HOSTSET_CODE_SHIFT;
	if (name_equal(name, e->name)) {
		if ((flags & exact) == 0)
			return false;
	} else if ((flags & ~exact) == 0 || !name_in(name, e->name)) {
		return false;
	}
	for (size_t i = 0; i < e->n_others; i++)
		if (name_in(name, &e->others[i]))
			return false;
	return true;
}

bool
list_entry_is_about_addr(const struct list_entry *e, const struct addr *addr)
{
	struct addr a = addr_unmap(addr);

	return (e->kind == LIST_ENTRY_ADDR || e->kind == LIST_ENTRY_ADDR_RR) &&
	       (addr_range_contains(&e->range, addr) ||
		   addr_range_contains(&e->range, &a));
}
