# Convenience libraries: what a library does not link, its code cannot call.
noinst_LIBRARIES += libbase.a libcore.a liblinux.a

libbase_a_SOURCES = \
	%D%/base/addr.c %D%/base/addr.h \
	%D%/base/arena.c %D%/base/arena.h \
	%D%/base/budget.h %D%/base/spare.h \
	%D%/base/escape.c %D%/base/escape.h \
	%D%/base/folder.c %D%/base/folder.h \
	%D%/base/grow.h \
	%D%/base/inodes.c %D%/base/inodes.h \
	%D%/base/line.h \
	%D%/base/list.h \
	%D%/base/log.c %D%/base/log.h \
	%D%/base/log_json.c %D%/base/log_json.h \
	%D%/base/map.c %D%/base/map.h \
	%D%/base/mono.h \
	%D%/base/name.c %D%/base/name.h \
	%D%/base/num.c %D%/base/num.h \
	%D%/base/rd.h \
	%D%/base/sip.h \
	%D%/base/standard.c %D%/base/standard.h \
	%D%/base/thread.c %D%/base/thread.h \
	%D%/base/tls_peer.c %D%/base/tls_peer.h \
	%D%/base/utf8.c %D%/base/utf8.h \
	%D%/base/zalloc.h

libcore_a_SOURCES = \
	%D%/core/accounts.c %D%/core/accounts.h \
	%D%/core/actor.h \
	%D%/core/ancestors.c %D%/core/ancestors.h \
	%D%/core/attr_sizes.c %D%/core/attr_sizes.h \
	%D%/core/compiler.h \
	%D%/core/conf.c %D%/core/conf.h \
	%D%/core/conf_check.c \
	%D%/core/conf_near.c %D%/core/conf_peers.c %D%/core/conf_value.c \
	%D%/core/decision.c %D%/core/decision.h \
	%D%/core/define.c \
	%D%/core/endpoint.c %D%/core/endpoint.h \
	%D%/core/explain.c %D%/core/explain.h \
	%D%/core/explain_answer.c \
	%D%/core/explain_own.h \
	%D%/core/explain_value.c \
	%D%/core/fakeip.c %D%/core/fakeip.h \
	%D%/core/cgroups.c %D%/core/cgroups.h \
	%D%/core/fault.c %D%/core/fault.h \
	%D%/core/filter.c %D%/core/filter.h \
	%D%/core/flow.c %D%/core/flow.h %D%/core/flow_shown.c \
	%D%/core/glob.c %D%/core/glob.h \
	%D%/core/history.c %D%/core/history.h \
	%D%/core/hits.c %D%/core/hits.h \
	%D%/core/judge.c %D%/core/judge.h \
	%D%/core/judge_capture.c \
	%D%/core/judge_fake.c \
	%D%/core/judge_host.c \
	%D%/core/judge_own.h \
	%D%/core/judge_reroute.c \
	%D%/core/judge_review.c \
	%D%/core/judge_same.c \
	%D%/core/judge_who.c \
	%D%/core/learn.c %D%/core/learn.h %D%/core/learn_own.h \
	%D%/core/learn_print.c \
	%D%/core/learn_twice.c \
	%D%/core/idmap.c %D%/core/idmap.h \
	%D%/core/user_budget.c %D%/core/user_budget.h \
	%D%/core/lex.c %D%/core/lex.h \
	%D%/core/lineage.c %D%/core/lineage.h \
	%D%/core/mark.h \
	%D%/core/names.c %D%/core/names.h \
	%D%/core/names_own.h \
	%D%/core/names_crowd.c \
	%D%/core/names_hosts.c \
	%D%/core/names_learn.c \
	%D%/core/names_text.c \
	%D%/core/netline.c %D%/core/netline.h \
	%D%/core/owners.c %D%/core/owners.h \
	%D%/core/packet.c %D%/core/packet.h \
	%D%/core/parser.h \
	%D%/core/policy.c %D%/core/policy.h \
	%D%/core/policy_account.c \
	%D%/core/policy_addr.c \
	%D%/core/policy_compile.c \
	%D%/core/policy_index.c %D%/core/policy_index.h \
	%D%/core/policy_key.c %D%/core/policy_key.h \
	%D%/core/policy_name.c \
	%D%/core/policy_own.h \
	%D%/core/policy_path.c \
	%D%/core/policy_set.c %D%/core/policy_set.h %D%/core/policy_has.c \
	%D%/core/policy_shadow.c %D%/core/policy_shadow.h \
	%D%/core/policy_text.c \
	%D%/core/policy_warn.c %D%/core/policy_warn.h \
	%D%/core/policy_warn_own.h %D%/core/policy_warn_value.c \
	%D%/core/policy_warn_cut.c \
	%D%/core/policy_warn_way.c %D%/core/policy_warn_default.c \
	%D%/core/policy_within.c %D%/core/policy_within.h \
	%D%/core/print.c \
	%D%/core/process.c %D%/core/process.h \
	%D%/core/procline.c %D%/core/procline.h \
	%D%/core/qtype.c %D%/core/qtype.h \
	%D%/core/rule.c %D%/core/rule.h \
	%D%/core/rule_values.c \
	%D%/core/rule_word.c %D%/core/rule_word.h \
	%D%/core/rules.c %D%/core/rules.h \
	%D%/core/runtime.c %D%/core/runtime.h \
	%D%/core/schema.c %D%/core/schema.h \
	%D%/core/schema_check.c %D%/core/schema_check.h \
	%D%/core/schema_hint.c %D%/core/schema_hint.h \
	%D%/core/script.c %D%/core/script.h \
	%D%/core/socket.c %D%/core/socket.h \
	%D%/core/stats.c %D%/core/stats.h \
	%D%/core/subject.h \
	%D%/core/repeats.c %D%/core/repeats.h \
	%D%/core/tally.c %D%/core/tally.h \
	%D%/core/text.c %D%/core/text.h \
	%D%/core/upward.c %D%/core/upward.h \
	%D%/core/uses.c %D%/core/uses.h \
	%D%/core/value.c %D%/core/value.h

