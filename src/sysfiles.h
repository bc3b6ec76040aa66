#ifndef SYSFILES_H
#define SYSFILES_H

#include "dns/sysconf.h"

/* The files that programs keep of the servers that the network gave this
 * host. */

enum sysfile_kind {
	SYSFILE_RESOLV,	  /* as resolv.conf */
	SYSFILE_NETWORKD, /* DNS= of systemd-networkd */
};

struct sysfile {
	const char *path; /* a file; ending in '/': all files of a folder */
	enum sysfile_kind kind;
};

extern const struct sysfile sysfiles[];
extern const size_t n_sysfiles;

/* The servers of the first of them that has any but ourselves; those of this
 * host (127.0.0.53) where there are no others. Returns its path, NULL where
 * none has. Reads files: not for the loop. */
const char *sysfiles_read(
    struct sysconf *ret, const struct sysconf_own *owns, size_t n_owns);

#endif
