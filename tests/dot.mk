# --- DNS over TLS, and the servers of the system -------------------------------

unit_tests += test_stream test_sysconf
test_stream_SOURCES = %D%/unit/test_stream.c
test_stream_LDADD = libdns.a $(pure) $(CMOCKA_LIBS)
test_sysconf_SOURCES = %D%/unit/test_sysconf.c
test_sysconf_LDADD = libdns.a $(pure) $(CMOCKA_LIBS)

fuzz_targets += fuzz_stream fuzz_sysconf
fuzz_stream_SOURCES = %D%/fuzz/fuzz_stream.c $(fuzz_main)
fuzz_stream_LDADD = libdns.a $(pure)
fuzz_stream_LDFLAGS = $(fuzz_ldflags)
fuzz_sysconf_SOURCES = %D%/fuzz/fuzz_sysconf.c $(fuzz_main)
fuzz_sysconf_LDADD = libdns.a $(pure)
fuzz_sysconf_LDFLAGS = $(fuzz_ldflags)

check_PROGRAMS += dotask
dotask_SOURCES = %D%/netns/dotask.c
dotask_LDADD = libdnstls.a libdns.a libcore.a libbase.a $(EVENT_LIBS) \
	$(OPENSSL_LIBS)
