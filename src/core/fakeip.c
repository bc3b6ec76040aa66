#include "src/core/fakeip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/line.h"
#include "src/base/list.h"
#include "src/base/map.h"
#include "src/base/num.h"

/* The first addresses of a network have a look of their own. */
#define FIRST 256

struct entry {
	struct map_node node; /* by name */
	struct list lru;
	mono_t used;
	uint32_t number;
	struct name name;
};

struct fakeip {
	struct map map;
	struct list lru;  /* the youngest first */
	struct entry **v; /* by number */
	uint32_t next;	  /* all below are taken */
};

static const uint8_t prefix6[8] = { 0xfd, 0x17, 0x11, 0x17 };
/* Of an address of IPv6 the number is the last of it, behind these. */
static const uint8_t middle6[5] = { 0 };

struct fakeip *
fakeip_new(void)
{
	struct fakeip *fakeip = calloc(1, sizeof(*fakeip));

	if (fakeip == NULL)
		return NULL;
	list_init(&fakeip->lru);
	fakeip->v = calloc(FAKEIP_MAX, sizeof(fakeip->v[0]));
	if (fakeip->v == NULL || map_init(&fakeip->map) < 0) {
		free(fakeip->v);
		free(fakeip);
		return NULL;
	}
	return fakeip;
}

static void
forget(struct fakeip *fakeip, struct entry *entry)
{
	map_remove(&fakeip->map, &entry->node);
	list_remove(&entry->lru);
	fakeip->v[entry->number] = NULL;
	free(entry);
}

void
fakeip_free(struct fakeip *fakeip)
{
	if (fakeip == NULL)
		return;
	while (!list_empty(&fakeip->lru))
		forget(
		    fakeip, container_of(fakeip->lru.next, struct entry, lru));
	map_done(&fakeip->map);
	free(fakeip->v);
	free(fakeip);
}

static uint64_t
hash_of(const struct fakeip *fakeip, const struct name *name)
{
	return map_hash(&fakeip->map, name->wire, name->len);
}

static struct entry *
find(const struct fakeip *fakeip, const struct name *name)
{
	uint64_t hash = hash_of(fakeip, name);
	struct map_node *node = map_first(&fakeip->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct entry *entry = container_of(node, struct entry, node);

		if (name_equal(&entry->name, name))
			return entry;
	}
	return NULL;
}

static void
touch(struct fakeip *fakeip, struct entry *entry, mono_t now)
{
	entry->used = now;
	list_remove(&entry->lru);
	list_prepend(&fakeip->lru, &entry->lru);
}

/* With this number, which nobody has. */
static bool
put(struct fakeip *fakeip, const struct name *name, uint32_t number, mono_t now)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return false;
	entry->number = number;
	entry->name = *name;
	entry->used = now;
	fakeip->v[number] = entry;
	map_put(&fakeip->map, &entry->node, hash_of(fakeip, name));
	list_prepend(&fakeip->lru, &entry->lru);
	return true;
}

bool
fakeip_is_full(const struct fakeip *fakeip)
{
	return fakeip->map.count >= FAKEIP_MAX;
}

/* 0, or -ENOSPC: the one that was used longest ago is in use still. */
static int
free_number(struct fakeip *fakeip, mono_t now, uint32_t *ret)
{
	struct entry *oldest;

	while (fakeip->next < FAKEIP_MAX && fakeip->v[fakeip->next] != NULL)
		fakeip->next++;
	if (fakeip->next < FAKEIP_MAX) {
		*ret = fakeip->next;
		return 0;
	}
	oldest = container_of(fakeip->lru.prev, struct entry, lru);
	if (mono_since(now, oldest->used) < FAKEIP_KEPT)
		return -ENOSPC;
	*ret = oldest->number;
	forget(fakeip, oldest);
	return 0;
}

static struct addr
addr_of(uint32_t number, enum addr_family family)
{
	uint32_t n = number + FIRST;
	uint8_t ip4[4] = { 198, (uint8_t)(18 + (n >> 16)), (uint8_t)(n >> 8),
		(uint8_t)n };
	uint8_t ip6[16] = { 0 };

	if (family == ADDR_IP4)
		return addr_ip4(ip4);
	memcpy(ip6, prefix6, sizeof(prefix6));
	ip6[13] = (uint8_t)(n >> 16);
	ip6[14] = (uint8_t)(n >> 8);
	ip6[15] = (uint8_t)n;
	return addr_ip6(ip6);
}

