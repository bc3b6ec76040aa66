# --- unit tests: linked with the pure libraries only --------------------------
# A call from pure code into the platform is an undefined reference here.

unit_tests = test_base test_judge test_packet
unit_ldadd = libcore.a libbase.a $(INIH_LIBS) $(CMOCKA_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif

test_base_SOURCES = %D%/unit/test_base.c %D%/unit/unit.h
test_base_LDADD = libbase.a $(CMOCKA_LIBS)
test_judge_SOURCES = %D%/unit/test_judge.c %D%/unit/unit.h %D%/unit/wire.h
test_judge_LDADD = $(unit_ldadd)
test_packet_SOURCES = %D%/unit/test_packet.c %D%/unit/unit.h %D%/unit/wire.h
test_packet_LDADD = $(unit_ldadd)

# --- fuzz targets: with their corpus in `make check`, with libFuzzer where
# configured with CC=clang --enable-fuzzers ------------------------------------

fuzz_targets = fuzz_packet fuzz_ctlmsg
fuzz_core = libcore.a libbase.a $(INIH_LIBS)
if FUZZERS
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_main = %D%/fuzz/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
endif
check_PROGRAMS += $(fuzz_targets)

fuzz_packet_SOURCES = %D%/fuzz/fuzz_packet.c $(fuzz_main)
fuzz_packet_LDADD = $(fuzz_core)
fuzz_packet_LDFLAGS = $(fuzz_ldflags)
fuzz_ctlmsg_SOURCES = %D%/fuzz/fuzz_ctlmsg.c src/ctlmsg.c src/json.c \
	$(fuzz_main)
fuzz_ctlmsg_CFLAGS = $(AM_CFLAGS)
fuzz_ctlmsg_LDADD = $(fuzz_core) $(JANSSON_LIBS)
fuzz_ctlmsg_LDFLAGS = $(fuzz_ldflags)

# --- scripts of `make check` ---------------------------------------------------

check_scripts = %D%/lint/layers.sh %D%/fuzz/corpus.sh
TESTS += $(check_scripts)
AM_TESTS_ENVIRONMENT = \
	export srcdir BUILDDIR="$(abs_builddir)" CC="$(CC)" \
	    FUZZ_TARGETS="$(fuzz_targets)";

# --- benchmarks: `make bench` builds them, tests/bench/*.sh run them -----------

bench_programs = nfqloop connload
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)
nfqloop_SOURCES = %D%/bench/nfqloop.c
nfqloop_LDADD = $(NFQ_LIBS)
connload_SOURCES = %D%/bench/connload.c
bench: $(bench_programs) $(bench_needs) all
.PHONY: bench

# --- lint ----------------------------------------------------------------------

CLANG_FORMAT = clang-format-14
our_sources = cd $(srcdir) && find src dns port17 tests -name '*.[ch]' 2>/dev/null

format:
	$(our_sources) | xargs $(CLANG_FORMAT) -i
format-check lint-format:
	$(our_sources) | xargs $(CLANG_FORMAT) --dry-run -Werror
lint-layers:
	srcdir=$(srcdir) CC="$(CC)" sh $(srcdir)/tests/lint/layers.sh
lint-cppcheck:
	cd $(srcdir) && cppcheck -q --std=c11 --language=c -I . \
	    --enable=warning,performance,portability --inline-suppr \
	    --suppressions-list=tests/lint/cppcheck.txt \
	    --error-exitcode=1 -j 2 src tests
lint-manuals:
	mandoc -T lint -W warning $(dist_man_MANS:%=$(srcdir)/%)
list-units:
	@echo $(unit_tests)
list-fuzz:
	@echo $(fuzz_targets)
check-programs: $(check_PROGRAMS)
distcheck-quiet:
	$(MAKE) distcheck DISTCHECK_CONFIGURE_FLAGS=--disable-sanitizers
.PHONY: format format-check lint-format lint-layers lint-cppcheck \
	lint-manuals list-units list-fuzz check-programs distcheck-quiet

dist-hook:
	cd $(srcdir) && tar cf - tests | (cd $(abs_top_builddir)/$(distdir) && \
	    tar xf -)
