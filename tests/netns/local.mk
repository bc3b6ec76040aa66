# Programs and scripts of the namespace tests; they skip (77) where namespaces
# can't be made.
check_PROGRAMS += chainsctl queuectl

chainsctl_SOURCES = %D%/chainsctl.c
chainsctl_LDADD = liblinux.a libcore.a libbase.a $(IPTC_LIBS)

queuectl_SOURCES = %D%/queuectl.c
queuectl_LDADD = liblinux.a libcore.a libbase.a $(NFQ_LIBS)

NETNS_TESTS = \
	%D%/20-chains.sh \
	%D%/21-chains-errors.sh \
	%D%/22-queues.sh \
	%D%/23-conntrack.sh

EXTRA_DIST += %D%/lib.sh $(NETNS_TESTS)
