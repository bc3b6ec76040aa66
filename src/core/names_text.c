#include "src/core/names.h"

#include <inttypes.h>
#include <string.h>

#include "src/base/line.h"
#include "src/base/num.h"
#include "src/core/names_own.h"

/* First line: this word, the boot, the wall clock in ms. Then, one a line and
 * the one used longest ago first: address, pid, start, device and inode of the
 * executable (0 each for anybody), ms to its end, name. */
#define MAGIC "rerouted-names-1"

#define N_WORDS 7

static void
write_entry(
    const struct names_entry *entry, const struct names_moment *at, FILE *out)
{
	const struct names_key *key = &entry->key;
	char addr[ADDR_STRLEN], name[NAME_TEXT_SIZE];

	/* the one in front was learnt last */
	for (uint8_t i = entry->hosts->n; i > 0; i--) {
		uint64_t left = mono_since(entry->holds[i - 1].end, at->now);

		if (left < MONO_MS)
			continue;
		fprintf(out,
		    "%s %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64
		    " %" PRIu64 " %s\n",
		    addr_format(&key->addr, addr), key->pid, key->start,
		    key->exe_dev, key->exe_ino, left / MONO_MS,
		    name_format(entry->hosts->v[i - 1], name));
	}
}

void
names_write(struct names *names, const struct names_moment *at, FILE *out)
{
	const struct list *node = &names->lru;
	const struct names_entry *entry;
	size_t n = 0;

	names_settle(names);
	fprintf(out, MAGIC " %s %" PRIu64 "\n",
	    at->boot[0] != '\0' ? at->boot : "-", at->wall_ms);
	while (node->next != &names->lru) {
		entry = container_of(node->next, struct names_entry, lru);
		n += entry->hosts->n;
		if (n > NAMES_SAVED_MAX)
			break;
		node = node->next;
	}
	for (; node != &names->lru; node = node->prev)
		write_entry(
		    container_of(node, struct names_entry, lru), at, out);
}

/* Reading ------------------------------------------------------------------ */

struct word {
	const char *s;
	size_t len;
};

/* Words between single blanks; how many there are, at most max + 1. */
static size_t
split(const char *s, size_t len, struct word *v, size_t max)
{
	size_t n = 0;

	for (;;) {
		const char *blank = memchr(s, ' ', len);
		size_t part = blank != NULL ? (size_t)(blank - s) : len;

		if (n == max)
			return max + 1;
		v[n++] = (struct word){ s, part };
		if (blank == NULL)
			return n;
		s += part + 1;
		len -= part + 1;
	}
}

/* Of the moment that a text was written at. */
struct written {
	bool same_boot;
	uint64_t ago_ms;
};

static bool
read_head(struct written *ret, const char *s, size_t len,
    const struct names_moment *at)
{
	struct word w[3];
	uint64_t wall_ms = 0;

	if (split(s, len, w, 3) != 3 || w[0].len != strlen(MAGIC) ||
	    memcmp(w[0].s, MAGIC, w[0].len) != 0 ||
	    num_parse(&wall_ms, w[2].s, w[2].len, UINT64_MAX) < 0)
		return false;
	ret->same_boot = at->boot[0] != '\0' && strlen(at->boot) == w[1].len &&
			 memcmp(at->boot, w[1].s, w[1].len) == 0;
	/* a clock that was set back makes names hold longer, not for ever:
	 * what is left of each is bounded */
	ret->ago_ms = at->wall_ms > wall_ms ? at->wall_ms - wall_ms : 0;
	return true;
}

/* False where the line is no good. */
static bool
read_line(struct names *names, const struct written *written, const char *s,
    size_t len, mono_t now)
{
	struct names_key key;
	uint64_t pid = 0, left = 0;
	struct word w[N_WORDS];
	struct name name;
	struct addr addr;

	memset(&key, 0, sizeof(key));
	if (split(s, len, w, N_WORDS) != N_WORDS ||
	    addr_parse(&addr, w[0].s, w[0].len) < 0 ||
	    num_parse(&pid, w[1].s, w[1].len, INT32_MAX) < 0 ||
	    num_parse(&key.start, w[2].s, w[2].len, UINT64_MAX) < 0 ||
	    num_parse(&key.exe_dev, w[3].s, w[3].len, UINT64_MAX) < 0 ||
	    num_parse(&key.exe_ino, w[4].s, w[4].len, UINT64_MAX) < 0 ||
	    num_parse(&left, w[5].s, w[5].len,
		(uint64_t)NAMES_TTL_MAX_S * 1000) < 0 ||
	    name_parse(&name, w[6].s, w[6].len) < 0)
		return false;
	key.pid = (uint32_t)pid;
	key.addr = addr_unmap(&addr);
	if (pid == 0 &&
	    (key.start != 0 || key.exe_dev != 0 || key.exe_ino != 0))
		return false;
	if (left <= written->ago_ms || (pid != 0 && !written->same_boot))
		return true; /* it was good then */
	names_put(names,
	    &(struct names_told){ &key, &key, &name,
		map_hash(&names->map, &key, sizeof(key)),
		{ .end = mono_add(now, (left - written->ago_ms) * MONO_MS),
		    .uid = pid != 0 ? HOST_NAMES_OWN : HOST_NAMES_NOBODY } },
	    now);
	return true;
}

size_t
names_read(struct names *names, const char *text, size_t len,
    const struct names_moment *at)
{
	struct written written;
	struct line line;
	size_t bad = 0;

	names_settle(names);
	if (!line_next(&line, &text, &len))
		return 0;
	if (!line.ended || !read_head(&written, line.s, line.len, at))
		return 1;
	/* a line that was cut may be another name */
	while (line_next(&line, &text, &len))
		bad += !line.ended ||
		       !read_line(names, &written, line.s, line.len, at->now);
	return bad;
}
