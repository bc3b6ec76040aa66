# DNS over TLS, and what the network says of its servers.
libdns_a_SOURCES += %D%/stream.c %D%/stream.h

noinst_LIBRARIES += libdnstls.a
libdnstls_a_SOURCES = \
	%D%/dot_ev.c %D%/dot_ev.h \
	%D%/trust.c %D%/trust.h \
	%D%/tls_ev.c %D%/tls_ev.h

rerouted_SOURCES += \
	src/sysconf_ev.c src/sysconf_ev.h \
	src/sysfiles.c src/sysfiles.h \
	src/upstreams_ev.c src/upstreams_ev.h
