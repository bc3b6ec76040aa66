#ifndef PORT17_CLOSED_H
#define PORT17_CLOSED_H

/* Why a tunnelled flow ended: X(suffix, word, what people read). */
#define CLOSED_REASONS(X)                                                      \
	X(PROGRAM, "program", "the program closed first")                      \
	X(FAR, "far-end", "the far end closed first")                          \
	X(PROGRAM_RESET, "program-reset", "the program broke it off")          \
	X(FAR_RESET, "far-reset", "the far end or the tunnel broke it off")    \
	X(IDLE, "idle", "nothing was said for too long")                       \
	X(DIAL, "dial", "the far end could not be reached")                    \
	X(POLICY, "policy", "the rules changed, or the tunnel did")            \
	X(NO_ROOM, "no-room", "memory or descriptors ran out")                 \
	X(CROWD, "crowd",                                                      \
	    "its program or user has too many that wait for the far end")      \
	X(STOPPED, "stopped", "the daemon stopped")

enum closed {
#define X(suffix, name, text) CLOSED_##suffix,
	CLOSED_REASONS(X)
#undef X
};

const char *closed_name(enum closed closed);
const char *closed_text(enum closed closed);

#endif