# compiled lists, and the files they are made of
libcore_a_SOURCES += \
	%D%/core/addrset.c %D%/core/addrset.h \
	%D%/core/addrset_build.c \
	%D%/core/hostset.c %D%/core/hostset.h \
	%D%/core/hostset_build.c %D%/core/hostset_build.h \
	%D%/core/list_build.c %D%/core/list_build.h \
	%D%/core/list_adblock.c \
	%D%/core/list_entry.c \
	%D%/core/list_image.c %D%/core/list_image.h \
	%D%/core/list_line.c %D%/core/list_line.h \
	%D%/core/list_parse.c %D%/core/list_parse.h \
	%D%/core/list_plain.c \
	%D%/core/list_rewrite.c \
	%D%/core/list_rpz.c \
	%D%/core/list_server.c \
	%D%/core/list_table.c %D%/core/list_table.h \
	%D%/core/lists.c %D%/core/lists.h \
	%D%/core/lists_own.h \
	%D%/core/pattern.c %D%/core/pattern.h \
	%D%/core/patterns.c %D%/core/patterns.h \
	%D%/core/punycode.c %D%/core/punycode.h \
	%D%/core/regex.c %D%/core/regex.h \
	%D%/core/regex_class.c %D%/core/regex_class.h \
	%D%/core/zonefile.c %D%/core/zonefile.h \
	%D%/core/zonefile_generate.c \
	%D%/core/zonefile_rdata.c

