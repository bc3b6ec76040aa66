#ifndef SOURCE_H
#define SOURCE_H

struct diag;
struct packet;

/* Whether a packet that goes out may have its source. What goes from an address
 * of another host's to this one, which IPV6_FREEBIND lets any program send, may
 * not: as the far end it would begin its own flow on the inside, whose answers,
 * accepted with it, go out to there. Who has the privilege that IPv4 asks for
 * (transparent proxies) may, and is judged like anybody. 0, -EADDRNOTAVAIL, or
 * -errno where it can't be told. */
int source_check(struct diag *diag, const struct packet *pkt);

#endif
