#ifndef PORT17_PACE_H
#define PORT17_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/mono.h"

/* Waking up costs more than a datagram does. Where a sender is so fast that
 * each wake-up finds one or two, the next one waits for a moment, and then
 * finds several; where it is not, nobody waits. Zeroed to begin with. */
struct pace {
	mono_t last;
	uint8_t quick; /* wake-ups in a row that followed at once */
	bool on;
};

/* How long one waits: far less than a link takes. */
#define PACE_NS (60 * UINT64_C(1000))
/* What those of one pacer may take of the loop in one go. */
#define PACE_SLICE_NS MONO_MS

/* So soon after the last is quick; so many make a fast sender. */
#define PACE_QUICK_NS (40 * UINT64_C(1000))
#define PACE_QUICK_MIN 64
/* So many a wake-up are enough, and so few are not worth a wait. */
#define PACE_ENOUGH 16
#define PACE_FEW 2

/* A wake-up read n datagrams: whether the next one is to wait. */
bool pace_wait(struct pace *pace, unsigned int n, mono_t now);

#endif