liblinux_a_SOURCES = \
	%D%/linux/bpf.c %D%/linux/bpf.h \
	%D%/linux/bpf/births.h \
	%D%/linux/bpf/device.h %D%/linux/bpf/groups.h \
	%D%/linux/bpf/closed.h %D%/linux/bpf/heard.h \
	%D%/linux/bpf/kernel.h %D%/linux/bpf/owner.h \
	%D%/linux/bpf/record.h \
	%D%/linux/bpf/seal.h \
	%D%/linux/bpf/seed.h %D%/linux/bpf/task.h \
	%D%/linux/bpf_event.c %D%/linux/bpf_event.h \
	%D%/linux/bpf_heard.c %D%/linux/bpf_heard.h \
	%D%/linux/bpf_hook.c %D%/linux/bpf_hook.h \
	%D%/linux/bpf_links.c %D%/linux/bpf_links.h \
	%D%/linux/bpf_load.c %D%/linux/bpf_load.h \
	%D%/linux/bpf_none.c \
	%D%/linux/bpf_ring.c %D%/linux/bpf_ring.h \
	%D%/linux/bpf_said.c %D%/linux/bpf_said.h \
	%D%/linux/bpf_seed.c %D%/linux/bpf_seed.h \
	%D%/linux/caps.c %D%/linux/caps.h \
	%D%/linux/chains.c %D%/linux/chains.h \
	%D%/linux/chains_content.c %D%/linux/chains_content.h \
	%D%/linux/chains_entry.c %D%/linux/chains_entry.h \
	%D%/linux/chains_extension.c %D%/linux/chains_extension.h \
	%D%/linux/chains_format.c \
	%D%/linux/chains_found.c \
	%D%/linux/chains_libiptc.c \
	%D%/linux/chains_ops.h \
	%D%/linux/chains_probe.c %D%/linux/chains_probe.h \
	%D%/linux/chains_restore.c \
	%D%/linux/chains_rule.c %D%/linux/chains_rule.h \
	%D%/linux/chains_view.c \
	%D%/linux/chains_watch.c %D%/linux/chains_watch.h \
	%D%/linux/cmdline.c %D%/linux/cmdline.h \
	%D%/linux/ct.c %D%/linux/ct.h \
	%D%/linux/ct_acct.c %D%/linux/ct_acct.h \
	%D%/linux/ct_msg.c %D%/linux/ct_msg.h \
	%D%/linux/diag.c %D%/linux/diag.h \
	%D%/linux/diagmsg.c %D%/linux/diagmsg.h \
	%D%/linux/icmp.c %D%/linux/icmp.h \
	%D%/linux/ending.c %D%/linux/ending.h \
	%D%/linux/entry_end.c %D%/linux/entry_end.h \
	%D%/linux/file_id.c %D%/linux/file_id.h \
	%D%/linux/places.c %D%/linux/places.h \
	%D%/linux/holders.c %D%/linux/holders.h \
	%D%/linux/ktypes.c %D%/linux/ktypes.h \
	%D%/linux/ktypes_own.h %D%/linux/ktypes_pick.c \
	%D%/linux/netns.c %D%/linux/netns.h \
	%D%/linux/machine.c %D%/linux/machine.h \
	%D%/linux/nfq.c %D%/linux/nfq.h \
	%D%/linux/nfq_msg.c %D%/linux/nfq_msg.h \
	%D%/linux/nft.c %D%/linux/nft.h %D%/linux/nft_own.h \
	%D%/linux/netdev.c %D%/linux/netdev.h \
	%D%/linux/nft_pass.c %D%/linux/nft_pass.h \
	%D%/linux/nla.h \
	%D%/linux/own.c %D%/linux/own.h \
	%D%/linux/pages.c %D%/linux/pages.h \
	%D%/linux/procdir.c %D%/linux/procdir.h \
	%D%/linux/procfs.c %D%/linux/procfs.h %D%/linux/procfs_own.h \
	%D%/linux/proclook.c \
	%D%/linux/procnet.c %D%/linux/procnet.h \
	%D%/linux/procread.c %D%/linux/procread.h \
	%D%/linux/procread_bygone.c %D%/linux/procread_bygone.h \
	%D%/linux/procscan.c %D%/linux/procscan.h \
	%D%/linux/procthread.c \
	%D%/linux/procnews.c %D%/linux/procsweep.c %D%/linux/procwalk.c \
	%D%/linux/route.c %D%/linux/route.h \
	%D%/linux/sandbox.c %D%/linux/sandbox.h \
	%D%/linux/spawn.c %D%/linux/spawn.h \
	%D%/linux/users.c %D%/linux/users.h \
	%D%/linux/xtable.c %D%/linux/xtable.h \
	%D%/linux/xtlock.c %D%/linux/xtlock.h \
	%D%/linux/xtstate.c

# What the kernel runs: its object is bytes in bpf_load.c.
EXTRA_DIST += %D%/linux/bpf/attr.bpf.c
CLEANFILES += %D%/linux/bpf/attr.bpf.o %D%/linux/bpf/attr.bpf.h
if HAVE_BPF
bpf_headers = $(srcdir)/src/linux/bpf/record.h \
	$(srcdir)/src/linux/bpf/heard.h \
	$(srcdir)/src/linux/bpf/births.h $(srcdir)/src/linux/bpf/owner.h \
	$(srcdir)/src/linux/bpf/groups.h $(srcdir)/src/linux/bpf/device.h \
	$(srcdir)/src/linux/bpf/kernel.h $(srcdir)/src/linux/bpf/task.h \
	$(srcdir)/src/linux/bpf/closed.h $(srcdir)/src/linux/bpf/seal.h \
	$(srcdir)/src/linux/bpf/seed.h \
	$(srcdir)/src/core/mark.h
