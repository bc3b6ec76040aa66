# Attribution: to be joined with local.mk, which has the lists and variables
# that are used here.

if HAVE_CMOCKA
check_PROGRAMS += test_process test_procline test_netline test_diagmsg
TESTS += test_process test_procline test_netline test_diagmsg
endif
test_process_SOURCES = %D%/unit/test_process.c %D%/unit/unit.h
test_process_LDADD = $(unit_ldadd)
test_procline_SOURCES = %D%/unit/test_procline.c %D%/unit/unit.h
test_procline_LDADD = $(unit_ldadd)
test_netline_SOURCES = %D%/unit/test_netline.c %D%/unit/unit.h
test_netline_LDADD = $(unit_ldadd)
# diagmsg.c is pure: nothing else is taken from the library
test_diagmsg_SOURCES = %D%/unit/test_diagmsg.c %D%/unit/unit.h
test_diagmsg_LDADD = liblinux.a $(unit_ldadd)

fuzz_targets += fuzz_procline fuzz_diagmsg
check_PROGRAMS += fuzz_procline fuzz_diagmsg
fuzz_procline_SOURCES = %D%/fuzz/fuzz_procline.c $(fuzz_main)
fuzz_procline_LDADD = $(fuzz_core)
fuzz_procline_LDFLAGS = $(fuzz_ldflags)
fuzz_diagmsg_SOURCES = %D%/fuzz/fuzz_diagmsg.c $(fuzz_main)
fuzz_diagmsg_LDADD = liblinux.a $(fuzz_core)
fuzz_diagmsg_LDFLAGS = $(fuzz_ldflags)

# run by netns/30-attribution.sh, found in $BUILDDIR
check_PROGRAMS += attrtest
attrtest_SOURCES = %D%/netns/attrtest.c %D%/netns/attrtest.h \
	%D%/netns/attrdiag.c %D%/netns/attrkid.c %D%/netns/attrproc.c
attrtest_CFLAGS = $(AM_CFLAGS) -pthread
attrtest_LDADD = liblinux.a libcore.a libbase.a $(NFQ_LIBS) -lpthread

EXTRA_PROGRAMS += bench_attr
CLEANFILES += bench_attr
bench_attr_SOURCES = %D%/bench/bench_attr.c
bench_attr_LDADD = liblinux.a libcore.a libbase.a $(NFQ_LIBS)
