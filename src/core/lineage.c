#include "src/core/lineage.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/spare.h"
#include "src/core/upward.h"

/* What readlink(2) puts behind the path of a file that has none any more. */
#define DELETED " (deleted)"

struct lineage {
	struct map map;
	struct list living, gone; /* the youngest first */
	size_t max, gone_max, n_gone;
	uint64_t evicted;
	struct spare kin; /* the next one */
};

struct image *
image_ref(const struct image *image)
{
	/* const is what callers see; the count is ours */
	((struct image *)image)->refs++;
	return (struct image *)image;
}

void
image_unref(const struct image *image_take)
{
	struct image *image = (struct image *)image_take; /* likewise */

	if (image == NULL)
		return;
	assert(image->refs > 0);
	if (--image->refs > 0)
		return;
	free(image->exe);
	free(image->args);
	free(image);
}

struct lineage *
lineage_new(size_t max, size_t gone_max)
{
	struct lineage *lineage = calloc(1, sizeof(*lineage));

	if (lineage == NULL)
		return NULL;
	lineage->max = max > 0 ? max : 1;
	lineage->gone_max = gone_max > 0 ? gone_max : 1;
	list_init(&lineage->living);
	list_init(&lineage->gone);
	if (map_init(&lineage->map) < 0) {
		free(lineage);
		return NULL;
	}
	return lineage;
}

static void
kin_forget(struct lineage *lineage, struct kin *kin)
{
	for (size_t i = 0; i < KIN_IMAGES; i++)
		image_unref(kin->images[i].image);
	list_remove(&kin->lru);
	map_remove(&lineage->map, &kin->node);
	lineage->n_gone -= kin->gone;
	free(kin);
}

void
lineage_free(struct lineage *lineage)
{
	if (lineage == NULL)
		return;
	while (!list_empty(&lineage->living))
		kin_forget(lineage,
		    container_of(lineage->living.next, struct kin, lru));
	while (!list_empty(&lineage->gone))
		kin_forget(
		    lineage, container_of(lineage->gone.next, struct kin, lru));
	map_done(&lineage->map);
	spare_done(&lineage->kin);
	free(lineage);
}

void
lineage_expect(const struct lineage *lineage)
{
	spare_expect(&lineage->kin, sizeof(struct kin));
}

/* By the pid alone: few had the same one after each other, and not all who ask
 * know the start as well as the kernel does. Those that are not seen from here
 * have none. */
static uint64_t
hash_of(const struct lineage *lineage, pid_t pid, uint64_t start)
{
	const uint64_t key = pid > 0 ? (uint64_t)pid : start;

	return map_hash(&lineage->map, &key, sizeof(key));
}

/* unit: how many nanoseconds a start is counted in. */
static struct kin *
find_about(
    const struct lineage *lineage, pid_t pid, uint64_t start, uint64_t unit)
{
	uint64_t hash = hash_of(lineage, pid, start);
	struct map_node *node = map_first(&lineage->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct kin *kin = container_of(node, struct kin, node);

		if (kin->pid == pid && kin->start / unit == start)
			return kin;
	}
	return NULL;
}

static struct kin *
find(const struct lineage *lineage, pid_t pid, uint64_t start)
{
	return find_about(lineage, pid, start, 1);
}

/* Keeps it longer. */
static void
used(struct lineage *lineage, struct kin *kin)
{
	list_remove(&kin->lru);
	list_prepend(kin->gone ? &lineage->gone : &lineage->living, &kin->lru);
}

const struct kin *
lineage_find(struct lineage *lineage, pid_t pid, uint64_t start)
{
	struct kin *kin = find(lineage, pid, start);

	if (kin != NULL) /* it is of interest */
		used(lineage, kin);
	return kin;
}

const struct kin *
lineage_find_about(
    struct lineage *lineage, pid_t pid, uint64_t start, uint64_t unit)
{
	struct kin *kin = find_about(lineage, pid, start, unit);

	if (kin != NULL)
		used(lineage, kin);
	return kin;
}

/* As far as was heard; before: it started before that. */
static struct kin *
find_living(const struct lineage *lineage, pid_t pid, uint64_t before)
{
	uint64_t hash = hash_of(lineage, pid, 0);
	struct map_node *node = pid > 0 ? map_first(&lineage->map, hash) : NULL;

	for (; node != NULL; node = map_next(node, hash)) {
		struct kin *kin = container_of(node, struct kin, node);

		if (kin->pid == pid && kin->start < before && !kin->gone)
			return kin;
	}
	return NULL;
}

const struct kin *
lineage_find_living(struct lineage *lineage, pid_t pid)
{
	struct kin *kin = find_living(lineage, pid, UINT64_MAX);

	if (kin != NULL)
		used(lineage, kin);
	return kin;
}

/* One that lives can't be heard of again: it goes when all that are gone are
 * forgotten. */