bpf_compile = $(CLANG) -std=gnu11 $(BPF_CPPFLAGS) $(BPF_CFLAGS) \
	-I$(top_srcdir) -g -O2 -Wall -target bpf
bpf_bytes = od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'

%D%/linux/bpf/attr.bpf.o: $(srcdir)/src/linux/bpf/attr.bpf.c $(bpf_headers)
	@$(MKDIR_P) %D%/linux/bpf
	$(AM_V_GEN)$(bpf_compile) -c $(srcdir)/src/linux/bpf/attr.bpf.c -o $@
%D%/linux/bpf/attr.bpf.h: %D%/linux/bpf/attr.bpf.o
	$(AM_V_GEN)$(bpf_bytes) >$@
%D%/linux/bpf_load.$(OBJEXT): %D%/linux/bpf/attr.bpf.h
endif

sbin_PROGRAMS += rerouted
rerouted_SOURCES = \
	%D%/accounts_ev.c %D%/accounts_ev.h \
	%D%/attr.c %D%/attr.h %D%/attr_own.h \
	%D%/attr_bygone.c %D%/attr_bygone.h \
	%D%/attr_process.c \
	%D%/bytes_ev.c %D%/bytes_ev.h \
	%D%/ctl.c %D%/ctl.h \
	%D%/ctl_dns.c %D%/ctl_dns.h \
	%D%/closing_ev.c %D%/closing_ev.h \
	%D%/ctl_client_ev.c %D%/ctl_client_ev.h \
	%D%/ctl_ev.c %D%/ctl_ev.h \
	%D%/ctl_explain.c %D%/ctl_explain.h \
	%D%/ctl_fw.c %D%/ctl_fw.h \
	%D%/ctl_list.c %D%/ctl_list.h \
	%D%/ctl_problems.c %D%/ctl_problems.h \
	%D%/ctl_rules.c %D%/ctl_rules.h \
	%D%/ctl_show.c %D%/ctl_show.h \
	%D%/ctl_watch.c %D%/ctl_watch.h \
	%D%/ctl_sock.c %D%/ctl_sock.h \
	%D%/ctl_status.c %D%/ctl_status.h \
	%D%/ctl_tunnel.c %D%/ctl_tunnel.h \
	%D%/ctl_watcher_ev.c %D%/ctl_watcher_ev.h \
	%D%/ctlmsg.c %D%/ctlmsg.h \
	%D%/deadline_ev.c %D%/deadline_ev.h \
	%D%/dump_ev.c %D%/dump_ev.h \
	%D%/far_dns_ev.c %D%/far_dns_ev.h \
	%D%/file.c %D%/file.h \
	%D%/fake_file.c %D%/fake_file.h \
	%D%/flow_log.c %D%/flow_log.h \
	%D%/fw_ev.c %D%/fw_ev.h \
	%D%/guard_ev.c %D%/guard_ev.h \
	%D%/hosts_ev.c %D%/hosts_ev.h \
	%D%/json.c %D%/json.h \
	%D%/json_query.c %D%/json_query.h \
	%D%/judge_ev.c %D%/judge_ev.h \
	%D%/judge_own.h %D%/judge_read.c %D%/judge_refused.c %D%/judge_sender.c \
	%D%/judge_others.c %D%/judge_handed.c \
	%D%/keeper.c %D%/keeper.h \
	%D%/links_ev.c %D%/links_ev.h \
	%D%/load.c %D%/load.h \
	%D%/load_warn.c %D%/load_warn.h \
	%D%/made.c %D%/made.h \
	%D%/main.c \
	%D%/modes.c %D%/modes.h \
	%D%/names_ev.c %D%/names_ev.h \
	%D%/netns_ev.c %D%/netns_ev.h \
	%D%/notify.c %D%/notify.h \
	%D%/origin.c %D%/origin.h \
	%D%/policy_ends_ev.c %D%/policy_ends_ev.h \
	%D%/policy_ev.c %D%/policy_ev.h \
	%D%/policy_job.c %D%/policy_job.h \
	%D%/policy_texts.c %D%/policy_texts.h \
	%D%/port17_changed_ev.c \
	%D%/port17_claim.c \
	%D%/port17_ev.c %D%/port17_ev.h \
	%D%/port17_fake.c \
	%D%/port17_listen.c \
	%D%/port17_loop.c \
	%D%/port17_names_ev.c \
	%D%/port17_own.h \
	%D%/port17_past.c %D%/port17_past.h \
	%D%/port17_route.c \
	%D%/port17_told.c %D%/port17_trust_ev.c \
	%D%/privileges_ev.c %D%/privileges_ev.h \
	%D%/query_log.c %D%/query_log.h \
	%D%/rerouted.c %D%/rerouted.h %D%/rerouted_own.h \
	%D%/rerouted_names.c \
	%D%/rerouted_parts.c \
	%D%/rerouted_rules.c \
	%D%/resolver_addrs.c \
	%D%/resolver_asks.c \
	%D%/resolver_conf.c %D%/resolver_conf.h \
	%D%/resolver_ev.c %D%/resolver_ev.h \
	%D%/resolver_listen.c \
	%D%/resolver_ops_ev.c %D%/resolver_own.h \
	%D%/review_ev.c %D%/review_ev.h \
	%D%/trail.c %D%/trail.h \
	%D%/tunnel_test_ev.c %D%/tunnel_test_ev.h \
	%D%/source.c %D%/source.h \
	%D%/settings_warn.c %D%/settings_warn.h \
	%D%/sight_ev.c %D%/sight_ev.h \
	%D%/state.c %D%/state.h \
	%D%/sysconf_ev.c %D%/sysconf_ev.h \
	%D%/sysfiles.c %D%/sysfiles.h \
	%D%/taker.c %D%/taker.h \
	%D%/upstreams_ev.c %D%/upstreams_ev.h \
	%D%/waiting.c %D%/waiting.h \
	%D%/watch_ev.c %D%/watch_ev.h \
	%D%/watch_look_ev.c %D%/watch_look_ev.h \
	%D%/work_ev.c %D%/work_ev.h \
	%D%/world.c %D%/world.h \
	%D%/world_ev.c %D%/world_ev.h
