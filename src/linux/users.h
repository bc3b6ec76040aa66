#ifndef LINUX_USERS_H
#define LINUX_USERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/mono.h"
#include "src/linux/file_id.h"

struct cmdlines;

/* Names of users from /etc/passwd alone: NSS may ask the network, and the
 * answer would wait for our own verdict. */
struct users {
	struct users_entry *entries;
	size_t n;
	struct file_state state;   /* of the file as it was read */
	mono_t looked;		   /* at the file, for a change */
	struct cmdlines *cmdlines; /* borrowed: they wait for file systems */
};

#define USERS_NUMLEN 12

/* Reads the file, however long that takes. */
void users_init(struct users *users, struct cmdlines *cmdlines);
void users_done(struct users *users);

/* The name, or the number written to buf; the file is read again when it has
 * changed, which a user of no name yet is told by at once, and all others in a
 * tenth of a second; while its file system does not answer, what was known is
 * told. Borrowed until the next call. */
const char *users_name(
    struct users *users, uint32_t uid, mono_t now, char buf[USERS_NUMLEN]);

#endif
