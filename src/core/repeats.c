#include "src/core/repeats.h"

/* A text that is taken for another one is not said: no more than that. */
static uint64_t
hash(const char *text)
{
	uint64_t sum = 5381;

	for (; *text != '\0'; text++)
		sum = sum * 31 + (uint8_t)*text;
	return sum;
}

void
repeats_begin(struct repeats *repeats, mono_t now)
{
	if (mono_since(now, repeats->last) >= REPEATS_QUIET_NS)
		repeats->n = 0;
	repeats->last = now;
	repeats->said = false;
}

bool
repeats_is_new(struct repeats *repeats, const char *text)
{
	uint64_t sum = hash(text);

	for (size_t i = 0; i < repeats->n; i++)
		if (repeats->texts[i] == sum)
			return false;
	if (repeats->n == REPEATS_TEXTS)
		return false;
	repeats->texts[repeats->n++] = sum;
	repeats->said = true;
	return true;
}

void
repeats_end(struct repeats *repeats, mono_t now)
{
	if (repeats->said)
		return;
	if (repeats->more++ == 0)
		repeats->since = now;
}

uint64_t
repeats_sum(struct repeats *repeats, mono_t now)
{
	uint64_t more = repeats->more;

	if (more == 0 || mono_since(now, repeats->since) < REPEATS_QUIET_NS)
		return 0;
	repeats->more = 0;
	return more;
}

bool
standing_is_new(struct standing *standing, const char *text)
{
	uint64_t sum = hash(text);

	for (size_t i = 0; i < standing->n; i++)
		if (standing->v[i].text == sum) {
			standing->v[i].seen = true;
			return false;
		}
	if (standing->n == STANDING_TEXTS)
		return false;
	standing->v[standing->n].text = sum;
	standing->v[standing->n++].seen = true;
	return true;
}

void
standing_end(struct standing *standing, bool whole)
{
	size_t n = 0;

	for (size_t i = 0; i < standing->n; i++) {
		if (whole && !standing->v[i].seen)
			continue;
		standing->v[n].text = standing->v[i].text;
		standing->v[n++].seen = false;
	}
	standing->n = n;
}
