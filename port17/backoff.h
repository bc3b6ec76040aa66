#ifndef PORT17_BACKOFF_H
#define PORT17_BACKOFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port17/outcome.h"
#include "src/base/mono.h"

/* What failed is left alone for a while, and twice as long each time: however
 * many ask for it, it is tried once a rest. Each has a number of its own, a
 * hash: two that have the same rest together. */
#define BACKOFF_FIRST_NS (500 * MONO_MS)
#define BACKOFF_LAST_NS (60 * MONO_S)
/* One that failed longest ago makes room, and may be tried at once. */
#define BACKOFF_MAX 256

struct backoff_rest {
	uint64_t number, group, ns;
	mono_t failed, until;
	bool tried; /* one of its tries is under way */
	enum outcome outcome;
};

struct backoff {
	size_t n;
	struct backoff_rest v[BACKOFF_MAX]; /* zeroed is empty */
};

/* Whether it may be tried now: then it is. `reached` is when anybody reached it
 * last, ns 0 for never: after that nobody has to wait who could not. */
bool backoff_may(
    struct backoff *backoff, uint64_t number, mono_t reached, mono_t now);

/* It failed like this; what fails while it rests is no news. Where it could not
 * be reached, others may reach it first. group: of those that are shown
 * together. */
void backoff_failed(struct backoff *backoff, uint64_t number, uint64_t group,
    enum outcome outcome, mono_t now);

/* It is there: all may try it. It rests for longer when it fails soon again. */
void backoff_up(struct backoff *backoff, uint64_t number, mono_t now);

/* It works for good. */
void backoff_worked(struct backoff *backoff, uint64_t number);

/* The one that rests now; NULL: it does not. */
const struct backoff_rest *backoff_rest(
    const struct backoff *backoff, uint64_t number, mono_t now);

/* How many of a group rest now; *ret_next: which of them may be tried first. */
size_t backoff_resting(const struct backoff *backoff, uint64_t group,
    mono_t now, const struct backoff_rest **ret_next);

#endif
