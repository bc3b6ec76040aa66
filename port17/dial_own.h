#ifndef PORT17_DIAL_OWN_H
#define PORT17_DIAL_OWN_H

#include "port17/connect.h"
#include "port17/dial_ev.h"
#include "port17/share.h"
#include "port17/sock.h"
#include "port17/socks.h"
#include "port17/trust.h"
#include "src/base/list.h"

/* Behind struct dial and struct dialer: shared by dial_ev.c (which member,
 * ends), dial_connect_ev.c (the connection), dial_shake_ev.c (TLS, the proxy's
 * protocol) and dialer_ev.c. */

struct event;

struct state_node {
	struct list node;
	struct tunnel_state state;
};

struct dialer {
	struct dialer_opts opts;
	struct tunnel_set *set;
	struct trusts *trusts; /* of set */
	struct list states;
	struct list waiting; /* dials, PHASE_TRUST */
	struct shares dials; /* those of programs */
};

enum phase {
	PHASE_START,  /* within dial_start() */
	PHASE_FAILED, /* there already, and it is to be told */
	PHASE_SOCKET, /* it is made in another namespace */
	PHASE_CONNECT,
	PHASE_TRUST, /* it is being read whom its proxy is believed by */
	PHASE_TLS,
	PHASE_SHAKE,
};

struct dial {
	struct dialer *dialer;
	struct dial_opts opts;
	struct tunnel_set *set; /* a reference */
	struct trusts *trusts;	/* a reference, of set */
	const struct tunnel *members[TUNNEL_MEMBERS_MAX];
	size_t n_members;
	uint32_t tried;
	const struct tunnel *via;
	struct tunnel_state *state; /* of via */
	bool trial;
	bool starting;
	bool again;	 /* via was asked a second time */
	bool by_address; /* … without the name */
	pid_t proxy;	 /* see dial_proxy() */
	/* of via's addresses, where it has a name: the first that was tried,
	 * and how many were behind that */
	size_t address, addresses;
	mono_t connect_end; /* of all those together */
	bool counted;	    /* among the dialer's, for its process */
	struct share_key whose;
	enum phase phase;
	mono_t began, end;
	mono_t asked; /* PHASE_SHAKE: since then */
	struct event *timer;
	struct sock_order order; /* PHASE_SOCKET */
	struct list waits;	 /* PHASE_TRUST */
	struct leg *leg;
	struct shake_out out;
	size_t sent;
	union {
		struct socks socks;
		struct connect connect;
	} codec;
	struct shake_error error;
};

/* Of OUTCOME_LOOP: what is to be done. */
extern const char dial_loop_why[];

/* What a tester, or the log, reads. */
void dial_say_step(const struct dial *dial, const char *what);

/* What the member that it goes to is asked for. */
struct target dial_target(const struct dial *dial);

/* From now on so long for all addresses of via. */
void dial_connect_limit(struct dial *dial);

/* The phase's time; never past the end of the whole dial. */
void dial_set_timer(struct dial *dial, uint64_t ns);

/* Each of them ends the dial, or (dial_failed) goes on with the next member;
 * the dial may be gone. why NULL: dial->error has it already. */
void dial_failed(struct dial *dial, enum outcome outcome, const char *why);
void dial_connected(struct dial *dial, const uint8_t *ahead, size_t len);

/* To the member that it is to go through (via). The dial may be gone. */
void dial_connect(struct dial *dial);

/* Its network namespace could not be entered: the dial has failed. */
void dial_not_entered(struct dial *dial, int error);

/* The proxy is connected: what it is told. And when its leg has changed since.
 * The dial may be gone. */
void dial_shake_begin(struct dial *dial);
void dial_shake_changed(struct dial *dial);

/* Whether its proxy could not be reached where it was looked for, and has
 * another address: that is the next one. */
bool dial_next_address(struct dial *dial, enum outcome outcome);

/* Whose turn it is: time that runs out is the far end's matter, or the
 * proxy's. */
bool dial_waits_for_far_end(const struct dial *dial);

/* Whether its proxy, of HTTP, has never answered anybody, nor gone out for
 * them: where it hangs up, it may be one of SOCKS. */
bool dial_is_stranger(const struct dial *dial);

#endif