rerouted_CFLAGS = $(AM_CFLAGS) -pthread
rerouted_LDADD = libport17_ev.a libport17.a libdnstls.a libdns.a liblinux.a libcore.a libbase.a $(EVENT_LIBS) $(NFQ_LIBS) \
	$(IPTC_LIBS) $(JANSSON_LIBS) $(INIH_LIBS) $(CAPNG_LIBS) $(SECCOMP_LIBS) \
	$(OPENSSL_LIBS) $(BPF_LIBS) \
	$(LDNS_LIBS) $(CARES_LIBS) -lpthread

bin_PROGRAMS += reroutectl
reroutectl_SOURCES = \
	%D%/ctl/client.c %D%/ctl/client.h \
	%D%/ctl/command.c %D%/ctl/command.h \
	%D%/ctl/commands.c \
	%D%/ctl/completion.c \
	%D%/ctl/completion_rule.c %D%/ctl/completion_rule.h \
	%D%/ctl/explain.c \
	%D%/ctl/decided.c %D%/ctl/decided.h \
	%D%/ctl/filter.c %D%/ctl/filter.h \
	%D%/ctl/firewall.c \
	%D%/ctl/flows.c \
	%D%/ctl/learn.c \
	%D%/ctl/main.c \
	%D%/ctl/processes.c \
	%D%/ctl/queries.c %D%/ctl/queries.h \
	%D%/ctl/show.c %D%/ctl/show.h \
	%D%/ctl/rule_words.c %D%/ctl/rule_words.h \
	%D%/ctl/rules.c \
	%D%/ctl/rules_list.c %D%/ctl/rules_list.h \
	%D%/ctl/status.c \
	%D%/ctl/tunnels.c \
	%D%/ctl/table.c %D%/ctl/table.h \
	%D%/ctl/top.c %D%/ctl/top.h \
	%D%/ctl/top_rows.c %D%/ctl/top_rows.h
if HAVE_NCURSES
reroutectl_SOURCES += %D%/ctl/top_screen.c
endif
# lists of the settings
rerouted_SOURCES += %D%/list_ev.c %D%/list_ev.h \
	%D%/list_file.c %D%/list_file.h \
	%D%/list_find.c \
	%D%/list_include.c %D%/list_include.h \
	%D%/list_job.c %D%/list_job.h \
	%D%/list_report.c %D%/list_report.h
reroutectl_SOURCES += %D%/ctl/lists.c
reroutectl_CFLAGS = $(AM_CFLAGS) $(NCURSES_CFLAGS)
reroutectl_LDADD = libcore.a libbase.a $(JANSSON_LIBS) $(NCURSES_LIBS)
