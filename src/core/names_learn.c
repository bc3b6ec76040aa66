#include "src/core/names_own.h"

#include <string.h>

mono_t
names_end(mono_t now, uint32_t ttl_s)
{
	uint64_t s = ttl_s < NAMES_FLOOR_S     ? NAMES_FLOOR_S
		     : ttl_s > NAMES_TTL_MAX_S ? NAMES_TTL_MAX_S
					       : ttl_s;

	return mono_add(now, s * MONO_S);
}

bool
host_names_was_told(const struct host_names *hosts, uint8_t i)
{
	return hosts->holds[i].uid == HOST_NAMES_OWN;
}

/* Whose program it is. */
static uint32_t
uid_of(const struct process *proc)
{
	return proc != NULL && proc->kind == PROCESS_PROGRAM
		   ? proc->uid
		   : HOST_NAMES_NOBODY;
}

/* What is first at its place: mostly the one, where there is one. */
static void
expect(const struct names *names, uint64_t hash)
{
	const struct map_node *node = map_expected(&names->map, hash);

	if (node != NULL)
		names_expect_entry(
		    container_of(node, struct names_entry, node));
}

static void
expect_names(const struct names *names, uint64_t hash)
{
	const struct map_node *node = map_expected(&names->map, hash);

	if (node != NULL && node->hash == hash)
		__builtin_prefetch(
		    container_of(node, struct names_entry, node)->hosts);
}

static void
put(struct names *names, const struct names_lesson *lesson)
{
	struct names_told told = { &lesson->key, &lesson->key, &lesson->name,
		lesson->hash, { .end = lesson->end, .uid = HOST_NAMES_OWN } };

	if (lesson->key.pid != 0)
		names_put(names, &told, lesson->time);
	told.key = &lesson->anybody;
	told.hash = lesson->anybody_hash;
	told.hold.uid = lesson->uid;
	names_put(names, &told, lesson->time);
}

void
names_settle(struct names *names)
{
	size_t n = names->n_lessons;

	names->n_lessons = 0;
	for (size_t i = 0; n > 1 && i < n; i++) {
		expect(names, names->lessons[i].hash);
		expect(names, names->lessons[i].anybody_hash);
	}
	for (size_t i = 0; n > 1 && i < n; i++) {
		expect_names(names, names->lessons[i].hash);
		expect_names(names, names->lessons[i].anybody_hash);
	}
	for (size_t i = 0; i < n; i++)
		put(names, &names->lessons[i]);
}

void
names_learn(struct names *names, const struct process *proc,
    const struct name *name, const struct addr *addr, uint32_t ttl_s,
    mono_t now)
{
	struct names_lesson *lesson = &names->lessons[names->n_lessons++];
	struct addr plain = addr_unmap(addr);

	names->stats->names_learnt++;
	lesson->key = names_key_of(proc, &plain);
	lesson->anybody = names_key_of(NULL, &plain);
	lesson->hash = map_hash(&names->map, &lesson->key, sizeof(lesson->key));
	lesson->anybody_hash =
	    map_hash(&names->map, &lesson->anybody, sizeof(lesson->anybody));
	map_expect(&names->map, lesson->hash);
	map_expect(&names->map, lesson->anybody_hash);
	lesson->uid = uid_of(proc);
	lesson->time = now;
	lesson->end = names_end(now, ttl_s);
	lesson->name.len = name->len;
	memcpy(lesson->name.wire, name->wire, name->len);
	if (names->n_lessons == NAMES_LESSONS)
		names_settle(names);
}
