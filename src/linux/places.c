#include "src/linux/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "src/linux/cmdline.h"

/* What was there is there for so long. */
#define HAD_NS (2 * MONO_MS)

/* A mount is of the same file system for so long. */
#define MOUNT_NS MONO_S

void
places_done(struct places *places)
{
	for (size_t i = 0; i < PLACES_MAX; i++)
		free(places->all[i].path);
	memset(places, 0, sizeof(*places));
}

/* Who mounts another file system in the place of one has a new mount; its
 * number may be that of an old one. */
static bool
is_on(struct places *places, uint64_t mount, uint64_t dev, mono_t now)
{
	struct place_mount *known = &places->mount;

	if (known->seen.ns == 0 || known->mount != mount ||
	    mono_since(now, known->seen) >= MOUNT_NS) {
		known->seen = (mono_t){ 0 };
		if (file_id_mounted(mount, &known->dev) < 0)
			return false;
		known->mount = mount;
		known->seen = now;
	}
	return known->dev == dev;
}

/* Both are of no device: the kernel has one number for all of a file system,
 * and stat(2) more than one. Where it is only now in memory it is asked for
 * once more. */
static bool
is_seen_there(struct places *places, const struct placed *placed,
    struct file_id *there, mono_t now)
{
	uint64_t mount = 0;

	return placed->seen && placed->file.ino == there->ino &&
	       major(placed->file.dev) == 0 && major(there->dev) == 0 &&
	       file_id_known(there, &mount, placed->path) == 0 &&
	       placed->file.ino == there->ino && mount != 0 &&
	       is_on(places, mount, placed->file.dev, now);
}

/* Whoever has a mount namespace of his own has the executable at any path he
 * likes, of which the file system that we have there may never answer. */
static int
look(struct places *places, const struct placed *placed, mono_t now,
    struct file_id *ret)
{
	int r = file_id_known(ret, NULL, placed->path);

	/* who has no descriptor left asks by the path alone */
	if (r == -EAGAIN || r == -EMFILE || r == -ENFILE)
		r = cmdlines_file(
		    places->cmdlines, placed->path, placed->uid, ret);
	if (r == -ETIMEDOUT)
		return r;
	return r == 0 && (file_id_equal(&placed->file, ret) ||
			     is_seen_there(places, placed, ret, now));
}

int
places_has(struct places *places, const struct placed *placed)
{
	struct file_id there;

	return look(places, placed, (mono_t){ 0 }, &there);
}

static struct place *
find(struct places *places, const struct placed *placed)
{
	for (size_t i = 0; i < PLACES_MAX; i++) {
		struct place *place = &places->all[i];

		if (place->path != NULL &&
		    file_id_equal(&place->asked, &placed->file) &&
		    strcmp(place->path, placed->path) == 0)
			return place;
	}
	return NULL;
}

/* Without memory it is asked for again. */
static void
put(struct places *places, const struct placed *placed,
    const struct file_id *file, mono_t now)
{
	struct place *place = &places->all[places->next++ % PLACES_MAX];
	char *path = strdup(placed->path);

	if (path == NULL)
		return;
	free(place->path);
	place->path = path;
	place->asked = placed->file;
	place->file = *file;
	place->seen = now;
}

int
places_had(struct places *places, struct placed *placed, mono_t now)
{
	struct place *place = find(places, placed);
	struct file_id there;
	int r;

	if (place != NULL && mono_since(now, place->seen) < HAD_NS &&
	    (placed->seen || file_id_equal(&place->file, &placed->file))) {
		placed->file = place->file;
		return 1;
	}
	r = look(places, placed, now, &there);
	if (r != 1)
		return r;
	if (place != NULL) {
		place->file = there;
		place->seen = now;
	} else {
		put(places, placed, &there, now);
	}
	placed->file = there;
	return 1;
}
