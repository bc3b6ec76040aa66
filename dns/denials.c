#include "dns/denials.h"

#include <stdlib.h>
#include <string.h>

/* Half a megabyte, of which only what is used is ever there. */
#define SLOTS 4096
/* Of names that are listed one in a thousand is longer. */
#define NAME_ROOM 72

struct slot {
	struct denials_by by; /* number 0: empty */
	mono_t until;
	struct decision decision;
	uint16_t type, class;
	uint8_t flags, group, len;
	uint8_t name[NAME_ROOM];
};

struct denials {
	struct slot slots[SLOTS];
};

struct denials *
denials_new(void)
{
	return calloc(1, sizeof(struct denials));
}

void
denials_free(struct denials *denials)
{
	free(denials);
}

static bool
is_key(const struct slot *slot, const struct key *key)
{
	return slot->type == key->type && slot->class == key->class &&
	       slot->flags == key->flags && slot->group == key->group &&
	       slot->len == key->name.len &&
	       memcmp(slot->name, key->name.wire, slot->len) == 0;
}

void
denials_put(struct denials *denials, const struct denials_by *by,
    const struct key *key, const struct decision *decision, mono_t until)
{
	struct slot *slot = &denials->slots[by->number % SLOTS];

	if (by->number == 0 || key->name.len > NAME_ROOM || decision->once)
		return;
	slot->by = *by;
	slot->until = until;
	slot->decision = *decision;
	slot->type = key->type;
	slot->class = key->class;
	slot->flags = key->flags;
	slot->group = key->group;
	slot->len = key->name.len;
	memcpy(slot->name, key->name.wire, key->name.len);
}

bool
denials_may_have(const struct denials *denials, const struct denials_by *by)
{
	const struct slot *slot = &denials->slots[by->number % SLOTS];

	return by->number != 0 && slot->by.number == by->number &&
	       slot->by.generation == by->generation &&
	       slot->by.asker == by->asker;
}

bool
denials_find(const struct denials *denials, const struct denials_by *by,
    const struct key *key, mono_t now, struct decision *ret)
{
	const struct slot *slot = &denials->slots[by->number % SLOTS];

	if (!denials_may_have(denials, by) || !mono_before(now, slot->until) ||
	    !is_key(slot, key))
		return false;
	*ret = slot->decision;
	return true;
}
