# The resolver. libdns.a is pure: no loop, no sockets, no c-ares.
noinst_LIBRARIES += libdns.a

libdns_a_SOURCES = \
	%D%/addresses.c %D%/addresses.h \
	%D%/answer.h \
	%D%/ask.c \
	%D%/asker.c %D%/asker.h \
	%D%/away.c %D%/way.h \
	%D%/cache.c %D%/cache.h \
	%D%/chase.c \
	%D%/deliver.c \
	%D%/denials.c %D%/denials.h \
	%D%/due.c %D%/due.h \
	%D%/expect.c \
	%D%/filter.c %D%/filter.h \
	%D%/heard.c \
	%D%/hosts.c %D%/hosts.h \
	%D%/judged.c \
	%D%/key.c %D%/key.h \
	%D%/learn.c %D%/learn.h \
	%D%/listed.c %D%/listed.h \
	%D%/local.c %D%/local.h \
	%D%/msg.c %D%/msg.h \
	%D%/own.c \
	%D%/qlog.c %D%/qlog.h \
	%D%/query.c %D%/query.h \
	%D%/record.c %D%/record.h \
	%D%/reply.c \
	%D%/resolve.c %D%/resolve.h \
	%D%/resolve_conf.c %D%/resolve_own.h \
	%D%/scrub.c %D%/scrub.h %D%/scrub_addr.c \
	%D%/special.c %D%/special.h \
	%D%/stream.c %D%/stream.h \
	%D%/sysconf.c %D%/sysconf.h \
	%D%/task.c %D%/task.h %D%/task_fail.c \
	%D%/upstream.c %D%/upstream.h \
	%D%/wire.c %D%/wire.h \
	%D%/writer.c %D%/writer.h

# the shells
rerouted_SOURCES += \
	%D%/ares_ev.c %D%/ares_ev.h \
	%D%/ares_sock_ev.c %D%/ares_sock_ev.h \
	%D%/joined_ev.c %D%/joined_ev.h \
	%D%/outbox_ev.c %D%/outbox_ev.h \
	%D%/plain_ev.c %D%/plain_ev.h \
	%D%/plain_port_ev.h \
	%D%/plain_port_ev.c \
	%D%/replies_ev.c %D%/replies_ev.h \
	%D%/server_ev.c %D%/server_ev.h \
	%D%/tcp_conn_ev.c \
	%D%/tcp_ev.c %D%/tcp_ev.h %D%/tcp_own.h

# over TLS; a library of its own for the tests
noinst_LIBRARIES += libdnstls.a
libdnstls_a_SOURCES = \
	%D%/dot_ev.c %D%/dot_ev.h \
	%D%/sockaddr_ev.c %D%/sockaddr_ev.h \
	%D%/tls_conn_ev.c \
	%D%/tls_ev.c %D%/tls_ev.h %D%/tls_own.h \
	%D%/trust.c %D%/trust.h
