#ifndef LINUX_BPF_EVENT_H
#define LINUX_BPF_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "src/core/actor.h"

struct bpf_event;
struct bpf_fork;

/* The program of a process as the kernel tells it: text stands behind the
 * event, and both together have so many bytes. Borrows them. 0 or -EBADMSG. */
int bpf_event_exec(struct exec *ret, const struct bpf_event *event,
    const char *text, size_t size);

/* A process as it was born. False where it is in no namespace that we see, or
 * not all of it is there. */
bool bpf_event_fork(
    struct fork *ret, const struct bpf_fork *record, size_t size);

#endif
