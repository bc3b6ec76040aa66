#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/* The service manager, where there is one (sd_notify(3)); all of this does
 * nothing elsewhere. */
void notify_ready(void);
void notify_stopping(void);
void notify_reloading(void);
void notify_alive(void);

/* Microseconds between two notify_alive(), half of what the manager waits; 0
 * when it does not wait for any. */
uint64_t notify_interval_us(void);

#endif