bool
fakeip_find(struct fakeip *fakeip, const struct name *name,
    enum addr_family family, mono_t now, struct addr *ret)
{
	struct entry *entry = find(fakeip, name);

	if (entry == NULL)
		return false;
	touch(fakeip, entry, now);
	*ret = addr_of(entry->number, family);
	return true;
}

int
fakeip_add(struct fakeip *fakeip, const struct name *name, mono_t now,
    uint32_t *ret_number)
{
	uint32_t number;
	int r = free_number(fakeip, now, &number);

	if (r < 0)
		return r;
	if (!put(fakeip, name, number, now)) {
		fakeip->next = number < fakeip->next ? number : fakeip->next;
		return -ENOMEM;
	}
	*ret_number = number;
	return 0;
}

bool
fakeip_is(const struct addr *addr)
{
	if (addr->family == ADDR_IP4)
		return addr->bytes[0] == 198 &&
		       (addr->bytes[1] == 18 || addr->bytes[1] == 19);
	return addr->family == ADDR_IP6 &&
	       memcmp(addr->bytes, prefix6, sizeof(prefix6)) == 0;
}

const struct name *
fakeip_name(struct fakeip *fakeip, const struct addr *addr, mono_t now)
{
	const uint8_t *b = addr->bytes;
	struct entry *entry;
	uint32_t n;

	if (!fakeip_is(addr))
		return NULL;
	if (addr->family == ADDR_IP4)
		n = (uint32_t)(b[1] - 18) << 16 | (uint32_t)b[2] << 8 | b[3];
	else if (memcmp(b + sizeof(prefix6), middle6, sizeof(middle6)) != 0)
		return NULL; /* never given out */
	else
		n = (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15];
	if (n < FIRST || n - FIRST >= FAKEIP_MAX)
		return NULL;
	entry = fakeip->v[n - FIRST];
	if (entry == NULL)
		return NULL;
	touch(fakeip, entry, now);
	return &entry->name;
}

size_t
fakeip_count(const struct fakeip *fakeip)
{
	return fakeip->map.count;
}

size_t
fakeip_line(
    const struct fakeip *fakeip, uint32_t number, char buf[FAKEIP_LINE_SIZE])
{
	const struct entry *entry = fakeip->v[number];
	char text[NAME_TEXT_SIZE];

	if (entry == NULL)
		return 0;
	return (size_t)snprintf(buf, FAKEIP_LINE_SIZE, "%u %s\n", number,
	    name_format(&entry->name, text)); /* fits */
}

void
fakeip_write(const struct fakeip *fakeip, FILE *out)
{
	const struct list *node = fakeip->lru.prev;
	char line[FAKEIP_LINE_SIZE];

	for (; node != &fakeip->lru; node = node->prev) {
		size_t len = fakeip_line(fakeip,
		    container_of(node, struct entry, lru)->number, line);

		fwrite(line, 1, len, out);
	}
}

static bool
read_line(struct fakeip *fakeip, const char *line, size_t len, mono_t now)
{
	const char *blank = memchr(line, ' ', len);
	struct entry *entry;
	uint64_t number;
	struct name name;
	size_t at;

	if (blank == NULL)
		return false;
	at = (size_t)(blank - line);
	if (num_parse(&number, line, at, FAKEIP_MAX - 1) < 0 ||
	    name_parse(&name, blank + 1, len - at - 1) < 0)
		return false;
	entry = find(fakeip, &name);
	if (entry != NULL)
		forget(fakeip, entry);
	if (fakeip->v[number] != NULL)
		forget(fakeip, fakeip->v[number]);
	return put(fakeip, &name, (uint32_t)number, now);
}

size_t
fakeip_read(struct fakeip *fakeip, const char *text, size_t len, mono_t now)
{
	struct line line;
	size_t bad = 0;

	fakeip->next = 0; /* a name that moves leaves a gap */
	while (line_next(&line, &text, &len))
		bad +=
		    line.len > 0 && !read_line(fakeip, line.s, line.len, now);
	return bad;
}
