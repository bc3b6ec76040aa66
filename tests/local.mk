# --- unit tests: linked with the pure libraries only --------------------------
# A call from pure code into the platform is an undefined reference here.

unit_tests = test_base test_conf test_diagmsg test_explain test_glob test_held \
	test_ancestors test_owners test_judge test_lineage test_load test_name test_names test_netline test_packet test_policy \
	test_process test_procline test_query test_review test_rules test_runtime \
	test_script test_warn \
	test_uses \
	test_flow
unit_tests += test_account test_attr_sizes test_paths
unit_tests += test_cgroups
unit_tests += test_ctmsg
unit_tests += test_idmap test_user_budget test_waiting
unit_tests += test_judge_answers test_judge_host test_judge_names test_judge_owners
unit_tests += test_learn test_past test_state
unit_tests += test_filter test_history test_repeats test_tally
unit_tests += test_tls_peer test_lists test_list_adblock test_list_parse test_list_rpz
unit_tests += test_patterns test_list_server
unit_headers = %D%/unit/unit.h %D%/unit/listread.h %D%/unit/faulty.h %D%/unit/judging.h \
	%D%/unit/own_folder.h %D%/unit/random.h \
	%D%/unit/reference.h %D%/unit/wire.h %D%/fake/world.h %D%/fake/lists.h \
	%D%/fake/zone.h
