#ifndef PORT17_PUMP_EV_H
#define PORT17_PUMP_EV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leg;
struct pipe;

/* What all directions of a daemon share: pipes and a buffer. */
struct pumps;

struct pumps *pumps_new(void);	      /* NULL: no memory */
void pumps_free(struct pumps *pumps); /* no direction is left; NULL too */

/* One direction of a relay, from leg to leg: copies what is little, splices
 * what is much, and passes the end on (half-close). Where the reader does not
 * keep up, no more than 64 KiB are held of what was copied. Zeroed but for its
 * legs to begin with. */
struct pump {
	struct leg *from, *to;
	uint64_t bytes; /* read so far */
	uint8_t *held;	/* read, and not written yet */
	uint32_t held_at, held_len;
	struct pipe *pipe;
	uint32_t piped;	     /* in the pipe */
	uint8_t full, small; /* in a row */
	int error;	     /* of the reader, behind what is held */
	bool eof : 1;	     /* read to the end */
	bool done : 1;	     /* that was passed on */
	bool cut : 1;	     /* what is read is not all: no end to pass on */
	bool last : 1;	     /* the legs are closed next: that passes it on */
	/* which of the two, where pump_run() failed; neither: memory ran out */
	bool broke_from : 1, broke_to : 1;
};

/* Bytes to be written before any that is read; once, at first. 0 or -ENOMEM.
 */
int pump_hold(struct pump *pump, const void *bytes, size_t len);

/* Moves all that goes now. 1: there may be more, but it is others' turn; 0: it
 * has to wait, or is done; -errno: see `broke_from`. */
int pump_run(struct pumps *pumps, struct pump *pump);

/* All was written; that the end was passed on, too, says `done`: it may wait
 * for room. */
bool pump_is_over(const struct pump *pump);

/* Gives back what it holds; legs are left alone. */
void pump_done(struct pumps *pumps, struct pump *pump);

#endif
