#ifndef CORE_DECISION_H
#define CORE_DECISION_H

#include <stdbool.h>
#include <stdint.h>

/* These two take a byte: each flow has them. */
enum action {
	ACTION_ACCEPT,
	ACTION_BLOCK,	/* the program, or the sender, is told at once */
	ACTION_DROP,	/* silent */
	ACTION_REROUTE, /* through a tunnel */
} __attribute__((packed));

/* Why a decision was taken: X(enum suffix, name as users see it). */
#define DECISION_REASONS(X)                                                    \
	X(RULE, "rule")                                                        \
	X(DEFAULT_OUT, "default-out")                                          \
	X(DEFAULT_IN, "default-in")                                            \
	X(DEFAULT_UNKNOWN, "default-unknown")                                  \
	X(DEFAULT_KERNEL, "default-kernel")                                    \
	X(LOOPBACK, "loopback")	  /* the sender's side accepted it */          \
	X(SELF, "self")		  /* a socket of the daemon's own */           \
	X(NEIGHBOUR, "neighbour") /* ND, RA, MLD, IGMP */                      \
	X(DHCP, "dhcp")                                                        \
	X(ICMP_ERROR, "icmp-error") /* belongs to a flow of ours */            \
	X(MALFORMED, "malformed")                                              \
	X(FRAGMENT, "fragment")                                                \
	X(CAPTURE, "capture")	/* a query to another server: ours answers */  \
	X(RESOLVER, "resolver") /* to ours, which judges each query */         \
	X(FAILURE, "failure")	/* we could not judge: closed */               \
	X(NOT_TUNNELLED, "not-tunnelled") /* of no kind that tunnels carry */  \
	X(MID_FLOW, "mid-flow")		  /* it began another way */           \
	X(BOUND, "bound-device")    /* its socket is bound to a device */      \
	X(TUNNEL_UDP, "tunnel-udp") /* the tunnel carries none */              \
	X(NO_PORT17, "no-port17")   /* nobody carries anything */              \
	X(STAND_IN, "stand-in")	    /* an address of ours, for no name */

enum reason {
#define X(suffix, name) REASON_##suffix,
	DECISION_REASONS(X)
#undef X
} __attribute__((packed));

struct decision {
	enum action action;
	enum reason reason;
	bool once; /* for this packet only: the next one is judged again */
	/* all of these count from 1 and are 0 for none */
	uint8_t host;	 /* of the subject's names: the one that matched */
	uint32_t rule;	 /* number within the policy */
	uint32_t tunnel; /* of the policy: policy_tunnel(); 0 but for reroute */
	uint32_t list;	 /* of the policy: the one that matched */
};

const char *action_name(enum action action);
const char *reason_name(enum reason reason);

#endif