pure = libcore.a libbase.a $(INIH_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
EXTRA_DIST += $(unit_headers)

test_account_SOURCES = %D%/unit/test_account.c
test_account_LDADD = $(pure) $(CMOCKA_LIBS)
test_attr_sizes_SOURCES = %D%/unit/test_attr_sizes.c
test_attr_sizes_LDADD = $(pure) $(CMOCKA_LIBS)
test_base_SOURCES = %D%/unit/test_base.c
test_base_LDADD = libbase.a $(JANSSON_LIBS) $(CMOCKA_LIBS)
test_conf_SOURCES = %D%/unit/test_conf.c
test_conf_LDADD = $(pure) $(CMOCKA_LIBS)
test_explain_SOURCES = %D%/unit/test_explain.c
test_explain_LDADD = $(pure) $(CMOCKA_LIBS)
test_glob_SOURCES = %D%/unit/test_glob.c
test_glob_LDADD = $(pure) $(CMOCKA_LIBS)
test_judge_SOURCES = %D%/unit/test_judge.c
test_judge_LDADD = $(pure) $(CMOCKA_LIBS)
test_name_SOURCES = %D%/unit/test_name.c
test_name_LDADD = libbase.a $(CMOCKA_LIBS)
test_idmap_SOURCES = %D%/unit/test_idmap.c
test_idmap_LDADD = $(pure) $(CMOCKA_LIBS)
test_user_budget_SOURCES = %D%/unit/test_user_budget.c
test_user_budget_LDADD = $(pure) $(CMOCKA_LIBS)
test_past_SOURCES = %D%/unit/test_past.c src/port17_past.c
test_past_CFLAGS = $(AM_CFLAGS)
test_past_LDADD = $(pure) $(CMOCKA_LIBS)
test_waiting_SOURCES = %D%/unit/test_waiting.c src/waiting.c
test_waiting_CFLAGS = $(AM_CFLAGS)
test_waiting_LDADD = $(pure) $(CMOCKA_LIBS)
test_cgroups_SOURCES = %D%/unit/test_cgroups.c
test_cgroups_LDADD = $(pure) $(CMOCKA_LIBS)
test_ancestors_SOURCES = %D%/unit/test_ancestors.c
test_ancestors_LDADD = $(pure) $(CMOCKA_LIBS)
test_owners_SOURCES = %D%/unit/test_owners.c
test_owners_LDADD = $(pure) $(CMOCKA_LIBS)
test_lineage_SOURCES = %D%/unit/test_lineage.c
test_lineage_LDADD = $(pure) $(CMOCKA_LIBS)
test_judge_answers_SOURCES = %D%/unit/test_judge_answers.c
test_judge_answers_LDADD = $(pure) $(CMOCKA_LIBS)
test_judge_host_SOURCES = %D%/unit/test_judge_host.c
test_judge_host_LDADD = $(pure) $(CMOCKA_LIBS)
test_judge_owners_SOURCES = %D%/unit/test_judge_owners.c
test_judge_owners_LDADD = $(pure) $(CMOCKA_LIBS)
test_judge_names_SOURCES = %D%/unit/test_judge_names.c
test_judge_names_LDADD = $(pure) $(CMOCKA_LIBS)
test_learn_SOURCES = %D%/unit/test_learn.c
test_learn_LDADD = $(pure) $(CMOCKA_LIBS)
test_names_SOURCES = %D%/unit/test_names.c
test_names_LDADD = $(pure) $(CMOCKA_LIBS)
test_netline_SOURCES = %D%/unit/test_netline.c
test_netline_LDADD = $(pure) $(CMOCKA_LIBS)
test_packet_SOURCES = %D%/unit/test_packet.c
test_packet_LDADD = $(pure) $(CMOCKA_LIBS)
test_paths_SOURCES = %D%/unit/test_paths.c
test_paths_LDADD = $(pure) $(CMOCKA_LIBS)
test_policy_SOURCES = %D%/unit/test_policy.c
test_policy_LDADD = $(pure) $(CMOCKA_LIBS)
test_process_SOURCES = %D%/unit/test_process.c
test_process_LDADD = $(pure) $(CMOCKA_LIBS)
test_procline_SOURCES = %D%/unit/test_procline.c
test_procline_LDADD = $(pure) $(CMOCKA_LIBS)
test_query_SOURCES = %D%/unit/test_query.c
test_query_LDADD = $(pure) $(CMOCKA_LIBS)
test_review_SOURCES = %D%/unit/test_review.c
test_review_LDADD = $(pure) $(CMOCKA_LIBS)
test_rules_SOURCES = %D%/unit/test_rules.c
test_rules_LDADD = $(pure) $(CMOCKA_LIBS)
test_held_SOURCES = %D%/unit/test_held.c
test_held_LDADD = $(pure) $(CMOCKA_LIBS)
test_runtime_SOURCES = %D%/unit/test_runtime.c
test_runtime_LDADD = $(pure) $(CMOCKA_LIBS)
test_script_SOURCES = %D%/unit/test_script.c
test_script_LDADD = $(pure) $(CMOCKA_LIBS)
test_flow_SOURCES = %D%/unit/test_flow.c
test_flow_LDADD = $(pure) $(CMOCKA_LIBS)
test_uses_SOURCES = %D%/unit/test_uses.c
test_uses_LDADD = $(pure) $(CMOCKA_LIBS)
test_warn_SOURCES = %D%/unit/test_warn.c
test_warn_LDADD = $(pure) $(CMOCKA_LIBS)
test_filter_SOURCES = %D%/unit/test_filter.c
test_filter_LDADD = $(pure) $(CMOCKA_LIBS)
test_history_SOURCES = %D%/unit/test_history.c
test_history_LDADD = $(pure) $(CMOCKA_LIBS)
test_repeats_SOURCES = %D%/unit/test_repeats.c
test_repeats_LDADD = $(pure) $(CMOCKA_LIBS)
test_tally_SOURCES = %D%/unit/test_tally.c
test_tally_LDADD = $(pure) $(CMOCKA_LIBS)
test_lists_SOURCES = %D%/unit/test_lists.c
test_lists_LDADD = $(pure) $(CMOCKA_LIBS)
test_tls_peer_SOURCES = %D%/unit/test_tls_peer.c
test_tls_peer_LDADD = $(pure) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
test_list_adblock_SOURCES = %D%/unit/test_list_adblock.c
test_list_adblock_LDADD = $(pure) $(CMOCKA_LIBS)
test_list_server_SOURCES = %D%/unit/test_list_server.c
test_list_server_LDADD = $(pure) $(CMOCKA_LIBS)
test_patterns_SOURCES = %D%/unit/test_patterns.c
test_patterns_LDADD = $(pure) $(CMOCKA_LIBS)
test_list_rpz_SOURCES = %D%/unit/test_list_rpz.c
test_list_rpz_LDADD = $(pure) $(CMOCKA_LIBS)
test_list_parse_SOURCES = %D%/unit/test_list_parse.c
test_list_parse_LDADD = $(pure) $(CMOCKA_LIBS)
# three of the shell: parsers of netlink answers, and the reader of files
test_ctmsg_SOURCES = %D%/unit/test_ctmsg.c src/linux/ct_msg.c
test_ctmsg_CFLAGS = $(AM_CFLAGS)
test_ctmsg_LDADD = $(pure) $(NFQ_LIBS) $(CMOCKA_LIBS)
if HAVE_BPF
unit_tests += test_ktypes test_heard
endif
test_ktypes_SOURCES = %D%/unit/test_ktypes.c src/linux/ktypes.c src/linux/ktypes_pick.c
test_ktypes_CFLAGS = $(AM_CFLAGS) $(BPF_CFLAGS)
test_ktypes_LDADD = $(pure) $(BPF_LIBS) $(CMOCKA_LIBS)
test_heard_SOURCES = %D%/unit/test_heard.c src/linux/bpf_heard.c
test_heard_CFLAGS = $(AM_CFLAGS)
test_heard_LDADD = $(pure) $(CMOCKA_LIBS)
test_diagmsg_SOURCES = %D%/unit/test_diagmsg.c src/linux/diagmsg.c
test_diagmsg_CFLAGS = $(AM_CFLAGS)
test_diagmsg_LDADD = $(pure) $(NFQ_LIBS) $(CMOCKA_LIBS)
test_load_SOURCES = %D%/unit/test_load.c src/load.c \
	src/load_warn.c src/file.c src/world.c src/linux/own.c
test_load_CFLAGS = $(AM_CFLAGS)
test_load_LDADD = libdns.a $(pure) $(CMOCKA_LIBS)
test_state_SOURCES = %D%/unit/test_state.c src/file.c src/state.c
test_state_CFLAGS = $(AM_CFLAGS)
test_state_LDADD = $(pure) $(CMOCKA_LIBS)

# --- fuzz targets: with their corpus in `make check`, with libFuzzer where
# configured with CC=clang --enable-fuzzers ------------------------------------

fuzz_targets = fuzz_conf fuzz_ctlmsg fuzz_diagmsg fuzz_explain fuzz_nfq \
	fuzz_packet fuzz_procline fuzz_rules
fuzz_targets += fuzz_ctmsg
fuzz_targets += fuzz_ktypes
fuzz_targets += fuzz_names
fuzz_targets += fuzz_list fuzz_listfile
if FUZZERS
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_main = %D%/fuzz/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
endif
check_PROGRAMS += $(fuzz_targets)
EXTRA_DIST += %D%/fuzz/fuzz_faults.h

fuzz_conf_SOURCES = %D%/fuzz/fuzz_conf.c $(fuzz_main)
fuzz_conf_LDADD = $(pure)
fuzz_conf_LDFLAGS = $(fuzz_ldflags)
fuzz_ctlmsg_SOURCES = %D%/fuzz/fuzz_ctlmsg.c src/ctlmsg.c src/json.c \
	$(fuzz_main)
fuzz_ctlmsg_CFLAGS = $(AM_CFLAGS)
fuzz_ctlmsg_LDADD = $(pure) $(JANSSON_LIBS)
fuzz_ctlmsg_LDFLAGS = $(fuzz_ldflags)
fuzz_ctmsg_SOURCES = %D%/fuzz/fuzz_ctmsg.c src/linux/ct_msg.c \
	$(fuzz_main)
fuzz_ctmsg_CFLAGS = $(AM_CFLAGS)
fuzz_ctmsg_LDADD = $(pure) $(NFQ_LIBS)
fuzz_ctmsg_LDFLAGS = $(fuzz_ldflags)
fuzz_diagmsg_SOURCES = %D%/fuzz/fuzz_diagmsg.c src/linux/diagmsg.c \
	$(fuzz_main)
fuzz_diagmsg_CFLAGS = $(AM_CFLAGS)
fuzz_diagmsg_LDADD = $(pure) $(NFQ_LIBS)
fuzz_diagmsg_LDFLAGS = $(fuzz_ldflags)
fuzz_explain_SOURCES = %D%/fuzz/fuzz_explain.c $(fuzz_main)
fuzz_explain_LDADD = $(pure)
fuzz_explain_LDFLAGS = $(fuzz_ldflags)
fuzz_ktypes_SOURCES = %D%/fuzz/fuzz_ktypes.c src/linux/ktypes.c src/linux/ktypes_pick.c $(fuzz_main)
fuzz_ktypes_CFLAGS = $(AM_CFLAGS)
fuzz_ktypes_LDADD = $(pure)
fuzz_ktypes_LDFLAGS = $(fuzz_ldflags)
fuzz_names_SOURCES = %D%/fuzz/fuzz_names.c $(fuzz_main)
fuzz_names_LDADD = $(pure)
fuzz_names_LDFLAGS = $(fuzz_ldflags)
fuzz_list_SOURCES = %D%/fuzz/fuzz_list.c $(fuzz_main)
fuzz_list_LDADD = $(pure)
fuzz_list_LDFLAGS = $(fuzz_ldflags)
fuzz_listfile_SOURCES = %D%/fuzz/fuzz_listfile.c $(fuzz_main)
fuzz_listfile_LDADD = $(pure)
fuzz_listfile_LDFLAGS = $(fuzz_ldflags)
fuzz_nfq_SOURCES = %D%/fuzz/fuzz_nfq.c src/linux/nfq_msg.c $(fuzz_main)
fuzz_nfq_CFLAGS = $(AM_CFLAGS)
fuzz_nfq_LDADD = $(pure) $(NFQ_LIBS)
fuzz_nfq_LDFLAGS = $(fuzz_ldflags)
fuzz_packet_SOURCES = %D%/fuzz/fuzz_packet.c $(fuzz_main)
fuzz_packet_LDADD = $(pure)
fuzz_packet_LDFLAGS = $(fuzz_ldflags)
fuzz_procline_SOURCES = %D%/fuzz/fuzz_procline.c $(fuzz_main)
fuzz_procline_LDADD = $(pure)
fuzz_procline_LDFLAGS = $(fuzz_ldflags)
fuzz_rules_SOURCES = %D%/fuzz/fuzz_rules.c $(fuzz_main)
fuzz_rules_LDADD = $(pure)
fuzz_rules_LDFLAGS = $(fuzz_ldflags)

# --- port17

unit_tests += test_backoff test_begun test_codec test_fake_file test_file test_fakeip test_session test_share test_tunnel test_udpnat
fuzz_targets += fuzz_shake
test_backoff_SOURCES = %D%/unit/test_backoff.c
test_backoff_LDADD = libport17.a $(pure) $(CMOCKA_LIBS)
test_codec_SOURCES = %D%/unit/test_codec.c
test_codec_LDADD = libport17.a $(pure) $(CMOCKA_LIBS)
test_fake_file_SOURCES = %D%/unit/test_fake_file.c src/fake_file.c src/file.c
test_fake_file_CFLAGS = $(AM_CFLAGS)
test_fake_file_LDADD = $(pure) $(CMOCKA_LIBS)
test_file_SOURCES = %D%/unit/test_file.c src/file.c
test_file_LDADD = $(pure) $(CMOCKA_LIBS)
test_fakeip_SOURCES = %D%/unit/test_fakeip.c
test_fakeip_LDADD = $(pure) $(CMOCKA_LIBS)
test_share_SOURCES = %D%/unit/test_share.c
test_share_LDADD = libport17.a $(pure) $(CMOCKA_LIBS)
test_session_SOURCES = %D%/unit/test_session.c
test_session_LDADD = libport17.a $(pure) $(CMOCKA_LIBS)
test_begun_SOURCES = %D%/unit/test_begun.c
test_begun_LDADD = libport17.a $(pure) $(CMOCKA_LIBS)
test_udpnat_SOURCES = %D%/unit/test_udpnat.c
test_udpnat_LDADD = libport17.a $(pure) $(CMOCKA_LIBS)
test_tunnel_SOURCES = %D%/unit/test_tunnel.c
test_tunnel_LDADD = libport17.a $(pure) $(CMOCKA_LIBS)
fuzz_shake_SOURCES = %D%/fuzz/fuzz_shake.c $(fuzz_main)
fuzz_shake_LDADD = libport17.a $(pure)
fuzz_shake_LDFLAGS = $(fuzz_ldflags)

# --- namespace tests: their programs; tests/run runs the scripts ---------------

netns_programs = chainsctl sandboxctl queuectl attrtest probe connload short pose
netns_programs += turns relayed pair
check_PROGRAMS += $(netns_programs)

sandboxctl_SOURCES = %D%/netns/sandboxctl.c
sandboxctl_CFLAGS = $(AM_CFLAGS) -pthread
sandboxctl_LDADD = liblinux.a libbase.a $(SECCOMP_LIBS) -lpthread
chainsctl_SOURCES = %D%/netns/chainsctl.c
chainsctl_LDADD = liblinux.a libcore.a libbase.a $(IPTC_LIBS) $(NFQ_LIBS) \
	$(CAPNG_LIBS)
queuectl_SOURCES = %D%/netns/queuectl.c
queuectl_LDADD = liblinux.a libcore.a libbase.a $(NFQ_LIBS) $(BPF_LIBS)
attrtest_SOURCES = %D%/netns/attrtest.c %D%/netns/attrtest.h \
	%D%/netns/attrcrowd.c %D%/netns/attrdiag.c %D%/netns/attrkid.c \
	%D%/netns/attrlevel.c %D%/netns/attrlost.c %D%/netns/attrproc.c %D%/netns/attrwho.c
attrtest_LDADD = liblinux.a libcore.a libbase.a $(NFQ_LIBS) $(BPF_LIBS) -lpthread
# what a test starts hundreds of is not what is tested: it has no sanitizers,
# with which a process takes 100 ms to start and to end
plain_cflags = -std=gnu11 $(WARN_CFLAGS)
probe_CFLAGS = $(plain_cflags)
probe_LDFLAGS =
probe_SOURCES = %D%/netns/probe.c
short_CFLAGS = $(plain_cflags)
short_LDFLAGS =
short_LDADD = -lpthread
short_SOURCES = %D%/netns/short.c %D%/netns/uring.c %D%/netns/uring.h
pose_CFLAGS = $(plain_cflags)
pose_LDFLAGS =
pose_SOURCES = %D%/netns/pose.c
pair_CFLAGS = $(plain_cflags)
pair_LDFLAGS =
pair_SOURCES = %D%/netns/pair.c %D%/netns/pair.h
turns_SOURCES = %D%/netns/turns.c
turns_LDADD = libport17_ev.a libport17.a liblinux.a libcore.a libbase.a $(EVENT_LIBS) \
	$(OPENSSL_LIBS)
relayed_SOURCES = %D%/netns/relayed.c
relayed_LDADD = $(turns_LDADD)
connload_CFLAGS = $(plain_cflags)
connload_LDFLAGS =
connload_SOURCES = %D%/bench/connload.c

# --- scripts of `make check` ----------------------------------------------------

TESTS += %D%/lint/layers.sh %D%/lint/dist.sh %D%/fuzz/corpus.sh %D%/golden/run.sh
AM_TESTS_ENVIRONMENT = \
	srcdir='$(srcdir)'; BUILDDIR='$(abs_builddir)'; CC='$(CC)'; \
	REROUTED='$(abs_builddir)/rerouted'; FUZZ_TARGETS='$(fuzz_targets)'; \
	export srcdir BUILDDIR CC REROUTED FUZZ_TARGETS;

update-golden: rerouted
	REROUTED=$(abs_builddir)/rerouted $(srcdir)/tests/golden/run.sh --update
.PHONY: update-golden

# --- benchmarks: `make bench` builds them, tests/bench/*.sh run them -----------

bench_programs = nfqloop bench_policy bench_attr bench_crowd
bench_programs += bench_lists bench_resolve
if HAVE_BPF
bench_programs += bench_who
endif
bench_programs += relay
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)
relay_SOURCES = %D%/bench/relay.c
nfqloop_SOURCES = %D%/bench/nfqloop.c
nfqloop_LDADD = $(NFQ_LIBS)
bench_policy_SOURCES = %D%/bench/bench_policy.c
bench_policy_LDADD = $(pure)
bench_attr_SOURCES = %D%/bench/bench_attr.c
bench_attr_LDADD = liblinux.a libcore.a libbase.a $(NFQ_LIBS) $(BPF_LIBS)
bench_crowd_SOURCES = %D%/bench/bench_crowd.c
bench_crowd_LDADD = liblinux.a libcore.a libbase.a $(NFQ_LIBS) $(BPF_LIBS)
# what the daemon itself looks up with
bench_who_SOURCES = %D%/bench/bench_who.c src/attr.c src/attr_bygone.c \
	src/attr_process.c
