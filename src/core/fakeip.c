#include "src/core/fakeip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/list.h"
#include "src/base/map.h"
#include "src/base/num.h"

/* The first addresses of a network have a look of their own. */
#define FIRST 256

struct entry {
	struct map_node node; /* by name */
	struct list lru;
	uint32_t number;
	struct name name;
};

struct fakeip {
	struct map map;
	struct list lru;  /* the youngest first */
	struct entry **v; /* by number */
	uint32_t next;	  /* never given yet, from here on */
};

static const uint8_t prefix6[8] = { 0xfd, 0x17, 0x11, 0x17 };

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
touch(struct fakeip *fakeip, struct entry *entry)
{
	list_remove(&entry->lru);
	list_prepend(&fakeip->lru, &entry->lru);
}

/* With this number, which nobody has. */
static struct entry *
put(struct fakeip *fakeip, const struct name *name, uint32_t number)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	entry->number = number;
	entry->name = *name;
	fakeip->v[number] = entry;
	map_put(&fakeip->map, &entry->node, hash_of(fakeip, name));
	list_prepend(&fakeip->lru, &entry->lru);
	return entry;
}

static uint32_t
free_number(struct fakeip *fakeip)
{
	struct entry *oldest;
	uint32_t number;

	while (fakeip->next < FAKEIP_MAX && fakeip->v[fakeip->next] != NULL)
		fakeip->next++;
	if (fakeip->next < FAKEIP_MAX)
		return fakeip->next++;
	oldest = container_of(fakeip->lru.prev, struct entry, lru);
	number = oldest->number;
	forget(fakeip, oldest);
	return number;
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

int
fakeip_get(struct fakeip *fakeip, const struct name *name,
    enum addr_family family, struct addr *ret, bool *ret_new)
{
	struct entry *entry = find(fakeip, name);
	bool new = entry == NULL;

	if (new)
		entry = put(fakeip, name, free_number(fakeip));
	if (entry == NULL)
		return -ENOMEM;
	touch(fakeip, entry);
	*ret = addr_of(entry->number, family);
	if (ret_new != NULL)
		*ret_new = new;
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
fakeip_name(struct fakeip *fakeip, const struct addr *addr)
{
	const uint8_t *b = addr->bytes;
	struct entry *entry;
	uint32_t n;

	if (!fakeip_is(addr))
		return NULL;
	if (addr->family == ADDR_IP4)
		n = (uint32_t)(b[1] - 18) << 16 | (uint32_t)b[2] << 8 | b[3];
	else
		n = (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15];
	if (n < FIRST || n - FIRST >= FAKEIP_MAX)
		return NULL;
	entry = fakeip->v[n - FIRST];
	if (entry == NULL)
		return NULL;
	touch(fakeip, entry);
	return &entry->name;
}

size_t
fakeip_count(const struct fakeip *fakeip)
{
	return fakeip->map.count;
}

static void
write_entry(const struct entry *entry, FILE *out)
{
	char text[NAME_TEXT_SIZE];

	fprintf(out, "%u %s\n", entry->number, name_format(&entry->name, text));
}

void
fakeip_write(const struct fakeip *fakeip, FILE *out)
{
	const struct list *node = fakeip->lru.prev;

	for (; node != &fakeip->lru; node = node->prev)
		write_entry(container_of(node, struct entry, lru), out);
}

void
fakeip_write_one(
    const struct fakeip *fakeip, const struct name *name, FILE *out)
{
	const struct entry *entry = find(fakeip, name);

	if (entry != NULL)
		write_entry(entry, out);
}

static bool
read_line(struct fakeip *fakeip, const char *line, size_t len)
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
	return put(fakeip, &name, (uint32_t)number) != NULL;
}

size_t
fakeip_read(struct fakeip *fakeip, const char *text, size_t len)
{
	size_t bad = 0;

	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t n = end != NULL ? (size_t)(end - text) : len;

		bad += n > 0 && !read_line(fakeip, text, n);
		n += end != NULL;
		text += n;
		len -= n;
	}
	return bad;
}
