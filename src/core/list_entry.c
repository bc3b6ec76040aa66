#include "src/core/list_build.h"
#include "src/core/list_parse.h"

/* What is said of a name, or of one that stands for a pattern. */
static int
build_said(struct list_build *build, const struct list_entry *e,
    const struct name *name)
{
	switch (e->kind) {
	case LIST_ENTRY_NAME:
		return list_build_name(build, name, e->flags);
	case LIST_ENTRY_CANCEL:
		return hostset_build_cancel(&build->names, name, e->flags);
	case LIST_ENTRY_UNLESS:
		return list_build_unless(
		    build, name, e->flags, e->others, e->n_others);
	case LIST_ENTRY_TYPES:
		return list_build_types(build, name, e->flags, &e->types);
	case LIST_ENTRY_RR:
		return list_build_rr(build, name, e->below, &e->rr);
	case LIST_ENTRY_ADDR:
		return list_build_addr(build, &e->range, e->rank, e->code);
	case LIST_ENTRY_ADDR_RR:
		return list_build_addr_rr(build, &e->range, &e->rr);
	}
	return 0; /* no other kind is made */
}

int
list_entry_build(struct list_build *build, const struct list_entry *e)
{
	struct name own;
	int r = 0;

	if (e->pattern == NULL)
		return build_said(build, e, e->name);
	own = list_build_pattern_name(build, e->pattern);
	if (e->kind != LIST_ENTRY_CANCEL)
		r = list_build_pattern(build, e->pattern);
	return r < 0 ? r : build_said(build, e, &own);
}

/* Whether the name is one that it is said of, for an entry of names. */
static bool
is_said_of(const struct list_entry *e, const struct name *name)
{
	const unsigned int exact = HOSTSET_LEVELS | HOSTSET_CODE
							<< HOSTSET_CODE_SHIFT;
	unsigned int flags = e->flags;

	if (e->kind == LIST_ENTRY_RR)
		flags = e->below ? 1U << HOSTSET_CODE_BELOW_SHIFT
				 : 1U << HOSTSET_CODE_SHIFT;
	if (name_equal(name, e->name))
		return (flags & exact) != 0;
	return (flags & ~exact) != 0 && name_in(name, e->name);
}

static bool
is_of_type(const struct list_types *types, uint16_t qtype)
{
	for (size_t i = 0; i < types->n; i++)
		if (types->v[i] == qtype)
			return !types->except;
	return types->except;
}

bool
list_entry_is_about(
    const struct list_entry *e, const struct name *name, uint16_t qtype)
{
	if (e->pattern != NULL ? !pattern_has(e->pattern, name)
			       : e->name == NULL || !is_said_of(e, name))
		return false;
	if (e->kind == LIST_ENTRY_TYPES &&
	    (qtype == 0 || !is_of_type(&e->types, qtype)))
		return false;
	for (size_t i = 0; i < e->n_others; i++)
		if (name_in(name, &e->others[i]))
			return false;
	return true;
}

bool
list_entry_is_about_addr(const struct list_entry *e, const struct addr *addr)
{
	struct addr a = addr_unmap(addr), far = a;
	struct addr_range range;

	if (e->kind != LIST_ENTRY_ADDR && e->kind != LIST_ENTRY_ADDR_RR)
		return false;
	range = addr_range_unmap(&e->range);
	(void)addr_nat64(&far, &a); /* most are not such */
	return addr_range_contains(&range, addr) ||
	       addr_range_contains(&range, &a) ||
	       addr_range_contains(&range, &far);
}
