#include "dns/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/arena.h"
#include "src/base/line.h"
#include "src/base/list.h"
#include "src/base/map.h"

/* One pair of name and address. */
struct pair {
	struct map_node by_name, by_addr;
	size_t place; /* in the file */
	struct addr addr;
	uint8_t len;
	uint8_t wire[]; /* the name */
};

struct hosts {
	struct arena *arena;
	struct map by_name, by_addr;
	size_t n, faults;
	struct addr full; /* the last one found to have HOSTS_MAX names */
};

void
hosts_free(struct hosts *hosts)
{
	if (hosts == NULL)
		return;
	map_done(&hosts->by_name);
	map_done(&hosts->by_addr);
	arena_free(hosts->arena);
	free(hosts);
}

/* Whether an address has all the names that are told. Files that block have one
 * address for thousands: those of the first lines, such as localhost, count. */
static bool
has_all(struct hosts *hosts, const struct addr *addr, uint64_t hash)
{
	struct map_node *node = map_first(&hosts->by_addr, hash);
	size_t n = 0;

	if (addr_equal(addr, &hosts->full))
		return true;
	for (; node != NULL; node = map_next(node, hash))
		n += addr_equal(
		    &container_of(node, struct pair, by_addr)->addr, addr);
	if (n >= HOSTS_MAX)
		hosts->full = *addr;
	return n >= HOSTS_MAX;
}

static bool
is_of(const struct pair *pair, const struct name *name)
{
	return pair->len == name->len &&
	       memcmp(pair->wire, name->wire, name->len) == 0;
}

/* Whether a name has the address, since a record stands in an answer once (RFC
 * 2181 section 5); *ret_full: it has as many as are told. The first lines
 * count. */
static bool
is_known(const struct hosts *hosts, const struct addr *addr,
    const struct name *name, uint64_t hash, bool *ret_full)
{
	struct map_node *node = map_first(&hosts->by_name, hash);
	size_t n = 0;

	for (; node != NULL; node = map_next(node, hash)) {
		const struct pair *pair =
		    container_of(node, struct pair, by_name);

		if (!is_of(pair, name))
			continue;
		if (addr_equal(&pair->addr, addr))
			return true;
		n++;
	}
	*ret_full = n >= HOSTS_MAX;
	return false;
}

static bool
add(struct hosts *hosts, const struct addr *addr, const struct name *name)
{
	uint64_t hash = map_hash(&hosts->by_addr, addr, sizeof(*addr));
	uint64_t named = map_hash(&hosts->by_name, name->wire, name->len);
	struct pair *pair;
	bool full;

	if (is_known(hosts, addr, name, named, &full))
		return true;
	pair = arena_alloc(hosts->arena, 1, sizeof(*pair) + name->len);
	if (pair == NULL)
		return false;
	pair->addr = *addr;
	pair->len = name->len;
	memcpy(pair->wire, name->wire, name->len);
	if (!full)
		map_put(&hosts->by_name, &pair->by_name, named);
	if (!has_all(hosts, addr, hash))
		map_put(&hosts->by_addr, &pair->by_addr, hash);
	pair->place = hosts->n++;
	return true;
}

/* The next word of s[*at..end); its length, 0 for none. */
static size_t
next_word(const char *s, size_t *at, size_t end, const char **ret)
{
	size_t n = 0;

	while (*at < end && (s[*at] == ' ' || s[*at] == '\t' || s[*at] == '\r'))
		(*at)++;
	*ret = s + *at;
	while (*at < end && s[*at] != ' ' && s[*at] != '\t' && s[*at] != '\r') {
		(*at)++;
		n++;
	}
	return n;
}

static bool
read_line(struct hosts *hosts, const char *s, size_t end)
{
	const char *word, *scope;
	struct addr addr;
	struct name name;
	size_t at = 0, n = next_word(s, &at, end, &word);

	if (n == 0)
		return true;
	/* fe80::1%lo0: an address of a link, for that link's users only */
	scope = memchr(word, '%', n);
	if (scope != NULL || addr_parse(&addr, word, n) < 0) {
		hosts->faults++;
		return true;
	}
	while ((n = next_word(s, &at, end, &word)) > 0) {
		if (name_parse(&name, word, n) < 0 || name_is_root(&name))
			hosts->faults++;
		else if (!add(hosts, &addr, &name))
			return false;
	}
	return true;
}

struct hosts *
hosts_read(const char *text, size_t len)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));
	struct line line;

	if (hosts == NULL)
		return NULL;
	hosts->arena = arena_new();
	if (hosts->arena == NULL || map_init(&hosts->by_name) < 0 ||
	    map_init(&hosts->by_addr) < 0)
		goto fail;
	/* the byte order mark of UTF-8: editors of Windows write it */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	while (line_next(&line, &text, &len)) {
		const char *hash = memchr(line.s, '#', line.len);

		if (!read_line(hosts, line.s,
			hash != NULL ? (size_t)(hash - line.s) : line.len))
			goto fail;
	}
	return hosts;
fail:
	hosts_free(hosts);
	return NULL;
}

/* In the order of the file: chains of the map have none. */
static size_t
put_in_order(const struct pair *found[], size_t n, const struct pair *pair)
{
	size_t at = n;

	for (; at > 0 && found[at - 1]->place > pair->place; at--)
		found[at] = found[at - 1];
	found[at] = pair;
	return n + 1;
}

size_t
hosts_addresses(const struct hosts *hosts, const struct name *name,
    struct addr ret[HOSTS_MAX])
{
	uint64_t hash = map_hash(&hosts->by_name, name->wire, name->len);
	struct map_node *node = map_first(&hosts->by_name, hash);
	const struct pair *found[HOSTS_MAX];
	size_t n = 0;

	for (; node != NULL && n < HOSTS_MAX; node = map_next(node, hash)) {
		const struct pair *pair =
		    container_of(node, struct pair, by_name);

		if (is_of(pair, name))
			n = put_in_order(found, n, pair);
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = found[i]->addr;
	return n;
}

size_t
hosts_names(const struct hosts *hosts, const struct addr *addr,
    struct name ret[HOSTS_MAX])
{
	uint64_t hash = map_hash(&hosts->by_addr, addr, sizeof(*addr));
	struct map_node *node = map_first(&hosts->by_addr, hash);
	const struct pair *found[HOSTS_MAX];
	size_t n = 0;

	for (; node != NULL && n < HOSTS_MAX; node = map_next(node, hash)) {
		const struct pair *pair =
		    container_of(node, struct pair, by_addr);

		if (addr_equal(&pair->addr, addr))
			n = put_in_order(found, n, pair);
	}
	for (size_t i = 0; i < n; i++) {
		ret[i].len = found[i]->len;
		memcpy(ret[i].wire, found[i]->wire, ret[i].len);
	}
	return n;
}

size_t
hosts_count(const struct hosts *hosts)
{
	return hosts->n;
}

size_t
hosts_faults(const struct hosts *hosts)
{
	return hosts->faults;
}
