#ifndef DNS_HOSTS_H
#define DNS_HOSTS_H

#include "src/base/addr.h"
#include "src/base/name.h"

/* A file such as /etc/hosts, both directions. Immutable once read. */
struct hosts;

/* More of one name, or of one address, are left out. */
#define HOSTS_MAX 64

/* Reads the text; a line that is none is passed over and counted. NULL when
 * there is no memory. */
struct hosts *hosts_read(const char *text, size_t len);
void hosts_free(struct hosts *hosts); /* accepts NULL */

/* The addresses of a name, in the order of the file; 0: not in it. */
size_t hosts_addresses(const struct hosts *hosts, const struct name *name,
    struct addr ret[HOSTS_MAX]);

/* The names of an address; the first is its canonical one (hosts(5)). */
size_t hosts_names(const struct hosts *hosts, const struct addr *addr,
    struct name ret[HOSTS_MAX]);

size_t hosts_count(const struct hosts *hosts);
size_t hosts_faults(const struct hosts *hosts);

#endif
