#include "port17/pace.h"

bool
pace_wait(struct pace *pace, unsigned int n, mono_t now)
{
	bool quick = mono_since(now, pace->last) < PACE_QUICK_NS;

	pace->last = now;
	if (pace->on) {
		pace->on = n > PACE_FEW;
		pace->quick = 0;
	} else {
		pace->quick = quick ? (uint8_t)(pace->quick + 1) : 0;
		pace->on = pace->quick >= PACE_QUICK_MIN;
	}
	return pace->on && n < PACE_ENOUGH;
}