static void
make_room(struct lineage *lineage)
{
	struct list *from = &lineage->gone;

	if (lineage->map.count < lineage->max)
		return;
	if (list_empty(from)) {
		from = &lineage->living;
		lineage->evicted++;
	}
	kin_forget(lineage, container_of(from->prev, struct kin, lru));
}

/* Finds or makes it; NULL when there is no memory. */
static struct kin *
get(struct lineage *lineage, pid_t pid, uint64_t start)
{
	struct kin *kin = find(lineage, pid, start);

	if (kin == NULL) {
		kin = spare_take(&lineage->kin, sizeof(*kin));
		if (kin == NULL)
			return NULL;
		make_room(lineage);
		kin->pid = pid;
		kin->start = start;
		list_init(&kin->lru);
		map_put(
		    &lineage->map, &kin->node, hash_of(lineage, pid, start));
	}
	used(lineage, kin);
	return kin;
}

void
lineage_exit(struct lineage *lineage, pid_t pid, uint64_t start)
{
	struct kin *kin = find(lineage, pid, start);

	if (kin == NULL || kin->gone)
		return;
	if (lineage->n_gone >= lineage->gone_max)
		kin_forget(
		    lineage, container_of(lineage->gone.prev, struct kin, lru));
	kin->gone = true;
	lineage->n_gone++;
	used(lineage, kin);
}

int
lineage_fork(struct lineage *lineage, const struct fork *child)
{
	const struct kin *from, *before;
	const struct image *image = NULL;
	struct kin *kin;

	map_expect(
	    &lineage->map, hash_of(lineage, child->from, child->from_start));
	kin = get(lineage, child->pid, child->start);
	if (kin == NULL)
		return -ENOMEM;
	/* a number is given again when who had it has ended: that was lost */
	while ((before = find_living(lineage, kin->pid, kin->start)) != NULL)
		lineage_exit(lineage, before->pid, before->start);
	kin->ppid = child->ppid;
	kin->pstart = child->pstart;
	/* told late, or once more: see lineage_exec() */
	if (kin_image(kin, child->exec) != NULL ||
	    kin->images[0].exec > child->exec)
		return 0;
	/* one that has children is kept: they are what it was */
	from = lineage_find(lineage, child->from, child->from_start);
	if (from != NULL)
		image = kin_image(from, child->exec);
	image_unref(kin->images[0].image);
	kin->images[0] = (struct kin_image){ child->exec,
		image != NULL ? image_ref(image) : NULL };
	return 0;
}

/* NULL when there is no memory. */
static char *
join_path(const struct exec *program)
{
	char *path = malloc(program->path_len + sizeof(DELETED) + 1);
	size_t at;

	if (path == NULL)
		return NULL;
	at = upward_path(path, program->path, program->path_len);
	if (program->deleted && at > 0) {
		memcpy(path + at, DELETED, sizeof(DELETED) - 1);
		at += sizeof(DELETED) - 1;
	}
	path[at] = '\0';
	return path;
}

static struct image *
image_new(const struct exec *program)
{
	struct image *image = calloc(1, sizeof(*image));

	if (image == NULL)
		return NULL;
	image->refs = 1;
	image->exe_dev = program->exe_dev;
	image->exe_ino = program->exe_ino;
	image->mounts = program->mounts;
	image->exe = join_path(program);
	image->args = malloc(program->args_len + 1);
	if (image->exe == NULL || image->args == NULL) {
		image_unref(image);
		return NULL;
	}
	memcpy(image->args, program->args, program->args_len);
	image->args[program->args_len] = '\0';
	image->args_len = program->args_len;
	return image;
}

int
lineage_exec(struct lineage *lineage, const struct exec *program)
{
	struct kin *kin = get(lineage, program->pid, program->start);

	if (kin == NULL)
		return -ENOMEM;
	/* who started it stays so: by now it may be another one's */
	if (kin->ppid == 0) {
		kin->ppid = program->ppid;
		kin->pstart = program->pstart;
	}
	/* told once more: what it names as its executable since is no news.
	 * What is told late, by the other ring, never stands before what the
	 * process became since */
	if (kin_image(kin, program->exec) != NULL ||
	    kin->images[0].exec > program->exec)
		return 0;
	if (kin->images[0].exec != program->exec) {
		image_unref(kin->images[KIN_IMAGES - 1].image);
		memmove(&kin->images[1], &kin->images[0],
		    (KIN_IMAGES - 1) * sizeof(kin->images[0]));
	}
	kin->images[0] = (struct kin_image){ .exec = program->exec,
		.image = image_new(program) };
	return kin->images[0].image != NULL ? 0 : -ENOMEM;
}

const struct image *
kin_image(const struct kin *kin, uint64_t exec)
{
	for (size_t i = 0; i < KIN_IMAGES; i++)
		if (kin->images[i].image != NULL && kin->images[i].exec == exec)
			return kin->images[i].image;
	return NULL;
}

uint64_t
lineage_evicted(const struct lineage *lineage)
{
	return lineage->evicted;
}

size_t
lineage_count(const struct lineage *lineage)
{
	return lineage->map.count;
}
