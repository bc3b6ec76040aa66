#ifndef CTL_TUNNEL_H
#define CTL_TUNNEL_H

#include "src/ctl.h"
#include "src/ctl_list.h"
#include "src/port17_ev.h"

/* The calls that speak of tunnels. */
enum ctl_answer ctl_tunnel_list(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);
/* Dials once, off the loop, and says what happened at each step. */
enum ctl_answer ctl_tunnel_test(const struct ctl_env *env, json_t *args,
    char **ret_line, struct ctl_job *ret_job);

/* Those that rules name and that are down: texts, each with its last error. */
json_t *ctl_tunnel_broken(const struct ctl_env *env);

/* What the row of a flow has more where it goes, or went, through a tunnel:
 * upstream, bytes_up, bytes_down, dial_ms, close_reason. */
void ctl_tunnel_add(
    const struct ctl_env *env, const struct flow_key *key, json_t *row);

/* The end of a tunnelled flow, as an event. */
json_t *ctl_tunnel_end(
    const struct port17_past *past, const struct json_time *at);

#endif
