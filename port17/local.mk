# Pure: what the library does not link, its code cannot call.
noinst_LIBRARIES += libport17.a libport17_ev.a

libport17_a_SOURCES = \
	%D%/backoff.c %D%/backoff.h \
	%D%/begun.c %D%/begun.h \
	%D%/claim.c %D%/claim.h \
	%D%/closed.c %D%/closed.h \
	%D%/connect.c %D%/connect.h \
	%D%/health.c %D%/health.h \
	%D%/outcome.c %D%/outcome.h \
	%D%/pace.c %D%/pace.h \
	%D%/proxy2.c %D%/proxy2.h \
	%D%/session.c %D%/session.h \
	%D%/shake.c %D%/shake.h \
	%D%/share.c %D%/share.h \
	%D%/socks.c %D%/socks.h \
	%D%/target.c %D%/target.h \
	%D%/tunnel.c %D%/tunnel.h \
	%D%/tunnel_set.c %D%/tunnel_set.h \
	%D%/udpnat.c %D%/udpnat.h

# Sockets, TLS and the loop.
libport17_ev_a_SOURCES = \
	%D%/assoc_ev.c %D%/assoc_ev.h %D%/assoc_own.h \
	%D%/assoc_rest_ev.c \
	%D%/dgram.c %D%/dgram.h \
	%D%/dgram_kept.c %D%/dgram_kept.h \
	%D%/dial_connect_ev.c \
	%D%/dial_ev.c %D%/dial_ev.h \
	%D%/dial_own.h \
	%D%/dial_shake_ev.c \
	%D%/dialer_ev.c %D%/dialer_ev.h \
	%D%/ebb_ev.c %D%/ebb_ev.h \
	%D%/leg_ev.c %D%/leg_ev.h \
	%D%/listen_ev.c %D%/listen_ev.h \
	%D%/pacer_ev.c %D%/pacer_ev.h \
	%D%/pump_ev.c %D%/pump_ev.h \
	%D%/relay_ev.c %D%/relay_ev.h \
	%D%/session_ev.c %D%/session_ev.h \
	%D%/sock.c %D%/sock.h \
	%D%/tls.c %D%/tls.h \
	%D%/trust.c %D%/trust.h \
	%D%/udp_ev.c %D%/udp_ev.h %D%/udp_own.h \
	%D%/udp_begun_ev.c \
	%D%/udp_flow_ev.c \
	%D%/udp_sock_ev.c %D%/udp_sock_ev.h \
	%D%/udp_way_ev.c %D%/udp_way_ev.h
