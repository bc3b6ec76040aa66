#ifndef CTL_DNS_H
#define CTL_DNS_H

#include "dns/record.h"
#include "src/core/filter.h"
#include "src/ctl.h"

/* The calls that speak of the resolver: queries.list, cache.stats,
 * cache.flush, resolve. */
enum ctl_answer ctl_dns_queries(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_dns_stats(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_dns_flush(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
enum ctl_answer ctl_dns_resolve(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);

/* Asks what ctl_dns_resolve() has put into the job, for the program that it
 * names or the one at the other end, and gives that back; done() gets the line
 * (taken; NULL: no memory) once, perhaps at once. */
void ctl_dns_ask(const struct ctl_env *env, const struct ctl_job *job,
    const struct ctl_peer *peer, void (*done)(void *arg, char *line_take),
    void *arg);

/* What filters look at in a query; host has room for its name. */
struct filter_row ctl_dns_row(
    const struct record *record, char host[NAME_TEXT_SIZE]);

/* For `status`. */
json_t *ctl_dns_status(const struct ctl_env *env);

#endif
