#ifndef LINUX_USERS_H
#define LINUX_USERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "src/base/mono.h"

/* Names of users from /etc/passwd alone: NSS may ask the network, and the
 * answer would wait for our own verdict. */
struct users {
	struct users_entry *entries;
	size_t n;
	struct timespec mtime; /* of the file as read */
	ino_t ino;
	mono_t looked; /* at the file, for a change */
};

#define USERS_NUMLEN 12

void users_init(struct users *users);
void users_done(struct users *users);

/* The name, or the number written to buf; the file is read again when it has
 * changed, which a user of no name yet is told by at once, and all others in a
 * tenth of a second. Borrowed until the next call. */
const char *users_name(
    struct users *users, uint32_t uid, mono_t now, char buf[USERS_NUMLEN]);

#endif
