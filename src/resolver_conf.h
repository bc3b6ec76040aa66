#ifndef RESOLVER_CONF_H
#define RESOLVER_CONF_H

#include "dns/resolve.h"
#include "dns/server_ev.h"
#include "dns/sysconf.h"
#include "src/core/conf.h"
#include "src/core/judge.h"

/* From the settings to what the resolver works by. What is left out did not
 * fit: the settings were checked before. */

/* 0 or -ENOMEM; the arrays in *ret are the caller's to give on. system: the
 * servers that the network gave, for `upstream = system`. */
int resolver_conf(struct resolve_conf *ret, const struct conf *conf,
    const struct sysconf *system);

/* Without the servers that are this daemon, which it would ask for ever: each
 * is told. */
void resolver_conf_leave_out(struct resolve_conf *conf,
    bool (*is_own)(void *arg, const struct upstream_spec *spec), void *arg);

/* This machine's own name as it is now; len 0: it is no name. */
void resolver_conf_host(struct name *ret);

/* Whether `upstream = system` is asked for. */
bool resolver_conf_is_system(const struct conf *conf);

/* The addresses to listen on; how many. */
size_t resolver_conf_listens(
    const struct conf *conf, struct server_listen ret[SERVER_LISTENS_MAX]);

/* Whose queries a resolver that listens there can take; no servers yet. */
void resolver_conf_capture(
    struct judge_capture *ret, const struct server_listen *listens, size_t n);

/* A number that changes when the file does. */
uint64_t resolver_conf_stamp(const char *path);

/* The file's text, to be freed; NULL (errno): not there, or too large. */
char *resolver_conf_read(const char *path, size_t max, size_t *ret_len);

#endif