bench_who_LDADD = liblinux.a libcore.a libbase.a $(NFQ_LIBS) $(BPF_LIBS)
bench_lists_SOURCES = %D%/bench/bench_lists.c
bench_lists_LDADD = liblinux.a $(pure)
bench_resolve_SOURCES = %D%/bench/bench_resolve.c
bench_resolve_LDADD = libdns.a liblinux.a $(pure)
bench: all
	@$(MAKE) $(AM_MAKEFLAGS) $(bench_programs) chainsctl connload
.PHONY: bench

# --- lint -----------------------------------------------------------------------

our_sources = cd $(srcdir) && find src dns port17 tests -name '*.[ch]' ! -path 'tests/lint/*' 2>/dev/null

format:
	$(our_sources) | xargs tests/lint/format.sh --fix
format-check lint-format:
	$(our_sources) | xargs tests/lint/format.sh
lint-layers:
	srcdir=$(srcdir) CC="$(CC)" sh $(srcdir)/tests/lint/layers.sh
	srcdir=$(srcdir) sh $(srcdir)/tests/lint/dist.sh
lint-cppcheck:
	cd $(srcdir) && cppcheck -q --std=c11 --language=c -I . \
	    --enable=warning,performance,portability --inline-suppr \
	    --include=tests/lint/cppcheck.h \
	    --suppressions-list=tests/lint/cppcheck.txt \
	    --error-exitcode=1 -j 2 -i src/linux/bpf -i src/core/regex.cc \
	    src dns port17 tests
lint-manuals:
	mandoc -T lint -W warning $(dist_man_MANS:%=$(srcdir)/%)
list-units:
	@echo $(unit_tests)
list-fuzz:
	@echo $(fuzz_targets)
# after `all`, not beside it: two makes would write the same objects
check-programs: all
	@$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS)
distcheck-quiet:
	$(MAKE) distcheck
.PHONY: format format-check lint-format lint-layers lint-cppcheck \
	lint-manuals list-units list-fuzz check-programs distcheck-quiet

# scripts, corpora and golden files: all that git has below tests
dist-hook:
	cd $(srcdir) && tar cf - tests | (cd $(abs_top_builddir)/$(distdir) && \
	    tar xf -)
