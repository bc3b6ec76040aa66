#ifndef LINUX_DIAG_H
#define LINUX_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "src/core/flow.h"
#include "src/core/socket.h"

/* Finds the socket at this host's end of a flow: sock_diag by exact look-up
 * (never a dump), /proc/net where sock_diag has no such protocol (ICMP, raw)
 * or is missing. */
struct diag;

/* 0 or -ENOMEM: what the kernel does not have is asked of /proc/net. */
int diag_open(struct diag **ret);
void diag_close(struct diag *diag); /* accepts NULL */

/* ifindex: the packet's device, so that sockets bound to it are found. in: the
 * packet came in, so a listener or an unconnected socket may receive it. Sets
 * everything but ret->accepted; ret->status says how it went. */
void diag_find(struct diag *diag, const struct flow_key *key, bool in,
    uint32_t ifindex, struct socket_facts *ret);

/* True if a TCP socket listens on the local address and port of key. */
bool diag_is_listening(
    struct diag *diag, const struct flow_key *key, uint32_t ifindex);

/* The device that the socket of this flow is bound to (SO_BINDTODEVICE), 0 for
 * none. 0 or -errno (-ENOENT: no such socket). */
int diag_device(struct diag *diag, const struct flow_key *key, uint32_t ifindex,
    uint32_t *ret_device);

/* Whether the socket of this flow is that user's and may use addresses of other
 * hosts (IPV6_TRANSPARENT), which takes a privilege. 1, 0 (also where the
 * kernel does not say so) or -errno. */
int diag_is_transparent(struct diag *diag, const struct flow_key *key,
    uint32_t ifindex, uint32_t uid);

/* Whether a program still has the TCP or UDP socket of this flow, or the kernel
 * still sends what that has said; true where the kernel does not say. */
bool diag_is_up(struct diag *diag, const struct flow_key *key);

/* Ends a TCP or UDP socket (SOCK_DESTROY): its program's next call fails with
 * ECONNABORTED; one of UDP is still there, and connected to nobody. 0, -ENOENT,
 * -EOPNOTSUPP (kernel without it) or -errno. */
int diag_destroy(
    struct diag *diag, const struct flow_key *key, uint32_t ifindex);

/* The same of a TCP connection that is over, and -ENOTCONN where a socket has
 * its ends that connects just now: that one is the next. */
int diag_destroy_connected(
    struct diag *diag, const struct flow_key *key, uint32_t ifindex);

/* Whether sock_diag answers here at all (else /proc/net serves). */
bool diag_works(const struct diag *diag);

#endif
