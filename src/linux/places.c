#include "src/linux/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/linux/cmdline.h"

/* What was there is there for so long. */
#define HAD_NS (2 * MONO_MS)

void
places_done(struct places *places)
{
	for (size_t i = 0; i < PLACES_MAX; i++)
		free(places->all[i].path);
	memset(places, 0, sizeof(*places));
}

/* Whoever has a mount namespace of his own has the executable at any path he
 * likes, of which the file system that we have there may never answer. */
int
places_has(struct places *places, const struct placed *placed)
{
	struct file_id there;
	int r = file_id_known(&there, placed->path);

	/* who has no descriptor left asks by the path alone */
	if (r == -EAGAIN || r == -EMFILE || r == -ENFILE)
		r = cmdlines_file(
		    places->cmdlines, placed->path, placed->uid, &there);
	if (r == -ETIMEDOUT)
		return r;
	return r == 0 && file_id_equal(&placed->file, &there);
}

static struct place *
find(struct places *places, const struct placed *placed)
{
	for (size_t i = 0; i < PLACES_MAX; i++) {
		struct place *place = &places->all[i];

		if (place->path != NULL &&
		    file_id_equal(&place->file, &placed->file) &&
		    strcmp(place->path, placed->path) == 0)
			return place;
	}
	return NULL;
}

/* Without memory it is asked for again. */
static void
put(struct places *places, const struct placed *placed, mono_t now)
{
	struct place *place = &places->all[places->next++ % PLACES_MAX];
	char *path = strdup(placed->path);

	if (path == NULL)
		return;
	free(place->path);
	place->path = path;
	place->file = placed->file;
	place->seen = now;
}

int
places_had_within(
    struct places *places, const struct placed *placed, mono_t now, uint64_t ns)
{
	struct place *place = find(places, placed);
	int r;

	if (place != NULL && mono_since(now, place->seen) < ns)
		return 1;
	r = places_has(places, placed);
	if (r == 1 && place != NULL)
		place->seen = now;
	else if (r == 1)
		put(places, placed, now);
	return r;
}

int
places_had(struct places *places, const struct placed *placed, mono_t now)
{
	return places_had_within(places, placed, now, HAD_NS);
}
