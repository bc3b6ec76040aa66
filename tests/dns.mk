# --- tests of the resolver -----------------------------------------------------

dns_units = test_denials test_dns test_limits test_scenario test_scrub test_told
unit_tests += $(dns_units)
pure_dns = libdns.a $(pure) $(LDNS_LIBS)
EXTRA_DIST += %D%/scenario/play.h %D%/scenario/stage.h

test_dns_SOURCES = %D%/unit/test_dns.c
test_dns_LDADD = $(pure_dns) $(CMOCKA_LIBS)
test_denials_SOURCES = %D%/unit/test_denials.c
test_denials_LDADD = $(pure_dns) $(CMOCKA_LIBS)
test_limits_SOURCES = %D%/unit/test_limits.c
test_limits_LDADD = $(pure_dns) $(CMOCKA_LIBS)
test_scrub_SOURCES = %D%/unit/test_scrub.c
test_scrub_LDADD = $(pure_dns) $(CMOCKA_LIBS)
test_told_SOURCES = %D%/unit/test_told.c
test_told_LDADD = $(pure_dns) $(CMOCKA_LIBS)
test_scenario_SOURCES = %D%/unit/test_scenario.c %D%/scenario/play.c \
	%D%/scenario/stage.c
test_scenario_CPPFLAGS = $(AM_CPPFLAGS) \
	-DSCENARIOS='"$(abs_top_srcdir)/tests/scenario"'
test_scenario_CFLAGS = $(AM_CFLAGS)
test_scenario_LDADD = $(pure_dns) $(CMOCKA_LIBS)

dns_fuzz = fuzz_dnsquery fuzz_dnsanswer fuzz_hosts
fuzz_targets += $(dns_fuzz)
fuzz_dnsquery_SOURCES = %D%/fuzz/fuzz_dnsquery.c $(fuzz_main)
fuzz_dnsquery_LDADD = $(pure_dns)
fuzz_dnsquery_LDFLAGS = $(fuzz_ldflags)
fuzz_dnsanswer_SOURCES = %D%/fuzz/fuzz_dnsanswer.c $(fuzz_main)
fuzz_dnsanswer_LDADD = $(pure_dns)
fuzz_dnsanswer_LDFLAGS = $(fuzz_ldflags)
fuzz_hosts_SOURCES = %D%/fuzz/fuzz_hosts.c $(fuzz_main)
fuzz_hosts_LDADD = $(pure_dns)
fuzz_hosts_LDFLAGS = $(fuzz_ldflags)

# --- benchmark: tests/bench/dns.sh ----------------------------------------------

bench_programs += dnsecho
EXTRA_PROGRAMS += dnsecho
CLEANFILES += dnsecho
dnsecho_SOURCES = %D%/bench/dnsecho.c

# --- benchmark: tests/bench/waits.sh --------------------------------------------

bench_programs += waits
EXTRA_PROGRAMS += waits
CLEANFILES += waits
waits_SOURCES = %D%/bench/waits.c
waits_LDADD = -lpthread
