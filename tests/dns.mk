# --- tests of the resolver -----------------------------------------------------

dns_units = test_scenario
unit_tests += $(dns_units)
pure_dns = libdns.a $(pure) $(LDNS_LIBS)
EXTRA_DIST += %D%/scenario/play.h

test_scenario_SOURCES = %D%/unit/test_scenario.c %D%/scenario/play.c
test_scenario_CPPFLAGS = $(AM_CPPFLAGS) \
	-DSCENARIOS='"$(abs_top_srcdir)/tests/scenario"'
test_scenario_CFLAGS = $(AM_CFLAGS)
test_scenario_LDADD = $(pure_dns) $(CMOCKA_LIBS)
