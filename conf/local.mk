unit_in = %D%/rerouted.service.in %D%/rerouted-recover.service.in
EXTRA_DIST += $(unit_in) %D%/rerouted.sysusers %D%/rerouted.conf \
	%D%/rules.d/10-example.rules

dist_man_MANS += %D%/rerouted.8 %D%/reroutectl.1 %D%/rerouted.conf.5 \
	%D%/rerouted.rules.5

# lists that come with the program, in use only where the settings name them
listsdir = $(pkgdatadir)/lists
dist_lists_DATA = %D%/lists/doh.txt

nodist_systemdsystemunit_DATA = rerouted.service rerouted-recover.service \
	rerouted-stopped.service
CLEANFILES += $(nodist_systemdsystemunit_DATA)

rerouted.service: %D%/rerouted.service.in Makefile
	$(AM_V_GEN)sed 's|@sbindir[@]|$(sbindir)|g' \
	    $(srcdir)/%D%/rerouted.service.in >$@.tmp && mv $@.tmp $@

rerouted-recover.service: %D%/rerouted-recover.service.in Makefile
	$(AM_V_GEN)sed 's|@sbindir[@]|$(sbindir)|g' \
	    $(srcdir)/%D%/rerouted-recover.service.in >$@.tmp && mv $@.tmp $@

rerouted-stopped.service: rerouted-recover.service
	$(AM_V_GEN)cp rerouted-recover.service $@

sysusersdir = $(prefix)/lib/sysusers.d
install-data-local:
	$(MKDIR_P) $(DESTDIR)$(sysusersdir)
	$(INSTALL_DATA) $(srcdir)/%D%/rerouted.sysusers \
	    $(DESTDIR)$(sysusersdir)/rerouted.conf
	$(MKDIR_P) $(DESTDIR)$(sysconfdir)/rerouted/rules.d \
	    $(DESTDIR)$(sysconfdir)/rerouted/rerouted.conf.d \
	    $(DESTDIR)$(sysconfdir)/rerouted/lists
	test -e $(DESTDIR)$(sysconfdir)/rerouted/rerouted.conf || \
	    $(INSTALL_DATA) $(srcdir)/%D%/rerouted.conf \
	    $(DESTDIR)$(sysconfdir)/rerouted/rerouted.conf
	test -e $(DESTDIR)$(sysconfdir)/rerouted/rules.d/10-example.rules || \
	    $(INSTALL_DATA) $(srcdir)/%D%/rules.d/10-example.rules \
	    $(DESTDIR)$(sysconfdir)/rerouted/rules.d/10-example.rules

# The settings and rules are the user's: an uninstall leaves them where they
# differ from what was installed.
uninstall-local:
	rm -f $(DESTDIR)$(sysusersdir)/rerouted.conf
	cmp -s $(srcdir)/%D%/rerouted.conf \
	    $(DESTDIR)$(sysconfdir)/rerouted/rerouted.conf && \
	    rm -f $(DESTDIR)$(sysconfdir)/rerouted/rerouted.conf || :
	cmp -s $(srcdir)/%D%/rules.d/10-example.rules \
	    $(DESTDIR)$(sysconfdir)/rerouted/rules.d/10-example.rules && \
	    rm -f $(DESTDIR)$(sysconfdir)/rerouted/rules.d/10-example.rules || :

# And the folders of ours that nothing is left in.
uninstall-hook:
	rmdir $(DESTDIR)$(listsdir) $(DESTDIR)$(pkgdatadir) \
	    $(DESTDIR)$(sysconfdir)/rerouted/rules.d \
	    $(DESTDIR)$(sysconfdir)/rerouted/rerouted.conf.d \
	    $(DESTDIR)$(sysconfdir)/rerouted/lists \
	    $(DESTDIR)$(sysconfdir)/rerouted 2>/dev/null || :

# What shells complete comes from reroutectl's own table of commands.
bashcompletiondir = $(datadir)/bash-completion/completions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
if COMPLETIONS
nodist_bashcompletion_DATA = completions/reroutectl
nodist_zshcompletion_DATA = completions/_reroutectl
nodist_fishcompletion_DATA = completions/reroutectl.fish
CLEANFILES += $(nodist_bashcompletion_DATA) $(nodist_zshcompletion_DATA) \
	$(nodist_fishcompletion_DATA)
endif

completion = $(AM_V_GEN)$(MKDIR_P) completions && \
	./reroutectl$(EXEEXT) completion
completions/reroutectl: reroutectl$(EXEEXT)
	$(completion) bash >$@.tmp && mv $@.tmp $@
completions/_reroutectl: reroutectl$(EXEEXT)
	$(completion) zsh >$@.tmp && mv $@.tmp $@
completions/reroutectl.fish: reroutectl$(EXEEXT)
	$(completion) fish >$@.tmp && mv $@.tmp $@
