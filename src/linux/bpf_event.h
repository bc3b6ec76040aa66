#ifndef LINUX_BPF_EVENT_H
#define LINUX_BPF_EVENT_H

#include <stddef.h>

#include "src/core/actor.h"

struct bpf_event;

/* The program of a process as the kernel tells it: text stands behind the
 * event, and both together have so many bytes. Borrows them. 0 or -EBADMSG. */
int bpf_event_exec(struct exec *ret, const struct bpf_event *event,
    const char *text, size_t size);

#endif
